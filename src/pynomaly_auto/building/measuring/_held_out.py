"""Judging held-out rows: half of the normal rows train, the other half and the anomalies are judged."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto.building.measuring._parts import slug
from pynomaly_auto.building.tasks._sources import load_task
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DetectorSpec, fit_detector
from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.pool import SharedArray
from pynomaly_auto.profiling import profile
from pynomaly_auto.records import IntArray
from pynomaly_auto.regimes import REGIMES

if TYPE_CHECKING:
    from pynomaly_auto.building.measuring._measure import Prepared
    from pynomaly_auto.building.tasks._sources import Task

_FEWEST = 20  # training rows below which a task says nothing


def split(labels: IntArray, *, seed: int) -> tuple[IntArray, IntArray]:
    """Positions of the training rows (half of the normal ones, drawn at random) and of the judged rows, ascending.

    Args:
        labels: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        seed: Seed of the draw.
    """
    normal = np.flatnonzero(np.asarray(labels) == 0)
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[np.random.default_rng(seed).permutation(normal)[: len(normal) // 2]] = True
    return np.flatnonzero(chosen), np.flatnonzero(~chosen)


def prepare_held_out(task: Task, protocol: str, max_rows: int, seed: int, folder: str) -> Prepared:
    """Load and split a task, encode and profile it by its training rows alone (runs in a worker).

    Returns:
        Training rows first, then the judged ones; the labels are those of the judged rows.

    Raises:
        InvalidInputError: Too few normal rows.
    """
    from pynomaly_auto.building.measuring._measure import Prepared

    table, labels = load_task(task, max_rows=max_rows, seed=seed)
    train, judged = split(labels, seed=seed)
    if len(train) < _FEWEST:
        raise InvalidInputError(f"{task.name} has {len(train)} normal rows to train on, fewer than {_FEWEST}.")
    encoder = TableEncoder(watches_constants=REGIMES[protocol].watches_constants).fit(table.iloc[train])
    dataset = encoder.encode(table.iloc[train])
    found = profile(dataset, seed=seed)
    rows = np.concatenate([dataset.X, encoder.encode(table.iloc[judged]).X])
    stem = Path(folder) / slug(task.name)
    return Prepared(
        X=SharedArray.save(rows, stem.with_name(stem.name + ".X.npy")),
        labels=SharedArray.save(labels[judged], stem.with_name(stem.name + ".y.npy")),
        n_rows=dataset.n_rows,
        n_columns=table.shape[1],
        n_features=dataset.n_features,
        meta_features=dict(found.meta_features),
        protocol=protocol,
        n_judged=len(judged),
    )


def fit_held_out(spec: DetectorSpec, params: Mapping[str, Any], X: SharedArray, seed: int, n_train: int) -> Any:
    """Fit one configuration on the first rows and score all (runs in a worker); single precision, shape (n_rows,)."""
    rows = np.array(X.load())
    fitted, own = fit_detector(spec, params, rows[:n_train], seed=seed)
    return np.concatenate([own, fitted.score(rows[n_train:])]).astype(np.float32)
