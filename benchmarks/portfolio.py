"""``python -m benchmarks.portfolio SOURCE PARTS``: what plain means of detectors reach on measured tables.

``PARTS`` is the folder of part files a ``pynomaly kb build`` leaves (they keep every score vector), ``SOURCE`` the
tables it was built from (for their labels). Prints ROC-AUC and average precision of single detectors, of the shipped
portfolio, of its parts, of some other sets, of families' means, and of the oracle.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._sets import FAMILIES, FOUR, THREE, measured_options
from pynomaly_auto.building import find_tasks, load_task
from pynomaly_auto.regimes import CONTAMINATED
from pynomaly_auto.scoring import average_precision, roc_auc, tail_ranks

Scores = dict[str, np.ndarray[Any, Any]]


def read(source: Path, parts: Path, max_rows: int, seed: int) -> list[tuple[np.ndarray[Any, Any], Scores]]:
    """Labels and −log tail ranks of every detector with default parameters, per measured table."""
    tasks = {task.name: task for task in find_tasks([source])}
    found = []
    for file in sorted(parts.glob("*.parquet")):
        frame = pd.read_parquet(file)
        frame = frame[(frame["config"] == "default") & (frame["status"] == "completed")]
        _, y = load_task(tasks[str(frame["task"].iloc[0])], max_rows=max_rows, seed=seed)
        ranks = {str(r.detector): tail_ranks(np.asarray(r.scores, dtype=np.float64)) for r in frame.itertuples()}
        found.append((y, ranks))
    return found


def mean_of(ranks: Scores, names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """Plain mean of those that were measured."""
    return np.asarray(np.mean([ranks[n] for n in names if n in ranks], axis=0))


def main() -> None:
    """Print one line per combination."""
    options = measured_options(__doc__)
    data = read(options.source, options.parts, options.max_rows, options.seed)
    names = sorted(set.intersection(*(set(ranks) for _, ranks in data)))
    sets: dict[str, tuple[str, ...]] = {name: (name,) for name in names}
    sets |= {
        f"portfolio without {name}": tuple(p for p in CONTAMINATED.portfolio if p != name)
        for name in CONTAMINATED.portfolio
    }
    sets |= {"kNN, IForest, MCD": THREE, "kNN, IForest, MCD, fair-cut": FOUR, "all": tuple(names)}
    sets |= {"PORTFOLIO": CONTAMINATED.portfolio}
    rows = []
    for name, chosen in sets.items():
        scores = [(y, mean_of(ranks, chosen)) for y, ranks in data]
        rows.append((name, *(float(np.mean([f(y, s) for y, s in scores])) for f in (roc_auc, average_precision))))
    means = [(y, np.mean([mean_of(ranks, family) for family in FAMILIES.values()], axis=0)) for y, ranks in data]
    rows.append(
        ("mean of family means", *(float(np.mean([f(y, s) for y, s in means])) for f in (roc_auc, average_precision)))
    )
    best = [[max(f(y, ranks[n]) for n in names) for y, ranks in data] for f in (roc_auc, average_precision)]
    rows.append(("oracle", *(float(np.mean(b)) for b in best)))
    table = pd.DataFrame(rows, columns=["combination", "ROC-AUC", "AP"]).sort_values("ROC-AUC", ascending=False)
    print(f"{len(data)} tables")
    print(table.round(4).to_string(index=False))


if __name__ == "__main__":
    main()
