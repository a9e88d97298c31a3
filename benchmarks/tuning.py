"""Several objectives, and tuning without labels: what the search over members finds, and which family gains by tuning.

    python -m benchmarks.tuning front --runs DIR --knowledge 'DIR/kb-fold{fold}'   # fits what is missing, then searches
    python -m benchmarks.tuning families                                          # defaults against tuned parameters
    python -m benchmarks.tuning report                                            # prints, and writes the page

**front**: each table is fitted once, without labels (kept in ``--runs``). Then every way to search measures as many
subsets of its members; what counts is the hypervolume of what none beats in agreement with the answer of all members
(on resampled rows that nothing was fitted or chosen by), declared latency and size. **families**: average precision of
detectors with their defaults, and with those of eight proposed parameters that the estimate of quality takes for the
best; no knowledge base has a part in it. Every table is appended to ``--cache`` as it is done.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks._fronts import WAYS, Members, collect, front_report, searched
from benchmarks._knowledge import Bases
from benchmarks._page import PAGE, publish
from benchmarks._store import Store
from benchmarks._tables import home, sampled
from benchmarks._tuned_families import family_report, tuned
from pynomaly_auto.building import Task, find_tasks
from pynomaly_auto.errors import PynomalyError

FIGURES = Path("benchmarks/results/tuning.jsonl")
_HOME = Path(os.environ.get("PYNOMALY_BENCHMARKS", "../benchmark_cache"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, or report."""
    options = _options(arguments)
    if options.mode == "report":
        publish(options, "tuning", _report)
        return
    store = Store(options.cache)
    measure = _front if options.mode == "front" else _family
    for task in _tasks(options):
        try:
            measure(task, store, options)
        except PynomalyError as error:
            print(f"{task.name}: {error}", file=sys.stderr, flush=True)
            continue
        print(f"{task.suite} {task.name}", flush=True)
    print(_report(store.lines))


def _front(task: Task, store: Store, options: argparse.Namespace) -> None:
    own = [line for line in store.lines if line["part"] == "front" and line["table"] == task.name]
    known = {line["way"] for line in own if line["suite"] == task.suite}
    ways = [way for way in options.ways.split(",") if way not in known]
    if not ways:
        return
    bases = Bases(options.knowledge, strict=False)
    path = collect(task, options.runs, bases, max_rows=options.max_rows, budget=options.budget)
    for line in list(searched(Members.read(path), ways)):
        store.add(line)


def _family(task: Task, store: Store, options: argparse.Namespace) -> None:
    if any(line["part"] == "family" and line["table"] == task.name for line in store.lines):
        return
    for line in list(tuned(task, max_rows=options.max_rows)):
        store.add(line)


def _tasks(options: argparse.Namespace) -> list[Task]:
    """One table of each group, suites taking turns; those that were fitted already where nothing else is asked for."""
    sources = [home(), Path(os.environ.get("PYNOMALY_MIXED_DATASETS", "../shared/mixed_datasets"))]
    tasks = [task for task in find_tasks(sources) if task.suite in options.suite.split(",") and not task.variant]
    if options.mode == "front" and options.kept:
        return [task for task in tasks if (options.runs / f"{task.suite}__{task.name}.npz").is_file()][:: options.every]
    first: dict[str, Task] = {}
    for task in tasks:
        first.setdefault(task.group, task)
    return sampled(first.values(), options.tables)


def _report(lines: Sequence[dict[str, object]]) -> str:
    fronts, families = ([line for line in lines if line["part"] == part] for part in ("front", "family"))
    parts = [f"**Fronts**\n\n{front_report(fronts)}"] if fronts else []
    parts += [f"**Families tuned without labels**\n\n{family_report(families)}"] if families else []
    return "\n\n".join(parts)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("mode", choices=("front", "families", "report"))
    add("--suite", default="business,adbench,oddbench,ovrbench,uci", help="by comma [%(default)s]")
    add("--tables", type=int, default=14, help="of each suite [%(default)s]")
    add("--max-rows", type=int, default=500, help="larger tables are sampled, by class [%(default)s]")
    add("--budget", type=float, default=8.0, help="seconds of a fit [%(default)s]")
    add("--knowledge", help="knowledge base, with {fold} those of benchmarks.folds or cell_folds [the shipped one]")
    add("--kept", action="store_true", help="fit nothing: search the tables that are in --runs")
    add("--every", type=int, default=1, help="with --kept only every so-many-th table [%(default)s]")
    add("--ways", default=",".join(WAYS), help="by comma [%(default)s]")
    add("--runs", type=Path, default=_HOME / "fronts", help="where what members say is kept [%(default)s]")
    add("--cache", type=Path, default=_HOME / "tuning.jsonl", help="where every table is appended [%(default)s]")
    add("--figures", type=Path, default=FIGURES, help="written by `report` [%(default)s]")
    add("--page", type=Path, default=PAGE, help="page that `report` writes into [%(default)s]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
