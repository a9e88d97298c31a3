"""``python -m benchmarks.novelty_members SOURCE PARTS``: what the portfolio for novelty and its parts reach.

``PARTS`` is the folder of part files that ``pynomaly kb build SOURCE --protocol novelty`` leaves (they keep every score
vector), measured with the same ``--max-rows`` and ``--seed`` as given here. Prints ROC-AUC and average precision of
single detectors and members, and of ways to combine: which members, which transform of their scores, which mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import wilcoxon

from benchmarks._sets import measured_options
from pynomaly_auto.building import find_tasks, load_task, split
from pynomaly_auto.ensembling import Distribution, stronger_half
from pynomaly_auto.regimes import CONTAMINATED, NOVELTY
from pynomaly_auto.scoring import average_precision, roc_auc, tail_ranks

Rows = np.ndarray[Any, Any]
Table = tuple[Rows, dict[str, tuple[Rows, Rows]]]  # labels; name to scores of training and of judged rows
PEER = "knn n_neighbors=1"


def name_of(detector: str, params: Mapping[str, Any]) -> str:
    """A detector with its parameters."""
    return " ".join([detector, *(f"{k}={v}" for k, v in sorted(params.items()))])


def read(source: Path, parts: Path, max_rows: int, seed: int) -> list[Table]:
    """Labels and scores of every measured table."""
    tasks = {task.name: task for task in find_tasks([source])}
    found = []
    for file in sorted(parts.glob("*.parquet")):
        frame = pd.read_parquet(file)
        frame = frame[frame["status"] == "completed"]
        _, y = load_task(tasks[str(frame["task"].iloc[0])], max_rows=max_rows, seed=seed)
        scores = {
            name_of(str(r.detector), json.loads(str(r.params))): (
                np.asarray(r.train_scores, float),
                np.asarray(r.scores, float),
            )
            for r in frame.itertuples()
        }
        found.append((y[split(y, seed=seed)[1]], scores))
    return found


def ranks(train: Rows, judged: Rows) -> Rows:
    """−log tail ranks with a bounded excess, as without novelty."""
    return tail_ranks(judged, np.sort(train))


def tails(train: Rows, judged: Rows) -> Rows:
    """−log tail ranks that go on as an exponential tail."""
    return Distribution.of(train, bounded=False)(judged)


def mean(inputs: Rows) -> Rows:
    """Of all members."""
    return np.asarray(inputs.mean(axis=1))


def half(inputs: Rows) -> Rows:
    """Of the larger half."""
    return stronger_half(inputs, [1 / inputs.shape[1]] * inputs.shape[1])


def main() -> None:
    """Print one line per combination."""
    options = measured_options(__doc__)
    data = read(options.source, options.parts, options.max_rows, options.seed)
    names = sorted(set.intersection(*(set(scores) for _, scores in data)))
    members = tuple(m for m in (name_of(c.detector, c.params) for c in NOVELTY.members) if m in names)
    plain = tuple(m for m in members if "view=" not in m)
    ways: list[tuple[str, Sequence[str], Callable[..., Rows], Callable[..., Rows]]]
    ways = [(name, (name,), tails, mean) for name in names]
    ways += [
        ("MEMBERS, larger half of tails (shipped)", members, tails, half),
        ("MEMBERS, mean of tails", members, tails, mean),
        ("MEMBERS, larger half of ranks", members, ranks, half),
        ("MEMBERS, mean of ranks", members, ranks, mean),
        ("MEMBERS without views, larger half of tails", plain, tails, half),
        (
            "portfolio of the other protocol, mean of ranks",
            [p for p in CONTAMINATED.portfolio if p in names],
            ranks,
            mean,
        ),
    ]
    results = {}
    for name, chosen, transform, combine in ways:
        scores = [(y, combine(np.column_stack([transform(*s[c]) for c in chosen]))) for y, s in data]
        results[name] = np.array([(roc_auc(y, s), average_precision(y, s)) for y, s in scores])
    rows = []
    for name, values in results.items():
        lead = values - results[PEER]
        rows.append(
            (name, *values.mean(axis=0), *(wilcoxon(column).pvalue if column.any() else 1.0 for column in lead.T))
        )
    head = ["combination", "ROC-AUC", "AP", f"p against {PEER}", "in AP"]
    print(f"{len(data)} tables")
    print(pd.DataFrame(rows, columns=head).sort_values("ROC-AUC", ascending=False).round(4).to_string(index=False))


if __name__ == "__main__":
    main()
