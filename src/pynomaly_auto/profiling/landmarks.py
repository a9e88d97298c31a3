"""Meta-features of what cheap detectors see: the tails of their scores, and how far they agree.

The landmarks are the marginal tails (as ECOD), the Mahalanobis distance, the mean distance to 10 neighbours, and a tiny
isolation forest. Tables on which the same of them stand out and agree tend to favour the same detectors.

Paper: Pfahringer, Bensusan and Giraud-Carrier, Meta-learning by landmarking various learning algorithms, 2000; for
anomaly detection Zhao, Rossi and Akoglu, Automatic unsupervised outlier model selection, 2021.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from pynomaly_auto.profiling._meta import meta_feature
from pynomaly_auto.profiling._statistics import correlation, kurtosis, overlap, top_gap, upper_reach
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import FloatArray


@meta_feature(group="landmarks")
def marginal_log_kurtosis(view: View) -> float:
    """Logarithm of the kurtosis of the sum of marginal tails."""
    return float(np.log(kurtosis(view.marginal_scores)))


@meta_feature(group="landmarks")
def marginal_reach_max(view: View) -> float:
    """Reach of the largest sum of marginal tails above the median, in upper quartiles; log."""
    return upper_reach(view.marginal_scores, 1.0)


@meta_feature(group="landmarks")
def marginal_reach_q99(view: View) -> float:
    """Reach of the 99 % quantile of the sum of marginal tails above the median, in upper quartiles; log."""
    return upper_reach(view.marginal_scores, 0.99)


@meta_feature(group="landmarks")
def marginal_top_gap(view: View) -> float:
    """Largest gap in the top tenth of the sum of marginal tails, as a share of maximum minus median."""
    return top_gap(view.marginal_scores)


@meta_feature(group="landmarks")
def mahalanobis_log_kurtosis(view: View) -> float:
    """Logarithm of the kurtosis of the Mahalanobis distance."""
    return float(np.log(kurtosis(view.mahalanobis_scores)))


@meta_feature(group="landmarks")
def mahalanobis_reach_max(view: View) -> float:
    """Reach of the largest Mahalanobis distance above the median, in upper quartiles; log."""
    return upper_reach(view.mahalanobis_scores, 1.0)


@meta_feature(group="landmarks")
def mahalanobis_reach_q99(view: View) -> float:
    """Reach of the 99 % quantile of the Mahalanobis distance above the median, in upper quartiles; log."""
    return upper_reach(view.mahalanobis_scores, 0.99)


@meta_feature(group="landmarks")
def mahalanobis_top_gap(view: View) -> float:
    """Largest gap in the top tenth of the Mahalanobis distance, as a share of maximum minus median."""
    return top_gap(view.mahalanobis_scores)


@meta_feature(group="landmarks")
def neighbour_log_kurtosis(view: View) -> float:
    """Logarithm of the kurtosis of the mean distance to 10 neighbours."""
    return float(np.log(kurtosis(view.neighbour_scores)))


@meta_feature(group="landmarks")
def neighbour_reach_max(view: View) -> float:
    """Reach of the largest mean distance to 10 neighbours above the median, in upper quartiles; log."""
    return upper_reach(view.neighbour_scores, 1.0)


@meta_feature(group="landmarks")
def neighbour_reach_q99(view: View) -> float:
    """Reach of the 99 % quantile of the mean distance to 10 neighbours above the median, in upper quartiles; log."""
    return upper_reach(view.neighbour_scores, 0.99)


@meta_feature(group="landmarks")
def neighbour_top_gap(view: View) -> float:
    """Largest gap in the top tenth of the mean distance to 10 neighbours, as a share of maximum minus median."""
    return top_gap(view.neighbour_scores)


@meta_feature(group="landmarks")
def isolation_log_kurtosis(view: View) -> float:
    """Logarithm of the kurtosis of the score of a tiny isolation forest."""
    return float(np.log(kurtosis(view.isolation_scores)))


@meta_feature(group="landmarks")
def isolation_reach_max(view: View) -> float:
    """Reach of the largest score of a tiny isolation forest above the median, in upper quartiles; log."""
    return upper_reach(view.isolation_scores, 1.0)


@meta_feature(group="landmarks")
def isolation_reach_q99(view: View) -> float:
    """Reach of the 99 % quantile of the score of a tiny isolation forest above the median, in upper quartiles; log."""
    return upper_reach(view.isolation_scores, 0.99)


@meta_feature(group="landmarks")
def isolation_top_gap(view: View) -> float:
    """Largest gap in the top tenth of the score of a tiny isolation forest, as a share of maximum minus median."""
    return top_gap(view.isolation_scores)


@meta_feature(group="landmarks")
def marginal_mahalanobis_rank_correlation(view: View) -> float:
    """Rank correlation of the sum of marginal tails and the Mahalanobis distance."""
    return _rank_correlation(view.marginal_scores, view.mahalanobis_scores)


@meta_feature(group="landmarks")
def marginal_mahalanobis_overlap(view: View) -> float:
    """Share of the top 5 % by the sum of marginal tails that are top by the Mahalanobis distance too."""
    return overlap(view.marginal_scores, view.mahalanobis_scores)


@meta_feature(group="landmarks")
def marginal_neighbour_rank_correlation(view: View) -> float:
    """Rank correlation of the sum of marginal tails and the mean distance to 10 neighbours."""
    return _rank_correlation(view.marginal_scores, view.neighbour_scores)


@meta_feature(group="landmarks")
def marginal_neighbour_overlap(view: View) -> float:
    """Share of the top 5 % by the sum of marginal tails that are top by the mean distance to 10 neighbours too."""
    return overlap(view.marginal_scores, view.neighbour_scores)


@meta_feature(group="landmarks")
def marginal_isolation_rank_correlation(view: View) -> float:
    """Rank correlation of the sum of marginal tails and the score of a tiny isolation forest."""
    return _rank_correlation(view.marginal_scores, view.isolation_scores)


@meta_feature(group="landmarks")
def marginal_isolation_overlap(view: View) -> float:
    """Share of the top 5 % by the sum of marginal tails that are top by the score of a tiny isolation forest too."""
    return overlap(view.marginal_scores, view.isolation_scores)


@meta_feature(group="landmarks")
def mahalanobis_neighbour_rank_correlation(view: View) -> float:
    """Rank correlation of the Mahalanobis distance and the mean distance to 10 neighbours."""
    return _rank_correlation(view.mahalanobis_scores, view.neighbour_scores)


@meta_feature(group="landmarks")
def mahalanobis_neighbour_overlap(view: View) -> float:
    """Share of the top 5 % by the Mahalanobis distance that are top by the mean distance to 10 neighbours too."""
    return overlap(view.mahalanobis_scores, view.neighbour_scores)


@meta_feature(group="landmarks")
def mahalanobis_isolation_rank_correlation(view: View) -> float:
    """Rank correlation of the Mahalanobis distance and the score of a tiny isolation forest."""
    return _rank_correlation(view.mahalanobis_scores, view.isolation_scores)


@meta_feature(group="landmarks")
def mahalanobis_isolation_overlap(view: View) -> float:
    """Share of the top 5 % by the Mahalanobis distance that are top by the score of a tiny isolation forest too."""
    return overlap(view.mahalanobis_scores, view.isolation_scores)


@meta_feature(group="landmarks")
def neighbour_isolation_rank_correlation(view: View) -> float:
    """Rank correlation of the mean distance to 10 neighbours and the score of a tiny isolation forest."""
    return _rank_correlation(view.neighbour_scores, view.isolation_scores)


@meta_feature(group="landmarks")
def neighbour_isolation_overlap(view: View) -> float:
    """Share of the top 5 % by mean distance to 10 neighbours that a tiny isolation forest has at the top too."""
    return overlap(view.neighbour_scores, view.isolation_scores)


def _rank_correlation(a: FloatArray, b: FloatArray) -> float:
    return correlation(rankdata(a), rankdata(b))
