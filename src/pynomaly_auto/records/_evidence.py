"""A table's original cells, and what cell detectors say of them in bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, TypeAlias

import numpy as np

from pynomaly_auto.records._base import FloatArray, IntArray

CellRole: TypeAlias = Literal["number", "boolean", "text", "mixed", "time", "duration"]

_NO_CODES: IntArray = np.empty(0, dtype=np.int64)
_NO_NUMBERS: FloatArray = np.empty(0)
_LARGEST_WHOLE = 1e15  # from here on a whole number is written with an exponent


@dataclass(frozen=True, kw_only=True, eq=False)
class OriginalColumn:
    """One column as it was given: its cells as written and as read.

    Args:
        name: Its name.
        role: What its cells are read as.
        codes: Position in ``texts`` of each row's cell, -1 where it holds no text, shape (n_rows,); zero-length where
            the column came as plain numbers, times or truths.
        texts: The distinct cells as written, in order of first appearance.
        numbers: What the cells are read as, NaN where that is no number, seconds since 1970 (UTC) for times, shape
            (n_rows,); zero-length for pure text.
        zone: Time zone of a time column, None: none given.
    """

    name: str
    role: CellRole
    codes: IntArray = field(repr=False, default_factory=lambda: _NO_CODES)
    texts: tuple[str, ...] = field(repr=False, default=())
    numbers: FloatArray = field(repr=False, default_factory=lambda: _NO_NUMBERS)
    zone: str | None = None

    def __len__(self) -> int:
        return max(len(self.codes), len(self.numbers))

    @property
    def is_written(self) -> bool:
        """Whether the cells came as text."""
        return bool(self.texts)

    @cached_property
    def text_counts(self) -> IntArray:
        """Rows with each text, shape (n_texts,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts)).astype(np.int64)

    def rows(self, positions: IntArray) -> OriginalColumn:
        """Some of the rows, with the texts that are there alone."""
        codes, texts = self.codes, self.texts
        if len(codes):
            mine = codes[positions]
            kept, first = np.unique(mine[mine >= 0], return_index=True)
            kept = kept[np.argsort(first, kind="stable")]
            place = np.full(len(texts) + 1, -1, dtype=np.int64)
            place[kept] = np.arange(len(kept))
            codes, texts = place[mine], tuple(texts[i] for i in kept.tolist())
        numbers = self.numbers[positions] if len(self.numbers) else self.numbers
        return OriginalColumn(name=self.name, role=self.role, codes=codes, texts=texts, numbers=numbers, zone=self.zone)

    @cached_property
    def missing(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which cells hold nothing, neither text nor number, shape (n_rows,)."""
        unwritten = self.codes < 0 if len(self.codes) else np.ones(len(self), dtype=bool)
        unread = np.isnan(self.numbers) if len(self.numbers) else np.ones(len(self), dtype=bool)
        return np.asarray(unwritten & unread)

    @cached_property
    def levels(self) -> Levels:
        """The distinct cells, numbers and times by their shortest text where they came as such."""
        if not len(self.numbers) or not (self.missing | (self.codes < 0 if len(self.codes) else True)).any():
            return Levels(codes=self.codes, texts=self.texts)
        bare = np.asarray(~self.missing & ((self.codes < 0) if len(self.codes) else True))
        values, position = np.unique(self.numbers[bare], return_inverse=True)
        codes = self.codes.copy() if len(self.codes) else np.full(len(self), -1, dtype=np.int64)
        codes[bare] = position + len(self.texts)
        texts = _moments(values) if self.role == "time" else map(written, values.tolist())
        return Levels(codes=codes, texts=(*self.texts, *texts))


@dataclass(frozen=True, kw_only=True, eq=False)
class Levels:
    """The distinct cells of a column.

    Args:
        codes: Position of each row's cell in ``texts``, -1 where it holds nothing, shape (n_rows,).
        texts: The distinct cells.
    """

    codes: IntArray
    texts: tuple[str, ...]

    @cached_property
    def counts(self) -> IntArray:
        """Rows with each of them, shape (n_levels,)."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.texts)).astype(np.int64)

    def spread(self, values: FloatArray, *, missing: float = 0.0) -> FloatArray:
        """One value per level given to the rows, shape (n_rows,).

        Args:
            values: Shape (n_levels,).
            missing: What rows get that hold nothing.
        """
        return np.concatenate((values, (missing,)))[self.codes]


@dataclass(frozen=True, kw_only=True, eq=False)
class OriginalTable:
    """All columns as they were given, those that the encoding leaves out as well.

    Args:
        columns: In the table's order.
        n_rows: Number of rows.
    """

    columns: tuple[OriginalColumn, ...]
    n_rows: int

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.columns)

    def rows(self, positions: IntArray) -> OriginalTable:
        """Some of the rows, in the order given.

        Args:
            positions: Shape (n,).
        """
        return OriginalTable(columns=tuple(column.rows(positions) for column in self.columns), n_rows=len(positions))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedCells:
    """What cells should have held, for those of which a detector knows.

    Args:
        rows: Their rows, shape (n_expected,).
        columns: Their columns, shape (n_expected,).
        texts: What was expected, as it would be written.
    """

    rows: IntArray = field(default_factory=lambda: _NO_CODES)
    columns: IntArray = field(default_factory=lambda: _NO_CODES)
    texts: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def _by_cell(self) -> dict[tuple[int, int], str]:
        return dict(zip(zip(self.rows.tolist(), self.columns.tolist(), strict=True), self.texts, strict=True))

    def at(self, row: int, column: int) -> str | None:
        """What was expected in one cell; None: not known."""
        return self._by_cell.get((int(row), int(column)))


