"""What of a table is predicted from the rest of a row: numbers, hours, the days between times, and categories."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pynomaly_auto.cells._burst import is_entity
from pynomaly_auto.cells._categories import Category
from pynomaly_auto.cells._surroundings import DAY, NUMERIC, Measure, Surroundings, hour_of_day
from pynomaly_auto.cells._tails import Tail
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, IntArray, OriginalTable, State

NUMBER, SPAN, HOUR = "number", "span", "hour"
_MOST_QUANTITIES, _MOST_CATEGORIES, _MOST_CLASSES = 14, 8, 6
_LEAST_OF_CLASS = 16
_FEW_NUMBERS = 6  # numbers up to which a column is one of categories
_CUT = 8.0  # usual distances from the middle beyond which numbers are no farther when models are fitted
_LOWEST, _HIGHEST = np.log(0.25), np.log(20.0)  # logarithm of the usual spread's share that a predicted one may be
_WITHOUT_TAIL = 3.0  # bits of a category's loss that say nothing where the losses have no tail
_MOST_DECIMALS = 4
_FARTHEST = 1e11  # what is larger is no time, and nobody's number
_CERTAIN = 30.0  # log odds beyond which nothing is more certain


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number that is predicted.

    Args:
        column: That its bits are given to.
        kind: ``"number"``, ``"hour"`` of the day or ``"span"``: days since another time.
        other: The other column of times; the column itself where there is none.
        measure: Its scale; of hours, where their day begins, as its unit.
        hidden: Further columns that do not predict it.
        decimals: With which it is written.
        usual: Median distance from what is predicted, on the scale.
        spread: Median of what the models of spreads say.
        tail: How far distances reach, in predicted spreads; None: not known.
    """

    column: int
    kind: str
    other: int
    measure: Measure
    hidden: frozenset[int] = frozenset()
    decimals: int = 0
    usual: float = 1.0
    spread: float = 0.0
    tail: Tail | None = None

    @property
    def owners(self) -> frozenset[int]:
        """Columns that must not predict it."""
        return self.hidden | {self.column}

    def values(self, table: OriginalTable, around: Surroundings) -> FloatArray:
        """On its scale, NaN where there is none; shape (n_rows,)."""
        if self.kind == HOUR:
            return np.asarray((hour_of_day(table.columns[self.column]) - self.measure.unit) % 24.0)
        if self.kind == SPAN:
            return self.measure(around.days(table, (self.column, self.other)))
        return self.measure(table.columns[self.column].numbers)

    def far(self, values: FloatArray, predicted: FloatArray, spread: FloatArray) -> FloatArray:
        """Distances in predicted spreads; shape (n_rows,)."""
        own = np.minimum(np.maximum(spread - self.spread, _LOWEST), _HIGHEST)  # faster than `np.clip` for a row
        return np.asarray(np.abs(values - predicted) / (self.usual * np.exp(own)))

    def bits(self, values: FloatArray, predicted: FloatArray, spread: FloatArray) -> FloatArray:
        """Bits of numbers, by how far they are from what was predicted; shape (n_rows,)."""
        return np.zeros(len(values)) if self.tail is None else self.tail.bits(self.far(values, predicted, spread))

    def expected(self, predicted: FloatArray, since: FloatArray, row: int) -> float | None:
        """The number, or the time in seconds since 1970, that was expected in a row; None: no one value was.

        Args:
            predicted: On the scale, of all rows.
            since: The other times.
            row: The row.
        """
        number = np.nan if self.kind == HOUR else float(self.measure.back(predicted[[row]])[0])
        found = float(since[row]) + number * DAY if self.kind == SPAN else number
        return found if abs(found) < _FARTHEST else None

    def to_state(self) -> State:
        """As data."""
        names = ("column", "kind", "other", "decimals", "usual", "spread")
        values = {name: getattr(self, name) for name in names} | {"unit": self.measure.unit}
        values |= {"hidden": sorted(self.hidden), "tailed": self.tail is not None}
        return State(values=values) | (State() if self.tail is None else self.tail.to_state().within("tail"))

    @classmethod
    def from_state(cls, state: State) -> Quantity:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        usual, spread, unit = (float(state.value(name, (int, float))) for name in ("usual", "spread", "unit"))
        kind, hidden = state.value("kind", str), state.value("hidden", list)
        if kind not in (NUMBER, SPAN, HOUR) or not (0 < usual < np.inf and np.isfinite(spread) and 0 <= unit < np.inf):
            raise StorageError("what was learned of a column given the others is damaged.")
        return cls(
            column=state.value("column", int),
            kind=kind,
            other=state.value("other", int),
            measure=Measure(unit=unit),
            hidden=frozenset(hidden),
            decimals=min(max(state.value("decimals", int), 0), _MOST_DECIMALS),
            usual=usual,
            spread=spread,
            tail=Tail.from_state(state.part("tail")) if state.value("tailed", bool) else None,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Classes:
    """A category that is predicted.

    Args:
        column: Its position.
        values: The frequent ones.
        tail: How far the bits of what stands there reach; None: not known.
    """

    column: int
    values: Category
    tail: Tail | None = None

    @property
    def owners(self) -> frozenset[int]:
        """Columns that must not predict it."""
        return frozenset((self.column,))

    @property
    def size(self) -> int:
        """How many values there are."""
        return self.values.size

    def losses(self, odds: FloatArray, codes: IntArray, n: int) -> FloatArray:
        """Bits of the likeliest value against the one that stands there, 0 for values that are not known.

        Args:
            odds: Log odds of each value; shape (n_rows, n_values).
            codes: Values of the rows.
            n: Rows learned from; nothing is rarer than one of them.
        """
        likely = 1.0 / (1.0 + np.exp(-np.clip(odds, -_CERTAIN, _CERTAIN)))
        own = likely[np.arange(len(codes)), np.maximum(codes, 0)]
        found = np.log2(likely.max(axis=1)) - np.log2(own)
        return np.where(codes >= 0, np.minimum(found, np.log2(n)), 0.0)

    def bits(self, losses: FloatArray) -> FloatArray:
        """Bits of losses by their tail, none more than the loss itself; shape (n_rows,)."""
        if self.tail is None:
            return np.maximum(losses - _WITHOUT_TAIL, 0.0)
        return np.minimum(self.tail.bits(losses), losses)

    def expected(self, odds: FloatArray, row: int) -> str:
        """The likeliest value of a row."""
        return self.values.values.keys[int(odds[row].argmax())]

    def to_state(self) -> State:
        """As data."""
        out = self.values.to_state() | State(values={"column": self.column, "tailed": self.tail is not None})
        return out if self.tail is None else out | self.tail.to_state().within("tail")

    @classmethod
    def from_state(cls, state: State) -> Classes:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        tail = Tail.from_state(state.part("tail")) if state.value("tailed", bool) else None
        return cls(column=state.value("column", int), values=Category.from_state(state), tail=tail)


def quantities_of(table: OriginalTable, around: Surroundings) -> tuple[Quantity, ...]:
    """The numbers of a table that may follow from the rest of their row.

    Columns of numbers are predicted twice where there are other numbers and categories: from all others, and from all
    but numbers, as wrong numbers often come with others that follow from them.
    """
    found = [
        Quantity(column=i, kind=NUMBER, other=i, measure=measure, decimals=_decimals(table.columns[i].numbers))
        for i, measure in around.numbers.items()
        if not _is_name(table.columns[i].numbers) and not _is_few(table.columns[i].numbers)
    ][:_MOST_QUANTITIES]
    others = frozenset(around.numbers)
    alone = [replace(q, hidden=others) for q in found] if len(others) > 1 and around.categories else []
    spans = []
    for (first, second), measure in around.spans.items():
        later = float(np.nanmedian(around.days(table, (first, second)))) >= 0
        column, other = (first, second) if later else (second, first)
        spans.append(Quantity(column=column, kind=SPAN, other=other, measure=measure))
    hours = [
        Quantity(column=i, kind=HOUR, other=i, measure=Measure(unit=begins))
        for i in around.times
        if (begins := _day_begins(table, i)) is not None
    ]
    return (*found, *alone, *spans, *hours)


def classes_of(table: OriginalTable) -> tuple[Classes, ...]:
    """The categories of a table that may follow from the rest of their row, their six most frequent values each."""
    found = []
    for i, column in enumerate(table.columns):
        if column.role == "time" or is_entity(column) or (column.role in NUMERIC and not _is_few(column.numbers)):
            continue
        category = Category.of(column)
        values = None if category is None else category.frequent(least=_LEAST_OF_CLASS, most=_MOST_CLASSES)
        if values is not None and values.size > 1:
            found.append(Classes(column=i, values=values))
    return tuple(found[:_MOST_CATEGORIES])


def cut(values: FloatArray) -> FloatArray:
    """Values with those far out moved in, for models to be fitted on; NaN stays."""
    known = values[np.isfinite(values)]
    if not len(known):
        return values
    middle = float(np.median(known))
    usual = float(np.quantile(np.abs(known - middle), 0.75)) or float(np.abs(known - middle).max())
    return np.clip(values, middle - _CUT * usual, middle + _CUT * usual)


def chances(odds: FloatArray) -> FloatArray:
    """Shares of values by their log odds; same shape, each row adding up to 1."""
    likely = 1.0 / (1.0 + np.exp(-np.clip(odds, -_CERTAIN, _CERTAIN)))
    return np.asarray(likely / likely.sum(axis=1, keepdims=True))


def _day_begins(table: OriginalTable, i: int) -> float | None:
    """The middle of the seven hours with fewest times; None: they are days."""
    column = table.columns[i]
    hours = hour_of_day(column)
    known = np.isfinite(hours)
    if not known.any() or (column.numbers[known] % DAY > 0).mean() <= 0.5:
        return None
    counts = np.bincount(hours[known].astype(np.int64), minlength=24)
    around = np.sum([np.roll(counts, k) for k in range(-3, 4)], axis=0)
    return float(np.argmin(around)) + 0.5


def _is_few(numbers: FloatArray) -> bool:
    return len(np.unique(numbers[np.isfinite(numbers)])) <= _FEW_NUMBERS


def _is_name(numbers: FloatArray) -> bool:
    """Whether whole numbers name the rows: each comes once."""
    found = numbers[np.isfinite(numbers)]
    return bool(len(np.unique(found)) == len(found) and (found == np.floor(found)).all())


def _decimals(numbers: FloatArray) -> int:
    found = numbers[np.isfinite(numbers)]
    for n in range(_MOST_DECIMALS):
        if (np.abs(found - np.round(found, n)) <= 1e-9 * np.abs(found)).mean() > 0.95:
            return n
    return _MOST_DECIMALS
