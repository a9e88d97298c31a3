"""What the other cells of a row say: numbers, categories and times as inputs of models, by the columns they are of."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Self, TypeAlias

import numpy as np

from pynomaly_auto.cells._burst import is_entity
from pynomaly_auto.cells._categories import Category, codes_of
from pynomaly_auto.cells._group import positive
from pynomaly_auto.cells._hour import hours_of
from pynomaly_auto.cells._parts import by_column, positions, read_by_column
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, IntArray, OriginalColumn, OriginalTable, State

Hashes: TypeAlias = np.ndarray[Any, np.dtype[np.uint64]]

DAY = 86_400.0
NUMERIC = ("number", "mixed", "duration")
_MOST_NUMBERS, _MOST_TIMES, _MOST_CATEGORIES, _MOST_RATIOS = 30, 4, 15, 6
_MOST_VALUES, _LEAST_ROWS = 500, 5
_HALVES = 2  # folds
_WORD = (1 << 64) - 1
_FEW = 5  # rows that are faster hashed one by one


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A scale on which differences of a column's numbers mean the same everywhere.

    Args:
        unit: Of the inverse hyperbolic sine; 0: the logarithm, as all are positive.
    """

    unit: float

    @classmethod
    def of(cls, numbers: FloatArray) -> Measure:
        """The logarithm of positive numbers, of others the inverse hyperbolic sine in units of their usual size."""
        if positive(numbers):
            return cls(unit=0.0)
        size = np.abs(numbers[np.isfinite(numbers) & (numbers != 0)])
        return cls(unit=float(np.median(size)) if len(size) else 1.0)

    def __call__(self, numbers: FloatArray) -> FloatArray:
        """Numbers on the scale; NaN where there is none, and where a number has no logarithm."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if self.unit:
                return np.asarray(np.arcsinh(numbers / self.unit))
            return np.asarray(np.where(numbers > 0, np.log(np.where(numbers > 0, numbers, 1.0)), np.nan))

    def back(self, values: FloatArray) -> FloatArray:
        """Numbers of values on the scale."""
        with np.errstate(over="ignore"):
            return np.asarray(np.sinh(values) * self.unit if self.unit else np.exp(values))


@dataclass(frozen=True, kw_only=True, eq=False)
class Read:
    """Rows as their surroundings read them.

    Args:
        plain: Inputs of trees, NaN where there is none; shape (n_rows, n_plain).
        measured: Inputs of linear models, NaN where there is none; shape (n_rows, n_measured).
        codes: Position of each category's column to the values of the rows.
    """

    plain: FloatArray
    measured: FloatArray
    codes: Mapping[int, IntArray]

    def rows(self, chosen: IntArray | slice) -> Read:
        """Some of the rows."""
        codes = {i: own[chosen] for i, own in self.codes.items()}
        return Read(plain=self.plain[chosen], measured=self.measured[chosen], codes=codes)


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """Which columns of a table are read, and as what.

    Args:
        numbers: Position of each column of numbers to its scale.
        times: Positions of columns of times.
        spans: Pairs of columns of times whose difference is read, the later one first, and its scale.
        ratios: Pairs of columns of positive numbers whose ratio is read.
        categories: Position of each column of categories to its values.
    """

    numbers: Mapping[int, Measure]
    times: tuple[int, ...]
    spans: Mapping[tuple[int, int], Measure]
    ratios: tuple[tuple[int, int], ...]
    categories: Mapping[int, Category]

    @classmethod
    def of(cls, table: OriginalTable) -> Self:
        """What a table has: the first thirty columns of numbers, four of times and fifteen of categories."""
        numbers: dict[int, Measure] = {}
        categories: dict[int, Category] = {}
        times: list[int] = []
        for i, column in enumerate(table.columns):
            if column.role == "time":
                if np.isfinite(column.numbers).sum() > 1 and len(times) < _MOST_TIMES:
                    times.append(i)
            elif column.role in NUMERIC and not is_entity(column):
                found = column.numbers[np.isfinite(column.numbers)]
                if len(numbers) < _MOST_NUMBERS and len(found) and found.min() < found.max():
                    numbers[i] = Measure.of(found)
            elif len(categories) < _MOST_CATEGORIES and (category := Category.of(column)) is not None:
                category = category.frequent(least=_LEAST_ROWS, most=_MOST_VALUES)
                if category.size > 1:
                    categories[i] = category
        able = [i for i, measure in numbers.items() if not measure.unit][:_MOST_RATIOS]
        spans = {pair: _span(table, pair) for pair in combinations(times, 2)}
        return cls(
            numbers=numbers,
            times=tuple(times),
            spans={pair: measure for pair, measure in spans.items() if measure is not None},
            ratios=tuple(combinations(able, 2)),
            categories=categories,
        )

    @cached_property
    def plain_of(self) -> tuple[frozenset[int], ...]:
        """The columns that each input of trees is of."""
        own = [frozenset((i,)) for i in self.numbers]
        moments = [frozenset((i,)) for i in self.times for _ in range(3)]
        return (*own, *moments, *map(frozenset, self.spans), *map(frozenset, self.ratios))

    @cached_property
    def measured_of(self) -> tuple[frozenset[int], ...]:
        """The columns that each input of linear models is of."""
        return (*(frozenset((i,)) for i in self.numbers), *map(frozenset, self.spans))

    def read(self, table: OriginalTable) -> Read:
        """Rows of a table with the columns fitted on."""
        columns = table.columns
        measured = {i: measure(columns[i].numbers) for i, measure in self.numbers.items()}
        plain = [columns[i].numbers for i in self.numbers]
        for i in self.times:
            seconds = columns[i].numbers
            plain += [seconds, hour_of_day(columns[i]), np.floor(seconds / DAY) % 7]
        between = [measure(self.days(table, pair)) for pair, measure in self.spans.items()]
        plain += [*between, *(measured[i] - measured[j] for i, j in self.ratios)]
        codes = codes_of(table, self.categories)
        return Read(plain=_beside(plain, table), measured=_beside([*measured.values(), *between], table), codes=codes)

    @property
    def paired(self) -> frozenset[tuple[int, int]]:
        """The columns of times that are compared, either first."""
        return frozenset(self.spans) | {(j, i) for i, j in self.spans}

    def days(self, table: OriginalTable, pair: tuple[int, int]) -> FloatArray:
        """Days from the second of two columns of times to the first; shape (n_rows,)."""
        return np.asarray((table.columns[pair[0]].numbers - table.columns[pair[1]].numbers) / DAY)

    def to_state(self) -> State:
        """As data."""
        values = {
            "numbers": list(self.numbers),
            "units": [m.unit for m in self.numbers.values()],
            "times": list(self.times),
            "spans": [list(pair) for pair in self.spans],
            "span_units": [m.unit for m in self.spans.values()],
            "ratios": [list(pair) for pair in self.ratios],
        }
        return State(values=values) | by_column(self.categories, name="categories")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        numbers, times = positions(state.value("numbers", list)), positions(state.value("times", list))
        spans, ratios = _pairs(state, "spans", times), _pairs(state, "ratios", numbers)
        return cls(
            numbers=dict(zip(numbers, _measures(state, "units", len(numbers)), strict=True)),
            times=tuple(times),
            spans=dict(zip(spans, _measures(state, "span_units", len(spans)), strict=True)),
            ratios=tuple(ratios),
            categories=read_by_column(Category, state, name="categories"),
        )


def hashes(table: OriginalTable) -> Hashes:
    """A number for each row that hangs on nothing but its cells; shape (n_rows,)."""
    words = (_words(column, table.n_rows) for column in table.columns)
    if table.n_rows <= _FEW:
        rows = np.column_stack([np.zeros(table.n_rows, dtype=np.uint64), *words])[:, 1:].tolist()
        return np.array([_chained(row, 0) for row in rows], dtype=np.uint64)
    with np.errstate(over="ignore"):
        out: Hashes = _chained(words, np.zeros(table.n_rows, dtype=np.uint64))
    return out


def halves(hashed: Hashes) -> IntArray:
    """Which of two halves each row belongs to, whatever other rows there are; equal rows to the same."""
    return (hashed % np.uint64(_HALVES)).astype(np.int64)


def hour_of_day(column: OriginalColumn) -> FloatArray:
    """The hour of each time, with its fraction, NaN where there is none; shape (n_rows,)."""
    hours = hours_of(column)
    with np.errstate(invalid="ignore"):
        return np.where(hours >= 0, hours + column.numbers % 3600.0 / 3600.0, np.nan)


def _words(column: OriginalColumn, n_rows: int) -> Hashes:
    """A number for each cell that hangs on it alone; shape (n_rows,)."""
    cells = np.zeros(n_rows, dtype=np.uint64)
    if len(column.codes):
        sums = [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in column.texts]
        cells = np.array([*sums, 0], dtype=np.uint64)[column.codes]
    if len(column.numbers):  # however these were written
        known = np.isfinite(column.numbers)
        read = np.ascontiguousarray(np.where(known, column.numbers, 0.0) + 0.0).view(np.uint64)
        cells = np.where(known, read, cells)
    return cells


def _chained(words: Iterable[Any], start: Any) -> Any:
    """Words one after another in one: of whole columns as arrays, or of one row, for which numbers are faster."""
    for word in words:
        start = _mixed((start * 0x9E3779B97F4A7C15 + _mixed(word)) & _WORD)
    return start


def _mixed(word: Any) -> Any:
    """Every bit of a word hanging on all of its bits (the finaliser of SplitMix64)."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & _WORD
    return word ^ (word >> 31)


