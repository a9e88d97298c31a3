"""Cells of a column that holds one and the same value nearly everywhere, and there does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._counting import Counts, tally
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, OriginalColumn, State

FEWEST = 20  # cells from which on a column is called constant
NEARLY_ALL = 0.9


def nearly_constant(column: OriginalColumn) -> bool:
    """Whether one value stands in at least nine of ten of a column's cells, and not in all."""
    counts = column.levels.counts
    total = int(counts.sum())
    return total >= FEWEST and NEARLY_ALL * total <= int(counts.max()) < total


@dataclass(frozen=True, kw_only=True)
class ConstantModel:
    """A column that is nearly constant.

    Args:
        usual: Its one value, as written.
        held: Rows that hold it.
        values: Rows of each value.
    """

    usual: str
    held: int
    values: Counts

    @classmethod
    def of(cls, column: OriginalColumn) -> ConstantModel | None:
        """Learn a column; None: it is not nearly constant."""
        if not nearly_constant(column):
            return None
        levels = column.levels
        usual = int(levels.counts.argmax())
        values = Counts.of(tally(levels.texts, levels.counts), int(levels.counts.sum()))
        return cls(usual=levels.texts[usual], held=int(levels.counts[usual]), values=values)

    def bits(self, column: OriginalColumn) -> FloatArray:
        """log₂ of the rows with the usual value against those with the cell's own, where it is another."""
        levels = column.levels
        odds = np.log2(self.held) - np.log2(self.values.rows(levels.texts))
        other = np.array([text != self.usual for text in levels.texts], dtype=bool)
        return levels.spread(np.where(other, np.maximum(odds, 0.0), 0.0))

    def expected(self, column: OriginalColumn, bits: FloatArray) -> Iterator[tuple[int, str]]:
        """Rows with another value, and the usual one."""
        return ((row, self.usual) for row in np.flatnonzero(bits > 0).tolist())

    def to_state(self) -> State:
        """As data."""
        return State(values={"usual": self.usual, "held": self.held}) | self.values.to_state().within("values")

    @classmethod
    def from_state(cls, state: State) -> ConstantModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        held = state.value("held", int)
        if held < 1:
            raise StorageError("what was learned of a nearly constant column is damaged.")
        values = Counts.from_state(state.part("values"))
        return cls(usual=state.value("usual", str), held=held, values=values)


class Constant(ColumnWise):
    """Cells that differ in a column that is otherwise constant.

    Its bits are those of a dependency on nothing at all: the majority against the odd one. What such a column holds
    says little of how far out a number is, so it is told apart from numbers that are far from others.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("number", "boolean", "text", "mixed", "time", "duration"))
    model = ConstantModel
    nothing = "no column is nearly constant"
