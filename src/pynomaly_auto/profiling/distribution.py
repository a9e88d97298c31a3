"""Meta-features of the single features' distributions: asymmetry, tails, modes, distance to the Gaussian."""

from __future__ import annotations

import numpy as np

from pynomaly_auto.profiling._meta import meta_feature
from pynomaly_auto.profiling._statistics import hill, mean_over, need, or_else, over_features
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import FloatArray

_GAUSSIAN_TAILS = 2.9058  # (q97.5 − q2.5) / (q75 − q25) of a Gaussian


@meta_feature(group="distribution")
def skewness_median(view: View) -> float:
    """Skewness, median over features; the sign tells to which side the longer tails point."""
    return over_features(view.moments.skewness, 0.5)


@meta_feature(group="distribution")
def skewness_abs_median(view: View) -> float:
    """Absolute skewness, median over features."""
    return over_features(np.abs(view.moments.skewness), 0.5)


@meta_feature(group="distribution")
def skewness_abs_q90(view: View) -> float:
    """Absolute skewness, 90 % quantile over features."""
    return over_features(np.abs(view.moments.skewness), 0.9)


@meta_feature(group="distribution")
def skewness_abs_max(view: View) -> float:
    """Absolute skewness, largest over features."""
    return over_features(np.abs(view.moments.skewness), 1.0)


@meta_feature(group="distribution")
def log_kurtosis_q10(view: View) -> float:
    """Logarithm of the kurtosis (log 3 for a Gaussian), 10 % quantile over features."""
    return over_features(np.log(view.moments.kurtosis), 0.1)


@meta_feature(group="distribution")
def log_kurtosis_median(view: View) -> float:
    """Logarithm of the kurtosis (log 3 for a Gaussian), median over features."""
    return over_features(np.log(view.moments.kurtosis), 0.5)


@meta_feature(group="distribution")
def log_kurtosis_q90(view: View) -> float:
    """Logarithm of the kurtosis (log 3 for a Gaussian), 90 % quantile over features."""
    return over_features(np.log(view.moments.kurtosis), 0.9)


@meta_feature(group="distribution")
def log_kurtosis_max(view: View) -> float:
    """Logarithm of the kurtosis (log 3 for a Gaussian), largest over features."""
    return over_features(np.log(view.moments.kurtosis), 1.0)


@meta_feature(group="distribution")
def quartile_skewness_abs_median(view: View) -> float:
    """Bowley's absolute skewness from quartiles, which extreme values cannot move, median over features.

    Paper: Bowley, Elements of statistics, 1901.
    """
    low, middle, high = (view.quantile(q) for q in (0.25, 0.5, 0.75))
    width = np.where(high > low, high - low, np.nan)
    return over_features(np.abs((high + low - 2 * middle) / width), 0.5)


@meta_feature(group="distribution")
def tail_weight_median(view: View) -> float:
    """Width of the central 95 % over that of the central half, relative to a Gaussian; log, median over features.

    Paper: Crow and Siddiqui, Robust estimation of location, 1967.
    """
    return over_features(_tail_weight(view), 0.5)


@meta_feature(group="distribution")
def tail_weight_q90(view: View) -> float:
    """Width of the central 95 % over that of the central half, against a Gaussian; log, 90 % quantile over features.

    Paper: Crow and Siddiqui, Robust estimation of location, 1967.
    """
    return over_features(_tail_weight(view), 0.9)


@meta_feature(group="distribution")
def tail_asymmetry_median(view: View) -> float:
    """Absolute log ratio of the upper to the lower tail's length (2.5 % quantiles to median), median over features."""
    low, middle, high = (view.quantile(q) for q in (0.025, 0.5, 0.975))
    proper = (high > middle) & (middle > low)
    return over_features(np.abs(np.log(np.where(proper, (high - middle) / (middle - low), np.nan))), 0.5)


@meta_feature(group="distribution")
def hill_index_median(view: View) -> float:
    """Hill's tail index of the distances from the median (0: light), median over at most 30 features.

    Paper: Hill, A simple general approach to inference about the tail of a distribution, 1975.
    """
    values = np.abs(view.ordered - view.quantile(0.5)[:, None])[~view.discrete]
    need(len(values) > 0, "a feature with many values")
    chosen = view.drawn("hill", len(values), 30)
    # A feature whose tail begins at the median itself has no index, which is no reason to leave out the others.
    return over_features(np.array([or_else(lambda i=i: hill(values[i]), np.nan) for i in chosen]), 0.5)  # type: ignore[misc]


@meta_feature(group="distribution")
def log_extreme_z_median(view: View) -> float:
    """Logarithm of the largest modified z-score in each feature, median over features."""
    return over_features(_extreme_z(view), 0.5)


@meta_feature(group="distribution")
def log_extreme_z_max(view: View) -> float:
    """Logarithm of the largest modified z-score in each feature, largest over features."""
    return over_features(_extreme_z(view), 1.0)


@meta_feature(group="distribution")
def beyond_three_sigma_share(view: View) -> float:
    """Share of the cells more than three standard deviations from their feature's mean (Gaussian: 0.0027)."""
    need(bool(view.varies.any()), "a feature that varies")
    return float((np.abs(view.standardised[view.varies]) > 3.0).mean())


