"""One detector, judged: what the parts of the ranking hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pynomaly_auto.records import Candidate, Reason, Step


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One detector after the rules and before the order.

    Args:
        family: As its spec says.
        alike: As its spec says.
        further: What of it is to be tried after its first trial: views in which the learned fusion knows it, and
            parameters that did well on similar tables.
    """

    candidate: Candidate
    family: str
    alike: str | None = None
    further: tuple[Step, ...] = ()
    vetoed: bool = False
    impossible: bool = False


def changed(judged: Judged, reasons: tuple[Reason, ...], **changes: object) -> Judged:
    """With further reasons in front, and some of the candidate's values replaced."""
    candidate = replace(judged.candidate, reasons=(*reasons, *judged.candidate.reasons), **changes)  # type: ignore[arg-type]
    return replace(judged, candidate=candidate)
