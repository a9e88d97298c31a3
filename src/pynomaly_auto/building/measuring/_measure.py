"""Measuring: what runs in worker processes for one task, and the part file it ends in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto import scoring
from pynomaly_auto.building.measuring._parts import (
    DEFAULT,
    METRICS,
    TRAIN_SCORES,
    label,
    read_part,
    slug,
    write_part,
)
from pynomaly_auto.building.tasks._sources import Task, load_task
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DetectorSpec, fit_detector
from pynomaly_auto.models import META, STATISTIC
from pynomaly_auto.pool import SharedArray
from pynomaly_auto.profiling import profile
from pynomaly_auto.records import Configuration, FloatArray, IntArray
from pynomaly_auto.regimes import REGIMES

# Their combined tail ranks are the consensus that score statistics compare with; strong and of different kinds.
TRUSTED = ("knn_mean", "iforest", "mcd", "fair_cut_forest", "extended_iforest", "hbos", "gmm", "pca")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A task, loaded, encoded and profiled; arrays lie in files that all workers map.

    Args:
        n_rows: Rows that detectors are fitted on.
        protocol: Name of the regime that says which rows are judged.
        n_judged: Further rows of ``X`` that ``labels`` are of; None: those fitted on are judged.
    """

    X: SharedArray
    labels: SharedArray
    n_rows: int
    n_columns: int
    n_features: int
    meta_features: Mapping[str, float]
    protocol: str
    n_judged: int | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What became of one configuration on one task.

    Args:
        scores: Single precision, of the rows fitted on and then of further judged ones; None unless completed.
    """

    configuration: Configuration
    status: str
    seconds: float
    memory_mb: float
    error: str | None = None
    scores: np.ndarray[Any, np.dtype[np.float32]] | None = None


def prepare(task: Task, protocol: str, max_rows: int, seed: int, folder: str) -> Prepared:
    """Load, encode and profile a task (runs in a worker)."""
    table, labels = load_task(task, max_rows=max_rows, seed=seed)
    dataset = TableEncoder(watches_constants=REGIMES[protocol].watches_constants).fit(table).encode(table)
    found = profile(dataset, seed=seed)
    stem = Path(folder) / slug(task.name)
    return Prepared(
        X=SharedArray.save(dataset.X, stem.with_name(stem.name + ".X.npy")),
        labels=SharedArray.save(labels, stem.with_name(stem.name + ".y.npy")),
        n_rows=dataset.n_rows,
        n_columns=table.shape[1],
        n_features=dataset.n_features,
        meta_features=dict(found.meta_features),
        protocol=protocol,
    )


def fit(spec: DetectorSpec, params: Mapping[str, Any], X: SharedArray, seed: int) -> Any:
    """Fit one configuration and score its own rows (runs in a worker); single precision, shape (n_rows,)."""
    _, scores = fit_detector(spec, params, np.array(X.load()), seed=seed)
    return scores.astype(np.float32)


def finish(task: Task, prepared: Prepared, measured: list[Measured], part: str, seed: int) -> int:
    """Judge all scores of a task against its labels and write its part file in one step (runs in a worker).

    Returns:
        Number of rows written, earlier ones included.
    """
    path = Path(part)
    labels = np.asarray(prepared.labels.load())
    earlier = read_part(path)[1] if path.is_file() else None
    rows = [_row(m, seed, prepared) for m in measured]
    table = pd.DataFrame(rows)
    if earlier is not None:
        table = pd.concat([earlier, table], ignore_index=True)
    table["task"] = task.name
    _judge(table, labels)
    record = {
        "task": task.name,
        "suite": task.suite,
        "group": task.group,
        "domain": task.domain,
        "n_rows": prepared.n_rows,
        "n_columns": prepared.n_columns,
        "n_features": prepared.n_features,
        "anomaly_share": float(labels.mean()),
        "source": task.source,
        "licence": task.licence,
    } | {META + name: float(value) for name, value in prepared.meta_features.items()}
    if prepared.n_judged is not None:
        record |= {"protocol": prepared.protocol, "n_judged": prepared.n_judged}
    write_part(path, record, table)
    return len(table)


def _row(m: Measured, seed: int, prepared: Prepared) -> dict[str, Any]:
    row = {
        "task": "",
        "detector": m.configuration.detector,
        "config": label(m.configuration),
        "params": json.dumps(dict(m.configuration.params), sort_keys=True),
        "status": m.status,
        "seconds": m.seconds,
        "memory_mb": m.memory_mb,
        "seed": seed,
        "error": m.error or "",
        "scores": m.scores,
    }
    if prepared.n_judged is not None:
        n = prepared.n_rows
        row |= {"scores": None, TRAIN_SCORES: None}
        if m.scores is not None:
            row |= {"scores": m.scores[n:], TRAIN_SCORES: m.scores[:n]}
    return row


def restate(parts: Path) -> int:
    """Compute the score statistics of finished parts anew from their stored scores; nothing is fitted.

    For when `scoring.score_statistics` or the trusted detectors have changed since the parts were measured.

    Args:
        parts: Folder of part files.

    Returns:
        Number of parts.

    Raises:
        StorageError: A part is damaged.
    """
    found = sorted(parts.glob("*.parquet"))
    for path in found:
        record, table = read_part(path)
        _state(table)
        write_part(path, record, table)
    return len(found)


def _vectors(table: pd.DataFrame, column: str = "scores") -> dict[int, FloatArray]:
    """Position of a completed row to its scores."""
    return {i: np.asarray(s, dtype=np.float64) for i, s in enumerate(table[column]) if s is not None}


def _judge(table: pd.DataFrame, labels: IntArray) -> None:
    """Fill in metrics and statistics of every score vector."""
    for name in METRICS:
        values = np.full(len(table), np.nan)
        for i, scores in _vectors(table).items():
            values[i] = getattr(scoring, name)(labels, scores)
        table[name] = values
    _state(table)


def _state(table: pd.DataFrame) -> None:
    """Fill in the statistics; anew for earlier rows too, as the consensus may have grown.

    They are of the rows fitted on: all that a run without labels can see.
    """
    vectors = _vectors(table, TRAIN_SCORES if TRAIN_SCORES in table else "scores")
    detectors = list(table["detector"])
    trusted = [i for i in vectors if table["config"].iloc[i] == DEFAULT and detectors[i] in TRUSTED]
    ranked = {i: scoring.tail_ranks(vectors[i]) for i in (trusted if len(trusted) >= 3 else vectors)}
    columns: dict[str, FloatArray] = {}
    for i, scores in vectors.items():
        # As in tuning, a detector is not compared with itself: its default would always agree best.
        others = [rank for j, rank in ranked.items() if detectors[j] != detectors[i]]
        agreed = np.mean(others, axis=0) if others else np.zeros(len(scores))
        for name, value in scoring.score_statistics(scores, agreed).items():
            columns.setdefault(STATISTIC + name, np.full(len(table), np.nan))[i] = value
    for name, values in columns.items():
        table[name] = values
