"""The answers without labels that `benchmarks.labels` starts from: one fit a table, kept as arrays."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._knowledge import Bases
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.building import Task, load_rows
from pynomaly_auto.engine._heeding import inputs_of
from pynomaly_auto.errors import PynomalyError
from pynomaly_auto.records import Calibration, IntArray
from pynomaly_auto.supervising import Inputs, Rows

FEWEST = 6  # anomalies of a table, so that either half has some


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One table, and what ours says of it without labels.

    Args:
        suite: Its suite.
        table: Its name.
        group: Its group.
        y: 1 for an anomaly; shape (n_rows,).
        rows: What learning from labels starts from.
        columns: The encoded columns alone, for peers; shape (n_rows, n_features).
        base: The knowledge base, and whether it knows the group.
    """

    suite: str
    table: str
    group: str
    y: IntArray = field(repr=False)
    rows: Rows = field(repr=False)
    columns: Inputs = field(repr=False)
    base: str


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """How the answers are made.

    Args:
        folder: Where they are kept.
        bases: Which knowledge base is used for a group.
        max_rows: Larger tables are sampled, by class.
        budget: Seconds of a fit.
    """

    folder: Path
    bases: Bases
    max_rows: int
    budget: float


def runs(tasks: Sequence[Task], fitting: Fitting) -> Iterator[Run]:
    """The answers for the tables, made where they are not there yet; tables with too few anomalies are passed over."""
    fitting.folder.mkdir(parents=True, exist_ok=True)
    for number, task in enumerate(tasks, start=1):
        path = fitting.folder / f"{task.suite}__{task.name}__{fitting.max_rows}.npz"
        if not path.is_file():
            try:
                _make(task, path, fitting)
            except PynomalyError as error:
                print(f"[{number}/{len(tasks)}] {task.name}: {error}", file=sys.stderr, flush=True)
                continue
        found = _read(task, path)
        if found is not None:
            yield found


def _make(task: Task, path: Path, fitting: Fitting) -> None:
    base = fitting.bases.base(task.group)
    os.environ["PYNOMALY_KNOWLEDGE_BASE"] = base.path
    loaded = load_rows(task, max_rows=fitting.max_rows, seed=0)
    arrays: dict[str, Any] = {"y": loaded.y}
    if loaded.y.sum() >= FEWEST:
        detector = AutonomousDetector(time_budget=fitting.budget, tracking=False, random_state=0, verbose=0)
        model, verdict = detector.fit(loaded.frame)._model, detector.result_.verdict
        ensemble, encoded = model.ensemble, model.encode(loaded.frame)
        scores = ensemble.train_scores
        arrays |= {
            "inputs": inputs_of(ensemble, encoded.rows, ensemble.member_scores, scores),
            "columns": encoded.X.astype(np.float32),
            "scores": scores,
            "knots": verdict.calibration.knots,
            "values": verdict.calibration.values,
            "share": np.array(verdict.contamination),
            "base": np.array(f"{base.name}{', knows the group' if base.knows else ''}"),
        }
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        np.savez_compressed(file, **arrays)
    draft.replace(path)


def _read(task: Task, path: Path) -> Run | None:
    with np.load(path, allow_pickle=False) as stored:
        arrays: dict[str, Any] = {name: stored[name] for name in stored.files}
    if "inputs" not in arrays:
        return None
    calibration = Calibration(knots=arrays["knots"], values=arrays["values"], single_point=False)
    rows = Rows(
        inputs=arrays["inputs"],
        n_columns=arrays["columns"].shape[1],
        scores=arrays["scores"],
        calibration=calibration,
        share=float(arrays["share"]),
    )
    return Run(
        suite=task.suite, table=task.name, group=task.group, y=arrays["y"].astype(np.int64), rows=rows,
        columns=arrays["columns"], base=str(arrays["base"]),
    )  # fmt: skip
