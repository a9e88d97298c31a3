"""How members are combined when the training rows are all normal: by how far beyond the training rows a row lies.

Trained on clean rows, anomalies lie beyond all training rows of most members, where tail ranks end. There the tail is
taken to go on exponentially, with the mean excess of the largest tenth of the training scores as its scale, so the
−log tail probability grows with the distance. A row is then judged by the half of the members it is farthest out
for: an anomaly need not show in every view, and averaging over the better half keeps single members from ruling
(compare the average of maxima of Aggarwal and Sathe, SIGKDD Explorations 17(1), 2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pynomaly_auto.records import FloatArray

COMBINER = "mean of the larger half of −log tail probabilities"

_HALF = 0.5


def stronger_half(inputs: FloatArray, weights: Sequence[float]) -> FloatArray:
    """Weighted mean of each row's largest inputs that together hold half of the weight; shape (n_rows,).

    Args:
        inputs: −log tail probabilities; shape (n_rows, n_members).
        weights: Of the members, in sum 1.
    """
    order = np.argsort(-inputs, axis=1, kind="stable")
    values = np.take_along_axis(inputs, order, axis=1)
    given = np.asarray(weights, dtype=np.float64)[order]
    out, left = np.zeros(len(inputs)), np.full(len(inputs), _HALF)
    for j in range(inputs.shape[1]):  # column by column, so that a row alone is rounded as in a batch
        taken = np.minimum(given[:, j], left)
        out += taken * values[:, j]
        left -= taken
    return np.asarray(out / _HALF, dtype=np.float64)
