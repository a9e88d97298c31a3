"""Delimited text: its lines, its cells, and its columns typed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import IO

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pynomaly_auto.dataset.files._dialect import Dialect, dialect_of
from pynomaly_auto.dataset.files._encoding import encoding_of
from pynomaly_auto.dataset.files._layout import LOOKED_AT, Layout, is_total, layout_of, names_of
from pynomaly_auto.dataset.files._many import many_rows
from pynomaly_auto.dataset.files._source import Source
from pynomaly_auto.dataset.files._typing import Typed
from pynomaly_auto.dataset.reading import Origin
from pynomaly_auto.errors import InvalidInputError

_SAMPLE_LINES = 100
_CHUNK = 50_000  # rows held as Python's texts at a time
_LONGEST_CELL = 2**31 - 1


@dataclass(kw_only=True)
class _Rows:
    """Rows as they come, each with a check of its length.

    Args:
        source: The file, for messages.
        dialect: What cuts its lines.
        encoding: In which it is written.
    """

    source: Source
    dialect: Dialect
    encoding: str
    _head: list[list[str]] = field(default_factory=list, init=False)
    _lines: list[int] = field(default_factory=list, init=False)

    def __iter__(self) -> Iterator[list[str]]:
        """All rows but blank lines and remarks, not yet checked."""
        csv.field_size_limit(_LONGEST_CELL)
        with _opened(self.source, self.encoding) as stream:
            lines: Iterable[str] = islice(stream, self.dialect.skipped, None)
            if self.dialect.comments:
                lines = (line for line in lines if not line.startswith("#"))
            cut = self.dialect.cut
            if cut is not None:
                yield from (cut(line.rstrip("\r\n")) for line in lines if line.strip())
                return
            reader = csv.reader(lines, delimiter=self.dialect.delimiter, skipinitialspace=True)
            try:
                for row in filter(None, islice(reader, LOOKED_AT)):
                    self._head.append(row)
                    self._lines.append(self.dialect.skipped + reader.line_num)
                    yield row
                yield from filter(None, reader)
            except csv.Error as error:
                raise InvalidInputError(
                    f"{self.source.name} cannot be read: line {reader.line_num}: {error}.",
                    where=self.source.where, fix="Correct that line.",
                ) from error  # fmt: skip

    def many(self, start: int, expected: list[list[str]]) -> list[pa.ChunkedArray] | None:
        """The cells of plain rows, column by column; None: they are to be read one by one.

        Args:
            start: How many rows stand above the data.
            expected: The first rows of data.
        """
        width = len(expected[0])
        plain = self.encoding in ("utf-8", "utf-8-sig") and self.dialect.delimiter and not self.dialect.comments
        if not plain or width < 2 or (start and len(self._head[start - 1]) != width):
            return None
        lines = self._lines[start - 1] if start else self.dialect.skipped
        columns = many_rows(self.source, self.dialect, lines=lines, width=width, expected=expected)
        if columns is not None and len(columns[0]):
            self.refuse_open_quotes([column[-1].as_py() or "" for column in columns])
        return columns

    def refuse_ragged(self, width: int, above: int) -> None:
        """Find the first row that has not as many cells as the row of names.

        Args:
            width: Number of cells of that row.
            above: Rows before it.

        Raises:
            InvalidInputError: There is one.
        """
        with _opened(self.source, self.encoding) as stream:
            numbered = _Numbered(stream, self.dialect)
            cut = self.dialect.cut
            rows = (cut(line) for line in numbered) if cut else csv.reader(numbered, delimiter=self.dialect.delimiter)
            for row in islice(filter(None, rows), above, None):
                if len(row) != width:
                    raise InvalidInputError(
                        f"{self.source.name} is ragged: line {numbered.line} has {len(row)} cells, the first line "
                        f"{width}.",
                        where=self.source.where,
                        fix="Correct that line.",
                    )

    def refuse_open_quotes(self, last: Sequence[str]) -> None:
        """Refuse a file whose last cell goes on to its end because a quotation mark is never closed.

        Raises:
            InvalidInputError: It is so.
        """
        if self.dialect.cut is not None or not any("\n" in cell or "\r" in cell for cell in last):
            return
        with _opened(self.source, self.encoding) as stream:
            reader = csv.reader(stream, delimiter=self.dialect.delimiter, strict=True)
            try:
                for _ in reader:
                    pass
            except csv.Error as error:
                if "end of data" in str(error):
                    raise InvalidInputError(
                        f"{self.source.name} cannot be read: a quotation mark is never closed.",
                        where=self.source.where, fix="Close it.",
                    ) from error  # fmt: skip


class _Numbered:
    """Lines with the number of the last one given out, remarks left out."""

    def __init__(self, stream: IO[str], dialect: Dialect) -> None:
        self.line = 0
        self._stream, self._dialect = stream, dialect

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self._stream, start=1):
            self.line = number
            remark = self._dialect.comments and line.startswith("#")
            if self.line > self._dialect.skipped and line.strip() and not remark:
                yield line


def read_text(source: Source, encoding: str | None) -> tuple[pd.DataFrame, Origin]:
    """Read delimited text.

    Args:
        source: The file.
        encoding: What the user says of its encoding.

    Raises:
        InvalidInputError: It holds no rows, or lines with another number of cells than the first.
        StorageError: It is a binary file.
    """
    encoding, about = encoding_of(source, encoding)
    said = [about] if about else []
    with _opened(source, encoding) as stream:
        sample = list(islice(stream, _SAMPLE_LINES))
    if not any(line.strip() for line in sample):
        raise InvalidInputError(f"{source.name} is empty.", where=source.where, fix="Give a file with data.")
    csv.field_size_limit(_LONGEST_CELL)
    dialect = dialect_of(sample, source.suffix)
    names = _names_in_remark(sample, dialect)
    rows = _Rows(source=source, dialect=dialect, encoding=encoding)
    stream_of_rows = iter(rows)
    first = ([names] if names else []) + list(islice(stream_of_rows, LOOKED_AT))
    if not first:
        raise InvalidInputError(f"{source.name} holds no rows.", where=source.where, fix="Give a file with data.")
    layout = layout_of(first)
    start = layout.skipped + layout.named + bool(layout.units)
    header = first[layout.skipped] if layout.named else []
    columns = None if names or len(first) == start else rows.many(start, first[start:])
    if columns is None:
        columns, header = _columns(rows, layout, chain(first, stream_of_rows), len(names) and 1)
    said += _told(dialect, layout, sample)
    return _made(columns, header, (source, dialect, layout), said)


def _made(
    columns: list[pa.ChunkedArray], header: list[str], place: tuple[Source, Dialect, Layout], said: list[str]
) -> tuple[pd.DataFrame, Origin]:
    source, dialect, layout = place
    if len(columns) > 1 and header and not header[-1].strip() and columns[-1].null_count == len(columns[-1]):
        columns, header = columns[:-1], header[:-1]  # a delimiter at the end of every line
    names, renamed = names_of(header)
    if not layout.named:
        names = [f"x{i}" for i in range(len(columns))]
        renamed = ["no line names the columns: they are called x0, x1, ..."]
    if len(columns[0]) > 2 and _ends_in_total(columns):
        columns = [column.slice(0, len(column) - 1) for column in columns]
        said.append("the last row holds the sums of the others and is left out")
    typed = Typed()
    for name, column in zip(names, columns, strict=True):
        typed.add(name, column)
    origin = Origin(
        file=source.name, delimiter=dialect.delimiter, decimal=tuple(sorted(typed.decimal)),
        missing=tuple(sorted(typed.missing)), said=(*said, *renamed),
    )  # fmt: skip
    return pd.DataFrame(typed.columns), origin


def _columns(
    rows: _Rows, layout: Layout, given: Iterable[list[str]], added: int
) -> tuple[list[pa.ChunkedArray], list[str]]:
    """The cells below the names, column by column, and the names as they are written."""
    left = iter(given)
    for _ in range(layout.skipped):
        next(left)
    header = next(left) if layout.named else []
    width = len(header) or layout.width
    above = layout.skipped + (1 if header else 0) - added
    if layout.units:
        next(left)
    chunks: list[list[pa.Array]] = []
    spare = False
    last: list[str] = header
    while block := list(islice(left, _CHUNK)):
        lengths = set(map(len, block))
        if lengths == {width + 1} and not any(row[-1].strip() for row in block):
            spare = True  # each line ends with a delimiter, but the one of names
            block = [row[:-1] for row in block]
        elif lengths != {width} or spare:
            rows.refuse_ragged(width, max(above, 0))
        chunks.append([pa.array(column, type=pa.string()) for column in zip(*block, strict=True)])
        last = block[-1]
    rows.refuse_open_quotes(last)
    if not chunks:
        raise InvalidInputError(
            f"{rows.source.name} holds no rows.", where=rows.source.where, fix="Give a file with data."
        )
    columns = [pa.chunked_array([chunk[i] for chunk in chunks]) for i in range(width)]
    return [pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column) for column in columns], header


def _ends_in_total(columns: list[pa.ChunkedArray]) -> bool:
    tail = [column[-1].as_py() or "" for column in columns]
    if sum(bool(cell.strip()) and not any(map(str.isdigit, cell)) for cell in tail) != 1:
        return False
    return is_total(tail, [column.slice(0, len(column) - 1).to_pylist() for column in columns])


def _names_in_remark(sample: Sequence[str], dialect: Dialect) -> list[str]:
    """The names, where the last remark above the data holds as many cells as the data has; empty: it does not."""
    if not dialect.comments:
        return []
    above = next((i for i, line in enumerate(sample) if i >= dialect.skipped and not line.startswith("#")), 0)
    if not above or above <= dialect.skipped:
        return []
    cut = dialect.cut or (lambda line: next(csv.reader([line], delimiter=dialect.delimiter), []))
    names, data = (cut(line.strip("\r\n")) for line in (sample[above - 1].lstrip("#"), sample[above]))
    names = [name.strip() for name in names]
    if len(names) != len(data) or len(names) < 2 or not all(names):
        return []
    below = [cut(line.strip("\r\n")) for line in sample[above:] if line.strip() and not line.startswith("#")]
    return [] if layout_of(below).named else names


def _told(dialect: Dialect, layout: Layout, sample: Sequence[str]) -> list[str]:
    said = []
    if dialect.skipped:
        said.append(f"cut by {dialect.delimiter!r}, as its first line says")
    if dialect.cuts:
        said.append(f"cut at fixed places into {len(dialect.cuts)} columns")
    elif not dialect.delimiter:
        said.append("cut by runs of blanks")
    if dialect.comments:
        said.append("lines that begin with # are left out")
    if layout.skipped:
        said.append(f"{layout.skipped} lines above the names are left out")
    if layout.units:
        said.append(f"the line below the names holds units and is left out: {', '.join(layout.units)}")
    return said


def _opened(source: Source, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(source.opener(), encoding=encoding, newline="")
