"""``python -m benchmarks.storage``: what a saved model costs: bytes on disk, CPU seconds to write and to read.

The table is the demo's with all its malignant tumours (569 x 30), the model the default one. The best of several goes,
each after one that is not counted: what is first imported is no part of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer

from pynomaly_auto import AutonomousDetector

MOST_MB, MOST_SECONDS = 8.0, 0.5
_GOES = 5


def seconds_of(action: Callable[[], object]) -> float:
    """CPU seconds of the fastest of several goes."""
    action()
    found = []
    for _ in range(_GOES):
        start = time.process_time()
        action()
        found.append(time.process_time() - start)
    return min(found)


def main() -> int:
    """Fit, save, load, print; the exit status says whether the bars hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--time-budget", type=float, default=60.0, help="seconds of the fit")
    given = parser.parse_args()
    X = load_breast_cancer(as_frame=True).data
    detector = AutonomousDetector(tracking=False, random_state=0, verbose=0, time_budget=given.time_budget).fit(X)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pynomaly"
        write = seconds_of(lambda: detector.save(path))
        read = seconds_of(lambda: AutonomousDetector.load(path))
        size = path.stat().st_size / 1e6
        new = X * 1.01
        same = np.array_equal(AutonomousDetector.load(path).score_samples(new), detector.score_samples(new))
    print(f"{len(detector.ensemble_.members)} members on {len(X)} x {X.shape[1]}; new rows score the same: {same}")
    rows = (("size, MB", size, MOST_MB), ("write, s", write, MOST_SECONDS), ("read, s", read, MOST_SECONDS))
    for name, value, most in rows:
        print(f"{name:10} {value:6.2f}  at most {most:.1f}  {'held' if value <= most else 'MISSED'}")
    return int(not same or any(value > most for _, value, most in rows))


if __name__ == "__main__":
    raise SystemExit(main())
