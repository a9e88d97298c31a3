"""A run's table in its checkpoint, as data: kept whole, or said not to be; and the digests by which it is known."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from pynomaly_auto.dataset import Table
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Dataset, State, plain
from pynomaly_auto.storing import values_from_state, values_to_state

_FORMS = ("array", "sparse", "frame")
_SPARSE = ("data", "indices", "indptr")


def table_to_state(table: Table) -> State:
    """A table's cells, names and row labels; what `storing` knows no form for is in it as text."""
    own = {
        "names": list(table.names), "labelled": table.labelled, "named": table.named, "rows": table.n_rows,
        "columns": table.n_columns,
    }  # fmt: skip
    state = values_to_state(table.row_labels).within("row_labels")
    if isinstance(table.source, pd.DataFrame):
        for i in range(table.n_columns):
            state = state | _column_to_state(table.source.iloc[:, i]).within(str(i))
        return state | State(values={**own, "form": "frame"})
    if table.is_sparse:
        parts = {name: _short(np.asarray(getattr(table.source, name))) for name in _SPARSE}
        return state | State(arrays=parts, values={**own, "form": "sparse"})
    return state | State(arrays={"cells": _short(np.asarray(table.source))}, values={**own, "form": "array"})


def table_from_state(state: State) -> Table:
    """The inverse of `table_to_state`.

    Raises:
        StorageError: It is of another kind.
    """
    names, form = state.value("names", list), state.value("form", str)
    shape = (state.value("rows", int), state.value("columns", int))
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names) or len(names) != shape[1]:
        raise StorageError("the columns have no names, or one comes twice.")
    if form not in _FORMS:
        raise StorageError(f"there is no such form of a table as {form!r}.")
    row_labels = np.asarray(values_from_state(state.part("row_labels")))
    source: Any
    if form == "frame":
        columns = [_column_from_state(state.part(str(i))) for i in range(shape[1])]
        source = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(shape[0]))
        source.index = _index_of(row_labels)
        source.columns = pd.Index(names, dtype=object)
    elif form == "sparse":
        source = _matrix(state, shape)
    else:
        source = state.array("cells", kind="biuf", ndim=2)
    if source.shape != shape or len(row_labels) != shape[0]:
        raise StorageError("its columns or row labels differ in length.")
    labelled, named = state.value("labelled", bool), state.value("named", bool)
    return Table(source=source, names=tuple(names), labelled=labelled, named=named, row_labels=row_labels)


def digest_of(*states: State) -> str:
    """What tells states apart: a digest of all they hold."""
    digest = hashlib.sha256()
    for state in states:
        digest.update(json.dumps(state.values, sort_keys=True, separators=(",", ":")).encode())
        for name in sorted(state.arrays):
            array = np.ascontiguousarray(state.arrays[name])
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def encoded_digest(dataset: Dataset) -> str:
    """What tells encoded rows apart: trials on equal ones may be taken over."""
    columns = [plain(column) for column in dataset.columns]
    return digest_of(State(arrays={"X": dataset.X}, values={"features": list(dataset.features), "columns": columns}))


def is_plain(table: Table) -> bool:
    """Whether its cells are of kinds that surely come back as they were; for others it is tried."""
    if not isinstance(table.source, pd.DataFrame):
        return int(table.source.dtype.itemsize) <= 8
    return all(map(_is_plain, (table.source.iloc[:, i] for i in range(table.n_columns))))


def _short(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Numbers of a width that is stored; whether anything hung on the rest is tried afterwards."""
    return array if array.dtype.itemsize <= 8 else array.astype(np.float64)


def _is_plain(column: pd.Series[Any]) -> bool:
    kind = column.dtype
    if isinstance(kind, np.dtype) and kind.kind in "biufMm":
        return kind.itemsize <= 8
    return isinstance(kind, pd.StringDtype)


def _column_to_state(column: pd.Series[Any]) -> State:
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes)
        levels = _column_to_state(column.cat.categories.to_series())
        return State(arrays={"codes": codes}, values={"ordered": bool(kind.ordered)}) | levels.within("levels")
    if isinstance(kind, pd.StringDtype):
        texts = values_to_state(column.astype(object).to_numpy())
        return texts | State(values={"storage": kind.storage, "na": kind.na_value is pd.NA})
    return values_to_state(column)


def _column_from_state(state: State) -> pd.Series[Any]:
    if "ordered" in state.values:
        levels = pd.Index(_column_from_state(state.part("levels")))
        codes = state.array("codes", kind="i", ndim=1)
        return pd.Series(pd.Categorical.from_codes(codes, levels, ordered=state.value("ordered", bool)))
    values = values_from_state(state)
    if "storage" in state.values:
        missing = pd.NA if state.value("na", bool) else np.nan
        storage: Any = state.value("storage", str)
        return pd.Series(values, dtype=pd.StringDtype(storage, na_value=missing))
    return values if isinstance(values, pd.Series) else pd.Series(values, dtype=values.dtype)


def _index_of(row_labels: np.ndarray[Any, Any]) -> pd.Index[Any]:
    if row_labels.dtype.kind in "iu" and np.array_equal(row_labels, np.arange(len(row_labels))):
        return pd.RangeIndex(len(row_labels))
    made: pd.Index[Any] = pd.Index(row_labels, tupleize_cols=False)
    return made


def _matrix(state: State, shape: tuple[int, int]) -> Any:
    data, indices, indptr = (state.array(name, kind="biuf", ndim=1) for name in _SPARSE)
    made = sparse.csc_array((data, indices, indptr), shape=shape)
    made.check_format(full_check=True)
    return made
