"""Measuring what learning to hear cells needs of one task: the ensemble's scores, and the evidence of its cells."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pynomaly_auto import scoring
from pynomaly_auto.building.tasks._sources import Task, load_rows
from pynomaly_auto.cells import CELL_DETECTORS, look
from pynomaly_auto.dataset import TableEncoder, open_table
from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.ensembling import BaseScores
from pynomaly_auto.errors import InvalidInputError, NotApplicableError, PynomalyError, StorageError
from pynomaly_auto.models import Fusion, MemberScores, table_facts
from pynomaly_auto.records import CellLayout, Configuration, FloatArray, IntArray, plain, restore


@dataclass(frozen=True, kw_only=True, eq=False)
class CellTask:
    """A labelled table as an ensemble and cell detectors see it.

    Args:
        task: Its name.
        suite: Where it comes from: ``"dirty"``, ``"business"``, ``"planted"``.
        group: Its group.
        labels: 1 for an anomaly; shape (n_rows,).
        kinds: Kind of each column.
        layout: Of the evidence.
        bits: Evidence; shape (n_rows, n_cell_features).
        wrong: Which cells are wrong; shape (n_rows, n_columns); None: not known.
        scores: What the ensemble says without cells.
    """

    task: str
    suite: str
    group: str
    labels: IntArray
    kinds: tuple[str, ...]
    layout: CellLayout
    bits: FloatArray = field(repr=False)
    wrong: np.ndarray[Any, np.dtype[np.bool_]] | None = field(default=None, repr=False)
    scores: BaseScores = field(repr=False)

    def rows(self, chosen: IntArray) -> CellTask:
        """The same with some of the rows; ranks are taken anew, the evidence is as it was."""
        ranks = [scoring.tail_ranks(column) for column in self.scores.ranks[chosen].T]
        scores = BaseScores(
            final=self.scores.final[chosen], robust=self.scores.robust[chosen], members=self.scores.members,
            ranks=np.column_stack(ranks),
        )  # fmt: skip
        return replace(
            self, labels=self.labels[chosen], bits=self.bits[chosen], scores=scores,
            wrong=None if self.wrong is None else self.wrong[chosen],
        )  # fmt: skip


def measure_cells(task: Task, fusion: Fusion, *, max_rows: int, seed: int) -> CellTask:
    """Fit the fusion's members and all cell detectors on a task.

    Args:
        task: Of several kinds of columns.
        fusion: The learned fusion, whose score the cells will be heard beside.
        max_rows: Rows used.
        seed: Of the rows drawn and of the detectors.

    Raises:
        InvalidInputError: No cell detector applies, or too few members could be fitted.
    """
    loaded = load_rows(task, max_rows=max_rows, seed=seed)
    opened = open_table(loaded.frame)
    encoder = TableEncoder().fit(opened)
    dataset, original = encoder.encode(opened), encoder.original(opened)
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
        wrong=loaded.wrong, scores=_scores(dataset.X, fusion, seed),
    )  # fmt: skip


def _scores(X: FloatArray, fusion: Fusion, seed: int) -> BaseScores:
    """What the members say, and the ensemble of them all as on a known table; scores are not smoothed here."""
    names, raw = [], []
    for name in fusion.members:
        made = Configuration.of_fusion_name(name)
        try:
            _, scores = fit_detector(DETECTORS[made.detector], dict(made.params), X, seed=seed)
        except (PynomalyError, NotApplicableError):
            continue
        names.append(name)
        raw.append(np.asarray(scores, dtype=np.float64))
    if not fusion.knows(names):
        raise InvalidInputError(f"{len(names)} members of the fusion could be fitted, which are too few.")
    ranks = np.column_stack([scoring.tail_ranks(scores) for scores in raw])
    units = (scoring.in_units(scores, *scoring.robust_scale(np.sort(scores))) for scores in raw)
    said = MemberScores(
        names=tuple(names), ranks=ranks, magnitudes=np.column_stack([scoring.magnitudes(z) for z in units])
    )
    odds = fusion.log_odds(said, table_facts(said, n_features=X.shape[1]))
    core = [names.index(name) for name in fusion.core(names)] or list(range(len(names)))
    robust = ranks[:, core].mean(axis=1)
    final = fusion.blend * scoring.tail_ranks(odds) + (1.0 - fusion.blend) * robust
    return BaseScores(final=final, robust=robust, members=tuple(names), ranks=ranks)


def write_cell_task(path: Path, task: CellTask) -> None:
    """Keep what was measured, in one step.

    Raises:
        StorageError: It cannot be written.
    """
    head = {name: getattr(task, name) for name in ("task", "suite", "group")}
    head |= {"kinds": list(task.kinds), "layout": plain(task.layout), "members": list(task.scores.members)}
    arrays = {"labels": task.labels, "bits": task.bits.astype(np.float32)}
    arrays |= {name: getattr(task.scores, name) for name in ("final", "robust", "ranks")}
    if task.wrong is not None:
        arrays["wrong"] = task.wrong
    draft = path.with_name(f".{path.name}.tmp.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(draft, head=np.array(json.dumps(head)), **arrays)  # type: ignore[arg-type]
        draft.replace(path)
    except OSError as error:
        raise StorageError(f"{path.name} cannot be written: {error}.") from None


def read_cell_task(path: Path) -> CellTask:
    """The inverse of `write_cell_task`.

    Raises:
        StorageError: The file is damaged.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            head = json.loads(str(found["head"]))
            arrays = {name: np.asarray(found[name]) for name in found.files if name != "head"}
        scores = BaseScores(
            final=arrays["final"], robust=arrays["robust"], members=tuple(head["members"]), ranks=arrays["ranks"]
        )
        return CellTask(
            task=head["task"], suite=head["suite"], group=head["group"], labels=arrays["labels"].astype(np.int64),
            kinds=tuple(head["kinds"]), layout=restore(CellLayout, head["layout"]),
            bits=arrays["bits"].astype(np.float64), wrong=arrays.get("wrong"), scores=scores,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StorageError(f"{path.name} is damaged: {error}.", fix="Delete it; it is measured again.") from None
