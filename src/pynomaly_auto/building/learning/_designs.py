"""Rows of known tables as the learned fusion sees them: what it is trained on, and what it is judged on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto import scoring
from pynomaly_auto.building.measuring._parts import read_part
from pynomaly_auto.building.tasks._sources import Task, load_task
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import NeighbourSearch
from pynomaly_auto.ensembling import FEWEST_ROWS, NEIGHBOURS, WIDEST
from pynomaly_auto.models import BaseMargin, MemberScores, fusion_features, fusion_inputs, table_facts
from pynomaly_auto.pool import Executor, Job
from pynomaly_auto.records import Configuration, FloatArray, IntArray
from pynomaly_auto.regimes import CONTAMINATED

Inputs: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

ANOMALIES, NORMALS = 150, 250  # most rows of a class that one table gives to train on
_JUDGED = 1_000  # rows of a table, drawn at its own rate of anomalies, that models are judged on
_FEWEST = 4  # members below which there is nothing to fuse
_TIMEOUT = 300.0  # seconds; a guard against tables that hang
# Five kinds of detectors, each fitted without the rows that a quick consensus presumes to be outliers: of the fixed
# means of measured members the best where nothing is known of a table's origin. The fusion starts from it, and is
# blended with it.
START = BaseMargin(
    members=("knn:trimmed", "pca:trimmed", "loda:trimmed", "mcd:trimmed", "kde:trimmed"), slope=1.0, intercept=0.0
)
# Smaller ensembles that the fusion must cope with too: a short budget, a large table.
_SUBSETS: tuple[tuple[str, ...], ...] = (
    CONTAMINATED.portfolio,
    CONTAMINATED.portfolio[:4],
    ("hbos", "sampling", "loda", "ecod", "pca", "cblof"),
    ("knn_mean", "iforest", "extended_iforest", "hbos", "ecod", "copod", "pca", "ocsvm_nystroem", "kde", "loda"),
)


@dataclass(frozen=True, kw_only=True, eq=False)
class TableDesign:
    """One task's design matrices: rows to train on, and rows to judge by.

    Args:
        task: Its name.
        group: Its group.
        weight: How much it counts in training: tables on which no combination finds anything teach little.
        X: Inputs of training rows; shape (n, n_inputs).
        y: 1 for an anomaly; shape (n,).
        row_weight: Sums to 1 over the table, half for each class; shape (n,).
        judged: Inputs of rows drawn at the table's own rate; shape (n_judged, n_inputs).
        labels: Of these; shape (n_judged,).
        robust: Their robust means; shape (n_judged,).
        neighbours: Positions of each one's nearest others; shape (n_judged, 9), or (0, 9) without smoothing.
        facts: Of the table.
    """

    task: str
    group: str
    weight: float
    X: Inputs
    y: IntArray
    row_weight: FloatArray
    judged: Inputs
    labels: IntArray
    robust: FloatArray
    neighbours: IntArray
    facts: Mapping[str, float]


def design_tables(
    tasks: Sequence[Task],
    parts: Mapping[str, Path],
    members: Sequence[str],
    pool: Executor,
    *,
    max_rows: int,
    seed: int,
) -> list[TableDesign]:
    """Make the design matrices of the finished tasks, several at a time.

    Args:
        tasks: Where labels and rows come from.
        parts: Task name to its part file; tasks without one are left out, as are those with too few members.
        members: Members the fusion is to know.
        pool: Where they are made; it is left open.
        max_rows: As the parts were measured with.
        seed: As the parts were measured with.
    """
    found: dict[str, TableDesign] = {}
    for task in tasks:
        if task.name in parts:
            args = (task, str(parts[task.name]), tuple(members), max_rows, seed)
            pool.submit(Job(function=design_table, args=args, timeout=_TIMEOUT, key=task.name))
    while pool.pending:
        outcome = pool.collect()
        if outcome is not None and outcome.status == "completed" and outcome.value is not None:
            found[str(outcome.key)] = outcome.value
    return [found[task.name] for task in tasks if task.name in found]


def design_table(task: Task, part: str, members: Sequence[str], max_rows: int, seed: int) -> TableDesign | None:
    """Make the design matrices of one task (runs in a worker); None where too few members completed."""
    table, labels = load_task(task, max_rows=max_rows, seed=seed)
    record, results = read_part(Path(part))
    member_scores = member_scores_of(results, len(labels)).only(members)
    strong = member_scores.only(CONTAMINATED.portfolio)
    if len(member_scores.names) < _FEWEST or not strong.names:
        return None
    X = TableEncoder().fit(table).encode(table).X
    rng = np.random.default_rng([seed, *task.name.encode()])
    features = fusion_features(members)
    facts = table_facts(member_scores, n_features=int(record["n_features"]))
    rows = _drawn(labels, rng)
    judged = np.sort(rng.permutation(len(labels))[:_JUDGED])
    robust = member_scores.only(START.among(member_scores.names) or CONTAMINATED.portfolio).ranks.mean(axis=1)
    trained = list(_training(member_scores, rows, labels, rng))
    return TableDesign(
        task=task.name,
        group=task.group,
        weight=float(np.clip(4.5 * (scoring.roc_auc(labels, strong.ranks.mean(axis=1)) - 0.525), 0.22, 1.26) ** 2),
        X=np.concatenate(
            [fusion_inputs(features, v.rows(r), _facts(v, member_scores, facts, X.shape[1])) for v, r in trained]
        ),
        y=np.concatenate([labels[r] for _, r in trained]),
        row_weight=np.concatenate([_halves(labels[r]) * len(r) for _, r in trained]) / sum(len(r) for _, r in trained),
        judged=fusion_inputs(features, member_scores.rows(judged), facts),
        labels=labels[judged],
        robust=robust[judged],
        neighbours=_neighbours(X[judged]),
        facts=facts,
    )


def member_scores_of(results: pd.DataFrame, n_rows: int) -> MemberScores:
    """Read a part's score vectors; tuned members have no name in the fusion, constant ones say nothing."""
    names: list[str] = []
    columns: list[FloatArray] = []
    for detector, params, scores in zip(results["detector"], results["params"], results["scores"], strict=True):
        name = Configuration(detector=str(detector), params=json.loads(str(params))).fusion_name
        if scores is None or name is None or name in names or np.ptp(scores) <= 0:
            continue
        names.append(name)
        columns.append(np.asarray(scores, dtype=np.float64))
    none = np.empty((n_rows, 0))
    return MemberScores(
        names=tuple(names),
        ranks=np.column_stack([scoring.tail_ranks(c) for c in columns]) if columns else none,
        magnitudes=np.column_stack([scoring.magnitudes(scoring.robust_z(c)) for c in columns]) if columns else none,
    )


