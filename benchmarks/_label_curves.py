"""One table's curves: how right each method is with more and more labels, on rows that nobody labelled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._label_runs import Run
from pynomaly_auto.asking import Pool, propose
from pynomaly_auto.records import FloatArray, IntArray, Labels
from pynomaly_auto.scoring import average_precision
from pynomaly_auto.supervising import Taught, learn_boosted, supervise

COUNTS = (5, 10, 25, 50, 100)
SHARES = (0.01, 0.05)
OURS, LIGHTGBM, XGBOD = "ours", "LightGBM", "LightGBM with members' scores"
QUERIED, RANDOM, POSITIVE = "queried", "random", "random, anomalies alone"
_STEP, _LARGE_STEP, _FEW = 5, 25, 25  # rows asked for at a time: fewer while few are known


@dataclass(frozen=True, kw_only=True)
class Point:
    """One method with so many labels.

    Args:
        arm: How the labelled rows were chosen.
        labels: How many, or which share of the rows that could be asked; ``"all"``: all of them.
        method: Who learned from them.
        ap: Average precision on the rows that could not be asked.
        anomalies: Labels of anomalies.
    """

    arm: str
    labels: str
    method: str
    ap: float
    anomalies: int


def curve(run: Run, seed: int) -> Iterator[Point]:
    """All points of a table. Half of the rows, by class, can be asked about; the others judge."""
    rng = np.random.default_rng(seed)
    asked = np.zeros(len(run.y), dtype=bool)
    for kind in (0, 1):
        rows = rng.permutation(np.flatnonzero(run.y == kind))
        asked[rows[: len(rows) // 2]] = True
    judge = np.flatnonzero(~asked)
    yield Point(arm="none", labels="0", method=OURS, ap=_ap(run, run.rows.scores, judge), anomalies=0)
    yield from _queried(run, asked, judge, seed)
    order = rng.permutation(np.flatnonzero(asked))
    for count in COUNTS:
        yield from _points(run, order[:count], judge, (RANDOM, str(count)), seed)
    for share in SHARES:
        some = order[: max(1, round(share * len(order)))]
        yield from _points(run, some, judge, (RANDOM, f"{share:.0%}"), seed)
        positive = some[run.y[some] == 1]
        if len(positive):
            yield from _points(run, positive, judge, (POSITIVE, f"{share:.0%}"), seed)
    yield from _points(run, order, judge, (RANDOM, "all"), seed)


def _queried(run: Run, asked: np.ndarray[Any, Any], judge: IntArray, seed: int) -> Iterator[Point]:
    labelled, scores = np.zeros(0, dtype=np.int64), _odds_before(run)
    for count in COUNTS:
        while len(labelled) < count:
            most = _STEP if len(labelled) < _FEW else _LARGE_STEP
            free = asked.copy()
            free[labelled] = False
            pool = Pool(scores=scores, free=free, inputs=run.rows.inputs, threshold=0.0)
            new = propose(pool, min(most, count - len(labelled)), strategy="auto", seed=seed)
            if not len(new):
                break
            labelled = np.concatenate([labelled, new])
            scores = _ours(run, labelled, seed)
        yield from _points(run, labelled, judge, (QUERIED, str(count)), seed)


def _points(run: Run, labelled: IntArray, judge: IntArray, arm: tuple[str, str], seed: int) -> Iterator[Point]:
    anomalies = int(run.y[labelled].sum())
    found = {OURS: _ours(run, labelled, seed)}
    for method, inputs in ((LIGHTGBM, run.columns), (XGBOD, run.rows.inputs)):
        found[method] = run.rows.scores  # with labels of one kind alone there is nothing to learn
        if 0 < anomalies < len(labelled):
            target = run.y[labelled].astype(np.float64)
            taught = Taught(inputs=inputs[labelled], target=target, weight=np.ones(len(labelled)))
            found[method] = learn_boosted(taught, seed=seed).log_odds(inputs)
    for method, scores in found.items():
        yield Point(arm=arm[0], labels=arm[1], method=method, ap=_ap(run, scores, judge), anomalies=anomalies)


def _ours(run: Run, labelled: IntArray, seed: int) -> FloatArray:
    values = np.full(len(run.y), -1, dtype=np.int8)
    values[labelled] = run.y[labelled]
    found = supervise(run.rows, Labels(values=values), seed=seed)
    return found.supervised.log_odds(run.rows.inputs, run.rows.scores)


def _odds_before(run: Run) -> FloatArray:
    known = np.clip(run.rows.calibration.at(run.rows.scores), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(known / (1 - known)) + 0.01 * run.rows.scores)


def _ap(run: Run, scores: FloatArray, judge: IntArray) -> float:
    return average_precision(run.y[judge], scores[judge])
