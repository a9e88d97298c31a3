"""Events at an hour at which there are hardly any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, IntArray, OriginalColumn, State

_HOURS = 24
_DAY = 86_400.0
_FEWEST = 50  # rows from which on hours have a distribution


@dataclass(frozen=True, kw_only=True)
class HourModel:
    """The hours of one column of times.

    Args:
        odds: Bits of each hour of the day above the column's usual ones, shape (24,).
    """

    odds: FloatArray

    @classmethod
    def of(cls, column: OriginalColumn) -> HourModel | None:
        """Count the hours; None: the column holds days only, or too few times."""
        known = column.numbers[np.isfinite(column.numbers)]
        if len(known) < _FEWEST or not (known % _DAY).any():
            return None
        hours = hours_of(column)
        counts = np.bincount(hours[hours >= 0], minlength=_HOURS).astype(np.float64)
        if (counts > 0).sum() < 2:
            return None
        # An hour's neighbours have a say, as a clock does not jump.
        smooth = 0.5 * counts + 0.25 * (np.roll(counts, 1) + np.roll(counts, -1))
        share = np.maximum(smooth, 1.0) / counts.sum()
        surprise = -np.log2(share)
        usual = float((surprise * counts).sum() / counts.sum())
        return cls(odds=np.maximum(surprise - usual, 0.0))

    def bits(self, column: OriginalColumn) -> FloatArray:
        """Bits of each cell's hour above the usual."""
        return np.append(self.odds, 0.0)[hours_of(column)]

    def to_state(self) -> State:
        """As data."""
        return State(arrays={"odds": self.odds})

    @classmethod
    def from_state(cls, state: State) -> HourModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        odds = state.array("odds", ndim=1)
        if odds.shape != (_HOURS,) or not np.isfinite(odds).all():
            raise StorageError("the bits of the hours are damaged.")
        return cls(odds=odds)


class Hour(ColumnWise):
    """Rarity of the hour of a time, of its own time zone, above the column's usual bits."""

    roles: ClassVar[frozenset[CellRole]] = frozenset(("time",))
    model = HourModel
    nothing = "no column holds times of day"


def hours_of(column: OriginalColumn) -> IntArray:
    """The hour of each time of a column, -1 where there is none, shape (n_rows,)."""
    seconds = column.numbers
    known = np.isfinite(seconds)
    if column.zone is None or column.zone == "UTC":
        hours = np.floor(np.where(known, seconds, 0.0) % _DAY / 3600.0)
    else:
        moments = pd.to_datetime(pd.Series(np.where(known, seconds, 0.0)), unit="s", utc=True)
        hours = moments.dt.tz_convert(column.zone).dt.hour.to_numpy(dtype=np.float64)
    return np.where(known, np.minimum(hours, _HOURS - 1), -1).astype(np.int64)
