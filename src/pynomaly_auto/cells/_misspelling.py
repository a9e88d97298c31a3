"""Rare values that are a slip of the pen away from a frequent one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from pynomaly_auto.cells._columnwise import ColumnWise
from pynomaly_auto.cells._counting import Counts, tally
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import CellRole, FloatArray, OriginalColumn, State

_SHORTEST, _LONGEST = 3, 60  # characters of a value that is looked at
_LONG = 8  # characters from which on two edits are a slip
_FREQUENT = 4  # rows that a frequent value has at least, and times as many as the rare one
_COVERED = 0.3  # share of the cells that hold a frequent value
_MOST_FREQUENT = 5_000
_MOST_ALIKE = 40  # frequent values compared for one piece that they share
_DIGITS = re.compile(r"\D+")
_REMEMBERED = 50_000


@dataclass(frozen=True, kw_only=True)
class MisspellingModel:
    """The frequent values of one column, and how often such values are alike anyway.

    Args:
        rows: Rows of each value.
        alike: Share of the frequent values that have another value so near.
    """

    rows: Counts
    alike: float
    _judged: dict[str, tuple[float, str | None]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, column: OriginalColumn) -> MisspellingModel | None:
        """Count the values of a column of texts; None: none of them is frequent."""
        if not column.texts:
            return None
        counts = column.text_counts
        if counts[counts >= _FREQUENT].sum() < _COVERED * counts.sum():
            return None
        rows = Counts.of(tally(column.texts, counts), int(counts.sum()))
        first = cls(rows=rows, alike=0.0)
        places = first._index.places
        if not places:
            return None
        near = [bool(first._nearest(rows.keys[i], 0.0)[1]) for i in places[:1000]]
        return cls(rows=rows, alike=float(np.mean(near)))

    @cached_property
    def _index(self) -> _Index:
        frequent = np.flatnonzero(self.rows.counts >= _FREQUENT)
        order = frequent[np.argsort(-self.rows.counts[frequent], kind="stable")].tolist()
        fit = [i for i in order if _SHORTEST <= len(self.rows.keys[i]) <= _LONGEST and not self.rows.keys[i].isdigit()]
        return _Index(texts=self.rows.keys, places=fit[:_MOST_FREQUENT])

    def judge(self, texts: Sequence[str]) -> tuple[FloatArray, list[str | None]]:
        """Bits and what was meant, of each of some distinct values."""
        if len(self._judged) > _REMEMBERED:
            self._judged.clear()
        out = []
        asked = 0
        for text, n in zip(texts, self.rows.rows(texts).tolist(), strict=True):
            if text not in self._judged:
                asked += 1
                self._judged[text] = self._judge(text, n)
            out.append(self._judged[text])
        return np.array([bits for bits, _ in out]), [meant for _, meant in out]

    def _judge(self, text: str, n: float) -> tuple[float, str | None]:
        if not _SHORTEST <= len(text) <= _LONGEST + 2:
            return 0.0, None
        ratio, meant = self._nearest(text, n * _FREQUENT)
        if meant is None:
            return 0.0, None
        # A value that comes again is less of a slip.
        return max(float(np.log2(ratio / n) * (1.0 - self.alike) - np.log2(n)), 0.0), meant

    def _nearest(self, text: str, least: float) -> tuple[float, str | None]:
        """Rows of the most frequent value near a text that has some at least, and that value."""
        best, meant = 0.0, None
        for i in self._index.near(text):
            n = float(self.rows.counts[i])
            if n >= least and n > best and self.rows.keys[i] != text and is_slip(text, self.rows.keys[i]):
                best, meant = n, self.rows.keys[i]
        return best, meant

    def bits(self, column: OriginalColumn) -> FloatArray:
        """log₂ of how many times more frequent the value nearby is, less where such values are alike anyway."""
        if not column.texts:
            return np.zeros(len(column))
        return np.append(self.judge(column.texts)[0], 0.0)[column.codes]

    def expected(self, column: OriginalColumn, bits: FloatArray) -> Iterator[tuple[int, str]]:
        """The frequent values that were meant, row by row."""
        _, meant = self.judge(column.texts)
        for row in np.flatnonzero(bits > 0).tolist():
            text = meant[int(column.codes[row])]
            if text is not None:
                yield row, text

    def to_state(self) -> State:
        """As data."""
        return self.rows.to_state() | State(values={"alike": self.alike})

    @classmethod
    def from_state(cls, state: State) -> MisspellingModel:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        alike = float(state.value("alike", (int, float)))
        if not 0 <= alike <= 1:
            raise StorageError("what was learned of a column's spelling is damaged.")
        return cls(rows=Counts.from_state(state), alike=alike)


class Misspelling(ColumnWise):
    """A rare value one or two edits from one at least four times as frequent: log₂ of the ratio of their rows.

    Less is said where frequent values of the column are as near to others, and log₂ of its own rows is taken off.
    Two edits from 8 characters on, one below; an exchange of neighbours is one. Digits must agree, unless the frequent
    value has none. Up to 5,000 frequent values of 3 to 60 characters of a column are compared with.
    """

    roles: ClassVar[frozenset[CellRole]] = frozenset(("text", "mixed"))
    model = MisspellingModel
    nothing = "no column holds frequent texts"


class _Index:
    """Frequent values by pieces of them: one that is k edits away has at least one of k + 1 pieces unchanged."""

    def __init__(self, *, texts: Sequence[str], places: list[int]) -> None:
        self.places = places
        self._by_piece: dict[tuple[int, int, str], list[int]] = {}
        for i in places:
            text = texts[i].lower()
            for j, (start, end) in enumerate(_pieces(len(text))):
                held = self._by_piece.setdefault((len(text), j, text[start:end]), [])
                if len(held) < _MOST_ALIKE:
                    held.append(i)
        self._lengths = {length for length, _, _ in self._by_piece}

    def near(self, text: str) -> set[int]:
        """Positions of the values that share a piece with a text at about the same place."""
        text = text.lower()
        out: set[int] = set()
        for length in range(len(text) - 2, len(text) + 3):
            edits = edits_of(length)
            if length not in self._lengths or abs(length - len(text)) > edits:
                continue
            for j, (start, end) in enumerate(_pieces(length)):
                for shift in range(-edits, edits + 1):
                    if start + shift >= 0:
                        out.update(self._by_piece.get((length, j, text[start + shift : end + shift]), ()))
        return out


def edits_of(length: int) -> int:
    """How many edits are a slip, in a value of that many characters."""
    return 2 if length >= _LONG else 1 if length >= _SHORTEST else 0


def is_slip(text: str, frequent: str) -> bool:
    """Whether one text may be meant for another.

    >>> is_slip("Bostom", "Boston"), is_slip("Room 12", "Room 13"), is_slip("Chicgao", "Chicago")
    (True, False, True)
    """
    digits = _DIGITS.sub("", frequent)
    if digits and digits != _DIGITS.sub("", text):
        return False
    return _within(text.lower(), frequent.lower(), edits_of(len(frequent)))


def _within(a: str, b: str, most: int) -> bool:
    """Whether two texts are at most some edits apart, an exchange of neighbours being one."""
    start = 0
    shorter = min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    a, b = a[start:], b[start:]
    while a and b and a[-1] == b[-1]:
        a, b = a[:-1], b[:-1]
    if abs(len(a) - len(b)) > most:
        return False
    if not a or not b or max(len(a), len(b)) <= 1:
        return max(len(a), len(b)) <= most
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        above, before_above = row, before
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before_above[j - 2] + 1)
            row.append(cost)
        before = above
        if min(row) > most and min(above) > most:
            return False
    return row[-1] <= most


def _pieces(length: int) -> list[tuple[int, int]]:
    n = edits_of(length) + 1
    cuts = [i * length // n for i in range(n + 1)]
    return list(itertools.pairwise(cuts))
