"""``python -m benchmarks.novelty``: trained on normal rows only, ours beside nearest neighbours, LOF, DTE-NP, IForest.

Half of a table's normal rows train, the other half and the anomalies are judged; every method gets the same rows. The
peers' features are standardised by the training rows; DTE-NP is also shown on our encoder's features. A table counts
with the mean over the splits asked for. Finished measurements stay in ``--store``, so a killed run continues; a
method's failures are counted.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from benchmarks._tables import shared_tasks
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.building import Task, read_labelled, split
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.scoring import average_precision, roc_auc

Rows = np.ndarray[Any, Any]
OURS = "pynomaly_auto"
NEIGHBOURS = 5


def ours(train: Rows, judged: Rows, budget: float, seed: int) -> Rows:
    """Zero configuration but for the protocol and the budget."""
    detector = AutonomousDetector(
        novelty=True, time_budget=budget, tracking=False, random_state=seed, verbose=0
    )  # fmt: skip
    return -np.asarray(detector.fit(train).score_samples(judged))


def _distances(train: Rows, judged: Rows) -> Rows:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(train))).fit(train)
    return np.asarray(search.kneighbors(judged)[0])


def knn(train: Rows, judged: Rows, _: float, __: int) -> Rows:
    """Distance to the fifth nearest training row."""
    return np.asarray(_distances(train, judged)[:, -1])


def dte_np(train: Rows, judged: Rows, _: float, __: int) -> Rows:
    """Non-parametric diffusion time estimation (Livernoche et al., ICLR 2024): the mean of the nearest distances."""
    return np.asarray(_distances(train, judged).mean(axis=1))


def dte_np_weighted(train: Rows, judged: Rows, _: float, __: int) -> Rows:
    """The same with weights inverse to the distances, which makes it their harmonic mean."""
    far = np.maximum(_distances(train, judged), 1e-12)
    return np.asarray(far.shape[1] / (1.0 / far).sum(axis=1))


def lof(train: Rows, judged: Rows, _: float, __: int) -> Rows:
    """PyOD's LOF as it comes: 20 neighbours."""
    from pyod.models.lof import LOF

    return np.asarray(LOF().fit(train).decision_function(judged))


def iforest(train: Rows, judged: Rows, _: float, seed: int) -> Rows:
    """PyOD's isolation forest as it comes."""
    from pyod.models.iforest import IForest

    return np.asarray(IForest(random_state=seed).fit(train).decision_function(judged))


METHODS: dict[str, Callable[[Rows, Rows, float, int], Rows]] = {
    OURS: ours,
    "kNN k=5": knn,
    "DTE-NP": dte_np,
    "DTE-NP weighted": dte_np_weighted,
    "DTE-NP, our encoding": dte_np,
    "weighted, our encoding": dte_np_weighted,
    "LOF": lof,
    "IForest": iforest,
}


def tables(suite: str, max_rows: int) -> Iterator[tuple[Task, Rows, Rows]]:
    """A suite's tables with anomalies, their rows and labels, smallest first; large ones sampled, labels unseen."""
    for task in sorted(shared_tasks((suite,)), key=lambda t: (t.path.stat().st_size, t.name)):
        table, labels = read_labelled(task.path, task.target)
        X, y = np.asarray(table, dtype=np.float64), np.asarray(labels, dtype=int)
        if len(y) > max_rows:
            rows = np.sort(np.random.default_rng(0).choice(len(y), max_rows, replace=False))
            X, y = X[rows], y[rows]
        if 0 < y.sum() < len(y):
            yield task, X, y


