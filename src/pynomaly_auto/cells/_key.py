"""Values that come twice in a column that names the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._counting import Counts, tally
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, OriginalColumn, State

_UNIQUE = 0.9  # share of the rows with a value of their own
_FEWEST = 30
_STEPS = (86_400.0, 3_600.0, 60.0)  # seconds
_BY_CHANCE = 0.3  # most of the twins there may be that whole numbers drawn from the same range would have


@dataclass(frozen=True, kw_only=True)
class KeyModel:
    """One column of keys.

    Args:
        values: Rows of those that come twice.
        twice: Bits of coming twice at all.
    """

    values: Counts
    twice: float

    @classmethod
    def of(cls, column: OriginalColumn) -> KeyModel | None:
        """Count the values; None: they do not name the rows."""
        levels = column.levels
        counts = levels.counts
        total, alone = int(counts.sum()), int((counts == 1).sum())
        if total < _FEWEST or alone < _UNIQUE * total or alone == total:
            return None
        if column.role in ("number", "time") and not _is_key(_in_steps(column), total - alone):
            return None
        values = Counts.of(tally(levels.texts, counts), total)
        return cls(values=values, twice=float(np.log2(total / (total - alone))))

    def bits(self, column: OriginalColumn) -> FloatArray:
        """−log₂ of the share of rows whose value is not their own, for these."""
        levels = column.levels
        known = self.values.places(levels.texts, last=-1) >= 0
        return np.where(known, self.twice, 0.0)[levels.codes]

    def to_state(self) -> State:
        """As data."""
        return self.values.to_state() | State(values={"twice": self.twice})

    @classmethod
    def from_state(cls, state: State) -> KeyModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        twice = float(state.value("twice", (int, float)))
        if not np.isfinite(twice):
            raise StorageError("what was learned of a column of keys is damaged.")
        return cls(values=Counts.from_state(state), twice=twice)


class Key(ColumnWise):
    """Values that come twice where nine of ten rows have one of their own: −log₂ of the share of such rows.

    Whole numbers are keys where fewer come twice than if they were drawn from their range; other numbers are none. So
    are days, hours, minutes or seconds, whichever are the steps of a column of times.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("number", "text", "mixed", "time"))
    model = KeyModel
    nothing = "no column tells the rows apart but for a few duplicates"


def _in_steps(column: OriginalColumn) -> FloatArray:
    """The numbers of a column; of times in the longest of the usual steps that all of them are whole ones of."""
    if column.role != "time":
        return column.numbers
    found = column.numbers[np.isfinite(column.numbers)]
    step = next((s for s in _STEPS if (found % s == 0).all()), 1.0)
    return column.numbers / step


def _is_key(numbers: FloatArray, twins: int) -> bool:
    found = numbers[np.isfinite(numbers)]
    if not len(found) or (found != np.floor(found)).any():
        return False
    # Of the middle half, so that a few far out do not widen the range in which the others would hardly meet.
    low, high = np.quantile(found, (0.25, 0.75))
    by_chance = len(found) * (0.5 * len(found) / max(float(high - low), 1.0))
    return twins < _BY_CHANCE * by_chance
