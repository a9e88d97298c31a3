"""A table's original cells, from the same readings that the encoder settled."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset._leanings import blank
from pynomaly_auto.dataset._table import Table
from pynomaly_auto.dataset.reading import Reading, named
from pynomaly_auto.errors import SchemaError
from pynomaly_auto.records import OriginalColumn, OriginalTable, written

_ISO = re.compile(r"9999-99-99([ T]99:99(:99(\.9+)?)?)?")
_DIGITS = str.maketrans(dict.fromkeys("0123456789", "9"))


def original_of(table: Table, readings: Sequence[Reading], unseen: Collection[int] = ()) -> OriginalTable:
    """The cells of a table as written and as read.

    Args:
        table: Any table with the columns fitted on.
        readings: How each column is read, left-out ones as they would be; none for a table that is too wide to have
            its cells looked at one by one, which then has no original columns.
        unseen: Positions of columns in which nothing is to be seen.
    """
    columns = [
        blank(name, table.n_rows) if i in unseen else _original(reading.cells_of(table, i), reading, name)
        for i, (name, reading) in enumerate(zip(table.names, readings, strict=False))
    ]
    return OriginalTable(columns=tuple(columns), n_rows=table.n_rows)


def _original(found: Cells, reading: Reading, name: str) -> OriginalColumn:
    try:
        read = reading.apply(found, name)
    except SchemaError:  # of a column that is left out, which may hold anything; the encoder refuses the others
        read = found
    found = _alike(found, read)
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


def _alike(found: Cells, read: Cells) -> Cells:
    """Cells as written such that a table says the same as a frame and as a file of any kind, where it holds the same.

    Args:
        found: As they came.
        read: As they are read.
    """
    if read.form == "number" and found.form in ("mixed", "text") and not read.unread.any() and _plain(found, read):
        return read  # nothing but plain numbers, and words for missing ones
    if found.form == "mixed" and read.form == "number":
        found = _as_in_a_file(found)
    if found.form != "text" or not len(found.levels):
        return found
    if found.declared:
        return _by_appearance(found, found.levels)
    if read.form == "time" and not read.unread.any():
        shapes = {str(level).translate(_DIGITS) for level in found.levels}
        if len(shapes) == 1 and _ISO.fullmatch(shapes.pop()):
            return read  # dates as programs write them, all in one form, say nothing beyond what they are read as
    if any(not str(level).strip() for level in found.levels):
        texts = np.array([level if str(level).strip() else None for level in found.levels], dtype=object)
        return _by_appearance(found, texts)
    return found


def _plain(found: Cells, read: Cells) -> bool:
    """Whether all numbers are written as shortly as they can be, so that their texts say nothing beyond."""
    if not len(found.levels):
        return True
    values = np.full(len(found.levels), np.nan)
    there = found.codes >= 0
    values[found.codes[there]] = read.numbers[there]
    pairs = zip(found.levels.tolist(), values.tolist(), strict=True)
    return all(np.isnan(value) or (np.isfinite(value) and text == written(value)) for text, value in pairs)


def _as_in_a_file(cells: Cells) -> Cells:
    """Numbers and texts as the texts that a file would hold: whole numbers without decimals if all are whole."""
    numbers = cells.numbers[np.isfinite(cells.numbers)]
    if (numbers == np.floor(numbers)).all():
        return named(cells)
    texts = [None if np.isnan(value) else repr(value) for value in cells.numbers.tolist()]
    named_cells = np.where(cells.codes >= 0, cells.levels[cells.codes], np.array(texts, dtype=object))
    codes, levels = pd.factorize(named_cells)
    return Cells(form="text", codes=codes.astype(np.int64), levels=np.asarray(levels, dtype=object))


def _by_appearance(cells: Cells, levels: Any) -> Cells:
    """The same cells under other texts, one a level, None where it holds nothing; ordered as they first appear."""
    codes, texts = pd.factorize(np.array([*levels, None], dtype=object)[cells.codes])
    return dataclasses.replace(cells, codes=codes.astype(np.int64), levels=np.asarray(texts, dtype=object))


def _texts(cells: Cells) -> tuple[str, ...]:
    return tuple(str(level) for level in cells.levels)
