"""The cells of one column, whatever library and type they came in, in one of six forms."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import numbers
import pathlib
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._table import Array, RawColumn, writable
from pynomaly_auto.dataset._zones import is_zone
from pynomaly_auto.errors import InvalidInputError, InvalidTypeError
from pynomaly_auto.records import FloatArray, IntArray

Form: TypeAlias = Literal["number", "boolean", "text", "mixed", "time", "duration"]

# What a cell of a Python type counts as; the first line that fits decides.
_TYPES: tuple[tuple[tuple[type, ...], str], ...] = (
    ((type(None), type(pd.NA), type(pd.NaT)), "missing"),
    ((bool, np.bool_), "boolean"),
    ((enum.Enum, str, bytes, uuid.UUID, pathlib.PurePath, pd.Interval), "text"),
    ((dt.timedelta, np.timedelta64), "duration"),
    ((numbers.Real, decimal.Decimal), "number"),
    ((numbers.Complex,), "complex"),
    ((dt.date, np.datetime64, pd.Period), "time"),  # datetime and Timestamp are dates, too
    ((dt.time,), "clock"),
)
_NO_CODES: IntArray = np.empty(0, dtype=np.int64)
_NO_LEVELS: Array = np.empty(0, dtype=object)
_ALL_READ: Array = np.empty(0, dtype=bool)
_FEW = 30  # rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """One column's cells.

    Args:
        form: ``"number"``, ``"boolean"`` (0 and 1), ``"time"`` (seconds since 1970-01-01 UTC), ``"duration"``
            (seconds), ``"text"``, or ``"mixed"`` (numbers and text).
        numbers: Shape (n_rows,), NaN where there is no number; zero-length for text.
        codes: Position in ``levels``, -1 where there is no text; zero-length for all forms without text.
        levels: The distinct texts, in order of first appearance.
        zone: Time zone of a time column, None: none given.
        declared: The user's own type says that these are categories.
        unread: Which cells hold something that could not be read, and so count as missing, shape (n_rows,);
            zero-length: none of them.
    """

    form: Form
    numbers: FloatArray = field(repr=False, default_factory=lambda: np.empty(0))
    codes: IntArray = field(repr=False, default_factory=lambda: _NO_CODES)
    levels: Array = field(repr=False, default_factory=lambda: _NO_LEVELS)
    zone: str | None = None
    declared: bool = False
    unread: Array = field(repr=False, default_factory=lambda: _ALL_READ)

    def __len__(self) -> int:
        return len(self.codes) if self.form == "text" else len(self.numbers)

    @property
    def missing(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which cells hold nothing, shape (n_rows,)."""
        if self.form == "text":
            return self.codes < 0
        if self.form == "mixed":
            return np.isnan(self.numbers) & (self.codes < 0)
        return np.isnan(self.numbers)

    @property
    def is_empty(self) -> bool:
        """Whether no cell holds anything."""
        return bool(self.missing.all())


def read_cells(column: RawColumn, name: str) -> Cells:
    """Bring one column's cells into their form; each cell is read by itself, never by what others hold.

    Args:
        column: A numeric array or a series of any type, shape (n_rows,).
        name: The column's name, for messages.

    Raises:
        InvalidInputError: Complex numbers.
        InvalidTypeError: Cells that hold lists, dictionaries or other objects.
    """
    if isinstance(column, np.ndarray):
        return _plain(column)
    series: Any = column  # the stubs do not know the accessors of every type
    if isinstance(series.dtype, pd.SparseDtype):
        series = series.sparse.to_dense()
    return _series(series, name)


def _series(column: Any, name: str) -> Cells:
    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _categories(column)
    if isinstance(dtype, pd.StringDtype):
        return _text(column)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return _moments(column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy(), str(column.dt.tz))
    if isinstance(dtype, pd.PeriodDtype):
        return _moments(column.dt.to_timestamp().to_numpy(), None)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return _numpy(column.to_numpy(), name)
    if not isinstance(dtype, np.dtype) and pd.api.types.is_numeric_dtype(dtype):
        form: Form = "boolean" if pd.api.types.is_bool_dtype(dtype) else "number"
        return Cells(form=form, numbers=column.to_numpy(dtype=np.float64, na_value=np.nan))
    return _objects(np.asarray(column.astype(object), dtype=object), name)


