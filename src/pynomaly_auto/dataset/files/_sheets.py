"""Workbooks: the sheet with a table, and the table in the sheet."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._optional import require
from pynomaly_auto.dataset.files._layout import is_total, layout_of, names_of, text
from pynomaly_auto.dataset.files._source import Source
from pynomaly_auto.dataset.reading import Origin
from pynomaly_auto.errors import InvalidInputError, UnknownNameError

_FEWEST = 2  # columns, and rows below the names, of a sheet that is taken for a table rather than for notes


def read_sheets(source: Source, sheet: str | int | None) -> tuple[pd.DataFrame, Origin]:
    """Read one sheet of a workbook of any kind.

    Args:
        source: The file.
        sheet: Name or position of the sheet; None: the first that holds a table.

    Raises:
        MissingExtraError: The extra ``excel`` is not installed.
        UnknownNameError: There is no such sheet.
        InvalidInputError: It holds no rows.
    """
    calamine = require("python_calamine")
    try:
        book = calamine.load_workbook(source.handle())
        names = list(book.sheet_names)
        chosen, rows = _chosen(book, names, sheet)
    except calamine.CalamineError as error:
        raise ValueError(str(error)) from error
    said = [f"sheet {chosen!r} of {', '.join(map(repr, names))}"] if len(names) > 1 else []
    rows = [row for row in rows if any(text(cell) for cell in row)]
    if not rows:
        raise InvalidInputError(f"{source.name} holds no rows.", where=source.where, fix="Give a file with data.")
    frame, more = _frame(rows)
    return frame, Origin(file=source.name, said=(*said, *more))


def _chosen(book: Any, names: Sequence[str], sheet: str | int | None) -> tuple[str, list[list[Any]]]:
    if sheet is not None:
        if isinstance(sheet, int) and 0 <= sheet < len(names):
            sheet = names[sheet]
        if sheet not in names:
            raise UnknownNameError.of("sheet", sheet, names)
        return str(sheet), _rows(book, str(sheet))
    first: tuple[str, list[list[Any]]] | None = None
    for name in names:
        rows = _rows(book, name)
        held = name, rows
        first = first or held
        filled = [row for row in rows if sum(bool(text(cell)) for cell in row) >= _FEWEST]
        if len(filled) > _FEWEST:
            return held
    return first or ("", [])


def _rows(book: Any, name: str) -> list[list[Any]]:
    rows: list[list[Any]] = book.get_sheet_by_name(name).to_python(skip_empty_area=True)
    return rows


def _frame(rows: list[list[Any]]) -> tuple[pd.DataFrame, list[str]]:
    layout = layout_of(rows)
    said = []
    if layout.skipped:
        said.append(f"{layout.skipped} rows above the names are left out")
    if layout.units:
        said.append(f"the row below the names holds units and is left out: {', '.join(layout.units)}")
    start = layout.skipped + layout.named
    body = rows[start + bool(layout.units) :]
    if len(body) > _FEWEST and is_total(body[-1], list(zip(*body[:-1], strict=True))):
        body = body[:-1]
        said.append("the last row holds the sums of the others and is left out")
    columns = list(zip(*body, strict=True)) if body else [()] * len(rows[0])
    if layout.named:
        names, renamed = names_of(rows[layout.skipped])
    else:
        names, renamed = (
            [f"x{i}" for i in range(len(columns))],
            ["no row names the columns: they are called x0, x1, ..."],
        )
    named = {text(cell): i for i, cell in enumerate(rows[layout.skipped])} if layout.named else {}
    kept = {
        name: _typed(cells)
        for i, (name, cells) in enumerate(zip(names, columns, strict=True))
        if not layout.named or text(rows[layout.skipped][i]) or any(text(cell) for cell in cells) or not named
    }
    return pd.DataFrame(kept), said + renamed


def _typed(cells: Sequence[Any]) -> pd.Series[Any]:
    """One column's cells: whole numbers as such, dates as dates, and texts as they are."""
    held = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    kinds = {type(cell) for cell in held if cell is not None}
    if kinds and kinds <= {int, float}:
        values = np.array([np.nan if cell is None else cell for cell in held], dtype=np.float64)
        whole = bool(np.isfinite(values).all() and (values == np.floor(values)).all() and (abs(values) < 2**53).all())
        return pd.Series(values.astype(np.int64) if whole else values)
    if kinds and kinds <= {dt.date, dt.datetime}:
        return pd.to_datetime(pd.Series(held, dtype=object), errors="coerce")
    if kinds == {str}:
        return pd.Series(held)
    whole = all(cell.is_integer() for cell in held if isinstance(cell, float))
    plain = [int(c) if whole and isinstance(c, float) else c for c in held]
    return pd.Series(plain, dtype=object).infer_objects()