@dataclass(frozen=True, kw_only=True, eq=False)
class CellEvidence:
    """What was found odd in a table, cell by cell, on an absolute scale.

    Args:
        bits: Bits of surprise, shape (n_rows, n_columns), never negative; 0: nothing to say.
        expected: What the cells should have held, where that is known.
    """

    bits: FloatArray
    expected: ExpectedCells = field(default_factory=ExpectedCells)

    @classmethod
    def silent(cls, n_rows: int, n_columns: int) -> CellEvidence:
        """Evidence of nothing."""
        return cls(bits=np.zeros((n_rows, n_columns)))

    @classmethod
    def added(cls, evidences: Sequence[CellEvidence]) -> CellEvidence:
        """The sum of several; what was expected in a cell is what the one with the most bits there expected.

        Args:
            evidences: At least one, all of the same shape.
        """
        bits = np.zeros_like(evidences[0].bits)
        loudest: dict[tuple[int, int], tuple[float, str]] = {}
        for evidence in evidences:
            bits = bits + evidence.bits
            expected = evidence.expected
            heard = evidence.bits[expected.rows, expected.columns].tolist()
            cells = zip(expected.rows.tolist(), expected.columns.tolist(), strict=True)
            for cell, loud, text in zip(cells, heard, expected.texts, strict=True):
                if cell not in loudest or loud > loudest[cell][0]:
                    loudest[cell] = (loud, text)
        at = np.array(sorted(loudest), dtype=np.int64).reshape(-1, 2)
        texts = tuple(loudest[row, column][1] for row, column in at.tolist())
        return cls(bits=bits, expected=ExpectedCells(rows=at[:, 0], columns=at[:, 1], texts=texts))

    def __add__(self, other: CellEvidence) -> CellEvidence:
        return self.added((self, other))

    @cached_property
    def row_bits(self) -> FloatArray:
        """The two largest of each row's cells added, shape (n_rows,)."""
        return two_largest(self.bits)


@dataclass(frozen=True, kw_only=True)
class CellLayout:
    """Evidence of several detectors side by side, as further features of a data set's rows.

    Args:
        names: The detectors.
        detectors: Position in ``names`` of the detector of each feature.
        columns: The table's column each feature is about.
        n_columns: Columns of the table.
    """

    names: tuple[str, ...]
    detectors: tuple[int, ...]
    columns: tuple[int, ...]
    n_columns: int

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[int]], n_columns: int) -> CellLayout:
        """A layout for what some detectors say.

        Args:
            columns: Name of a detector to the columns it may say something of.
            n_columns: Columns of the table.
        """
        pairs = [(i, column) for i, name in enumerate(columns) for column in columns[name]]
        return cls(
            names=tuple(columns), detectors=tuple(i for i, _ in pairs), columns=tuple(column for _, column in pairs),
            n_columns=n_columns,
        )  # fmt: skip

    def lay(self, evidence: Mapping[str, CellEvidence]) -> FloatArray:
        """The evidence as features; shape (n_rows, n_cell_features)."""
        runs = groupby(zip(self.detectors, self.columns, strict=True), key=lambda pair: pair[0])
        parts = [evidence[self.names[i]].bits.take([j for _, j in pairs], axis=1) for i, pairs in runs]
        return np.concatenate(parts, axis=1) if parts else np.empty((0, 0))

    def row_bits(self, bits: FloatArray, name: str) -> FloatArray:
        """What one detector says of rows: its two largest cells added; shape (n_rows,).

        Args:
            bits: From `lay`.
            name: The detector.
        """
        return two_largest(bits[:, self._places[name]])

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Which features are of each detector."""
        out: dict[str, list[int]] = {name: [] for name in self.names}
        for k, i in enumerate(self.detectors):
            out[self.names[i]].append(k)
        return out

    def cube(self, bits: FloatArray) -> FloatArray:
        """The same by row, column and detector, 0 where a detector may not speak; (n_rows, n_columns, n_detectors)."""
        out = np.zeros((len(bits), self.n_columns, len(self.names)))
        out[:, list(self.columns), list(self.detectors)] = bits
        return out


def two_largest(values: FloatArray) -> FloatArray:
    """The two largest of each row, added; shape (n_rows,)."""
    if values.shape[1] < 2:
        return np.asarray(values.sum(axis=1), dtype=np.float64)
    largest = np.partition(values, -2, axis=1)[:, -2:]
    return np.asarray(largest[:, 0] + largest[:, 1], dtype=np.float64)


def written(number: float) -> str:
    """The shortest text of a number, whole ones without a decimal point.

    >>> written(3.0), written(0.25), written(1e300)
    ('3', '0.25', '1e+300')
    """
    return str(int(number)) if abs(number) < _LARGEST_WHOLE and number == int(number) else repr(float(number))


def _moments(seconds: FloatArray) -> list[str]:
    """The shortest texts of moments in seconds since 1970, those of whole days without a time."""
    ticks = np.rint(seconds * 1e6).astype(np.int64).view("datetime64[us]")
    texts = (text.replace("T", " ") for text in np.datetime_as_string(ticks).tolist())
    return [text.removesuffix(".000000").removesuffix(" 00:00:00") for text in texts]
