"""Learning to hear cells: a judge of single cells, the fusion of its odds with an ensemble's score, its calibration.

All three are judged, and the later ones trained, on what models say that did not see a table's group (stacked
generalisation, Wolpert 1992): a judge that has seen a table is surer of it than it would be of a new one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pynomaly_auto import scoring
from pynomaly_auto.building.learning._splits import group_folds
from pynomaly_auto.building.learning._train import Learned
from pynomaly_auto.building.measuring._cell_parts import CellTask
from pynomaly_auto.ensembling import Cells, Distribution, WithCells, in_order
from pynomaly_auto.forest import Forest, from_lightgbm_text
from pynomaly_auto.models import (
    CellFusion,
    CellJudge,
    Heard,
    Judged,
    calibration_features,
    calibration_inputs,
    cell_facts,
    cell_fusion_features,
    cell_fusion_inputs,
    cell_judge_features,
    cell_judge_inputs,
    cell_margin,
    rising,
    rising_in_cells,
)
from pynomaly_auto.records import FloatArray, IntArray

# Members whose ranks the fusion looks at beside the ensemble's score: local and global ones, and those it starts from.
MEMBERS: tuple[str, ...] = (
    "knn", "knn_mean", "kde", "lof", "cof", "iforest", "hbos", "ecod", "copod", "grubbs", "inne", "fair_cut_forest",
    "mcd", "pca", "kde:trimmed", "knn:trimmed", "loda:trimmed", "pca:trimmed", "mcd:trimmed",
)  # fmt: skip
FEWEST_GROUPS = 20
_FOLDS = 5
_MODELS = 2
# Tables with labels of what happened are the fewest and the hardest; planted ones the most. Those made of classes and
# targets are small, and say what is rare more than what is odd.
_WEIGHT: Mapping[str, float] = {"business": 2.0, "planted": 0.35, "uci": 0.5}
_TREES, _JUDGE_TREES, _CALIBRATION_TREES = 300, 200, 400
_ROWS, _CELLS, _CALIBRATED = 250, 600, 1_000  # most of a class that one table gives; rows that calibrate
_THINNED = 3  # times each table is also seen with fewer anomalies, for the calibration
_RAREST, _SMALLEST = 0.002, 0.5  # rate of anomalies then; share of the rows that are left at least
_BASE: Mapping[str, Any] = {
    "objective": "binary", "learning_rate": 0.04, "num_leaves": 15, "feature_fraction": 0.3, "bagging_fraction": 0.7,
    "bagging_freq": 1, "lambda_l2": 20.0, "min_data_in_leaf": 200, "max_bin": 127, "verbosity": -1,
    "deterministic": True, "force_row_wise": True, "num_threads": 1,
}  # fmt: skip
_JUDGE: Mapping[str, Any] = {
    **_BASE, "learning_rate": 0.05, "feature_fraction": 0.4, "min_data_in_leaf": 100
}  # fmt: skip
_CALIBRATION: Mapping[str, Any] = {
    **_BASE, "learning_rate": 0.03, "num_leaves": 7, "feature_fraction": 0.5, "lambda_l2": 50.0,
    "min_data_in_leaf": 300,
}  # fmt: skip


def learn_cells(tasks: Sequence[CellTask], detectors: Sequence[str], *, seed: int) -> dict[str, Learned]:
    """Train the judge of cells, the fusion with cells and its calibrator.

    Args:
        tasks: Known tables of several kinds of columns.
        detectors: Cell detectors to be heard.
        seed: Seed of everything random.

    Returns:
        ``"cell_judge"``, ``"cell_fusion"`` and ``"cell_calibrator"``, with figures on groups that were held out.
    """
    folds = group_folds([t.group for t in tasks], _FOLDS, seed)
    judge_names, names = cell_judge_features(detectors), cell_fusion_features(MEMBERS, detectors)
    judges = [_judge(_but(tasks, folds, f), judge_names, seed) for f in range(_FOLDS)]
    heard = [_hear(t, CellJudge.of(judge_names, judges[f])) for t, f in zip(tasks, folds, strict=True)]
    inputs = [cell_fusion_inputs(names, h.heard, h.facts) for h in heard]
    texts = [_fusion(*_split(tasks, inputs, folds, f), names, seed) for f in range(_FOLDS)]
    fusions = [CellFusion.of(names, [text]) for text in texts]
    odds = [fusions[f].log_odds(h.heard, h.facts) for h, f in zip(heard, folds, strict=True)]
    final = [_fusion(tasks, inputs, names, seed + i) for i in range(_MODELS)]
    figures = _figures(tasks, [_final(*those) for those in zip(tasks, heard, odds, strict=True)], heard)
    return {
        "cell_judge": Learned(
            files={}, boosters={"mean": _judge(tasks, judge_names, seed)}, features=judge_names,
            validation=_cell_figures(tasks, heard),
        ),
        "cell_fusion": Learned(
            files={}, boosters={str(i): text for i, text in enumerate(final)}, features=names, validation=figures
        ),
        "cell_calibrator": _calibrator(tasks, heard, fusions, folds, seed),
    }  # fmt: skip


def _but(tasks: Sequence[CellTask], folds: IntArray, fold: int) -> list[CellTask]:
    return [t for t, f in zip(tasks, folds, strict=True) if f != fold]


def _split(
    tasks: Sequence[CellTask], inputs: Sequence[Any], folds: IntArray, fold: int
) -> tuple[list[CellTask], list[Any]]:
    return _but(tasks, folds, fold), [x for x, f in zip(inputs, folds, strict=True) if f != fold]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Hearing:
    """What is heard of a table's rows, its facts, and the log odds of its cells, shape (n_rows, n_columns)."""

    heard: Heard
    facts: dict[str, float]
    odds: FloatArray


