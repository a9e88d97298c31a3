"""Building what hears cells: measured on tables of several kinds of columns, learned, put into a knowledge base."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pynomaly_auto.building._assemble import put_models
from pynomaly_auto.building._plan import Plan, Progress
from pynomaly_auto.building.learning._cells import FEWEST_GROUPS, learn_cells
from pynomaly_auto.building.measuring._cell_parts import CellTask, read_cell_task
from pynomaly_auto.building.measuring._cells import measure_part
from pynomaly_auto.building.measuring._parts import slug
from pynomaly_auto.building.tasks._sources import Task, find_tasks
from pynomaly_auto.cells import CELL_DETECTORS
from pynomaly_auto.errors import InvalidInputError, StorageError
from pynomaly_auto.knowledge import KnowledgeBase, Manifest
from pynomaly_auto.models import Fusion
from pynomaly_auto.pool import Executor, Job

_TIMEOUT = 900.0  # seconds a table may take; judged: a guard against tables that hang


def build_cells(
    base: Path,
    tables: Path | Iterable[Path],
    plan: Plan | None = None,
    *,
    again: bool = False,
    on_task: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Learn to hear cells, and put the models into a knowledge base beside the others.

    Tables of numbers alone are left out unless their wrong cells are known, and of the tasks that are made of one
    target only the first is taken. Tasks that were measured before, of the same cell detectors, are taken from the
    plan's ``parts``.

    Args:
        base: Folder of an intact knowledge base with a learned fusion.
        tables: Labelled tables, as `find_tasks` takes them; where wrong cells are named, the judge learns from them.
        plan: What to measure and how.
        again: Encode and look at all tables again, as is needed when the encoder or a cell detector changed; members
            are not fitted again where a table is encoded as before.
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
    sources = [Path(p).absolute() for p in ([tables] if isinstance(tables, Path) else tables)]
    tasks = _one_each(find_tasks(sources, label=plan.label, registry=plan.registry))
    tasks = [t for t in tasks if not plan.suites or t.suite in plan.suites][: plan.limit]
    measured: list[CellTask] = []
    for progress in _steps(tasks, parts, known.fusion, plan, again):
        if on_task is not None:
            on_task(progress)
    for task in tasks:
        if (found := _known(parts, task)) is not None:
            measured.append(replace(found, group=task.group, suite=task.suite))
    groups = len({task.group for task in measured})
    if groups < FEWEST_GROUPS:
        raise InvalidInputError(
            f"tables of {groups} groups are too few to learn from; {FEWEST_GROUPS} are needed.", fix="Give more tables."
        )
    return put_models(base, learn_cells(measured, tuple(CELL_DETECTORS), seed=plan.seed))


def _one_each(tasks: Sequence[Task]) -> list[Task]:
    """The first task of each file: those made of one target by other recipes have the same cells."""
    return list({task.path: task for task in reversed(tasks)}.values())[::-1]


def _part(parts: Path, task: Task) -> Path:
    return parts / f"{slug(task.name)}.npz"


def _known(parts: Path, task: Task) -> CellTask | None:
    """What was measured of a task, if it was, all of today's cell detectors asked."""
    try:
        found = read_cell_task(_part(parts, task))
    except StorageError:
        return None  # missing or damaged: it is measured again
    return found if set(CELL_DETECTORS) <= set(found.asked) else None


def _steps(tasks: Sequence[Task], parts: Path, fusion: Fusion, plan: Plan, again: bool) -> Iterator[Progress]:
    """Bring every task to its end."""
    done, todo = 0, []
    for task in tasks:
        if again or _known(parts, task) is None:
            todo.append(task)
            continue
        done += 1
        yield Progress(task=task.name, status="known", done=done, total=len(tasks), seconds=0.0, text="measured before")
    if not todo:
        return
    with plan.executor() as pool:
        queue = iter(todo)
        _submit(queue, 2 * pool.workers, pool, parts, fusion, plan)
        while pool.pending:
            outcome = pool.collect()
            if outcome is None:
                continue
            done += 1
            _submit(queue, 1, pool, parts, fusion, plan)
            well = outcome.status == "completed"
            yield Progress(
                task=outcome.key, status="measured" if well else "failed", done=done, total=len(tasks),
                seconds=outcome.seconds, text="" if well else outcome.error or outcome.status,
            )  # fmt: skip


def _submit(queue: Iterator[Task], count: int, pool: Executor, parts: Path, fusion: Fusion, plan: Plan) -> None:
    for task in islice(queue, count):
        args = (task, fusion, _part(parts, task), plan.max_rows, plan.seed)
        pool.submit(Job(function=measure_part, args=args, timeout=_TIMEOUT, key=task.name))
