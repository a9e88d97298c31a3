"""Estimators for tables with categories: how rare values are, alone and in pairs, on a walk among values, and HVDM.

Each reads columns of levels back out of the encoded rows (`Levels`), numbers in few bins. What no row fitted on held is
rarer than all else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._levels import Levels, bins_of, edges_of
from pynomaly_auto.detectors.estimators._neighbours import NearestNeighbours
from pynomaly_auto.detectors.estimators._scales import blocks, one_of
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored
from pynomaly_auto.errors import StorageError

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.records import FloatArray, IntArray

VARIANTS = ("spad", "spad+")

_BLOCK = 2_000  # rows whose pairs are counted at a time
_STEPS, _SETTLED = 200, 1e-10  # of the walk
_FLAT = 1e-9
_WIDTH = 4.0  # standard deviations that count as one level's difference (Wilson and Martinez)


class ValueSurprise(Stored):
    """Sum over the columns of −log of the share of the rows with the same level (Aryal, Ting & Haffari, 2016).

    One is added to each count, so that of a level that no row has the share is not zero.

    Args:
        variant: ``"spad"``, or ``"spad+"``: principal components, as many as there are columns, are judged as well, in
            bins of equal width, so that rows stand out that break a linear dependency.
    """

    layout: ClassVar = {
        "levels_": Part(kind=Levels),
        "starts_": Array(shape=("columns + 1",), dtype=np.int64),
        "surprise_": Array(shape=("places",)),
        "centre_": Array(shape=("d",)),
        "axes_": Array(shape=("d", "axes"), empty=True),
        "edges_": Array(shape=("axes", "bins"), empty=True),
        "far_": Array(shape=("axes", "bins + 1"), empty=True),
    }

    def __init__(self, variant: str = "spad+") -> None:
        self.variant = one_of("variant", variant, VARIANTS)

    def fit(self, X: FloatArray) -> Self:
        """Count the levels of ``X``, shape (n_rows, n_features)."""
        self.levels_ = Levels().fit(X)
        levels = self.levels_.apply(X)
        sizes = self.levels_.sizes_ + 1
        self.starts_ = starts_of(self.levels_)
        counts = np.bincount((levels + self.starts_[:-1]).ravel(), minlength=int(self.starts_[-1]))
        self.surprise_ = -np.log((counts + 1.0) / np.repeat(len(X) + sizes - 1.0, sizes))
        self.centre_ = X.mean(axis=0)
        self.axes_ = self._main_axes(X - self.centre_) if self.variant == "spad+" else np.empty((X.shape[1], 0))
        apart = self._coordinates(X)
        n_bins = bins_of(len(X))
        self.edges_, held = np.empty((apart.shape[1], n_bins - 1)), np.empty((apart.shape[1], n_bins))
        for k, column in enumerate(apart.T):
            self.edges_[k] = edges_of(column)
            held[k] = np.bincount(np.searchsorted(self.edges_[k], column, side="right"), minlength=n_bins)
        self.far_ = -np.log((held + 1.0) / (len(X) + n_bins))
        return self

    def _main_axes(self, centred: FloatArray) -> FloatArray:
        """The axes of most variance, one for each column where there are as many; shape (n_features, n_axes)."""
        variances, directions = np.linalg.eigh(centred.T @ centred / len(centred))
        kept = variances[::-1] > _FLAT * max(float(variances[-1]), _FLAT)
        return np.ascontiguousarray(directions[:, ::-1][:, kept][:, : len(self.levels_.sizes_)])

    def _coordinates(self, X: FloatArray) -> FloatArray:
        # Feature by feature, so that a row alone comes to lie in the same bin as in a batch.
        out = np.zeros((len(X), self.axes_.shape[1]))
        for column, axis in zip((X - self.centre_).T, self.axes_, strict=True):
            out += column[:, None] * axis
        return out

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        out = _added(self.surprise_, self.levels_.apply(X) + self.starts_[:-1])
        for edges, far, column in zip(self.edges_, self.far_, self._coordinates(X).T, strict=True):
            out += far[np.searchsorted(edges, column, side="right")]
        return out

    def check(self) -> None:
        """Every level has its place."""
        check_places(self.levels_, self.starts_, len(self.surprise_))


class _Pairs(Stored, ABC):
    """Something is said of each pair of levels of two columns, and of a row the sum over its pairs."""

    layout: ClassVar = {
        "levels_": Part(kind=Levels),
        "starts_": Array(shape=("columns + 1",), dtype=np.int64),
        "said_": Array(shape=("places", "places")),
    }

    def fit(self, X: FloatArray) -> Self:
        """Count the pairs of ``X``, shape (n_rows, n_features)."""
        self.levels_ = Levels().fit(X)
        self.starts_ = starts_of(self.levels_)
        self.said_ = self._said(joint_counts(self.levels_.apply(X) + self.starts_[:-1], int(self.starts_[-1])), len(X))
        return self

    @abstractmethod
    def _said(self, counts: FloatArray, n_rows: int) -> FloatArray:
        """What is said of each pair; shape as ``counts``, (n_places, n_places)."""

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Mean over the pairs of columns, a single column being its own pair; shape (n_rows,)."""
        at = self.levels_.apply(X) + self.starts_[:-1]
        n_columns = at.shape[1]
        out, pairs = np.zeros(len(at)), [(i, j) for i in range(n_columns) for j in range(i)] or [(0, 0)]
        for i, j in pairs:
            out += self.said_[at[:, i], at[:, j]]
        return out / len(pairs)

    def check(self) -> None:
        """Every level has its place."""
        check_places(self.levels_, self.starts_, len(self.said_))


