"""Estimators that measure a row by the nearest cluster of k-means: CBLOF and the scaled distance to the centroid."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._points import Points
from pynomaly_auto.detectors.estimators._scales import blocks
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_BLOCK = 4_000


def _clustered(X: FloatArray, n_clusters: int, seed: int | None, *, mini_batch: bool) -> tuple[FloatArray, IntArray]:
    """Centroids of the non-empty clusters and the rows' assignment to them."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    count = max(1, min(n_clusters, len(X) // 2))
    kind = MiniBatchKMeans if mini_batch else KMeans
    model = kind(count, n_init=3 if mini_batch else 1, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters: some stay empty
        model.fit(X)
    held, labels = np.unique(model.labels_, return_inverse=True)
    return model.cluster_centers_[held].astype(np.float64), labels.astype(np.int64)


class ClusterBasedLOF(Stored):
    """Distance to the nearest large cluster (He, Xu & Deng, 2003).

    Clusters are large until they hold the share ``alpha`` of the rows, or until the next is ``beta`` times smaller.

    Args:
        n_clusters: Clusters sought; clipped to half of the rows.
        alpha: Share of the rows that the large clusters hold.
        beta: Ratio of sizes that parts large from small clusters.
        random_state: Seed of the first centroids.
    """

    layout: ClassVar = {"centre_": Array(shape=("d",)), "centroids_": Part(kind=Points)}

    def __init__(
        self, n_clusters: int = 8, alpha: float = 0.9, beta: float = 5.0, random_state: int | None = None
    ) -> None:
        self.n_clusters = n_clusters
        self.alpha = alpha
        self.beta = beta
        self.random_state = random_state

    def fit(self, X: FloatArray) -> ClusterBasedLOF:
        """Find the clusters of ``X``, shape (n_rows, n_features), and the large ones among them."""
        self.centre_ = np.median(X, axis=0)
        centroids, labels = _clustered(X - self.centre_, self.n_clusters, self.random_state, mini_batch=False)
        sizes = np.bincount(labels)
        order = np.argsort(-sizes, kind="stable")
        held = np.cumsum(sizes[order]) >= self.alpha * len(X)
        drop = np.append(sizes[order][:-1] >= self.beta * sizes[order][1:], True)
        # Both signs together part best; the share alone always does.
        both = np.flatnonzero(held & drop)
        last = both[0] if len(both) and both[0] < len(order) - 1 else np.flatnonzero(held)[0]
        self.centroids_ = Points(centroids[order[: last + 1]])
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        scores = np.empty(len(X))
        for part in blocks(len(X), _BLOCK):
            scores[part] = self.centroids_.squares(X[part] - self.centre_, scratch=True).min(axis=1)
        return np.sqrt(scores)


class ScaledCentroidDistance(Stored):
    """Distance to the nearest centroid of mini-batch k-means in units of that cluster's spread.

    Clusters that hold few rows are dropped, or a group of anomalies would be its own norm; the spread of a cluster is
    drawn towards that of all, the more the fewer rows it holds.

    Args:
        n_clusters: Clusters sought; clipped to half of the rows.
        min_share: Smallest share of the rows a cluster must hold, relative to an equal share.
        random_state: Seed of the first centroids and of the batches.
    """

    layout: ClassVar = {
        "centre_": Array(shape=("d",)),
        "centroids_": Part(kind=Points),
        "variances_": Array(shape=("n",), positive=True),
    }

    def __init__(self, n_clusters: int = 5, min_share: float = 0.5, random_state: int | None = None) -> None:
        self.n_clusters = n_clusters
        self.min_share = min_share
        self.random_state = random_state

    def fit(self, X: FloatArray) -> ScaledCentroidDistance:
        """Find the clusters of ``X``, shape (n_rows, n_features), and their spreads."""
        self.centre_ = np.median(X, axis=0)
        Z = X - self.centre_
        centroids, labels = _clustered(Z, self.n_clusters, self.random_state, mini_batch=True)
        sizes = np.bincount(labels).astype(np.float64)
        squares = ((Z - centroids[labels]) ** 2).sum(axis=1)
        held = sizes >= self.min_share * len(X) / self.n_clusters
        held = held if held.any() else sizes == sizes.max()
        inside = held[labels]
        pooled = float(squares[inside].mean()) or float(squares.mean()) or 1.0
        prior = 0.25 * len(X) / self.n_clusters
        sums = np.bincount(labels, weights=squares, minlength=len(sizes))
        self.variances_ = ((sums + prior * pooled) / (sizes + prior))[held]
        self.centroids_ = Points(centroids[held])
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        scores = np.empty(len(X))
        for part in blocks(len(X), _BLOCK):
            far = self.centroids_.squares(X[part] - self.centre_, scratch=True)
            scores[part] = (far / self.variances_).min(axis=1)
        return np.sqrt(scores)
