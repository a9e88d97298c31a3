"""Estimators that only need distances and densities of nearest neighbours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._scales import one_of
from pynomaly_auto.detectors.estimators._search import NeighbourSearch
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value
from pynomaly_auto.errors import SettingError

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_TREE_FEATURES = 5  # beyond, scikit-learn's blocked brute force beats its KD-tree (measured at 5,000 rows)
METHODS = ("largest", "mean", "median")
METRICS = ("minkowski", "euclidean", "manhattan", "cityblock")


def usable_neighbours(wanted: int, n_rows: int, share: float = 1.0) -> int:
    """As many neighbours as wanted and there are: at least 1, at most that share of the other rows."""
    return int(max(1, min(wanted, share * (n_rows - 1))))


def power_of(metric: str, p: float) -> float:
    """The power of the Minkowski distance that a metric's name and scikit-learn's ``p`` stand for.

    Raises:
        SettingError: The metric is unknown, or ``p`` is less than 1.
    """
    power = {"euclidean": 2.0, "manhattan": 1.0, "cityblock": 1.0}.get(one_of("metric", metric, METRICS), p)
    if not isinstance(power, (int, float)) or isinstance(power, bool) or not 1 <= power < math.inf:
        raise SettingError(f"p is {power!r}.", fix="Give a number of at least 1.")
    return float(power)


class NearestNeighbours(Stored):
    """Distance to the nearest rows (Ramaswamy et al., 2000; Angiulli & Pizzuti, 2002).

    Args:
        n_neighbors: How many; clipped to half of the rows fitted on.
        method: ``"largest"`` (to the farthest of them), ``"mean"`` or ``"median"``.
        metric: ``"minkowski"``, ``"euclidean"``, ``"manhattan"`` or ``"cityblock"``.
        p: Power of the Minkowski distance, at least 1.
    """

    layout: ClassVar = {
        "search_": Part(kind=NeighbourSearch),
        "n_neighbors_": Value(kind=int, least=1, most="n"),
        "method": Value(kind=str, among=METHODS),
    }

    def __init__(
        self, n_neighbors: int = 10, method: str = "largest", metric: str = "minkowski", p: float = 2.0
    ) -> None:
        self.n_neighbors, self.metric, self.p = n_neighbors, metric, p
        self._power = power_of(metric, p)
        self.method = one_of("method", method, METHODS)

    def fit(self, X: FloatArray) -> NearestNeighbours:
        """Keep ``X``, shape (n_rows, n_features), and score it, each row leaving itself out."""
        self.search_ = NeighbourSearch(X, power=self._power)
        self.n_neighbors_ = usable_neighbours(self.n_neighbors, len(X), 0.5)
        self.decision_scores_ = self._score(self.search_.query_self(self.n_neighbors_)[0])
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        return self._score(self.search_.distances(X, self.n_neighbors_))

    def _score(self, distances: FloatArray) -> FloatArray:
        if self.method == "largest":
            return distances[:, -1].copy()
        scores: FloatArray = distances.mean(axis=1) if self.method == "mean" else np.median(distances, axis=1)
        return scores


class LocalOutlierFactor(Stored):
    """Density of a row's neighbours relative to its own (Breunig et al., 2000).

    Args:
        n_neighbors: How many; clipped to the other rows.
        metric: ``"minkowski"``, ``"euclidean"``, ``"manhattan"`` or ``"cityblock"``.
        p: Power of the Minkowski distance, at least 1.
    """

    layout: ClassVar = {
        "search_": Part(kind=NeighbourSearch),
        "n_neighbors_": Value(kind=int, least=1, most="n"),
        "reach_": Array(shape=("n",)),
        "floor_": Value(least=1e-300),
        "mean_reach_": Array(shape=("n",), positive=True),
    }

    def __init__(self, n_neighbors: int = 40, metric: str = "minkowski", p: float = 2.0) -> None:
        self.n_neighbors, self.metric, self.p = n_neighbors, metric, p
        self._power = power_of(metric, p)

    def fit(self, X: FloatArray) -> LocalOutlierFactor:
        """Keep ``X``, shape (n_rows, n_features), with its densities, and score it."""
        self.search_ = NeighbourSearch(X, part_ties=True, power=self._power)
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
        reach: FloatArray = np.maximum(distances, self.reach_.take(positions)).mean(axis=1)
        return np.maximum(reach, self.floor_)

    def _factor(self, mean_reach: FloatArray, positions: IntArray) -> FloatArray:
        factor: FloatArray = mean_reach * (1.0 / self.mean_reach_).take(positions).mean(axis=1)
        return factor
