"""Detectors that judge each column by itself: one model per column, nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from pynomaly_auto.cells._parts import by_column, read_by_column
from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.records import (
    CellEvidence,
    CellRole,
    ExpectedCells,
    FloatArray,
    OriginalColumn,
    OriginalTable,
    State,
)


class ColumnModel(Protocol):
    """What was learned of one column."""

    @classmethod
    def of(cls, column: OriginalColumn) -> Self | None:
        """Learn a column; None: there is nothing to go by."""
        ...

    def bits(self, column: OriginalColumn) -> FloatArray:
        """Bits of each row's cell, 0 where there is nothing to say, shape (n_rows,)."""
        ...

    def to_state(self) -> State:
        """As data."""
        ...

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`."""
        ...


class ColumnWise:
    """A cell detector with one model per column.

    Attributes:
        models: Position of a column to its model.
    """

    roles: ClassVar[frozenset[CellRole]]
    model: ClassVar[type[Any]]
    nothing: ClassVar[str] = "no column has anything to go by"

    def __init__(self) -> None:
        self.models: Mapping[int, Any] = {}

    def fit(self, table: OriginalTable) -> Self:
        """Learn every column whose role it reads.

        Raises:
            NotApplicableError: There is no such column.
        """
        made = {}
        for i, column in enumerate(table.columns):
            found = self.model.of(column) if column.role in self.roles else None
            if found is not None:
                made[i] = found
        if not made:
            raise NotApplicableError(self.nothing)
        self.models = made
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        rows: list[int] = []
        columns: list[int] = []
        texts: list[str] = []
        for i, model in self.models.items():
            column = table.columns[i]
            bits[:, i] = model.bits(column)
            expect = getattr(model, "expected", None)
            if expect is not None:
                for row, text in expect(column, bits[:, i]):
                    rows.append(row)
                    columns.append(i)
                    texts.append(text)
        at, of = np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)
        return CellEvidence(bits=bits, expected=ExpectedCells(rows=at, columns=of, texts=tuple(texts)))

    def to_state(self) -> State:
        """All models as data."""
        return by_column(self.models, each="")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.models = read_by_column(cls.model, state, each="")
        return made