def text_of(cell: Any) -> str:
    """The text under which a cell is known as a category: whole numbers without their decimal point.

    >>> text_of(3.0), text_of(True), text_of(b"a")
    ('3', 'True', 'a')
    """
    if isinstance(cell, bytes):
        return cell.decode("utf-8", errors="backslashreplace")
    if isinstance(cell, (float, np.floating)) and float(cell).is_integer():
        return str(int(cell))
    return writable(str(cell))


def missing_in(column: RawColumn) -> Array:
    """Which cells of a column that is not read hold nothing, shape (n_rows,)."""
    if column.dtype == object:
        column = _quiet(np.asarray(column, dtype=object))
    return np.asarray(pd.isna(column))


def _plain(values: Array) -> Cells:
    form: Form = "boolean" if values.dtype.kind == "b" else "number"
    with np.errstate(over="ignore"):  # long doubles beyond the range of float64 become infinite, and are told so
        return Cells(form=form, numbers=np.ascontiguousarray(values, dtype=np.float64))


def _numpy(values: Array, name: str) -> Cells:
    kind = values.dtype.kind
    if kind in "biuf":
        return _plain(values)
    if kind == "M":
        return _moments(values, None)
    if kind == "m":
        return Cells(form="duration", numbers=seconds_of(values))
    if kind == "c":
        raise _complex(name)
    return _objects(values.astype(object), name)


def _categories(column: pd.Series[Any]) -> Cells:
    levels = column.cat.categories
    codes = column.cat.codes.to_numpy().astype(np.int64)
    if levels.dtype.kind == "b" or set(levels) == {True, False}:
        return Cells(form="boolean", numbers=np.where(codes < 0, np.nan, levels.to_numpy(dtype=np.float64)[codes]))
    texts = np.array([text_of(level) for level in levels] + [""], dtype=object)
    distinct, position = np.unique(texts[:-1].astype(str), return_inverse=True)
    recoded = np.append(position, -1)[codes].astype(np.int64)
    return Cells(form="text", codes=recoded, levels=distinct.astype(object), declared=True)


def _text(column: Any) -> Cells:
    codes, held = _few(column) if len(column) <= _FEW else _factorised(column)
    texts = np.empty(len(held), dtype=object)
    texts[:] = held if _all_writable(held) else [text_of(level) for level in held]
    return Cells(form="text", codes=codes, levels=texts)


def _few(column: Any) -> tuple[IntArray, list[str]]:
    """As `_factorised`, which takes longer to start than this to go through a few texts."""
    place: dict[str, int] = {}
    codes = [place.setdefault(cell, len(place)) if isinstance(cell, str) else -1 for cell in column]
    return np.array(codes, dtype=np.int64), list(place)


def _factorised(column: Any) -> tuple[IntArray, list[Any]]:
    codes, levels = pd.factorize(column)
    return codes.astype(np.int64), list(levels)


def _all_writable(texts: list[Any]) -> bool:
    """Whether all are texts, and need no change to be written to a file."""
    try:
        "".join(texts).encode()
    except (TypeError, UnicodeEncodeError):
        return False
    return True


def _objects(values: Array, name: str) -> Cells:
    values = _quiet(values)
    kind_of = {kind: _kind_of(kind, name) for kind in set(map(type, values))}
    kinds = set(kind_of.values()) - {"missing"}
    if not kinds:
        return Cells(form="number", numbers=np.full(len(values), np.nan))
    if kinds <= {"text", "number"} and "text" in kinds:
        missing = pd.isna(values)
        kind_seen = {kind_of[type(v)] for v in values[~missing]}
        if kind_seen <= {"text"}:  # the only "numbers" are NaN
            plain = values if set(kind_of) <= {str, type(None), float} else _texts(values, missing)
            return _text(_without(plain, missing))
    if kinds <= {"number", "boolean"}:
        return Cells(form="boolean" if kinds == {"boolean"} else "number", numbers=_floats(values))
    whole_forms = {"time": _times, "duration": _durations, "clock": _clocks}
    if len(kinds) == 1:
        return whole_forms[kinds.pop()](values)
    is_number = np.array([kind_of[type(v)] in ("number", "boolean") for v in values])
    others = pd.isna(values) | is_number
    text = _text(_texts(values, others))
    floats = np.full(len(values), np.nan)
    floats[is_number] = _floats(values[is_number])
    if not len(text.levels):  # the others were a kind's own words for missing
        return Cells(form="number", numbers=floats)
    form: Form = "mixed" if is_number.any() else "text"
    return Cells(form=form, numbers=floats, codes=text.codes, levels=text.levels)


