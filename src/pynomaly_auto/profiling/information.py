"""Meta-features of what features tell about each other."""

from __future__ import annotations

import numpy as np

from pynomaly_auto.profiling._meta import meta_feature
from pynomaly_auto.profiling._relations import explained_by_others, standardised
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import FloatArray


@meta_feature(group="information")
def correlation_abs_mean(view: View) -> float:
    """Absolute Pearson correlation, mean over pairs of features."""
    return float(_pairs(view.correlations).mean())


@meta_feature(group="information")
def correlation_abs_q90(view: View) -> float:
    """Absolute Pearson correlation, 90 % quantile over pairs of features."""
    return float(np.quantile(_pairs(view.correlations), 0.9))


@meta_feature(group="information")
def correlation_abs_max(view: View) -> float:
    """Absolute Pearson correlation, largest over pairs of features."""
    return float(_pairs(view.correlations).max())


@meta_feature(group="information")
def correlated_pairs_share(view: View) -> float:
    """Share of the pairs of features whose absolute Pearson correlation exceeds 0.5."""
    return float((_pairs(view.correlations) > 0.5).mean())


@meta_feature(group="information")
def rank_correlation_abs_mean(view: View) -> float:
    """Absolute Spearman correlation, mean over pairs of features."""
    return float(_pairs(view.rank_correlations).mean())


@meta_feature(group="information")
def rank_correlation_abs_max(view: View) -> float:
    """Absolute Spearman correlation, largest over pairs of features."""
    return float(_pairs(view.rank_correlations).max())


@meta_feature(group="information")
def monotone_beyond_linear_mean(view: View) -> float:
    """Absolute Spearman minus absolute Pearson correlation, mean over pairs: positive where relations are bent."""
    return float(_pairs(view.rank_correlations).mean() - _pairs(view.correlations).mean())


@meta_feature(group="information")
def mutual_information_mean(view: View) -> float:
    """Mutual information of two binned features over the smaller of their entropies, mean over pairs of features.

    The bias of counting, (occupied rows − 1)(occupied columns − 1) / 2n, is taken off.

    Paper: Miller, Note on the bias of information estimates, 1955.
    """
    return float(_mutual_information(view).mean())


@meta_feature(group="information")
def mutual_information_max(view: View) -> float:
    """Mutual information of two binned features over the smaller of their entropies, largest over pairs of features.

    Paper: Miller, Note on the bias of information estimates, 1955.
    """
    return float(_mutual_information(view).max())


@meta_feature(group="information")
def joint_entropy_ratio(view: View) -> float:
    """Entropy of whole binned rows over the most it can be: the smaller of the features' entropies' sum and log n."""
    codes = view.codes
    marginal = sum(_entropy(np.bincount(column)) for column in codes.T)
    counts = np.unique(codes, axis=0, return_counts=True)[1]
    return float(_entropy(counts) / min(marginal, np.log(len(codes))))


@meta_feature(group="information")
def gaussian_total_correlation(view: View) -> float:
    """Information shared by all features if they were Gaussian, in nats per feature.

    Paper: Watanabe, Information theoretical analysis of multivariate correlation, 1960.
    """
    return float(0.5 * np.linalg.slogdet(view.precision)[1] / len(view.precision))


@meta_feature(group="information")
def linear_predictability_mean(view: View) -> float:
    """Share of a feature's variance that the other features explain linearly, mean over features."""
    return float(explained_by_others(view.precision).mean())


@meta_feature(group="information")
def linear_predictability_max(view: View) -> float:
    """Share of a feature's variance that the other features explain linearly, largest over features."""
    return float(explained_by_others(view.precision).max())


@meta_feature(group="information")
def residual_log_kurtosis_median(view: View) -> float:
    """Logarithm of the kurtosis of what other features leave unexplained, median over features.

    Larger than that of the features themselves where rows break the relations between features.
    """
    rows = view.sample[:, view.shape_features[view.varies]]
    residuals = standardised(rows, axis=0) @ view.precision
    squares = (residuals - residuals.mean(axis=0)) ** 2
    return float(np.median(np.log((squares**2).mean(axis=0) / squares.mean(axis=0) ** 2)))


def _pairs(matrix: FloatArray) -> FloatArray:
    return np.asarray(np.abs(matrix[np.triu_indices(len(matrix), k=1)]))


def _entropy(counts: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum())


def _mutual_information(view: View) -> FloatArray:
    codes = view.codes
    width = int(codes.max()) + 1
    entropies = [_entropy(np.bincount(column)) for column in codes.T]
    values = []
    for a in range(codes.shape[1]):
        for b in range(a):
            table = np.bincount(codes[:, a] * width + codes[:, b], minlength=width * width).reshape(width, width)
            occupied = (table.any(axis=0).sum() - 1) * (table.any(axis=1).sum() - 1)
            shared = entropies[a] + entropies[b] - _entropy(table.ravel()) - occupied / (2 * len(codes))
            # Neither is zero: of a feature that varies, the lowest and the highest ranks lie in different bins.
            values.append(min(1.0, max(0.0, shared / min(entropies[a], entropies[b]))))
    return np.array(values)
