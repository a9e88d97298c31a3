"""How good are the anomalies found in tables as people have them? Ours beside PyOD on two encodings.

    python -m benchmarks.mixed run --method ours                     # measures what is missing, and prints the report
    python -m benchmarks.mixed run --suite dirty --tables 10 --method peers --scores SCORES
    python -m benchmarks.mixed run --knowledge 'DIR/kb-fold{fold}'    # groups held out: see benchmarks.cell_folds, and
                                                                     # benchmarks.held_out for the suite mixed
    python -m benchmarks.mixed report                                # prints, and writes the figures and the page

Suites: ``dirty`` (wrong cells, by kind of error), ``business`` (labels of what happened), ``mixed`` (raw tables with
strings and gaps), ``domains`` (generated tables of eight domains), ``planted`` (contextual anomalies planted into real
tables), ``mistakes`` (misspellings and broken dependencies planted, whose right values are known), ``transactions``.
Peers: PyOD's kNN (5 and 100 neighbours), LOF, IForest, ECOD and ADEngine on the numeric columns alone and on a sensible
encoding (`benchmarks._sensible`), and the fixed mean of kNN-100, IForest and LOF there. Larger tables are sampled down
to ``--max-rows``, by class, in a way the seed fixes; labels serve nothing but measuring. Every result is appended to
``--cache`` as it is done, so that a killed run continues; a method measured anew after a change of ours needs a cache
of its own, or ``--forget``, which drops the named methods' lines first.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks._knowledge import Bases
from benchmarks._mixed_methods import OURS, Choice, chosen
from benchmarks._mixed_report import mixed_report
from benchmarks._mixed_running import Plan, current, measure
from benchmarks._mixed_tables import SUITES, sources, spread
from benchmarks._page import PAGE, write_part
from benchmarks._store import Line, Store, read, write

FIGURES = Path("benchmarks/results/mixed.jsonl")
CACHE = Path(os.environ.get("PYNOMALY_BENCHMARKS", "../benchmark_cache")) / "mixed.jsonl"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, or report."""
    options = _options(arguments)
    plan = Plan(
        methods=chosen(options.method),
        choice=Choice(seed=options.seed, budget=options.budget, workers=options.workers),
        max_rows=options.max_rows,
        limit=options.limit,
        scores=options.scores,
        bases=Bases(options.knowledge, strict=False),
    )
    if options.mode == "report":
        lines = current(read(options.cache) or read(options.figures), plan)
        if options.common:
            both = {_table(line) for line in lines if line["method"] in OURS}
            lines = [line for line in lines if _table(line) in both]
        if not lines:
            raise SystemExit(f"Nothing is measured yet in {options.cache} or {options.figures}.")
        text = mixed_report(lines)
        print(text)
        write(options.figures, lines)
        write_part(options.page, options.part, text)
        return
    if options.forget:
        write(options.cache, [line for line in read(options.cache) if line["method"] not in plan.methods])
    tables = spread(sources(options.suite.split(",")), options.tables, options.seed)
    store = Store(options.cache)
    measure(tables[:: options.every], plan, store)
    named = {(source.suite, source.name) for source in tables}
    print(mixed_report([line for line in current(store.lines, plan) if _table(line) in named]))


def _table(line: Line) -> tuple[str, str]:
    return line["suite"], line["table"]


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("mode", nargs="?", choices=("run", "report"), default="run")
    add("--suite", default=",".join(SUITES), help="by comma [all]")
    add("--method", default="all", help="by comma; peers: all but ours, encoded, fast: without ADEngine [%(default)s]")
    add("--tables", type=int, help="tables of each suite, a fixed random choice, kinds taking turns [all]")
    add("--every", type=int, default=1, help="only every so-many-th of the tables [%(default)s]")
    add("--max-rows", type=int, default=4000, help="larger tables are sampled [%(default)s]")
    add("--budget", type=float, default=30.0, help="seconds that ours gets for a table [%(default)s]")
    add("--limit", type=float, default=120.0, help="seconds after which a method is killed on a table [%(default)s]")
    add("--workers", type=int, default=2, help="processes of ours [%(default)s]")
    add("--knowledge", help="knowledge base of ours, with {fold} those of benchmarks.cell_folds [the shipped one]")
    add("--seed", type=int, default=0)
    add("--cache", type=Path, default=CACHE, help="where every result is appended [%(default)s]")
    add("--scores", type=Path, help="folder for the scores of every method, one npz a table [not kept]")
    add("--forget", action="store_true", help="drop what the cache has of the named methods")
    add("--common", action="store_true", help="`report` tells of tables alone that ours was run on")
    add("--figures", type=Path, default=FIGURES, help="written by `report` [%(default)s]")
    add("--page", type=Path, default=PAGE, help="page that `report` writes into [%(default)s]")
    add("--part", default="mixed", help="part of the page that it writes [%(default)s]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
