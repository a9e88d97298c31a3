"""How far probabilities can be taken at their word: binned sums that can be pooled over tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pynomaly_auto.records import FloatArray, IntArray

# Ten bins of equal width, the first one cut finer: nearly all rows of a table lie there.
EDGES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_FINE = 4  # of them make up the first of the ten
Bins = Mapping[str, Sequence[float]]


def binned(probabilities: FloatArray, y: IntArray) -> dict[str, list[float]]:
    """Sums of probabilities ``p`` and of labels ``y`` and counts ``n`` by bin (see `EDGES`)."""
    at = np.clip(np.searchsorted(EDGES, probabilities, side="right") - 1, 0, len(EDGES) - 2)
    size = len(EDGES) - 1
    return {
        "p": [round(float(v), 4) for v in np.bincount(at, weights=probabilities, minlength=size)],
        "y": [int(v) for v in np.bincount(at, weights=y, minlength=size)],
        "n": [int(v) for v in np.bincount(at, minlength=size)],
    }


def pooled(tables: Iterable[Bins]) -> dict[str, FloatArray]:
    """Bins of several tables together, every table with the same weight; shape (n_bins,) each, ``n`` sums to 1."""
    size = len(EDGES) - 1
    total = {key: np.zeros(size) for key in ("p", "y", "n")}
    count = 0
    for bins in tables:
        count += 1
        for key, value in total.items():
            value += np.asarray(bins[key], dtype=np.float64) / max(float(np.sum(bins["n"])), 1.0)
    return {key: value / max(count, 1) for key, value in total.items()}


def calibration_error(bins: Mapping[str, Sequence[float] | FloatArray]) -> float:
    """Expected calibration error over ten bins of equal width: Σ |mean probability − share of anomalies| · weight."""
    p, y, n = (_ten(np.asarray(bins[key], dtype=np.float64)) for key in ("p", "y", "n"))
    return float(np.abs(p - y).sum() / max(float(n.sum()), 1e-12))


def _ten(values: FloatArray) -> FloatArray:
    return np.concatenate([[values[:_FINE].sum()], values[_FINE:]])
