"""Measuring what learning to hear cells needs of one task: the ensemble's scores, and the evidence of its cells."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from pynomaly_auto import scoring
from pynomaly_auto.building.measuring._cell_parts import (
    CellTask,
    RawScores,
    digest_of,
    read_raw_scores,
    write_cell_task,
    write_raw_scores,
)
from pynomaly_auto.building.tasks._recipes import FEWEST, cap
from pynomaly_auto.building.tasks._sources import Loaded, Task, load_rows
from pynomaly_auto.cells import CELL_DETECTORS, TELLING_KINDS, look
from pynomaly_auto.dataset import TableEncoder, open_table
from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.ensembling import BaseScores
from pynomaly_auto.errors import InvalidInputError, NotApplicableError, PynomalyError
from pynomaly_auto.models import Fusion, MemberScores, table_facts
from pynomaly_auto.records import CellLayout, Configuration, FloatArray, IntArray

_SCORES = "scores"  # folder beside the parts that keeps what members said


def measure_cells(task: Task, fusion: Fusion, *, max_rows: int, seed: int, known: Path | None = None) -> CellTask:
    """Fit the fusion's members and all cell detectors on a task.

    Args:
        task: Of several kinds of columns.
        fusion: The learned fusion, whose score the cells will be heard beside.
        max_rows: Rows used.
        seed: Of the rows drawn and of the detectors.
        known: File that keeps what members say: of the same encoded table they are not asked again.

    Raises:
        InvalidInputError: There are numbers alone, of which no cell is known to be wrong, no cell detector applies, or
            too few members could be fitted.
    """
    loaded = _loaded(task, max_rows, seed)
    opened = open_table(loaded.frame)
    encoder = TableEncoder().fit(opened)
    dataset, original = encoder.encode(opened), encoder.original(opened)
    if loaded.wrong is None and not any(column.kind in TELLING_KINDS for column in dataset.columns):
        raise InvalidInputError(f"{task.name} has columns of numbers alone.")
    evidence = look(original).evidence(original)
    if not evidence:
        raise InvalidInputError(f"no cell detector has anything to go by in {task.name}.")
    columns = {
        name: [j for j, column in enumerate(original.columns) if column.role in CELL_DETECTORS[name].roles]
        for name in evidence
    }
    layout = CellLayout.of(columns, original.n_columns)
    return CellTask(
        task=task.name, suite=task.suite, group=task.group, labels=loaded.y,
        kinds=tuple(column.kind for column in dataset.columns), layout=layout, bits=layout.lay(evidence),
        wrong=loaded.wrong, scores=base_scores(raw_scores(dataset.X, fusion, seed, known), fusion, dataset.X.shape[1]),
        asked=tuple(CELL_DETECTORS),
    )  # fmt: skip


def measure_part(task: Task, fusion: Fusion, path: Path, max_rows: int, seed: int) -> None:
    """Measure a task and keep it in a file, what members say in another of the same name beside it.

    Raises:
        PynomalyError: As `measure_cells`, or a file cannot be written.
    """
    known = path.parent / _SCORES / path.name
    write_cell_task(path, measure_cells(task, fusion, max_rows=max_rows, seed=seed, known=known))


def _loaded(task: Task, max_rows: int, seed: int) -> Loaded:
    """At most so many rows: where times stand beside them, rows that follow each other, as histories are lost else."""
    whole = load_rows(task, max_rows=sys.maxsize, seed=seed)
    if len(whole.y) <= max_rows:
        return whole
    rng = np.random.default_rng([seed, *task.name.encode()])
    kept = _window(whole.y, max_rows, rng) if _has_times(whole) else None
    kept = cap(whole.y, max_rows, rng) if kept is None else kept
    return replace(
        whole, frame=whole.frame.iloc[kept].reset_index(drop=True), y=whole.y[kept], rows=whole.rows[kept],
        wrong=None if whole.wrong is None else whole.wrong[kept],
    )  # fmt: skip


def _has_times(loaded: Loaded) -> bool:
    table = open_table(loaded.frame.head(1_000))
    return any(column.role == "time" for column in TableEncoder().fit(table).original(table).columns)


def _window(labels: IntArray, max_rows: int, rng: np.random.Generator) -> IntArray | None:
    """Positions that follow each other and hold anomalies enough; None: hardly any such run does."""
    found = np.concatenate([[0], np.cumsum(labels)])
    firsts = np.flatnonzero(found[max_rows:] - found[:-max_rows] >= min(FEWEST, labels.sum()))
    if not len(firsts):
        return None
    first = int(rng.choice(firsts))
    return np.arange(first, first + max_rows)


def raw_scores(X: FloatArray, fusion: Fusion, seed: int, known: Path | None) -> RawScores:
    """What the members say of an encoded table; what a file knows of it is taken from there."""
    digest = digest_of(X, seed)
    raw = RawScores(digest=digest, scores={}) if known is None else read_raw_scores(known, digest)
    missing = [name for name in fusion.members if name not in raw.scores]
    if not missing:
        return raw
    made = RawScores(digest=digest, scores={**raw.scores, **{name: _said(name, X, seed) for name in missing}})
    if known is not None:
        write_raw_scores(known, made)
    return made


def _said(name: str, X: FloatArray, seed: int) -> FloatArray | None:
    """The scores of one member; None: it cannot be fitted."""
    made = Configuration.of_fusion_name(name)
    try:
        _, scores = fit_detector(DETECTORS[made.detector], dict(made.params), X, seed=seed)
    except (PynomalyError, NotApplicableError):
        return None
    return np.asarray(scores, dtype=np.float64)


def base_scores(raw: RawScores, fusion: Fusion, n_features: int) -> BaseScores:
    """The ensemble of all members that could be fitted, as on a known table; scores are not smoothed here.

    Args:
        raw: What they said.
        fusion: The learned fusion.
        n_features: Of the encoded table.

    Raises:
        InvalidInputError: Too few could be fitted.
    """
    said = {name: raw.scores[name] for name in fusion.members}
    found = {name: scores for name, scores in said.items() if scores is not None}
    if not fusion.knows(list(found)):
        raise InvalidInputError(f"{len(found)} members of the fusion could be fitted, which are too few.")
    names = tuple(found)
    ranks = np.column_stack([scoring.tail_ranks(scores) for scores in found.values()])
    units = (scoring.in_units(scores, *scoring.robust_scale(np.sort(scores))) for scores in found.values())
    heard = MemberScores(names=names, ranks=ranks, magnitudes=np.column_stack([scoring.magnitudes(z) for z in units]))
    odds = fusion.log_odds(heard, table_facts(heard, n_features=n_features))
    core = [names.index(name) for name in fusion.core(names)] or list(range(len(names)))
    robust = ranks[:, core].mean(axis=1)
    final = fusion.blend * scoring.tail_ranks(odds) + (1.0 - fusion.blend) * robust
    return BaseScores(final=final, robust=robust, members=names, ranks=ranks)
