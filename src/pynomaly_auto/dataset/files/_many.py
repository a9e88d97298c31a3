"""Plain delimited text many rows at a time: arrow's reader, whose rows are compared with those of Python's."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from pyarrow import csv as arrow_csv

from pynomaly_auto.dataset.files._dialect import Dialect
from pynomaly_auto.dataset.files._source import Source

_BLOCK = 1 << 24  # bytes; a row must fit in


def many_rows(
    source: Source, dialect: Dialect, *, lines: int, width: int, expected: Sequence[Sequence[str]]
) -> list[pa.ChunkedArray] | None:
    """The cells of a table in UTF-8, column by column, empty ones as null; None: not to be read so.

    Args:
        source: The file.
        dialect: What cuts its lines.
        lines: How many of them stand above the data.
        width: Number of columns.
        expected: The first rows, as they must come out.
    """
    names = [str(i) for i in range(width)]
    try:
        quoted = _holds(source, b'"')
        with source.opener() as stream:
            table = arrow_csv.read_csv(
                stream,
                read_options=arrow_csv.ReadOptions(skip_rows=lines, column_names=names, block_size=_BLOCK),
                parse_options=arrow_csv.ParseOptions(delimiter=dialect.delimiter, newlines_in_values=quoted),
                convert_options=arrow_csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
                ),
            )
    except pa.ArrowException:  # whatever it is, the slower way says it in our words
        return None
    columns = [table.column(i) for i in range(width)]
    first = [column.slice(0, len(expected)).to_pylist() for column in columns]
    if [[cell or "" for cell in row] for row in zip(*first, strict=True)] != [list(row) for row in expected]:
        return None
    return columns


def _holds(source: Source, byte: bytes) -> bool:
    with source.opener() as stream:
        while block := stream.read(_BLOCK):
            if byte in block:
                return True
    return False
