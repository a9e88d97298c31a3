"""Numbers far from the others of their column, and numbers with decimals that the others do not have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._counting import Counts, tally
from pynomaly_auto.cells._tails import Tail
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, OriginalColumn, State

_FRACTION = re.compile(r"[.,](\d+)\D*$")
_MOST_TEXTS = 20_000


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Distances from the middle of a column, straight or of the logarithm.

    Args:
        centre: Median.
        tail: How far the distances reach.
        log: Whether of the logarithm.
    """

    centre: float
    tail: Tail
    log: bool

    @classmethod
    def of(cls, numbers: FloatArray, *, log: bool) -> Scale | None:
        """From the numbers that are there; None: they hardly differ."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            values = np.log(numbers) if log else numbers
            centre = float(np.median(values))
            tail = Tail.of(np.abs(values - centre)) if np.isfinite(centre) else None
        return None if tail is None else cls(centre=centre, tail=tail, log=log)

    def bits(self, numbers: FloatArray) -> FloatArray:
        """Bits of each number; a number without a logarithm is as far out as can be."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            values = np.log(np.where(numbers > 0, numbers, 0.0)) if self.log else numbers
            return self.tail.bits(np.where(np.isnan(numbers), np.nan, np.abs(values - self.centre)))

    def to_state(self) -> State:
        """As data."""
        return State(values={"centre": self.centre, "log": self.log}) | self.tail.to_state().within("tail")

    @classmethod
    def from_state(cls, state: State) -> Scale:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        centre = float(state.value("centre", (int, float)))
        if not np.isfinite(centre):
            raise StorageError("the centre of a column's numbers is damaged.")
        return cls(centre=centre, log=state.value("log", bool), tail=Tail.from_state(state.part("tail")))


@dataclass(frozen=True, kw_only=True)
class NumberModel:
    """The numbers of one column.

    Args:
        scales: The straight and the logarithmic one, as far as they are there.
        decimals: Rows with each number of decimals.
        usual: Bits of a cell's number of decimals, on average.
    """

    scales: tuple[Scale, ...]
    decimals: Counts
    usual: float

    @classmethod
    def of(cls, column: OriginalColumn) -> NumberModel | None:
        """Learn a column of numbers; None: it has too few."""
        found = column.numbers[np.isfinite(column.numbers)]
        if len(found) < 8 or found.min() == found.max():
            return None
        scales = [Scale.of(found, log=False)]
        if (found > 0).mean() > 0.98:
            scales.append(Scale.of(found[found > 0], log=True))
        keys, counts, total = _decimals(column)
        decimals = Counts.of(tally(keys, counts), total)
        usual = float((decimals.surprise(keys) * counts).sum() / max(total, 1))
        return cls(scales=tuple(s for s in scales if s is not None), decimals=decimals, usual=usual)

    def bits(self, column: OriginalColumn) -> FloatArray:
        """Bits of each number: of the scale that finds it the less odd, and of its decimals above the usual."""
        far = [scale.bits(column.numbers) for scale in self.scales]
        out = np.minimum.reduce(far) if far else np.zeros(len(column))
        keys, _, _ = _decimals(column)
        levels = column.levels
        odd = np.maximum(self.decimals.surprise(keys) - self.usual, 0.0)
        return np.where(np.isnan(column.numbers), 0.0, out + levels.spread(odd))

    def to_state(self) -> State:
        """As data."""
        out = self.decimals.to_state().within("decimals")
        out = out | State(values={"usual": self.usual, "scales": len(self.scales)})
        for i, scale in enumerate(self.scales):
            out = out | scale.to_state().within(f"scale{i}")
        return out

    @classmethod
    def from_state(cls, state: State) -> NumberModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        usual, n = float(state.value("usual", (int, float))), state.value("scales", int)
        if not np.isfinite(usual) or not 0 <= n <= 2:
            raise StorageError("what was learned of a column's numbers is damaged.")
        scales = tuple(Scale.from_state(state.part(f"scale{i}")) for i in range(n))
        return cls(scales=scales, decimals=Counts.from_state(state.part("decimals")), usual=usual)


class Number(ColumnWise):
    """Robust distance from a column's median on the straight and the logarithmic scale, the smaller in bits.

    Added is the rarity of a number's count of decimals above the column's usual bits.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("number", "mixed", "duration"))
    model = NumberModel
    nothing = "no column holds numbers that differ"


def _decimals(column: OriginalColumn) -> tuple[Sequence[str], np.ndarray[tuple[int], np.dtype[np.int64]], int]:
    """The number of decimals of each distinct cell, the rows of each, and of all."""
    levels = column.levels
    keys = [decimals_of(text) for text in levels.texts]
    return keys, levels.counts, int(levels.counts.sum())


def decimals_of(text: str) -> str:
    """How many decimals a number is written with; those of a quotient all count as many.

    >>> decimals_of("12.50"), decimals_of("12"), decimals_of("0.3333333333")
    ('2', '0', 'many')
    """
    found = _FRACTION.search(text[-40:])
    n = len(found[1]) if found else 0
    return "many" if n > 6 else str(n)
