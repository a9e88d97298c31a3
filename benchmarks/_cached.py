"""Methods made of cached member scores: whole suites without fitting anything.

``parts`` is the folder a ``pynomaly kb build`` leaves: one file per task with every detector's scores.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._calibration import binned
from benchmarks._choosing import by_internal_measures, by_meta_features
from benchmarks._sets import FAMILIES, MEANS
from benchmarks._store import Line
from pynomaly_auto.building import Task, load_task
from pynomaly_auto.building.measuring._parts import DEFAULT, read_part
from pynomaly_auto.errors import PynomalyError
from pynomaly_auto.models import META, STATISTIC
from pynomaly_auto.records import Configuration, FloatArray, IntArray
from pynomaly_auto.scoring import STATISTICS, average_precision, roc_auc, tail_ranks

FUSED = "pynomaly_auto, fused"
METAOD, ELECT = "MetaOD-style choice", "ELECT-style choice"
FAMILY_MEANS, ALL = "mean of family means", "mean of all"
ORACLE, FAMILY_ORACLE = "oracle", "oracle of families"
ORACLES = (ORACLE, FAMILY_ORACLE)
_NEAR = 1e-4  # stored metrics are single precision in older parts


@dataclass(frozen=True, kw_only=True, eq=False)
class Cached:
    """One task's cached scores, judged.

    Args:
        record: The task's record, meta-features included.
        measured: Method to ROC-AUC and average precision.
        failed: Detectors that have no scores here.
        statistics: Detector to the statistics of its scores, in the order of `scoring.STATISTICS`.
        fused: Quality of out-of-fold fused scores, where given.
    """

    record: Mapping[str, Any]
    measured: dict[str, tuple[float, float]]
    failed: tuple[str, ...]
    statistics: Mapping[str, FloatArray] = field(repr=False)
    fused: Mapping[str, Any] | None = None


def evaluate(parts: Path, tasks: Iterable[Task], fused: Path | None = None) -> list[Line]:
    """Judge all cached methods on all tasks that have a part.

    Args:
        parts: Folder of part files.
        tasks: Where labels come from; parts of other tasks are passed over.
        fused: Parquet with columns ``task, row, score, probability``: out-of-fold scores of the fusion.

    Returns:
        One line per task: facts, ``measured`` (method to ROC-AUC and AP), ``failed`` detectors, ``fused``.

    Raises:
        SystemExit: There is no part of any task, or the fused file lacks a column.
    """
    known = {task.name: task for task in tasks}
    ours = _fused_scores(fused) if fused is not None else {}
    found: list[Cached] = []
    skipped: list[str] = []
    for path in sorted(parts.glob("*.parquet")):
        try:
            record, table = read_part(path)
            if (task := known.get(str(record["task"]))) is not None:
                found.append(judged(record, table, task, ours.get(task.name)))
        except (PynomalyError, ValueError) as error:
            skipped.append(f"{path.name}: {error}")
    for text in skipped:
        print(f"passed over {text}", file=sys.stderr)
    if not found:
        raise SystemExit(f"{parts} holds no part of any of the {len(known)} tasks asked for.")
    _add_choices(found)
    return [_line(cached) for cached in found]


def judged(record: Mapping[str, Any], table: pd.DataFrame, task: Task, ours: pd.DataFrame | None) -> Cached:
    """Judge one part's scores and what is made of them.

    Raises:
        ValueError: The labels do not belong to the scores.
    """
    views = _viewed(table)
    table = table[table["config"] == DEFAULT]
    done = table[(table["status"] == "completed") & table["scores"].notna()]
    # A table that was cut down has exactly as many rows as it was cut down to.
    seed = int(table["seed"].iloc[0]) if len(table) else 0
    _, y = load_task(task, max_rows=int(record["n_rows"]), seed=seed)
    scores = {str(r.detector): np.asarray(r.scores, dtype=np.float64) for r in done.itertuples()}
    _check(y, scores, dict(zip(done["detector"], done["roc_auc"].astype(float), strict=True)))
    ranked = {name: tail_ranks(values) for name, values in scores.items()}
    measured = {name: _quality(y, values) for name, values in (ranked | combined(ranked, views)).items()}
    measured |= _oracles(measured, tuple(scores), y, ranked)
    statistics = {
        str(r.detector): np.array([float(getattr(r, STATISTIC + s, np.nan)) for s in STATISTICS])
        for r in done.itertuples()
    }
    return Cached(
        record=record,
        measured=measured,
        failed=tuple(sorted(set(table["detector"].astype(str)) - set(scores))),
        statistics=statistics,
        fused=_judge_fused(y, ours) if ours is not None else None,
    )


def _check(y: IntArray, scores: Mapping[str, FloatArray], stored: Mapping[str, float]) -> None:
    """Labels in another order would give nonsense without an error: the stored figures must come out again."""
    for name, values in scores.items():
        if len(values) != len(y):
            raise ValueError(f"{len(values)} scores of {name} for {len(y)} labels")
        if abs(roc_auc(y, values) - stored[name]) > _NEAR:
            raise ValueError(f"the ROC-AUC of {name} is not the stored one: labels or rows have changed since")


def _viewed(table: pd.DataFrame) -> dict[str, FloatArray]:
    """−log tail ranks of the members in other views, by ``detector:view``, as far as fixed means ask for them."""
    asked = {name for names in MEANS.values() for name in names if ":" in name}
    out: dict[str, FloatArray] = {}
    for row in table[(table["config"] != DEFAULT) & table["scores"].notna()].itertuples():
        name = Configuration(detector=str(row.detector), params=json.loads(str(row.params))).fusion_name
        if name in asked:
            out[name] = tail_ranks(np.asarray(row.scores, dtype=np.float64))
    return out


def combined(ranked: Mapping[str, FloatArray], views: Mapping[str, FloatArray] | None = None) -> dict[str, FloatArray]:
    """Plain means of −log tail ranks; each of the members that are there, none of a set that has none.

    Args:
        ranked: By detector.
        views: By ``detector:view``, for the fixed means that name such members.
    """
    out: dict[str, FloatArray] = {}
    known = {**ranked, **(views or {})}
    for title, names in MEANS.items():
        if (mean := mean_of(known, names)) is not None:
            out[title] = mean
    families = [mean for mean in family_means(ranked).values() if mean is not None]
    if families:
        out[FAMILY_MEANS] = np.asarray(np.mean(families, axis=0))
    if (mean := mean_of(ranked, tuple(ranked))) is not None:
        out[ALL] = mean
    return out


def mean_of(ranked: Mapping[str, FloatArray], names: Iterable[str]) -> FloatArray | None:
    """Plain mean of those of the detectors that are there."""
    there = [ranked[name] for name in names if name in ranked]
    return np.asarray(np.mean(there, axis=0)) if there else None


def family_means(ranked: Mapping[str, FloatArray]) -> dict[str, FloatArray | None]:
    """Mean of each family of `_sets.FAMILIES`."""
    return {family: mean_of(ranked, names) for family, names in FAMILIES.items()}


def _oracles(
    measured: Mapping[str, tuple[float, float]],
    detectors: tuple[str, ...],
    y: IntArray,
    ranked: Mapping[str, FloatArray],
) -> dict[str, tuple[float, float]]:
    """The best of all detectors, and of the families' means, chosen with the labels, for each measure apart."""
    families = [_quality(y, mean) for mean in family_means(ranked).values() if mean is not None]
    out = {}
    for title, found in ((ORACLE, [measured[d] for d in detectors]), (FAMILY_ORACLE, families)):
        if found:
            out[title] = (max(f[0] for f in found), max(f[1] for f in found))
    return out