def _hear(task: CellTask, judge: CellJudge, odds: FloatArray | None = None) -> _Hearing:
    """Hear a table as its judge does; ``odds``: of its cells, where they are known."""
    fusion = CellFusion(features=cell_fusion_features(MEMBERS, task.layout.names), forests=())
    cells = Cells.of(judge, task.layout, task.bits)
    odds = cells.odds(task.bits) if odds is None else odds
    heard = WithCells.unweighed(fusion, cells, task.scores, task.bits).heard(task.scores, task.bits, odds)
    return _Hearing(heard=heard, facts=cell_facts(heard, task.kinds), odds=odds)


def _final(task: CellTask, hearing: _Hearing, odds: FloatArray) -> FloatArray:
    """The final scores of a table's rows, as a fitted ensemble gives them."""
    own = Distribution.of(task.scores.final)(task.scores.final)
    return in_order(hearing.facts, Distribution.of(odds)(odds), own, task.scores.ranks)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """Rows or cells to train on, of several tables, one after another; ``start``: what trees are added to."""

    X: Sequence[Any]
    y: Sequence[Any]
    weight: Sequence[FloatArray]
    start: Sequence[FloatArray] | None = None

    def boost(self, params: Mapping[str, Any], trees: int, signs: Sequence[int] | None, seed: int) -> str:
        """The text of boosted trees; ``signs``: 1 for inputs in which they have to rise."""
        import lightgbm

        own = {**params, "seed": seed} | ({} if signs is None else {"monotone_constraints": list(signs)})
        X, weight = np.concatenate(self.X), np.concatenate(self.weight)
        names = [f"f{i}" for i in range(X.shape[1])]
        data = lightgbm.Dataset(
            X, label=np.concatenate(self.y).astype(np.int64), weight=weight / weight.mean(), feature_name=names,
            init_score=None if self.start is None else np.concatenate(self.start),
        )  # fmt: skip
        return str(lightgbm.train(own, data, num_boost_round=trees).model_to_string())


