"""Encoded rows read back as the columns they were made of: one level per column, numbers in few bins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from pynomaly_auto.detectors.estimators._stored import Array, Stored
from pynomaly_auto.errors import StorageError

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

BoolArray: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

_VALUES = 30  # distinct values up to which each is a level of its own
_RUN = 40  # most features that one category can have been made into
_REACH = 3.0  # standard deviations on both sides of the mean that the bins span


class Levels(Stored):
    """Reads columns of levels back out of encoded rows.

    A run of features of two values each, of which every row raises exactly one, was one category: the level is the
    one that is raised. A later feature that the level tells already (its rarity) is left out. Any other feature with at
    most 30 values has a level for each, and one with more has bins of equal width over three standard deviations on
    both sides of the mean, one more than log₂ of the rows (Sturges, JASA 1926), the outer ones open.

    Levels are numbered from 0 in each column; what no row fitted on held has the number of the levels.

    Attributes:
        sizes_: How many levels each column has, unseen ones left out; shape (n_columns,).
    """

    layout: ClassVar = {
        "column_": Array(shape=("d",), dtype=np.int64),
        "place_": Array(shape=("d",), dtype=np.int64),
        "raised_": Array(shape=("d",)),
        "starts_": Array(shape=("d + 1",), dtype=np.int64),
        "marks_": Array(shape=("marks",), empty=True),
        "sizes_": Array(shape=("columns",), dtype=np.int64, positive=True),
    }

    def fit(self, X: FloatArray) -> Levels:
        """Find the columns of ``X``, shape (n_rows, n_features)."""
        n, d = X.shape
        self.column_, self.place_ = np.full(d, -1, dtype=np.int64), np.full(d, -1, dtype=np.int64)
        self.raised_ = np.zeros(d)
        values = [np.unique(column) for column in X.T]
        marks: list[FloatArray] = [np.empty(0)] * d
        sizes: list[int] = []
        last: IntArray | None = None  # the level of each row in the column before, where it has levels
        j = 0
        while j < d:
            run = _run(X, values, j)
            if run:
                last = np.zeros(n, dtype=np.int64)
                for place, feature in enumerate(run):
                    self.column_[feature], self.place_[feature] = len(sizes), place
                    self.raised_[feature] = values[feature][-1]
                    last[X[:, feature] == values[feature][-1]] = place
                sizes.append(len(run))
                j = run[-1] + 1
                continue
            if len(values[j]) > 1 and not (last is not None and _told(last, X[:, j])):
                few = len(values[j]) <= _VALUES
                marks[j] = values[j] if few else edges_of(X[:, j])
                self.column_[j] = len(sizes)
                self.raised_[j] = 0.0 if few else 1.0
                last = np.searchsorted(values[j], X[:, j]) if few else None
                sizes.append(len(values[j]) if few else len(marks[j]) + 1)
            j += 1
        if not sizes:  # nothing varies
            self.column_[0], marks[0], sizes = 0, values[0], [1]
        self.starts_ = np.cumsum([0, *(len(m) for m in marks)])
        self.marks_ = np.concatenate(marks)
        self.sizes_ = np.array(sizes, dtype=np.int64)
        return self

    def apply(self, X: FloatArray) -> IntArray:
        """The level of each row in each column; shape (n_rows, n_columns)."""
        out: IntArray = np.tile(self.sizes_, (len(X), 1))
        for j in np.flatnonzero(self.column_ >= 0):
            column, values = self.column_[j], X[:, j]
            if self.place_[j] >= 0:
                out[values == self.raised_[j], column] = self.place_[j]
                continue
            marks = self.marks_[self.starts_[j] : self.starts_[j + 1]]
            if self.raised_[j]:
                out[:, column] = np.searchsorted(marks, values, side="right")
            else:
                at = np.minimum(np.searchsorted(marks, values), len(marks) - 1)
                known = marks[at] == values
                out[known, column] = at[known]
        return out

    @property
    def marked(self) -> BoolArray:
        """Which features are numbers in bins; shape (n_features,)."""
        return np.asarray((self.column_ >= 0) & (self.place_ < 0) & (self.raised_ != 0))

    def check(self) -> None:
        """Every feature belongs to a column and has a place among its levels, or marks of its own."""
        lengths = np.diff(self.starts_)
        if self.starts_[0] != 0 or self.starts_[-1] != len(self.marks_) or (lengths < 0).any():
            raise StorageError(f"the positions {self.starts_.tolist()[:5]}… do not cut {len(self.marks_)} marks.")
        used = self.column_ >= 0
        own = used & (self.place_ < 0)
        if (self.column_ >= len(self.sizes_)).any() or (lengths[own] < 1).any():
            raise StorageError("features belong to no column, or have no marks.")
        binned = self.marked
        most = np.where(self.place_ >= 0, self.place_ + 1, lengths + binned)
        if (most[used] > self.sizes_[self.column_[used]]).any():
            raise StorageError("columns have more levels than they say.")


def _run(X: FloatArray, values: list[FloatArray], start: int) -> list[int]:
    """The features from ``start`` on that were one category; none: it is a column by itself."""
    if len(values[start]) != 2:
        return []
    taken, run = np.zeros(len(X), dtype=bool), []
    for j in range(start, min(start + _RUN, X.shape[1])):
        if len(values[j]) == 1:  # a level that none of these rows has
            continue
        if len(values[j]) > 2:
            return []
        raised = X[:, j] == values[j][1]
        if (taken & raised).any():
            return []
        taken |= raised
        run.append(j)
        if taken.all():
            return run if len(run) > 1 else []
    return []


def _told(level: IntArray, values: FloatArray) -> bool:
    """Whether all rows of a level have the same value."""
    first = np.zeros(int(level.max()) + 1)
    first[level] = values
    return bool((first[level] == values).all())


def edges_of(values: FloatArray) -> FloatArray:
    """Where one bin ends and the next begins; shape (n_bins − 1,).

    Args:
        values: Of one feature; shape (n_rows,).
    """
    centre, reach = float(values.mean()), _REACH * float(values.std())
    return np.linspace(centre - reach, centre + reach, bins_of(len(values)) + 1)[1:-1]


def bins_of(n_rows: int) -> int:
    """Into how many bins numbers are put: one more than log₂ of the rows (Sturges, JASA 1926)."""
    return int(np.log2(n_rows)) + 1
