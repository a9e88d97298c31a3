"""What labels are worth: average precision with more and more of them, on rows that nobody labelled.

    python -m benchmarks.labels run --suite business --knowledge 'DIR/kb-fold{fold}'   # groups held out
    python -m benchmarks.labels report                                                  # prints, and writes the page

Each table is fitted once without labels (kept in ``--runs``). Half of its rows, by class, can be asked about; all
others judge, and nobody labels them. Ours learns from 5 to 100 rows that it asks for itself (`detector.query`'s
``auto``), from as many at random, from 1 % and 5 % of the rows, also with the anomalies' labels alone, and from all.
Beside it, on the same labels: LightGBM on the encoded columns, and on these and the members' scores (XGBOD's recipe:
Zhao and Hryniewicki, IJCNN 2018), XGBOD itself by PyOD where xgboost is installed (``pip install xgboost-cpu``), and
PyOD's ADEngine, which takes no labels. Every point is appended to ``--cache`` as it is done.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks._knowledge import Bases
from benchmarks._label_curves import curve
from benchmarks._label_report import label_report
from benchmarks._label_runs import Fitting, runs
from benchmarks._page import PAGE, publish
from benchmarks._store import Store
from benchmarks._tables import home
from pynomaly_auto.building import find_tasks

FIGURES = Path("benchmarks/results/labels.jsonl")
_HOME = Path(os.environ.get("PYNOMALY_BENCHMARKS", "../benchmark_cache"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, or report."""
    options = _options(arguments)
    if options.mode == "report":
        publish(options, "labels", label_report)
        return
    store = Store(options.cache)
    known = {(line["suite"], line["table"], line["seed"]) for line in store.lines}
    sources = [home(), Path(os.environ["PYNOMALY_MIXED_DATASETS"])]
    wanted = options.suite.split(",")
    tasks = [task for task in find_tasks(sources) if task.suite in wanted and not task.variant]
    fitting = Fitting(
        folder=options.runs, bases=Bases(options.knowledge, strict=False), max_rows=options.max_rows,
        budget=options.budget,
    )  # fmt: skip
    tasks = tasks[:: options.every][: options.tables]
    for run in runs(tasks, fitting):
        if options.fit_only or (run.suite, run.table, options.seed) in known:
            continue
        line = {"suite": run.suite, "table": run.table, "group": run.group, "seed": options.seed, "base": run.base}
        for point in curve(run, options.seed):
            store.add(line | vars(point))
        print(f"{run.suite} {run.table}", flush=True)
    if not options.fit_only:
        print(label_report(store.lines))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("mode", nargs="?", choices=("run", "report"), default="run")
    add("--suite", default="business,adbench,oddbench,ovrbench", help="by comma [%(default)s]")
    add("--tables", type=int, help="at most so many tables [all]")
    add("--every", type=int, default=1, help="only every so-many-th of the tables [%(default)s]")
    add("--max-rows", type=int, default=2000, help="larger tables are sampled, by class [%(default)s]")
    add("--budget", type=float, default=30.0, help="seconds of a fit [%(default)s]")
    add("--knowledge", help="knowledge base, with {fold} those of benchmarks.folds or cell_folds [the shipped one]")
    add("--seed", type=int, default=0)
    add("--fit-only", action="store_true", help="make the answers without labels, nothing more")
    add("--runs", type=Path, default=_HOME / "labels", help="where the answers without labels are kept [%(default)s]")
    add("--cache", type=Path, default=_HOME / "labels.jsonl", help="where every point is appended [%(default)s]")
    add("--figures", type=Path, default=FIGURES, help="written by `report` [%(default)s]")
    add("--page", type=Path, default=PAGE, help="page that `report` writes into [%(default)s]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
