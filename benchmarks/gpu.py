"""``python -m benchmarks.gpu``: the CPU against a GPU, detector by detector.

Each detector that can use a GPU is fitted on generated rows and scores as many new ones, in this process: by numpy (or
PyTorch) on the CPU, and on the device. Prints seconds of the fastest of ``--repeats``, and the largest difference of a
score as a share of the largest score. Without a GPU that is said, and the device is PyTorch on the CPU: the same code,
so the differences count and the seconds do not.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TypeVar

import numpy as np
import pandas as pd

from pynomaly_auto._devices import REHEARSED, unusable
from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.detectors import (
    DETECTORS,
    DetectorSpec,
    FittedDetector,
    accelerating,
    accelerator_for,
    fit_detector,
    uses_gpu,
)
from pynomaly_auto.records import FloatArray

T = TypeVar("T")
_WARMING = 200  # rows of the first fit, which pays for imports and for opening the device


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="rows fitted on, and again scored [%(default)s]")
    parser.add_argument("--features", type=int, default=20, help="[%(default)s]")
    parser.add_argument("--device", default="cuda", help="[%(default)s]")
    parser.add_argument("--repeats", type=int, default=2, help="[%(default)s]")
    parser.add_argument("--detectors", nargs="*", default=None, help="[all that can use a GPU]")
    given = parser.parse_args(arguments)
    device = given.device
    if device.startswith("cuda") and (why := unusable(device)) is not None:
        print(f"No GPU: {why}. PyTorch on the CPU stands in for it: differences count, seconds do not.\n")
        device = REHEARSED
    X, new = _rows(given.rows, given.features)
    names = given.detectors or [n for n, s in DETECTORS.items() if s.capabilities.gpu and s.installed]
    found = []
    with ONE_THREAD:
        for name in names:
            found.append({"detector": name, **_compare(DETECTORS[name], X, new, device, given.repeats)})
            print(f"{name}: done", flush=True)
    print(f"\n{given.rows:,} rows fitted on, {given.rows:,} scored, {given.features} features; {device}")
    print(pd.DataFrame(found).to_string(index=False))


def _rows(n_rows: int, n_features: int) -> tuple[FloatArray, FloatArray]:
    """Correlated rows in two clusters, one in fifty of them far out, and as many new ones."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(n_features, n_features))
    both = rng.normal(size=(2 * n_rows, n_features)) @ mixing
    both[::2] += 3.0 * mixing[0]
    both[::50] *= 4.0
    rng.shuffle(both)
    return both[:n_rows].copy(), both[n_rows:].copy()


def _compare(spec: DetectorSpec, X: FloatArray, new: FloatArray, device: str, repeats: int) -> dict[str, object]:
    cpu = _measure(spec, X, new, "cpu", repeats)
    gpu = _measure(spec, X, new, device, repeats)
    apart = [float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-300)) for a, b in zip(cpu[2:4], gpu[2:4], strict=True)]
    return {
        "fit CPU s": f"{cpu[0]:.3f}", "fit device s": f"{gpu[0]:.3f}", "score CPU s": f"{cpu[1]:.3f}",
        "score device s": f"{gpu[1]:.3f}", "fit differs": f"{apart[0]:.1e}", "score differs": f"{apart[1]:.1e}",
        "auto takes it": "yes" if uses_gpu(spec, {}, X.shape[:2], "auto") else "no", "note": gpu[4],
    }  # fmt: skip


def _measure(
    spec: DetectorSpec, X: FloatArray, new: FloatArray, device: str, repeats: int
) -> tuple[float, float, FloatArray, FloatArray, str]:
    """Seconds of fitting and of scoring, both scores, and whether the device was given up."""
    unit, _ = accelerator_for(spec, {}, X.shape[:2], device)
    with nullcontext() if unit is None else accelerating(unit):
        fit_detector(spec, {}, X[:_WARMING], seed=0)
        fits = [_timed(lambda: fit_detector(spec, {}, X, seed=0)) for _ in range(repeats)]
        fitted: FittedDetector = fits[0][1][0]
        scored = [_timed(lambda: fitted.score(new)) for _ in range(repeats)]
    note = "" if unit is None or not unit.given_up else f"given up: {unit.given_up}"
    return min(s for s, _ in fits), min(s for s, _ in scored), fits[0][1][1], scored[0][1], note


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    made = work()
    return time.perf_counter() - started, made


if __name__ == "__main__":
    main()
