"""From combined score to probability: a piecewise linear, non-decreasing map that is 1/2 at the threshold."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from pynomaly_auto.records import Calibration, FloatArray

# Steepness per unit of combined score (nats of tail rank) above and below the threshold. They keep the expected
# calibration error over the known tables low without flattening clear cases; measured by
# ``python -m benchmarks.contamination --fit-calibration``.
STEEPNESS = (0.25, 8.0)

_LARGEST_FLOOR = 0.4


def calibrate(
    scores: FloatArray, threshold: float, contamination: float, *, steepness: tuple[float, float] = STEEPNESS
) -> Calibration:
    """Fit the map on the training rows.

    Two components are looked at: above the threshold a logistic curve with one global steepness (a detector's first
    rows are anomalies far less often than one would like, so it rises slowly), below it a steeper one that falls to a
    floor, the anomalies that scores cannot see. The floor is the one number that is fitted to the table: it makes the
    mean probability of the training rows equal to ``contamination``; where even a floor of 0 is too high, the lower
    branch is made steeper instead.

    Args:
        scores: Combined scores of the training rows; shape (n_rows,).
        threshold: Where the probability is to be 1/2.
        contamination: What the mean probability is to be.
        steepness: Above and below the threshold, per unit of score.
    """
    rise, fall = steepness
    low, high = float(scores.min()), float(scores.max())
    if low == high and threshold == high:
        # Not one row stands out: all get the share itself, and only what is new and higher gets more.
        above = threshold + np.linspace(0.0, 12.0 / rise, 24)
        above[0] = np.nextafter(threshold, np.inf)
        knots = np.concatenate([[threshold], above])
        values = np.concatenate([[min(contamination, 0.5)], expit(rise * (above - threshold))])
        return Calibration(knots=knots, values=np.maximum.accumulate(values))
    below = scores[scores <= threshold] - threshold
    mass = contamination * len(scores) - float(expit(rise * (scores[scores > threshold] - threshold)).sum())
    floor, fall = _lower_branch(below, mass, fall)
    reach = max(threshold - low, 1e-12)
    # Knots crowd where the lower branch bends: within a few units of 1/fall below the threshold.
    offsets = np.unique(np.concatenate([np.linspace(0.0, reach, 17), np.geomspace(min(1e-3 / fall, reach), reach, 80)]))
    down = threshold - offsets[::-1]
    up = threshold + np.linspace(0.0, max(high - threshold, 12.0 / rise), 33)[1:]
    values = np.concatenate([_below(down - threshold, floor, fall), expit(rise * (up - threshold))])
    knots, first = np.unique(np.concatenate([down, up]), return_index=True)
    return Calibration(knots=knots, values=np.maximum.accumulate(values[first]))


def apply(calibration: Calibration, scores: FloatArray) -> FloatArray:
    """Probabilities of being an anomaly; same shape as ``scores``, in [0, 1].

    Args:
        calibration: From a verdict.
        scores: Combined scores of any rows.

    >>> import numpy as np
    >>> apply(Calibration(knots=np.array([0.0, 2.0]), values=np.array([0.0, 0.5])), np.array([1.0, 9.0])).tolist()
    [0.25, 0.5]
    """
    return np.asarray(np.interp(scores, calibration.knots, calibration.values), dtype=np.float64)


def _below(distance: FloatArray, floor: float, steepness: float) -> FloatArray:
    return floor + (0.5 - floor) * 2.0 * expit(steepness * distance)


def _lower_branch(below: FloatArray, mass: float, fall: float) -> tuple[float, float]:
    """Floor and steepness that give the rows at or below the threshold a total probability of ``mass``."""
    if not len(below):
        return 0.0, fall
    transition = 2.0 * expit(fall * below)
    free = float((1.0 - transition).sum())
    floor = (mass - 0.5 * float(transition.sum())) / free if free > 0 else 0.0
    if floor >= 0:
        return min(floor, _LARGEST_FLOOR), fall
    least, most = np.log(fall), np.log(1e6)
    for _ in range(30):
        middle = (least + most) / 2
        if float(expit(np.exp(middle) * below).sum()) > mass:
            least = middle
        else:
            most = middle
    return 0.0, float(np.exp(most))
