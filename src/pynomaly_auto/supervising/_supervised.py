"""What learned from labels, and what it says of rows: log odds that take the place of the ensemble's score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from scipy.special import logit

from pynomaly_auto._machine import in_threads
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest
from pynomaly_auto.records import Calibration, FloatArray, State, plain, restore
from pynomaly_auto.supervising._learners import LEARNERS, Inputs, Learned
from pynomaly_auto.supervising._weighing import Weights

_SUREST = 1e-4  # probabilities without labels are taken no nearer to 0 and 1
_BEYOND = 0.01  # log odds per unit of score, so that rows whose probability is the same stay in order
KNOWN = 9.0  # log odds of a row whose label is known
_MANY_ROWS = 5_000  # from here on what was learned judges rows side by side


@dataclass(frozen=True, kw_only=True, eq=False)
class Unlabelled:
    """The answer without labels, as log odds.

    Args:
        calibration: From its score to a probability.
    """

    calibration: Calibration = field(repr=False)

    def log_odds(self, scores: FloatArray) -> FloatArray:
        """Rising with the score; shape (n_rows,)."""
        known = np.clip(self.calibration.at(scores), _SUREST, 1.0 - _SUREST)
        return np.asarray(logit(known) + _BEYOND * scores, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class Supervised:
    """The answer without labels and what was learned from labels, weighed.

    Args:
        unlabelled: The first of the two.
        learners: Name to what it has learned.
        weights: Of both.
    """

    unlabelled: Unlabelled
    learners: dict[str, Learned]
    weights: Weights

    def log_odds(self, inputs: Inputs, scores: FloatArray) -> FloatArray:
        """Log odds that rows are anomalies; shape (n_rows,).

        Args:
            inputs: As it was taught; shape (n_rows, n_inputs).
            scores: Of the answer without labels; shape (n_rows,).
        """
        many = len(scores) >= _MANY_ROWS
        said = in_threads(lambda one: one.log_odds(inputs), self.learners.values(), together=many)
        learned = np.column_stack(said) if said else np.empty((len(scores), 0))
        return self.weights.combine(self.unlabelled.log_odds(scores), learned)

    def to_state(self) -> State:
        """What makes it again."""
        out = State(
            arrays={"knots": self.unlabelled.calibration.knots, "values": self.unlabelled.calibration.values},
            values={
                "weights": plain(self.weights),
                "learners": {name: {"rows": one.rows, "centre": one.centre} for name, one in self.learners.items()},
            },
        )
        for name, one in self.learners.items():
            out = out | one.forest.to_state().within(name)
        return out

    @classmethod
    def from_state(cls, state: State, n_inputs: int) -> Self:
        """Make it again.

        Args:
            state: From `to_state`.
            n_inputs: Inputs it is to see.

        Raises:
            StorageError: Something is missing, or does not fit.
        """
        knots, values = state.array("knots", ndim=1), state.array("values", ndim=1)
        weights = restore(Weights, state.value("weights", dict))
        told = state.value("learners", dict)
        numbers = [weights.base, weights.shift, weights.level, *weights.learned]
        if (
            len(knots) != len(values)
            or not len(knots)
            or (np.diff(knots) <= 0).any()
            or not np.isfinite([*knots, *values, *numbers]).all()
            or len(told) != len(weights.learned)
            or not set(told) <= set(LEARNERS)
        ):
            raise StorageError("what was learned from labels is damaged.", where="supervised")
        learners = {name: _learned(state.part(name), facts, n_inputs) for name, facts in told.items()}
        calibration = Calibration(knots=knots.astype(np.float64), values=values.astype(np.float64), single_point=False)
        return cls(unlabelled=Unlabelled(calibration=calibration), learners=learners, weights=weights)


def _learned(state: State, facts: dict[str, float], n_inputs: int) -> Learned:
    forest = Forest.from_state(state)
    rows, centre = facts.get("rows"), facts.get("centre")
    numbers = [n for n in (rows, centre) if isinstance(n, (int, float)) and np.isfinite(n)]
    if forest.n_features > n_inputs or len(numbers) != 2 or numbers[0] < 0:
        raise StorageError("what was learned from labels does not fit the table.", where="supervised")
    return Learned(forest, float(numbers[0]), float(numbers[1]))
