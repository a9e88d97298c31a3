"""Numbers far from the others of their category."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from pynomaly_auto.cells._categories import Category, categories_of, codes_of
from pynomaly_auto.cells._parts import by_column, read_by_column
from pynomaly_auto.cells._spec import Beside
from pynomaly_auto.cells._tails import Tail
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, FloatArray, IntArray, OriginalTable, State

_MOST_CATEGORIES, _MOST_NUMBERS = 15, 40
_MOST_VALUES = 500
_LEAST_ROWS = 8  # of a group
_COVERED = 0.5  # share of the numbers that lie in groups
_NARROWER = 0.8  # most of the spread that may be left within a category that is heard
_SCREENED = 10_000  # rows on which categories are chosen
_HEARD = 2  # categories that judge one column of numbers, those that narrow it most


@dataclass(frozen=True, kw_only=True, eq=False)
class Within:
    """One column of numbers within the groups of another.

    Args:
        number: Position of the numbers.
        category: Position of the category.
        log: Whether the numbers' logarithms are meant.
        centres: Median of each group, NaN where it is too small, shape (n_groups,).
        spreads: Median distance from it, mixed with that of all groups, shape (n_groups,).
        tail: How far the distances reach, in spreads.
        left: Share of the numbers' spread that is left within the groups.
    """

    number: int
    category: int
    log: bool
    centres: FloatArray
    spreads: FloatArray
    tail: Tail
    left: float

    @classmethod
    def of(
        cls, numbers: FloatArray, groups: IntArray, n_groups: int, at: tuple[int, int], *, log: bool
    ) -> Within | None:
        """Learn one column in the groups of another; None: they do not narrow it."""
        there = np.isfinite(numbers) & (groups >= 0) & ((numbers > 0) if log else True)
        if there.sum() < _COVERED * np.isfinite(numbers).sum() or there.sum() < 2 * _LEAST_ROWS:
            return None
        values, inside = np.log(numbers[there]) if log else numbers[there], groups[there]
        counts = np.bincount(inside, minlength=n_groups)
        centres = medians(values, inside, counts)
        centres[counts < _LEAST_ROWS] = np.nan
        with np.errstate(over="ignore", invalid="ignore"):
            far = np.abs(values - centres[inside])
            known = np.isfinite(far)
            whole = float(np.median(np.abs(values[known] - np.median(values[known])))) if known.any() else 0.0
        if known.sum() < _COVERED * len(values) or not 0 < whole < np.inf:
            return None
        pooled = float(np.median(far[known]))
        if pooled > _NARROWER * whole:
            return None
        own = medians(far[known], inside[known], np.bincount(inside[known], minlength=n_groups))
        floor = pooled or float(np.mean(far[known])) or whole
        # A small group's spread says little, so that of all groups counts as another few rows of it.
        spreads = (counts * np.nan_to_num(own) + _LEAST_ROWS * floor) / (counts + _LEAST_ROWS)
        tail = Tail.of(far[known] / spreads[inside[known]])
        if tail is None:
            return None
        number, category = at
        return cls(
            number=number,
            category=category,
            log=log,
            centres=centres,
            spreads=spreads,
            tail=tail,
            left=pooled / whole,
        )

    def bits(self, numbers: FloatArray, groups: IntArray) -> FloatArray:
        """Bits of each number in its group, 0 in a group that is not known, shape (n_rows,)."""
        place = np.maximum(groups, 0)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            values = np.log(np.where(numbers > 0, numbers, 0.0)) if self.log else numbers
            far = np.abs(values - self.centres[place]) / self.spreads[place]
        return self.tail.bits(np.where((groups >= 0) & ~np.isnan(numbers), far, np.nan))


class Group:
    """A number's robust distance within its category, where the category narrows it, straight and on the log scale.

    Of both scales the one that finds it the less odd counts; of several categories the one that finds it the oddest,
    less one bit where two are heard. The first 15 columns whose values repeat and the first 40 of numbers count.

    Attributes:
        categories: Position of a column to its values.
        within: What was learned, by column of numbers, then category.
    """

    def __init__(self) -> None:
        self.categories: Mapping[int, Category] = {}
        self.within: tuple[tuple[Within, ...], ...] = ()

    def fit(self, table: OriginalTable) -> Self:
        """Look for categories that narrow a column of numbers.

        Raises:
            NotApplicableError: There is none.
        """
        found = {
            i: category.frequent(least=_LEAST_ROWS, most=_MOST_VALUES)
            for i, category in categories_of(table, most_columns=_MOST_CATEGORIES).items()
        }
        codes = codes_of(table, {i: category for i, category in found.items() if category.size > 1})
        numeric = [i for i, c in enumerate(table.columns) if c.role in ("number", "mixed", "duration")]
        made: list[tuple[Within, ...]] = []
        step = max(1, -(-table.n_rows // _SCREENED))
        for number in numeric[:_MOST_NUMBERS]:
            values = table.columns[number].numbers
            screened = [(_left(values[::step], groups[::step]), i) for i, groups in codes.items() if i != number]
            both = []
            for left, category in sorted(screened)[:_HEARD]:
                if left > _NARROWER:
                    continue
                groups = codes[category]
                pair = [
                    Within.of(values, groups, found[category].size, (number, category), log=log)
                    for log in (False, True)[: 1 + bool(positive(values))]
                ]
                if all(pair):
                    both.append(tuple(w for w in pair if w is not None))
            made.extend(both)
        if not made:
            raise NotApplicableError("no category narrows a column of numbers")
        used = {w.category for pair in made for w in pair}
        self.categories = {i: found[i] for i in codes if i in used}
        self.within = tuple(made)
        return self

    def beside(self, table: OriginalTable, row: int, column: int) -> Beside | None:
        """The category in which a number is far from the others, and what is usual there."""
        oddest, found = 0.0, None
        for pair in self.within:
            if pair[0].number != column:
                continue
            category = self.categories[pair[0].category]
            name, numbers = table.columns[pair[0].category].name, table.columns[column].numbers[row : row + 1]
            group = category.codes(table.columns[pair[0].category])[row : row + 1]
            least = min(float(w.bits(numbers, group)[0]) for w in pair)
            if least > oddest:
                usual = pair[0].centres[group[0]]
                text = f"{name} {category.values.keys[int(group[0])]!r} (about {usual:.4g})"
                oddest, found = least, Beside(text=text, columns=(pair[0].category,))
        return found

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        codes = codes_of(table, self.categories)
        heard: dict[int, int] = {}
        for pair in self.within:
            heard[pair[0].number] = heard.get(pair[0].number, 0) + 1
        for pair in self.within:
            number, groups = pair[0].number, codes[pair[0].category]
            found = np.minimum.reduce([w.bits(table.columns[number].numbers, groups) for w in pair])
            found = np.maximum(found - np.log2(heard[number]), 0.0)
            bits[:, number] = np.maximum(bits[:, number], found)
        return CellEvidence(bits=bits)

    def to_state(self) -> State:
        """All that was learned as data."""
        out = by_column(self.categories) | State(values={"pairs": [len(pair) for pair in self.within]})
        for i, within in enumerate(w for pair in self.within for w in pair):
            known = np.isfinite(within.centres)
            arrays = {"centres": np.where(known, within.centres, 0.0), "spreads": within.spreads, "known": known}
            names = ("number", "category", "log", "left")
            values = {name: getattr(within, name) for name in names}
            held = State(arrays=arrays, values=values) | within.tail.to_state().within("tail")
            out = out | held.within(f"within{i}")
        return out

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.categories = read_by_column(Category, state)
        pairs, at = [], 0
        for size in state.value("pairs", list):
            parts = [_restored(state.part(f"within{i}"), made.categories) for i in range(at, at + size)]
            pairs.append(tuple(parts))
            at += size
        made.within = tuple(pairs)
        return made


def _left(numbers: FloatArray, groups: IntArray) -> float:
    """Share of the numbers' spread that is left within groups, on the log scale where they are positive; inf: none."""
    there = np.isfinite(numbers) & (groups >= 0)
    values = numbers[there]
    if not len(values):
        return np.inf
    if positive(values):
        values = np.log(np.maximum(values, values[values > 0].min()))
    counts = np.bincount(groups[there])
    inside = groups[there]
    with np.errstate(over="ignore", invalid="ignore"):
        whole = float(np.median(np.abs(values - np.median(values))))
        far = np.abs(values - medians(values, inside, counts)[inside])
    known = counts[inside] > 1
    return float(np.median(far[known])) / whole if known.any() and 0 < whole < np.inf else np.inf


