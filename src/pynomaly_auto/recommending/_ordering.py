"""In which order members are tried: whatever is expected to add the most for its time comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pynomaly_auto.detectors import DETECTORS, VIEW
from pynomaly_auto.knowledge import Gains, KnowledgeBase
from pynomaly_auto.records import Candidate, Params, Reason, Scalar
from pynomaly_auto.regimes import CONTAMINATED

_OVERHEAD = 0.2  # seconds added to each: between two that cost next to nothing, the gain decides
_GREEDY = 24  # members placed one by one; those after them by what they add to these
_NAMED = 6
Member = tuple[str, Params]


def in_learned_order(
    base: KnowledgeBase | None,
    chosen: Sequence[Candidate],
    shape: tuple[int, int],
    *,
    forced: Sequence[str] = (),
    asked: Sequence[str] = (),
) -> tuple[tuple[Member, ...], tuple[Reason, ...]]:
    """Order the members that the learned fusion knows.

    Those that the fusion starts from come first, the cheapest before the others, as their mean alone is hard to beat;
    then, one by one, the member with the highest predicted gain per expected second.

    Args:
        base: The knowledge base, or None.
        chosen: The candidates to be tried.
        shape: Rows and features of the table.
        forced: Detectors that come before all others.
        asked: Detectors that come after those that the fusion starts from: whatever is known of them, they are heard.

    Returns:
        Detectors with parameters, and why they come in that order; both empty where the base has not learned it.
    """
    gains, fusion = (None, None) if base is None else (base.gains, base.fusion)
    if gains is None or fusion is None:
        return (), ()
    members = dict(_members(chosen))
    known = [name for name in members if name in gains.company.names]
    seconds = {name: DETECTORS[members[name][0]].seconds(*shape, members[name][1]) for name in known}
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
    evidence: dict[str, Scalar] = {"members": len(order), "anchors": len(core)}
    evidence |= {f"gain of {name}": round(gain, 5) for name, gain in expected.items()}
    first = tuple((c.detector, c.params) for c in chosen if c.detector in forced)
    heard = tuple((c.detector, c.params) for c in chosen if c.detector in asked)
    starts, others = order[: len(core)], order[len(core) :]
    wanted = (*first, *(members[n] for n in starts), *heard, *(members[n] for n in others))
    steps = tuple(step for i, step in enumerate(wanted) if step not in wanted[:i])
    return steps, (Reason(code="REC-005", subject="order", text=text, evidence=evidence),)


def _members(chosen: Iterable[Candidate]) -> Iterable[tuple[str, Member]]:
    for candidate in chosen:
        if not candidate.params:  # set by hand: another member than the one that is known
            yield candidate.detector, (candidate.detector, {})
            for view in candidate.views:
                yield f"{candidate.detector}:{view}", (candidate.detector, {VIEW: view})


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
