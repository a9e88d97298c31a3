"""Cells that the rest of their row does not let expect."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Self, TypeAlias

import numpy as np

from pynomaly_auto.cells._blaming import blamed
from pynomaly_auto.cells._categories import MISSING
from pynomaly_auto.cells._parts import one_by_one, read_one_by_one
from pynomaly_auto.cells._predicting import Fitting, Half, View, usual_of
from pynomaly_auto.cells._quantities import SPAN, Classes, Quantity, chances, classes_of, cut, quantities_of
from pynomaly_auto.cells._surroundings import Surroundings, halves, hashes
from pynomaly_auto.cells._tails import Tail
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, ExpectedCells, FloatArray, IntArray, OriginalTable, State, written

Instead: TypeAlias = dict[int, dict[int, float | str]]
Expect: TypeAlias = Callable[[int], float | str | None]

_FITTED = 6_000  # rows that models are fitted on
_FEWEST_ROWS = 100
_BETTER = 0.8  # most of what is lost without the other cells that may be lost with them
_LEAST_CHANCE = 2e-3  # that a value is given when models are compared
_LEAST_OFF = 0.1  # of the usual distance, that every one counts as when spreads are predicted
_LEAST_USUAL, _LEAST_FAR = 1e-3, 0.01  # of the distances without the other cells


class Conditional:
    """Each column predicted from the others; cells far from it, in bits of the tail of such distances.

    Numbers are predicted on the log scale, in units of a spread that is predicted as well; so are hours of the day, and
    the days between two times. Categories are predicted by the odds of each frequent value. Rows fall into two halves
    by their own cells, and each is judged by boosted trees that were grown on the other: no row, old or new, is judged
    by models that saw it or one equal to it. Columns that the others tell too little of are silent; of days between two
    times, which no other detector looks at, those far from the usual ones count even so.

    At most 14 numbers and 8 categories are predicted, by models grown on 6,000 rows.

    Attributes:
        around: What is read of the rows.
        quantities: The numbers that are predicted.
        classes: The categories that are predicted.
        halves: The models of each half.
        rows: How many were learned from.
    """

    def __init__(self) -> None:
        self.around: Surroundings
        self.quantities: tuple[Quantity, ...] = ()
        self.classes: tuple[Classes, ...] = ()
        self.halves: tuple[Half, ...] = ()
        self.rows = 0

    def fit(self, table: OriginalTable) -> Self:
        """Fit the models.

        Raises:
            NotApplicableError: There are too few rows, or no column follows from others.
        """
        if table.n_rows < _FEWEST_ROWS:
            raise NotApplicableError(f"fewer than {_FEWEST_ROWS} rows")
        # In an order of their own, so that theirs in the table does not matter.
        table = table.rows(np.argsort(hashes(table), kind="stable")[:_FITTED])
        self.rows, self.around = table.n_rows, Surroundings.of(table)
        half = halves(hashes(table))
        if np.bincount(half, minlength=2).min() < _FEWEST_ROWS // 4:
            raise NotApplicableError("too few rows differ")
        found = _Found(table, self.around, half)
        self.quantities, self.classes, self.halves = found.quantities, found.classes, found.halves
        if not (self.quantities or self.classes):
            raise NotApplicableError("no column follows from others")
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        half = halves(hashes(table))
        instead: Instead = {i: {} for i in range(table.n_columns)}
        bits = self._bits(table, half, instead)
        bits = blamed(table, bits, instead, lambda changed, rows: self._bits(changed, half[rows]))
        at = [(row, i) for row, i in np.argwhere(bits > 0).tolist() if row in instead[i]]
        texts = tuple(self._text(i, instead[i][row]) for row, i in at)
        rows, columns = np.array(at, dtype=np.int64).reshape(-1, 2).T
        return CellEvidence(bits=bits, expected=ExpectedCells(rows=rows, columns=columns, texts=texts))

    def _bits(self, table: OriginalTable, half: IntArray, instead: Instead | None = None) -> FloatArray:
        """Bits of all cells, by the models of given halves; shape (n_rows, n_columns).

        Args:
            table: The rows.
            half: That each belongs to.
            instead: Filled with what was expected in cells that are odd.
        """
        bits = np.zeros((table.n_rows, table.n_columns))
        for column, found, expect in self._said(table, half):
            louder = np.flatnonzero(found > bits[:, column])
            if not len(louder):
                continue
            bits[louder, column] = found[louder]
            if instead is not None:
                known = ((row, expect(row)) for row in louder.tolist())
                instead[column] |= {row: cell for row, cell in known if cell is not None}
        return bits

    def _said(self, table: OriginalTable, half: IntArray) -> Iterator[tuple[int, FloatArray, Expect]]:
        """Each column that is predicted, the bits of its cells, and what gives the one expected in a row."""
        n = len(self.quantities)
        # What is predicted twice, by other cells, is read but once.
        each = {(q.kind, q.column, q.other): q for q in self.quantities}
        read = {key: q.values(table, self.around) for key, q in each.items()}
        values = [read[q.kind, q.column, q.other] for q in self.quantities]
        said, numbers = self._predict(table, half, np.column_stack(values) if n else np.empty((table.n_rows, 0)))
        columns = [q.column for q in self.quantities]
        for k, q in enumerate(self.quantities):
            bits = q.bits(values[k], numbers[:, k], said[:, n + k])
            expect = partial(q.expected, numbers[:, k], table.columns[q.other].numbers)
            yield q.column, np.maximum(bits - np.log2(columns.count(q.column)), 0.0), expect
        start = 2 * n
        for c in self.classes:
            odds, codes = said[:, start : start + c.size], c.values.codes(table.columns[c.column])
            yield c.column, c.bits(c.losses(odds, codes, self.rows)), partial(c.expected, odds)
            start += c.size

    def _predict(self, table: OriginalTable, half: IntArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What each model says of rows, and the numbers predicted, by the half that each row belongs to."""
        read = self.around.read(table)
        said, numbers = np.empty((table.n_rows, len(self.halves[0].counts))), np.empty(values.shape)
        for k, models in enumerate(self.halves):
            rows = np.flatnonzero(half == k)
            if len(rows):
                some = read.rows(rows)
                said[rows], lines = models.predict(some)
                numbers[rows] = models.nearest(some, values[rows], lines + said[rows, : values.shape[1]])
        return said, numbers

    def _text(self, column: int, cell: float | str) -> str:
        """What was expected in a cell, as it would be written; times as days, as their hours are never known."""
        if isinstance(cell, str):
            return cell
        if column in self.around.times:
            return str(np.datetime64(round(cell), "s").astype("datetime64[D]"))
        decimals = next(q.decimals for q in self.quantities if q.column == column)
        return written(round(cell, decimals))

    def to_state(self) -> State:
        """All that was learned as data."""
        out = State(values={"rows": self.rows}) | self.around.to_state().within("around")
        out = out | one_by_one(self.quantities, name="quantities", each="quantity")
        out = out | one_by_one(self.classes, name="categories", each="classes")
        for k, half in enumerate(self.halves):
            out = out | half.to_state().within(f"half{k}")
        return out

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.rows, made.around = state.value("rows", int), Surroundings.from_state(state.part("around"))
        quantities = read_one_by_one(state, name="quantities", each="quantity")
        made.quantities = tuple(map(Quantity.from_state, quantities))
        made.classes = tuple(map(Classes.from_state, read_one_by_one(state, name="categories", each="classes")))
        views = _views(made.quantities, made.classes)
        made.halves = tuple(Half.from_state(state.part(f"half{k}"), made.around, views) for k in range(2))
        if made.rows < 1 or any(len(h.counts) != len(views) + len(quantities) for h in made.halves):
            raise StorageError("the models of columns given the others do not fit them.")
        if any(q.kind == SPAN and (q.column, q.other) not in made.around.paired for q in made.quantities):
            raise StorageError("two times are compared that are not read.")
        return made