def _drawn(positive: IntArray, negative: IntArray, most: int, seed: int) -> tuple[IntArray, FloatArray]:
    """Some of each class, and weights by which both count alike and sum to 1."""
    rng = np.random.default_rng(seed)
    parts = [p if len(p) <= most else rng.choice(p, most, replace=False) for p in (positive, negative)]
    shares = [np.full(len(p), 0.5 / max(len(p), 1)) for p in parts]
    return np.concatenate(parts), np.concatenate(shares)


def _judge(tasks: Sequence[CellTask], names: Sequence[str], seed: int) -> str:
    """The judge's text; cells of which nothing is said teach nothing, and those of odd rows only where marked."""
    X, y, weight = [], [], []
    for i, task in enumerate(tasks):
        cube = task.layout.cube(task.bits)
        n, width, depth = cube.shape
        said = cube.reshape(n * width, depth)
        wrong = np.zeros((n, width), dtype=bool) if task.wrong is None else task.wrong
        ordinary = np.repeat((task.labels == 0) if task.suite != "dirty" else np.ones(n, dtype=bool), width)
        spoken = said.sum(axis=1) > 0
        at, share = _drawn(
            np.flatnonzero(wrong.ravel() & spoken), np.flatnonzero(~wrong.ravel() & spoken & ordinary), _CELLS, seed + i
        )
        if not len(at):
            continue
        bound = Cells.of(_untrained(names), task.layout, task.bits)
        X.append(cell_judge_inputs(names, task.layout.names, *bound.said(said[at], at % width)))
        y.append(wrong.ravel()[at])
        weight.append(share * _WEIGHT.get(task.suite, 1.0))
    return _Rows(X=X, y=y, weight=weight).boost(_JUDGE, _JUDGE_TREES, rising_in_cells(names), seed)


def _untrained(names: Sequence[str]) -> CellJudge:
    none = Forest(
        sizes=np.empty(0, dtype=np.int64),
        features=np.empty(0, dtype=np.int64),
        values=np.empty(0),
        n_features=len(names),
    )
    return CellJudge(features=tuple(names), forest=none)


def _fusion(tasks: Sequence[CellTask], inputs: Sequence[Any], names: Sequence[str], seed: int) -> str:
    X, y, weight = [], [], []
    for i, (task, x) in enumerate(zip(tasks, inputs, strict=True)):
        at, share = _drawn(np.flatnonzero(task.labels == 1), np.flatnonzero(task.labels == 0), _ROWS, i)
        X.append(x[at])
        y.append(task.labels[at])
        weight.append(share * _WEIGHT.get(task.suite, 1.0))
    start = [cell_margin(names, x) for x in X]
    return _Rows(X=X, y=y, weight=weight, start=start).boost(_BASE, _TREES, rising(names), seed)


def _thinned(task: CellTask, seed: int, *, rarer: bool) -> IntArray:
    """Some rows of a table, at its own rate of anomalies or a lower one: calibration must hold where these are rarer.

    How many rows there are tells nothing of the rate: where anomalies alone are left out, tables of all the rows that
    were measured are those of many anomalies, and so is every longer one.
    """
    rng = np.random.default_rng([seed, len(task.labels)])
    odd, ordinary = np.flatnonzero(task.labels == 1), np.flatnonzero(task.labels == 0)
    rate = len(odd) / len(task.labels)
    if rarer:
        rate = float(np.exp(rng.uniform(np.log(_RAREST), np.log(max(rate, 1.01 * _RAREST)))))
    size = round(rng.uniform(_SMALLEST, 1.0) * len(ordinary))
    n_odd = int(np.clip(round(rate * size), 1, len(odd)))
    drawn = (rng.choice(odd, n_odd, replace=False), rng.choice(ordinary, max(size - n_odd, 1), replace=False))
    return np.sort(np.concatenate(drawn))


def _judged(task: CellTask, hearing: _Hearing, fusion: CellFusion) -> Judged:
    odds = fusion.log_odds(hearing.heard, hearing.facts)
    scores = _final(task, hearing, odds)
    return Judged(
        scores=scores, odds=odds, robust=task.scores.robust, tails=scoring.tail_ranks(scores), facts=hearing.facts
    )


