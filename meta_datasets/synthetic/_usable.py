"""The columns of a real table that anomalies can be planted in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Cells, Draft
from pynomaly_auto.errors import InvalidInputError, SettingError
from pynomaly_auto.records import FloatArray, IntArray

MOST_CLASSES = 30
FEWEST_PLANTED = 3  # rows, below which a table says nothing of who finds them
_BINS = 8  # classes that a numeric column is cut into
_MOST_DISTINCT = 0.5  # a text column with more distinct values than this share of its rows is a name
_FEWEST_KNOWN = 0.5
_HIGHEST_RATE = 0.2  # a larger share is no anomaly any more
_FEWEST_MOMENTS = 12  # times of day, below which a column holds dates
_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S")
_SAME = 0.99  # of a text column's values must come out again as they were written


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """A column of times of day.

    Args:
        values: As datetime64[s], shape (n_rows,).
        form: How they are written, where they are text.
    """

    values: Cells
    form: str | None = None

    def written(self, values: Cells) -> Cells:
        """Other times as the column has them."""
        if self.form is None:
            return values
        return np.array(pd.DatetimeIndex(values).strftime(self.form), dtype=object)


@dataclass(frozen=True, kw_only=True, eq=False)
class Usable:
    """A table under change, and what its columns hold before anything is planted.

    Args:
        draft: The table.
        codes: Columns as integer classes, -1 for missing cells, each of shape (n_rows,).
        numbers: The numeric ones as they are.
        times: The columns that hold times of day.
    """

    draft: Draft
    codes: Mapping[str, IntArray]
    numbers: Mapping[str, FloatArray]
    times: Mapping[str, Times]

    @property
    def categories(self) -> list[str]:
        """Columns of few classes that are no numbers."""
        return [c for c, codes in self.codes.items() if c not in self.numbers and 2 <= codes.max() + 1 <= MOST_CLASSES]


def usable(table: pd.DataFrame, seed: int, rate: float, name: str, fewest: int) -> Usable:
    """Read a table's columns; what is nearly constant, a name or mostly missing is left alone.

    Args:
        table: Its ordinary rows.
        seed: Of everything that is drawn.
        rate: Planted rows as a share of the rows, in (0, 0.2].
        name: Part of the seed.
        fewest: Rows that are needed.

    Raises:
        SettingError: The rate or the seed cannot be used.
        InvalidInputError: There are too few rows.
    """
    if not 0.0 < rate <= _HIGHEST_RATE or seed < 0:
        raise SettingError(
            f"the rate {rate!r} with the seed {seed!r} cannot be used.",
            where=name,
            fix=f"A rate above 0 and up to {_HIGHEST_RATE}, a seed from 0.",
        )
    if len(table) < fewest:
        raise InvalidInputError(f"{len(table)} rows are too few to plant in.", fix=f"At least {fewest}.")
    frame = table.set_axis([str(column) for column in table.columns], axis=1)
    codes: dict[str, IntArray] = {}
    numbers: dict[str, FloatArray] = {}
    times: dict[str, Times] = {}
    for column in frame.columns:
        values = frame[column]
        if (found := _times(values)) is not None:
            times[column] = found
        elif pd.api.types.is_datetime64_any_dtype(values):
            continue
        elif pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            plain = values.to_numpy(dtype=np.float64, na_value=np.nan)
            known = plain[np.isfinite(plain)]
            if len(known) > _FEWEST_KNOWN * len(plain) and np.ptp(known) > 0:
                numbers[column], codes[column] = plain, binned(plain)
        else:
            classes, levels = pd.factorize(values.map(str, na_action="ignore"), sort=True)
            if 1 < len(levels) <= _MOST_DISTINCT * len(frame):
                codes[column] = classes.astype(np.int64)
    rng = np.random.default_rng([seed, *name.encode()])
    return Usable(draft=Draft(frame, rng), codes=codes, numbers=numbers, times=times)


def _times(values: pd.Series[Any]) -> Times | None:
    """A column's times of day, if it has any that vary."""
    form: str | None = None
    parsed = values
    if not pd.api.types.is_datetime64_any_dtype(values):
        text = values.dropna().map(str)
        for form in _FORMS:
            parsed = pd.to_datetime(text, format=form, errors="coerce")
            if len(text) and (parsed.dt.strftime(form) == text).mean() >= _SAME:
                break
        else:
            return None
        parsed = parsed.reindex(values.index)
    elif values.dt.tz is not None:
        return None
    if (parsed - parsed.dt.normalize()).nunique() < _FEWEST_MOMENTS:
        return None
    return Times(values=parsed.to_numpy().astype("datetime64[s]"), form=form)


def binned(values: FloatArray) -> IntArray:
    """Classes of about equal size, -1 where there is no number; a column of few values keeps them all."""
    known = np.isfinite(values)
    levels = np.unique(values[known])
    if len(levels) > 2 * _BINS:
        levels = np.unique(np.quantile(values[known], np.arange(1, _BINS) / _BINS))
    # From 0, as the lowest class may be empty: nothing lies below the smallest of few values.
    classes = np.searchsorted(levels, np.where(known, values, levels[0]), side="right")
    classes = classes - classes.min()
    return np.where(known, classes, -1).astype(np.int64)
