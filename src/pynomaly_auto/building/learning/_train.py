"""Learning from the tables: quality before and after fitting; judged on unseen groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.building.learning._splits import group_folds
from pynomaly_auto.building.measuring._parts import DEFAULT
from pynomaly_auto.knowledge import DetectorFacts, ModelCard
from pynomaly_auto.models import META, STATISTIC, design_matrix, input_names
from pynomaly_auto.records import FloatArray

_FEWEST_GROUPS = 10  # below that, a model could only repeat the tables it saw
_FOLDS = 5  # of whole groups
_LEVEL = 0.9  # of the interval
_TREES = 200  # judged, like the booster's settings; `Learned.validation` says how far they held
_MOST_ROWS = 30_000  # fits trained on: tables are what the models generalise over
_MANY = 20_000  # rows from which a second thread is worth starting
_BASE: Mapping[str, Any] = {
    "learning_rate": 0.04, "num_leaves": 15, "feature_fraction": 0.4, "bagging_fraction": 0.8, "bagging_freq": 1,
    "lambda_l2": 10.0, "verbosity": -1, "deterministic": True, "force_row_wise": True, "max_bin": 63,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Learned(ModelCard):
    """One learned model: its card, and its text where the card will name files.

    Args:
        boosters: Role to text, most of them LightGBM models.
    """

    boosters: Mapping[str, str]

    @classmethod
    def of(cls, card: ModelCard, boosters: Mapping[str, str]) -> Learned:
        """A model with the card it has already."""
        return cls(**{f.name: getattr(card, f.name) for f in fields(card)}, boosters=boosters)

    def card(self, files: Mapping[str, str]) -> ModelCard:
        """Its card, once the texts are in these files."""
        values = {f.name: getattr(self, f.name) for f in fields(ModelCard)}
        return ModelCard(**values | {"files": files})


@dataclass(frozen=True, kw_only=True, eq=False)
class _Data:
    """Training rows."""

    X: FloatArray
    y: FloatArray
    weight: FloatArray
    groups: np.ndarray[Any, Any]
    features: tuple[str, ...]


def train(
    tasks: pd.DataFrame, results: pd.DataFrame, facts: Mapping[str, DetectorFacts], *, seed: int
) -> dict[str, Learned]:
    """Train all models that the tables are enough for.

    Args:
        tasks: One row per task.
        results: One row per measured fit.
        facts: What each detector reached on the whole: the models predict what a table adds to its mean.
        seed: Seed of the training.

    Returns:
        Name to model: ``"quality"`` (before fitting, with an interval), ``"fitted"`` (after fitting, from score
        statistics). Empty with fewer than 10 groups.
    """
    if tasks["group"].nunique() < _FEWEST_GROUPS:
        return {}
    rows = results[(results["status"] == "completed") & results["detector"].isin(list(facts))]
    rows = rows.dropna(subset=["roc_auc"]).merge(tasks.drop(columns=["source", "licence"]), on="task")
    if rows["group"].nunique() < _FEWEST_GROUPS:
        return {}
    if len(rows) > _MOST_ROWS:  # tables are what the models generalise over; more fits of each add little
        rows = rows.sample(_MOST_ROWS, random_state=seed).sort_index()
    return {
        "quality": _quality(rows, facts, seed),
        "fitted": _fitted(rows, facts, seed),
    }


def _quality(rows: pd.DataFrame, facts: Mapping[str, DetectorFacts], seed: int) -> Learned:
    data = _layout(rows, facts, statistics=False)
    folds = group_folds(data.groups, _FOLDS, seed)
    outside = {role: _out_of_fold(data, folds, role, seed) for role in ("mean", "low", "high")}
    default = (rows["config"] == DEFAULT).to_numpy()
    # Conformal correction after Romano, Patterson and Candès (2019), on out-of-group predictions of the defaults.
    excess = np.maximum(outside["low"] - data.y, data.y - outside["high"])
    correction = _conformal(excess[default])
    inside = [
        excess[default & (folds == k)] <= _conformal(excess[default & (folds != k)]) for k in range(folds.max() + 1)
    ]
    figures = _figures(rows[default], data.y[default], outside["mean"][default])
    return Learned(
        boosters={role: _booster(data, role, seed).model_to_string() for role in outside},
        features=data.features,
        correction=correction,
        shrinkage=_shrinkage(data.y, outside["mean"]),
        validation=figures
        | {
            "coverage": float(np.mean(np.concatenate(inside))),
            "interval_width": float(np.mean((outside["high"] - outside["low"])[default]) + 2 * correction),
        },
    )


def _fitted(rows: pd.DataFrame, facts: Mapping[str, DetectorFacts], seed: int) -> Learned:
    data = _layout(rows, facts, statistics=True)
    outside = _out_of_fold(data, group_folds(data.groups, _FOLDS, seed), "mean", seed)
    return Learned(
        boosters={"mean": _booster(data, "mean", seed).model_to_string()},
        features=data.features,
        shrinkage=_shrinkage(data.y, outside),
        validation=_figures(rows, data.y, outside),
    )


def _layout(rows: pd.DataFrame, facts: Mapping[str, DetectorFacts], *, statistics: bool) -> _Data:
    detectors = [str(d) for d in rows["detector"]]
    families = [facts[d].family for d in detectors]
    meta = [c for c in rows.columns if c.startswith(META)]
    extra = [c for c in rows.columns if c.startswith(STATISTIC)] if statistics else []
    features = input_names(meta, extra, detectors, families)
    if statistics:
        # After fitting, what counts is the score vector, whatever parameters it came from.
        features = tuple(f for f in features if f != "is_default")
    given = rows.assign(is_default=(rows["config"] == DEFAULT).astype(float))
    means = np.array([facts[d].mean for d in detectors])
    return _Data(
        X=design_matrix(features, given, detectors, families),
        y=rows["roc_auc"].to_numpy(dtype=np.float64) - means,
        weight=_equal(rows["task"].to_numpy(dtype=object)),
        groups=rows["group"].to_numpy(dtype=object),
        features=features,
    )


def _equal(names: np.ndarray[Any, Any]) -> FloatArray:
    """Weights that give every name the same total, on average 1 per row."""
    _, inverse, counts = np.unique(names.astype(str), return_inverse=True, return_counts=True)
    weight = 1.0 / counts[inverse]
    return np.asarray(weight / weight.mean(), dtype=np.float64)


def _booster(data: _Data, role: str, seed: int, rows: np.ndarray[Any, Any] | None = None) -> Any:
    import lightgbm

    kept = np.arange(len(data.y)) if rows is None else np.flatnonzero(rows)
    objective: dict[str, Any] = {"objective": "regression"}
    if role != "mean":
        objective = {"objective": "quantile", "alpha": 0.05 if role == "low" else 0.95}
    threads = 1 if len(kept) < _MANY else 2
    leaf = int(min(50, max(3, len(kept) // 100)))
    params = {**_BASE, **objective, "seed": seed, "min_data_in_leaf": leaf, "num_threads": threads}
    names = [f"f{i}" for i in range(len(data.features))]
    inputs = lightgbm.Dataset(data.X[kept], label=data.y[kept], weight=data.weight[kept], feature_name=names)
    return lightgbm.train(params, inputs, num_boost_round=_TREES)


def _out_of_fold(data: _Data, folds: np.ndarray[Any, Any], role: str, seed: int) -> FloatArray:
    out = np.zeros(len(data.y))
    for k in range(int(folds.max()) + 1):
        out[folds == k] = _booster(data, role, seed, folds != k).predict(data.X[folds == k])
    return out


def _conformal(excess: FloatArray) -> float:
    level = min(1.0, _LEVEL * (1 + 1 / max(len(excess), 1)))
    return float(np.quantile(excess, level, method="higher"))


def _shrinkage(y: FloatArray, predicted: FloatArray) -> float:
    """The factor in [0, 1] that makes out-of-group predictions best: 0 where the model knows nothing of new groups."""
    return float(np.clip(y @ predicted / max(float(predicted @ predicted), 1e-12), 0.0, 1.0))


def _figures(rows: pd.DataFrame, y: FloatArray, predicted: FloatArray) -> dict[str, float | None]:
    """Errors and correlations of out-of-group predictions; within a task: does it order that task's fits rightly?"""
    within = [
        _correlation(y[at], predicted[at]) for at in rows.groupby("task").indices.values() if len(at) >= 5
    ]  # fmt: skip
    known = [c for c in within if c is not None]
    return {
        "mae": float(np.abs(predicted - y).mean()),
        "mae_constant": float(np.abs(y).mean()),
        "correlation": _correlation(y, predicted),
        "correlation_within_tasks": float(np.mean(known)) if known else None,
        "rows": float(len(y)),
    }


def _correlation(a: FloatArray, b: Sequence[float] | FloatArray) -> float | None:
    b = np.asarray(b)
    if np.std(a) < 1e-12 or np.std(b) < 1e-12:
        return None
    return float(np.corrcoef(a, b)[0, 1])
