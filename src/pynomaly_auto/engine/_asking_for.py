"""Objectives on their way into the choice of a model: which of them can be told, on which scale, and what is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pynomaly_auto._objectives import OBJECTIVES
from pynomaly_auto.records import FloatArray, Front, Performance, Reason, Scalar

# Costs are compared as ratios: from 1 to 2 ms is as much as from 4 to 8. What is added keeps the smallest comparable.
_RATIOS: Mapping[str, float] = {"latency": 0.0, "fit_time": 0.01, "size": 0.05}
_FIGURES = {"quality": "average_precision"}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What models are compared in.

    Args:
        weights: Objective to its weight; they sum to 1.
        by_labels: Whether labels say how right an answer is.
        untold: Objectives that only labels could tell, which say too little: agreement stands for them.
    """

    weights: Mapping[str, float]
    by_labels: bool
    untold: tuple[str, ...] = ()

    @classmethod
    def of(cls, weights: Mapping[str, float], performance: Performance | None) -> Wanted:
        """Of what is asked for, with what labels allow; None: there are none, or too few."""
        told = performance is not None and performance.average_precision is not None
        if told:
            return cls(weights=dict(weights), by_labels=any(_by_labels(name) for name in weights))
        untold = tuple(name for name in weights if OBJECTIVES[name].of_labels)
        kept = {name: weight for name, weight in weights.items() if name not in untold}
        if untold:
            stand_in = "quality" if "quality" in kept else "agreement"
            kept = {stand_in: kept.get(stand_in, 0.0) + sum(weights[name] for name in untold)} | {
                name: weight for name, weight in kept.items() if name != stand_in
            }
        return cls(weights=kept, by_labels=False, untold=untold)

    @property
    def minimize(self) -> tuple[str, ...]:
        """Objectives of which less is better."""
        return tuple(name for name in self.weights if OBJECTIVES[name].minimize)

    def costs(self, values: Sequence[Mapping[str, float]]) -> FloatArray:
        """Each objective of some models on its scale, the lower the better; shape (n, n_objectives)."""
        return np.array([[_cost(name, one[name]) for name in self.weights] for one in values])

    def figures(self, performance: Performance | None) -> dict[str, float]:
        """Of the objectives that labels tell; 0 where there is nothing to tell, as nothing is flagged."""
        found = {}
        for name in filter(_by_labels, self.weights):
            estimate = getattr(performance, _FIGURES.get(name, name), None)
            found[name] = 0.0 if estimate is None else float(estimate.value)
        return found


def _by_labels(name: str) -> bool:
    return name == "quality" or OBJECTIVES[name].of_labels


def _cost(name: str, value: float) -> float:
    if name in _RATIOS:
        return float(np.log(max(value + _RATIOS[name], 1e-9)))
    return value if OBJECTIVES[name].minimize else -value


def told(front: Front, wanted: Wanted, n_members: int) -> tuple[Reason, ...]:
    """Why there are these models, and what stands for what cannot be told."""
    out = []
    if wanted.untold:
        names = ", ".join(wanted.untold)
        text = f"{names} cannot be told without labels, or with so few: agreement with all members stands for it."
        out.append(Reason(code="ENG-022", subject="objectives", text=text, evidence={"untold": names}))
    text = (
        f"{len(front.points)} of {front.tried} models of up to {n_members} members "
        f"{'is' if len(front.points) == 1 else 'are'} beaten by none in "
        f"{', '.join(front.objectives)} at once."
    )
    evidence: dict[str, Scalar] = {
        "tried": front.tried,
        "points": len(front.points),
        "members": n_members,
        "answer": front.answer,
    }
    out.append(Reason(code="ENG-020", subject="front", text=text, evidence=evidence))
    return tuple(out)


BY_WEIGHTS = "its worst objective is the least bad by the weights given"


def chosen(front: Front, why: str = BY_WEIGHTS) -> Reason:
    """Which point was taken, and why."""
    point = front.point
    who = "all members" if point.whole else f"{len(point.members)} members" if len(point.members) != 1 else "1 member"
    text = f"Point {point.number} of the front was taken, {who}: {point.figures()}; {why}."
    weights = {f"weight of {name}": weight for name, weight in front.objectives.items()}
    evidence = {"point": point.number, "members": len(point.members), **dict(point.values), **weights}
    return Reason(code="ENG-021", subject="front", text=text, evidence=evidence)


def measured(milliseconds: float) -> Reason:
    """What a row takes here and now; evidence alone."""
    text = f"With the model taken one new row takes {milliseconds:.2f} ms here and now; nothing was chosen by that."
    return Reason(code="ENG-024", subject="front", text=text, evidence={"milliseconds": milliseconds})
