"""How members are combined: by the robust mean, or by how far beyond the training rows a row lies.

With anomalies among the training rows, the weighted mean of the members' −log tail ranks is hard to beat. Trained on
clean rows, anomalies lie beyond all training rows of most members, where tail ranks end. There the tail is taken to go
on exponentially, with the mean excess of the largest tenth of the training scores as its scale, so the −log tail
probability grows with the distance. A row is then judged by the half of the members it is farthest out for: an anomaly
need not show in every view, and averaging over the better half keeps single members from ruling (compare the average
of maxima of Aggarwal and Sathe, SIGKDD Explorations 17(1), 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from pynomaly_auto.records import FloatArray
from pynomaly_auto.regimes import Combiner, Weighing

# What an ensemble's record calls a regime's way to combine; a saved ensemble is combined by what its record says.
COMBINERS: Mapping[Combiner, str] = {
    "robust mean": "robust mean of −log tail ranks",
    "stronger half": "mean of the larger half of −log tail probabilities",
}

Mean: TypeAlias = Callable[[FloatArray, Sequence[float]], FloatArray]

_HALF = 0.5  # of the weight, that of the members a row is farthest out for
_POWER = 2.0  # of strength in a weight; judged: strong members count more, and none rules
_LARGEST = 3.0  # most weight, in units of the mean weight


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


def weighted_sum(inputs: FloatArray, weights: Sequence[float]) -> FloatArray:
    """Each row's inputs, weighed and summed; shape (n_rows,).

    Args:
        inputs: −log tail ranks; shape (n_rows, n_members).
        weights: Of the members.
    """
    # Column by column: a matrix product may round differently for one row than for many.
    out = np.zeros(len(inputs))
    for weight, column in zip(weights, inputs.T, strict=True):
        if weight > 0:
            out += weight * column
    return out


def mean_of(combiner: str) -> Mean:
    """What combines the members of an ensemble whose record says so: a weighted sum unless declared otherwise."""
    return _MEANS.get(combiner, weighted_sum)


_MEANS: Mapping[str, Mean] = {COMBINERS["stronger half"]: stronger_half}


def by_strength(strength: FloatArray, diversity: FloatArray) -> FloatArray:
    """Weights that go by what members are worth; they sum to 1.

    Args:
        strength: Of each member; shape (n_members,).
        diversity: How far each is from the others; same shape.
    """
    # Kept close to equal: estimated qualities are uncertain, and the plain mean of strong members is good.
    raw = np.maximum(strength, 1e-3) ** _POWER * (1.0 + 0.5 * np.clip(diversity, 0.0, 1.0))
    raw = raw / raw.sum()
    for _ in range(len(raw)):  # each cut lowers the others' bound a little; as many rounds as members are enough
        raw = np.minimum(raw, _LARGEST * raw.mean())
        raw = raw / raw.sum()
    return np.asarray(raw)


def equal(strength: FloatArray, diversity: FloatArray) -> FloatArray:
    """As `by_strength`, the same for all."""
    return np.full(len(strength), 1.0 / len(strength))


WEIGHING: Mapping[Weighing, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "by strength": by_strength,
    "equal": equal,
}
