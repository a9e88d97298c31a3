"""Who counts whatever the ranking and the knowledge base say, and how much: a least share of the ensemble's score.

The learned fusion and its base margin give no weight to what they have not learned, so without a share a forced
detector or one of the user's own would be fitted and change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pynomaly_auto.records import Reason, Scalar
from pynomaly_auto.regimes import CONTAMINATED
from pynomaly_auto.settings import Overrides

# Judged, not measured: a fifth moves ranks visibly and leaves the others in charge; a tenth lets an unknown detector
# be seen without much harm where it is a bad one.
FORCED, ALL_FORCED = 0.2, 0.6
OWN, ALL_OWN = 0.1, 0.3


def foreign(name: str, known: Iterable[str]) -> bool:
    """Whether nothing is held of a detector beforehand: it is a third party's, and no knowledge base learned it."""
    return name not in CONTAMINATED.strength and name not in known


def least_shares(names: Sequence[str], overrides: Overrides, known: Iterable[str]) -> dict[str, float]:
    """Detector to its least share of the ensemble's score: the forced ones first.

    Args:
        names: Those to be tried.
        overrides: What the user forces, and whose parameters they have fixed.
        known: Detectors that the learned fusion knows.
    """
    fused = frozenset(known)
    forced = [name for name in overrides.force if name in names]
    own = [n for n in names if n not in forced and (n in overrides.params or foreign(n, fused))]
    shares = {name: min(FORCED, ALL_FORCED / len(forced)) for name in forced}
    return shares | {name: min(OWN, ALL_OWN / len(own)) for name in own}


def shares_reasons(shares: Mapping[str, float], forced: Sequence[str]) -> tuple[Reason, ...]:
    """The shares in words: one reason for the forced ones, one for the others."""
    reasons = []
    for code, names, why in (
        ("REC-007", [n for n in shares if n in forced], "as they are forced"),
        ("REC-008", [n for n in shares if n not in forced], "as nothing is known of them, or of them as set by hand"),
    ):
        if names:
            share = shares[names[0]]
            text = f"at least {share:.0%} of the ensemble's score each, {why}: {', '.join(names)}"
            evidence: dict[str, Scalar] = {"share": share, "detectors": ", ".join(names)}
            reasons.append(Reason(code=code, subject="shares", text=text, evidence=evidence))
    return tuple(reasons)
