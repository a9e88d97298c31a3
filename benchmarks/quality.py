"""How good are the anomalies found? Ours beside fixed detectors, fixed means, PyOD's ADEngine, choices and oracles.

    python -m benchmarks.quality real --sample 100 --knowledge 'FOLDS/kb-fold{fold}'   # end to end, on a fixed sample
    python -m benchmarks.quality cached --parts PARTS --fused FUSED.parquet             # whole suites, cached scores
    python -m benchmarks.quality report                                                 # docs/benchmarks.md from both
    python -m benchmarks.quality --data FOLDER --out report.md                          # any labelled tables

Contaminated protocol: the rows to be judged are the rows fitted on; labels are used for nothing but measuring. ``real``
and ``cached`` keep what they measure in ``--store`` and ``--cached-store`` and print it; a killed run continues.
``report`` measures nothing. Both also print precision, recall, F1 and share of the labels, and how often "about k of n"
held. The business tables beside the shared ones are unknown to the shipped knowledge base, thus held out by nature:

    python -m benchmarks.quality --data ../shared/mixed_datasets/business --limit 20 --max-rows 1500 --budget 20 \\
        --methods ours,adengine_raw,adengine_standardised --store benchmarks/results/business.jsonl

In a folder given as ``--data`` subfolders are suites, tables are npz (``X``, ``y``),
parquet or CSV with a label column of 0 and 1; a table that cannot be used is named and counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks._cached import evaluate
from benchmarks._knowledge import Bases
from benchmarks._page import PAGE, write_part
from benchmarks._peers import chosen_runs
from benchmarks._report import Pictures, cached_report, real_report
from benchmarks._running import FILE, Plan, current, measure
from benchmarks._store import Store, read, write
from benchmarks._tables import SUITES, folder_tasks, sampled, shared_tasks

RESULTS = Path("benchmarks/results")
MODES = ("real", "cached", "report")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, then report."""
    options = _options(arguments)
    plan = _plan(options)
    if options.data is not None:
        of_folder(options, plan)
    elif options.mode == "real":
        tasks = sampled(shared_tasks(options.suites.split(",")), options.sample, seed=options.seed)
        store = Store(options.store)
        measure(tasks, plan, store)
        print(real_report(current(store.lines, plan), Pictures(folder=None)))
    elif options.mode == "cached":
        if options.parts is None:
            raise SystemExit("Give --parts, the folder of part files a `pynomaly kb build` left.")
        lines = evaluate(options.parts, shared_tasks(options.suites.split(",")), options.fused)
        write(options.cached_store, lines)
        print(cached_report(lines, Pictures(folder=None)))
    else:
        of_shared(options, plan)


def of_shared(options: argparse.Namespace, plan: Plan) -> None:
    """Report both stores and write the page."""
    images = options.page.parent / "images"
    parts = []
    if real := current(read(options.store), plan):
        command = "`python -m benchmarks.quality real`: every method run end to end on a fixed random sample."
        parts += ["### End-to-end runs", command, real_report(real, Pictures(folder=images, prefix="real"))]
    if cached := read(options.cached_store):
        command = (
            "`python -m benchmarks.quality cached`: no fits, all tables that have cached scores of every detector."
        )
        report = cached_report(cached, Pictures(folder=images, prefix="cached"))
        parts += ["### Whole suites from cached member scores", command, report]
    if not parts:
        raise SystemExit(f"Nothing is measured yet in {options.store} or {options.cached_store}.")
    text = "\n\n".join(parts)
    print(text)
    write_part(options.page, "quality", text)


def of_folder(options: argparse.Namespace, plan: Plan) -> None:
    """Measure and report any folder of labelled tables."""
    tasks = sampled(folder_tasks(options.data, options.label), None, seed=options.seed)[: options.limit]
    store = Store(options.folder_store)
    measure(tasks, plan, store)
    named = {(task.suite, task.name) for task in tasks}
    lines = [line for line in current(store.lines, plan) if (line["suite"], line["table"]) in named]
    out: Path | None = options.out
    images = out.with_name(f"{out.stem}_images") if out is not None else None
    pictures = Pictures(folder=images, link=f"{images.name}/" if images is not None else "")
    text = f"# Quality on {options.data.resolve().name}\n\n" + real_report(lines, pictures, together=True)
    print(text)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text + "\n", encoding="utf-8")
    if all(line["method"] == FILE for line in lines):
        raise SystemExit("None of the tables could be used; the reasons are above.")


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        runs=chosen_runs(options.methods),
        bases=Bases(options.knowledge),
        budgets=options.budget,
        max_rows=options.max_rows,
        workers=options.workers,
        seed=options.seed,
    )


def _budgets(text: str) -> tuple[float, ...]:
    found = tuple(float(part) for part in text.split(","))
    if not found or min(found) <= 0:
        raise ValueError(text)
    return found


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", nargs="?", choices=MODES, default="report")
    add = parser.add_argument
    add("--data", type=Path, help="any folder of labelled tables instead of the shared ones")
    add("--label", default="label", help="name of the label column (1 = anomaly, 0 = normal)")
    add("--limit", type=int, help="with --data: at most that many tables, a fixed random choice")
    add("--out", type=Path, help="with --data: write the report here, pictures beside it")
    add("--suites", default=",".join(SUITES), help="shared suites, by comma")
    add("--sample", type=int, default=100, help="tables per suite of end-to-end runs")
    add("--methods", default="ours,iforest,knn,mcd,adengine", help="by comma")
    add("--budget", type=_budgets, default=(60.0,), help="seconds of ours, several by comma: the largest is compared")
    add("--max-rows", type=int, default=5000, help="larger tables are sampled")
    add("--workers", type=int, default=2, help="processes of ours")
    add("--seed", type=int, default=0)
    add(
        "--knowledge",
        help="folder of the knowledge base, with {fold} and folds.json beside it; default: the shipped one",
    )
    add("--parts", type=Path, help="part files of a knowledge base build, for `cached`")
    add("--fused", type=Path, help="parquet of out-of-fold fused scores (task, row, score, probability), for `cached`")
    add("--store", type=Path, help="where end-to-end runs are kept (with --data: nowhere unless given)")
    add("--cached-store", type=Path, default=RESULTS / "cached.jsonl")
    add("--page", type=Path, default=PAGE, help="page that `report` writes into")
    options = parser.parse_args(arguments)
    options.folder_store = options.store
    options.store = options.store or RESULTS / "real.jsonl"
    return options


if __name__ == "__main__":
    main()
