"""Records of the data: columns, the encoded data set, the profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from pynomaly_auto.records._base import FloatArray, Reason, plain
from pynomaly_auto.records._evidence import CellLayout

ColumnKind: TypeAlias = Literal[
    "numeric", "boolean", "categorical", "high_cardinality", "text", "datetime", "timedelta",
    "identifier", "entity", "constant", "duplicate", "empty", "ignored",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the user's table and what became of it.

    Args:
        name: The user's name of it (numbers for arrays: ``"x0"``).
        kind: What it was taken for.
        n_missing: Cells without a value.
        n_unique: Distinct values.
        n_infinite: Cells with plus or minus infinity.
        features: Names of the encoded features made of it; empty: left out.
    """

    name: str
    kind: ColumnKind
    n_missing: int = 0
    n_unique: int = 0
    n_infinite: int = 0
    features: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Dataset:
    """A table made ready for detectors.

    Args:
        X: Encoded rows, float64, finite, standardised; shape (n_rows, n_features).
        features: Name of each encoded feature.
        sources: Position in ``columns`` of the column each feature came from.
        columns: The user's columns.
        row_labels: The user's row labels, shape (n_rows,): the index of a data frame, else 0, 1, ...
        missing_share: Share of missing cells per row, shape (n_rows,).
        kind: What the data is; only ``"table"`` so far.
        reasons: What was done to which column, and why.
        evidence: What cell detectors say of the rows' cells, in bits; shape (n_rows, n_cell_features); None: nobody
            was asked.
        layout: Which detector says it of which column.
    """

    X: FloatArray = field(repr=False)
    features: tuple[str, ...]
    sources: tuple[int, ...]
    columns: tuple[Column, ...]
    row_labels: np.ndarray[Any, Any] = field(repr=False)
    missing_share: FloatArray = field(repr=False)
    kind: str = "table"
    reasons: tuple[Reason, ...] = ()
    evidence: FloatArray | None = field(default=None, repr=False)
    layout: CellLayout | None = None

    @property
    def rows(self) -> FloatArray:
        """What a fitted ensemble scores: the encoded features, then the evidence; shape (n_rows, n_all_features)."""
        return self.X if self.evidence is None else np.hstack([self.X, self.evidence])

    @property
    def row_sources(self) -> tuple[int, ...]:
        """Position in ``columns`` of the column that each of a row's features is about."""
        return self.sources + (() if self.layout is None else self.layout.columns)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.X.shape[0])

    @property
    def n_features(self) -> int:
        """Number of encoded features."""
        return int(self.X.shape[1])


@dataclass(frozen=True, kw_only=True)
class Size:
    """How large the table is."""

    rows: int
    columns: int
    features: int
    category: Literal["small", "medium", "large", "very_large"]
    dimensionality: Literal["low", "medium", "high", "very_high"]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How clean the table is; shares in [0, 1]."""

    missing: float
    duplicates: float
    outliers: float
    noise: float
    consistency: float


@dataclass(frozen=True, kw_only=True)
class Distributions:
    """How many encoded features have which shape (a feature may count under several)."""

    gaussian: int
    skewed: int
    uniform: int
    heavy_tailed: int
    discrete: int


@dataclass(frozen=True, kw_only=True)
class Patterns:
    """Structure between columns, between rows, and along time."""

    max_correlation: float
    mean_correlation: float
    correlated_pairs: int
    clusters: int
    cluster_separation: float
    temporal: bool
    time_column: str | None = None
    trend: float | None = None
    seasonality: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AnomalyHints:
    """What the raw distances say about anomalies before any detector ran; shares in [0, 1]."""

    share_estimate: float
    global_share: float
    local_share: float
    tail_heaviness: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What is known of a table before anything is fitted.

    Args:
        types: Column kind to number of columns.
        complexity: ``"simple"``, ``"moderate"`` or ``"complex"``.
        meta_features: Name to value; NaN where a meta-feature does not apply.
        seconds: CPU seconds per meta-feature.
        sampled_rows: Rows the profile was computed on.
    """

    size: Size
    types: Mapping[str, int]
    quality: Quality
    distributions: Distributions
    patterns: Patterns
    complexity: Literal["simple", "moderate", "complex"]
    hints: AnomalyHints
    meta_features: Mapping[str, float]
    seconds: Mapping[str, float] = field(repr=False)
    sampled_rows: int
    reasons: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
