"""One detector, judged: what the parts of the ranking hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pynomaly_auto.records import Candidate, Reason


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One detector after the rules and before the order.

    Args:
        family: As its spec says.
        alike: As its spec says.
    """

    candidate: Candidate
    family: str
    alike: str | None = None
    vetoed: bool = False
    impossible: bool = False


def changed(judged: Judged, reasons: tuple[Reason, ...], **changes: object) -> Judged:
    """With further reasons in front, and some of the candidate's values replaced."""
    candidate = replace(judged.candidate, reasons=(*reasons, *judged.candidate.reasons), **changes)  # type: ignore[arg-type]
    return replace(judged, candidate=candidate)
