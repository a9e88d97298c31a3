"""Rows that others are compared with by products of matrices, and which of them are nearest."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._scales import blocks
from pynomaly_auto.detectors.estimators._selecting import lowest, lowest_single, pick, scratch_memory
from pynomaly_auto.detectors.estimators._stored import Array, Stored

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

PAIRS = 200_000  # distances held at a time
CANCELLED = 1e-4  # share of the squared norm below which a squared distance by products is rounding noise
_TINY = 1e-36  # more than sums lose to products that vanish in single precision
_POWER = 400  # of two, most by which rows are scaled: its square is a number still
_UNIT = 2.0**-24  # most by which a number is off, relatively, once it is rounded to single precision
_SPARE = 8  # neighbours more than asked for that single precision gives


class Points(Stored):
    """Rows to be compared with others by products of matrices, with what that needs beside them.

    Args:
        rows: Centred, so that little is lost to cancellation; shape (n, n_features).
    """

    layout: ClassVar = {"rows": Array(shape=("n", "d"))}
    _columns: FloatArray | None = None
    _singles: np.ndarray[Any, np.dtype[np.float32]] | None = None
    _tree: Any = None

    def __init__(self, rows: FloatArray) -> None:
        self.rows = np.ascontiguousarray(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def away(self, Z: FloatArray, *, scratch: bool = False) -> FloatArray:
        """Squared distances to all points, less the squared norms of ``Z``; shape (len(Z), n).

        Args:
            Z: The rows; shape (n_rows, n_features).
            scratch: The result is only looked at until this thread asks for the next.
        """
        if self._columns is None:
            self._columns = np.vstack([self.rows.T, np.einsum("ij,ij->i", self.rows, self.rows)])
        out = scratch_memory("away", (len(Z), len(self)), np.float64) if scratch else None
        wide = np.ones((len(Z), Z.shape[1] + 1))
        np.multiply(Z, -2.0, out=wide[:, :-1])
        return np.asarray(np.matmul(wide, self._columns, out=out))

    def squares(self, Z: FloatArray, *, scratch: bool = False) -> FloatArray:
        """Squared distances to all points, by differences where products would leave little but rounding.

        Args:
            Z: The rows; shape (n_rows, n_features).
            scratch: The result is only looked at until this thread asks for the next.
        """
        norms = np.einsum("ij,ij->i", Z, Z)
        out = self.away(Z, scratch=scratch)
        out += norms[:, None]
        doubtful = np.flatnonzero(out < CANCELLED * norms[:, None])
        for part in blocks(len(doubtful), PAIRS // Z.shape[1] + 1):
            row, point = np.divmod(doubtful[part], len(self))
            between = self.rows[point] - Z[row]
            out.flat[doubtful[part]] = np.einsum("ij,ij->i", between, between)
        return out

    def exact(self, Z: FloatArray, positions: IntArray) -> FloatArray:
        """Squared distances to the points at those positions, shape (n_rows, k), by differences."""
        out = np.empty(positions.shape)
        for part in blocks(len(Z), PAIRS // (positions.shape[1] * Z.shape[1]) + 1):
            out[part] = ((self.rows[positions[part]] - Z[part][:, None, :]) ** 2).sum(axis=2)
        return out

    def sorted(
        self, Z: FloatArray, squares: FloatArray, positions: IntArray, norms: FloatArray | None = None
    ) -> tuple[FloatArray, IntArray]:
        """Distances and positions, nearest first.

        Args:
            Z: The rows; shape (n_rows, n_features).
            squares: Squared distances to the points at ``positions``; shape (n_rows, k).
            positions: Shape (n_rows, k).
            norms: Squared norms of the rows, where they are known.
        """
        norms = np.einsum("ij,ij->i", Z, Z) if norms is None else norms
        doubtful = np.flatnonzero(squares.min(axis=1) < CANCELLED * norms)
        if len(doubtful):
            squares[doubtful] = self.exact(Z[doubtful], positions[doubtful])
        order = np.argsort(squares, axis=1)
        distances = np.sqrt(np.maximum(pick(squares, order), 0.0))
        return distances, pick(positions, order)

    def by_tree(self, Z: FloatArray, k: int) -> tuple[FloatArray, IntArray]:
        """Distances to and positions of the nearest points, found by a tree made when first needed."""
        if self._tree is None:
            from sklearn.neighbors import KDTree

            self._tree = KDTree(self.rows)
        distances, positions = self._tree.query(np.ascontiguousarray(Z), k)
        return distances, positions.astype(np.int64)

    def nearest(self, Z: FloatArray, k: int, own: IntArray) -> tuple[FloatArray, IntArray, IntArray]:
        """The nearest other points of some of these points, by single precision where that leaves no doubt.

        Products in single precision take half the time. What they put among the ``k`` + 8 nearest is compared by
        differences, and the ``k`` nearest of these are right where the last of them is nearer than any point left out
        can be, for all that rounding may have done.

        Args:
            Z: The points; shape (n_rows, n_features).
            k: How many others, at most all.
            own: Which points they are; shape (n_rows,).

        Returns:
            Distances and positions, nearest first, shapes (n_rows, k), and the rows in which there was doubt: these
            were looked at in double precision, where ties and huge norms may still leave some.
        """
        wide = min(k + _SPARE, len(self) - 1)
        limits, near = self._by_singles(Z, wide, own)
        squares = self.exact(Z, near)
        order = np.argsort(squares, axis=1)[:, :k]
        squares = pick(squares, order)
        distances, positions = np.sqrt(squares), pick(near, order)
        norms = np.einsum("ij,ij->i", Z, Z)
        # A point that was left out wrongly is no farther than the last one, so that its norm is at most:
        most = np.sqrt(norms) + distances[:, -1]
        wrong = _UNIT * (Z.shape[1] + 4) * (2.0 * np.sqrt(norms) * most + most**2) + _TINY / self.unit**2
        with np.errstate(invalid="ignore"):
            # Where so many products overflow that no limit is finite, nothing is known of those left out.
            sure = (squares[:, -1] < limits / self.unit**2 + norms - wrong) & np.isfinite(limits)
            sure |= wide == len(self) - 1
        doubtful = np.flatnonzero(~sure)
        if len(doubtful):
            away = self.away(Z[doubtful], scratch=True)
            away[np.arange(len(doubtful)), own[doubtful]] = np.inf
            places = lowest(away, k)
            found = self.sorted(Z[doubtful], self.exact(Z[doubtful], places), places)
            distances[doubtful], positions[doubtful] = found
        return distances, positions, doubtful

    @cached_property
    def unit(self) -> float:
        """A power of two that brings the usual row near 1, where single precision neither overflows nor vanishes."""
        usual = float(np.median(np.abs(self.rows).max(axis=1)))
        return 2.0 ** -min(max(math.frexp(usual)[1], -_POWER), _POWER)

    def _by_singles(self, Z: FloatArray, k: int, own: IntArray) -> tuple[FloatArray, IntArray]:
        """What all points left out come to at least, in the singles' unit, and positions of the nearest ones."""
        if self._singles is None:
            scaled = self.unit * self.rows
            with np.errstate(over="ignore"):
                self._singles = np.vstack([scaled.T, np.einsum("ij,ij->i", scaled, scaled)]).astype(np.float32)
        out = scratch_memory("single away", (len(Z), len(self)), np.float32)
        wide = np.ones((len(Z), Z.shape[1] + 1), dtype=np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(Z, -2.0 * self.unit, out=wide[:, :-1], casting="unsafe")
            np.matmul(wide, self._singles, out=out)
        out[np.arange(len(Z)), own] = np.inf
        return lowest_single(out, k)
