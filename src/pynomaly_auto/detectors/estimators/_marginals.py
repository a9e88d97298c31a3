"""Estimators that look at each feature alone: z-score, modified z-score, Tukey's fences, Grubbs' test, histograms.

Each learns a few numbers per feature, so that a new row is scored without the training rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from scipy import special

from pynomaly_auto.detectors.estimators._scales import (
    Moments,
    mean_scale,
    median_scale,
    nonzero,
    one_of,
    places,
    quartile_scale,
)
from pynomaly_auto.detectors.estimators._stored import Array, Stored, Value, check_parts
from pynomaly_auto.errors import StorageError

if TYPE_CHECKING:
    from pynomaly_auto.detectors.estimators._scales import Batches
    from pynomaly_auto.records import FloatArray

AGGREGATIONS = ("max", "mean")
BoolArray: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

_FIRST_LIMIT = 3.5  # Iglewicz and Hoaglin's limit for a modified z-score
_TINY_P = 1e-280  # below, a p-value is taken from its logarithm's series
_FAR_LOG_P = -640.0


def _aggregate(parts: FloatArray, how: str) -> FloatArray:
    out: FloatArray = parts.max(axis=1) if how == "max" else parts.mean(axis=1)
    return out


class ZScore(Stored):
    """Distance from the mean in standard deviations.

    Args:
        aggregation: A row's score is the ``"max"`` or the ``"mean"`` of its features' scores.

    >>> import numpy as np
    >>> rows = np.array([[0.0], [1.0], [2.0]])
    >>> ZScore().fit(rows).decision_function(np.array([[1.0], [5.0]])).tolist()
    [0.0, 4.0]
    """

    layout: ClassVar = {
        "aggregation": Value(kind=str, among=AGGREGATIONS),
        "location_": Array(shape=("d",)),
        "scale_": Array(shape=("d",), positive=True),
    }

    def __init__(self, aggregation: str = "max") -> None:
        self.aggregation = one_of("aggregation", aggregation, AGGREGATIONS)

    def fit(self, X: FloatArray) -> ZScore:
        """Learn location and scale of each feature from ``X``, shape (n_rows, n_features)."""
        self.location_, self.scale_ = mean_scale(X)
        return self

    def fit_batches(self, batches: Batches) -> ZScore:
        """The same, up to rounding, from rows some of which are looked at at a time."""
        found = Moments.of(batches())
        variance = found.variance * found.n_rows / max(found.n_rows - 1, 1)
        self.location_, self.scale_ = found.mean, nonzero(np.sqrt(variance))
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        return _aggregate(np.abs(X - self.location_) / self.scale_, self.aggregation)


class ModifiedZScore(ZScore):
    """Distance from the median in median absolute deviations (Iglewicz & Hoaglin, 1993).

    Args:
        aggregation: A row's score is the ``"max"`` or the ``"mean"`` of its features' scores.
    """

    fit_batches = None  # type: ignore[assignment]  # a median needs all rows at once

    def fit(self, X: FloatArray) -> ModifiedZScore:
        """Learn location and scale of each feature from ``X``, shape (n_rows, n_features)."""
        self.location_, self.scale_ = median_scale(X)
        return self


class TukeyFences(Stored):
    """Distance beyond the quartiles in interquartile ranges (Tukey, 1977).

    A value's distance e is negative between the quartiles. Rows with values beyond the fences (e > ``factor``) come
    first, by the sum of what lies beyond; the mean of e over the features orders the rest.

    Args:
        factor: Where the fences stand, in interquartile ranges beyond the quartiles.
    """

    layout: ClassVar = {
        "factor": Value(),
        "lower_": Array(shape=("d",)),
        "upper_": Array(shape=("d",)),
        "range_": Array(shape=("d",), positive=True),
    }

    def __init__(self, factor: float = 1.5) -> None:
        self.factor = factor

    def fit(self, X: FloatArray) -> TukeyFences:
        """Learn the quartiles of each feature from ``X``, shape (n_rows, n_features)."""
        self.lower_, self.upper_, self.range_ = quartile_scale(X)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        away = np.maximum(self.lower_ - X, X - self.upper_) / self.range_
        scores: FloatArray = away.mean(axis=1) + np.maximum(away - self.factor, 0.0).sum(axis=1)
        return scores


class GrubbsTest(Stored):
    """Smallest p-value of Grubbs' test over the features, each feature cleaned by repeated testing first.

    The clean values of a feature are at first those with a modified z-score up to 3.5; then, again and again, those
    that the test (Bonferroni-corrected over the rows) does not reject given the clean values so far. Testing from the
    inside outwards, several extreme values cannot mask each other, which is what Rosner's generalised ESD is for. At
    least half of the values stay. Every value is then judged by the t-distribution of its
    studentised deviation from the clean values without itself. The score is the negative logarithm of the smallest
    p-value, corrected for the number of rows and features; it is below zero where the corrected value would exceed 1.

    Args:
        alpha: Significance level at which a value is not clean.
        max_iterations: Most rounds of testing.
    """

    layout: ClassVar = {
        "tests_": Value(least=1.0),
        "count_": Array(shape=("d",), positive=True),
        "mean_": Array(shape=("d",)),
        "squares_": Array(shape=("d",), positive=True),
    }

    def __init__(self, alpha: float = 0.05, max_iterations: int = 10) -> None:
        self.alpha = alpha
        self.max_iterations = max_iterations

    def fit(self, X: FloatArray) -> GrubbsTest:
        """Learn clean mean and standard deviation of each feature from ``X``, shape (n_rows, n_features)."""
        n_rows, n_features = X.shape
        self.tests_ = float(n_rows * n_features)
        fewest = max(3.0, n_rows / 2)
        median, scale = median_scale(X)
        kept = _columns_or(np.abs(X - median) <= _FIRST_LIMIT * scale, np.ones(X.shape, dtype=bool), fewest)
        for _ in range(self.max_iterations):
            self._learn(X, kept)
            t_squared, _ = self._statistic(X, kept)
            limits = special.stdtrit(np.maximum(self.count_ - [[1.0], [2.0]], 1.0), 1.0 - self.alpha / (2.0 * n_rows))
            fitting = t_squared <= np.where(kept, limits[1], limits[0]) ** 2
            fitting = _columns_or(fitting, kept, fewest)
            if (fitting == kept).all():
                break
            kept = fitting
        self._learn(X, kept)
        self.decision_scores_ = -self._log_p(X, kept).min(axis=1) - np.log(self.tests_)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        gap, freedom = (X - self.mean_) ** 2, np.maximum(self.count_ - 1, 1.0)
        gap /= self.squares_ / freedom * (1.0 + 1.0 / np.maximum(self.count_, 1.0))
        scores: FloatArray = -least_log_two_sided_t(gap, freedom) - np.log(self.tests_)
        return scores

    def _learn(self, X: FloatArray, kept: BoolArray) -> None:
        self.count_ = kept.sum(axis=0).astype(float)
        self.mean_ = np.where(kept, X, 0.0).sum(axis=0) / self.count_
        squares = (np.where(kept, X - self.mean_, 0.0) ** 2).sum(axis=0)
        floor = 1e-12 * (1.0 + self.mean_**2) * self.count_
        self.squares_ = np.where(squares > floor, squares, self.count_)

    def _log_p(self, X: FloatArray, inside: BoolArray) -> FloatArray:
        """Log of the two-sided p-value of each value against the clean values without itself."""
        return log_two_sided_t(*self._statistic(X, inside))

    def _statistic(self, X: FloatArray, inside: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Squared t-statistic of each value and its degrees of freedom."""
        away = (X - self.mean_) ** 2
        n = self.count_ - inside  # clean values that the value is compared with
        # Deleting a value from a sample of n + 1: sum of squares falls by away · (n + 1) / n, the mean moves by 1 / n.
        squares = self.squares_ - np.where(inside, away * self.count_ / np.maximum(self.count_ - 1, 1), 0.0)
        squares = np.maximum(squares, 1e-12 * self.squares_)
        gap = away * np.where(inside, self.count_ / np.maximum(self.count_ - 1, 1), 1.0) ** 2
        freedom = np.maximum(n - 1, 1.0)
        return gap / (squares / freedom * (1.0 + 1.0 / np.maximum(n, 1.0))), freedom


