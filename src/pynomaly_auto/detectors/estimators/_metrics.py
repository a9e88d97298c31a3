"""Nearest neighbours by distances that no product of matrices gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pynomaly_auto.records import FloatArray, IntArray


def compared(
    points: FloatArray, Z: FloatArray, k: int, *, power: float, parts: Iterable[slice], themselves: bool = False
) -> tuple[FloatArray, IntArray]:
    """Minkowski distances to and positions of the nearest points by comparing all pairs, nearest first.

    Args:
        points: Among which; shape (n, n_features).
        Z: The rows; shape (n_rows, n_features).
        k: How many, fewer than the points.
        power: Of the distance, at least 1.
        parts: Of the rows, to be compared at a time.
        themselves: The rows are the points, and each leaves itself out.
    """
    from scipy.spatial.distance import cdist

    distances, positions = np.empty((len(Z), k)), np.empty((len(Z), k), dtype=np.int64)
    for part in parts:
        away = cdist(Z[part], points, "minkowski", p=power)
        if themselves:
            away[np.arange(len(away)), np.arange(part.start, part.start + len(away))] = np.inf
        order = np.argsort(away, axis=1, kind="stable")[:, :k]
        distances[part], positions[part] = np.take_along_axis(away, order, axis=1), order
    return distances, positions
