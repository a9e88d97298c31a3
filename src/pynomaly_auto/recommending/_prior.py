"""What is held of detectors before a table is seen: strength with default parameters, in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping

from pynomaly_auto.knowledge import KnowledgeBase

_DOCUMENTED = 20  # tables of one's own that weigh as much as the documented grade
UNKNOWN = 0.5  # a third party's detector: neither favoured nor held back


def strengths(names: list[str], base: KnowledgeBase | None, documented: Mapping[str, float]) -> dict[str, float]:
    """Strength of each detector in [0, 1]: from the knowledge base's overall means where it knows it, else documented.

    Means of a base are laid onto the scale of the documented grades by their range, so that both can stand side by
    side in one ranking.
    """
    facts = {} if base is None else {n: base.manifest.detectors[n].mean for n in names if n in base.manifest.detectors}
    out = {name: documented.get(name, UNKNOWN) for name in names}
    if len(facts) >= 3:
        low, high = min(facts.values()), max(facts.values())
        for name, mean in facts.items():
            seen = base.manifest.detectors[name].tasks if base is not None else 0
            own = 0.3 + 0.6 * (mean - low) / max(high - low, 1e-9)
            # A mean over a dozen tables says less than the literature does over hundreds.
            out[name] += (own - out[name]) * seen / (seen + _DOCUMENTED)
    return out