def _span(table: OriginalTable, pair: tuple[int, int]) -> Measure | None:
    """The scale of the days between two columns of times; None: they do not go together."""
    first, second = (table.columns[i].numbers for i in pair)
    days = (first - second) / DAY
    known = days[np.isfinite(days)]
    if len(known) < 20 or not (known != 0).any():
        return None
    whole = min(np.subtract(*np.quantile(t[np.isfinite(t)] / DAY, (0.9, 0.1))) for t in (first, second))
    if np.subtract(*np.quantile(known, (0.9, 0.1))) > 0.5 * whole:
        return None
    return Measure(unit=float(np.median(np.abs(known[known != 0]))))


def _beside(columns: Sequence[FloatArray], table: OriginalTable) -> FloatArray:
    return np.column_stack(columns).astype(np.float64) if columns else np.empty((table.n_rows, 0))


def _pairs(state: State, name: str, known: Sequence[int]) -> list[tuple[int, int]]:
    found = [tuple(pair) for pair in state.value(name, list)]
    if not all(len(pair) == 2 and {*pair} <= {*known} for pair in found):
        raise StorageError(f"the pairs of columns {name!r} are damaged.")
    return [(pair[0], pair[1]) for pair in found]


def _measures(state: State, name: str, n: int) -> list[Measure]:
    units = [float(unit) for unit in state.value(name, list)]
    if len(units) != n or not all(0 <= unit < np.inf for unit in units):
        raise StorageError(f"the scales {name!r} are damaged.")
    return [Measure(unit=unit) for unit in units]
