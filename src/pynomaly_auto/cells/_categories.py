"""Columns as categories: the values that repeat, and which of them each row has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pynomaly_auto.cells._counting import Counts, tally
from pynomaly_auto.records import IntArray, OriginalColumn, OriginalTable, State

RARE, MISSING = -1, -2
_MOST_VALUES = 20_000
_REPEATS = 0.3  # share of the rows that have a value that repeats


@dataclass(frozen=True, kw_only=True, eq=False)
class Category:
    """The values of a column that two rows or more have.

    Args:
        values: Rows of each.
    """

    values: Counts

    @classmethod
    def of(cls, column: OriginalColumn) -> Category | None:
        """Count the values of any column; None: hardly any repeats, or all are the same."""
        levels = column.levels
        if len(levels.texts) < 2:
            return None
        counts = levels.counts
        often = np.flatnonzero(counts > 1)
        if counts[often].sum() < _REPEATS * max(int(counts.sum()), 1) or not len(often):
            return None
        if len(often) > _MOST_VALUES:
            often = often[np.argsort(-counts[often], kind="stable")[:_MOST_VALUES]]
        kept = tally([levels.texts[i] for i in often.tolist()], counts[often])
        return cls(values=Counts.of(kept, int(counts.sum())))

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.values.keys)

    def codes(self, column: OriginalColumn) -> IntArray:
        """Which value each row has, `RARE` for all others and `MISSING` where there is none, shape (n_rows,)."""
        levels = column.levels
        return self.values.places(levels.texts, last=MISSING)[levels.codes]

    def frequent(self, *, least: int, most: int) -> Category:
        """Its most frequent values alone.

        Args:
            least: Rows that each has at least.
            most: How many at most.
        """
        counts = self.values.counts
        often = np.flatnonzero(counts >= least)
        if len(often) > most:
            often = np.sort(often[np.argsort(-counts[often], kind="stable")[:most]])
        kept = {self.values.keys[i]: int(counts[i]) for i in often.tolist()}
        return Category(values=Counts.of(kept, self.values.total))

    def to_state(self) -> State:
        """As data."""
        return self.values.to_state()

    @classmethod
    def from_state(cls, state: State) -> Category:
        """The inverse of `to_state`."""
        return cls(values=Counts.from_state(state))


def codes_of(table: OriginalTable, categories: Mapping[int, Category]) -> dict[int, IntArray]:
    """Position of each column of categories to the values of the rows (`Category.codes`)."""
    return {i: category.codes(table.columns[i]) for i, category in categories.items()}


def categories_of(table: OriginalTable, *, most_columns: int) -> Mapping[int, Category]:
    """Position of each column whose values repeat to its values, of the first columns that do."""
    out: dict[int, Category] = {}
    for i, column in enumerate(table.columns):
        found = Category.of(column) if len(out) < most_columns else None
        if found is not None:
            out[i] = found
    return out
