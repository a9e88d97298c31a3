"""The learned fusion: rows of all known tables, laid out as the ensemble's members see them, and trees over them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto import scoring
from pynomaly_auto.knowledge import Votes, lay_out, member_name, table_facts, vote_features
from pynomaly_auto.records import FloatArray, IntArray

ANOMALIES, NORMALS = 150, 250  # most rows of a class that one table gives
_BASE: Mapping[str, Any] = {
    "objective": "binary", "learning_rate": 0.04, "num_leaves": 31, "feature_fraction": 0.35, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 20.0, "min_data_in_leaf": 200, "max_bin": 127, "verbosity": -1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip
_TREES = 400


@dataclass(frozen=True, kw_only=True, eq=False)
class VotedTable:
    """One task as the members see it.

    Args:
        task: Its name.
        group: Its group.
        labels: 1 for an anomaly; shape (n_rows,).
        votes: Of all members that completed on it.
        n_features: Of the encoded table.
    """

    task: str
    group: str
    labels: IntArray
    votes: Votes
    n_features: int


@dataclass(frozen=True, kw_only=True, eq=False)
class FusionRows:
    """Training rows of the fusion.

    Args:
        X: Inputs, single precision; shape (n, n_inputs).
        y: 1 for an anomaly; shape (n,).
        weight: Each table alike, half of it for each class; shape (n,).
        tables: Position of each row's table; shape (n,).
        features: Names of the inputs.
    """

    X: np.ndarray[Any, np.dtype[np.float32]]
    y: IntArray
    weight: FloatArray
    tables: IntArray
    features: tuple[str, ...]


def voted(record: Mapping[str, Any], part: pd.DataFrame, labels: IntArray) -> VotedTable:
    """Read a task's score vectors as votes; constant ones say nothing and are left out.

    Args:
        record: The part's task record.
        part: Its results with the ``scores`` column.
        labels: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
    """
    names, columns = [], []
    for detector, params, scores in zip(part["detector"], part["params"], part["scores"], strict=True):
        name = member_name(str(detector), json.loads(str(params)))
        if scores is None or name is None or name in names or np.ptp(scores) <= 0:
            continue
        names.append(name)
        columns.append(np.asarray(scores, dtype=np.float64))
    none = np.empty((len(labels), 0))
    return VotedTable(
        task=str(record["task"]),
        group=str(record["group"]),
        labels=labels,
        n_features=int(record["n_features"]),
        votes=Votes(
            names=tuple(names),
            ranks=np.column_stack([scoring.tail_ranks(c) for c in columns]) if columns else none,
            magnitudes=np.column_stack([scoring.magnitudes(scoring.robust_z(c)) for c in columns]) if columns else none,
        ),
    )


def sampled(
    tables: Iterable[VotedTable], members: Sequence[str], *, seed: int, subsets: Sequence[Sequence[str]] = ()
) -> FusionRows:
    """Draw training rows from tables.

    Args:
        tables: The known tables.
        members: Members the fusion is to know.
        seed: Seed of the rows drawn.
        subsets: Smaller ensembles that the fusion must cope with too: each table also gives some of its rows as one of
            these sees them, in turn.
    """
    features = vote_features(members)
    X, y, weight, position = [], [], [], []
    for i, table in enumerate(tables):
        rng = np.random.default_rng([seed, *table.task.encode()])
        rows = _drawn(table.labels, rng)
        views: list[tuple[Sequence[str], IntArray]] = [(members, rows)]
        if subsets:
            some = np.sort(rng.choice(rows, max(1, len(rows) // 3), replace=False))
            views.append((subsets[i % len(subsets)], some))
        for names, chosen in views:
            votes = table.votes.only(names)
            if len(votes.names) < 2 or len(np.unique(table.labels[chosen])) < 2:
                continue
            facts = table_facts(votes, n_features=table.n_features)
            X.append(lay_out(features, votes.rows(chosen), facts))
            y.append(table.labels[chosen])
            weight.append(_halves(table.labels[chosen]) * len(chosen) / len(rows))
            position.append(np.full(len(chosen), i))
    return FusionRows(
        X=np.concatenate(X),
        y=np.concatenate(y),
        weight=np.concatenate(weight),
        tables=np.concatenate(position),
        features=features,
    )


def boost(rows: FusionRows, chosen: np.ndarray[Any, Any] | None = None, *, seed: int, threads: int = 2) -> Any:
    """Train the trees on some of the rows; None: on all.

    Returns:
        A LightGBM booster.
    """
    import lightgbm

    kept = np.arange(len(rows.y)) if chosen is None else np.flatnonzero(chosen)
    weight = rows.weight[kept]
    names = [f"f{i}" for i in range(len(rows.features))]
    data = lightgbm.Dataset(rows.X[kept], label=rows.y[kept], weight=weight / weight.mean(), feature_name=names)
    params = {**_BASE, "seed": seed, "num_threads": threads}
    return lightgbm.train(params, data, num_boost_round=_TREES)


def _drawn(labels: IntArray, rng: np.random.Generator) -> IntArray:
    parts = [np.flatnonzero(labels == k) for k in (1, 0)]
    drawn = [
        rng.choice(p, min(len(p), most), replace=False) for p, most in zip(parts, (ANOMALIES, NORMALS), strict=True)
    ]
    return np.sort(np.concatenate(drawn))


def _halves(labels: IntArray) -> FloatArray:
    """Weights that sum to 1, half of it for each class."""
    found = labels == 1
    return np.where(found, 0.5 / max(int(found.sum()), 1), 0.5 / max(int((~found).sum()), 1))
