"""Cells with a sequence of letters that their column hardly ever has."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._counting import Counts, tally, usual_bits
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, OriginalColumn, State

_LONGEST = 100  # characters of a cell that are looked at
_MOST_TEXTS = 10_000  # distinct cells of a column whose trigrams are counted
_START, _END = "\x02", "\x03"


def trigrams_of(text: str) -> set[str]:
    r"""The sequences of three characters of a text, its ends marked, whatever the case.

    >>> sorted(trigrams_of("Abc")) == ["\\x02ab", "abc", "bc\\x03"]
    True
    """
    framed = _START + text[:_LONGEST].lower() + _END
    return {framed[i : i + 3] for i in range(len(framed) - 2)}


@dataclass(frozen=True, kw_only=True)
class TrigramModel:
    """The trigrams of one column.

    Args:
        rows: Rows that hold each.
        texts: Rows of each value.
        usual: Bits of the rarest trigram of a cell, on average.
    """

    rows: Counts
    texts: Counts
    usual: float

    @classmethod
    def of(cls, column: OriginalColumn) -> TrigramModel | None:
        """Count the trigrams of a column of texts; None: there are none."""
        if not column.texts:
            return None
        counts = np.bincount(column.codes[column.codes >= 0], minlength=len(column.texts))
        some = _sample(column.texts) if len(column.texts) > _MOST_TEXTS else range(len(column.texts))
        total = int(counts[list(some)].sum())
        if total < 2:
            return None
        held: dict[str, int] = {}
        for i in some:
            n = int(counts[i])
            for trigram in trigrams_of(column.texts[i]):
                held[trigram] = held.get(trigram, 0) + n
        rows = Counts.of(held, total)
        rarest = np.fromiter(_rarest(rows, (column.texts[i] for i in some)), dtype=np.float64)
        usual = usual_bits(rarest, counts[list(some)])
        texts = Counts.of(tally(column.texts, counts.astype(np.int64)), int(counts.sum()))
        return cls(rows=rows, texts=texts, usual=usual)

    def bits(self, column: OriginalColumn) -> FloatArray:
        """Bits of each cell's rarest trigram above the column's usual ones."""
        if not column.texts:
            return np.zeros(len(column))
        rarest = np.fromiter(_rarest(self.rows, iter(column.texts)), dtype=np.float64)
        # A value that comes again is no slip.
        meant = 2 * np.log2(self.texts.rows(column.texts))
        return np.asarray(np.append(np.maximum(rarest - self.usual - meant, 0.0), 0.0)[column.codes])

    def to_state(self) -> State:
        """As data."""
        counts = self.rows.to_state().within("rows") | self.texts.to_state().within("texts")
        return counts | State(values={"usual": self.usual})

    @classmethod
    def from_state(cls, state: State) -> TrigramModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        usual = float(state.value("usual", (int, float)))
        if not np.isfinite(usual):
            raise StorageError("the usual bits of a column's trigrams are damaged.")
        rows, texts = Counts.from_state(state.part("rows")), Counts.from_state(state.part("texts"))
        return cls(rows=rows, texts=texts, usual=usual)


class Trigram(ColumnWise):
    """Bits of the rarest trigram of a cell in its own column, above what the column's cells have on average.

    Of a column with more than 10,000 distinct cells as many are counted, the same ones whatever their order; the first
    100 characters of a cell count.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("text", "mixed"))
    model = TrigramModel
    nothing = "no column holds text"


def _rarest(rows: Counts, texts: Iterator[str]) -> Iterator[float]:
    """Bits of the rarest trigram of each text."""
    known = dict(zip(rows.keys, rows.counts.tolist(), strict=True))
    # An empty cell has one sequence of two marks, which is none.
    fewest = [min((known.get(t, 1) for t in trigrams_of(text)), default=rows.total) for text in texts]
    return iter((np.log2(max(rows.total, 1)) - np.log2(np.array(fewest, dtype=np.float64))).tolist())


def _sample(texts: tuple[str, ...]) -> list[int]:
    digests = [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in texts]
    return sorted(np.argsort(digests, kind="stable")[:_MOST_TEXTS].tolist())
