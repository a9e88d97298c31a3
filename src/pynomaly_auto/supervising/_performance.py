"""How right an answer is on labelled rows, with intervals, and nothing where the labels do not allow it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto._targets import Costs, OwnMetric, Target
from pynomaly_auto.records import Estimate, FloatArray, IntArray, Performance, Reason

# Draws for the intervals; fewer of many rows, whose intervals are narrow.
_DRAWS, _FEWEST_DRAWS, _DRAWN_ROWS = 500, 100, 10_000_000
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
    resampled, whole = _Resampled(told, threshold, serves), np.arange(len(told.target))
    kinds = [np.flatnonzero(told.target == kind) for kind in (0, 1)]
    rng = np.random.default_rng(seed)
    count = int(np.clip(_DRAWN_ROWS // max(len(whole), 1), _FEWEST_DRAWS, _DRAWS))
    draws = [resampled.figures(np.concatenate([rng.choice(rows, len(rows)) for rows in kinds])) for _ in range(count)]
    found = {}
    for name, value in resampled.figures(whole).items():
        values = np.array([draw[name] for draw in draws])
        values = values[np.isfinite(values)]
        if np.isfinite(value) and len(values):
            low, high = np.quantile(values, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
            found[name] = Estimate(value=float(value), low=float(min(low, value)), high=float(max(high, value)))
    record = Performance(n_anomalies=len(kinds[1]), n_normal=len(kinds[0]), how=told.how, **found)
    return record, _reason(record)


class _Resampled:
    """Figures of draws of the rows, which are sorted but once.

    Args:
        told: What is said of labelled rows.
        threshold: Of the log odds.
        serves: What the threshold serves.
    """

    def __init__(self, told: Told, threshold: float, serves: Target | None) -> None:
        self.target, self.serves = told.target, serves
        self.anomalous, self.flagged = told.target == 1, told.odds > threshold
        self.after, self.before = _Order(told.odds, self.anomalous), _Order(told.before, self.anomalous)

    def figures(self, at: IntArray) -> dict[str, float]:
        """Of drawn rows, given by their positions; NaN where one is not defined."""
        counts = np.bincount(at, minlength=len(self.target))
        right = int(counts[self.flagged & self.anomalous].sum())
        flagged, anomalous = int(counts[self.flagged].sum()), int(counts[self.anomalous].sum())
        precision, auc = self.after.precision_and_auc(counts)
        out = {
            "precision": right / flagged if flagged else float("nan"),
            "recall": right / anomalous if anomalous else float("nan"),
            "f1": 2 * right / max(flagged + anomalous, 1),
            "roc_auc": auc,
            "average_precision": precision,
            "before": self.before.precision_and_auc(counts)[0],
        }
        if isinstance(self.serves, (Costs, OwnMetric)):
            out["target"] = self.serves.value(self.target[at], self.flagged[at].astype(np.int64))
        return out


class _Order:
    """Rows from the highest score down.

    Args:
        scores: Of the rows; shape (n_rows,).
        anomalous: Which of them are anomalies; shape (n_rows,).
    """

    def __init__(self, scores: FloatArray, anomalous: Flags) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ordered = scores[self.order]
        self.ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))  # of rows with one score
        self.anomalous = anomalous[self.order]

    def precision_and_auc(self, counts: IntArray) -> tuple[float, float]:
        """Average precision and the area under the ROC curve, each row taken so often; NaN with one kind alone."""
        taken = counts[self.order]
        every, found = np.cumsum(taken)[self.ends], np.cumsum(taken * self.anomalous)[self.ends]
        n_anomalous, n_normal = int(found[-1]), int(every[-1] - found[-1])
        if not n_anomalous or not n_normal:
            return float("nan"), float("nan")
        new, ordinary = np.diff(found, prepend=0), np.diff(every - found, prepend=0)
        precision = float((new * (found / np.maximum(every, 1))).sum() / n_anomalous)
        below = n_normal - (every - found) + 0.5 * ordinary  # ties count half
        return precision, float((new * below).sum() / n_anomalous / n_normal)


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
