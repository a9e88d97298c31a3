"""Which of several models to take where each is the best in something."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pynomaly_auto.records import FloatArray

_OTHERS = 0.05  # what all objectives together count beside the worst one, so that no worse model is taken for equal


def compromise(costs: FloatArray, weights: Sequence[float]) -> int:
    """The row whose worst objective is least bad: the smallest augmented weighted Tchebycheff distance from the ideal.

    Each objective runs from 0, the best of all rows, to 1, the worst (Steuer and Choo, Mathematical Programming 1983).

    Args:
        costs: Each the lower the better; shape (n, n_objectives).
        weights: Of the objectives; shape (n_objectives,).

    Returns:
        Its position; of several the first.
    """
    low = costs.min(axis=0)
    reach = costs.max(axis=0) - low
    far = (costs - low) / np.where(reach > 0, reach, 1.0) * np.asarray(weights, dtype=np.float64)
    return int(np.argmin(far.max(axis=1) + _OTHERS * far.sum(axis=1)))
