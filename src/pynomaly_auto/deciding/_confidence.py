"""How sure a label is, on the one scale that is used everywhere: the probability that it is right."""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly_auto.records import FloatArray


def confidence_of(probabilities: FloatArray, flagged: np.ndarray[Any, np.dtype[np.bool_]]) -> FloatArray:
    """Probability that each row's label is right; shape (n_rows,), in [0, 1].

    A label can be stable and wrong: how likely it is to stay the same on resampled training rows (ExCeeD) read 100 %
    beside a probability of .27. Nor is the figure drawn towards one half where members disagree, as that would make a
    flagged row of probability .27 look surer; disagreement is among what the probability was learned from.

    Args:
        probabilities: Calibrated, of being an anomaly; shape (n_rows,).
        flagged: Whether the row is labelled anomalous; shape (n_rows,).

    >>> confidence_of(np.array([0.27, 0.9, 0.02]), np.array([True, True, False])).tolist()
    [0.27, 0.9, 0.98]
    """
    return np.asarray(np.where(flagged, probabilities, 1.0 - probabilities), dtype=np.float64)
