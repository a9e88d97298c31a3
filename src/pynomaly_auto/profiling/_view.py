"""What meta-features look at: a table's sampled rows and the intermediates made of them, each computed once."""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr
from scipy.stats import rankdata

from pynomaly_auto.forest import Growing, expected_length, isolation, single
from pynomaly_auto.profiling._clusters import Clustering, cluster
from pynomaly_auto.profiling._lazy import Clock, lazy
from pynomaly_auto.profiling._neighbours import Neighbours, nearest, pairwise, relative_density
from pynomaly_auto.profiling._relations import correlation_matrix, shrunk, standardised
from pynomaly_auto.profiling._statistics import need, repeated_rows, runs
from pynomaly_auto.records import Dataset, FloatArray, IntArray

MAX_ROWS = 20_000  # rows profiled; meta-features of more are nearly the same

_CELLS = 4_000_000  # most cells of the sample: wide tables are sampled to fewer rows
_DUPLICATE_CELLS = 100_000_000  # most cells searched for duplicates, row by row
_SHAPE_FEATURES = 200  # most features whose single distributions are looked at
_POINTS = 2_000  # most rows compared pair by pair
_SPECTRUM_FEATURES = 256  # beyond that the spectrum comes from the Gram matrix of few rows
_SPECTRUM_ROWS = 512  # rows of that Gram matrix
_NEIGHBOURS = 100  # of each point
_BINS = 20  # of histograms
_CODES, _CODED_FEATURES = 8, 12


class Moments(NamedTuple):
    """Per shape feature; NaN where the feature is constant."""

    skewness: FloatArray
    kurtosis: FloatArray


class Spectrum(NamedTuple):
    """Eigenvalues of the covariance, largest first, and the eigenvectors as columns."""

    values: FloatArray
    vectors: FloatArray


