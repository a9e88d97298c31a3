"""How many clusters the bulk of a table falls into: small k-means, silhouettes, and valleys between centres."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from pynomaly_auto.profiling._statistics import need
from pynomaly_auto.records import FloatArray, IntArray

_COUNTS = (2, 3, 4, 5, 6, 8)


@dataclass(frozen=True, kw_only=True)
class Clustering:
    """What small k-means found.

    Args:
        silhouettes: Number of clusters to mean silhouette.
        clusters: The number with the best silhouette whose clusters are all separated by a valley; 1 if there is none.
        separation: The silhouette of that number; 0 for one cluster.
        labels: Cluster of each row for the best silhouette of all; shape (n_rows,).
        centre_distances: Distance of each row to its centre, for those labels.
    """

    silhouettes: dict[int, float]
    clusters: int
    separation: float
    labels: IntArray
    centre_distances: FloatArray


def cluster(rows: FloatArray, *, seed: int) -> Clustering:
    """Cluster rows for several numbers of clusters.

    A good silhouette alone proves nothing (halving a uniform line gives 0.6), so a number counts only if between every
    two neighbouring centres there are clearly fewer rows than around them.

    Args:
        rows: Shape (n_rows, n_features).
        seed: Seed of the starting centres.

    Raises:
        NotApplicableError: Fewer than three different rows.
    """
    squares = (rows**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * rows @ rows.T, 0.0))
    different = len(np.unique(rows, axis=0))
    counts = [k for k in _COUNTS if k < different and k <= len(rows) // 4]
    need(bool(counts), "twelve rows with three different ones")
    silhouettes: dict[int, float] = {}
    found: dict[int, tuple[FloatArray, IntArray]] = {}
    parted: list[int] = []
    for k in counts:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near-duplicates: fewer clusters than asked for
            model = KMeans(n_clusters=k, n_init=2, max_iter=50, random_state=seed).fit(rows)
        centres, labels = np.asarray(model.cluster_centers_), np.asarray(model.labels_, dtype=np.int64)
        found[k] = (centres, labels)
        silhouettes[k] = silhouette(distances, labels)
        if _all_parted(rows, centres, labels):
            parted.append(k)
    best = max(silhouettes, key=lambda k: silhouettes[k])
    chosen = max(parted, key=lambda k: silhouettes[k], default=1)
    centres, labels = found[best]
    return Clustering(
        silhouettes=silhouettes,
        clusters=chosen,
        separation=silhouettes.get(chosen, 0.0),
        labels=labels,
        centre_distances=np.sqrt(((rows - centres[labels]) ** 2).sum(axis=1)),
    )


def silhouette(distances: FloatArray, labels: IntArray) -> float:
    """Mean silhouette from a matrix of distances.

    Paper: Rousseeuw, Silhouettes, 1987.

    Args:
        distances: Shape (n_rows, n_rows).
        labels: Cluster of each row, from 0; shape (n_rows,).

    >>> line = np.array([0.0, 1.0, 10.0, 11.0])
    >>> round(silhouette(np.abs(line[:, None] - line), np.array([0, 0, 1, 1])), 2)
    0.9
    """
    members = np.eye(int(labels.max()) + 1)[labels]
    sizes = members.sum(axis=0)
    sums = distances @ members
    rows = np.arange(len(labels))
    own_size = sizes[labels]
    inside = sums[rows, labels] / np.maximum(own_size - 1, 1)
    means = sums / np.maximum(sizes, 1)
    means[rows, labels] = np.inf
    means[:, sizes == 0] = np.inf
    outside = means.min(axis=1)
    larger = np.maximum(inside, outside)
    usable = (own_size > 1) & (larger > 0) & np.isfinite(larger)  # a row alone in its cluster has silhouette 0
    values = np.zeros(len(labels))
    values[usable] = (outside - inside)[usable] / larger[usable]
    return float(values.mean())


def _all_parted(rows: FloatArray, centres: FloatArray, labels: IntArray) -> bool:
    sizes = np.bincount(labels, minlength=len(centres))
    if sizes.min() < max(3, 0.03 * len(rows)):
        return False
    apart = ((centres[:, None] - centres) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    return all(_valley(rows, centres, labels, a, int(apart[a].argmin())) >= 0.5 for a in range(len(centres)))


def _valley(rows: FloatArray, centres: FloatArray, labels: IntArray, a: int, b: int) -> float:
    """1 minus the rows half way between two centres relative to those around the emptier of the centres.

    The rows half way are counted one standard error too many, so that a valley among few rows has to be deep.
    """
    axis = centres[b] - centres[a]
    both = rows[(labels == a) | (labels == b)]
    place = (both - centres[a]) @ axis / float(axis @ axis)
    middle, *around = (int((np.abs(place - at) <= 0.15).sum()) for at in (0.5, 0.0, 1.0))
    return 1.0 - float(middle + np.sqrt(middle) + 1.0) / max(1, min(around))