def _training(
    member_scores: MemberScores, rows: IntArray, labels: IntArray, rng: np.random.Generator
) -> Iterable[tuple[MemberScores, IntArray]]:
    """All members on all drawn rows, and a smaller ensemble on some of them."""
    yield member_scores, rows
    some = np.sort(rng.choice(rows, max(2, len(rows) // 3), replace=False))
    fewer = member_scores.only(_SUBSETS[int(rng.integers(len(_SUBSETS)))])
    if len(fewer.names) > 2 and 0 < labels[some].sum() < len(some):
        yield fewer, some


def _facts(
    member_scores: MemberScores, full: MemberScores, facts: Mapping[str, float], n_features: int
) -> Mapping[str, float]:
    return facts if member_scores is full else table_facts(member_scores, n_features=n_features)


def _drawn(labels: IntArray, rng: np.random.Generator) -> IntArray:
    classes = [(np.flatnonzero(labels == 1), ANOMALIES), (np.flatnonzero(labels == 0), NORMALS)]
    drawn = [rng.choice(rows, min(len(rows), most), replace=False) for rows, most in classes]
    return np.sort(np.concatenate(drawn))


def _halves(labels: IntArray) -> FloatArray:
    """Weights that sum to 1, half of it for each class."""
    found = labels == 1
    return np.where(found, 0.5 / max(int(found.sum()), 1), 0.5 / max(int((~found).sum()), 1))


def _neighbours(X: FloatArray) -> IntArray:
    if len(X) < FEWEST_ROWS or X.shape[1] > WIDEST:
        return np.empty((0, NEIGHBOURS), dtype=np.int64)
    return NeighbourSearch(np.ascontiguousarray(X), part_ties=True).query_self(NEIGHBOURS)[1]
