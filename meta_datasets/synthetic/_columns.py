"""The columns a prior is fitted to: a real table's normal rows as numbers, without gaps, codes kept apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import FloatArray

FEWEST_ROWS = 50
_MOST_COLUMNS = 60  # of wider tables a random part is taken: beyond, fits take long and teach nothing new
_MOST_VALUES = 20  # distinct values up to which a column counts as discrete
_TIES = 0.2  # a numeric column with fewer distinct values than this share of its rows counts as discrete, up to:
_MOST_TIED = 100
_NEARLY_ALL = 0.5  # a text column with more distinct values than this share of its rows is a name, not a kind
_MOST_MISSING = 0.9


@dataclass(frozen=True, kw_only=True, eq=False)
class Columns:
    """Normal rows to fit to.

    Args:
        values: Without gaps, shape (n_rows, n_columns).
        levels: For every column its distinct values, sorted, if it is discrete; else None.
        missing: Share of missing cells by column, shape (n_columns,).
    """

    values: FloatArray
    levels: tuple[FloatArray | None, ...]
    missing: FloatArray

    def snap(self, X: FloatArray) -> FloatArray:
        """Rows with every discrete column moved to its nearest level."""
        out = np.array(X, dtype=np.float64)
        for j, levels in enumerate(self.levels):
            if levels is not None:
                middles = (levels[1:] + levels[:-1]) / 2
                out[:, j] = levels[np.searchsorted(middles, out[:, j])]
        return out


def read_columns(table: pd.DataFrame, rng: np.random.Generator) -> Columns:
    """Make a table's normal rows ready to be fitted to.

    Text becomes codes in the order of frequency; gaps are filled with values drawn from the rest of their column, and
    their share is remembered; columns of names, and those that are all but empty, are left out.

    Raises:
        InvalidInputError: Too few rows, or no column that varies.
    """
    if len(table) < FEWEST_ROWS:
        raise InvalidInputError(f"{len(table)} normal rows are too few to fit to, at least {FEWEST_ROWS} are needed.")
    columns, levels, missing = [], [], []
    # Twice as many as wanted, as some will be of no use.
    order = rng.permutation(table.shape[1])[: 2 * _MOST_COLUMNS]
    for position in np.sort(order):
        values = _numbers(table.iloc[:, position])
        if values is None:
            continue
        known = values[np.isfinite(values)]
        if len(known) < (1 - _MOST_MISSING) * len(values):
            continue
        gaps = ~np.isfinite(values)
        values[gaps] = rng.choice(known, int(gaps.sum()))
        columns.append(values)
        levels.append(_levels(known))
        missing.append(float(gaps.mean()))
    columns, levels, missing = columns[:_MOST_COLUMNS], levels[:_MOST_COLUMNS], missing[:_MOST_COLUMNS]
    if not any(level is None or len(level) > 1 for level in levels):
        raise InvalidInputError("no column varies over the normal rows.")
    return Columns(values=np.column_stack(columns), levels=tuple(levels), missing=np.array(missing))


def _numbers(column: pd.Series[Any]) -> FloatArray | None:
    """A column in double precision with NaN where it is missing; None: nothing that could be fitted to."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan).copy()
        # Sentinels near the limits of single precision would make every other value of their column one and the same.
        values[np.abs(values) > 1e30] = np.nan
        return values
    if pd.api.types.is_datetime64_any_dtype(column):
        return column.to_numpy().astype("datetime64[s]").astype(np.float64)
    known = column.dropna().astype(str)
    counts = known.value_counts()
    if len(counts) > max(2, _NEARLY_ALL * len(known)):
        return None
    codes = {value: float(i) for i, value in enumerate(counts.index)}
    return np.array([codes.get(str(v), np.nan) if pd.notna(v) else np.nan for v in column])


def _levels(known: FloatArray) -> FloatArray | None:
    distinct = np.unique(known)
    tied = len(distinct) <= min(_MOST_TIED, _TIES * len(known))
    return distinct if len(distinct) <= _MOST_VALUES or tied else None
