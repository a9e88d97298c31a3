"""Estimators that look at how a row's neighbours lie: connectivity (COF) and angles (ABOD)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors._neighbours import NeighbourSearch, usable_neighbours
from pynomaly_auto.detectors._scales import blocks
from pynomaly_auto.detectors._stored import Array, Part, Stored, Value

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_BLOCK_CELLS = 500_000


def _pairwise(points: FloatArray) -> FloatArray:
    """Squared distances within each group of points; shape (n_groups, size, size)."""
    points = points - points[:, :1]
    squares = np.einsum("gij,gij->gi", points, points)
    products = points @ points.transpose(0, 2, 1)
    out: FloatArray = np.maximum(squares[:, :, None] + squares[:, None, :] - 2.0 * products, 0.0)
    return out


class ConnectivityOutlierFactor(Stored):
    """Average chaining distance of a row relative to that of its neighbours (Tang et al., 2002).

    A row and its neighbours are joined one after the other, each time by the shortest link; early links weigh most.
    Rows that lie beside a line of others, as dense as they are, stand out here and not in the local outlier factor.

    Args:
        n_neighbors: How many; clipped to the other rows.
    """

    layout: ClassVar = {
        "search_": Part(kind=NeighbourSearch),
        "n_neighbors_": Value(kind=int, least=1, most="n"),
        "floor_": Value(least=1e-300),
        "chaining_": Array(shape=("n",), positive=True),
    }

    def __init__(self, n_neighbors: int = 40) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: FloatArray) -> ConnectivityOutlierFactor:
        """Keep ``X``, shape (n_rows, n_features), with its chaining distances, and score it."""
        self.search_ = NeighbourSearch(X, part_ties=True)
        self.n_neighbors_ = usable_neighbours(self.n_neighbors, len(X))
        distances, positions = self.search_.query_self(self.n_neighbors_)
        self.floor_ = self.search_.shortest_length(distances)
        self.chaining_ = self._chaining(self.search_.rows_, positions)
        self.decision_scores_ = self.chaining_ / self.chaining_[positions].mean(axis=1)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        _, positions = self.search_.query(X, self.n_neighbors_)
        scores: FloatArray = self._chaining(X - self.search_.centre_, positions) / self.chaining_[positions].mean(
            axis=1
        )
        return scores

    def _chaining(self, Z: FloatArray, positions: IntArray) -> FloatArray:
        k = positions.shape[1]
        weights = 2.0 * np.arange(k, 0, -1) / (k * (k + 1))
        out = np.empty(len(Z))
        for part in blocks(len(Z), _BLOCK_CELLS // ((k + 1) * (k + 1 + Z.shape[1])) + 1):
            points = np.concatenate([Z[part][:, None, :], self.search_.rows_[positions[part]]], axis=1)
            out[part] = _links(np.sqrt(_pairwise(points))) @ weights
        return np.maximum(out, self.floor_)


def _links(distances: FloatArray) -> FloatArray:
    """Lengths of the links that join each group's first point with all others, in the order they are made.

    Args:
        distances: Within each group; shape (n_groups, size, size).
    """
    n_groups, size, _ = distances.shape
    groups = np.arange(n_groups)
    near = distances[:, 0, :].copy()
    near[:, 0] = np.inf
    links = np.empty((n_groups, size - 1))
    joined = np.zeros((n_groups, size), dtype=bool)
    joined[:, 0] = True
    for step in range(size - 1):
        chosen = near.argmin(axis=1)
        links[:, step] = near[groups, chosen]
        joined[groups, chosen] = True
        near = np.minimum(near, distances[groups, chosen])
        near[joined] = np.inf
    return links


class AngleBasedOutlierDetector(Stored):
    """Variance of the angles at which a row sees its neighbours, weighted by their distances (Kriegel et al., 2008).

    The fast version of the paper: angles between the nearest neighbours only. The score is the negative logarithm of
    the variance, which spans many orders of magnitude.

    Args:
        n_neighbors: How many; clipped to the other rows.
    """

    layout: ClassVar = {
        "search_": Part(kind=NeighbourSearch),
        "n_neighbors_": Value(kind=int, least=1, most="n"),
        "floor_": Value(least=1e-300),
    }

    def __init__(self, n_neighbors: int = 10) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: FloatArray) -> AngleBasedOutlierDetector:
        """Keep ``X``, shape (n_rows, n_features), and score it, each row leaving itself out."""
        self.search_ = NeighbourSearch(X, part_ties=True)
        self.n_neighbors_ = usable_neighbours(max(2, self.n_neighbors), len(X))
        distances, positions = self.search_.query_self(self.n_neighbors_)
        self.floor_ = self.search_.shortest_length(distances)
        self.decision_scores_ = self._score(self.search_.rows_, positions)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        _, positions = self.search_.query(X, self.n_neighbors_)
        return self._score(X - self.search_.centre_, positions)

    def _score(self, Z: FloatArray, positions: IntArray) -> FloatArray:
        k = positions.shape[1]
        first, second = np.triu_indices(k, 1)
        out = np.empty(len(Z))
        for part in blocks(len(Z), _BLOCK_CELLS // (k * (k + Z.shape[1])) + 1):
            # In units of the floor: a neighbour nearer than that (a duplicate) forms angles as if it were that far.
            away = (self.search_.rows_[positions[part]] - Z[part][:, None, :]) / self.floor_
            squares = np.maximum(np.einsum("gij,gij->gi", away, away), 1.0)
            products = (away @ away.transpose(0, 2, 1))[:, first, second]
            lengths = squares[:, first] * squares[:, second]
            angles = products / lengths
            weights = 1.0 / np.sqrt(lengths)
            weights /= weights.sum(axis=1, keepdims=True)
            mean = (weights * angles).sum(axis=1)
            out[part] = (weights * (angles - mean[:, None]) ** 2).sum(axis=1)
        return -np.log(out + 1e-60)