class _Found:
    """What follows from the rest of a row, and the models that say so.

    Attributes:
        quantities: The numbers that do.
        classes: The categories that do.
        halves: Their models.
    """

    def __init__(self, table: OriginalTable, around: Surroundings, half: IntArray) -> None:
        self.quantities, self.classes = quantities_of(table, around), classes_of(table)
        self.halves: tuple[Half, ...] = ()
        if not (self.quantities or self.classes):
            return
        self._around, self._read, self._n_rows = around, around.read(table), table.n_rows
        values = [q.values(table, around) for q in self.quantities]
        self._values = np.column_stack(values) if values else np.empty((table.n_rows, 0))
        self._codes = [c.values.codes(table.columns[c.column]) for c in self.classes]
        self._targets = self._quantified()
        self._seen = [np.flatnonzero(half != k) for k in range(2)]
        self._judged = [np.flatnonzero(half == k) for k in range(2)]
        self._fits = [
            Fitting(around, self._read.rows(rows), _views(self.quantities, self.classes), self._targets[rows])
            for rows in self._seen
        ]
        self._least: dict[int, float] = {}
        self._fit()

    def _fit(self) -> None:
        said, lines = self._first()
        n = len(self.quantities)
        predicted = said[:, :n] + lines
        numbers = self._better_numbers(predicted)
        spreads = self._spreads(numbers, predicted)
        values = [n + v for v in self._better_classes(said[:, n:])]
        grown = range(said.shape[1], said.shape[1] + len(numbers))
        usual = [usual_of(self._read.rows(r), self._around, self._values[r] - predicted[r]) for r in self._seen]
        self.halves = tuple(
            replace(
                fit.half([*numbers, *grown, *values], views=[*numbers, *values]),
                own={i: rows[:, numbers] for i, rows in own.items()},
            )
            for fit, own in zip(self._fits, usual, strict=True)
        )
        for models, rows in zip(self.halves, self._judged, strict=True):
            held = np.ix_(rows, np.array(numbers, dtype=np.int64))
            predicted[held] = models.nearest(self._read.rows(rows), self._values[held], predicted[held])
        self.quantities = tuple(self._with_tail(v, predicted[:, v], spreads[:, v]) for v in numbers)

    def _quantified(self) -> FloatArray:
        """What models are fitted to, NaN where it is not known; shape (n_rows, n_views)."""
        held = [cut(values) for values in self._values.T]
        for c, codes in zip(self.classes, self._codes, strict=True):
            held += [np.where(codes == MISSING, np.nan, codes == v) for v in range(c.size)]
        return np.column_stack(held).astype(np.float64)

    def _first(self) -> tuple[FloatArray, FloatArray]:
        """Grow the trees of all; what they say of the rows that they have not seen, and the linear predictions."""
        said, lines = np.zeros(self._targets.shape), np.zeros((self._n_rows, len(self.quantities)))
        for fit, rows, others in zip(self._fits, self._seen, self._judged, strict=True):
            for v, view in enumerate(fit.views):
                target = self._targets[rows, v]
                fit.add(v, "value" if view.linear else "class", target - fit.line[:, v] if view.linear else target)
            said[others], lines[others] = fit.half().predict(self._read.rows(others))
        return said, lines

    def _better_numbers(self, predicted: FloatArray) -> list[int]:
        """The quantities that are predicted better than without the other cells, their usual distances now known."""
        kept, updated = [], list(self.quantities)
        for v, q in enumerate(self.quantities):
            known = self._targets[np.isfinite(self._targets[:, v]), v]
            off = np.abs(self._targets[:, v] - predicted[:, v])[np.isfinite(self._targets[:, v])]
            before = _lower(np.abs(known - np.median(known)))
            if before > 0 and (q.kind == SPAN or _lower(off) <= _BETTER * before):
                updated[v] = replace(q, usual=max(float(np.median(off)), _LEAST_USUAL * before))
                self._least[v] = _LEAST_FAR * before
                kept.append(v)
        self.quantities = tuple(updated)
        return kept

    def _spreads(self, kept: Sequence[int], predicted: FloatArray) -> FloatArray:
        """Grow the trees of the spreads of some quantities; what they say, 0 for others, shape (n_rows, n)."""
        out = np.zeros(predicted.shape)
        for fit, rows, others in zip(self._fits, self._seen, self._judged, strict=True):
            for v in kept:
                off = np.abs(self._targets[rows, v] - predicted[rows, v])
                fit.add(v, "spread", np.log(off + _LEAST_OFF * self.quantities[v].usual))
            grown = fit.half(range(len(fit.views), len(fit.views) + len(kept)))
            out[np.ix_(others, np.array(kept, dtype=np.int64))] = grown.predict(self._read.rows(others))[0]
        return out

    def _with_tail(self, v: int, predicted: FloatArray, spread: FloatArray) -> Quantity:
        q = replace(self.quantities[v], spread=float(np.median(spread)))
        tail = Tail.of(q.far(self._values[:, v], predicted, spread))
        # Where a column follows exactly, trees are still a little off; that much is no surprise.
        return replace(q, tail=tail and replace(tail, scale=max(tail.scale, self._least[v] / q.usual)))

    def _better_classes(self, odds: FloatArray) -> list[int]:
        """Places of the values of categories that are predicted better than by how frequent they are."""
        kept: list[Classes] = []
        places: list[int] = []
        start = 0
        for c, codes in zip(self.classes, self._codes, strict=True):
            rows, own = np.flatnonzero(codes >= 0), odds[:, start : start + c.size]
            right = chances(own[rows])[np.arange(len(rows)), codes[rows]]
            share = np.bincount(codes[rows], minlength=c.size) / max(len(rows), 1)
            before = -float((share[share > 0] * np.log2(share[share > 0])).sum())
            if -float(np.log2(np.maximum(right, _LEAST_CHANCE)).mean()) <= _BETTER * before:
                kept.append(replace(c, tail=Tail.of(c.losses(own, codes, self._n_rows)[rows])))
                places += range(start, start + c.size)
            start += c.size
        self.classes = tuple(kept)
        return places


def _views(quantities: Sequence[Quantity], classes: Sequence[Classes]) -> tuple[View, ...]:
    """What is predicted: numbers first, then each value of each category."""
    numbers = [View(owners=q.owners, linear=True) for q in quantities]
    return (*numbers, *(View(owners=c.owners, linear=False) for c in classes for _ in range(c.size)))


def _lower(off: FloatArray) -> float:
    """Mean of the smaller 95 %."""
    found = np.sort(off)
    return float(found[: max(1, int(0.95 * len(found)))].mean()) if len(found) else 0.0
