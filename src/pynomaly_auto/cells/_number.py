"""Numbers far from the others of their column, and numbers with decimals that the others do not have."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._constant import nearly_constant
from pynomaly_auto.cells._counting import Counts, tally, usual_bits
from pynomaly_auto.cells._tails import FARTHEST, Tail
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, OriginalColumn, State

_OFTEN = FARTHEST / 20  # bits that what twenty rows have is heard with: as little as nothing
_FRACTION = re.compile(r"[.,](\d+)\D*$")


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
        scales: The straight and the logarithmic one, as far as they are there; none where nearly all are one number.
        constant: That one number, other than 0; None: there is none.
        values: Rows of each number.
        decimals: Rows with each number of decimals.
        usual: Bits of a cell's number and of its number of decimals, on average, shape (2,).
    """

    scales: tuple[Scale, ...]
    values: Counts
    decimals: Counts
    usual: FloatArray
    constant: float | None = None

    @classmethod
    def of(cls, column: OriginalColumn) -> NumberModel | None:
        """Learn a column of numbers; None: it has too few, or nearly all are 0."""
        found = column.numbers[np.isfinite(column.numbers)]
        if len(found) < 8 or found.min() == found.max():
            return None
        constant, scales = None, list[Scale | None]()
        if nearly_constant(column):
            constant = float(np.median(found))
            if constant == 0 or not np.isfinite(constant):  # amounts that hardly any row has are not far out for it
                return None
        else:
            scales.append(Scale.of(found, log=False))
            if (found > 0).mean() > 0.98:
                scales.append(Scale.of(found[found > 0], log=True))
        levels = column.levels
        total = int(levels.counts.sum())
        keys = [decimals_of(text) for text in levels.texts]
        values = Counts.of(tally(levels.texts, levels.counts), total)
        decimals = Counts.of(tally(keys, levels.counts), total)
        usual = [usual_bits(c.surprise(k), levels.counts) for c, k in ((values, levels.texts), (decimals, keys))]
        found_scales = tuple(s for s in scales if s is not None)
        return cls(
            scales=found_scales, values=values, decimals=decimals, usual=np.array(usual), constant=constant
        )  # fmt: skip

    def bits(self, column: OriginalColumn) -> FloatArray:
        """Bits of each number: of the scale that finds it the less odd, and of its decimals above the usual.

        A number that comes again and again is no odder than it is rare. Where nearly all are one number any other is as
        far out as can be, the less the oftener it comes: then it is a code, of which `constant` speaks.
        """
        levels = column.levels
        rare = self.values.surprise(levels.texts)
        decimals = self.decimals.surprise([decimals_of(text) for text in levels.texts])
        odd = levels.spread(np.maximum(decimals - self.usual[1], 0.0))
        alone = levels.spread(FARTHEST / self.values.rows(levels.texts))
        if self.constant is not None:
            out = np.where(column.numbers != self.constant, np.maximum(alone - _OFTEN, 0.0), 0.0)
        elif self.scales:
            far = np.minimum.reduce([scale.bits(column.numbers) for scale in self.scales])
            out = np.minimum(far, levels.spread(rare) + alone)
        else:
            out = levels.spread(np.maximum(rare - self.usual[0], 0.0))
        return np.where(np.isnan(column.numbers), 0.0, out + odd)

    def to_state(self) -> State:
        """As data."""
        out = self.decimals.to_state().within("decimals") | self.values.to_state().within("values")
        out = out | State(arrays={"usual": self.usual}, values={"scales": len(self.scales), "constant": self.constant})
        for i, scale in enumerate(self.scales):
            out = out | scale.to_state().within(f"scale{i}")
        return out

    @classmethod
    def from_state(cls, state: State) -> NumberModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        usual, n = state.array("usual", ndim=1), state.value("scales", int)
        if usual.shape != (2,) or not np.isfinite(usual).all() or not 0 <= n <= 2:
            raise StorageError("what was learned of a column's numbers is damaged.")
        scales = tuple(Scale.from_state(state.part(f"scale{i}")) for i in range(n))
        values, decimals = Counts.from_state(state.part("values")), Counts.from_state(state.part("decimals"))
        # Models that were saved before it was looked at have none.
        held = state.values.get("constant")
        if held is not None and not (isinstance(held, int | float) and np.isfinite(held)):
            raise StorageError("the one number of a column is damaged.")
        constant = None if held is None else float(held)
        return cls(scales=scales, values=values, decimals=decimals, usual=usual, constant=constant)


class Number(ColumnWise):
    """Robust distance from a column's median on the straight and the logarithmic scale, the smaller in bits.

    Added is the rarity of a number's count of decimals above the column's usual bits. In a column of one number other
    than 0 nearly everywhere any other is far out, the farther the seldomer it comes.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("number", "mixed", "duration"))
    model = NumberModel
    nothing = "no column holds numbers that differ"


def decimals_of(text: str) -> str:
    """How many decimals a number is written with; those of a quotient all count as many.

    >>> decimals_of("12.50"), decimals_of("12"), decimals_of("0.3333333333")
    ('2', '0', 'many')
    """
    found = _FRACTION.search(text[-40:])
    n = len(found[1]) if found else 0
    return "many" if n > 6 else str(n)
