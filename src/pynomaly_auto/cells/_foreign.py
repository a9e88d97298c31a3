"""Values that are at home in another column and hardly ever stand in their own: cells exchanged or moved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np

from pynomaly_auto.cells._counting import Counts, pack, tally, unpack
from pynomaly_auto.cells._parts import by_column, read_by_column
from pynomaly_auto.cells._spec import Beside
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, FloatArray, IntArray, OriginalColumn, OriginalTable, State

_AT_HOME = 5  # rows that a value has at least in its column
_RATIO = 8.0  # of these to its rows in another column, for it to be foreign there
_MOST_FOREIGN = 0.02  # share of a column's rows; where there are more, columns share their values
_SILENT = 6.0  # bits that are taken off
_MOST_VALUES = 200_000
_MOST_COLUMNS = 60
_NUMBER = re.compile(r"[\d.,:/+\-\s]*")


@dataclass(frozen=True, kw_only=True, eq=False)
class Homes:
    """The column that each of some values has most rows in.

    Args:
        values: The values, in order.
        rows: Rows of each there, shape (n_values,).
        columns: Position of the column, shape (n_values,).
    """

    values: tuple[str, ...] = field(repr=False)
    rows: IntArray = field(repr=False)
    columns: IntArray = field(repr=False)

    @cached_property
    def _place_of(self) -> dict[str, int]:
        return {value: i for i, value in enumerate(self.values)}

    @classmethod
    def of(cls, counted: Mapping[int, Mapping[str, int]]) -> Homes:
        """From the rows of each value of each column; numbers are at home everywhere, and left out."""
        found: dict[str, tuple[int, int]] = {}
        for column, counts in counted.items():
            for value, n in counts.items():
                if n >= _AT_HOME and n > found.get(value, (0, 0))[0] and not _NUMBER.fullmatch(value[:40]):
                    found[value] = (n, column)
        kept = sorted(found, key=lambda value: (-found[value][0], value))[:_MOST_VALUES]
        values = tuple(sorted(kept))
        rows, columns = ([found[value][k] for value in values] for k in (0, 1))
        return cls(values=values, rows=np.array(rows, dtype=np.int64), columns=np.array(columns, dtype=np.int64))

    def foreign(self, texts: tuple[str, ...], own: FloatArray, column: int) -> tuple[IntArray, FloatArray]:
        """Position of each text that is at home elsewhere, -1: none, and how many times more rows it has there.

        Args:
            texts: Distinct cells of a column.
            own: Rows of each in it, at least 1.
            column: Its position.
        """
        place = np.array([self._place_of.get(text, -1) for text in texts], dtype=np.int64)
        if not len(self.values):
            return place, np.zeros(len(place))
        ratio = self.rows[place] / own
        known = (place >= 0) & (self.columns[place] != column) & (ratio >= _RATIO)
        return np.where(known, place, -1), np.where(known, ratio, 0.0)


@dataclass(frozen=True, kw_only=True)
class Abroad:
    """One column in which hardly any value is foreign.

    Args:
        own: Rows of each of its values.
        bits: Of there being a foreign one at all, what is usual taken off.
    """

    own: Counts
    bits: float

    def to_state(self) -> State:
        """As data."""
        return self.own.to_state() | State(values={"bits": self.bits})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        bits = float(state.value("bits", (int, float)))
        if not np.isfinite(bits):
            raise StorageError("what was learned of values at home elsewhere is damaged.")
        return cls(own=Counts.from_state(state), bits=bits)


class Foreign:
    """Values at home in another column of texts: log₂ of its rows there against those here, and how seldom that is.

    A column is judged where at most two of a hundred rows hold such a value, so that columns that share their values
    by nature, as where a journey begins and ends, are left alone. Numbers belong nowhere. Six bits, and those of the
    columns looked at, are taken off.

    Attributes:
        homes: Where values are at home.
        columns: Position of each column that is judged to what was learned of it.
    """

    def __init__(self) -> None:
        self.homes = Homes.of({})
        self.columns: Mapping[int, Abroad] = {}

    def fit(self, table: OriginalTable) -> Self:
        """Learn where values are at home.

        Raises:
            NotApplicableError: There are too few columns of texts, or all share their values.
        """
        read = [i for i, column in enumerate(table.columns) if _is_read(column)][:_MOST_COLUMNS]
        levels = {i: table.columns[i].levels for i in read}
        counted = {i: tally(found.texts, found.counts) for i, found in levels.items()}
        self.homes = Homes.of(counted)
        made = {}
        for i, found in levels.items():
            total = int(found.counts.sum())
            place, _ = self.homes.foreign(found.texts, found.counts.astype(np.float64), i)
            foreign = int(found.counts[place >= 0].sum())
            if len(read) > 1 and foreign <= _MOST_FOREIGN * total:
                bits = -np.log2((foreign + 1) / (total + 2)) - np.log2(len(read)) - _SILENT
                made[i] = Abroad(own=Counts.of(counted[i], total), bits=float(bits))
        if not made or not self.homes.values:
            raise NotApplicableError("no values belong to one column of texts among several")
        self.columns = made
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        for i, abroad in self.columns.items():
            levels = table.columns[i].levels
            _, ratio = self.homes.foreign(levels.texts, abroad.own.rows(levels.texts), i)
            raw = np.log2(np.maximum(ratio, 1.0)) + abroad.bits
            bits[:, i] = levels.spread(np.where(ratio > 0, np.maximum(raw, 0.0), 0.0))
        return CellEvidence(bits=bits)

    def beside(self, table: OriginalTable, row: int, column: int) -> Beside | None:
        """The column that a value is at home in."""
        levels = table.columns[column].rows(np.array([row])).levels
        if column not in self.columns or not levels.texts:
            return None
        place, _ = self.homes.foreign(levels.texts, self.columns[column].own.rows(levels.texts), column)
        return Beside(text=table.columns[int(self.homes.columns[place[0]])].name) if place[0] >= 0 else None

    def to_state(self) -> State:
        """All that was learned as data."""
        arrays = {"rows": self.homes.rows, "homes": self.homes.columns}
        return pack("values", self.homes.values) | State(arrays=arrays) | by_column(self.columns)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        values = unpack("values", state)
        rows, homes = (state.array(name, kind="i", ndim=1) for name in ("rows", "homes"))
        if not len(values) == len(rows) == len(homes) or rows.min(initial=1) < 1 or homes.min(initial=0) < 0:
            raise StorageError("where values are at home is damaged.")
        made.homes = Homes(values=values, rows=rows, columns=homes)
        made.columns = read_by_column(Abroad, state)
        return made


def _is_read(column: OriginalColumn) -> bool:
    return column.role in ("text", "mixed") and len(column.levels.texts) > 1
