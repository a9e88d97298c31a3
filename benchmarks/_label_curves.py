"""One table's curves: how right each method is with more and more labels, on rows that nobody labelled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import _xgbod
from benchmarks._label_runs import Run
from benchmarks._mixed_methods import adengine
from benchmarks._xgbod import Xgbod
from pynomaly_auto.asking import Pool, propose
from pynomaly_auto.records import FloatArray, IntArray, Labels
from pynomaly_auto.scoring import average_precision
from pynomaly_auto.supervising import Taught, learn_boosted, supervise

COUNTS = (5, 10, 25, 50, 100)
SHARES = (0.01, 0.05)
OURS, LIGHTGBM, RECIPE = "ours", "LightGBM", "LightGBM with members' scores"
XGBOD, ADENGINE = "XGBOD", "ADEngine"
NONE, QUERIED, RANDOM, POSITIVE = "none", "queried", "random", "random, anomalies alone"
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
    yield Point(arm=NONE, labels="0", method=OURS, ap=_ap(run, run.rows.scores, judge), anomalies=0)
    yield Point(
        arm=NONE,
        labels="0",
        method=ADENGINE,
        ap=_ap(run, adengine(run.columns.astype(np.float64), seed), judge),
        anomalies=0,
    )
    peer = Xgbod(run.columns) if _xgbod.AVAILABLE else None
    learning = _Learning(run=run, judge=judge, xgbod=peer, seed=seed)
    yield from _queried(learning, asked)
    order = rng.permutation(np.flatnonzero(asked))
    for count in COUNTS:
        yield from learning.points(order[:count], RANDOM, str(count))
    for share in SHARES:
        some = order[: max(1, round(share * len(order)))]
        yield from learning.points(some, RANDOM, f"{share:.0%}")
        positive = some[run.y[some] == 1]
        if len(positive):
            yield from learning.points(positive, POSITIVE, f"{share:.0%}")
    yield from learning.points(order, RANDOM, "all")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Learning:
    """Who learns on a table, and which rows judge."""

    run: Run
    judge: IntArray
    xgbod: Xgbod | None
    seed: int

    def points(self, labelled: IntArray, arm: str, labels: str) -> Iterator[Point]:
        """Every method with these rows labelled; without two kinds of labels the peers say what ours says without."""
        run, target = self.run, self.run.y[labelled].astype(np.float64)
        found = {OURS: self.ours(labelled)}
        apart = 0 < target.sum() < len(labelled)
        for method, inputs in ((LIGHTGBM, run.columns), (RECIPE, run.rows.inputs)):
            found[method] = run.rows.scores
            if apart:
                taught = Taught(inputs=inputs[labelled], target=target, weight=np.ones(len(labelled)))
                found[method] = learn_boosted(taught, seed=self.seed).log_odds(inputs)
        if self.xgbod is not None:
            found[XGBOD] = self.xgbod.scores(labelled, target) if apart else run.rows.scores
        for method, scores in found.items():
            ap = _ap(run, scores, self.judge)
            yield Point(arm=arm, labels=labels, method=method, ap=ap, anomalies=int(target.sum()))

    def ours(self, labelled: IntArray) -> FloatArray:
        """Log odds by ours; shape (n_rows,)."""
        values = np.full(len(self.run.y), -1, dtype=np.int8)
        values[labelled] = self.run.y[labelled]
        found = supervise(self.run.rows, Labels(values=values), seed=self.seed)
        return found.supervised.log_odds(self.run.rows.inputs, self.run.rows.scores)


def _queried(learning: _Learning, asked: np.ndarray[Any, Any]) -> Iterator[Point]:
    run = learning.run
    labelled, scores = np.zeros(0, dtype=np.int64), _odds_before(run)
    for count in COUNTS:
        while len(labelled) < count:
            most = _STEP if len(labelled) < _FEW else _LARGE_STEP
            free = asked.copy()
            free[labelled] = False
            pool = Pool(scores=scores, free=free, inputs=run.rows.inputs, threshold=0.0)
            new = propose(pool, min(most, count - len(labelled)), strategy="auto", seed=learning.seed)
            if not len(new):
                break
            labelled = np.concatenate([labelled, new])
            scores = learning.ours(labelled)
        yield from learning.points(labelled, QUERIED, str(count))


def _odds_before(run: Run) -> FloatArray:
    known = np.clip(run.rows.calibration.at(run.rows.scores), 1e-4, 1 - 1e-4)
    return np.asarray(np.log(known / (1 - known)) + 0.01 * run.rows.scores)


def _ap(run: Run, scores: FloatArray, judge: IntArray) -> float:
    return average_precision(run.y[judge], scores[judge])
