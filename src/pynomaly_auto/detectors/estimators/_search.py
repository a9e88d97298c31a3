"""Exact nearest-neighbour search over plain arrays, whose work members of one ensemble share."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._accelerator import accelerator
from pynomaly_auto.detectors.estimators._metrics import compared
from pynomaly_auto.detectors.estimators._points import CANCELLED, PAIRS, Points
from pynomaly_auto.detectors.estimators._scales import blocks, median_scale
from pynomaly_auto.detectors.estimators._selecting import FEW_ROWS, lowest, pick
from pynomaly_auto.detectors.estimators._sharing import is_remembering, once, recall
from pynomaly_auto.detectors.estimators._stored import Array, Part, Sizes, Stored, Value

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.records import FloatArray, IntArray, State

_PARTING = 1e-5
_PARTED = "parted"
_LOST = 1e13  # squared norm, in squared resolutions, beyond which products do not show how ties were parted
_LADDER = (24, 56, 120)  # neighbours searched where others may want more than who asks first
_SPARE = 8  # neighbours more than asked for that are looked at, as parting ties may change which are nearest
_TREE_FEATURES = 5  # beyond, comparing all pairs beats a tree
_TREE_POINTS = 2_000  # and fewer points than so many too
_TREE_BLOCK = 4_096


class _Near:
    """The nearest points of some rows."""

    def __init__(self, points: Points, Z: FloatArray, k: int) -> None:
        self.k, self.Z, norms = k, Z, np.einsum("ij,ij->i", Z, Z)
        self.norms = norms[:, None]
        away = points.away(Z, scratch=True)
        self._places = lowest(away, k)
        self._away = pick(away, self._places)
        self._low = np.sort(self._away, axis=1)
        squares = self._low + self.norms
        doubtful = np.flatnonzero(squares[:, 0] < CANCELLED * norms)
        if len(doubtful):
            squares[doubtful] = np.sort(points.exact(Z[doubtful], self._places[doubtful]), axis=1)
        self.distances = np.sqrt(np.maximum(squares, 0.0))

    def nearest(self, k: int) -> IntArray | None:
        """Positions of the ``k`` nearest points of each row, in no order; None where ties leave that open."""
        if k == self.k:
            return self._places
        inside = np.flatnonzero(self._away <= self._low[:, k - 1 : k])
        return self._places.ravel().take(inside).reshape(-1, k) if len(inside) == len(self.Z) * k else None


class NeighbourSearch(Stored):
    """Exact nearest neighbours among the rows fitted on, Euclidean unless another power is asked for.

    Only the rows are state: what makes searching them quick is made when first needed and never stored. Searches of
    the same rows share their work where their owners score within one `Shared`.

    Args:
        X: The rows; shape (n_rows, n_features).
        part_ties: Move the rows by a hundred-thousandth of their features' scales, always the same way. Which of many
            equally distant rows are neighbours would otherwise hang on rounding, which differs between a row alone and
            a batch; those who use more than the distances need it.
        power: Of the Minkowski distance, at least 1; only Euclidean searches (2) share work and use trees.
    """

    layout: ClassVar = {
        "power": Value(least=1.0),
        "centre_": Array(shape=("d",)),
        "rows_": Part(kind=Points),
        "resolution_": Value(least=0.0),
        "part_ties": Value(kind=bool),
    }
    parted_: Points | None = None
    _moved: float | None = None

    def __init__(self, X: FloatArray, *, part_ties: bool = False, power: float = 2.0) -> None:
        self.power = float(power)
        self.centre_, scale = median_scale(X)  # small norms keep what products lose to cancellation small
        self.rows_ = Points(X - self.centre_)
        self.part_ties, self.resolution_ = part_ties, 0.0
        if part_ties:
            moves = _PARTING * scale * np.random.default_rng(0).normal(size=X.shape)
            self.parted_ = Points(self.rows_.rows + moves)
            self.resolution_ = 10.0 * _PARTING * float(np.sqrt((scale**2).sum()))

    def to_state(self) -> State:
        """The rows, and the rows with ties parted: other releases of numpy may draw other numbers."""
        state = super().to_state()
        return state if self.parted_ is None else state | self.parted_.to_state().within(_PARTED)

    @classmethod
    def read_state(cls, state: State, sizes: Sizes) -> Self:
        """Make it again."""
        made = super().read_state(state, sizes)
        if made.part_ties:
            made.parted_ = Points.read_state(state.part(_PARTED), sizes)
        return made

    def __len__(self) -> int:
        return len(self.rows_)

    @property
    def points(self) -> FloatArray:
        """The rows that others are compared with, ties parted; shape (n, n_features)."""
        return self.peers.rows

    @property
    def peers(self) -> Points:
        """What rows are compared with: ties parted where that was asked for."""
        return self.parted_ or self.rows_

    def shortest_length(self, distances: FloatArray) -> float:
        """A length far below the usual of these distances: stands for zero, whose density would be infinite."""
        apart = distances[distances > self.resolution_]
        return 1e-3 * float(np.median(apart)) if len(apart) else 1.0

    def distances(self, X: FloatArray, k: int) -> FloatArray:
        """Distances to the ``k`` nearest rows, ties not parted, nearest first; shape (len(X), k)."""
        if (found := self._accelerated(self.rows_, X, k)) is not None:
            return found[0]
        if self.power != 2.0:
            return self._compared(self.rows_, X - self.centre_, k)[0]
        out = np.empty((len(X), k))
        for part in self._blocks(len(X)):
            if self._by_tree:
                out[part] = self._tree(self.rows_, X[part], k)[0][:, :k]
            else:
                out[part] = self._near(X[part], k).distances[:, :k]
        return out

    def query(self, X: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Distances to and positions of the ``k`` nearest rows, nearest first; shapes (len(X), k)."""
        if (found := self._accelerated(self.peers, X, k)) is not None:
            return found
        if self.power != 2.0:
            return self._compared(self.peers, X - self.centre_, k)
        distances, positions = np.empty((len(X), k)), np.empty((len(X), k), dtype=np.int64)
        for part in self._blocks(len(X)):
            block = X[part]
            if self._by_tree:
                found = self._tree(self.peers, block, k)
            else:
                found = once(
                    ("nearest", self.peers.digest), block, partial(self._nearest, block, k),
                    enough=lambda made: made[0].shape[1] >= k,
                )  # fmt: skip
            distances[part], positions[part] = found[0][:, :k], found[1][:, :k]
        return distances, positions

    def query_self(self, k: int) -> tuple[FloatArray, IntArray]:
        """The same for the rows themselves, each leaving itself (but not its duplicates) out."""
        points = self.peers
        if (swift := self._accelerated_own(points, k)) is not None:
            return swift
        if self.power != 2.0:
            return self._compared(points, points.rows, k, themselves=True)
        if self._by_tree:
            distances, positions = points.by_tree(points.rows, k + 1)
            mine = positions == np.arange(len(self))[:, None]
            # Among many duplicates a row may not be in its own list; then the farthest of the list goes.
            mine[~mine.any(axis=1), -1] = True
            return distances[~mine].reshape(-1, k), positions[~mine].reshape(-1, k)
        found = self._own(points, k) if self.parted_ is None or not is_remembering() else self._own_parted(k)
        return found[0][:, :k], found[1][:, :k]

    def _accelerated(self, points: Points, X: FloatArray, k: int) -> tuple[FloatArray, IntArray] | None:
        """The same by a GPU; None: there is none for this."""
        unit = accelerator()
        if unit is None or not len(X):
            return None
        found = once(
            (unit.name, self.power, points.digest), X,
            lambda: unit.nearest(points, X - self.centre_, k, power=self.power),
            enough=lambda made: made is not None and made[0].shape[1] >= k,
        )  # fmt: skip
        return None if found is None else (found[0][:, :k], found[1][:, :k])

    def _accelerated_own(self, points: Points, k: int) -> tuple[FloatArray, IntArray] | None:
        unit, wanted = accelerator(), self._widened(k)
        if unit is None:
            return None
        found = recall(
            (unit.name, self.power, "own", points.digest),
            lambda: unit.nearest(points, points.rows, wanted, power=self.power, themselves=True),
            lambda made: made is not None and made[0].shape[1] >= k,
        )
        return None if found is None else (found[0][:, :k], found[1][:, :k])

    def _widened(self, k: int) -> int:
        """As many neighbours as asked for, or as others may want, where what is found is kept for them."""
        if not is_remembering():
            return k
        return min(next((size for size in _LADDER if size >= k), k), len(self) - 1)

    def _own(self, points: Points, k: int) -> tuple[FloatArray, IntArray]:
        """The ``k`` nearest others of each of the points, or more where others may want them."""
        wanted = self._widened(k)
        return recall(
            ("own", points.digest), lambda: self._own_nearest(points, wanted), lambda made: made[0].shape[1] >= k
        )

    def _own_nearest(self, points: Points, k: int) -> tuple[FloatArray, IntArray]:
        distances, positions = np.empty((len(self), k)), np.empty((len(self), k), dtype=np.int64)
        for part in self._blocks(len(self)):
            Z, own = points.rows[part], np.arange(part.start, part.stop)
            away, near, doubtful = points.nearest(Z, k, own)
            distances[part], positions[part] = away, near
            if len(doubtful):
                settled = self._settled(Z[doubtful], (away[doubtful], near[doubtful]), own[doubtful])
                distances[own[doubtful]], positions[own[doubtful]] = settled
        return distances, positions

    def _own_parted(self, k: int) -> tuple[FloatArray, IntArray]:
        """The same with ties parted, out of what was found without: those members who want that share the search."""
        assert self.parted_ is not None
        wide = min(k + _SPARE, len(self) - 1)
        away, near = self._own(self.rows_, wide)
        Z, every = self.parted_.rows, np.arange(len(self))
        squares = self.parted_.exact(Z, near)
        order = np.argsort(squares, axis=1)[:, :k]
        distances, positions = np.sqrt(pick(squares, order)), pick(near, order)
        norms = np.einsum("ij,ij->i", Z, Z)
        # Whatever was left out lies as far as the last looked at, but for what parting has moved both.
        unsure = norms > _LOST * self.resolution_**2
        if away.shape[1] < len(self) - 1:
            unsure |= distances[:, -1] >= away[:, -1] * (1.0 - 1e-6) - 2.0 * self._farthest_move
        for part in blocks(int(unsure.sum()), FEW_ROWS):
            rows = every[unsure][part]
            there, others, _ = self.parted_.nearest(Z[rows], k, rows)
            distances[rows], positions[rows] = self._settled(Z[rows], (there, others), rows)
        return distances, positions

    def _compared(
        self, points: Points, Z: FloatArray, k: int, *, themselves: bool = False
    ) -> tuple[FloatArray, IntArray]:
        parts = self._blocks(len(Z))
        return compared(points.rows, Z, k, power=self.power, parts=parts, themselves=themselves)

    def _blocks(self, n_rows: int) -> list[slice]:
        return blocks(n_rows, _TREE_BLOCK if self._by_tree else max(FEW_ROWS, PAIRS // len(self)))

    @property
    def _by_tree(self) -> bool:
        return self.points.shape[1] <= _TREE_FEATURES and len(self) >= _TREE_POINTS

    def _tree(self, points: Points, X: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        return once(
            ("tree", points.digest), X, lambda: points.by_tree(X - self.centre_, k),
            enough=lambda made: made[0].shape[1] >= k,
        )  # fmt: skip

    def _near(self, X: FloatArray, k: int) -> _Near:
        return once(
            ("near", self.rows_.digest), X, lambda: _Near(self.rows_, X - self.centre_, k),
            enough=lambda near: near.k >= k,
        )  # fmt: skip

    def _nearest(self, X: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        if self.parted_ is None or len(X) < FEW_ROWS:
            Z = X - self.centre_
            return self._settled(Z, _found(self.peers, Z, self.peers.away(Z, scratch=True), k))
        n = len(self)
        wider = min(k + _SPARE, n)
        near = self._near(X, wider)
        away, candidates = self.parted_.away(near.Z, scratch=True), near.nearest(wider)
        if candidates is None:  # which of them are nearest is only seen when they are parted
            return self._settled(near.Z, _found(self.parted_, near.Z, away, k))
        wide = self.parted_.sorted(near.Z, pick(away, candidates) + near.norms, candidates, near.norms[:, 0])
        found = wide[0][:, :k], wide[1][:, :k]
        if wider < n:
            # Whatever was left out lies as far as the last looked at, but for what parting has moved it.
            unsure = np.flatnonzero(
                found[0][:, -1] >= near.distances[:, wider - 1] * (1.0 - 1e-6) - self._farthest_move
            )
            found[0][unsure], found[1][unsure] = _found(self.parted_, near.Z[unsure], away[unsure], k)
        return self._settled(near.Z, found)

    def _settled(
        self, Z: FloatArray, found: tuple[FloatArray, IntArray], own: IntArray | None = None
    ) -> tuple[FloatArray, IntArray]:
        """What was found, searched again by differences where products lose as much as ties were parted by.

        Args:
            Z: The rows; shape (n_rows, n_features).
            found: Distances and positions.
            own: Each row's own position, if they are the rows fitted on.
        """
        distances, positions = found
        k = distances.shape[1]
        if self.parted_ is None or k == len(self):
            return found
        norms = np.einsum("ij,ij->i", Z, Z)
        everybody = np.arange(len(self))[None]
        for i in np.flatnonzero(norms > _LOST * self.resolution_**2):
            squares = self.parted_.exact(Z[i : i + 1], everybody)
            if own is not None:
                squares[0, own[i]] = np.inf
            positions[i] = np.argsort(squares[0], kind="stable")[:k]
            distances[i] = np.sqrt(squares[0, positions[i]])
        return distances, positions

    @property
    def _farthest_move(self) -> float:
        if self._moved is None:
            moves = self.points - self.rows_.rows
            self._moved = float(np.sqrt(np.einsum("ij,ij->i", moves, moves).max()))
        return self._moved


def _found(points: Points, Z: FloatArray, away: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
    positions = lowest(away, k)
    norms = np.einsum("ij,ij->i", Z, Z)
    return points.sorted(Z, pick(away, positions) + norms[:, None], positions, norms)