class View:
    """A table through the eyes of meta-features.

    Everything random depends on the seed alone. The sampled rows are put into an order given by their values, so that
    as long as no rows are left out the order of the table's rows makes no difference. They are centred and
    divided by one common scale; ratios between features stay as the detectors will see them.

    Args:
        dataset: The encoded table.
        seed: Seed of everything random.
        max_rows: Most rows sampled.
    """

    def __init__(self, dataset: Dataset, *, seed: int, max_rows: int = MAX_ROWS) -> None:
        self.dataset = dataset
        self.seed = seed
        self.max_rows = max_rows
        self.clock = Clock()
        self.made: dict[str, Any] = {}

    @property
    def n_rows(self) -> int:
        """Rows of the whole table."""
        return self.dataset.n_rows

    @property
    def n_features(self) -> int:
        """Encoded features of the whole table."""
        return self.dataset.n_features

    def rng(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose; the same whoever asks first."""
        return np.random.default_rng([self.seed, zlib.crc32(purpose.encode())])

    def drawn(self, purpose: str, total: int, most: int) -> IntArray:
        """At most that many of ``total`` positions, drawn without replacement, ascending."""
        if total <= most:
            return np.arange(total)
        return np.sort(self.rng(purpose).choice(total, most, replace=False))

    @lazy
    def sample(self) -> FloatArray:
        """Sampled rows, centred and scaled as a whole; shape (n_sampled, n_features).

        Raises:
            NotApplicableError: The table has no features or no rows.
        """
        need(self.n_rows > 0 and self.n_features > 0, "rows and features")
        most = min(self.max_rows, max(1_000, _CELLS // self.n_features))
        rows = np.array(self.dataset.X[self.drawn("sample", self.n_rows, most)], dtype=np.float64)
        constant = rows.min(axis=0) == rows.max(axis=0)
        rows /= max(float(np.abs(rows).max()), np.finfo(float).tiny)  # squares of what follows cannot overflow
        rows -= rows.mean(axis=0)
        rows[:, constant] = 0.0  # else rounding errors would look like variation
        rows /= float(np.sqrt(np.einsum("ij,ij->", rows, rows) / rows.size)) or 1.0
        return np.asarray(rows[np.argsort(rows @ self.rng("order").normal(size=self.n_features), kind="stable")])

    @lazy
    def duplicates(self) -> float:
        """Share of rows that repeat another row, over the whole table unless it is huge."""
        need(self.n_rows > 0 and self.n_features > 0, "rows and features")
        most = max(1_000, _DUPLICATE_CELLS // self.n_features)
        chosen = self.drawn("duplicates", self.n_rows, most)
        X = self.dataset.X
        return repeated_rows(X if len(chosen) == self.n_rows else X[chosen]) / len(chosen)

    @lazy
    def shape_features(self) -> IntArray:
        """Positions of the features whose single distributions are looked at."""
        return self.drawn("features", self.n_features, _SHAPE_FEATURES)

    @lazy
    def ordered(self) -> FloatArray:
        """Values of each shape feature, ascending; shape (n_shape_features, n_sampled)."""
        return np.sort(self.sample[:, self.shape_features].T, axis=1)

    @lazy
    def varies(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which shape features take more than one value in the sample."""
        return np.asarray(self.ordered[:, -1] > self.ordered[:, 0])

    def quantile(self, level: float) -> FloatArray:
        """That quantile of each shape feature, between its two nearest values by weight; shape (n_shape_features,)."""
        place = level * (self.ordered.shape[1] - 1)
        low = int(place)
        high = min(low + 1, self.ordered.shape[1] - 1)
        values = self.ordered
        return np.asarray(values[:, low] + (place - low) * (values[:, high] - values[:, low]))

    @lazy
    def standardised(self) -> FloatArray:
        """`ordered` with mean 0 and standard deviation 1 per feature (NaN where constant)."""
        return standardised(self.ordered, axis=1)

    @lazy
    def moments(self) -> Moments:
        """Skewness and kurtosis of each shape feature."""
        squares = self.standardised**2
        return Moments((squares * self.standardised).mean(axis=1), (squares**2).mean(axis=1))

    @lazy
    def modified_z(self) -> FloatArray:
        """0.6745 · (value − median) / MAD of each value of `ordered` (NaN where the MAD is zero).

        Paper: Iglewicz and Hoaglin, How to detect and handle outliers, 1993.
        """
        distance = self.ordered - self.quantile(0.5)[:, None]
        mad = np.median(np.abs(distance), axis=1)
        return np.asarray(0.6745 * distance / np.where(mad > 0, mad, np.nan)[:, None])

    @lazy
    def distinct(self) -> IntArray:
        """Number of distinct values of each shape feature in the sample."""
        return np.asarray(1 + (self.ordered[:, 1:] != self.ordered[:, :-1]).sum(axis=1))

    @lazy
    def mode_share(self) -> FloatArray:
        """Share of the sampled rows that hold a shape feature's most frequent value."""
        return np.array([runs(values).max() / len(values) for values in self.ordered])

    @lazy
    def discrete(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which shape features take few values: at most 20, and at most one per ten sampled rows (two in any case)."""
        return np.asarray(self.distinct <= max(2, min(20, self.ordered.shape[1] // 10)))

    @lazy
    def histogram(self) -> FloatArray:
        """Share of values per bin of equal width between each shape feature's extremes; shape (n_features, 20).

        Raises:
            NotApplicableError: No feature varies.
        """
        need(bool(self.varies.any()), "a feature that varies")
        values = self.ordered[self.varies]
        low, high = values[:, :1], values[:, -1:]
        bins = np.minimum(((values - low) / (high - low) * _BINS).astype(np.int64), _BINS - 1)
        bins += _BINS * np.arange(len(values))[:, None]
        counts = np.bincount(bins.ravel(), minlength=_BINS * len(values))
        return np.asarray(counts.reshape(-1, _BINS) / values.shape[1])

    @lazy
    def normal_distance(self) -> FloatArray:
        """Kolmogorov–Smirnov distance of each shape feature to its fitted Gaussian (NaN: constant).

        Paper: Lilliefors, On the Kolmogorov-Smirnov test for normality with mean and variance unknown, 1967.
        """
        return self._distance_to(ndtr(self.standardised[:, self._grid]))

    @lazy
    def uniform_distance(self) -> FloatArray:
        """Kolmogorov–Smirnov distance of each shape feature to the uniform distribution between its extremes."""
        low, high = self.ordered[:, :1], self.ordered[:, -1:]
        width = np.where(self.varies[:, None], high - low, np.nan)
        return self._distance_to((self.ordered[:, self._grid] - low) / width)

    @property
    def _grid(self) -> IntArray:
        count = self.ordered.shape[1]
        return np.unique(np.linspace(0, count - 1, min(count, 1_000)).astype(np.int64))

    def _distance_to(self, model: FloatArray) -> FloatArray:
        empirical = (self._grid + 0.5) / self.ordered.shape[1]
        return np.asarray(np.abs(model - empirical).max(axis=1))

    @lazy
    def spectrum(self) -> Spectrum:
        """Principal components of the sample (wide tables: of few of its rows, through their Gram matrix).

        Raises:
            NotApplicableError: Fewer than three rows, or nothing varies.
        """
        rows = self.sample
        need(len(rows) >= 3 and bool(rows.any()), "three rows that differ")
        if self.n_features <= _SPECTRUM_FEATURES:
            values, vectors = np.linalg.eigh(rows.T @ rows / len(rows))
            return Spectrum(np.maximum(values[::-1], 0.0), vectors[:, ::-1])
        few = rows[self.drawn("spectrum", len(rows), _SPECTRUM_ROWS)]
        few = few - few.mean(axis=0)
        values, left = np.linalg.eigh(few @ few.T / len(few))
        values, left = values[::-1], left[:, ::-1]
        kept = values > 1e-10 * max(float(values[0]), np.finfo(float).tiny)
        need(bool(kept.any()), "three rows that differ")
        return Spectrum(values[kept], few.T @ left[:, kept] / np.sqrt(values[kept] * len(few)))

    @lazy
    def points(self) -> FloatArray:
        """The rows that are compared pair by pair; shape (n_points, n_features)."""
        return self.sample[self.drawn("points", len(self.sample), _POINTS)]

    @lazy
    def distances(self) -> FloatArray:
        """Euclidean distance of every pair of points; exactly zero for equal points.

        Raises:
            NotApplicableError: Fewer than two points.
        """
        need(len(self.points) >= 2, "two rows")
        return pairwise(self.points)

    @lazy
    def neighbours(self) -> Neighbours:
        """The up to 100 nearest other points of each point.

        Raises:
            NotApplicableError: Fewer than six points, or all the same.
        """
        need(len(self.points) >= 6, "six rows")
        need(bool(self.points.any()), "rows that differ")
        return nearest(self.distances, _NEIGHBOURS)

    def kth_distance(self, k: int) -> FloatArray:
        """Distance of each point to its k-th nearest other point.

        Raises:
            NotApplicableError: There are not more than k points.
        """
        need(self.neighbours.distances.shape[1] >= k, f"more than {k} rows")
        return self.neighbours.distances[:, k - 1]

    @lazy
    def centre_distance(self) -> FloatArray:
        """Distance of each point to the features' medians."""
        return np.asarray(np.sqrt(((self.points - np.median(self.points, axis=0)) ** 2).sum(axis=1)))

    @lazy
    def clustering(self) -> Clustering:
        """Small k-means of the points that are not far out, for several numbers of clusters.

        Raises:
            NotApplicableError: Too few different points.
        """
        need(len(self.points) >= 12, "twelve rows")
        far = self.kth_distance(5)
        bulk = np.flatnonzero(far <= np.quantile(far, 0.95))
        bulk = bulk[self.drawn("clusters", len(bulk), 1_000)]
        rows = self.points[bulk]
        if self.n_features > 20:
            rows = rows @ self.spectrum.vectors[:, :20]
        return cluster(rows, seed=self.seed)

    @lazy
    def ranks(self) -> FloatArray:
        """Ranks of the points in each shape feature, ties averaged, from 1; shape (n_points, n_shape_features)."""
        return np.asarray(rankdata(self.points[:, self.shape_features], axis=0))

    @lazy
    def correlations(self) -> FloatArray:
        """Pearson's correlation of every two shape features that vary; the diagonal is 1.

        Raises:
            NotApplicableError: Fewer than three rows or two features that vary.
        """
        need(len(self.sample) >= 3 and int(self.varies.sum()) >= 2, "three rows and two features that vary")
        return correlation_matrix(self.sample[:, self.shape_features[self.varies]])

    @lazy
    def precision(self) -> FloatArray:
        """Inverse of `correlations`, which are shrunk a little first.

        Raises:
            NotApplicableError: Fewer than three rows or two features that vary.
        """
        return np.asarray(np.linalg.inv(shrunk(self.correlations, len(self.sample))), dtype=np.float64)

    @lazy
    def rank_correlations(self) -> FloatArray:
        """Spearman's correlation of every two shape features that vary among the points.

        Raises:
            NotApplicableError: Fewer than three rows or two features that vary.
        """
        need(len(self.points) >= 3, "three rows")
        differs = self.ranks.min(axis=0) < self.ranks.max(axis=0)
        need(int(differs.sum()) >= 2, "two features that vary")
        return correlation_matrix(self.ranks[:, differs])

    @lazy
    def codes(self) -> IntArray:
        """Up to 12 features cut into up to 8 bins of equal counts; shape (n_points, n_coded).

        Raises:
            NotApplicableError: Fewer than 30 rows, or fewer than two features that vary.
        """
        need(len(self.points) >= 30, "thirty rows")
        differs = np.flatnonzero(self.ranks.min(axis=0) < self.ranks.max(axis=0))
        need(len(differs) >= 2, "two features that vary")
        chosen = differs[self.drawn("codes", len(differs), _CODED_FEATURES)]
        return np.minimum((self.ranks[:, chosen] - 0.5) / len(self.points) * _CODES, _CODES - 1).astype(np.int64)

    @lazy
    def projections(self) -> FloatArray:
        """The sample on 20 random directions, each standardised; shape (n_sampled, 20), fewer where constant.

        Raises:
            NotApplicableError: Nothing varies.
        """
        need(len(self.sample) >= 3 and bool(self.sample.any()), "three rows that differ")
        seen = self.sample @ self.rng("projections").normal(size=(self.n_features, 20))
        seen -= seen.mean(axis=0)
        spread = seen.std(axis=0)
        return np.asarray(seen[:, spread > 0] / spread[spread > 0])

    @lazy
    def marginal_scores(self) -> FloatArray:
        """Sum over shape features of −log of each point's smaller tail share; shape (n_points,).

        Paper: Li et al., ECOD: Unsupervised outlier detection using empirical cumulative distributions, 2022.
        """
        count = self._enough_points()
        shares = np.minimum(self.ranks, count + 1 - self.ranks) / (count + 1)
        return np.asarray(-np.log(shares).sum(axis=1))

    @lazy
    def mahalanobis_scores(self) -> FloatArray:
        """Mahalanobis distance of each point under a covariance shrunk a little towards a sphere; shape (n_points,)."""
        self._enough_points()
        values, vectors = self.spectrum
        ridge = 0.01 * float(values.sum()) / self.n_features
        seen = self.points @ vectors
        rest = np.maximum((self.points**2).sum(axis=1) - (seen**2).sum(axis=1), 0.0)
        return np.asarray(np.sqrt((seen**2 / (values + ridge)).sum(axis=1) + rest / ridge))

    @lazy
    def neighbour_scores(self) -> FloatArray:
        """Mean distance of each point to its 10 nearest other points; shape (n_points,)."""
        self._enough_points()
        return np.asarray(self.neighbours.distances[:, :10].mean(axis=1))

    @lazy
    def isolation_scores(self) -> FloatArray:
        """Scores of an isolation forest of 25 trees of 128 rows; shape (n_points,).

        Paper: Liu, Ting and Zhou, Isolation forest, 2008.
        """
        count = self._enough_points()
        need(bool(self.points.any()), "rows that differ")
        points, sample = single(self.points), min(128, count)
        growing = Growing(n_trees=25, sample=sample, n_columns=points.shape[1])
        forest = growing.grow(points, np.random.default_rng(self.seed))
        return isolation(forest.predict(points), 25 * float(expected_length(np.array([sample]))[0]))

    @lazy
    def local_scores(self) -> FloatArray:
        """Distance to the 10th neighbour relative to the neighbours' own such distances, as in LOF; shape (n_points,).

        Paper: Breunig et al., LOF: Identifying density-based local outliers, 2000.
        """
        self._enough_points()
        return relative_density(self.neighbours, 10)

    def _enough_points(self) -> int:
        need(len(self.points) >= 12, "twelve rows")
        return len(self.points)
