"""Choosing one detector by the tables most like this one, as published meta-learners do.

Both look at tables of other groups only. MetaOD (Zhao, Rossi and Akoglu, NeurIPS 2021) likens tables by meta-features,
ELECT (Zhao, Zhang and Akoglu, ICDM 2022) by how internal performance measures order the detectors. Neither is their
code: both are reduced to nearest neighbours over all measured tables, which serves every choice here alike.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from pynomaly_auto.models import Scaling
from pynomaly_auto.records import FloatArray

NEAREST = 10
Names = np.ndarray[Any, Any]


def by_meta_features(tasks: pd.DataFrame, quality: FloatArray, *, nearest: int = NEAREST) -> list[int | None]:
    """For each table the detector with the best mean rank on the nearest tables in scaled meta-feature space.

    Args:
        tasks: Columns ``mf_…`` and ``group``; one row per table.
        quality: Of each detector on each table, NaN where it failed; shape (n_tables, n_detectors).
        nearest: How many tables of other groups are asked.

    Returns:
        Position of the chosen detector; None where no table of another group is comparable.
    """
    space = Scaling.of(tasks)
    points = space.points(tasks)
    far = np.stack([space.distances(point, points) for point in points])
    return _choose(far, tasks["group"].to_numpy(dtype=object), quality, nearest)


def by_internal_measures(
    statistics: FloatArray, groups: Names, quality: FloatArray, *, nearest: int = NEAREST
) -> list[int | None]:
    """The same by agreement of internal measures: tables on which each measure orders the detectors alike are near.

    Args:
        statistics: Of each detector's scores on each table, NaN where it failed; shape
            (n_tables, n_detectors, n_measures).
        groups: Group of each table.
        quality: As by `by_meta_features`.
        nearest: How many tables of other groups are asked.
    """
    signatures = np.stack([_signature(table) for table in statistics])
    return _choose(-(signatures @ signatures.T), groups, quality, nearest)


def _signature(table: FloatArray) -> FloatArray:
    """Ranks of the detectors by each measure, centred and of length 1 each: products are Spearman correlations."""
    out = np.zeros(table.shape)
    for j, column in enumerate(table.T):
        known = np.isfinite(column)
        if known.sum() > 2:
            ranked = rankdata(column[known]) - (known.sum() + 1) / 2.0
            length = np.linalg.norm(ranked)
            out[known, j] = ranked / length if length > 0 else 0.0
    return np.asarray(out.ravel() / np.sqrt(max(table.shape[1], 1)), dtype=np.float64)


def _choose(distance: FloatArray, groups: Names, quality: FloatArray, nearest: int) -> list[int | None]:
    # A detector that fails is last there; one that failed on the table itself cannot be chosen, as one would notice.
    placed = rankdata(-np.nan_to_num(quality, nan=-1.0), axis=1)
    out: list[int | None] = []
    for i, row in enumerate(distance):
        others = np.flatnonzero((groups != groups[i]) & np.isfinite(row))
        usable = np.isfinite(quality[i])
        if not len(others) or not usable.any():
            out.append(None)
            continue
        near = others[np.argsort(row[others], kind="stable")[:nearest]]
        mean = np.where(usable, placed[near].mean(axis=0), np.inf)
        out.append(int(np.argmin(mean)))
    return out