@meta_feature(group="distribution")
def beyond_three_sigma_rows_share(view: View) -> float:
    """Share of the rows with at least one cell more than three standard deviations from its feature's mean."""
    need(bool(view.varies.any()), "a feature that varies")
    rows = view.sample[:, view.shape_features[view.varies]]
    return float((np.abs(rows - rows.mean(axis=0)) > 3.0 * rows.std(axis=0)).any(axis=1).mean())


@meta_feature(group="distribution")
def beyond_modified_z_share(view: View) -> float:
    """Share of the cells whose modified z-score exceeds 3.5, over features whose MAD is not zero.

    Paper: Iglewicz and Hoaglin, How to detect and handle outliers, 1993.
    """
    known = view.modified_z[np.isfinite(view.modified_z).all(axis=1)]
    return mean_over((np.abs(known) > 3.5).astype(np.float64))


@meta_feature(group="distribution")
def beyond_fences_share(view: View) -> float:
    """Share of the cells outside Tukey's inner fences, over features whose quartiles differ.

    Paper: Tukey, Exploratory data analysis, 1977.
    """
    low, high = view.quantile(0.25), view.quantile(0.75)
    proper = high > low
    need(bool(proper.any()), "a feature whose quartiles differ")
    reach = 1.5 * (high - low)
    outside = (view.ordered < (low - reach)[:, None]) | (view.ordered > (high + reach)[:, None])
    return float(outside[proper].mean())


@meta_feature(group="distribution")
def bimodality_median(view: View) -> float:
    """Sarle's bimodality coefficient (uniform: 0.56, two points: 1), median over features.

    Paper: Pfister et al., Good things peak in pairs: a note on the bimodality coefficient, 2013.
    """
    return over_features(_bimodality(view), 0.5)


@meta_feature(group="distribution")
def bimodality_q90(view: View) -> float:
    """Sarle's bimodality coefficient (uniform: 0.56, two points: 1), 90 % quantile over features.

    Paper: Pfister et al., Good things peak in pairs: a note on the bimodality coefficient, 2013.
    """
    return over_features(_bimodality(view), 0.9)


@meta_feature(group="distribution")
def normal_distance_median(view: View) -> float:
    """Kolmogorov–Smirnov distance to the fitted Gaussian, median over features."""
    return over_features(view.normal_distance, 0.5)


@meta_feature(group="distribution")
def normal_distance_q90(view: View) -> float:
    """Kolmogorov–Smirnov distance to the fitted Gaussian, 90 % quantile over features."""
    return over_features(view.normal_distance, 0.9)


@meta_feature(group="distribution")
def histogram_entropy_median(view: View) -> float:
    """Entropy of a histogram of 20 equal bins, divided by log 20, median over features."""
    return float(np.median(_histogram_entropy(view)))


@meta_feature(group="distribution")
def histogram_entropy_min(view: View) -> float:
    """Entropy of a histogram of 20 equal bins, divided by log 20, smallest over features."""
    return float(_histogram_entropy(view).min())


@meta_feature(group="distribution")
def histogram_empty_bins_mean(view: View) -> float:
    """Share of empty bins among 20 equal bins, mean over features."""
    return float((view.histogram == 0).mean())


@meta_feature(group="distribution")
def projection_log_kurtosis_mean(view: View) -> float:
    """Logarithm of the kurtosis of random projections, mean: log 3 when features add up to Gaussians.

    Paper: Peña and Prieto, Multivariate outlier detection and robust covariance matrix estimation, 2001.
    """
    return mean_over(np.log((view.projections**4).mean(axis=0)))


@meta_feature(group="distribution")
def projection_log_kurtosis_max(view: View) -> float:
    """Logarithm of the kurtosis of random projections, largest: far outliers stick out in some direction.

    Paper: Peña and Prieto, Multivariate outlier detection and robust covariance matrix estimation, 2001.
    """
    return over_features(np.log((view.projections**4).mean(axis=0)), 1.0)


def _tail_weight(view: View) -> FloatArray:
    inner = view.quantile(0.75) - view.quantile(0.25)
    outer = view.quantile(0.975) - view.quantile(0.025)
    return np.asarray(np.log(np.where(inner > 0, outer / inner, np.nan) / _GAUSSIAN_TAILS))


def _extreme_z(view: View) -> FloatArray:
    largest = np.abs(view.modified_z).max(axis=1)
    return np.asarray(np.log(np.where(largest > 0, largest, np.nan)))


def _bimodality(view: View) -> FloatArray:
    count = view.ordered.shape[1]
    need(count >= 4, "four rows")
    excess = view.moments.kurtosis - 3.0
    flat = 3.0 * (count - 1) ** 2 / ((count - 2) * (count - 3))
    return np.asarray((view.moments.skewness**2 + 1.0) / (excess + flat))


def _histogram_entropy(view: View) -> FloatArray:
    shares = view.histogram
    logs = np.log(np.where(shares > 0, shares, 1.0))
    return np.asarray(-(shares * logs).sum(axis=1) / np.log(shares.shape[1]))
