"""Estimators that measure a row by distances to small random subsets: INNE and sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._points import Points
from pynomaly_auto.detectors.estimators._scales import blocks
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value
from pynomaly_auto.errors import StorageError

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_BLOCK_CELLS = 100_000
_BITS = 8  # most spheres of a subset whose cover is looked up in a table
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
    _limits: FloatArray | None = None
    _table: FloatArray | None = None

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
        # From the smallest sphere of each subset to the largest, so that the first that covers a row is the smallest.
        order = np.argsort(radii, axis=1, kind="stable")
        self.centres_ = np.take_along_axis(groups, order[:, :, None], axis=1).reshape(self.centres_.shape)
        self.radii_ = np.take_along_axis(radii, order, axis=1).ravel()
        self.ratios_ = np.take_along_axis(ratios, order, axis=1)
        return self

    def check(self) -> None:
        """As many spheres as the subsets hold."""
        if self.ratios_.size != len(self.centres_):
            raise StorageError(f"{len(self.centres_)} spheres do not fit subsets of shape {self.ratios_.shape}.")

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        scores = np.empty(len(X))
        n_subsets, size = self.ratios_.shape
        table = self._ratios_by_cover()
        subset = np.arange(n_subsets)
        for part in blocks(len(X), _BLOCK_CELLS // len(self.radii_) + 1):
            inside = self._inside(X[part] - self.centre_)
            if table is None:
                inside = inside.reshape(-1, n_subsets, size)
                first = inside.argmax(axis=2)
                covered = np.take_along_axis(inside, first[:, :, None], axis=2)[:, :, 0]
                ratios = np.where(covered, self.ratios_[subset, first], 1.0)
            else:
                cover = np.packbits(inside.ravel(), bitorder="little").reshape(-1, n_subsets)
                ratios = table.take(cover + subset * (1 << _BITS))
            scores[part] = ratios.mean(axis=1)
        return scores

    def _inside(self, Z: FloatArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which spheres each row is in; subsets of less than eight spheres have others that nothing is in."""
        if self._limits is None:
            squares = np.einsum("ij,ij->i", self.centres_, self.centres_)
            limits = np.vstack([-2.0 * self.centres_.T, squares - self.radii_ * (1.0 + _TOUCH)])
            limits = limits.reshape(len(limits), *self.ratios_.shape)
            missing = max(_BITS - self.ratios_.shape[1], 0)
            nowhere = np.zeros((len(limits), len(self.ratios_), missing))
            nowhere[-1] = np.inf
            self._limits = np.concatenate([limits, nowhere], axis=2).reshape(len(limits), -1)
        norms = np.einsum("ij,ij->i", Z, Z)
        beyond = np.hstack([Z, np.ones((len(Z), 1))]) @ self._limits
        return np.asarray(beyond <= (_TOUCH * (1.0 + norms) - norms)[:, None])

    def _ratios_by_cover(self) -> FloatArray | None:
        """For subsets of up to eight: the ratio for each set of spheres that may cover a row, as a number of bits."""
        n_subsets, size = self.ratios_.shape
        if size > _BITS:
            return None
        if self._table is None:
            self._table = np.ones((n_subsets, 1 << _BITS))
            for sphere in range(size - 1, -1, -1):  # the smallest comes first, and last has the last word
                covered = (np.arange(1 << _BITS) >> sphere & 1).astype(bool)
                self._table[:, covered] = self.ratios_[:, sphere][:, None]
        return self._table


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
        "subsets_": Part(kind=Points),
        "n_subsets": Value(kind=int, least=1, most="n"),
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
        self.subsets_ = Points((X - self.centre_)[drawn.ravel()])
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
            far = self.subsets_.squares(X[part] - self.centre_, scratch=True)
            if drawn is not None:
                mine = np.flatnonzero((drawn.ravel() >= part.start) & (drawn.ravel() < part.stop))
                far[drawn.ravel()[mine] - part.start, mine] = np.inf
            nearest = far.reshape(len(far), self.n_subsets, -1).min(axis=2)
            scores[part] = np.sqrt(nearest).mean(axis=1)
        return scores
