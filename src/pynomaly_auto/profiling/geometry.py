"""Meta-features of how rows lie in space: dimension, distances to neighbours, hubs, clusters."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from pynomaly_auto.profiling._meta import meta_feature
from pynomaly_auto.profiling._neighbours import nearest_distance
from pynomaly_auto.profiling._statistics import correlation, need, quantile_ratio, skewness, variation
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import FloatArray, IntArray


@meta_feature(group="geometry")
def pca_participation_ratio(view: View) -> float:
    """Squared sum of the covariance's eigenvalues over the sum of their squares; log.

    Paper: Recanatesi et al., Dimensionality compression and expansion in deep neural networks, 2019.
    """
    shares = _variance_shares(view)
    return float(-np.log((shares**2).sum()))


@meta_feature(group="geometry")
def pca_effective_rank_share(view: View) -> float:
    """Exponential of the entropy of the covariance's eigenvalues, per feature.

    Paper: Roy and Vetterli, The effective rank: a measure of effective dimensionality, 2007.
    """
    shares = _variance_shares(view)
    positive = shares[shares > 0]
    return float(np.exp(-(positive * np.log(positive)).sum()) / view.n_features)


@meta_feature(group="geometry")
def pca_components_90_share(view: View) -> float:
    """Principal components that hold 90 % of the variance, per feature."""
    return _components(view, 0.9) / view.n_features


@meta_feature(group="geometry")
def pca_components_99_share(view: View) -> float:
    """Principal components that hold 99 % of the variance, per feature."""
    return _components(view, 0.99) / view.n_features


@meta_feature(group="geometry")
def pca_first_share(view: View) -> float:
    """Share of the variance along the first principal component."""
    return float(_variance_shares(view)[0])


@meta_feature(group="geometry")
def intrinsic_dimension_mle(view: View) -> float:
    """Intrinsic dimension from the growth of distances to up to 20 neighbours.

    Paper: Levina and Bickel, Maximum likelihood estimation of intrinsic dimension, 2004, averaged as in MacKay and
    Ghahramani's comment, 2005.
    """
    return float(1.0 / _inverse_dimensions(view).mean())


@meta_feature(group="geometry")
def intrinsic_dimension_two_nn(view: View) -> float:
    """Intrinsic dimension from the ratio of the distances to the two nearest neighbours.

    Paper: Facco et al., Estimating the intrinsic dimension of datasets by a minimal neighborhood information, 2017.
    """
    near = view.neighbours.distances
    proper = near[:, 0] > 0
    ratios = np.sort(near[proper, 1] / near[proper, 0])
    need(len(ratios) >= 10, "ten rows without an exact copy")
    kept = max(2, int(0.9 * len(ratios)))  # the largest ratios are the noisiest
    logs = np.log(ratios[:kept])
    need(float(logs[-1]) > 1e-9, "neighbours at different distances")
    tails = -np.log1p(-np.arange(1, kept + 1) / (len(ratios) + 1))
    return float(logs @ tails / (logs @ logs))


@meta_feature(group="geometry")
def intrinsic_dimension_share(view: View) -> float:
    """Intrinsic dimension (Levina and Bickel) per encoded feature."""
    return float(1.0 / _inverse_dimensions(view).mean()) / view.n_features


@meta_feature(group="geometry")
def local_dimension_spread(view: View) -> float:
    """Logarithm of the ratio of the 90 % to the 10 % quantile of the intrinsic dimension around single rows.

    Paper: Houle, Local intrinsic dimensionality, 2017.
    """
    return quantile_ratio(_inverse_dimensions(view), 0.9, 0.1)


@meta_feature(group="geometry")
def knn5_distance_variation(view: View) -> float:
    """Coefficient of variation of the distance to the 5th neighbour."""
    return variation(view.kth_distance(5))


@meta_feature(group="geometry")
def knn5_distance_skewness(view: View) -> float:
    """Skewness of the distance to the 5th neighbour."""
    return skewness(view.kth_distance(5))


@meta_feature(group="geometry")
def knn5_distance_tail(view: View) -> float:
    """Logarithm of the 99 % quantile over the median of the distance to the 5th neighbour."""
    return quantile_ratio(view.kth_distance(5), 0.99)


@meta_feature(group="geometry")
def knn5_distance_spread(view: View) -> float:
    """Logarithm of the upper over the lower quartile of the distance to the 5th neighbour."""
    return quantile_ratio(view.kth_distance(5), 0.75, 0.25)


@meta_feature(group="geometry")
def knn20_distance_variation(view: View) -> float:
    """Coefficient of variation of the distance to the 20th neighbour."""
    return variation(view.kth_distance(20))


@meta_feature(group="geometry")
def knn20_distance_skewness(view: View) -> float:
    """Skewness of the distance to the 20th neighbour."""
    return skewness(view.kth_distance(20))


@meta_feature(group="geometry")
def knn20_distance_tail(view: View) -> float:
    """Logarithm of the 99 % quantile over the median of the distance to the 20th neighbour."""
    return quantile_ratio(view.kth_distance(20), 0.99)


@meta_feature(group="geometry")
def knn20_distance_spread(view: View) -> float:
    """Logarithm of the upper over the lower quartile of the distance to the 20th neighbour."""
    return quantile_ratio(view.kth_distance(20), 0.75, 0.25)


@meta_feature(group="geometry")
def knn100_distance_variation(view: View) -> float:
    """Coefficient of variation of the distance to the 100th neighbour."""
    return variation(view.kth_distance(100))


@meta_feature(group="geometry")
def knn100_distance_skewness(view: View) -> float:
    """Skewness of the distance to the 100th neighbour."""
    return skewness(view.kth_distance(100))


@meta_feature(group="geometry")
def knn100_distance_tail(view: View) -> float:
    """Logarithm of the 99 % quantile over the median of the distance to the 100th neighbour."""
    return quantile_ratio(view.kth_distance(100), 0.99)


@meta_feature(group="geometry")
def density_contrast_variation(view: View) -> float:
    """Coefficient of variation of the distance to the 5th over that to the 50th neighbour: clumps within the whole."""
    near, far = view.kth_distance(5), view.kth_distance(50)
    need(bool(far.any()), "rows that differ from their 50th neighbour")
    return variation(near[far > 0] / far[far > 0])


@meta_feature(group="geometry")
def relative_density_tail(view: View) -> float:
    """Logarithm of the 99 % quantile of the distance to the 10th neighbour relative to the neighbours' own.

    Paper: Breunig et al., LOF: Identifying density-based local outliers, 2000.
    """
    return float(np.log(np.quantile(view.local_scores, 0.99)))


@meta_feature(group="geometry")
def relative_density_variation(view: View) -> float:
    """Coefficient of variation of the distance to the 10th neighbour relative to the neighbours' own.

    Paper: Breunig et al., LOF: Identifying density-based local outliers, 2000.
    """
    return variation(view.local_scores)


@meta_feature(group="geometry")
def hubness_skewness(view: View) -> float:
    """Skewness of how often a row is among the 10 nearest neighbours of others.

    Paper: Radovanović, Nanopoulos and Ivanović, Hubs in space, 2010.
    """
    return skewness(_occurrences(view).astype(np.float64))


@meta_feature(group="geometry")
def orphans_share(view: View) -> float:
    """Share of the rows that are among the 10 nearest neighbours of no other.

    Paper: Radovanović, Nanopoulos and Ivanović, Reverse nearest neighbors in unsupervised outlier detection, 2015.
    """
    return float((_occurrences(view) == 0).mean())


@meta_feature(group="geometry")
def mutual_neighbours_share(view: View) -> float:
    """Share of the 10-nearest-neighbour relations that hold both ways."""
    links = _links(view, 10)
    return float(links.multiply(links.T).sum() / links.sum())


@meta_feature(group="geometry")
def neighbour_graph_components(view: View) -> float:
    """Logarithm of the number of connected parts of the graph of 5 nearest neighbours."""
    return float(np.log(connected_components(_links(view, 5), directed=False)[0]))


@meta_feature(group="geometry")
def neighbour_graph_largest_share(view: View) -> float:
    """Share of the rows in the largest connected part of the graph of 5 nearest neighbours."""
    labels = connected_components(_links(view, 5), directed=False)[1]
    return float(np.bincount(labels).max() / len(labels))


@meta_feature(group="geometry")
def distance_concentration(view: View) -> float:
    """Coefficient of variation of the distances between rows: small where all distances become alike.

    Paper: Beyer et al., When is nearest neighbor meaningful?, 1999.
    """
    return variation(view.distances[np.triu_indices(len(view.distances), k=1)])


@meta_feature(group="geometry")
def relative_contrast(view: View) -> float:
    """Logarithm of the mean distance between rows over the mean distance to the nearest neighbour.

    Paper: He, Kumar and Chang, On the difficulty of nearest neighbor search, 2012.
    """
    nearest = float(view.kth_distance(1).mean())
    count = len(view.distances)
    need(nearest > 0, "rows without an exact copy")
    return float(np.log(view.distances.sum() / (count * (count - 1)) / nearest))


@meta_feature(group="geometry")
def centre_distance_variation(view: View) -> float:
    """Coefficient of variation of the distance to the features' medians."""
    return variation(view.centre_distance)