def _quality(y: IntArray, scores: FloatArray) -> tuple[float, float]:
    return roc_auc(y, scores), average_precision(y, scores)


def _fused_scores(path: Path) -> dict[str, pd.DataFrame]:
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise SystemExit(f"The fused scores {path} cannot be read: {error}") from None
    if missing := {"task", "row", "score", "probability"} - set(table.columns):
        raise SystemExit(f"{path} lacks the columns {', '.join(sorted(missing))}.")
    return {str(name): part.sort_values("row") for name, part in table.groupby("task")}


def _judge_fused(y: IntArray, ours: pd.DataFrame) -> dict[str, Any]:
    """Quality of the fused scores.

    Raises:
        ValueError: There is not one row per label.
    """
    if not np.array_equal(ours["row"].to_numpy(), np.arange(len(y))):
        raise ValueError(f"the fused scores do not hold rows 0 to {len(y) - 1} once each")
    p = ours["probability"].to_numpy(dtype=np.float64)
    auc, ap = _quality(y, ours["score"].to_numpy(dtype=np.float64))
    called = ours["label"].to_numpy(dtype=bool) if "label" in ours else p > 0.5
    return {
        "roc_auc": auc,
        "ap": ap,
        "f1": 2 * int((called & (y == 1)).sum()) / max(int(called.sum()) + int(y.sum()), 1),
        "contamination": float(p.mean()),
        "share_error": abs(float(p.mean()) - float(y.mean())),
        "bins": binned(p, y),
    }


def _add_choices(found: list[Cached]) -> None:
    """Add what the two neighbour choices would have picked, by the mean of both measures on other groups' tables."""
    detectors = sorted({name for cached in found for name in cached.statistics})
    values = np.full((2, len(found), len(detectors)), np.nan)
    statistics = np.full((len(found), len(detectors), len(STATISTICS)), np.nan)
    for i, cached in enumerate(found):
        for j, name in enumerate(detectors):
            if name in cached.statistics:
                values[:, i, j] = cached.measured[name]
                statistics[i, j] = cached.statistics[name]
    tasks = pd.DataFrame([cached.record for cached in found])
    groups = tasks["group"].to_numpy(dtype=object)
    quality = values.mean(axis=0)
    choices = {ELECT: by_internal_measures(statistics, groups, quality)}
    if any(str(c).startswith(META) for c in tasks.columns):
        choices[METAOD] = by_meta_features(tasks, quality)
    for title, chosen in choices.items():
        for cached, at in zip(found, chosen, strict=True):
            if at is not None:
                cached.measured[title] = cached.measured[detectors[at]]


def _line(cached: Cached) -> Line:
    record = cached.record
    line: Line = {
        "suite": record["suite"], "table": record["task"], "group": record["group"], "domain": record["domain"],
        "rows": record["n_rows"], "columns": record["n_columns"], "features": record["n_features"],
        "share": record["anomaly_share"], "measured": {k: list(v) for k, v in cached.measured.items()},
        "failed": list(cached.failed),
    }  # fmt: skip
    return line | ({"fused": dict(cached.fused)} if cached.fused is not None else {})