def _columns_or(wanted: BoolArray, otherwise: BoolArray, fewest: float) -> BoolArray:
    """The columns of ``wanted`` that hold enough, and those of ``otherwise`` in place of the others."""
    chosen: BoolArray = np.where(wanted.sum(axis=0) >= fewest, wanted, otherwise)
    return chosen


def log_two_sided_t(t_squared: FloatArray, freedom: FloatArray) -> FloatArray:
    """Log of the probability that the absolute value of t is larger, also where that probability underflows.

    Args:
        t_squared: Squares of the statistics.
        freedom: Degrees of freedom, of a shape that broadcasts.
    """
    a = freedom / 2.0
    rest = t_squared / (freedom + t_squared)
    p = special.betainc(a, 0.5, 1.0 - rest)
    out: FloatArray = np.log(np.maximum(p, 1e-300))
    tiny = p <= _TINY_P
    if not tiny.any():
        return out
    # First term of the series of the incomplete beta function: exact in the far tail.
    log_x = -np.log1p(t_squared / freedom)
    far = a * log_x - 0.5 * np.log(np.maximum(rest, 1e-300)) - np.log(a) - special.betaln(a, 0.5)
    return np.where(tiny, far, out)


def least_log_two_sided_t(t_squared: FloatArray, freedom: FloatArray) -> FloatArray:
    """The smallest of each row's `log_two_sided_t`; shape (n_rows,).

    A statistic is not looked at where another of its row is as large and has as many degrees of freedom.

    Args:
        t_squared: Squares of the statistics; shape (n_rows, n_features).
        freedom: Degrees of freedom; shape (n_features,).
    """
    order = np.argsort(-freedom, kind="stable")
    ordered = t_squared[:, order]
    asked = np.ones(ordered.shape, dtype=bool)
    asked[:, 1:] = ordered[:, 1:] > np.maximum.accumulate(ordered, axis=1)[:, :-1]
    row, column = np.nonzero(asked)
    found = log_two_sided_t(ordered[row, column], freedom[order][column])
    out: FloatArray = np.minimum.reduceat(found, np.flatnonzero(np.diff(row, prepend=-1)))
    # Where one formula gives way to the other, p-values do not fall in the order of the statistics.
    far = np.flatnonzero(out < _FAR_LOG_P)
    out[far] = log_two_sided_t(t_squared[far], freedom).min(axis=1)
    return out