@meta_feature(group="geometry")
def centre_distance_tail(view: View) -> float:
    """Logarithm of the 99 % quantile over the median of the distance to the features' medians."""
    return quantile_ratio(view.centre_distance, 0.99)


@meta_feature(group="geometry")
def centre_density_correlation(view: View) -> float:
    """Rank correlation of the distance to the medians with that to the 20th neighbour: near 1 with one dense core."""
    ranks = [np.argsort(np.argsort(v, kind="stable")) for v in (view.centre_distance, view.kth_distance(20))]
    need(bool(view.centre_distance.any()), "rows that differ")
    return correlation(ranks[0].astype(np.float64), ranks[1].astype(np.float64))


@meta_feature(group="geometry")
def hopkins(view: View) -> float:
    """Hopkins' statistic: 0.5 for rows strewn evenly over their range, towards 1 the more they cluster.

    In 10 principal components where there are more features, and within the central 98 % of each, so that single
    outliers do not stretch the range.

    Paper: Hopkins and Skellam, A new method for determining the type of distribution of plant individuals, 1954.
    """
    need(len(view.points) >= 20, "twenty rows")
    rows = view.points @ view.spectrum.vectors[:, :10] if view.n_features > 10 else view.points
    low, high = np.quantile(rows, [0.01, 0.99], axis=0)
    rows = rows[((rows >= low) & (rows <= high)).all(axis=1)]
    need(len(rows) >= 20, "twenty rows in the middle")
    rng = view.rng("hopkins")
    count = min(200, max(10, len(rows) // 5))
    strewn = nearest_distance(rng.uniform(low, high, size=(count, rows.shape[1])), rows)
    own = nearest_distance(rows[rng.choice(len(rows), count, replace=False)], rows, skipped=1)
    total = float(strewn.sum() + own.sum())
    need(total > 0, "rows that differ")
    return float(strewn.sum() / total)


@meta_feature(group="geometry")
def silhouette_best(view: View) -> float:
    """Mean silhouette of the best small k-means of the rows that are not far out.

    Paper: Rousseeuw, Silhouettes, 1987.
    """
    return max(view.clustering.silhouettes.values())


@meta_feature(group="geometry")
def silhouette_of_two(view: View) -> float:
    """Mean silhouette of k-means with two clusters.

    Paper: Rousseeuw, Silhouettes, 1987.
    """
    return view.clustering.silhouettes[2]


@meta_feature(group="geometry")
def clusters_found(view: View) -> float:
    """Number of clusters that valleys part from each other; 1 if there are none."""
    return float(view.clustering.clusters)


@meta_feature(group="geometry")
def cluster_balance(view: View) -> float:
    """Entropy of the cluster sizes of the best small k-means, divided by its maximum."""
    shares = np.bincount(view.clustering.labels) / len(view.clustering.labels)
    positive = shares[shares > 0]
    need(len(positive) > 1, "two clusters")
    return float(-(positive * np.log(positive)).sum() / np.log(len(positive)))


@meta_feature(group="geometry")
def cluster_distance_tail(view: View) -> float:
    """Logarithm of the 99 % quantile over the median of the distance to the own cluster's centre."""
    return quantile_ratio(view.clustering.centre_distances, 0.99)


def _variance_shares(view: View) -> FloatArray:
    values = view.spectrum.values
    return np.asarray(values / values.sum())


def _components(view: View, share: float) -> int:
    return int(np.searchsorted(np.cumsum(_variance_shares(view)), share - 1e-12) + 1)


def _inverse_dimensions(view: View) -> FloatArray:
    near = view.neighbours.distances[:, :20]
    near = near[near[:, 0] > 0]
    need(len(near) >= 5 and near.shape[1] >= 3, "rows without an exact copy")
    inverse = np.log(near[:, -1:] / near[:, :-1]).sum(axis=1) / (near.shape[1] - 2)
    need(float(inverse.mean()) > 1e-9, "neighbours at different distances")
    return np.asarray(inverse)


def _occurrences(view: View) -> IntArray:
    need(len(view.points) > 10, "more than ten rows")
    return np.bincount(view.neighbours.positions[:, :10].ravel(), minlength=len(view.points))


def _links(view: View, k: int) -> csr_array:
    need(len(view.points) > k, f"more than {k} rows")
    targets = view.neighbours.positions[:, :k]
    count = len(targets)
    rows = np.repeat(np.arange(count), k)
    return csr_array((np.ones(rows.size), (rows, targets.ravel())), shape=(count, count))
