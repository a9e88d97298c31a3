"""How right an answer is on labelled rows, with intervals, and nothing where the labels do not allow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto._targets import Costs, OwnMetric, Target
from pynomaly_auto.records import Estimate, FloatArray, IntArray, Performance, Reason
from pynomaly_auto.scoring import average_precision, roc_auc

_DRAWS = 500
_LEVEL = 0.95
Flags = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What is said of labelled rows.

    Args:
        odds: Log odds by what was learned from others; shape (n,).
        before: Scores without labels; shape (n,).
        target: 1 for an anomaly, 0 for a normal row; shape (n,).
        how: How the log odds came about.
    """

    odds: FloatArray = field(repr=False)
    before: FloatArray = field(repr=False)
    target: IntArray = field(repr=False)
    how: str


def measure(told: Told, *, threshold: float, seed: int, serves: Target | None = None) -> tuple[Performance, Reason]:
    """Figures with intervals by the bootstrap, anomalies and normal rows drawn apart (Efron and Tibshirani 1993).

    Args:
        told: What is said of labelled rows.
        threshold: Of the log odds: above it a row is flagged.
        seed: Of the draws.
        serves: What the threshold serves: the mean cost of a row, or a function's value, is measured too.
    """
    odds, before, target = told.odds, told.before, told.target
    flagged = odds > threshold
    figures: dict[str, Callable[[IntArray], float]] = {
        "precision": lambda at: _ratio(flagged[at] & (target[at] == 1), flagged[at]),
        "recall": lambda at: _ratio(flagged[at] & (target[at] == 1), target[at] == 1),
        "f1": lambda at: _f1(flagged[at], target[at] == 1),
        "roc_auc": lambda at: roc_auc(target[at], odds[at]),
        "average_precision": lambda at: average_precision(target[at], odds[at]),
        "before": lambda at: average_precision(target[at], before[at]),
    }
    if isinstance(serves, (Costs, OwnMetric)):
        figures["target"] = lambda at: serves.value(target[at], flagged[at].astype(np.int64))
    kinds = [np.flatnonzero(target == kind) for kind in (0, 1)]
    rng = np.random.default_rng(seed)
    draws = [np.concatenate([rng.choice(rows, len(rows)) for rows in kinds]) for _ in range(_DRAWS)]
    whole = np.arange(len(target))
    found = {}
    for name, figure in figures.items():
        values = np.array([figure(at) for at in draws])
        values = values[np.isfinite(values)]
        value = figure(whole)
        if np.isfinite(value) and len(values):
            low, high = np.quantile(values, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
            found[name] = Estimate(value=float(value), low=float(min(low, value)), high=float(max(high, value)))
    record = Performance(n_anomalies=len(kinds[1]), n_normal=len(kinds[0]), how=told.how, **found)
    return record, _reason(record)


def _ratio(part: Flags, whole: Flags) -> float:
    return float(part.sum() / whole.sum()) if whole.any() else float("nan")


def _f1(flagged: Flags, anomalous: Flags) -> float:
    return float(2 * (flagged & anomalous).sum() / max(int(flagged.sum() + anomalous.sum()), 1))


def _reason(record: Performance) -> Reason:
    figures = [f"average precision {record.average_precision}", f"{record.before} without labels"]
    text = f"On {record.n_anomalies + record.n_normal:,} labelled rows, {record.how}: {figures[0]}, {figures[1]}"
    text += f"; precision of the flagged {record.precision}" if record.precision is not None else "; none flagged"
    text += f", recall {record.recall}" if record.recall is not None else ""
    text += f"; what the threshold serves: {record.target}." if record.target is not None else "."
    evidence = {
        name: getattr(record, name).value
        for name in ("precision", "recall", "f1", "roc_auc", "average_precision", "before", "target")
        if getattr(record, name) is not None
    }
    return Reason(
        code="SUP-030", subject="performance", text=text,
        evidence=evidence | {"anomalies": record.n_anomalies, "normal": record.n_normal},
    )  # fmt: skip