class PairSurprise(_Pairs):
    """Mean over the pairs of columns of −log of the share of the rows with the same two levels.

    A histogram of two columns for each pair, where HBOS has one of one column (Goldstein & Dengel, 2012; joint
    frequencies for anomalous records: Das & Schneider, 2007). Beside the rows that hold it each pair of levels has a
    share of ``prior`` more rows, in which the columns are independent.

    Args:
        prior: How many.
    """

    def __init__(self, prior: float = 1.0) -> None:
        self.prior = prior

    def _said(self, counts: FloatArray, n_rows: int) -> FloatArray:
        sizes = self.levels_.sizes_ + 1
        alone = (np.diag(counts) + 1.0) / np.repeat(n_rows + sizes - 1.0, sizes)
        return np.asarray(-np.log((counts + self.prior * np.outer(alone, alone)) / (n_rows + self.prior)))


class ZeroAppearances(_Pairs):
    """Share of small samples of the rows in which a row's pairs of levels do not appear, in the mean (ZERO++).

    Pang, Ting, Albrecht & Jin (2016) count over samples of eight rows and random pairs of columns; this is what all
    samples, drawn with replacement, and all pairs of columns give in the mean: (1 − share of the pair)^size.

    Args:
        size: Rows of a sample.
    """

    def __init__(self, size: int = 8) -> None:
        self.size = size

    def _said(self, counts: FloatArray, n_rows: int) -> FloatArray:
        said: FloatArray = (1.0 - counts / n_rows) ** self.size
        return said


