"""Estimators that look at how a row's neighbours lie: connectivity (COF) and angles (ABOD)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._accelerator import accelerator
from pynomaly_auto.detectors.estimators._neighbours import usable_neighbours
from pynomaly_auto.detectors.estimators._points import Points
from pynomaly_auto.detectors.estimators._scales import blocks
from pynomaly_auto.detectors.estimators._search import NeighbourSearch
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_BLOCK_CELLS = 100_000
_BLOCK_LINKS = 10_000
_FEW_ROWS = 16


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
    _between: FloatArray | None = None

    def __init__(self, n_neighbors: int = 40) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: FloatArray) -> ConnectivityOutlierFactor:
        """Keep ``X``, shape (n_rows, n_features), with its chaining distances, and score it."""
        self.search_ = NeighbourSearch(X, part_ties=True)
        self.n_neighbors_ = usable_neighbours(self.n_neighbors, len(X))
        distances, positions = self.search_.query_self(self.n_neighbors_)
        self.floor_ = self.search_.shortest_length(distances)
        self.chaining_ = self._chaining(distances, positions)
        self.decision_scores_ = self.chaining_ / self.chaining_[positions].mean(axis=1)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        distances, positions = self.search_.query(X, self.n_neighbors_)
        scores: FloatArray = self._chaining(distances, positions) / self.chaining_[positions].mean(axis=1)
        return scores

    def _chaining(self, distances: FloatArray, positions: IntArray) -> FloatArray:
        k = positions.shape[1]
        weights = 2.0 * np.arange(k, 0, -1) / (k * (k + 1))
        out = np.empty(len(positions))
        for part in blocks(len(positions), _BLOCK_LINKS // k + 1):
            out[part] = self._links(distances[part], positions[part]) @ weights
        return np.maximum(out, self.floor_)

    def _links(self, distances: FloatArray, positions: IntArray) -> FloatArray:
        if len(positions) >= _FEW_ROWS:
            if self._between is None:
                points = Points(self.search_.points)
                self._between = _walled(points.squares(points.rows))
            return _links(distances, positions, positions, self._between)
        # All distances within the reference are not worth a few rows: those within each neighbourhood are enough.
        n_rows, k = positions.shape
        groups = [Points(self.search_.points[neighbours]) for neighbours in positions]
        between = _walled(np.concatenate([group.squares(group.rows) for group in groups]))
        rows = np.arange(n_rows * k).reshape(n_rows, k)
        return _links(distances, rows, np.tile(np.arange(k), (n_rows, 1)), between)


def _walled(squares: FloatArray) -> FloatArray:
    """The distances, and a last column that is far from everything."""
    return np.hstack([np.sqrt(squares), np.full((len(squares), 1), np.inf)])


def _links(near: FloatArray, rows: IntArray, columns: IntArray, between: FloatArray) -> FloatArray:
    """Lengths of the links that join a row with all its neighbours, in the order they are made; shape as ``near``.

    Args:
        near: Distances from each row to its neighbours; shape (n_rows, k).
        rows: Where in ``between`` each neighbour has its row of distances; shape (n_rows, k).
        columns: Where in such a row the other neighbours stand; shape (n_rows, k).
        between: Distances between neighbours, the last column infinite.
    """
    n_rows, k = near.shape
    near, columns, every = near.copy(), columns.copy(), np.arange(n_rows)
    links = np.empty((k, n_rows))
    table, starts, wall = between.ravel(), rows * between.shape[1], between.shape[1] - 1
    for step in range(k):
        chosen = near.argmin(axis=1)
        links[step] = near[every, chosen]
        near[every, chosen], columns[every, chosen] = np.inf, wall  # joined: never again the nearest
        np.minimum(near, table.take(starts[every, chosen][:, None] + columns), out=near)
    return np.ascontiguousarray(links.T)


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
        self.decision_scores_ = self._score(self.search_.points, positions)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        _, positions = self.search_.query(X, self.n_neighbors_)
        return self._score(X - self.search_.centre_, positions)

    def _score(self, Z: FloatArray, positions: IntArray) -> FloatArray:
        unit = accelerator()
        swift = None if unit is None else unit.angle_variances(self.search_.peers, Z, positions, self.floor_)
        return -np.log((self._variances(Z, positions) if swift is None else swift) + 1e-60)

    def _variances(self, Z: FloatArray, positions: IntArray) -> FloatArray:
        k = positions.shape[1]
        first, second = np.triu_indices(k, 1)
        out = np.empty(len(Z))
        for part in blocks(len(Z), _BLOCK_CELLS // (k * (k + Z.shape[1])) + 1):
            # In units of the floor: a neighbour nearer than that (a duplicate) forms angles as if it were that far.
            away = (self.search_.points[positions[part]] - Z[part][:, None, :]) / self.floor_
            squares = np.maximum(np.einsum("gij,gij->gi", away, away), 1.0)
            products = (away @ away.transpose(0, 2, 1))[:, first, second]
            lengths = squares[:, first] * squares[:, second]
            angles = products / lengths
            weights = 1.0 / np.sqrt(lengths)
            weights /= weights.sum(axis=1, keepdims=True)
            mean = (weights * angles).sum(axis=1)
            out[part] = (weights * (angles - mean[:, None]) ** 2).sum(axis=1)
        return out
