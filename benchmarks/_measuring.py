"""One table made ready for all methods, and what a method's answer on it is worth; runs in worker processes."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._calibration import binned
from pynomaly_auto.building import Task, load_task
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.records import Expectation, FloatArray, IntArray
from pynomaly_auto.scoring import average_precision, roc_auc


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A table as the methods get it.

    Args:
        frame: The table as it is, for ours.
        y: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        raw: Numbers as they are, gaps filled by medians, text as ordinal codes; shape (n_rows, n_columns).
        standardised: The matrix of our encoder; shape (n_rows, n_features); None where it refuses the table.
    """

    frame: pd.DataFrame
    y: IntArray
    raw: FloatArray
    standardised: FloatArray | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a method says of the rows it was fitted on.

    Args:
        scores: Higher = more anomalous; shape (n_rows,).
        labels: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        contamination: Its estimate of the share of anomalies; None: the share of its labels.
        probabilities: Calibrated, in [0, 1], where it gives them; shape (n_rows,).
        members: Names of the detectors behind it.
        expectation: What it says of how many labels are right, where it does.
    """

    scores: FloatArray
    labels: IntArray
    contamination: float | None = None
    probabilities: FloatArray | None = None
    members: tuple[str, ...] = ()
    expectation: Expectation | None = None


def prepare(task: Task, max_rows: int, seed: int, path: str) -> dict[str, Any]:
    """Load a task, encode it both ways and write it to ``path``.

    Returns:
        Its size and share of anomalies.

    Raises:
        PynomalyError: The file cannot be read or has no usable labels.
    """
    frame, y = load_task(task, max_rows=max_rows, seed=seed)
    try:
        standardised = TableEncoder().fit(frame).encode(frame).X
    except Exception:  # the methods that need it will say so, one by one
        standardised = None
    ready = Ready(frame=frame, y=y, raw=raw_matrix(frame), standardised=standardised)
    Path(path).write_bytes(pickle.dumps(ready))
    return {
        "rows": len(y),
        "columns": frame.shape[1],
        "features": frame.shape[1] if standardised is None else standardised.shape[1],
        "share": float(y.mean()),
    }


def load(path: str) -> Ready:
    """What `prepare` wrote."""
    ready = pickle.loads(Path(path).read_bytes())
    assert isinstance(ready, Ready)
    return ready


def raw_matrix(frame: pd.DataFrame) -> FloatArray:
    """Numbers as they stand, for methods that take nothing else: the least a user would do before calling them.

    Missing and infinite cells are filled by the column's median, text becomes ordinal codes in alphabetical order,
    dates become seconds; shape (n_rows, n_columns).
    """
    out = np.column_stack([_numbers(frame.iloc[:, j]) for j in range(frame.shape[1])]).astype(np.float64)
    out[~np.isfinite(out)] = np.nan
    for column in out.T:
        gaps = np.isnan(column)
        if gaps.any():
            column[gaps] = 0.0 if gaps.all() else np.median(column[~gaps])
    return np.asarray(out, dtype=np.float64)


def _numbers(column: pd.Series[Any]) -> FloatArray:
    if pd.api.types.is_datetime64_any_dtype(column):
        since = column - pd.Timestamp(0, tz=column.dt.tz)
        return np.asarray(since.dt.total_seconds().to_numpy(dtype=np.float64))
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
    codes, _ = pd.factorize(column.map(str, na_action="ignore"), sort=True)
    return np.where(codes < 0, np.nan, codes.astype(np.float64))


def judge(y: IntArray, answer: Answer) -> dict[str, Any]:
    """Quality of an answer against the labels.

    Raises:
        ValueError: The scores are not one finite number per row.
    """
    scores = np.asarray(answer.scores, dtype=np.float64)
    found = np.asarray(answer.labels) == 1
    if scores.shape != y.shape or found.shape != y.shape or not np.isfinite(scores).all():
        raise ValueError("the scores are not one finite number per row")
    hits, share = int((found & (y == 1)).sum()), float(y.mean())
    estimate = float(found.mean()) if answer.contamination is None else float(answer.contamination)
    out: dict[str, Any] = {
        "roc_auc": roc_auc(y, scores),
        "ap": average_precision(y, scores),
        "f1": 2 * hits / max(int(found.sum()) + int(y.sum()), 1),
        "precision": hits / max(int(found.sum()), 1),
        "recall": hits / int(y.sum()),
        "labelled": float(found.mean()),
        "contamination": estimate,
        "share_error": abs(estimate - share),
        "members": list(answer.members),
    }
    if answer.expectation is not None:
        told = answer.expectation
        out |= {"hits": hits, "real": told.real, "low": told.low, "high": told.high}
    if answer.probabilities is not None:
        out["bins"] = binned(np.asarray(answer.probabilities, dtype=np.float64), y)
    return out
