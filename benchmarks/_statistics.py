"""Comparing methods over many tables: intervals, ranks and tests. Tables of one group count as one witness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from pynomaly_auto.records import FloatArray

REPEATS = 2000
_SAME = 1e-9  # differences up to this are ties
Names = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean with its 95 % bootstrap interval; no ends where there is one group only."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Ours beside one other method, over the tables that both finished.

    Args:
        tables: How many those are.
        difference: Ours minus theirs.
        wins: Tables on which ours is better.
        p: Two-sided Wilcoxon signed rank over the groups' mean differences; 1 where nothing differs.
    """

    tables: int
    difference: Interval
    wins: int
    ties: int
    losses: int
    p: float


def bootstrap_mean(values: FloatArray, groups: Names, *, repeats: int = REPEATS, seed: int = 0) -> Interval:
    """Mean over tables; the interval comes from drawing whole groups with replacement (percentiles 2.5 and 97.5).

    Args:
        values: One per table, NaN where there is none; shape (n_tables,).
        groups: Group of each table.
    """
    known = np.isfinite(values)
    if not known.any():
        return Interval(mean=np.nan, low=np.nan, high=np.nan)
    _, at = np.unique(groups[known].astype(str), return_inverse=True)
    counts = np.bincount(at).astype(np.float64)
    sums = np.bincount(at, weights=values[known])
    n = len(counts)
    if n == 1:
        return Interval(mean=float(sums[0] / counts[0]), low=np.nan, high=np.nan)
    drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / n), size=repeats)
    means = (drawn @ sums) / (drawn @ counts)
    low, high = np.percentile(means, [2.5, 97.5])
    return Interval(mean=float(sums.sum() / counts.sum()), low=float(low), high=float(high))


def compare(ours: FloatArray, theirs: FloatArray, groups: Names) -> Comparison:
    """Put two methods side by side.

    Args:
        ours: Quality per table, NaN where it failed; shape (n_tables,).
        theirs: The same of the other method.
        groups: Group of each table.
    """
    gaps = ours - theirs
    known = np.isfinite(gaps)
    found = gaps[known]
    return Comparison(
        tables=int(known.sum()),
        difference=bootstrap_mean(gaps, groups),
        wins=int((found > _SAME).sum()),
        ties=int((np.abs(found) <= _SAME).sum()),
        losses=int((found < -_SAME).sum()),
        p=signed_rank(by_group(found[:, None], groups[known])[:, 0]),
    )


def by_group(values: FloatArray, groups: Names) -> FloatArray:
    """Mean of each group's rows; shape (n_groups, n_columns), groups in the order of their names."""
    _, at = np.unique(groups.astype(str), return_inverse=True)
    n = int(at.max()) + 1 if len(at) else 0
    out = np.zeros((n, values.shape[1]))
    np.add.at(out, at, values)
    return out / np.bincount(at, minlength=n)[:, None]


def signed_rank(gaps: FloatArray) -> float:
    """Two-sided p of Wilcoxon's signed rank test; zeros are split between both sides (Demšar, JMLR 2006)."""
    gaps = np.where(np.abs(gaps) <= _SAME, 0.0, gaps)
    if not len(gaps) or not gaps.any():
        return 1.0
    return float(stats.wilcoxon(gaps, zero_method="zsplit").pvalue)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's (1979) step-down correction: p values that may be compared with the level of the whole family."""
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    out = np.empty(len(values))
    out[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return [float(v) for v in out]


def ranks(values: FloatArray) -> FloatArray:
    """Rank of each method on each row, 1 = highest value; ties share their middle rank; shape as given."""
    return np.asarray(stats.rankdata(-values, axis=1), dtype=np.float64)


def mean_ranks(values: FloatArray, groups: Names) -> FloatArray:
    """Mean rank of each method over the groups' mean qualities; shape (n_methods,)."""
    if not len(values):
        return np.full(values.shape[1], np.nan)
    return np.asarray(ranks(by_group(values, groups)).mean(axis=0), dtype=np.float64)


def friedman(values: FloatArray) -> float:
    """P of Friedman's test that all methods are alike; 1 with fewer than 3 methods or 2 rows, or when nothing differs.

    Args:
        values: Quality; shape (n_rows, n_methods).
    """
    if values.shape[1] < 3 or len(values) < 2 or not np.ptp(values, axis=1).any():
        return 1.0
    return float(stats.friedmanchisquare(*values.T).pvalue)


def critical_difference(methods: int, rows: int, level: float = 0.05) -> float:
    """Nemenyi's critical difference of mean ranks (Demšar, JMLR 2006): q · √(k (k + 1) / 6 N).

    Args:
        methods: k, at least 2.
        rows: N, at least 1.
    """
    q = float(stats.studentized_range.ppf(1.0 - level, methods, np.inf)) / np.sqrt(2.0)
    return float(q * np.sqrt(methods * (methods + 1) / (6.0 * rows)))


def cliques(mean: FloatArray, difference: float) -> list[tuple[int, int]]:
    """Longest runs of methods, in ascending mean rank, no two of which are further apart than the critical difference.

    Args:
        mean: Ascending mean ranks; shape (n_methods,).

    Returns:
        First and last position of each run of at least two, none inside another.
    """
    out: list[tuple[int, int]] = []
    for first in range(len(mean)):
        last = int(np.flatnonzero(mean - mean[first] <= difference)[-1])
        if last > first and (not out or last > out[-1][1]):
            out.append((first, last))
    return out
