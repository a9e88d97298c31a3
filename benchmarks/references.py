"""``python -m benchmarks.references [FOLDER …]``: do neighbours sought among half of many rows find as much?

Tables of at least ``--fewest`` rows, one a group, are judged by kNN, the mean of a hundred neighbours and LOF with all
rows as the reference, and with fewer drawn at random, the others scored as new rows: as `DetectorSpec.reference_rows`
has it. Prints means, and differences to all rows with their standard errors.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pynomaly_auto.building import Task, find_tasks, load_task
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.records import FloatArray, IntArray
from pynomaly_auto.scoring import average_precision, roc_auc

_FOLDERS = [Path("../shared/meta_datasets"), Path("../shared/mixed_datasets")]
_DETECTORS = ("knn", "knn_mean", "lof")
_SIZES = (5_000, 3_000)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure table by table, and print the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", default=_FOLDERS)
    parser.add_argument("--fewest", type=int, default=9_000, help="rows below which a table is left out [%(default)s]")
    parser.add_argument("--max-rows", type=int, default=10_000, help="larger tables are sampled [%(default)s]")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")  # of what tables hold; figures are all that is asked for here
    found = []
    for task, X, y in _large(find_tasks(given.folders), given.fewest, given.max_rows):
        for detector in _DETECTORS:
            for size in (len(X), *_SIZES):
                scores = _scores(detector, X, size)
                measured = {"AP": average_precision(y, scores), "ROC-AUC": roc_auc(y, scores)}
                rows = "all" if size == len(X) else f"{size:,}"
                found.append({"group": task.group, "detector": detector, "reference": rows, **measured})
        print(f"{task.name}: {len(X):,} x {X.shape[1]}", flush=True)
    print(_summary(pd.DataFrame(found)))


def _large(tasks: Sequence[Task], fewest: int, most: int) -> Iterator[tuple[Task, FloatArray, IntArray]]:
    """The first table of each group that has rows enough, encoded."""
    seen: set[str] = set()
    for task in tasks:
        if task.group in seen or task.variant:
            continue
        frame, y = load_task(task, max_rows=most, seed=0)
        if len(frame) < fewest or not 0 < y.sum() < len(y):
            continue
        seen.add(task.group)
        yield task, np.ascontiguousarray(TableEncoder().fit(frame).encode(frame).X, dtype=np.float64), y


def _scores(detector: str, X: FloatArray, size: int) -> FloatArray:
    """Scores of all rows, those of the reference leaving themselves out."""
    chosen = np.sort(np.random.default_rng(0).choice(len(X), size, replace=False))
    estimator = DETECTORS[detector].build({}, seed=0).fit(np.ascontiguousarray(X[chosen]))
    scores = np.empty(len(X))
    scores[chosen] = estimator.decision_scores_
    others = np.setdiff1d(np.arange(len(X)), chosen)
    if len(others):
        scores[others] = estimator.decision_function(X[others])
    return scores


def _summary(found: pd.DataFrame) -> str:
    wide = found.pivot(index="group", columns=["detector", "reference"], values=["AP", "ROC-AUC"])
    lines = [f"{len(wide)} tables", f"{'':24}{'all rows':>10}" + "".join(f"{size:>22,}" for size in _SIZES)]
    for measure in ("AP", "ROC-AUC"):
        for detector in _DETECTORS:
            base = wide[measure, detector, "all"]
            cells = []
            for size in _SIZES:
                gain = wide[measure, detector, f"{size:,}"] - base
                cells.append(f"{gain.mean():+.4f} ± {gain.std() / np.sqrt(len(gain)):.4f}")
            lines.append(f"{measure + ' ' + detector:24}{base.mean():>10.3f}" + "".join(f"{c:>22}" for c in cells))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
