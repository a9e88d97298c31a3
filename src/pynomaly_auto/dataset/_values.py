"""Any table as the numbers, dates and texts that its cells stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._conventions import Conventions
from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset._table import open_table
from pynomaly_auto.dataset.reading import Survey


def read_values(table: Any, *, decimal: Any = None, thousands: Any = None, dates: Any = None) -> pd.DataFrame:
    """Any table as the encoder reads it: texts that hold numbers as numbers, dates as dates, words for missing as none.

    Args:
        table: pandas, polars or pyarrow table, 2-D array, scipy sparse matrix, or list of rows.
        decimal: The decimal sign, for all columns or by column; None: found out.
        thousands: What groups thousands, likewise.
        dates: The order of day, month and year (``"dmy"``, ``"mdy"``, ``"ymd"``) or a format, likewise.

    Returns:
        One column for each of the table's: floats (durations in seconds), truth values, dates (in UTC where they have
        a zone), or texts. ``attrs["unread"]`` maps columns to the positions of the cells that could not be read.

    Raises:
        InvalidInputError: The table cannot be read.
        SettingError: Such a convention is not known.

    Warns:
        AmbiguousReadingWarning: Texts can be read in two ways, and nothing tells which is meant.

    >>> read_values({"v": ["1.234,50", "987,00"]})["v"].tolist()
    [1234.5, 987.0]
    """
    opened = open_table(table)
    survey = Survey(opened, Conventions(decimal=decimal, thousands=thousands, dates=dates))
    columns: dict[str, Any] = {}
    unread: dict[str, list[int]] = {}
    for i, name in enumerate(opened.names):
        cells = survey.settled(i).cells
        columns[name] = values_of(cells)
        if cells.unread.any():
            unread[name] = np.flatnonzero(cells.unread).tolist()
    survey.tell()
    frame = pd.DataFrame(columns)
    frame.index = pd.Index(opened.row_labels)
    frame.attrs["unread"] = unread
    return frame


def values_of(cells: Cells) -> Any:
    """What cells stand for, shape (n_rows,)."""
    if cells.form == "time":
        moments = pd.to_datetime(pd.Series(cells.numbers), unit="s", utc=True, errors="coerce").dt.round("us")
        return moments if cells.zone else moments.dt.tz_localize(None)
    if cells.form == "boolean":
        truth = [None if lost else value == 1 for value, lost in zip(cells.numbers, cells.missing, strict=True)]
        return pd.array(truth, dtype="boolean")
    if cells.form in ("text", "mixed"):
        texts = np.array([*cells.levels, None], dtype=object)[cells.codes]
        if cells.form == "mixed":
            texts = np.where(np.isnan(cells.numbers), texts, cells.numbers.astype(object))
        return pd.Series(texts, dtype=object)
    return cells.numbers
