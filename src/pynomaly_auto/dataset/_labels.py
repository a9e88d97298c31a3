"""Reading what a user says of the rows of a table: a column of it, a series by row label, or one value a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._table import Table, open_table, to_frame
from pynomaly_auto.errors import InvalidInputError, SettingError, shown
from pynomaly_auto.records import Labels

LabelCoding: TypeAlias = Literal["anomaly=1", "anomaly=-1"]
CODINGS: Mapping[str, Mapping[float, int]] = {"anomaly=1": {1.0: 1, 0.0: 0}, "anomaly=-1": {-1.0: 1, 1.0: 0}}
_FORMS = {
    "anomaly=1": "Give 1 for an anomaly, 0 for a normal row and nothing (NaN, None) where you do not know.",
    "anomaly=-1": "Give -1 for an anomaly, 1 for a normal row and nothing (NaN, None) where you do not know.",
}
_WORDS = {"true": 1, "false": 0, "": None, "nan": None, "none": None, "<na>": None, "nat": None}


def read_labels(labels: Any, table: Table, coding: str = "anomaly=1") -> tuple[Table, Labels]:
    """What is known of a table's rows, and the table without the column that said so.

    Args:
        labels: Name of a column of the table; a pandas series or mapping by row label, of some rows or all; or one
            value for each row in order. None: nothing is known.
        table: The table.
        coding: ``"anomaly=1"``: 1 (or True) for an anomaly, 0 (or False) for a normal row. ``"anomaly=-1"``,
            scikit-learn's: -1 for an anomaly, 1 for a normal row. A missing value says nothing in either.

    Raises:
        InvalidInputError: The labels do not fit the table, or hold something else.
        SettingError: There is no such coding.
    """
    if coding not in CODINGS:
        raise SettingError(f"label_coding is {shown(coding)}.", fix=f"Choose one of {', '.join(map(repr, CODINGS))}.")
    if labels is None:
        return table, Labels.none(table.n_rows)
    if isinstance(labels, str):
        table, given = _column(labels, table)
    elif isinstance(labels, Mapping):
        given = _by_label(pd.Series(dict(labels), dtype=object), table)
    elif isinstance(labels, pd.Series):
        given = _of_series(labels, table)
    else:
        given = _in_order(labels, table)
    return table, Labels(values=_coded(given, table, coding))


def _column(name: str, table: Table) -> tuple[Table, np.ndarray[Any, Any]]:
    if name not in table.names:
        known = ", ".join(table.names[:12])
        raise InvalidInputError(
            f"the table has no column {name!r} to take labels from.", where="labels", fix=f"Its columns: {known}."
        )
    frame = to_frame(table)
    given = frame[name].astype(object).to_numpy()
    return open_table(frame.drop(columns=name)), given


def _of_series(labels: pd.Series[Any], table: Table) -> np.ndarray[Any, Any]:
    """By row label, but for a plain range, which is in order whatever the rows are called."""
    plain = isinstance(labels.index, pd.RangeIndex) and labels.index.start == 0 and labels.index.step == 1
    if plain and len(labels) == table.n_rows:
        return labels.astype(object).to_numpy()
    return _by_label(labels.astype(object), table)


def _by_label(labels: pd.Series[Any], table: Table) -> np.ndarray[Any, Any]:
    rows = pd.Index(table.row_labels)
    if not rows.is_unique:
        raise InvalidInputError(
            "rows share a label, so that labels cannot be told apart by it.", where="labels",
            fix="Give one value for each row, in order, or reset the table's index.",
        )  # fmt: skip
    if not labels.index.is_unique:
        twice = labels.index[labels.index.duplicated()][0]
        raise InvalidInputError(f"row {shown(twice)} has two labels.", where="labels", fix="Give one for each row.")
    places = rows.get_indexer(labels.index)
    if (places < 0).any():
        strange = labels.index[int(np.argmax(places < 0))]
        raise InvalidInputError(
            f"{int((places < 0).sum()):,} labels are of rows that the table does not have, such as {shown(strange)}.",
            where="labels", fix="Give labels by the row labels (index) of the table, or one for each row in order.",
        )  # fmt: skip
    out = np.full(table.n_rows, None, dtype=object)
    out[places] = labels.to_numpy()
    return out


def _in_order(labels: Any, table: Table) -> np.ndarray[Any, Any]:
    try:
        given = np.asarray(pd.Series(np.asarray(labels, dtype=object).reshape(-1)).to_numpy(), dtype=object)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"the labels cannot be read: {error}.", where="labels") from error
    if len(given) != table.n_rows:
        raise InvalidInputError(
            f"{len(given):,} labels for {table.n_rows:,} rows.", where="labels",
            fix="Give one for each row (nothing where it is not known), or a series or mapping by row label.",
        )  # fmt: skip
    return given


def _coded(given: np.ndarray[Any, Any], table: Table, coding: str) -> np.ndarray[Any, np.dtype[np.int8]]:
    meaning, out = CODINGS[coding], np.full(len(given), -1, dtype=np.int8)
    for value in pd.unique(pd.Series(given, dtype=object)):
        number = _number(value)
        if number is None:
            continue
        if number not in meaning:
            row = int(np.argmax([one is value or one == value for one in given]))
            fix = _FORMS[coding]
            if coding == "anomaly=1" and number == -1.0:
                fix += " For scikit-learn's -1 and 1 say label_coding='anomaly=-1'."
            raise InvalidInputError(
                f"the label of row {shown(table.row_labels[row])} is {shown(value)}.", where="labels", fix=fix
            )
        same = np.fromiter((one is value or _equal(one, value) for one in given), dtype=bool, count=len(given))
        out[same] = meaning[number]
    return out


def _equal(one: Any, other: Any) -> bool:
    try:
        return bool(one == other)
    except (TypeError, ValueError):
        return False


def _number(value: Any) -> float | None:
    """A label as a number; None where it is missing, NaN-like text included; NaN where it is something else."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _WORDS:
            known = _WORDS[word]
            return None if known is None else float(known)
        value = word
    try:
        if pd.isna(value):
            return None
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
