"""How a column's cells are to be read: as they are, or as the numbers or dates that are written in its texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._cells import Cells, Form, read_cells, text_of
from pynomaly_auto.dataset._table import Array, RawColumn, Table
from pynomaly_auto.dataset.reading._dates import ANY_ORDER, ORDERS, clocks_in, dates_in
from pynomaly_auto.dataset.reading._numbers import numbers_in
from pynomaly_auto.dataset.reading._whole import as_texts
from pynomaly_auto.errors import SchemaError
from pynomaly_auto.records import FloatArray

ReadForm: TypeAlias = Form | Literal["none"]

# What can be parsed out of texts, by the form it gives; for dates any format of ``strftime``, too.
PARSES: Mapping[str, tuple[str, ...]] = {
    "number": ("", ".", ",", "clock"),
    "time": ("", ANY_ORDER, *ORDERS),
    "text": ("", "code"),
}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the cells of one column are read, settled when fitting and the same for every later row.

    Args:
        form: The form the cells are brought into; ``"none"``: the column is left out.
        parse: For numbers in texts, the decimal sign, or ``"clock"`` for times of day in seconds; for dates in texts,
            the order of their parts or their format; for texts ``"code"`` where numbers are names; empty: nothing is
            parsed.
        zone: Time zone of a time column.
        declared: The user's own type says that these are categories, so numbers are names, too.
        unit: The unit that numbers are in, which others of its family are brought to; empty: none.
        missing: Texts of a category that stand for no value.
    """

    form: ReadForm
    parse: str = ""
    zone: str | None = None
    declared: bool = False
    unit: str = ""
    missing: tuple[str, ...] = ()

    def cells_of(self, table: Table, position: int) -> Cells:
        """The cells of a table's column as they are written, read but once where the table is small.

        Raises:
            InvalidInputError: They cannot be read at all.
        """
        key = (position, self.parse == "code")
        return table.once(key, lambda: self.cells(table.column(position), table.names[position]))

    def read(self, column: RawColumn, name: str) -> Cells:
        """Read a column's cells.

        Raises:
            SchemaError: The column now holds something else.
            InvalidInputError: Its cells cannot be read at all.
        """
        return self.apply(self.cells(column, name), name)

    def cells(self, column: RawColumn, name: str) -> Cells:
        """A column's cells as they are written, to be brought into the form fitted on by `apply`.

        Raises:
            InvalidInputError: Its cells cannot be read at all.
        """
        if self.parse == "code":
            column = as_texts(column)  # as numbers, long codes would lose their last digits
        return read_cells(column, name)

    def apply(self, cells: Cells, name: str) -> Cells:
        """Bring cells into the form fitted on.

        Raises:
            SchemaError: The column now holds something else.
        """
        if self.form == "none" or (self.form == cells.form and self.form != "time" and not self.missing):
            return cells
        if cells.is_empty:
            return _nothing(self.form, len(cells))
        found = {
            "number": self._numbers,
            "boolean": self._numbers,
            "text": self._texts,
            "mixed": self._mixed,
            "time": self._times,
            "duration": _never,
        }[self.form](cells)
        if found is None:
            raise SchemaError(
                f"column {name!r} held {_SAY[self.form]} during fit and now holds {_SAY[cells.form]}"
                f"{self._example(cells)}.",
                where=f"column {name!r}",
                fix="Give rows with the same column types.",
            )
        return found

    def _numbers(self, cells: Cells) -> Cells | None:
        if cells.form in ("number", "boolean"):
            return dataclasses.replace(cells, form="number")
        if cells.form not in ("text", "mixed"):
            return None
        if self.parse == "clock":
            return self.of_numbers(cells, *clocks_in(cells.levels))
        found = numbers_in(cells.levels, self.parse or ".", self.unit)
        return None if found.unread.any() and not self.parse else self.of_numbers(cells, found.values, found.unread)

    def of_numbers(self, cells: Cells, values: FloatArray, unread: Array) -> Cells:
        """Cells with the numbers of their texts.

        Args:
            cells: Texts, or numbers and texts.
            values: The number of each distinct text.
            unread: Which of these could not be read.
        """
        written = np.append(values, np.nan)[cells.codes]
        if cells.form == "mixed":
            written = np.where(np.isnan(cells.numbers), written, cells.numbers)
        return Cells(form="number", numbers=written, unread=_where(unread, cells.codes))

    def _times(self, cells: Cells) -> Cells | None:
        if cells.form == "time":
            return dataclasses.replace(cells, zone=self.zone) if (cells.zone is None) == (self.zone is None) else None
        if cells.form == "number" and "%" in self.parse:
            cells = named(cells)
        if cells.form != "text":
            return None
        parsed, unread = dates_in(cells.levels, self.parse or ANY_ORDER)
        if unread.any() and not self.parse:
            return None
        numbers = np.append(parsed, np.nan)[cells.codes]
        return Cells(form="time", numbers=numbers, zone=self.zone, unread=_where(unread, cells.codes))

    def _texts(self, cells: Cells) -> Cells | None:
        if cells.form in ("number", "boolean") and not (self.declared or self.parse == "code"):
            return None
        if cells.form not in ("number", "boolean", "mixed", "text"):
            return None
        texts = cells if cells.form == "text" else named(cells)
        if not self.missing:
            return texts
        absent = np.isin(texts.levels, np.array(self.missing, dtype=object))
        # Levels that stand for nothing are no levels: the others move up.
        kept = np.where(absent, -1, np.cumsum(~absent) - 1)
        return dataclasses.replace(texts, codes=np.append(kept, -1)[texts.codes], levels=texts.levels[~absent])

    def _mixed(self, cells: Cells) -> Cells | None:
        if cells.form == "text":
            return dataclasses.replace(cells, form="mixed", numbers=np.full(len(cells), np.nan))
        if cells.form in ("number", "boolean"):
            return dataclasses.replace(cells, form="mixed", codes=np.full(len(cells), -1))
        return None

    def _example(self, cells: Cells) -> str:
        if cells.form == "time":
            return ", with a time zone" if cells.zone else ", without a time zone"
        if not len(cells.levels):
            return ""
        unread = numbers_in(cells.levels, self.parse if self.parse in (".", ",") else ".", self.unit).unread
        return f" such as {str(cells.levels[int(np.argmax(unread))])[:40]!r}"


