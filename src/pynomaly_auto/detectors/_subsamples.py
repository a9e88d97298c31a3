"""Estimators that measure a row by distances to small random subsets: INNE and sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto.detectors._scales import blocks, squared_distances
from pynomaly_auto.detectors._stored import Array, Stored, Value
from pynomaly_auto.errors import StorageError

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_BLOCK_CELLS = 500_000
_TOUCH = 1e-9  # relative slack of a sphere, so that the row that defines its radius is inside whatever the rounding


def _subsets(n_rows: int, n_subsets: int, size: int, seed: int | None) -> IntArray:
    rng = np.random.default_rng(seed)
    drawn: np.ndarray[Any, np.dtype[np.int64]] = np.stack(
        [rng.choice(n_rows, size, replace=False) for _ in range(n_subsets)]
    )
    return drawn


class IsolationNearestNeighbour(Stored):
    """Isolation by nearest-neighbour ensembles (Bandaragoda et al., 2018).

    Each subset spans spheres that reach to each member's nearest fellow; a row is scored by how much smaller the
    neighbouring sphere of its smallest sphere is, and by 1 outside of all spheres.

    Args:
        n_estimators: Number of subsets.
        max_samples: Rows in each; clipped to half of the rows.
        random_state: Seed of the subsets.
    """

    layout: ClassVar = {
        "centre_": Array(shape=("d",)),
        "centres_": Array(shape=("spheres", "d")),
        "radii_": Array(shape=("spheres",)),
        "ratios_": Array(shape=("subsets", "size")),
    }

    def __init__(self, n_estimators: int = 100, max_samples: int = 8, random_state: int | None = None) -> None:
        self.n_estimators = n_estimators
        self.max_samples = max_samples
        self.random_state = random_state

    def fit(self, X: FloatArray) -> IsolationNearestNeighbour:
        """Draw the spheres from ``X``, shape (n_rows, n_features)."""
        self.centre_ = np.median(X, axis=0)
        size = max(2, min(self.max_samples, len(X) // 2))
        self.centres_ = (X - self.centre_)[_subsets(len(X), self.n_estimators, size, self.random_state).ravel()]
        groups = self.centres_.reshape(self.n_estimators, size, -1)
        radii = np.empty((self.n_estimators, size))
        ratios = np.empty((self.n_estimators, size))
        for i, group in enumerate(groups):
            # Exact differences: radii of duplicates must be exactly zero.
            far = ((group[:, None, :] - group[None, :, :]) ** 2).sum(axis=2)
            np.fill_diagonal(far, np.inf)
            radii[i] = far.min(axis=1)
            fellow = radii[i][far.argmin(axis=1)]
            ratios[i] = np.where(radii[i] > 0, 1.0 - fellow / np.where(radii[i] > 0, radii[i], 1.0), 0.0)
        self.radii_ = radii.ravel()
        self.ratios_ = ratios
        return self

    def check(self) -> None:
        """As many spheres as the subsets hold."""
        if self.ratios_.size != len(self.centres_):
            raise StorageError(f"{len(self.centres_)} spheres do not fit subsets of shape {self.ratios_.shape}.")

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        scores = np.empty(len(X))
        n_subsets, size = self.ratios_.shape
        subset = np.arange(n_subsets)
        for part in blocks(len(X), _BLOCK_CELLS // len(self.centres_) + 1):
            Z = X[part] - self.centre_
            slack = _TOUCH * (1.0 + np.einsum("ij,ij->i", Z, Z))[:, None]
            far = squared_distances(Z, self.centres_)
            radii = np.where(far <= self.radii_ * (1.0 + _TOUCH) + slack, self.radii_, np.inf)
            radii = radii.reshape(len(Z), n_subsets, size)
            smallest = radii.argmin(axis=2)
            covered = np.isfinite(np.take_along_axis(radii, smallest[:, :, None], axis=2)[:, :, 0])
            scores[part] = np.where(covered, self.ratios_[subset, smallest], 1.0).mean(axis=1)
        return scores


class SubsampleDistance(Stored):
    """Distance to the nearest row of a small random subset (Sugiyama & Borgwardt, 2013), averaged over some subsets.

    One subset of 20 rows, as in the paper, makes the result a matter of luck; a few more cost little.

    Args:
        subset_size: Rows in each subset; clipped to half of the rows.
        n_subsets: Number of subsets.
        random_state: Seed of the subsets.
    """

    layout: ClassVar = {
        "centre_": Array(shape=("d",)),
        "subsets_": Array(shape=("drawn", "d")),
        "n_subsets": Value(kind=int, least=1, most="drawn"),
    }

    def __init__(self, subset_size: int = 20, n_subsets: int = 10, random_state: int | None = None) -> None:
        self.subset_size = subset_size
        self.n_subsets = n_subsets
        self.random_state = random_state

    def fit(self, X: FloatArray) -> SubsampleDistance:
        """Draw the subsets from ``X``, shape (n_rows, n_features), and score it, each row leaving itself out."""
        size = max(2, min(self.subset_size, len(X) // 2))
        drawn = _subsets(len(X), self.n_subsets, size, self.random_state)
        self.centre_ = np.median(X, axis=0)
        self.subsets_ = (X - self.centre_)[drawn.ravel()]
        self.decision_scores_ = self._score(X, drawn)
        return self

    def check(self) -> None:
        """All subsets are of one size."""
        if len(self.subsets_) % self.n_subsets:
            raise StorageError(f"{len(self.subsets_)} rows do not make {self.n_subsets} subsets of one size.")

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        return self._score(X, None)

    def _score(self, X: FloatArray, drawn: IntArray | None) -> FloatArray:
        scores = np.empty(len(X))
        for part in blocks(len(X), _BLOCK_CELLS // len(self.subsets_) + 1):
            far = squared_distances(X[part] - self.centre_, self.subsets_)
            if drawn is not None:
                mine = np.flatnonzero((drawn.ravel() >= part.start) & (drawn.ravel() < part.stop))
                far[drawn.ravel()[mine] - part.start, mine] = np.inf
            nearest = far.reshape(len(far), self.n_subsets, -1).min(axis=2)
            scores[part] = np.sqrt(nearest).mean(axis=1)
        return scores
