"""In which order members are tried: whatever is expected to add the most for its time comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.models import Gains
from pynomaly_auto.recommending._judged import Judged
from pynomaly_auto.records import Configuration, Reason, Scalar
from pynomaly_auto.regimes import CONTAMINATED

_OVERHEAD = 0.2  # seconds added to each: between two that cost next to nothing, the gain decides
_GREEDY = 24  # members placed one by one; those after them by what they add to these
_NAMED = 6  # members that the reason names


def in_learned_order(
    base: KnowledgeBase | None,
    chosen: Sequence[Judged],
    shape: tuple[int, int],
    *,
    forced: Sequence[str] = (),
    asked: Sequence[str] = (),
) -> tuple[tuple[Configuration, ...], tuple[Reason, ...]]:
    """Order the members that the learned fusion knows.

    Those that the fusion starts from come first, the cheapest before the others, as their mean alone is hard to beat;
    then, one by one, the member with the highest predicted gain per expected second.

    Args:
        base: The knowledge base, or None.
        chosen: The candidates to be tried.
        shape: Rows and features of the table.
        forced: Detectors that come before all others.
        asked: Detectors that come after those that the fusion starts from: whatever is known of them, they have a least
            share.

    Returns:
        What to try, and why they come in that order; both empty where the base has not learned it.
    """
    gains, fusion = (None, None) if base is None else (base.gains, base.fusion)
    if gains is None or fusion is None:
        return (), ()
    members = {c.fusion_name or "": c for c in _members(chosen)}
    known = [name for name in members if name in gains.peers.names]
    seconds = {name: DETECTORS[c.detector].seconds(*shape, c.params) for name, c in members.items() if name in known}
    core = fusion.core(known)
    order = sorted(core, key=lambda name: seconds[name])
    expected = _by_gain(gains, order, {n: s for n, s in seconds.items() if n not in order}, shape)
    order += expected
    if not order:
        return (), ()
    text = (
        f"members are tried in the order of what they are expected to add for their time: {', '.join(order[:_NAMED])}"
        + (", ..." if len(order) > _NAMED else "")
    )
    evidence: dict[str, Scalar] = {"members": len(order), "margin_members": len(core)}
    evidence |= {f"gain of {name}": round(gain, 5) for name, gain in expected.items()}
    first = tuple(j.candidate.configuration for j in chosen if j.candidate.detector in forced)
    shared = tuple(j.candidate.configuration for j in chosen if j.candidate.detector in asked)
    starts, others = order[: len(core)], order[len(core) :]
    wanted = (*first, *(members[n] for n in starts), *shared, *(members[n] for n in others))
    return tuple(dict.fromkeys(wanted)), (Reason(code="REC-005", subject="order", text=text, evidence=evidence),)


def _members(chosen: Iterable[Judged]) -> Iterable[Configuration]:
    for judged in chosen:
        if not judged.candidate.params:  # set by hand: another member than the one that is known
            yield judged.candidate.configuration
            yield from (step.configuration for step in judged.further if step.role == "view")


def _by_gain(
    gains: Gains, before: Sequence[str], seconds: dict[str, float], shape: tuple[int, int]
) -> dict[str, float]:
    """The others, the most gain per second first, with the gain in ROC-AUC expected of each after those before it."""
    facts = {"rows": float(np.log(max(shape[0], 1))), "features": float(np.log(max(shape[1], 1)))}
    left, order = dict(seconds), list(before)
    expected: dict[str, float] = {}
    while left:
        found = gains.predict(order, list(left), facts)
        # What loses is not made better by being quick.
        worth = {n: g / (left[n] + _OVERHEAD) if g > 0 else g for n, g in found.items()}
        ranked = sorted(worth, key=lambda n: (-worth[n], -CONTAMINATED.strength.get(n, 0.0), n))
        placed = ranked[:1] if len(order) - len(before) < _GREEDY else ranked
        order += placed
        for name in placed:
            expected[name] = found[name]
            del left[name]
    return expected
