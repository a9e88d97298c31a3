"""``python -m benchmarks.held_out SOURCES --cells CELLS --out DIR``: a base that knows no group of one suite.

    python -m benchmarks.held_out TABLES --suite mixed --cells CELLS --out DIR --tables 400 --max-rows 1000
    python -m benchmarks.mixed run --suite mixed --knowledge 'DIR/kb-fold{fold}'

Every model of it has seen no table of the suite's groups, whatever suite they stand in: the fusion, its calibrator,
what members add and the meta-learner are learned from other tables, one of each group, suites taking turns; the models
of cells from CELLS, what ``pynomaly kb cells`` keeps, without those groups. Measured is nothing but the members that
the fusion knows, which takes seconds a table instead of minutes: the base knows less than the one that is shipped, so
that a lead with it counts and a loss says little. Parts that are there are not measured again; a run that was killed
continues.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks._bases import measured, write_base
from benchmarks._knowledge import FOLDS
from pynomaly_auto.building import Plan, Task, find_tasks
from pynomaly_auto.building._assemble import put_models
from pynomaly_auto.building._build import measure_all, part_of
from pynomaly_auto.building.learning._cells import learn_cells
from pynomaly_auto.building.learning._fuse import VIEWED, fusion_members
from pynomaly_auto.building.measuring._cell_parts import CellTask, read_cell_task
from pynomaly_auto.cells import CELL_DETECTORS
from pynomaly_auto.records import Configuration

_NAME = "kb-fold0"  # what `benchmarks.mixed --knowledge` calls the only one


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, then learn."""
    options = _options(arguments)
    tasks = find_tasks(options.sources)
    held = {task.group for task in tasks if task.suite == options.suite}
    if not held:
        raise SystemExit(f"No table of {', '.join(map(str, options.sources))} is of the suite {options.suite!r}.")
    cells = _without(held, options.cells)
    chosen = learnable(tasks, held)[: options.tables]
    parts = options.out / "parts"
    members = [Configuration.of_fusion_name(name) for name in fusion_members(VIEWED)]
    plan = Plan(workers=options.workers, max_rows=options.max_rows)
    measure_all(chosen, parts, plan, members, lambda p: print(f"[{p.done}/{p.total}] {p.task}: {p.text}", flush=True))
    chosen = [task for task in chosen if part_of(parts, task).is_file()]
    known = measured(chosen, parts, workers=options.workers, max_rows=options.max_rows)
    base = options.out / _NAME
    print(write_base(known, {task.group for task in chosen}, base), flush=True)
    put_models(base, learn_cells(cells, tuple(CELL_DETECTORS), seed=0))
    (options.out / FOLDS).write_text(json.dumps(dict.fromkeys(sorted(held), 0)))
    print(f"{len(chosen)} tables, cells of {len(cells)}; {len(held)} groups held out", flush=True)


def learnable(tasks: Sequence[Task], held: set[str]) -> list[Task]:
    """The first task of each group but those held out, in the order of tasks: suites taking turns."""
    first: dict[str, Task] = {}
    for task in tasks:
        if task.group not in held:
            first.setdefault(task.group, task)
    return list(first.values())


def _without(held: set[str], folder: Path) -> list[CellTask]:
    found = [read_cell_task(file) for file in sorted(folder.glob("*.npz"))]
    kept = [task for task in found if task.group not in held and set(CELL_DETECTORS) <= set(task.asked)]
    if not kept:
        raise SystemExit(f"{folder} holds no table measured with today's cell detectors.")
    return kept


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("sources", type=Path, nargs="+", help="folders of labelled tables, that of the suite among them")
    add("--suite", default="mixed", help="whose groups are held out [%(default)s]")
    add("--cells", type=Path, required=True, help="what `pynomaly kb cells` keeps of measured tables")
    add("--out", type=Path, required=True, help="folder of the base and of its parts")
    add("--tables", type=int, default=400, help="at most so many are learned from [%(default)s]")
    add("--max-rows", type=int, default=1_000, help="rows of each [%(default)s]")
    add("--workers", type=int, default=2)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