def positive(numbers: FloatArray) -> bool:
    """Whether nearly all numbers of a column have a logarithm."""
    found = numbers[np.isfinite(numbers)]
    return bool(len(found) and (found > 0).mean() > 0.98)


def medians(values: FloatArray, groups: IntArray, counts: IntArray) -> FloatArray:
    """Median of each group, NaN where it is empty, shape (n_groups,)."""
    order = np.lexsort((values, groups))
    ordered = np.append(values[order], np.nan)
    ends = np.cumsum(counts)
    starts = ends - counts
    low = np.where(counts > 0, starts + (counts - 1) // 2, len(values))
    high = np.where(counts > 0, starts + counts // 2, len(values))
    return np.asarray(ordered[low] / 2 + ordered[high] / 2)


def _restored(state: State, categories: Mapping[int, Category]) -> Within:
    number, category = state.value("number", int), state.value("category", int)
    centres, spreads = state.array("centres", ndim=1), state.array("spreads", ndim=1)
    known = state.array("known", kind="b", ndim=1)
    size = categories[category].size if category in categories else -1
    if not len(centres) == len(spreads) == len(known) == size or not (spreads > 0).all():
        raise StorageError("what was learned of numbers within groups does not fit them.")
    return Within(
        number=number,
        category=category,
        log=state.value("log", bool),
        centres=np.where(known, centres, np.nan),
        spreads=spreads,
        tail=Tail.from_state(state.part("tail")),
        left=float(state.value("left", (int, float))),
    )
