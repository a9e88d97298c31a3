"""What an explanation of twenty rows costs, and whether it names the cell that was changed.

    python -m benchmarks.explanations [TABLE.npz ...]

In normal rows one cell each is exchanged for a value from the other end of its column: within the range, and odd beside
the other cells. Explained are these rows by all members, by the heaviest as the library does, and by distance alone, as
where there is no time. CPU seconds are of all threads, the scores of the rows themselves included. Without tables:
thirty made columns of eight common causes, and the shared WDBC, Ionosphere and vertebral.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks._tables import home
from benchmarks._text import markdown, number
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.explaining import Explaining, explain_rows
from pynomaly_auto.records import FloatArray, IntArray

ROWS, TRIALS, LARGEST = 20, 60, 1000
SHARED = ("WDBC", "Ionosphere", "vertebral")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one line per table and way of explaining."""
    paths = [Path(p) for p in (sys.argv[1:] if arguments is None else arguments)]
    lines = [line for name, X in _tables(paths) for line in measured(name, X)]
    head = ["table", "rows × columns", "members", "explained by", "CPU seconds", "first column right", "among three"]
    print(markdown(head, lines))


def measured(name: str, X: FloatArray) -> list[list[str]]:
    """Lines of one table."""
    detector = AutonomousDetector(n_trials=TRIALS, tracking=False, random_state=0, verbose=0).fit(X)
    model = detector._model
    Z, changed = swapped(X, detector.result_.verdict.scores)
    encoded = model.encode(Z).X
    ways = {
        "all members": Explaining(),
        "the heaviest": Explaining(quick=model.quick_score()),
        "distance alone": Explaining(seconds=0.0),
    }
    out = []
    for way, options in ways.items():
        before = time.process_time()
        found = explain_rows(model.score, model.reference, np.arange(len(Z)), X=encoded, options=options)
        seconds = time.process_time() - before
        named = [[c.column for c in e.contributions[:3]] for e in found]
        truth = [model.reference.columns[j].name for j in changed]
        first = float(np.mean([n[0] == t for n, t in zip(named, truth, strict=True)]))
        three = float(np.mean([t in n for n, t in zip(named, truth, strict=True)]))
        shape = f"{len(X)} × {X.shape[1]}"
        members = str(len(model.ensemble.record.members))
        out.append([name, shape, members, way, f"{seconds:.2f}", number(first), number(three)])
    return out


def swapped(X: FloatArray, scores: FloatArray) -> tuple[FloatArray, IntArray]:
    """Normal rows with one cell each from the other end of its column, and the columns of these cells."""
    rng = np.random.default_rng(0)
    rows = rng.choice(np.argsort(scores, kind="stable")[: len(X) // 2], ROWS, replace=False)
    Z, columns = X[rows].copy(), rng.integers(0, X.shape[1], ROWS)
    low, middle, high = np.quantile(X, [0.02, 0.5, 0.98], axis=0)
    for i, c in enumerate(columns):
        Z[i, c] = high[c] if Z[i, c] < middle[c] else low[c]
    return Z, columns


def _tables(paths: Sequence[Path]) -> Iterator[tuple[str, FloatArray]]:
    rng = np.random.default_rng(0)
    if not paths:
        yield "made", rng.normal(size=(1000, 8)) @ rng.normal(size=(8, 30)) + 0.3 * rng.normal(size=(1000, 30))
        paths = [home() / "tabular" / f"{name}.npz" for name in SHARED]
    for path in paths:
        with np.load(path) as stored:
            X = stored["X"].astype(np.float64)
        X = X[:, X.std(axis=0) > 0]
        yield path.stem, X if len(X) <= LARGEST else X[rng.choice(len(X), LARGEST, replace=False)]


if __name__ == "__main__":
    main()
