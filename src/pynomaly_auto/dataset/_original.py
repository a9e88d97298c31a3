"""A table's original cells, from the same readings that the encoder settled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset._table import Table
from pynomaly_auto.dataset.reading import Reading
from pynomaly_auto.errors import SchemaError
from pynomaly_auto.records import OriginalColumn, OriginalTable


def original_of(table: Table, readings: Sequence[Reading]) -> OriginalTable:
    """The cells of a table as written and as read.

    Args:
        table: Any table with the columns fitted on.
        readings: How each column is read, left-out ones as they would be; none for a table that is too wide to have
            its cells looked at one by one, which then has no original columns.
    """
    columns = [
        _original(reading.cells(table.column(i), name), reading, name)
        for i, (name, reading) in enumerate(zip(table.names, readings, strict=False))
    ]
    return OriginalTable(columns=tuple(columns), n_rows=table.n_rows)


def _original(found: Cells, reading: Reading, name: str) -> OriginalColumn:
    try:
        read = reading.apply(found, name)
    except SchemaError:  # of a column that is left out, which may hold anything; the encoder refuses the others
        read = found
    as_written = found.form in ("text", "mixed")
    numbers = read.numbers
    if read.form == "text":
        numbers = np.empty(0)
    elif found.form == "mixed" and not len(numbers):
        numbers = found.numbers
    if not as_written and not len(numbers):  # numbers that are names, as the user's own type says
        return OriginalColumn(name=name, role="text", codes=read.codes, texts=_texts(read))
    return OriginalColumn(
        name=name,
        role=read.form,
        codes=found.codes if as_written else np.empty(0, dtype=np.int64),
        texts=_texts(found) if as_written else (),
        numbers=numbers,
        zone=read.zone,
    )


def _texts(cells: Cells) -> tuple[str, ...]:
    return tuple(str(level) for level in cells.levels)
