"""Which labelled rows are judged by what was learned from which others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto.records import FloatArray, IntArray

N_FOLDS = 5
_MANY, _FEWER_FOLDS = 10_000, 3  # of so many labels a part says enough
_FEWEST = 2  # of either class, so that both can be on both sides


@dataclass(frozen=True, kw_only=True, eq=False)
class Kinship:
    """What rows have in common, so that none is judged by what was learned from its kin.

    Args:
        groups: Rows of one group stand on one side; shape (n_rows,), or None.
        moments: Rows are judged by what was learned from earlier ones; shape (n_rows,), NaN: not known; or None.
    """

    groups: IntArray | None = field(default=None, repr=False)
    moments: FloatArray | None = field(default=None, repr=False)

    def of(self, rows: IntArray) -> Kinship:
        """Of some rows alone."""
        return Kinship(
            groups=None if self.groups is None else self.groups[rows],
            moments=None if self.moments is None else self.moments[rows],
        )


def splits(target: FloatArray, kinship: Kinship, *, seed: int) -> tuple[list[tuple[IntArray, IntArray]], str]:
    """Rows to learn from and rows to judge, again and again, and how they were parted in words.

    Groups come before time: whoever names groups knows what leaks. In time order the first rows are never judged.

    Args:
        target: 1 for an anomaly, 0 for a normal row; shape (n,).
        kinship: Of these rows.
        seed: Of the parting.

    Returns:
        Nothing to judge where a class has too few rows.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    fewest = int(min(target.sum(), len(target) - target.sum()))
    if fewest < _FEWEST:
        return [], "not measured: too few labels of one kind"
    n = min(N_FOLDS if len(target) < _MANY else _FEWER_FOLDS, fewest)
    rows: Any = np.zeros(len(target))
    if kinship.groups is not None:
        n = min(n, len(np.unique(kinship.groups)))
        if n < 2:
            return [], "not measured: all labels are of one group"
        parts = list(StratifiedGroupKFold(n, shuffle=True, random_state=seed).split(rows, target, kinship.groups))
        return _usable(parts, target), f"cross-validated in {n} parts, none of which shares a group with another"
    if kinship.moments is not None and np.isfinite(kinship.moments).all():
        found = _in_time(kinship.moments, target, N_FOLDS)
        if found:
            return found, "each row judged by what was learned from earlier ones"
    parts = list(StratifiedKFold(n, shuffle=True, random_state=seed).split(rows, target))
    return _usable(parts, target), f"cross-validated in {n} parts of like shares"


def _in_time(moments: FloatArray, target: FloatArray, n: int) -> list[tuple[IntArray, IntArray]]:
    """Blocks of rows in time, each judged by all before it; rows of one moment stay together."""
    order = np.argsort(moments, kind="stable")
    cuts = np.linspace(0, len(order), n + 2).astype(int)[1:-1]
    cuts = np.unique(np.searchsorted(moments[order], moments[order][cuts], side="left"))
    ends = [*cuts[1:], len(order)]
    return _usable([(order[:a], order[a:b]) for a, b in zip(cuts, ends, strict=True) if b > a], target)


def _usable(parts: list[tuple[Any, Any]], target: FloatArray) -> list[tuple[IntArray, IntArray]]:
    """Those that have both kinds of rows to learn from."""
    return [(a, b) for a, b in parts if len(b) and 0 < target[a].sum() < len(a)]
