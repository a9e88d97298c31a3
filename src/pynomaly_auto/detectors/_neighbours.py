"""Nearest-neighbour search, and the estimators that only need distances and densities of neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto.detectors._scales import median_scale, one_of
from pynomaly_auto.detectors._stored import Array, Part, Stored, Value

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_TREE_FEATURES = 5  # beyond, scikit-learn's blocked brute force beats its KD-tree (measured at 5,000 rows)
METHODS = ("largest", "mean", "median")
_PARTING = 1e-5
_CANCELLED = 1e-7  # share of the squared norm below which the brute force's squared distance is rounding noise


class NeighbourSearch(Stored):
    """Exact Euclidean nearest neighbours among the rows fitted on.

    Only the rows are state: the index over them is made when first needed and never stored.

    Args:
        X: The rows; shape (n_rows, n_features).
        part_ties: Move the rows by a hundred-thousandth of their features' scales, always the same way. Which of many
            equally distant rows are neighbours would otherwise hang on rounding, which differs between a row alone and
            a batch; those who use more than the distances need it.
    """

    layout: ClassVar = {
        "centre_": Array(shape=("d",)),
        "rows_": Array(shape=("n", "d")),
        "resolution_": Value(least=0.0),
    }
    _index: Any = None

    def __init__(self, X: FloatArray, *, part_ties: bool = False) -> None:
        self.centre_, scale = median_scale(X)  # small norms keep the brute force's cancellation small
        self.rows_ = np.ascontiguousarray(X - self.centre_)
        self.resolution_ = 0.0
        if part_ties:
            self.rows_ += _PARTING * scale * np.random.default_rng(0).normal(size=X.shape)
            self.resolution_ = 10.0 * _PARTING * float(np.sqrt((scale**2).sum()))

    def __getstate__(self) -> dict[str, Any]:
        return {"centre_": self.centre_, "rows_": self.rows_, "resolution_": self.resolution_}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def __len__(self) -> int:
        return len(self.rows_)

    def shortest_length(self, distances: FloatArray) -> float:
        """A length far below the usual of these distances: stands for zero, whose density would be infinite."""
        apart = distances[distances > self.resolution_]
        return 1e-3 * float(np.median(apart)) if len(apart) else 1.0

    def query(self, X: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Distances to and positions of the ``k`` nearest rows, nearest first; shapes (len(X), k)."""
        return self._query(np.ascontiguousarray(X - self.centre_), k)

    def query_self(self, k: int) -> tuple[FloatArray, IntArray]:
        """The same for the rows themselves, each leaving itself (but not its duplicates) out."""
        distances, positions = self._query(self.rows_, k + 1)
        mine = positions == np.arange(len(self))[:, None]
        # Among many duplicates a row may not be in its own list; then the farthest of the list goes.
        mine[~mine.any(axis=1), -1] = True
        return distances[~mine].reshape(-1, k), positions[~mine].reshape(-1, k)

    def _query(self, Z: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        if self.rows_.shape[1] <= _TREE_FEATURES:
            distances, positions = self._tree().query(Z, k)
            return distances, positions.astype(np.int64)
        distances, positions = self._brute().kneighbors(Z, k)
        norms = np.einsum("ij,ij->i", Z, Z)
        doubtful = np.flatnonzero(distances[:, 0] ** 2 < _CANCELLED * norms)
        for i in doubtful:
            exact = np.sqrt(((self.rows_[positions[i]] - Z[i]) ** 2).sum(axis=1))
            order = np.argsort(exact, kind="stable")
            distances[i], positions[i] = exact[order], positions[i][order]
        return distances, positions

    def _tree(self) -> Any:
        if self._index is None:
            from sklearn.neighbors import KDTree

            self._index = KDTree(self.rows_)
        return self._index

    def _brute(self) -> Any:
        if self._index is None:
            from sklearn.neighbors import NearestNeighbors

            self._index = NearestNeighbors(algorithm="brute").fit(self.rows_)
        return self._index


def usable_neighbours(wanted: int, n_rows: int, share: float = 1.0) -> int:
    """As many neighbours as wanted and there are: at least 1, at most that share of the other rows."""
    return int(max(1, min(wanted, share * (n_rows - 1))))


class NearestNeighbours(Stored):
    """Distance to the nearest rows (Ramaswamy et al., 2000; Angiulli & Pizzuti, 2002).

    Args:
        n_neighbors: How many; clipped to half of the rows fitted on.
        method: ``"largest"`` (to the farthest of them), ``"mean"`` or ``"median"``.
    """

    layout: ClassVar = {
        "search_": Part(kind=NeighbourSearch),
        "n_neighbors_": Value(kind=int, least=1, most="n"),
        "method": Value(kind=str, among=METHODS),
    }

    def __init__(self, n_neighbors: int = 10, method: str = "largest") -> None:
        self.n_neighbors = n_neighbors
        self.method = one_of("method", method, METHODS)

    def fit(self, X: FloatArray) -> NearestNeighbours:
        """Keep ``X``, shape (n_rows, n_features), and score it, each row leaving itself out."""
        self.search_ = NeighbourSearch(X)
        self.n_neighbors_ = usable_neighbours(self.n_neighbors, len(X), 0.5)
        self.decision_scores_ = self._score(self.search_.query_self(self.n_neighbors_)[0])
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        return self._score(self.search_.query(X, self.n_neighbors_)[0])

    def _score(self, distances: FloatArray) -> FloatArray:
        if self.method == "largest":
            return distances[:, -1].copy()
        scores: FloatArray = distances.mean(axis=1) if self.method == "mean" else np.median(distances, axis=1)
        return scores


class LocalOutlierFactor(Stored):
    """Density of a row's neighbours relative to its own (Breunig et al., 2000).

    Args:
        n_neighbors: How many; clipped to the other rows.
    """

    layout: ClassVar = {
        "search_": Part(kind=NeighbourSearch),
        "n_neighbors_": Value(kind=int, least=1, most="n"),
        "reach_": Array(shape=("n",)),
        "floor_": Value(least=1e-300),
        "mean_reach_": Array(shape=("n",), positive=True),
    }

    def __init__(self, n_neighbors: int = 40) -> None:
        self.n_neighbors = n_neighbors

    def fit(self, X: FloatArray) -> LocalOutlierFactor:
        """Keep ``X``, shape (n_rows, n_features), with its densities, and score it."""
        self.search_ = NeighbourSearch(X, part_ties=True)
        self.n_neighbors_ = usable_neighbours(self.n_neighbors, len(X))
        distances, positions = self.search_.query_self(self.n_neighbors_)
        self.reach_ = distances[:, -1].copy()
        self.floor_ = self.search_.shortest_length(distances)
        self.mean_reach_ = self._mean_reach(distances, positions)
        self.decision_scores_ = self._factor(self.mean_reach_, positions)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        distances, positions = self.search_.query(X, self.n_neighbors_)
        return self._factor(self._mean_reach(distances, positions), positions)

    def _mean_reach(self, distances: FloatArray, positions: IntArray) -> FloatArray:
        reach: FloatArray = np.maximum(distances, self.reach_[positions]).mean(axis=1)
        return np.maximum(reach, self.floor_)

    def _factor(self, mean_reach: FloatArray, positions: IntArray) -> FloatArray:
        factor: FloatArray = mean_reach * (1.0 / self.mean_reach_[positions]).mean(axis=1)
        return factor
