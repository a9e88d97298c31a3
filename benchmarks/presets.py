"""What does each preset change on tables of its domain? Beside the default, with equal trials and seeds.

    python -m benchmarks.presets run                 # measures what is missing, and prints the table
    python -m benchmarks.presets run --real          # labelled tables of ../shared/mixed_datasets/business as well
    python -m benchmarks.presets report              # prints, and writes the figures and the page

Tables are generated ones of the domains in `meta_datasets.synthetic`, with planted anomalies, and, with ``--real``,
shared ones whose labels say what happened. Labels serve nothing but measuring. Fits are by a number of trials, so that
they do not depend on the clock. Every result is appended to ``--cache`` as it is done, so that a killed run continues;
after a change of ours it needs a cache of its own.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from benchmarks._mixed_judging import recalls
from benchmarks._mixed_tables import MixedTable, Source, load, sources
from benchmarks._page import publish
from benchmarks._store import Line, Store
from benchmarks._text import markdown, number
from pynomaly_auto.records import FloatArray
from pynomaly_auto.scoring import average_precision

FIGURES = Path("benchmarks/results/presets.jsonl")
CACHE = Path(os.environ.get("PYNOMALY_BENCHMARKS", "../benchmark_cache")) / "presets.jsonl"
PAGE = Path("docs/presets.md")
DEFAULT = "default"
# No generated table is of markets or of produced parts: payments and machines stand for them. `general` sets what is so
# anyway, and what `data_quality` is for is measured by `benchmarks.mixed`.
GENERATED: Mapping[str, tuple[str, ...]] = {
    "fraud_detection": ("payments", "claims", "transactions"),
    "financial_markets": ("payments",),
    "network_security": ("access_logs",),
    "log_analysis": ("access_logs",),
    "iot_sensors": ("sensors",),
    "predictive_maintenance": ("sensors",),
    "quality_control": ("sensors",),
    "healthcare_monitoring": ("lab_results",),
}
# By the domain of the shared tables' index.
REAL: Mapping[str, tuple[str, ...]] = {
    "fraud_detection": ("card_payments", "mobile_money", "insurance_auto", "insurance_travel"),
    "financial_markets": ("crypto",),
    "network_security": ("network", "access"),
    "iot_sensors": ("machines",),
    "predictive_maintenance": ("machines",),
    "quality_control": ("machines",),
    "healthcare_monitoring": ("health",),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, or report."""
    options = _options(arguments)
    if options.mode == "report":
        publish(options, "presets", presets_report)
        return
    store = Store(options.cache)
    chosen = [name for name in GENERATED if options.preset in ("all", name)]
    for source in tables(chosen, seeds=options.seeds, real=options.real):
        measure(source, of_domain(source, chosen), store, trials=options.trials, max_rows=options.max_rows)
    print(presets_report(store.lines))


def tables(presets: Iterable[str], *, seeds: int, real: bool) -> list[Source]:
    """The tables that some presets are measured on.

    Args:
        presets: Their names.
        seeds: How many tables of each generated domain.
        real: Whether shared tables belong to them.
    """
    kinds = {kind for name in presets for kind in GENERATED[name]}
    found = [s for s in sources(["transactions", "domains"]) if s.kind in kinds and s.seed < seeds]
    if real:
        known = {kind for name in presets for kind in REAL.get(name, ())}
        found += [s for s in sources(["business"]) if s.kind in known]
    return found


def of_domain(source: Source, presets: Iterable[str]) -> list[str]:
    """Those of some presets whose domain a table is of."""
    mapping = REAL if source.suite == "business" else GENERATED
    return [name for name in presets if source.kind in mapping.get(name, ())]


