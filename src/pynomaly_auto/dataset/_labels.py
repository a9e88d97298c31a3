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
    if not isinstance(coding, str) or coding not in CODINGS:
        raise SettingError(f"label_coding is {shown(coding)}.", fix=f"Choose one of {', '.join(map(repr, CODINGS))}.")
    if labels is None:
        return table, Labels.none(table.n_rows)
    if isinstance(labels, str):
        table, given = _column(labels, table)
    elif isinstance(labels, Mapping):
        given = _by_label(pd.Series(dict(labels), dtype=object), table)
    else:
        given = value_for_each(labels, table, where="labels")
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


def value_for_each(values: Any, table: Table, *, where: str) -> np.ndarray[Any, Any]:
    """One value for each row of a table, missing ones None or NaN; shape (n_rows,).

    Args:
        values: A pandas series, or data frame of one column, by row label; or anything of one dimension in order.
        table: The table.
        where: What they are, for messages.

    Raises:
        InvalidInputError: They do not fit the table.
    """
    if isinstance(values, pd.DataFrame) and values.shape[1] == 1:
        values = values.iloc[:, 0]
    if isinstance(values, pd.Series):
        return _of_series(values.astype(object), table, where)
    return _in_order(values, table, where)


def _of_series(values: pd.Series[Any], table: Table, where: str) -> np.ndarray[Any, Any]:
    """By row label; a plain range, though, is in order where the rows are called something else than numbers from 0."""
    rows = pd.Index(table.row_labels)
    if len(values) == len(rows) and (values.index.equals(rows) or (_is_plain(values.index) and not _numbered(rows))):
        return values.to_numpy()
    return _by_label(values, table, where)


def _is_plain(index: pd.Index[Any]) -> bool:
    return isinstance(index, pd.RangeIndex) and index.start == 0 and index.step == 1


def _numbered(rows: pd.Index[Any]) -> bool:
    """Whether rows are called by the numbers from 0, in any order: then a number means the row called so."""
    return rows.is_unique and bool((rows.get_indexer(pd.RangeIndex(len(rows))) >= 0).all())


def _by_label(labels: pd.Series[Any], table: Table, where: str = "labels") -> np.ndarray[Any, Any]:
    rows = pd.Index(table.row_labels)
    if not rows.is_unique:
        raise InvalidInputError(
            f"rows share a label, so that {where} cannot be told apart by it.", where=where,
            fix="Give one value for each row, in order, or reset the table's index.",
        )  # fmt: skip
    if not labels.index.is_unique:
        twice = labels.index[labels.index.duplicated()][0]
        raise InvalidInputError(f"row {_named(twice)} has two {where}.", where=where, fix="Give one for each row.")
    places = rows.get_indexer(labels.index)
    if (places < 0).any():
        strange = labels.index[int(np.argmax(places < 0))]
        raise InvalidInputError(
            f"{int((places < 0).sum()):,} {where} are of rows that the table does not have, such as {_named(strange)}.",
            where=where, fix=f"Give {where} by the row labels (index) of the table, or one for each row in order.",
        )  # fmt: skip
    out = np.full(table.n_rows, None, dtype=object)
    out[places] = labels.to_numpy()
    return out


def _in_order(values: Any, table: Table, where: str) -> np.ndarray[Any, Any]:
    try:
        array = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=object)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(f"the {where} cannot be read: {error}.", where=where) from error
    if not array.ndim:
        raise InvalidInputError(
            f"{where} is {shown(values)}.", where=where,
            fix="Give the name of a column as text, a series by row label, or one value for each row.",
        )  # fmt: skip
    if array.size != len(array) and len(array) != 1:  # one column or one row of them is a list all the same
        raise InvalidInputError(
            f"{where} are of shape {array.shape}.", where=where, fix="Give one value for each row, in one dimension."
        )
    if array.size != table.n_rows:
        raise InvalidInputError(
            f"{array.size:,} {where} for {table.n_rows:,} rows.", where=where,
            fix="Give one for each row (nothing where it is not known), or a series by row label.",
        )  # fmt: skip
    return pd.Series(array.reshape(-1)).astype(object).to_numpy()  # dates stay dates


def _coded(given: np.ndarray[Any, Any], table: Table, coding: str) -> np.ndarray[Any, np.dtype[np.int8]]:
    out, known = np.full(len(given), -1, dtype=np.int8), dict[Any, int | None]()
    for row in np.flatnonzero(~pd.isna(given)):
        value = given[row]
        try:
            key = (type(value), value)
            if key not in known:
                known[key] = _meaning(value, coding)
            code = known[key]
        except (TypeError, ValueError):  # what cannot be compared is no label either
            code = None
        if code is None:
            fix = _FORMS[coding]
            if coding == "anomaly=1" and _number(value) == -1.0:
                fix += " For scikit-learn's -1 and 1 say label_coding='anomaly=-1'."
            raise InvalidInputError(
                f"the label of row {_named(table.row_labels[row])} is {shown(value)}.", where="labels", fix=fix
            )
        out[row] = code
    return out


def _named(label: Any) -> str:
    return shown(label.item() if isinstance(label, np.generic) else label)


def _meaning(value: Any, coding: str) -> int | None:
    """What a value that is not missing says: 1, 0, -1 for nothing; None where it is no label."""
    truth = isinstance(value, (bool, np.bool_)) or (
        isinstance(value, str) and value.strip().lower() in ("true", "false")
    )
    if truth and coding != "anomaly=1":  # True is 1, which is a normal row there; nobody means that
        return None
    number = _number(value)
    return -1 if number is None else CODINGS[coding].get(number)


def _number(value: Any) -> float | None:
    """A label as a number; None where it is missing, NaN-like text included; NaN where it is something else."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _WORDS:
            known = _WORDS[word]
            return None if known is None else float(known)
        value = word
    if isinstance(value, (np.datetime64, np.timedelta64)):
        return float("nan")
    try:
        if pd.isna(value):
            return None
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
