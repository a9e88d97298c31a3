"""Corruptions: what happens to tables on their way to us. Rows stay where they are, so that labels stay true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pynomaly_auto.records import FloatArray, IntArray

Function: TypeAlias = Callable[[pd.DataFrame, IntArray, float, np.random.Generator], pd.DataFrame]
Shape: TypeAlias = Literal["log", "exp", "rank"]
_FEW = (
    10  # distinct values up to which a numeric column counts as codes, which noise or rounding would turn into others
)


@dataclass(frozen=True, kw_only=True)
class Corruption:
    """One way of spoiling a table.

    Args:
        name: What it is asked for by.
        function: Takes the table, its labels, the strength and a generator; returns a table of as many rows.
        strength: Taken where none is asked for.
        low: Least strength.
        high: Greatest strength.
        summary: What it does, and what the strength means.
    """

    name: str
    function: Function
    strength: float
    low: float
    high: float
    summary: str


def add_noise(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Add Gaussian noise to continuous columns, with ``strength`` times the column's standard deviation."""

    def noisy(values: FloatArray) -> FloatArray:
        return values + strength * _spread(values) * rng.normal(size=len(values))

    return _changed(table, _continuous(table), noisy)


def add_irrelevant(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Add columns that say nothing: shuffled copies of ``strength`` times as many columns of the table."""
    count = max(1, round(strength * table.shape[1]))
    chosen = rng.choice(table.shape[1], count, replace=count > table.shape[1])
    taken, added = {str(c) for c in table.columns}, []
    for i, position in enumerate(chosen):
        name = f"irrelevant{i}"
        while name in taken:
            name += "_"
        taken.add(name)
        column = table.iloc[rng.permutation(len(table)), position]
        added.append(column.set_axis(table.index).rename(name))
    grown: pd.DataFrame = pd.concat([table, *added], axis=1)
    return grown


def duplicate_normals(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Replace a share of the normal rows by copies of normal rows that are kept."""
    normal = rng.permutation(np.flatnonzero(labels == 0))
    count = min(round(strength * len(normal)), len(normal) - 1)
    if count < 1:
        return table
    source = np.arange(len(table))
    source[normal[:count]] = rng.choice(normal[count:], count)
    return table.iloc[source].set_axis(table.index)


def drop_cells(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Empty a share of the cells at random; no row loses all of its cells."""
    empty = rng.random(table.shape) < strength
    known = table.notna().to_numpy()
    bare = np.flatnonzero(~(known & ~empty).any(axis=1) & known.any(axis=1))
    for row in bare:
        empty[row, rng.choice(np.flatnonzero(known[row]))] = False
    return table.mask(empty)


def distort(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Bend a share of the numeric columns monotonically: by log, exp or rank, drawn for each."""
    columns = _share_of(_numeric(table), strength, rng)
    shapes = [_SHAPES[i] for i in rng.integers(len(_SHAPES), size=len(columns))]
    out = table
    for column, shape in zip(columns, shapes, strict=True):
        out = _changed(out, [column], lambda values, shape=shape: _bent(values, shape))  # type: ignore[misc]
    return out


def rescale(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Multiply every numeric column by a power of ten, the exponent uniform in ± ``strength``."""
    return _changed(table, _numeric(table), lambda values: values * 10.0 ** rng.uniform(-strength, strength))


def coarsen(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
    """Round continuous columns to steps of 1 / ``strength`` of the range of their middle 90 %."""

    def rounded(values: FloatArray) -> FloatArray:
        low, high = np.nanquantile(values, [0.05, 0.95])
        # Steps of the middle, not of the whole range: one extreme must not make all others equal.
        step = (high - low) / strength
        return low + np.round((values - low) / step) * step if step > 0 else values

    return _changed(table, _continuous(table), rounded)


_SHAPES: tuple[Shape, ...] = ("log", "exp", "rank")


def _bend(shape: Shape) -> Function:
    def bent(table: pd.DataFrame, labels: IntArray, strength: float, rng: np.random.Generator) -> pd.DataFrame:
        columns = _share_of(_numeric(table), strength, rng)
        return _changed(table, columns, lambda values: _bent(values, shape))

    return bent


def _bent(values: FloatArray, shape: Shape) -> FloatArray:
    if shape == "rank":
        return np.where(np.isnan(values), np.nan, rankdata(values, nan_policy="omit"))
    spread = _spread(values)
    if spread == 0:
        return values
    if shape == "log":
        return np.asarray(np.log1p((values - np.nanmin(values)) / spread))
    # Beyond 80 deviations single precision ends; a sample of fewer than 6,400 rows cannot reach that far.
    return np.asarray(np.exp(np.minimum((values - np.nanmean(values)) / spread, 80.0)))


def _spread(values: FloatArray) -> float:
    return float(np.nanstd(values)) if np.isfinite(values).any() else 0.0


def _numeric(table: pd.DataFrame) -> list[int]:
    """Positions of the columns that hold numbers, booleans apart."""
    return [
        i
        for i, kind in enumerate(table.dtypes)
        if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
    ]


def _continuous(table: pd.DataFrame) -> list[int]:
    return [i for i in _numeric(table) if table.iloc[:, i].nunique() > _FEW]


def _share_of(columns: list[int], share: float, rng: np.random.Generator) -> list[int]:
    count = max(1, round(share * len(columns))) if columns else 0
    return sorted(int(c) for c in rng.choice(columns, count, replace=False)) if count else []


def _changed(table: pd.DataFrame, columns: list[int], change: Callable[[FloatArray], FloatArray]) -> pd.DataFrame:
    """The table with some of its numeric columns changed, in double precision."""
    parts: dict[int, Any] = {}
    for i in columns:
        values = table.iloc[:, i].to_numpy(dtype=np.float64, na_value=np.nan)
        if np.isfinite(values).any():
            parts[i] = change(np.where(np.isinf(values), np.nan, values))
    # By position: names of columns need not be unique.
    whole = [pd.Series(parts[i], index=table.index) if i in parts else table.iloc[:, i] for i in range(table.shape[1])]
    return pd.concat(whole, axis=1).set_axis(table.columns, axis=1)


CORRUPTIONS: Mapping[str, Corruption] = {
    c.name: c
    for c in (
        Corruption(
            name="noise", function=add_noise, strength=0.3, low=1e-3, high=10.0,
            summary="Gaussian noise on continuous columns, in standard deviations",
        ),
        Corruption(
            name="irrelevant", function=add_irrelevant, strength=0.5, low=1e-3, high=5.0,
            summary="shuffled copies of columns, as a multiple of the columns there are",
        ),
        Corruption(
            name="duplicates", function=duplicate_normals, strength=0.2, low=1e-3, high=0.9,
            summary="share of the normal rows replaced by copies of others",
        ),
        Corruption(
            name="missing", function=drop_cells, strength=0.1, low=1e-3, high=0.9,
            summary="share of the cells emptied at random",
        ),
        Corruption(
            name="monotone", function=distort, strength=1.0, low=1e-3, high=1.0,
            summary="share of the numeric columns bent by log, exp or rank, drawn for each",
        ),
        Corruption(
            name="log", function=_bend("log"), strength=1.0, low=1e-3, high=1.0,
            summary="share of the numeric columns bent by a logarithm",
        ),
        Corruption(
            name="exp", function=_bend("exp"), strength=1.0, low=1e-3, high=1.0,
            summary="share of the numeric columns bent by an exponential",
        ),
        Corruption(
            name="rank", function=_bend("rank"), strength=1.0, low=1e-3, high=1.0,
            summary="share of the numeric columns replaced by their ranks",
        ),
        Corruption(
            name="scaling", function=rescale, strength=3.0, low=1e-3, high=10.0,
            summary="powers of ten, up to this one or down to its inverse, that numeric columns are multiplied by",
        ),
        Corruption(
            name="rounding", function=coarsen, strength=10.0, low=1.0, high=1000.0,
            summary="steps that the middle 90 % of a continuous column are rounded to",
        ),
    )
}  # fmt: skip
