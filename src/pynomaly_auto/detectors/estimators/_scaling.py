"""The one scaling that our own estimators share, so that none depends on the units of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._stored import Array, Stored

if TYPE_CHECKING:
    from pynomaly_auto.detectors.estimators._scales import Moments
    from pynomaly_auto.records import FloatArray

# Beyond a million standard deviations nothing is learnt any more; squares and sums stay finite.
_FARTHEST = 1e6


class Scaling(Stored):
    """Centre and scale of every column, learnt from the fitted rows.

    A constant column keeps scale 1, so that a new row that departs from the constant is seen.

    Args:
        X: Rows to learn from; shape (n_rows, n_features).
        robust: Median and interquartile range in place of mean and standard deviation, where the range is not zero.
    """

    layout: ClassVar = {
        "centre": Array(shape=("d",), empty=True),
        "scale": Array(shape=("d",), positive=True, empty=True),
        "varies": Array(shape=("d",), dtype=np.bool_, empty=True),
    }

    def __init__(self, X: FloatArray, *, robust: bool = False) -> None:
        spread = _spread(X)
        self.centre = X.mean(axis=0)
        if robust:
            low, self.centre, high = np.quantile(X, (0.25, 0.5, 0.75), axis=0)
            quartiles = (high - low) / 1.349  # the standard deviation of a normal distribution with these quartiles
            spread = np.where(quartiles > 0, quartiles, spread)
        self.varies = spread > 0
        self.scale = np.where(self.varies, spread, 1.0)

    @classmethod
    def of(cls, found: Moments) -> Scaling:
        """By mean and standard deviation, from the columns' moments."""
        made = cls.__new__(cls)
        spread = np.sqrt(found.variance)
        spread[_constant(found.low, found.high)] = 0.0
        made.centre, made.varies = found.mean, spread > 0
        made.scale = np.where(made.varies, spread, 1.0)
        return made

    def apply(self, X: FloatArray, *, limit: float = _FARTHEST) -> FloatArray:
        """The rows in units of each column's spread, cut at plus and minus ``limit``; shape as ``X``."""
        with np.errstate(over="ignore"):  # a value so large that it overflows is cut like any other far one
            scaled = (np.asarray(X, dtype=np.float64) - self.centre) / self.scale
        return np.asarray(np.clip(scaled, -limit, limit))


def _spread(X: FloatArray) -> FloatArray:
    spread = X.std(axis=0)
    spread[_constant(X.min(axis=0), X.max(axis=0))] = 0.0
    return np.asarray(spread)


def _constant(low: FloatArray, high: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    # Rounding leaves a tiny standard deviation in a constant column of large values; it is none.
    return np.asarray(high - low <= 1e-12 * np.maximum(np.abs(low), np.abs(high)))
