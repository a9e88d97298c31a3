"""Cells with a sequence of letters that their column hardly ever has."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._counting import Counts, tally, usual_bits
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, IntArray, OriginalColumn, State

_LONGEST = 100  # characters of a cell that are looked at
_MOST_TEXTS = 10_000  # distinct cells of a column whose trigrams are counted
_END = chr(0x10FFFF)  # a code point that is no character: what stands before and after a cell
_WIDTH = 21  # bits of a code point


def trigrams_in(texts: Sequence[str]) -> tuple[IntArray, IntArray]:
    """The sequences of three characters of texts, their ends being characters, whatever the case.

    Returns:
        One number for each sequence, those of the first text first, and where those of each text start, shape
        (n_texts + 1,); an empty text has none.
    """
    cut = [text[:_LONGEST].replace(_END, "") for text in texts]
    line = (_END + _END.join(cut) + _END).lower()
    letters = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.int64)
    ends = np.flatnonzero(letters == ord(_END))
    inside = letters[1:-1] != ord(_END)  # a window around an end belongs to two texts
    keys = (letters[:-2] << 2 * _WIDTH) | (letters[1:-1] << _WIDTH) | letters[2:]
    starts = np.concatenate(([0], np.cumsum(inside)))[np.minimum(ends, len(inside))]
    return keys[inside], starts


@dataclass(frozen=True, kw_only=True, eq=False)
class TrigramModel:
    """The trigrams of one column.

    Args:
        trigrams: Those that two rows or more hold, ascending.
        rows: Rows that hold each.
        total: Rows counted.
        texts: Rows of each value.
        usual: Bits of the rarest trigram of a cell that nine of ten cells stay below.
    """

    trigrams: IntArray
    rows: IntArray
    total: int
    texts: Counts
    usual: float

    @classmethod
    def of(cls, column: OriginalColumn) -> TrigramModel | None:
        """Count the trigrams of a column of texts; None: there are none, or as many rare ones as cells."""
        if not column.texts:
            return None
        counts = column.text_counts
        some = _sample(column.texts) if len(column.texts) > _MOST_TEXTS else np.arange(len(column.texts))
        total = int(counts[some].sum())
        if total < 2:
            return None
        keys, starts = trigrams_in([column.texts[i] for i in some.tolist()])
        kinds, kind = np.unique(keys, return_inverse=True)
        holder = np.repeat(np.arange(len(some)), np.diff(starts))
        once = np.unique(kind * len(some) + holder)  # a text that has a trigram twice holds it once
        rows = np.zeros(len(kinds), dtype=np.int64)
        np.add.at(rows, once // len(some), counts[some][once % len(some)])
        often = rows > 1
        texts = Counts.of(tally(column.texts, counts), int(counts.sum()))
        made = cls(trigrams=kinds[often], rows=rows[often], total=total, texts=texts, usual=0.0)
        usual = usual_bits(made._rarest(keys, starts), counts[some])
        if usual >= np.log2(total) - 1.0:
            return None
        return cls(trigrams=made.trigrams, rows=made.rows, total=total, texts=texts, usual=usual)

    def _rarest(self, keys: IntArray, starts: IntArray) -> FloatArray:
        """Bits of the rarest trigram of each text, 0 where there is none."""
        n = len(starts) - 1
        held = np.full(len(keys) + 1, self.total, dtype=np.int64)
        if len(self.trigrams):
            found = np.minimum(np.searchsorted(self.trigrams, keys), len(self.trigrams) - 1)
            held[:-1] = np.where(self.trigrams[found] == keys, self.rows[found], 1)
        else:
            held[:-1] = 1
        empty = np.diff(starts) == 0
        fewest = np.where(empty, self.total, np.minimum.reduceat(held, starts[:-1])) if n else np.empty(0)
        return np.asarray(np.log2(max(self.total, 1)) - np.log2(fewest))

    def bits(self, column: OriginalColumn) -> FloatArray:
        """Bits of each cell's rarest trigram above the column's usual ones."""
        if not column.texts:
            return np.zeros(len(column))
        rarest = self._rarest(*trigrams_in(column.texts))
        # A value that comes again is no slip.
        meant = 2 * np.log2(self.texts.rows(column.texts))
        return np.asarray(np.append(np.maximum(rarest - self.usual - meant, 0.0), 0.0)[column.codes])

    def to_state(self) -> State:
        """As data."""
        arrays = {"trigrams": self.trigrams, "rows": self.rows}
        values = {"usual": self.usual, "total": self.total}
        return State(arrays=arrays, values=values) | self.texts.to_state().within("texts")

    @classmethod
    def from_state(cls, state: State) -> TrigramModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        trigrams, rows = state.array("trigrams", kind="i", ndim=1), state.array("rows", kind="i", ndim=1)
        usual, total = float(state.value("usual", (int, float))), state.value("total", int)
        fits = len(trigrams) == len(rows) and (np.diff(trigrams) > 0).all() and (rows > 0).all() and total > 0
        if not fits or not np.isfinite(usual):
            raise StorageError("what was learned of a column's trigrams is damaged.")
        texts = Counts.from_state(state.part("texts"))
        return cls(trigrams=trigrams, rows=rows, total=total, texts=texts, usual=usual)


class Trigram(ColumnWise):
    """Bits of the rarest trigram of a cell in its own column, above what nine of ten cells stay below.

    A value that comes again is no slip of the pen: twice the log₂ of its rows is taken off. Of a column with more than
    10,000 distinct cells as many are counted, the same ones whatever their order; the first 100 characters of a cell
    count.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("text", "mixed"))
    model = TrigramModel
    nothing = "no column holds texts that are alike"


def _sample(texts: tuple[str, ...]) -> IntArray:
    digests = np.array([zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in texts], dtype=np.int64)
    return np.sort(np.argsort(digests, kind="stable")[:_MOST_TEXTS])
