"""Which labelled rows are judged by what was learned from which others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
        equal: Number of the distinct row that each row is: one tells all of another; shape (n_rows,). None: all differ.
    """

    groups: IntArray | None = field(default=None, repr=False)
    moments: FloatArray | None = field(default=None, repr=False)
    equal: IntArray | None = field(default=None, repr=False)

    def of(self, rows: IntArray) -> Kinship:
        """Of some rows alone."""
        return Kinship(
            groups=None if self.groups is None else self.groups[rows],
            moments=None if self.moments is None else self.moments[rows],
            equal=None if self.equal is None else self.equal[rows],
        )

    def strangers(self, rows: IntArray, judged: IntArray, *, earlier: bool = False) -> IntArray:
        """Those of some rows that are no kin of the ones that are judged.

        Args:
            rows: Positions.
            judged: Positions of the others.
            earlier: Also only those that were before all of these.
        """
        for kind in (self.groups, self.equal):
            if kind is not None:
                rows = rows[~np.isin(kind[rows], kind[judged])]
        if earlier and self.moments is not None and len(judged):
            rows = rows[self.moments[rows] < self.moments[judged].min()]
        return rows


class Judging(NamedTuple):
    """Who judges whom.

    Args:
        parts: Rows to learn from and rows to judge; empty: nothing can be judged.
        how: How they were parted, or why nothing is judged, for a person.
        in_time: Whether every row is judged by earlier ones alone.
    """

    parts: list[tuple[IntArray, IntArray]]
    how: str
    in_time: bool = False


def splits(target: FloatArray, kinship: Kinship, *, seed: int) -> Judging:
    """Rows to learn from and rows to judge, again and again, and how they were parted in words.

    Groups come before time: whoever names groups knows what leaks. In time order the first rows are never judged.
    Whichever it is, no row is judged by what was learned from one that equals it.

    Args:
        target: 1 for an anomaly, 0 for a normal row; shape (n,).
        kinship: Of these rows.
        seed: Of the parting.

    Returns:
        Nothing to judge where a class has too few rows.
    """
    fewest = int(min(target.sum(), len(target) - target.sum()))
    if fewest < _FEWEST:
        return Judging([], "not measured: too few labels of one kind")
    aside = ""
    if kinship.groups is None and kinship.moments is not None and np.isfinite(kinship.moments).all():
        found = _usable(_in_time(kinship.moments, N_FOLDS), target, kinship)
        if found:
            return Judging(found, "each row judged by what was learned from earlier ones", in_time=True)
        aside = (
            "" if len(np.unique(kinship.moments)) < 2 else ", not in time, as too few of one kind came early or late"
        )
    parts, how = _at_random(target, kinship, min(N_FOLDS if len(target) < _MANY else _FEWER_FOLDS, fewest), seed)
    found = _usable(parts, target, kinship)
    if parts and not found:
        return Judging([], "not measured: rows of one kind equal each other or are of one group")
    return Judging(found, how + aside)


def _at_random(target: FloatArray, kinship: Kinship, n: int, seed: int) -> tuple[list[tuple[Any, Any]], str]:
    """Parts of like shares, groups or else equal rows on one side."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    rows: Any = np.zeros(len(target))
    groups, how = kinship.groups, "none of which shares a group with another"
    if groups is None and kinship.equal is not None and len(np.unique(kinship.equal)) < len(target):
        groups, how = kinship.equal, "rows that equal each other in one of them"
    if groups is None:
        return list(StratifiedKFold(n, shuffle=True, random_state=seed).split(rows, target)), (
            f"cross-validated in {n} parts of like shares"
        )
    n = min(n, len(np.unique(groups)))
    if n < 2:
        return [], "not measured: all labels are of one group or of equal rows"
    parts = list(StratifiedGroupKFold(n, shuffle=True, random_state=seed).split(rows, target, groups))
    return parts, f"cross-validated in {n} parts, {how}"


def _in_time(moments: FloatArray, n: int) -> list[tuple[IntArray, IntArray]]:
    """Blocks of rows in time, each judged by all before it; rows of one moment stay together."""
    order = np.argsort(moments, kind="stable")
    cuts = np.linspace(0, len(order), n + 2).astype(int)[1:-1]
    cuts = np.unique(np.searchsorted(moments[order], moments[order][cuts], side="left"))
    ends = [*cuts[1:], len(order)]
    return [(order[:a], order[a:b]) for a, b in zip(cuts, ends, strict=True) if b > a]


def _usable(parts: list[tuple[Any, Any]], target: FloatArray, kinship: Kinship) -> list[tuple[IntArray, IntArray]]:
    """Those that have both kinds of rows to learn from, when no kin of the judged is among these.

    None where the rows judged in all of them are of one kind: these measure nothing.
    """
    apart = [(kinship.strangers(a, b), b) for a, b in parts]
    found = [(a, b) for a, b in apart if len(b) and 0 < target[a].sum() < len(a)]
    judged = [int(target[b].sum()) for _, b in found]
    return found if 0 < sum(judged) < sum(len(b) for _, b in found) else []