_SAY = {
    "number": "numbers", "boolean": "true or false", "text": "text", "mixed": "numbers and text",
    "time": "dates", "duration": "durations",
}  # fmt: skip


def _where(unread: Array, codes: Array) -> Array:
    """Which rows hold a text that could not be read, shape (n_rows,); zero-length: none."""
    return np.append(unread, False)[codes] if unread.any() else unread[:0]


def named(cells: Cells) -> Cells:
    """Numbers, alone or beside texts, as texts."""
    numbers = cells.numbers if cells.form != "boolean" else cells.numbers.astype(bool)
    names = [None if lost else text_of(v) for v, lost in zip(numbers, np.isnan(cells.numbers), strict=True)]
    texts = np.array(names, dtype=object)
    if cells.form == "mixed":
        texts = np.where(cells.codes >= 0, cells.levels[cells.codes], texts)
    codes, levels = pd.factorize(texts)
    return Cells(form="text", codes=codes.astype(np.int64), levels=np.asarray(levels, dtype=object))


def _never(cells: Cells) -> None:
    """Nothing but durations can be read as durations."""


def _nothing(form: ReadForm, n_rows: int) -> Cells:
    if form == "text":
        return Cells(form="text", codes=np.full(n_rows, -1, dtype=np.int64))
    if form == "mixed":
        return Cells(form="mixed", numbers=np.full(n_rows, np.nan), codes=np.full(n_rows, -1, dtype=np.int64))
    return Cells(form="number" if form == "none" else form, numbers=np.full(n_rows, np.nan))
