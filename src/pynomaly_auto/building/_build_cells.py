"""Building what hears cells: measured on tables of several kinds of columns, learned, put into a knowledge base."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from pynomaly_auto.building._assemble import put_models
from pynomaly_auto.building._plan import Plan, Progress
from pynomaly_auto.building.learning._cells import FEWEST_GROUPS, learn_cells
from pynomaly_auto.building.measuring._cells import CellTask, measure_cells, read_cell_task, write_cell_task
from pynomaly_auto.building.measuring._parts import slug
from pynomaly_auto.building.tasks._sources import find_tasks
from pynomaly_auto.cells import CELL_DETECTORS
from pynomaly_auto.errors import InvalidInputError, PynomalyError
from pynomaly_auto.knowledge import KnowledgeBase, Manifest


def build_cells(
    base: Path,
    tables: Path | Iterable[Path],
    plan: Plan | None = None,
    *,
    on_task: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Learn to hear cells, and put the models into a knowledge base beside the others.

    Tasks that were measured before are taken from the plan's ``parts``.

    Args:
        base: Folder of an intact knowledge base with a learned fusion.
        tables: Labelled tables, as `find_tasks` takes them; where wrong cells are named, the judge learns from them.
        plan: What to measure and how.
        on_task: Called whenever a task came to its end.

    Raises:
        StorageError: The base is damaged, a table cannot be read, or nothing can be written.
        InvalidInputError: The base has no fusion, or the tables are of too few groups.
    """
    plan = plan or Plan()
    known = KnowledgeBase.open(base)
    if known.fusion is None:
        raise InvalidInputError(
            "this knowledge base has no learned fusion to hear cells beside.", fix="Build it first."
        )
    parts = (plan.parts or base.with_name(base.name + ".cells")).absolute()
    tasks = find_tasks([tables] if isinstance(tables, Path) else list(tables), label=plan.label)
    tasks = [t for t in tasks if not plan.suites or t.suite in plan.suites][: plan.limit]
    measured: list[CellTask] = []
    for i, task in enumerate(tasks):
        began, path, status, told = time.monotonic(), parts / f"{slug(task.name)}.npz", "measured", ""
        try:
            if not path.is_file():
                made = measure_cells(task, known.fusion, max_rows=plan.max_rows, seed=plan.seed)
                write_cell_task(path, made)
            found = read_cell_task(path)
            measured.append(replace(found, group=task.group, suite=task.suite))
        except PynomalyError as error:
            status, told = "failed", error.what
        if on_task is not None:
            seconds = time.monotonic() - began
            on_task(Progress(task=task.name, status=status, done=i + 1, total=len(tasks), seconds=seconds, text=told))
    groups = len({task.group for task in measured})
    if groups < FEWEST_GROUPS:
        raise InvalidInputError(
            f"tables of {groups} groups are too few to learn from; {FEWEST_GROUPS} are needed.", fix="Give more tables."
        )
    return put_models(base, learn_cells(measured, tuple(CELL_DETECTORS), seed=plan.seed))
