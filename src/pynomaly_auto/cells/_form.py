"""Cells that are written unlike the others of their column: rarity of a value's shape."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._counting import Counts, tally, usual_bits
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, OriginalColumn, State

_LONGEST = 100  # characters of a cell that its shape tells apart
_USED_UP = 0.5  # share of the values a shape has room for, by its digits, from which on its rarity says nothing
_BETWEEN = "\x1e"
_RUN = re.compile(r"([^\x1e])\1+")


class _Classes(dict[int, str]):
    """The class of a character, found out when first met: letters by case, digits; all others are their own."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        kind = "9" if letter.isdigit() else "A" if letter.isupper() else "a" if letter.isalpha() else letter
        self[code] = kind
        return kind


_CLASSES = _Classes()


def shapes_of(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which class of character stands where in each text, and the same with runs of one class told as one.

    >>> shapes_of(["Elm St 12-b"])
    (['Aaa Aa 99-a'], ['Aa+ Aa 9+-a'])
    """
    # All at once, as one text: a call for each of many short ones takes most of the time.
    line = _BETWEEN.join([text[:_LONGEST].replace(_BETWEEN, "") for text in texts]).translate(_CLASSES)
    return line.split(_BETWEEN), _RUN.sub(r"\1+", line).split(_BETWEEN)


@dataclass(frozen=True, kw_only=True)
class FormModel:
    """The shapes of one column.

    Args:
        exact: Rows of each shape.
        runs: Rows of each shape with runs folded.
        texts: Rows of each value.
        usual: Bits that a cell of the column has on average, exact and folded, shape (2,).
    """

    exact: Counts
    runs: Counts
    texts: Counts
    usual: FloatArray

    @classmethod
    def of(cls, column: OriginalColumn) -> FormModel | None:
        """Count the shapes of a column of texts; None: there are none."""
        counts = column.text_counts
        total = int(counts.sum())
        if total < 2:
            return None
        shapes, runs = shapes_of(column.texts)
        exact = Counts.of(_without_used_up(tally(shapes, counts), shapes, total), total)
        less = Counts.of(_without_used_up(tally(runs, counts), runs, total), total)
        usual = [usual_bits(c.surprise(keys), counts) for c, keys in ((exact, shapes), (less, runs))]
        texts = Counts.of(tally(column.texts, counts), total)
        return cls(exact=exact, runs=less, texts=texts, usual=np.array(usual))

    def bits(self, column: OriginalColumn) -> FloatArray:
        """Bits of each cell above the column's usual ones; the larger of exact and folded, 0 for numbers."""
        if not column.texts:
            return np.zeros(len(column))
        bits = np.append(self.of_texts(column.texts), 0.0)[column.codes]
        # How far out a number is, others say better; here counts what should be one and is none.
        known = len(column.numbers) > 0 and column.role != "time"
        return np.where(np.isnan(column.numbers), bits, 0.0) if known else np.asarray(bits)

    def of_texts(self, texts: Sequence[str]) -> FloatArray:
        """Bits of each of some distinct cells, shape (n,)."""
        shapes, runs = shapes_of(texts)
        own = self.texts.rows(texts)
        out = np.zeros(len(texts))
        for counts, keys, usual in (
            (self.exact, shapes, self.usual[0]),
            (self.runs, runs, self.usual[1]),
        ):
            # A value that comes again is no slip, unless others are written like it.
            meant = 2 * np.log2(own) * own / np.maximum(counts.rows(keys), own)
            out = np.maximum(out, counts.surprise(keys) - usual - meant)
        return out

    def to_state(self) -> State:
        """As data."""
        counts = self.exact.to_state().within("exact") | self.runs.to_state().within("runs")
        return counts | self.texts.to_state().within("texts") | State(arrays={"usual": self.usual})

    @classmethod
    def from_state(cls, state: State) -> FormModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        usual = state.array("usual", ndim=1)
        if usual.shape != (2,) or not np.isfinite(usual).all():
            raise StorageError("the usual bits of a column's forms are damaged.")
        exact, runs = Counts.from_state(state.part("exact")), Counts.from_state(state.part("runs"))
        return cls(exact=exact, runs=runs, texts=Counts.from_state(state.part("texts")), usual=usual)


def _without_used_up(rows: dict[str, int], shapes: Sequence[str], total: int) -> dict[str, int]:
    """Rows of each shape, those of which all values there can be are used taken for the usual one.

    Names that count the rows, ``E1`` to ``E2000``, are rarely as short as ``E7``, which is no sign of anything.

    Args:
        rows: Of each shape.
        shapes: Of each distinct text.
        total: Rows of the column.
    """
    distinct = tally(shapes, np.ones(len(shapes), dtype=np.int64))

    def used_up(shape: str) -> bool:
        # A folded run may be of any length: there is always room.
        return "9" in shape and "+" not in shape and distinct[shape] >= _USED_UP * 10.0 ** shape.count("9")

    return {shape: total if used_up(shape) else n for shape, n in rows.items()}


class Form(ColumnWise):
    """Rarity of a value's shape in its column, exact and with runs folded, above the column's usual bits.

    In a column of numbers it is heard of the cells alone that are none. The first 100 characters
    of a cell count.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("number", "boolean", "text", "mixed", "time", "duration"))
    model = FormModel
    nothing = "no column came as text"