def _quiet(values: Array) -> Array:
    """Objects without signalling NaNs, which raise as soon as somebody looks at them: they count as missing."""
    loud = [i for i, v in enumerate(values) if isinstance(v, decimal.Decimal) and v.is_snan()]
    if not loud:
        return values
    values = values.copy()
    values[loud] = None
    return values


def _kind_of(kind: type, name: str) -> str:
    found = next((what for types, what in _TYPES if issubclass(kind, types)), "nested")
    if found == "complex":
        raise _complex(name)
    if found == "nested":
        raise InvalidTypeError(
            f"cells hold {kind.__name__} objects; each cell as an argument must be a string or a number.",
            where=f"column {name!r}",
            fix="Spread nested values over columns of their own.",
        )
    return found


def _complex(name: str) -> InvalidInputError:
    return InvalidInputError(
        "Complex data not supported.", where=f"column {name!r}", fix="Give real and imaginary parts as two columns."
    )


def _texts(values: Array, skip: Array) -> Array:
    out = np.empty(len(values), dtype=object)
    out[:] = [None if left else text_of(value) for value, left in zip(values, skip, strict=True)]
    return out


def _without(values: Array, missing: Array) -> Array:
    out = values.copy()
    out[missing] = None
    return out


def _floats(values: Array) -> FloatArray:
    with np.errstate(over="ignore"):  # as in `_plain`
        try:
            return np.asarray(np.where(pd.isna(values), np.nan, values), dtype=np.float64)
        except (OverflowError, TypeError, ValueError):
            return np.array([_float(v) for v in values], dtype=np.float64)


def _float(value: Any) -> float:
    """One cell's number; integers beyond the range of float64 count as infinite."""
    if pd.isna(value):
        return np.nan
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def _times(values: Array) -> Cells:
    starts = np.empty(len(values), dtype=object)
    starts[:] = [v.to_timestamp() if isinstance(v, pd.Period) else v for v in values]
    zones = {str(v.tzinfo) if getattr(v, "tzinfo", None) else None for v in starts if not pd.isna(v)}
    moments = pd.to_datetime(pd.Series(starts, dtype=object), utc=True, errors="coerce", format="mixed")
    return _moments(moments.dt.tz_localize(None).to_numpy(), zones.pop() if len(zones) == 1 else "UTC")


def _durations(values: Array) -> Cells:
    spans = pd.to_timedelta(pd.Series(values, dtype=object), errors="coerce")
    return Cells(form="duration", numbers=seconds_of(spans.to_numpy()))


def _clocks(values: Array) -> Cells:
    """Times of day, as a file has them: read as seconds like any that are written."""
    return _text(np.array([None if pd.isna(v) else v.isoformat() for v in values], dtype=object))


def _moments(values: Array, zone: str | None) -> Cells:
    return Cells(form="time", numbers=seconds_of(values), zone=_known_zone(zone))


def _known_zone(zone: str | None) -> str | None:
    """The zone under a name that can be found again, else UTC."""
    return zone if zone is None or is_zone(zone) else "UTC"


def seconds_of(values: Array) -> FloatArray:
    """Seconds of datetimes or timedeltas, the same to the last bit whatever unit they are stored in."""
    unit, step = np.datetime_data(values.dtype)
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.get(unit) if step == 1 else None
    if per_second is None:
        values, per_second = values.astype(f"{values.dtype.kind}8[s]"), 1
    ticks = values.view(np.int64)
    # Whole seconds and the rest apart: ticks in nanoseconds are too many for the 53 bits of a float.
    seconds = (ticks // per_second) + (ticks % per_second) / per_second
    return np.where(np.isnat(values), np.nan, seconds)
