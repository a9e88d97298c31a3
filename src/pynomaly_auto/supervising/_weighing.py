"""How much the answer without labels and what was learned from them count, shrunk by how much the labels can prove."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq, minimize
from scipy.special import expit

from pynomaly_auto.records import FloatArray

# What the weights are held to be before any label speaks for others, and how sure that is (standard deviations):
# of the answer without labels, of what was learned, and of a shift of all log odds. Chosen on a part of the shared
# tables (decision 0024); ``python -m benchmarks.labels`` prints what they give.
BASE, LEARNED, SHIFT = (0.5, 0.25), (1.25, 0.3), (0.0, 0.8)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Of log odds that are added.

    Args:
        base: Of the answer without labels, from its usual level.
        learned: Of what each learner says.
        shift: Added to all.
        level: Log odds of the share of anomalies expected without labels: the usual level.
    """

    base: float
    learned: tuple[float, ...]
    shift: float
    level: float

    def combine(self, base: FloatArray, learned: FloatArray) -> FloatArray:
        """Log odds of rows; shape (n_rows,).

        Args:
            base: Of the answer without labels; shape (n_rows,).
            learned: Of each learner; shape (n_rows, n_learners).
        """
        out = self.level + self.shift + self.base * (base - self.level)
        # One after the other, so that a row alone is rounded as in a batch.
        for weight, column in zip(self.learned, learned.T, strict=True):
            out = out + weight * column
        return np.asarray(out, dtype=np.float64)

    @property
    def of_learned(self) -> float:
        """Of all learners together."""
        return float(sum(self.learned))


def before_labels(n_learners: int, level: float) -> Weights:
    """The weights that are held before any label speaks for others."""
    each = LEARNED[0] / max(n_learners, 1)
    return Weights(base=BASE[0], learned=(each,) * n_learners, shift=SHIFT[0], level=level)


def weigh(base: FloatArray, learned: FloatArray, target: FloatArray, level: float) -> Weights:
    """The most probable weights, given labelled rows that what was learned has not seen (a logistic regression).

    Args:
        base: Log odds without labels; shape (n,).
        learned: Of each learner; shape (n, n_learners).
        target: 1 for an anomaly, 0 for a normal row; shape (n,).
        level: As in `Weights`.
    """
    k = learned.shape[1]
    inputs = np.column_stack([np.ones(len(base)), base - level, learned])
    centre = np.array([SHIFT[0], BASE[0], *[LEARNED[0] / max(k, 1)] * k])
    spread = np.array([SHIFT[1], BASE[1], *[LEARNED[1] / np.sqrt(max(k, 1))] * k])

    def cost(w: FloatArray) -> tuple[float, FloatArray]:
        odds = level + inputs @ w
        apart = (w - centre) / spread
        value = float(np.logaddexp(0.0, odds).sum() - target @ odds + 0.5 * apart @ apart)
        return value, inputs.T @ (expit(odds) - target) + apart / spread

    bounds = [(None, None)] + [(0.0, None)] * (k + 1)
    found = minimize(cost, centre, jac=True, method="L-BFGS-B", bounds=bounds).x
    return Weights(base=float(found[1]), learned=tuple(found[2:].tolist()), shift=float(found[0]), level=level)


def held_back(weights: Weights, odds: FloatArray, most: float) -> Weights:
    """The weights with all log odds shifted so far down that rows are anomalies no more often than that.

    Args:
        weights: As found.
        odds: Log odds of rows with them; shape (n_rows,).
        most: Largest mean probability.
    """
    if not len(odds) or float(expit(odds).mean()) <= most:
        return weights
    less = float(brentq(lambda by: float(expit(odds + by).mean()) - most, -60.0, 0.0))
    return replace(weights, shift=weights.shift + less)
