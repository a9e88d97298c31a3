"""The vocabulary that building and reading share: model inputs and distances, both aligned by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from pynomaly_auto.models._aligned import aligned
from pynomaly_auto.records import FloatArray

META = "mf_"  # prefix of a meta-feature's column in the tasks table
STATISTIC = "st_"  # prefix of a score statistic's column in the results table
_DETECTOR, _FAMILY, _DEFAULT = "detector=", "family=", "is_default"
_ENOUGH = 0.5  # share of the scaled meta-features that must be there for a distance to mean anything


def design_matrix(
    features: Sequence[str], rows: pd.DataFrame, detectors: Sequence[str], families: Sequence[str]
) -> FloatArray:
    """Design matrix of a model: its inputs in the order of their names; what is not there is NaN.

    Args:
        features: Input names: ``mf_…``, ``st_…``, ``is_default``, ``detector=…``, ``family=…``.
        rows: Columns by name (meta-features, statistics); shape (n, any).
        detectors: Detector of each row.
        families: Family of each row.

    Returns:
        Shape (n, n_features).
    """
    wanted = set(features)
    values = {c: rows[c].to_numpy(dtype=np.float64, na_value=np.nan) for c in rows.columns if c in wanted}
    out = aligned(features, values, len(rows))
    _tell_apart(out, features, detectors, families)
    return out


def input_rows(
    features: Sequence[str], values: Mapping[str, float], detectors: Sequence[str], families: Sequence[str]
) -> FloatArray:
    """The same for several detectors on one table: all else is alike in every row; shape (n, n_features)."""
    out = aligned(features, values, len(detectors))
    _tell_apart(out, features, detectors, families)
    return out


def _tell_apart(X: FloatArray, features: Sequence[str], detectors: Sequence[str], families: Sequence[str]) -> None:
    """Fill in the inputs that say which detector a row is of."""
    known = {_DETECTOR: np.asarray(detectors, dtype=object), _FAMILY: np.asarray(families, dtype=object)}
    for j, name in enumerate(features):
        for kind, names in known.items():
            if name.startswith(kind):
                X[:, j] = names == name[len(kind) :]


def input_names(
    meta: Sequence[str], statistics: Sequence[str], detectors: Sequence[str], families: Sequence[str]
) -> tuple[str, ...]:
    """Names of the inputs of a model over (table, detector) pairs."""
    return (
        *meta, *statistics, _DEFAULT, *(_DETECTOR + d for d in sorted(set(detectors))),
        *(_FAMILY + f for f in sorted(set(families))),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Scaled meta-feature space: asinh((x - centre) / spread), so that counts and ratios weigh alike.

    Args:
        names: Meta-features used, without prefix.
        centre: Median over the known tables.
        spread: Interquartile range over the known tables, or their deviation where that is 0.
        typical: Median distance of a known table to its nearest known one of another group.
        far: 90 % quantile of the same.
    """

    names: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    typical: float = 0.0
    far: float = 0.0

    @classmethod
    def of(cls, tasks: pd.DataFrame) -> Scaling:
        """Learn the space from the tasks table (columns ``mf_…`` and ``group``)."""
        names, centre, spread = [], [], []
        for column in tasks.columns:
            if not column.startswith(META):
                continue
            values = tasks[column].to_numpy(dtype=np.float64, na_value=np.nan)
            values = values[np.isfinite(values)]
            if len(values) < max(2, len(tasks) / 2):
                continue
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
            width = float(high - low) or float(values.std())
            if width > 1e-12 * max(1.0, abs(float(middle))):
                names.append(column[len(META) :])
                centre.append(float(middle))
                spread.append(width)
        space = cls(names=tuple(names), centre=tuple(centre), spread=tuple(spread))
        known = space.points(tasks)
        groups = tasks["group"].to_numpy(dtype=object)
        nearest = []
        for i in range(len(known)):
            others = space.distances(known[i], known[groups != groups[i]])
            if np.isfinite(others).any():
                nearest.append(float(np.nanmin(others)))
        typical, far = np.quantile(nearest, [0.5, 0.9]) if nearest else (0.0, 0.0)
        return cls(names=space.names, centre=space.centre, spread=space.spread, typical=float(typical), far=float(far))

    def points(self, tasks: pd.DataFrame) -> FloatArray:
        """Place tables in the space; shape (n_tables, n_names), NaN where a meta-feature is missing."""
        columns = [
            tasks[META + name].to_numpy(dtype=np.float64, na_value=np.nan)
            if META + name in tasks.columns
            else np.full(len(tasks), np.nan)
            for name in self.names
        ]
        return self._scaled(np.column_stack(columns) if columns else np.empty((len(tasks), 0)))

    def place(self, meta_features: Mapping[str, float]) -> FloatArray:
        """Place one table in the space; shape (n_names,)."""
        return self._scaled(np.array([float(meta_features.get(name, np.nan)) for name in self.names]))

    def _scaled(self, raw: FloatArray) -> FloatArray:
        raw = np.where(np.isfinite(raw), raw, np.nan)
        return np.asarray(np.arcsinh((raw - np.asarray(self.centre)) / np.asarray(self.spread)), dtype=np.float64)

    def distances(self, point: FloatArray, known: FloatArray) -> FloatArray:
        """Root mean squared difference over the meta-features both have; NaN where too few are shared."""
        if not self.names or not len(known):
            return np.full(len(known), np.nan)
        gaps = (known - point) ** 2
        shared = np.isfinite(gaps)
        count = shared.sum(axis=1)
        total = np.where(shared, gaps, 0.0).sum(axis=1)
        return np.where(count >= _ENOUGH * len(self.names), np.sqrt(total / np.maximum(count, 1)), np.nan)

    def confidence(self, distance: float) -> float:
        """How much is known of a table at that distance: 1 close by, 1/2 at ``far``, towards 0 beyond."""
        if not np.isfinite(distance) or self.far <= 0:
            return 0.0
        return float(1.0 / (1.0 + (distance / self.far) ** 4))
