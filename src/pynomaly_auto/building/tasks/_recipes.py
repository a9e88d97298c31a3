"""Recipes: how anomaly tasks are made of tables that have a target and no anomalies.

A recipe's name, share and draw must never change: tasks are measured under the name ``<table>__<recipe>``, and what was
measured must stay true of them. Another share or another class is another recipe.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import IntArray

Recipe: TypeAlias = Literal["labels", "rare", "downsampled", "high", "low", "downsampled2", "third", "rest", "both"]

FEWEST = 8  # anomalies a task needs for its metrics to say anything
FEWEST_NORMAL = 40  # judged: fewer normal rows make no table of anomalies
_RARE = 0.2  # judged: a class of a larger share is not rare
_DISTINCT = 20  # a numeric target of fewer values has no tails
_SHARES = {"downsampled": 0.05, "downsampled2": 0.02, "third": 0.05, "rest": 0.1, "high": 0.05, "low": 0.05}
_TAIL_OF_BOTH = 0.025  # at each end, 5 % together, as in the other recipes


def recipes(target: pd.Series[Any], kind: str) -> tuple[Recipe, ...]:
    """Which tasks can be made of a target.

    Args:
        target: One value per row; missing ones leave their row out.
        kind: ``"numeric"``, else nominal.
    """
    known = target.dropna()
    if kind == "numeric":
        if known.nunique() <= _DISTINCT:
            return ()
        out: list[Recipe] = ["high", "low"] if len(known) * _SHARES["high"] >= FEWEST else []
        return (*out, "both") if 2 * round(len(known) * _TAIL_OF_BOTH) >= FEWEST else tuple(out)
    counts = known.value_counts()
    out = ["rare"] if _rare_class(counts) is not None else []
    for recipe in ("downsampled", "downsampled2", "third", "rest"):
        if _drawn_classes(recipe, counts) is not None:
            out.append(recipe)
    return tuple(out)


def make(recipe: Recipe, target: pd.Series[Any], rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Carry a recipe out.

    Returns:
        Positions of the rows kept, and 1 for an anomaly, 0 for a normal row, both of shape (n_kept,).

    Raises:
        InvalidInputError: Given labels are not 0 and 1.
    """
    if recipe == "labels":
        return _given(target)
    rows: IntArray = np.flatnonzero(np.asarray(target.notna()))
    known = target.iloc[rows]
    if recipe in {"high", "low", "both"}:
        return rows, _tails(recipe, np.asarray(known, dtype=np.float64))
    counts = known.value_counts()
    if recipe == "rare":
        return rows, np.asarray(known == _rare_class(counts), dtype=np.int64)
    chosen = _drawn_classes(recipe, counts)
    found = np.asarray(known.isin(chosen or []), dtype=np.int64)
    normal, others = np.flatnonzero(found == 0), np.flatnonzero(found == 1)
    wanted = _wanted(len(normal), _SHARES[recipe])
    kept = np.sort(np.concatenate([normal, rng.choice(others, wanted, replace=False)]))
    return rows[kept], found[kept]


def cap(labels: IntArray, max_rows: int, rng: np.random.Generator) -> IntArray:
    """Positions kept: all, or a random part of each class that keeps their shares (and some of the anomalies)."""
    n = len(labels)
    if n <= max_rows:
        return np.arange(n)
    found, normal = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    wanted = min(len(found), max(round(max_rows * len(found) / n), min(FEWEST, max_rows // 2)))
    parts = (rng.choice(found, wanted, replace=False), rng.choice(normal, max_rows - wanted, replace=False))
    return np.sort(np.concatenate(parts))


def thin(labels: IntArray, share: float, rng: np.random.Generator) -> IntArray:
    """Positions kept when anomalies are dropped at random until they make up a share of the rows.

    Args:
        labels: 1 for an anomaly, shape (n_rows,).
        share: Wanted share of anomalies, in (0, 1).
        rng: Source of the draw.

    Raises:
        InvalidInputError: There are no more anomalies than that already, or fewer than 8 would be left.
    """
    found, normal = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    wanted = _wanted(len(normal), share)
    if wanted >= len(found):
        raise InvalidInputError(
            f"{len(found)} anomalies in {len(labels)} rows are not more than the share {share:g} asks for.",
            fix="Ask for a smaller share.",
        )
    if wanted < FEWEST:
        raise InvalidInputError(
            f"a share of {share:g} leaves {wanted} anomalies beside {len(normal)} normal rows, fewer than {FEWEST}.",
            fix="Ask for a larger share.",
        )
    return np.sort(np.concatenate([normal, rng.choice(found, wanted, replace=False)]))


def _given(target: pd.Series[Any]) -> tuple[IntArray, IntArray]:
    given = pd.to_numeric(target, errors="coerce")
    if given.isna().any() or not given.isin([0, 1]).all():
        raise InvalidInputError(
            f"labels of {target.name!r} are not 0 and 1.", fix="Use 1 for an anomaly, 0 for a normal row."
        )
    return np.arange(len(target)), np.asarray(given, dtype=np.int64)


def _tails(recipe: Recipe, values: np.ndarray[Any, np.dtype[np.float64]]) -> IntArray:
    # Ranked, not cut at a quantile: ties must not make a tail of half of the rows.
    labels = np.zeros(len(values), dtype=np.int64)
    if recipe == "both":
        order, width = np.argsort(values, kind="stable"), round(_TAIL_OF_BOTH * len(values))
        labels[np.concatenate([order[:width], order[len(order) - width :]])] = 1
        return labels
    order = np.argsort(values if recipe == "low" else -values, kind="stable")
    labels[order[: max(1, round(_SHARES[recipe] * len(values)))]] = 1
    return labels


def _rare_class(counts: pd.Series[Any]) -> Any:
    usable = counts[counts >= FEWEST]
    if len(counts) < 2 or not len(usable):
        return None
    total = int(counts.sum())
    smallest = usable.index[-1]
    fits = usable.iloc[-1] <= _RARE * total and total - usable.iloc[-1] >= FEWEST_NORMAL
    return smallest if fits else None


def _drawn_classes(recipe: str, counts: pd.Series[Any]) -> list[Any] | None:
    """The classes, of the largest first, that a recipe draws its anomalies from; None: it does not apply."""
    # With two classes, what is left beside the largest is the second one: `rest` needs three to be another task.
    positions = {"downsampled": [1], "downsampled2": [1], "third": [2], "rest": list(range(1, len(counts)))}[recipe]
    if len(counts) < (3 if recipe in {"third", "rest"} else 2):
        return None
    size = int(counts.iloc[positions].sum())
    others = int(counts.sum()) - size
    wanted = _wanted(others, _SHARES[recipe])
    # Nothing is drawn down where the class is that rare already.
    fits = wanted >= FEWEST and size > 1.5 * wanted and others >= FEWEST_NORMAL
    return [counts.index[i] for i in positions] if fits else None


def _wanted(normal: int, share: float) -> int:
    """Anomalies that make up a share beside so many normal rows."""
    return round(normal * share / (1 - share))
