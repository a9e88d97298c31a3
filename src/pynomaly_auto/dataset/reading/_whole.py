"""Whole numbers that are codes: with more digits than a float keeps, rows that differ would count as equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._table import Array, RawColumn

_EXACT = 2**53  # beyond this not every whole number has a float of its own
_CODE_DIGITS = 20  # no count, amount or time of anything has as many
_MOST_DIGITS = 60
_MERGED = 0.5  # share of the different numbers that must remain different as floats


def are_codes(column: RawColumn) -> bool:
    """Whether whole numbers are too long to be numbers: of one length, and as floats mostly equal or of 20 digits."""
    values = _whole_numbers(column)
    if values is None or not len(values):
        return False
    lengths = {len(str(abs(int(value)))) for value in (values.min(), values.max())}
    if len(lengths) > 1 or values.min() < 0 or not 16 <= max(lengths) <= _MOST_DIGITS:
        return False
    if max(lengths) >= _CODE_DIGITS:
        return True
    different = len(pd.unique(values))
    return len(np.unique(np.asarray(values, dtype=np.float64))) <= _MERGED * different and different > 1


def as_texts(column: RawColumn) -> RawColumn:
    """Whole numbers as texts, to the last digit; anything else as it is."""
    if isinstance(column, np.ndarray):
        return (
            pd.Series([str(value) for value in column.tolist()], dtype=object) if column.dtype.kind in "iu" else column
        )
    series: Any = column
    if pd.api.types.is_integer_dtype(series.dtype) or (series.dtype == object and _whole_numbers(series) is not None):
        return pd.Series([None if pd.isna(v) else str(int(v)) for v in series], dtype=object)
    return column


def _whole_numbers(column: RawColumn) -> Array | None:
    """The whole numbers of a column that holds no others, the missing ones left out; None: it holds others."""
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "iu":
        if not len(column):
            return None
        values = np.asarray(column)
        return values if dtype.itemsize == 8 and int(values.max()) > _EXACT else None
    series: Any = column
    if (
        not isinstance(dtype, np.dtype)
        and not isinstance(dtype, pd.SparseDtype)
        and pd.api.types.is_integer_dtype(dtype)
    ):
        present = series.dropna()
        return np.asarray(present.to_numpy(), dtype=object) if len(present) and int(present.max()) > _EXACT else None
    if dtype != np.dtype(object):
        return None
    kinds = set(map(type, column)) - {type(None), type(pd.NA)}
    if not kinds or not all(issubclass(kind, (int, np.integer)) and not issubclass(kind, bool) for kind in kinds):
        return None
    found = np.array([v for v in column if v is not None and v is not pd.NA], dtype=object)
    return found if max(found) > _EXACT else None
