"""What a careful user would make of a table before calling a detector that takes nothing but numbers."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.records import FloatArray

MOST_ONE_HOT = 30
_PARSED = 0.9  # share of a text column's cells that must be numbers, or dates, for it to be read so
_SKEWED = 1.0  # skewness from which positive numbers are taken by their logarithm
_ID = 0.95  # distinct values per row, from which a text or integer column is an id
_ROOT = np.sqrt(2.0)
_NAMED_ID = re.compile(r"(^|[^a-z])(id|nr|no|number|uuid|key)$|ID$", re.IGNORECASE)


def numbers_only(frame: pd.DataFrame) -> FloatArray | None:
    """Numeric columns standardised, gaps filled by the median; None: there is no such column.

    Returns:
        Shape (n_rows, n_numeric).
    """
    parts = []
    for name in frame.columns:
        values = as_number(frame[name])
        if values is not None and np.isfinite(values).any():
            parts.append(_standard(_filled(values)))
    kept = [part for part in parts if part.any()]
    return np.column_stack(kept) if kept else None


def sensible(frame: pd.DataFrame) -> FloatArray:
    """Every column in the form a careful user would give it; ids are left out.

    Skewed positive numbers by their logarithm, all numbers standardised, gaps filled by the median and told beside;
    hours as circles, dates without hours as elapsed time; up to 30 values one-hot, each standardised and divided by √2;
    more of them as −log of their frequency.

    Returns:
        Shape (n_rows, n_features); one column of zeros where nothing is left.
    """
    parts = [part for name in frame.columns for part in _columns(str(name), frame[name]) if part.any()]
    return np.column_stack(parts) if parts else np.zeros((len(frame), 1))


def _columns(name: str, column: pd.Series[Any]) -> list[FloatArray]:
    if (moments := as_time(column)) is not None:
        return _time(moments)
    values = as_number(column)
    if values is not None:
        gaps = ~np.isfinite(values)
        return [] if _is_id(name, values) else [_standard(_number(values)), _standard(gaps.astype(np.float64)) / _ROOT]
    return _category(column)


def as_number(column: pd.Series[Any]) -> FloatArray | None:
    """A numeric column, or one of text whose cells are nearly all numbers; NaN where there is none."""
    if pd.api.types.is_bool_dtype(column) or pd.api.types.is_numeric_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)
    if pd.api.types.is_datetime64_any_dtype(column):
        return None
    text = column.map(str, na_action="ignore").fillna("").str.strip()
    told = (text != "").to_numpy()
    found = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    if not told.any() or np.isfinite(found[told]).mean() < _PARSED:
        return None
    return np.where(np.isfinite(found), found, np.nan)


def as_time(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """A column of dates, or one of text whose cells are nearly all dates; NaT where there is none."""
    if pd.api.types.is_datetime64_any_dtype(column):
        plain: pd.Series[Any] = column.dt.tz_localize(None)
        return plain
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return None
    text = column.map(str, na_action="ignore").fillna("").str.strip()
    told = text[text != ""]
    # Digits alone, or words, are no dates, whatever a parser makes of them.
    if not len(told) or told.str.contains(r"\d{1,4}[-/.]\w{1,3}[-/.]\d{2,4}|\d:\d\d", regex=True).mean() < _PARSED:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pd.to_datetime(told, errors="coerce", format="mixed", utc=True).dt.tz_localize(None)
    return found.reindex(column.index) if found.notna().mean() >= _PARSED else None


def _time(moments: pd.Series[Any]) -> list[FloatArray]:
    hours = ((moments - moments.dt.normalize()).dt.total_seconds() / 3600).to_numpy(dtype=np.float64)
    if np.isfinite(hours).any() and np.nanmax(hours) > np.nanmin(hours):
        angle = 2 * np.pi * _filled(hours) / 24
        return [_standard(np.sin(angle)) / _ROOT, _standard(np.cos(angle)) / _ROOT]
    days = (moments - moments.min()).dt.total_seconds().to_numpy(dtype=np.float64) / 86400
    return [_standard(_filled(days))]


def _number(values: FloatArray) -> FloatArray:
    filled = _filled(values)
    if filled.min() >= 0 and skewness(filled) > _SKEWED:
        return np.asarray(np.log1p(filled))
    return filled


def skewness(values: FloatArray) -> float:
    """Third standardised moment; 0 where nothing varies."""
    return float(np.mean(_standard(values) ** 3))


def _is_id(name: str, values: FloatArray) -> bool:
    """Whole numbers that differ from row to row and are called an id, or count the rows."""
    known = values[np.isfinite(values)]
    if not len(known) or (known != np.round(known)).any() or len(np.unique(known)) < _ID * len(known):
        return False
    return bool(_NAMED_ID.search(name)) or bool((np.diff(known) == 1).mean() > _ID)


def _category(column: pd.Series[Any]) -> list[FloatArray]:
    values = column.map(str, na_action="ignore").fillna("").to_numpy()
    codes, levels = pd.factorize(values)
    if len(levels) >= _ID * len(values):
        return []
    if len(levels) <= MOST_ONE_HOT:
        return [_standard((codes == code).astype(np.float64)) / _ROOT for code in range(len(levels))]
    counts = np.bincount(codes)
    return [_standard(-np.log(counts[codes] / len(codes)))]


def _filled(values: FloatArray) -> FloatArray:
    gaps = ~np.isfinite(values)
    return np.where(gaps, 0.0 if gaps.all() else np.median(values[~gaps]), values)


def _standard(values: FloatArray) -> FloatArray:
    """Centred and of unit variance; zeros where nothing varies."""
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 and np.isfinite(spread) else np.zeros_like(values)
