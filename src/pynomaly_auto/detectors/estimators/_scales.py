"""Location and scale of each feature, ordinary and robust, never zero: what our own estimators share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pynomaly_auto.errors import SettingError

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

    Batches = Callable[[], Iterable[FloatArray]]  # the rows once more, some at a time, at each call

_NORMAL_MAD = 0.6744897501960817  # median absolute deviation of the standard normal distribution
_NORMAL_AAD = 0.7978845608028654  # its mean absolute deviation
_NORMAL_IQR = 1.3489795003921634  # its interquartile range
_TINY = 1e-12  # of a standardised feature's unit: what is left of a constant after rounding


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """Return ``value`` if it is allowed.

    Raises:
        SettingError: It is not.
    """
    if value not in allowed:
        raise SettingError(f"{name} is {value!r}.", fix=f"Use one of {', '.join(map(repr, allowed))}.")
    return value


def nonzero(scale: FloatArray, *fallbacks: FloatArray) -> FloatArray:
    """Replace vanishing scales by the first fallback that does not vanish, and by 1 where all do.

    Args:
        scale: One scale per feature; shape (n_features,).
        fallbacks: Other scales of the same shape, the most wanted first.
    """
    out = scale.copy()
    for other in fallbacks:
        out = np.where(out > _TINY, out, other)
    return np.where(out > _TINY, out, 1.0)


def mean_scale(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each feature; shapes (n_features,)."""
    return X.mean(axis=0), nonzero(X.std(axis=0, ddof=1 if len(X) > 1 else 0))


@dataclass(frozen=True, eq=False)
class Moments:
    """Of each feature, gathered from batches of rows; shapes (n_features,).

    Args:
        n_rows: How many rows there were.
        mean: Mean.
        variance: Mean squared distance from it.
        low: Smallest value.
        high: Largest value.
    """

    n_rows: int
    mean: FloatArray
    variance: FloatArray
    low: FloatArray
    high: FloatArray

    @classmethod
    def of(cls, batches: Iterable[FloatArray]) -> Moments:
        """Gather them (Chan, Golub and LeVeque, The American Statistician 37(3), 1983); at least one row."""
        parts = [cls(len(X), X.mean(axis=0), X.var(axis=0), X.min(axis=0), X.max(axis=0)) for X in batches if len(X)]
        shares = np.array([part.n_rows for part in parts], dtype=np.float64)
        shares /= shares.sum()
        mean = shares @ np.array([part.mean for part in parts])
        between = np.square(np.array([part.mean for part in parts]) - mean)
        return cls(
            n_rows=sum(part.n_rows for part in parts),
            mean=mean,
            variance=shares @ (np.array([part.variance for part in parts]) + between),
            low=np.min([part.low for part in parts], axis=0),
            high=np.max([part.high for part in parts], axis=0),
        )


def median_scale(X: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Median and median absolute deviation of each feature, the latter as an estimate of the standard deviation.

    Where more than half of the values are equal, the mean absolute deviation takes its place, as Iglewicz and Hoaglin
    advise; both shapes (n_features,).
    """
    centre = np.median(X, axis=0)
    away = np.abs(X - centre)
    return centre, nonzero(np.median(away, axis=0) / _NORMAL_MAD, away.mean(axis=0) / _NORMAL_AAD)


def quartile_scale(X: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """First and third quartile of each feature and the distance between them; shapes (n_features,).

    Where the quartiles coincide the distance is that of a normal distribution with the same mean absolute deviation.
    """
    lower, upper = np.quantile(X, (0.25, 0.75), axis=0)
    away = np.abs(X - np.median(X, axis=0)).mean(axis=0)
    return lower, upper, nonzero(upper - lower, away / _NORMAL_AAD * _NORMAL_IQR)


def blocks(n_rows: int, size: int) -> list[slice]:
    """Cut ``n_rows`` rows into slices of at most ``size`` rows."""
    return [slice(i, min(i + size, n_rows)) for i in range(0, n_rows, max(size, 1))]


def places(ordered: FloatArray, starts: IntArray, X: FloatArray, *, side: Literal["left", "right"]) -> IntArray:
    """Where each value stands among those of its feature: how many are smaller (or, on the right, not larger).

    Args:
        ordered: The features' values one after the other, each feature's ascending.
        starts: Where each feature's start, and the end; shape (n_features + 1,).
        X: Shape (n_rows, n_features).
        side: As in `numpy.searchsorted`.
    """
    out: IntArray = np.empty(X.shape, dtype=np.int64)
    bounds = starts.tolist()
    for j, column in enumerate(X.T):
        out[:, j] = ordered[bounds[j] : bounds[j + 1]].searchsorted(column, side=side)
    return out


def squared_distances(X: FloatArray, Y: FloatArray) -> FloatArray:
    """Squared Euclidean distances between all rows of both; shape (len(X), len(Y)), never negative."""
    out: np.ndarray[Any, np.dtype[np.float64]] = X @ Y.T
    out *= -2.0
    out += np.einsum("ij,ij->i", X, X)[:, None]
    out += np.einsum("ij,ij->i", Y, Y)[None, :]
    np.maximum(out, 0.0, out=out)
    return out