def measure(source: Source, presets: Sequence[str], store: Store, *, trials: int, max_rows: int) -> None:
    """Fit the default and some presets on one table; what the store has is not fitted again."""
    known = {(line["table"], line["preset"], line["trials"], line["max_rows"]) for line in store.lines}
    if all((source.name, preset, trials, max_rows) in known for preset in (DEFAULT, *presets)):
        return
    table = load(source, max_rows=max_rows, seed=0)
    usual: FloatArray | None = None
    for preset in (DEFAULT, *presets):
        start = time.perf_counter()
        line, scores = _fit(table, None if preset == DEFAULT else preset, trials)
        usual = scores if usual is None else usual
        line |= {
            "table": source.name, "suite": source.suite, "kind": source.kind, "preset": preset, "trials": trials,
            "max_rows": max_rows, "rho": float(spearmanr(usual, scores).statistic),
            "seconds": time.perf_counter() - start,
        }  # fmt: skip
        if (source.name, preset, trials, max_rows) not in known:
            store.add(line)
        print(f"{source.name} {preset}: {line['recall_2']:.2f} in 2 k, {line['share']:.2%} labelled", flush=True)


def _fit(table: MixedTable, preset: str | None, trials: int) -> tuple[Line, FloatArray]:
    from pynomaly_auto import AutonomousDetector

    settings: dict[str, Any] = {"tracking": False, "random_state": 0, "verbose": 0, "n_jobs": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = AutonomousDetector(preset=preset, n_trials=trials, **settings).fit(table.frame).result_
    scores, flagged = np.asarray(result.verdict.scores), result.labels == -1
    line: Line = {"rows": len(table.y), "found": int(table.y.sum()), "ap": average_precision(table.y, scores)}
    line |= {name: value for name, value in recalls(table, scores).items() if name != "kinds"}
    line |= {"share": float(flagged.mean()), "labelled": int(flagged.sum()), "right": int(table.y[flagged].sum())}
    return line, scores


def presets_report(lines: Iterable[Line]) -> str:
    """Each preset beside the default, by domain, as Markdown."""
    kept = list(lines)
    rows = []
    for preset in GENERATED:
        for suite, kind in sorted({(line["suite"], line["kind"]) for line in kept if line["preset"] == preset}):
            own = [line for line in kept if (line["preset"], line["suite"], line["kind"]) == (preset, suite, kind)]
            names = {line["table"] for line in own}
            usual = [line for line in kept if line["preset"] == DEFAULT and line["table"] in names]
            rows.append([
                preset, f"{kind}{', real' if suite == 'business' else ''}", str(len(names)),
                *(_beside(own, usual, measure) for measure in ("recall_2", "ap")),
                _pair(_precision(own), _precision(usual)), _beside(own, usual, "share"),
                number(float(np.mean([line["found"] / line["rows"] for line in own]))),
                number(float(np.min([line["rho"] for line in own]))),
            ])  # fmt: skip
    head = [
        "preset",
        "tables of",
        "tables",
        "in first 2 k",
        "AP",
        "precision of labels",
        "labelled share",
        "true share",
    ]
    return "Each figure is the preset's, in brackets the default's.\n\n" + markdown(
        [*head, "least rank correlation"], rows
    )


def _beside(own: Sequence[Line], usual: Sequence[Line], measure: str) -> str:
    return _pair(*(float(np.mean([line[measure] for line in part])) for part in (own, usual)))


def _pair(ours: float, usual: float) -> str:
    return f"{number(ours)} ({number(usual)})"


def _precision(lines: Sequence[Line]) -> float:
    """Of all labelled rows of some tables together."""
    labelled = sum(line["labelled"] for line in lines)
    return sum(line["right"] for line in lines) / labelled if labelled else float("nan")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("mode", nargs="?", choices=("run", "report"), default="run")
    add("--preset", default="all", choices=("all", *GENERATED), help="[%(default)s]")
    add("--seeds", type=int, default=3, help="tables of each generated domain, at most 5 [%(default)s]")
    add("--trials", type=int, default=12, help="[%(default)s]")
    add("--max-rows", type=int, default=2000, help="larger shared tables are sampled [%(default)s]")
    add("--real", action="store_true", help="shared tables with labels as well")
    add("--cache", type=Path, default=CACHE, help="where every result is appended [%(default)s]")
    add("--figures", type=Path, default=FIGURES, help="written by `report` [%(default)s]")
    add("--page", type=Path, default=PAGE, help="page that `report` writes into [%(default)s]")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