def _calibrator(
    tasks: Sequence[CellTask], heard: Sequence[_Hearing], fusions: Sequence[CellFusion], folds: IntArray, seed: int
) -> Learned:
    """From log odds to probabilities, at the tables' own rates of anomalies and at lower ones."""
    silent = _untrained(())  # the odds of the cells are known
    all_tasks, judged = [], []
    for task, hearing, fold in zip(tasks, heard, folds, strict=True):
        for k in range(1 + _THINNED):
            kept = _thinned(task, seed + k, rarer=k > 0)
            some = task.rows(kept)
            all_tasks.append((some, fold))
            judged.append(_judged(some, _hear(some, silent, hearing.odds[kept]), fusions[fold]))
    features = calibration_features(tuple(judged[0].facts))
    inputs = [calibration_inputs(features, j) for j in judged]
    rng = np.random.default_rng(seed)
    drawn = [rng.permutation(len(x))[:_CALIBRATED] for x in inputs]
    labels, at = [t.labels for t, _ in all_tasks], np.array([f for _, f in all_tasks])

    def train(kept: IntArray) -> str:
        rows = _Rows(
            X=[inputs[i][drawn[i]] for i in kept],
            y=[labels[i][drawn[i]] for i in kept],
            weight=[np.full(len(drawn[i]), 1.0 / len(drawn[i])) for i in kept],
        )
        return rows.boost(_CALIBRATION, _CALIBRATION_TREES, None, seed)

    errors, expected, true = [], [], []
    for fold in range(_FOLDS):
        forest = from_lightgbm_text(train(np.flatnonzero(at != fold)))
        for i in np.flatnonzero(at == fold):
            expected.append(float(forest.predict(inputs[i]).mean()))
            true.append(float(labels[i].mean()))
            errors.append(abs(expected[-1] - true[-1]))
    figures = {
        "share_mae": float(np.mean(errors)),
        "share_correlation": float(np.corrcoef(np.log(expected), np.log(true))[0, 1]),
        "tables": float(len(all_tasks)),
    }
    return Learned(
        files={}, boosters={"mean": train(np.arange(len(inputs)))}, features=features, validation=figures
    )  # fmt: skip


def _figures(
    tasks: Sequence[CellTask], final: Sequence[FloatArray], heard: Sequence[_Hearing]
) -> dict[str, float | None]:
    """Of each suite: with cells, and the ensemble alone."""
    out: dict[str, float | None] = {"tables": float(len(tasks)), "groups": float(len({t.group for t in tasks}))}
    for suite in sorted({t.suite for t in tasks}):
        at = [i for i, t in enumerate(tasks) if t.suite == suite]
        for name, metric in (("roc_auc", scoring.roc_auc), ("average_precision", scoring.average_precision)):
            out[f"{name}_{suite}"] = float(np.mean([metric(tasks[i].labels, final[i]) for i in at]))
            out[f"{name}_{suite}_ensemble"] = float(
                np.mean([metric(tasks[i].labels, heard[i].heard.final) for i in at])
            )
    return out


def _cell_figures(tasks: Sequence[CellTask], heard: Sequence[_Hearing]) -> dict[str, float | None]:
    """Average precision by cell, and how often the oddest cell of a wrong row is wrong; tables with marked cells."""
    precision, first = [], []
    for task, hearing in zip(tasks, heard, strict=True):
        if task.wrong is None or task.suite != "dirty" or not task.wrong.any():
            continue
        odds = hearing.odds
        precision.append(scoring.average_precision(task.wrong.ravel().astype(np.int64), odds.ravel()))
        seen = task.wrong.any(axis=1) & (odds.max(axis=1) > odds.min())
        if seen.any():
            first.append(float(task.wrong[np.arange(len(odds)), odds.argmax(axis=1)][seen].mean()))
    return {
        "average_precision_cells": float(np.mean(precision)) if precision else None,
        "wrong_column_first": float(np.mean(first)) if first else None,
        "tables": float(len(precision)),
    }
