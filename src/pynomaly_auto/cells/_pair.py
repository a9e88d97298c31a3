"""Two frequent values that almost never meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Self

import numpy as np
from scipy.special import gammaln

from pynomaly_auto.cells._categories import Category, categories_of, codes_of
from pynomaly_auto.cells._parts import by_column, read_by_column
from pynomaly_auto.cells._spec import Beside
from pynomaly_auto.cells._tails import FARTHEST
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, FloatArray, IntArray, OriginalTable, State

_MOST_COLUMNS = 30
_MOST_VALUES = 100  # frequent values of a column that are looked at
_LEAST_ROWS = 8  # of a frequent value
_LEAST_EXPECTED = 3.0  # rows in which two values should meet
_HARDLY = 0.34  # share of these in which they meet almost never


@dataclass(frozen=True, kw_only=True, eq=False)
class Meeting:
    """How often the frequent values of two columns meet.

    Args:
        left: Position of one column.
        right: Position of the other.
        met: Rows of each pair, shape (n_left, n_right).
    """

    left: int
    right: int
    met: IntArray

    @cached_property
    def rows(self) -> int:
        """Rows in which both have a frequent value."""
        return int(self.met.sum())

    @cached_property
    def expected(self) -> FloatArray:
        """Rows of each pair if the columns had nothing to do with one another, shape (n_left, n_right)."""
        left, right = self.met.sum(axis=1, dtype=np.float64), self.met.sum(axis=0, dtype=np.float64)
        return np.outer(left, right) / max(self.rows, 1)

    @property
    def looked_at(self) -> int:
        """Pairs that should meet."""
        return int((self.expected >= _LEAST_EXPECTED).sum())

    def bits(self, looked_at: int) -> FloatArray:
        """Bits of each pair, shape (n_left, n_right)."""
        met = np.maximum(self.met, 1)
        tail = poisson_below(met, self.expected)
        few = (self.expected >= _LEAST_EXPECTED) & (met <= _HARDLY * self.expected)
        # Values that meet again and again do meet: no odder than that is rare.
        most = np.log2(max(self.rows, 1) / met) + FARTHEST / met
        return np.where(few, np.clip(tail - np.log2(max(looked_at, 1)), 0.0, np.minimum(most, FARTHEST)), 0.0)


class Pair:
    """Two values, each frequent, that almost never meet: −log₂ of the Poisson tail of so few, less the pairs looked at.

    The first 30 columns whose values repeat are looked at, and their 100 most frequent values. Either cell has half of
    the bits, so that both together say it once.

    Attributes:
        categories: Position of a column to its frequent values.
        meetings: Of each two columns with something to say.
        looked_at: Pairs of values that should meet, over all columns.
    """

    def __init__(self) -> None:
        self.categories: Mapping[int, Category] = {}
        self.meetings: tuple[Meeting, ...] = ()
        self.looked_at = 0

    def fit(self, table: OriginalTable) -> Self:
        """Count the pairs.

        Raises:
            NotApplicableError: No two columns have frequent values that should meet.
        """
        found = {
            i: category.frequent(least=_LEAST_ROWS, most=_MOST_VALUES)
            for i, category in categories_of(table, most_columns=_MOST_COLUMNS).items()
        }
        found = {i: category for i, category in found.items() if category.size > 1}
        codes = codes_of(table, found)
        made = []
        for left, right in combinations(found, 2):
            size = found[left].size * found[right].size
            both = (codes[left] >= 0) & (codes[right] >= 0)
            keys = codes[left][both] * found[right].size + codes[right][both]
            met = np.bincount(keys, minlength=size).reshape(found[left].size, -1).astype(np.int64)
            meeting = Meeting(left=left, right=right, met=met)
            if meeting.looked_at:
                made.append(meeting)
        if not made:
            raise NotApplicableError("no two columns have frequent values that should meet")
        used = {i for meeting in made for i in (meeting.left, meeting.right)}
        self.categories = {i: category for i, category in found.items() if i in used}
        self.looked_at = sum(meeting.looked_at for meeting in made)
        self.meetings = tuple(meeting for meeting in made if meeting.bits(self.looked_at).any())
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        codes = codes_of(table, self.categories)
        for meeting, odds in zip(self.meetings, self._odds, strict=True):
            a, b = codes[meeting.left], codes[meeting.right]
            half = odds[a, b] / 2
            if not half.any():
                continue
            for i in (meeting.left, meeting.right):
                bits[:, i] = np.maximum(bits[:, i], half)
        return CellEvidence(bits=bits)

    def beside(self, table: OriginalTable, row: int, column: int) -> Beside | None:
        """The value that a cell almost never meets."""
        place = {i: int(category.codes(table.columns[i])[row]) for i, category in self.categories.items()}
        oddest, found = 0.0, None
        for meeting, odds in zip(self.meetings, self._odds, strict=True):
            a, b = place[meeting.left], place[meeting.right]
            if column in (meeting.left, meeting.right) and min(a, b) >= 0 and odds[a, b] > oddest:
                other = meeting.right if column == meeting.left else meeting.left
                oddest = float(odds[a, b])
                text = f"{self.categories[other].values.keys[place[other]]!r} of {table.columns[other].name}"
                found = Beside(text=text, columns=(other,))
        return found

    @cached_property
    def _odds(self) -> tuple[FloatArray, ...]:
        # Rare and missing cells count from the end, where nothing is said.
        return tuple(np.pad(meeting.bits(self.looked_at), ((0, 2), (0, 2))) for meeting in self.meetings)

    def to_state(self) -> State:
        """All counts as data."""
        values = {
            "lefts": [m.left for m in self.meetings],
            "rights": [m.right for m in self.meetings],
            "looked_at": self.looked_at,
        }
        met = {f"met{i}": m.met for i, m in enumerate(self.meetings)}
        return by_column(self.categories) | State(arrays=met, values=values)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.categories = read_by_column(Category, state)
        made.looked_at = state.value("looked_at", int)
        sides = zip(state.value("lefts", list), state.value("rights", list), strict=True)
        meetings = []
        for i, (left, right) in enumerate(sides):
            met = state.array(f"met{i}", kind="i", ndim=2)
            if not {left, right} <= set(made.categories):
                raise StorageError("a pair is of a column that is not there.")
            if met.shape != (made.categories[left].size, made.categories[right].size) or (met < 0).any():
                raise StorageError("the counts of pairs do not fit their columns.")
            meetings.append(Meeting(left=left, right=right, met=met))
        made.meetings = tuple(meetings)
        return made


def poisson_below(met: IntArray, expected: FloatArray) -> FloatArray:
    """−log₂ of the chance of so few or fewer where more are expected: the largest term and a bound of the others.

    The terms below fall at least as fast as powers of met / expected, whose sum is taken instead of theirs.

    Args:
        met: How many there were.
        expected: How many there should have been.
    """
    k, mean = met.astype(np.float64), np.maximum(expected, 1e-12)
    ratio = np.minimum(k / mean, 0.999)
    top = k * np.log(mean) - mean - gammaln(k + 1)
    return np.asarray(np.maximum(-(top - np.log1p(-ratio)) / np.log(2), 0.0))