class CoupledWalk(Stored):
    """Where a random walk among levels, drawn to rare ones that go with rare ones, spends its time (CBRW).

    A level is odd within its column by how much rarer it is than the commonest, and how rare that is. The walk goes
    from a level to those of other columns that it occurs with, by their conditional frequency times that oddness. A
    row's score is the sum of its levels' shares of the walk, columns weighed by the sum of theirs (Pang, Cao & Chen,
    2016). A level that no row had counts as the highest of its column.

    Args:
        damping: Probability of a step along the graph, and not to any level.
    """

    layout: ClassVar = {
        "levels_": Part(kind=Levels),
        "starts_": Array(shape=("columns + 1",), dtype=np.int64),
        "oddness_": Array(shape=("places",)),
    }

    def __init__(self, damping: float = 0.95) -> None:
        self.damping = damping

    def fit(self, X: FloatArray) -> Self:
        """Let it walk among the levels of ``X``, shape (n_rows, n_features)."""
        self.levels_ = Levels().fit(X)
        self.starts_ = starts_of(self.levels_)
        sizes = self.levels_.sizes_ + 1
        counts = joint_counts(self.levels_.apply(X) + self.starts_[:-1], int(self.starts_[-1]))
        shares, owner = np.diag(counts) / len(X), np.repeat(np.arange(len(sizes)), sizes)
        seen = shares > 0
        mode = np.maximum.reduceat(shares, self.starts_[:-1])[owner]
        odd = (1.0 - mode + (mode - shares) / mode) / 2
        steps = np.where(owner[:, None] == owner, 0.0, counts) * (odd / np.maximum(np.diag(counts), 1.0))
        visits = np.zeros(len(shares))
        visits[seen] = self._walk(steps[np.ix_(seen, seen)], odd[seen])
        relevance = np.add.reduceat(visits, self.starts_[:-1])
        visits[~seen] = np.maximum.reduceat(visits, self.starts_[:-1])[owner][~seen]
        self.oddness_ = visits * (relevance / relevance.sum())[owner]
        return self

    def _walk(self, steps: FloatArray, odd: FloatArray) -> FloatArray:
        """Share of the time at each level in the long run; where there is but one column, how odd each level is."""
        if not steps.any():
            return np.asarray((odd + _FLAT) / (odd + _FLAT).sum())
        steps = steps / np.maximum(steps.sum(axis=1, keepdims=True), 1e-300)
        n = len(steps)
        here = np.full(n, 1.0 / n)
        for _ in range(_STEPS):
            there = (1.0 - self.damping) / n + self.damping * (here @ steps)
            there /= there.sum()  # a level with no way on loses what it has
            moved = float(np.abs(there - here).max())
            here = there
            if moved < _SETTLED:
                break
        return here

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score rows; shape (n_rows,)."""
        return _added(self.oddness_, self.levels_.apply(X) + self.starts_[:-1])

    def check(self) -> None:
        """Every level has its place."""
        check_places(self.levels_, self.starts_, len(self.oddness_))


class MixedNeighbours(Stored):
    """Distance to the nearest rows, levels differing or not and numbers by how much, each column at most about one.

    Gower (1971) divides a number's difference by its range; like HVDM (Wilson & Martinez, 1997) this divides it by four
    standard deviations, which one far number does not change. A level that no row had differs from all others.

    Args:
        n_neighbors: How many; clipped to half of the rows fitted on.
        method: ``"largest"`` (to the farthest of them), ``"mean"`` or ``"median"``.
    """

    layout: ClassVar = {"weights_": Array(shape=("d",)), "nearest_": Part(kind=NearestNeighbours)}

    def __init__(self, n_neighbors: int = 5, method: str = "largest") -> None:
        self.nearest_ = NearestNeighbours(n_neighbors=n_neighbors, method=method, metric="manhattan")

    def fit(self, X: FloatArray) -> Self:
        """Keep ``X``, shape (n_rows, n_features), and score it, each row leaving itself out."""
        levels = Levels().fit(X)
        ranges, spreads = np.ptp(X, axis=0), _WIDTH * X.std(axis=0)
        widths = np.where(levels.marked, spreads, ranges)
        # Of a category the level left and the one that takes its place differ, and each counts for half.
        widths = np.where(levels.place_ >= 0, 2 * ranges, widths)
        self.weights_ = np.where((levels.column_ >= 0) & (widths > 0), 1.0 / np.where(widths > 0, widths, 1.0), 0.0)
        self.nearest_.fit(X * self.weights_)
        self.decision_scores_ = self.nearest_.decision_scores_
        return self

    @property
    def search_(self) -> object:
        """Among which rows it looks."""
        return self.nearest_.search_

    @property
    def n_neighbors_(self) -> int:
        """How many nearest rows it looks for."""
        return self.nearest_.n_neighbors_

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        return self.nearest_.decision_function(X * self.weights_)


def starts_of(levels: Levels) -> IntArray:
    """Where the places of each column's levels start, unseen ones last, and where all end; shape (n_columns + 1,)."""
    return np.asarray(np.cumsum([0, *(levels.sizes_ + 1)]))


def check_places(levels: Levels, starts: IntArray, n_places: int) -> None:
    """Compare places with levels.

    Raises:
        StorageError: They do not fit.
    """
    if (starts != starts_of(levels)).any() or starts[-1] != n_places:
        raise StorageError(f"{n_places} places do not fit {int(levels.sizes_.sum())} levels.")


def joint_counts(at: IntArray, n_places: int) -> FloatArray:
    """How many rows hold both of two places; shape (n_places, n_places).

    Args:
        at: The places that each row holds; shape (n_rows, n_columns).
        n_places: How many there are.
    """
    counts = np.zeros((n_places, n_places))
    for part in blocks(len(at), _BLOCK):
        held = np.zeros((part.stop - part.start, n_places), dtype=np.float32)  # counts of a block are exact in it
        np.put_along_axis(held, at[part], np.float32(1.0), axis=1)
        counts += held.T @ held
    return counts


def _added(found: FloatArray, at: IntArray) -> FloatArray:
    """What is found at the places of each row, added column by column, so that a row alone has the same sum."""
    out = np.zeros(len(at))
    for column in at.T:
        out += found[column]
    return out
