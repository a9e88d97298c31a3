"""Small statistics that several meta-features share; all invariant to the scale of their argument."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.records import FloatArray, IntArray


def need(condition: bool, what: str) -> None:
    """Say that something does not apply unless the condition holds.

    Raises:
        NotApplicableError: It does not hold; ``what`` is needed.
    """
    if not condition:
        raise NotApplicableError(f"needs {what}.")


def over_features(values: FloatArray, level: float) -> float:
    """Quantile over features, leaving out those where the value is not defined (NaN).

    Raises:
        NotApplicableError: It is defined for no feature.
    """
    known = values[np.isfinite(values)]
    need(known.size > 0, "a feature that varies")
    return float(np.quantile(known, level))


def mean_over(values: FloatArray) -> float:
    """Mean over what is finite.

    Raises:
        NotApplicableError: Nothing is.
    """
    known = values[np.isfinite(values)]
    need(known.size > 0, "at least one defined value")
    return float(known.mean())


def variation(values: FloatArray) -> float:
    """Coefficient of variation: standard deviation over mean, of values that are not negative.

    Raises:
        NotApplicableError: All are zero.
    """
    mean = float(values.mean()) if values.size else 0.0
    need(mean > 0, "distances that are not all zero")
    return float(values.std() / mean)


def skewness(values: FloatArray) -> float:
    """Third standardised moment.

    Raises:
        NotApplicableError: Fewer than three values, or all (nearly) equal.
    """
    return float((_standardised(values) ** 3).mean())


def kurtosis(values: FloatArray) -> float:
    """Fourth standardised moment (3 for a Gaussian).

    Raises:
        NotApplicableError: Fewer than three values, or all (nearly) equal.
    """
    return float((_standardised(values) ** 4).mean())


def _standardised(values: FloatArray) -> FloatArray:
    need(values.size >= 3, "at least three values")
    centred = values - values.mean()
    spread = float(np.sqrt((centred**2).mean()))
    need(spread > 1e-9 * float(np.abs(values).max()), "values that differ")
    return np.asarray(centred / spread)


def quantile_ratio(values: FloatArray, upper: float, lower: float = 0.5) -> float:
    """Logarithm of the ratio of two quantiles of values that are not negative.

    Raises:
        NotApplicableError: The lower quantile is zero.
    """
    low, high = np.quantile(values, [lower, upper])
    need(low > 0, f"a positive {lower:g} quantile")
    return float(np.log(high / low))


def upper_reach(values: FloatArray, level: float) -> float:
    """How far a quantile lies above the median, in units of the distance from median to upper quartile; as log(1 + x).

    Raises:
        NotApplicableError: Median and upper quartile coincide.
    """
    middle, quartile, top = np.quantile(values, [0.5, 0.75, level])
    need(quartile - middle > 1e-9 * float(np.abs(values).max()), "scores that differ above their median")
    return float(np.log1p((top - middle) / (quartile - middle)))


def top_gap(values: FloatArray) -> float:
    """Largest gap between neighbours among the top tenth of the values, as a share of maximum minus median.

    Raises:
        NotApplicableError: Fewer than ten values, or the maximum is the median.
    """
    need(values.size >= 10, "at least ten scores")
    ordered = np.sort(values)
    reach = float(ordered[-1] - np.median(ordered))
    need(reach > 1e-9 * float(np.abs(ordered).max()), "scores above their median")
    return float(np.diff(ordered[-max(2, values.size // 10) :]).max() / reach)


def hill(values: FloatArray, share: float = 0.05) -> float:
    """Hill's estimate of the tail index: 0 for light tails, 1 for tails so heavy that there is no mean.

    Paper: Hill, A simple general approach to inference about the tail of a distribution, 1975.

    Raises:
        NotApplicableError: Fewer than twenty values, or the tail does not begin above zero.
    """
    need(values.size >= 20, "at least twenty values")
    count = max(5, int(share * values.size))
    top = np.sort(values)[-count - 1 :]
    need(top[0] > 0, "a tail above zero")
    return float(np.log(top[1:] / top[0]).mean())


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Pearson's correlation of two vectors.

    Raises:
        NotApplicableError: One of them is constant.
    """
    return float((_standardised(a) * _standardised(b)).mean())


def overlap(a: FloatArray, b: FloatArray, share: float = 0.05) -> float:
    """Share of the top rows by one score that are also top rows by the other (ties at the threshold count as top)."""
    count = max(1, round(share * a.size))
    tops = [values >= np.partition(values, -count)[-count] for values in (a, b)]
    return float((tops[0] & tops[1]).sum() / max(1, min(tops[0].sum(), tops[1].sum())))


def runs(ordered: FloatArray) -> IntArray:
    """Lengths of the runs of equal values in a sorted vector."""
    ends = np.flatnonzero(np.concatenate([ordered[1:] != ordered[:-1], [True]]))
    return np.diff(ends, prepend=-1)


def repeated_rows(X: np.ndarray[Any, Any]) -> int:
    """Number of rows that repeat another row, found by comparing one random projection of each row."""
    weights = np.random.default_rng(0).normal(size=X.shape[1])
    # einsum, not BLAS: it adds up every row in the same order, so equal rows get bitwise equal projections.
    keys = np.sort(np.einsum("ij,j->i", X, weights))
    return int((keys[1:] == keys[:-1]).sum())


def or_else(compute: Callable[[], float], default: float) -> float:
    """A value, or the default where it does not apply or is not finite: descriptions for people have no gaps."""
    try:
        value = compute()
    except NotApplicableError:
        return default
    return value if math.isfinite(value) else default
