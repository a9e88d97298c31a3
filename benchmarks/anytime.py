"""Quality against time: what ours finds within 0.25 to 8 seconds, beside the one point of each peer.

    python -m benchmarks.anytime --tables 30 --knowledge 'FOLDS/kb-fold{fold}'    # measures and prints
    python -m benchmarks.anytime report                                          # the part of docs/benchmarks.md

Tables are samples of shared tables with at least as many rows, of all suites in turns. Measurements stay in
``--store``, so a killed run continues.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import _charts as charts
from benchmarks._comparing import QUALITY
from benchmarks._knowledge import Bases
from benchmarks._page import PAGE, write_part
from benchmarks._panel import Panel, of_runs
from benchmarks._peers import OURS, TITLES, chosen_runs
from benchmarks._running import Plan, current, measure
from benchmarks._statistics import bootstrap_mean
from benchmarks._store import Line, Store
from benchmarks._tables import SUITES, sampled, shared_tasks
from benchmarks._text import interval, markdown, seconds
from pynomaly_auto.building import Task, read_labelled
from pynomaly_auto.errors import PynomalyError

PART = "anytime"
_PEERS = "iforest,adengine_raw,adengine_standardised"
_LEFT_OUT = ("adengine_best_raw", "adengine_best_standardised")  # come with the consensus, at its cost


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, then draw and print."""
    options = _options(arguments)
    store = Store(options.store)
    bases = Bases(options.knowledge)
    plans = [
        Plan(
            runs=chosen_runs(f"{OURS},{_PEERS}"), bases=bases, budgets=options.budgets, max_rows=size,
            workers=options.workers, seed=options.seed,
        )
        for size in options.sizes
    ]  # fmt: skip
    if options.mode == "measure":
        tasks = sampled(shared_tasks(options.suites.split(",")), None, seed=options.seed)
        for plan in plans:
            measure(large_enough(tasks, plan.max_rows, options.tables), plan, store)
        print(report(store.lines, plans, None))
    else:
        text = report(store.lines, plans, options.page.parent / "images")
        print(text)
        write_part(options.page, PART, text)


def large_enough(tasks: Sequence[Task], rows: int, count: int) -> list[Task]:
    """The first ``count`` tasks whose tables have at least so many rows."""
    found: list[Task] = []
    for task in tasks:
        if len(found) == count:
            break
        try:
            table, _ = read_labelled(task.path, task.target)
        except PynomalyError:
            continue
        # Made tasks leave rows out; a table twice as large has enough left.
        if len(table) >= (rows if task.recipe == "labels" else 2 * rows):
            found.append(task)
    return found


def report(lines: Sequence[Line], plans: Sequence[Plan], images: Path | None) -> str:
    """The picture, and a table of all its points.

    Raises:
        SystemExit: There is no table yet on which everything was measured.
    """
    panels: dict[str, Panel] = {}
    for plan in plans:
        kept = [line for line in current(lines, plan) if line["method"] not in _LEFT_OUT]
        if (panel := of_runs(kept)) is not None:
            panels[f"{plan.max_rows:,} rows"] = panel
    if not panels:
        raise SystemExit("There is no table yet on which every budget and every peer was measured.")
    rows = [row for name, panel in panels.items() for row in _rows(name, panel)]
    head = ["tables", "method", "mean seconds", *QUALITY.values(), "failed"]
    parts = [
        "Mean quality at mean seconds; intervals hold 95 % (whole groups drawn anew), a failed run counts as chance.",
        markdown(head, rows),
        *(f"{name}: {dominated(panel)}" for name, panel in panels.items()),
    ]
    if images is not None:
        charts.anytime(images / "anytime.svg", points(panels))
        parts.insert(1, "![Quality against seconds](images/anytime.svg)")
    return "\n\n".join(parts)


def points(panels: Mapping[str, Panel]) -> dict[str, dict[str, dict[str, list[charts.Point]]]]:
    """Measure to size to method to points; the budgets of ours are one curve."""
    out: dict[str, dict[str, dict[str, list[charts.Point]]]] = {}
    for measure_, title in QUALITY.items():
        for size, panel in panels.items():
            curves = out.setdefault(title, {}).setdefault(size, {})
            for method in (*_ours(panel), *(m for m in panel.methods if m not in _ours(panel))):
                name, _, budget = method.partition(", ") if method in _ours(panel) else (method, "", "")
                quality = bootstrap_mean(panel.only([method]).filled(measure_)[:, 0], panel.groups)
                curves.setdefault(name, []).append(
                    charts.Point(
                        seconds=float(np.nanmean(panel.column("seconds", method))),
                        quality=quality.mean, low=quality.low, high=quality.high, label=budget,
                    )
                )  # fmt: skip
    return out


def dominated(panel: Panel) -> str:
    """At which budget ours is as good as each other method in both measures, and how long both take."""
    told = []
    for rival in (m for m in panel.methods if m not in _ours(panel)):
        theirs = [float(panel.only([rival]).filled(q).mean()) for q in QUALITY]
        took = float(np.nanmean(panel.column("seconds", rival)))
        reached = next(
            (
                m
                for m in _ours(panel)
                if all(float(panel.only([m]).filled(q).mean()) >= t for q, t in zip(QUALITY, theirs, strict=True))
            ),
            None,
        )
        if reached is None:
            told.append(f"{rival} ({seconds(took)} s) is not reached in both measures")
        else:
            mine = float(np.nanmean(panel.column("seconds", reached)))
            told.append(f"{rival} ({seconds(took)} s) is reached by “{reached}” ({seconds(mine)} s)")
    return "; ".join(told) + "."


def _ours(panel: Panel) -> list[str]:
    """The budgets of ours, smallest first."""
    found = [m for m in panel.methods if m.startswith(f"{TITLES[OURS]}, ")]
    return found[::-1]


def _rows(name: str, panel: Panel) -> list[list[str]]:
    rows = []
    for method in (*_ours(panel), *(m for m in panel.methods if m not in _ours(panel))):
        at = panel.methods.index(method)
        quality = [interval(bootstrap_mean(panel.filled(q)[:, at], panel.groups)) for q in QUALITY]
        took = seconds(float(np.nanmean(panel.column("seconds", method))))
        rows.append([f"{len(panel)} of {name}", method, took, *quality, str(int(panel.failures()[at]))])
    return rows


def _integers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("mode", nargs="?", choices=("measure", "report"), default="measure")
    add("--tables", type=int, default=30, help="tables of each size")
    add("--sizes", type=_integers, default=(500, 2000, 5000), help="rows, by comma")
    add("--budgets", type=_numbers, default=(0.25, 0.5, 1.0, 2.0, 4.0, 8.0), help="seconds of ours, by comma")
    add("--suites", default=",".join(SUITES), help="shared suites, by comma")
    add(
        "--knowledge",
        help="folder of the knowledge base, with {fold} and folds.json beside it; default: the shipped one",
    )
    add("--workers", type=int, default=2, help="processes of ours")
    add("--seed", type=int, default=0)
    add("--store", type=Path, default=Path("benchmarks/results/anytime.jsonl"))
    add("--page", type=Path, default=PAGE, help="page that `report` writes into")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
