"""The user's own values, row labels and cells, as data: whatever an index or a column holds comes back as it was."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.dataset import is_zone
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import State
from pynomaly_auto.storing._packing import type_of

_NULLABLE: Mapping[str, Any] = {
    "b": pd.arrays.BooleanArray, "i": pd.arrays.IntegerArray, "u": pd.arrays.IntegerArray,
    "f": pd.arrays.FloatingArray,
}  # fmt: skip


def values_to_state(values: Any) -> State:
    """Some values, shape (n,); those of a kind nobody has foreseen are kept as text.

    Args:
        values: An array, or a column of a data frame.
    """
    if isinstance(values, pd.Series):
        return _column_to_state(values)
    values = np.asarray(values)
    if type_of(values) is not None and values.dtype.kind != "U":
        return State(arrays={"array": values})
    if values.dtype.kind in "fiu":  # wider than anything that is stored
        with np.errstate(over="ignore"):  # long doubles beyond the range of floats are infinite, as when encoded
            return State(arrays={"array": values.astype(np.float64)})
    return State(values={"list": [_tagged(value) for value in _boxed(values)]})


def values_from_state(state: State) -> Any:
    """What `values_to_state` was given: an array, shape (n,), or a column.

    Raises:
        StorageError: The state is of another kind.
    """
    try:
        return _from_state(state)
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, ArithmeticError, AttributeError) as error:
        # What numpy, pandas and the standard library say of values that cannot be.
        raise StorageError(f"values are damaged: {type(error).__name__}: {error}.") from None


def _column_to_state(column: pd.Series[Any]) -> State:
    kind = column.dtype
    if isinstance(kind, pd.DatetimeTZDtype) and is_zone(str(kind.tz)):
        naive = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return State(arrays={"array": naive}, values={"zone": str(kind.tz)})
    if isinstance(kind, pd.SparseDtype):
        return values_to_state(np.asarray(column))
    if pd.api.types.is_extension_array_dtype(kind) and (numbers := _number_type(column)):
        missing, nothing = column.isna().to_numpy(), np.zeros(1, numbers).item()  # Arrow takes no 0 for False
        return State(arrays={"array": column.to_numpy(dtype=numbers, na_value=nothing), "missing": missing})
    if isinstance(kind, np.dtype):
        return values_to_state(column.to_numpy())
    return values_to_state(column.astype(object).to_numpy())


def _number_type(column: pd.Series[Any]) -> np.dtype[Any] | None:
    """The numpy type of a column of numbers or truth values that also knows missing ones, such as ``Int64``."""
    kind = column.dtype
    if not (pd.api.types.is_bool_dtype(kind) or pd.api.types.is_numeric_dtype(kind)):
        return None
    found = getattr(kind, "numpy_dtype", None)
    if not isinstance(found, np.dtype) or found.kind not in _NULLABLE or found.itemsize > 8 or found == np.float16:
        return None  # pandas has no column of short floats that knows missing ones
    return found


def _from_state(state: State) -> Any:
    if "array" not in state.arrays:
        cells = state.value("list", list)
        made = np.empty(len(cells), dtype=object)
        made[:] = [_untagged(cell) for cell in cells]  # through a list: tuples would make a second dimension
        return made
    array = state.array("array", kind="M" if "zone" in state.values else "biufMm", ndim=1)
    if "zone" in state.values:
        zone = _zone(state.value("zone", str))
        return pd.Series(pd.DatetimeIndex(array).tz_localize("UTC").tz_convert(zone))
    if "missing" in state.arrays:
        missing = state.array("missing", kind="b", ndim=1)
        return pd.Series(_NULLABLE[array.dtype.kind](array.copy(), missing.copy()))
    return array


def _boxed(values: np.ndarray[Any, Any]) -> list[Any]:
    return list(values) if values.dtype == object else values.tolist()


def _tagged(value: Any) -> Any:
    """A value as JSON: text, whole numbers and truth values as they are, all else as a list that begins with a tag."""
    if isinstance(value, (np.datetime64, np.timedelta64)):
        value = _time_of(value)
    elif isinstance(value, np.generic):
        value = value.item()
    if value is None or type(value) in (str, int, bool):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else ["float", str(float(value))]
    if value is pd.NaT or value is pd.NA:  # before all else: the one is a date, too
        return ["missing time" if value is pd.NaT else "missing"]
    try:
        for kind, (tag, write) in _WRITERS.items():
            if isinstance(value, kind):
                written = write(value)
                return str(value) if written is None else [tag, *written]
        return str(value)
    except Exception as error:  # an object of the user's own class may do anything; what is kept of it is for show
        return f"<{type(value).__name__}, which has no text: {type(error).__name__}>"


def _time_of(value: np.datetime64 | np.timedelta64) -> Any:
    """What pandas makes of it; as text where that has no such unit."""
    unit, step = np.datetime_data(value.dtype)
    if step != 1:
        value = value.astype(f"{value.dtype.kind}8[{unit}]")
    try:
        return pd.Timestamp(value) if isinstance(value, np.datetime64) else pd.Timedelta(value)
    except (ValueError, OverflowError):
        return str(value)


def _untagged(cell: Any) -> Any:
    if not isinstance(cell, list):
        if isinstance(cell, dict):
            raise StorageError("values hold a mapping.")
        return cell
    tag, *rest = cell
    if tag == "tuple":
        return tuple(_untagged(v) for v in rest)
    return _READERS[tag](*rest)


def _time_out(value: pd.Timestamp) -> list[Any] | None:
    """Ticks since 1970 in UTC, their unit, and the zone; None for a zone that nobody else knows."""
    zone = None if value.tz is None else str(value.tz)
    if zone is not None and not is_zone(zone):
        return None
    ticks = (value if zone is None else value.tz_convert("UTC").tz_localize(None)).to_datetime64()
    return [int(ticks.astype(np.int64)), np.datetime_data(ticks.dtype)[0], zone]


def _time_in(ticks: int, unit: Any, zone: str | None) -> pd.Timestamp:
    made = pd.Timestamp(np.datetime64(ticks, unit))
    return made if zone is None else made.tz_localize("UTC").tz_convert(_zone(zone))


def _zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"there is no time zone {name!r}")
    return name


def _duration_out(value: pd.Timedelta) -> list[Any]:
    ticks = value.to_timedelta64()
    return [int(ticks.astype(np.int64)), np.datetime_data(ticks.dtype)[0]]


def _interval_in(left: Any, right: Any, closed: str) -> Any:
    return pd.Interval(_untagged(left), _untagged(right), closed)  # type: ignore[arg-type]  # checked by pandas


# A subclass comes before its base: a time stamp is a date.
_WRITERS: Mapping[type, tuple[str, Callable[[Any], list[Any] | None]]] = {
    tuple: ("tuple", lambda value: [_tagged(v) for v in value]),
    pd.Timestamp: ("time", _time_out),
    datetime: ("time", lambda value: _time_out(pd.Timestamp(value))),
    date: ("date", lambda value: [value.isoformat()]),
    time: ("clock", lambda value: [value.isoformat()] if value.tzinfo is None else None),
    pd.Timedelta: ("duration", _duration_out),
    pd.Period: ("period", lambda value: [value.ordinal, value.freqstr]),
    pd.Interval: ("interval", lambda value: [_tagged(value.left), _tagged(value.right), value.closed]),
    Decimal: ("decimal", lambda value: [str(value)]),
    bytes: ("bytes", lambda value: [value.hex()]),
    complex: ("complex", lambda value: [str(value)]),
}
_READERS: Mapping[str, Callable[..., Any]] = {
    "float": float,
    "missing time": lambda: pd.NaT,
    "missing": lambda: pd.NA,
    "time": _time_in,
    "date": date.fromisoformat,
    "clock": time.fromisoformat,
    "duration": lambda ticks, unit: pd.Timedelta(np.timedelta64(ticks, unit)),
    "period": lambda ordinal, freq: pd.Period(ordinal=ordinal, freq=freq),
    "interval": _interval_in,
    "decimal": Decimal,
    "bytes": bytes.fromhex,
    "complex": complex,
}