def measure(table: tuple[Task, Rows, Rows], method: str, budget: float, seed: int) -> dict[str, Any]:
    """One method on one split of one table: quality, seconds, or why it failed."""
    task, X, labels = table
    train, judged = split(labels, seed=seed)
    if method.endswith("our encoding"):  # what of our lead is the encoder's
        encoder = TableEncoder(watches_constants=True).fit(X[train])
        X = encoder.encode(X).X
    elif method != OURS:
        spread = X[train].std(axis=0)
        X = (X - X[train].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    record: dict[str, Any] = {
        "table": task.name, "suite": task.suite, "method": method, "seed": seed,
        "train": len(train), "judged": len(judged), "features": X.shape[1],
    }  # fmt: skip
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = METHODS[method](X[train], X[judged], budget, seed)
        y = labels[judged]
        record |= {"roc_auc": roc_auc(y, scores), "ap": average_precision(y, scores)}
    except Exception as error:  # a peer may fail in any way; the failure is its result
        record |= {"error": f"{type(error).__name__}: {error}"[:200]}
    return record | {"seconds": round(time.perf_counter() - start, 2)}


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="adbench")
    parser.add_argument("--budget", type=float, default=60.0)
    parser.add_argument("--max-rows", type=int, default=5_000)
    parser.add_argument("--seeds", type=int, default=1, help="Splits of each table.")
    parser.add_argument("--store", type=Path, default=Path("benchmarks/results/novelty.jsonl"))
    parser.add_argument("--print-only", action="store_true")
    parser.add_argument("--again", action="store_true", help="Repeat what failed; the failure stays counted.")
    options = parser.parse_args()
    options.store.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in options.store.read_text().splitlines()] if options.store.exists() else []
    if not options.print_only:
        known = {(r["table"], r["method"], r["seed"]) for r in done if not (options.again and "error" in r)}
        wanted = [(method, seed) for seed in range(options.seeds) for method in METHODS]
        with options.store.open("a") as store:
            for table in tables(options.suite, options.max_rows):
                for method, seed in wanted:
                    if (table[0].name, method, seed) not in known:
                        record = measure(table, method, options.budget, seed)
                        done.append(record)
                        store.write(json.dumps(record) + "\n")
                        store.flush()
    frame = pd.DataFrame(done)
    show(frame[frame["seed"] < options.seeds])


def show(frame: pd.DataFrame) -> None:
    """Per table, on average, and each peer beside ours; only over splits that every method finished."""
    failed = frame[frame["roc_auc"].isna()].groupby("method").size()  # later repetitions do not undo a failure
    frame = frame.drop_duplicates(["table", "method", "seed"], keep="last")
    order = [m for m in METHODS if m in set(frame["method"])]
    splits = frame.pivot(index=["table", "seed"], columns="method", values=["roc_auc", "ap"])
    complete = splits.dropna()
    print(f"{len(complete)} of {len(splits)} splits were finished by every method")
    wide = complete.groupby("table").mean()
    auc, ap = pd.DataFrame(wide["roc_auc"])[order], pd.DataFrame(wide["ap"])[order]
    print((auc.map("{:.3f}".format) + " / " + ap.map("{:.3f}".format)).to_string())
    rows = []
    for method in order:
        part = frame[frame["method"] == method]
        row: list[Any] = [method, len(auc), auc[method].mean(), ap[method].mean(), part["seconds"].mean()]
        row.append(int(failed.get(method, 0)))
        for values in (auc, ap):
            lead = values[OURS] - values[method]
            beside = method != OURS and bool(lead.abs().sum() > 0)
            row += [f"{(lead > 0).sum()}:{(lead < 0).sum()}", wilcoxon(lead).pvalue] if beside else ["", np.nan]
        rows.append(row)
    head = ["method", "tables", "ROC-AUC", "AP", "seconds", "failed"]
    head += ["ours better (ROC-AUC)", "p", "ours better (AP)", "p "]
    print(pd.DataFrame(rows, columns=head).round(4).to_string(index=False))
    if len(auc) > 1 and len(order) > 1:
        best = (auc[OURS] - auc.drop(columns=OURS).mean(axis=1)).idxmax()
        rest = pd.DataFrame({"ROC-AUC": auc.drop(index=best).mean(), "AP": ap.drop(index=best).mean()})
        print(f"without {best}, where ours leads most:")
        print(rest.round(4).to_string())


if __name__ == "__main__":
    main()
