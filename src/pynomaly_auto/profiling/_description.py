"""The part of the profile that people read: size, quality, distributions, patterns, complexity, hints."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import numpy as np

from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.profiling._neighbours import nearest, pairwise
from pynomaly_auto.profiling._relations import explained_by_others
from pynomaly_auto.profiling._statistics import hill, need, or_else
from pynomaly_auto.profiling._temporal import Temporal
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import AnomalyHints, Dataset, Distributions, FloatArray, Patterns, Quality, Size

STRONG_CORRELATION = 0.8
_UNUSABLE = frozenset({"empty", "constant", "duplicate", "ignored"})


def size_of(dataset: Dataset) -> Size:
    """Rows, columns and features, and the words for them.

    Rows: small < 1,000 <= medium < 10,000 <= large < 100,000 <= very large; features: low <= 10 < medium <= 100 < high
    <= 1,000 < very high.
    """
    rows, features = dataset.n_rows, dataset.n_features
    category: Literal["small", "medium", "large", "very_large"] = (
        "small" if rows < 1_000 else "medium" if rows < 10_000 else "large" if rows < 100_000 else "very_large"
    )
    width: Literal["low", "medium", "high", "very_high"] = (
        "low" if features <= 10 else "medium" if features <= 100 else "high" if features <= 1_000 else "very_high"
    )
    columns = len(dataset.columns)
    return Size(rows=rows, columns=columns, features=features, category=category, dimensionality=width)


def types_of(dataset: Dataset) -> dict[str, int]:
    """Number of columns per kind, the most frequent kind first."""
    return dict(Counter(str(column.kind) for column in dataset.columns).most_common())


def quality_of(view: View) -> Quality:
    """How clean the table is.

    - missing: share of the user's cells without a value.
    - duplicates: share of the encoded rows that repeat another one.
    - outliers: share of the values with a modified z-score beyond 3.5, over features that take many values.
    - noise: share of the variance that neither the other features (linearly) explain, nor in each half of the features
      the ten rows nearest by the other half; 0 for a single feature, where it cannot be told.
    - consistency: mean over columns of the share of usable cells, where empty, constant and duplicate columns count as
      unusable as a whole, times the share of rows that do not repeat another.
    """
    columns, rows = view.dataset.columns, max(1, view.n_rows)
    missing = sum(c.n_missing for c in columns) / (rows * len(columns)) if columns else 0.0
    duplicates = or_else(lambda: view.duplicates, 0.0)
    usable = [0.0 if c.kind in _UNUSABLE else 1.0 - (c.n_missing + c.n_infinite) / rows for c in columns]
    return Quality(
        missing=_share(missing),
        duplicates=_share(duplicates),
        outliers=_share(or_else(lambda: _beyond_modified_z(view), 0.0)),
        noise=_share(or_else(lambda: min(_unexplained(view), _unlike_neighbours(view)), 0.0)),
        consistency=_share((float(np.mean(usable)) if usable else 1.0) * (1.0 - duplicates)),
    )


def distributions_of(view: View) -> Distributions:
    """How many features have which shape; counted on the sampled features and scaled to all of them.

    - discrete: at most 20 distinct values in the sample, and at most one per ten rows (or two).
    - gaussian, uniform: not discrete, and a Kolmogorov–Smirnov distance to the fitted one not above 3 % or, in small
      samples, above what Lilliefors' test (0.886/√n) or Kolmogorov's (1.358/√n) allows at 5 %.
    - skewed: not discrete, absolute skewness above 1.
    - heavy-tailed: not discrete, kurtosis above 6 (a Laplace distribution's).
    """
    try:
        many = view.varies & ~view.discrete
        root = float(np.sqrt(view.ordered.shape[1]))
        gaussian = many & (view.normal_distance <= max(0.03, 0.886 / root))
        uniform = many & ~gaussian & (view.uniform_distance <= max(0.03, 1.358 / root))
        skewed = many & (np.abs(view.moments.skewness) > 1.0)
        heavy = many & (view.moments.kurtosis > 6.0)
        counts = [gaussian, skewed, uniform, heavy, view.varies & view.discrete]
        scale = view.n_features / len(view.shape_features)
    except NotApplicableError:
        return Distributions(gaussian=0, skewed=0, uniform=0, heavy_tailed=0, discrete=0)
    values = [round(float(c.sum()) * scale) for c in counts]
    return Distributions(
        gaussian=values[0], skewed=values[1], uniform=values[2], heavy_tailed=values[3], discrete=values[4]
    )


def patterns_of(view: View, temporal: Temporal | None) -> Patterns:
    """Correlations between features of different columns, clusters, and structure along time."""
    pairs = _pairs_between_columns(view)
    scale = (view.n_features / len(view.shape_features)) ** 2 if pairs.size else 1.0
    try:
        clusters, separation = view.clustering.clusters, view.clustering.separation
    except NotApplicableError:
        clusters, separation = 1, 0.0
    return Patterns(
        max_correlation=float(pairs.max()) if pairs.size else 0.0,
        mean_correlation=float(pairs.mean()) if pairs.size else 0.0,
        correlated_pairs=round(float((pairs >= STRONG_CORRELATION).sum()) * scale),
        clusters=clusters,
        cluster_separation=separation,
        temporal=temporal is not None and temporal.structured,
        time_column=None if temporal is None else temporal.column,
        trend=None if temporal is None else temporal.trend,
        seasonality=() if temporal is None else temporal.seasonality,
    )


def hints_of(view: View) -> AnomalyHints:
    """What raw distances say about anomalies.

    A row stands out where the logarithm of its score lies so many robust deviations (median to upper quartile, over
    0.6745) above the median: globally by Mahalanobis distance (3) or by mean distance to 10 neighbours (4, since its
    logarithm has a longer tail), locally by its distance to the 10th neighbour relative to the neighbours' own (3),
    which must also exceed 2. Of Gaussian, uniform and exponential rows, 0 to 3 % stand out so.

    - share_estimate: share of the rows that stand out in any way, at most one half.
    - global_share, local_share: the parts of those that do so globally, and locally only; both 0 without any.
    - tail_heaviness: Hill's index of the mean distance to 10 neighbours, cut to [0, 1].
    """
    try:
        globally = _stands_out(view.mahalanobis_scores, 3.0) | _stands_out(view.neighbour_scores, 4.0)
        locally = _stands_out(view.local_scores, 3.0) & (view.local_scores > 2.0) & ~globally
    except NotApplicableError:
        return AnomalyHints(share_estimate=0.0, global_share=0.0, local_share=0.0, tail_heaviness=0.0)
    outstanding = int(globally.sum() + locally.sum())
    return AnomalyHints(
        share_estimate=min(0.5, outstanding / len(globally)),
        global_share=float(globally.sum() / max(1, outstanding)),
        local_share=float(locally.sum() / max(1, outstanding)),
        tail_heaviness=_share(or_else(lambda: hill(view.neighbour_scores), 0.0)),
    )


def complexity_points(view: View, size: Size, quality: Quality, patterns: Patterns) -> dict[str, float]:
    """What makes the table complex: aspect to points, without those that add nothing."""
    kinds = {c.kind for c in view.dataset.columns} - _UNUSABLE - {"identifier", "entity"}
    heavy = or_else(lambda: float(np.nanmedian(view.moments.kurtosis)), 3.0) > 6.0
    points = {
        "rows": {"small": 0.0, "medium": 0.0, "large": 1.0, "very_large": 2.0}[size.category],
        "features": {"low": 0.0, "medium": 1.0, "high": 2.0, "very_high": 3.0}[size.dimensionality],
        "kinds of columns": float(len(kinds) > 1),
        "missing values": float(quality.missing > 0.1),
        "noise": float(quality.noise > 0.7),
        "clusters": float(patterns.clusters > 1),
        "time": float(patterns.temporal),
        "heavy tails": float(heavy),
    }
    return {aspect: value for aspect, value in points.items() if value}


def complexity_of(points: float) -> Literal["simple", "moderate", "complex"]:
    """The word for the sum of points: up to 1 simple, up to 3 moderate, else complex."""
    return "simple" if points <= 1 else "moderate" if points <= 3 else "complex"


def _share(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def _beyond_modified_z(view: View) -> float:
    values = view.modified_z[~view.discrete]
    values = values[np.isfinite(values).all(axis=1)]
    need(values.size > 0, "a feature with many values")
    return float((np.abs(values) > 3.5).mean())


def _unexplained(view: View) -> float:
    return float(1.0 - explained_by_others(view.precision).mean())


def _unlike_neighbours(view: View) -> float:
    rows = view.points[view.drawn("noise", len(view.points), 1_000)]
    need(len(rows) > 10 and rows.shape[1] > 1 and bool(rows.any()), "more than ten rows of two features")
    shuffled = view.rng("noise halves").permutation(rows.shape[1])
    halves = shuffled[::2], shuffled[1::2]
    residual = 0.0
    for given, asked in (halves, halves[::-1]):
        positions = nearest(pairwise(rows[:, given]), 10).positions
        residual += float(((rows[:, asked] - rows[:, asked][positions].mean(axis=1)) ** 2).sum())
    total = float(((rows - rows.mean(axis=0)) ** 2).sum())
    return residual / (1.1 * total)  # the mean of ten rows has a tenth of their variance itself


def _pairs_between_columns(view: View) -> FloatArray:
    """Absolute correlations of features that come from different columns; empty where there are none."""
    try:
        matrix = view.correlations
    except NotApplicableError:
        return np.empty(0)
    sources = np.array(view.dataset.sources)[view.shape_features[view.varies]]
    above = np.triu(sources[:, None] != sources, k=1)
    return np.asarray(np.abs(matrix[above]))


def _stands_out(scores: FloatArray, deviations: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    positive = scores[scores > 0]
    if not positive.size:
        return np.zeros(len(scores), dtype=bool)
    logs = np.log(np.maximum(scores, positive.min()))
    middle, quartile = np.quantile(logs, [0.5, 0.75])
    spread = (quartile - middle) / 0.6745
    if spread <= 1e-9:  # most rows alike: nothing to measure deviations by
        return np.zeros(len(scores), dtype=bool)
    return np.asarray(logs > middle + deviations * spread)
