"""A few small trees that are taught what a smaller ensemble's sum leaves out of the whole one's score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest, from_lightgbm_text
from pynomaly_auto.records import FloatArray, State

# Taught on 6,000 rows, 300 trees agree on about three of a hundred flagged rows more than 150 trees on 3,000 do, and
# take no longer for one row (measured on resampled rows of WDBC, beside eight members).
_TREES, _LEAVES, _RATE = 300, 31, 0.05
_NEAR = 0.5  # standard deviations of the scores around the threshold within which rows count most
_FARTHER = 0.2  # what the others count


@dataclass(frozen=True, eq=False)
class Student:
    """What is added to the sum of a smaller ensemble's members so that it comes nearer to the whole one's score.

    Args:
        forest: Of the members' −log tail ranks and the encoded columns.
    """

    forest: Forest = field(repr=False)

    @classmethod
    def taught(
        cls, inputs: FloatArray, X: FloatArray, missing: FloatArray, from_threshold: FloatArray, *, seed: int
    ) -> Student:
        """Teach it.

        Args:
            inputs: The members' −log tail ranks; shape (n_rows, n_members).
            X: The same rows, encoded; shape (n_rows, n_features).
            missing: What the sum lacks of the whole ensemble's scores; shape (n_rows,).
            from_threshold: How far the whole one's scores are from the threshold, in their standard deviations.
            seed: Of everything random.
        """
        import lightgbm as lgb  # here, so that scoring stays light

        settings = {
            "objective": "regression", "num_leaves": _LEAVES, "learning_rate": _RATE, "feature_fraction": 0.7,
            "min_data_in_leaf": 8, "lambda_l2": 1.0, "num_threads": 1, "deterministic": True, "force_row_wise": True,
            "seed": seed, "verbosity": -1,
        }  # fmt: skip
        weight = np.exp(-np.abs(from_threshold) / _NEAR) + _FARTHER
        rows = lgb.Dataset(_laid(inputs, X), label=missing, weight=weight, params={"verbosity": -1})
        return cls(from_lightgbm_text(lgb.train(settings, rows, _TREES).model_to_string()))

    def __call__(self, inputs: FloatArray, X: FloatArray) -> FloatArray:
        return self.forest.predict(_laid(inputs, X), raw=True)

    def to_state(self) -> State:
        """What makes it again."""
        return self.forest.to_state()

    @classmethod
    def from_state(cls, state: State, n_inputs: int) -> Student:
        """Make it again.

        Args:
            state: From `to_state`.
            n_inputs: Members and columns it is to see.

        Raises:
            StorageError: It is damaged, or sees others.
        """
        forest = Forest.from_state(state)
        if forest.n_features != n_inputs:
            raise StorageError(f"what a smaller ensemble learned has {forest.n_features} inputs, not {n_inputs}.")
        return cls(forest)


def _laid(inputs: FloatArray, X: FloatArray) -> np.ndarray[Any, np.dtype[np.float32]]:
    # In single precision, so that a row alone and in a batch, which differ by rounding, pass the same splits.
    with np.errstate(over="ignore"):
        return np.hstack([inputs, X]).astype(np.float32)
