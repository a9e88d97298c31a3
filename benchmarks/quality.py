"""``python -m benchmarks.quality``: ROC-AUC and average precision per table, ours beside fixed detectors and ADEngine.

Contaminated protocol: the rows to be judged are the rows fitted on, labels are used for nothing but measuring. Every
method sees the same rows; the peers get our encoder's standardised matrix. Finished measurements stay in ``--store``,
so a killed run continues, and every method's failures are counted.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._tables import LabelledTable, tables
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.scoring import average_precision, roc_auc

Scores = np.ndarray[Any, Any]
SEED = 0


def ours(table: LabelledTable, _: Scores, budget: float) -> tuple[Scores, Scores]:
    """Zero configuration but for the budget."""
    detector = AutonomousDetector(time_budget=budget, tracking=False, random_state=SEED, verbose=0)
    result = detector.fit(table.X).result_
    return result.verdict.scores, (result.labels == -1).astype(int)


def adengine(_: LabelledTable, X: Scores, __: float) -> tuple[Scores, Scores]:
    """PyOD's ADEngine: consensus of its chosen detectors."""
    from pyod.utils.ad_engine import ADEngine

    state = ADEngine(random_state=SEED).investigate(X, data_type="tabular")
    if state.consensus is None:
        raise RuntimeError("all of ADEngine's detectors failed")
    return np.asarray(state.consensus["scores"]), np.asarray(state.consensus["labels"])


def _pyod(make: Callable[[int], Any]) -> Callable[[LabelledTable, Scores, float], tuple[Scores, Scores]]:
    def measure(_: LabelledTable, X: Scores, __: float) -> tuple[Scores, Scores]:
        model = make(len(X)).fit(X)
        return np.asarray(model.decision_scores_), np.asarray(model.labels_)

    return measure


def _iforest(_: int) -> Any:
    from pyod.models.iforest import IForest

    return IForest(random_state=SEED)


def _knn(n: int) -> Any:
    from pyod.models.knn import KNN

    return KNN(n_neighbors=min(100, n // 2), method="mean")


def _mcd(_: int) -> Any:
    from pyod.models.mcd import MCD

    return MCD(random_state=SEED)


METHODS: dict[str, Callable[[LabelledTable, Scores, float], tuple[Scores, Scores]]] = {
    "pynomaly_auto": ours,
    "PyOD IForest": _pyod(_iforest),
    "PyOD kNN k=100 mean": _pyod(_knn),
    "PyOD MCD": _pyod(_mcd),
    "ADEngine consensus": adengine,
}


def measure(table: LabelledTable, method: str, budget: float) -> dict[str, Any]:
    """One method on one table: quality, seconds, or why it failed."""
    X = TableEncoder().fit(table.X).encode(table.X).X
    record: dict[str, Any] = {
        "table": table.name,
        "suite": table.suite,
        "method": method,
        "rows": len(X),
        "features": X.shape[1],
    }
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores, labels = METHODS[method](table, X, budget)
        found = labels == 1
        hits = int((found & (table.y == 1)).sum())
        record |= {
            "roc_auc": roc_auc(table.y, scores),
            "ap": average_precision(table.y, scores),
            "f1": 2 * hits / max(int(found.sum()) + int(table.y.sum()), 1),
            "share_error": abs(float(found.mean()) - float(table.y.mean())),
        }
    except Exception as error:  # a peer may fail in any way; the failure is its result
        record |= {"error": f"{type(error).__name__}: {error}"[:200]}
    return record | {"seconds": round(time.perf_counter() - start, 2)}


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suites", default="tabular,mixed")
    parser.add_argument("--budget", type=float, default=30.0)
    parser.add_argument("--max-rows", type=int, default=20_000)
    parser.add_argument("--store", type=Path, default=Path("benchmarks/out/quality.jsonl"))
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument("--print-only", action="store_true")
    options = parser.parse_args()
    options.store.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in options.store.read_text().splitlines()] if options.store.exists() else []
    if not options.print_only:
        known = {(r["table"], r["method"]) for r in done}
        with options.store.open("a") as store:
            for table in tables(tuple(options.suites.split(",")), max_rows=options.max_rows):
                for method in options.methods.split(","):
                    if (table.name, method) not in known:
                        record = measure(table, method, options.budget)
                        done.append(record)
                        store.write(json.dumps(record) + "\n")
                        store.flush()
    show(pd.DataFrame(done), options.suites.split(","))


def show(frame: pd.DataFrame, suites: list[str]) -> None:
    """Per table and on average; averages only over tables that every method finished, failures counted."""
    frame = frame[frame["suite"].isin(suites)].drop_duplicates(["table", "method"], keep="last")
    order = [m for m in METHODS if m in set(frame["method"])]
    auc, ap = (frame.pivot(index=["suite", "table"], columns="method", values=v)[order] for v in ("roc_auc", "ap"))
    cells = auc.map("{:.3f}".format) + " / " + ap.map("{:.3f}".format)
    print(cells.to_string())
    rows = []
    for name, part in [*frame.groupby("suite"), ("all", frame)]:
        complete = part.pivot(index="table", columns="method", values="roc_auc")[order].dropna().index
        both = part[part["table"].isin(complete)]
        for method in order:
            mine = both[both["method"] == method]
            failed = int(part.loc[part["method"] == method, "roc_auc"].isna().sum())
            values = mine[["roc_auc", "ap", "f1", "share_error", "seconds"]].mean().round(4)
            rows.append((name, method, len(mine), *values, failed))
    head = ["suite", "method", "tables", "ROC-AUC", "AP", "F1", "share error", "seconds", "failed"]
    print(pd.DataFrame(rows, columns=head).to_string(index=False))
    beside(frame, order)


def beside(frame: pd.DataFrame, order: list[str]) -> None:
    """Each peer beside ours, over all tables that this peer finished."""
    rows = []
    for name, part in [*frame.groupby("suite"), ("all", frame)]:
        wide = part.pivot(index="table", columns="method", values=["roc_auc", "ap"])
        for peer in (m for m in order if m != "pynomaly_auto"):
            both = wide[[(v, m) for v in ("roc_auc", "ap") for m in ("pynomaly_auto", peer)]].dropna()
            wins = [int((both[(v, "pynomaly_auto")] > both[(v, peer)]).sum()) for v in ("roc_auc", "ap")]
            rows.append((name, peer, len(both), *both.mean().round(4), *wins))
    head = ["suite", "peer", "tables", "ROC-AUC ours", "peer's", "AP ours", "peer's", "wins in ROC-AUC", "in AP"]
    print(pd.DataFrame(rows, columns=head).to_string(index=False))


if __name__ == "__main__":
    main()