class HistogramDensity(Stored):
    """Sum over the features of the negative log density of equal-width histograms (HBOS, Goldstein & Dengel, 2012).

    The bins span the values but for far outliers, which would leave all others in one bin; those fall into two open
    bins at the ends. A feature with few distinct values has one bin for each.

    Args:
        n_bins: Bins per feature; 0: the square root of the number of rows, between 10 and 50.
        alpha: Rows added to each bin, so that an empty bin has a finite score.
    """

    layout: ClassVar = {
        "starts_": Array(shape=("d + 1",), dtype=np.int64),
        "edges_": Array(shape=("edges",)),
        "surprise_": Array(shape=("bins",)),
    }

    def __init__(self, n_bins: int = 0, alpha: float = 0.1) -> None:
        self.n_bins = n_bins
        self.alpha = alpha

    def fit(self, X: FloatArray) -> HistogramDensity:
        """Learn one histogram per feature from ``X``, shape (n_rows, n_features)."""
        n_bins = self.n_bins or int(np.clip(np.sqrt(len(X)), 10, 50))
        found = [self._histogram(column, n_bins) for column in X.T]
        self.starts_ = np.cumsum([0, *(len(edges) for edges, _ in found)])
        self.edges_ = np.concatenate([edges for edges, _ in found])
        self.surprise_ = np.concatenate([surprise for _, surprise in found])
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        # There is one bin more than there are edges: feature j's surprises begin j places later.
        first = self.starts_[:-1] + np.arange(X.shape[1])
        return np.asarray(self.surprise_[first + places(self.edges_, self.starts_, X, side="right")].sum(axis=1))

    def check(self) -> None:
        """Every feature has its edges in order, and one bin more than edges."""
        check_parts(self.starts_, self.edges_)
        if len(self.surprise_) != len(self.edges_) + len(self.starts_) - 1:
            raise StorageError(f"{len(self.surprise_)} bins do not fit {len(self.edges_)} edges.")

    def _histogram(self, column: FloatArray, n_bins: int) -> tuple[FloatArray, FloatArray]:
        values = np.unique(column)
        if len(values) <= n_bins:
            edges = np.concatenate([[values[0] - 0.5], (values[1:] + values[:-1]) / 2, [values[-1] + 0.5]])
            widths = np.ones(len(edges) + 1)
        else:
            low, high = np.quantile(column, (0.01, 0.99))
            reach = 2.0 * (high - low) if high > low else np.inf
            low, high = max(values[0], low - reach), min(values[-1], high + reach)
            edges = np.linspace(low, np.nextafter(high, np.inf), n_bins + 1)
            width = (high - low) / n_bins
            widths = np.full(n_bins + 2, width)
            widths[0], widths[-1] = max(width, low - values[0]), max(width, values[-1] - high)
        counts = np.bincount(np.searchsorted(edges, column, side="right"), minlength=len(edges) + 1)
        return edges, -np.log((counts + self.alpha) / (len(column) + self.alpha * len(counts)) / widths)
