"""From combined score to probability where nothing is learned: a piecewise linear, non-decreasing map."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from pynomaly_auto.records import Calibration, FloatArray

# Steepness per unit of combined score (nats of tail rank) above and below the threshold. They keep the expected
# calibration error over the known tables low without flattening clear cases; measured by
# ``python -m benchmarks.contamination --fit-calibration``.
STEEPNESS = (0.25, 8.0)

# By how much the log odds of a labelled row exceed those of any row: of the labelled rows of known tables .22 were
# anomalies where .10 of the rows are labelled; less what the curve rises by above the threshold.
_LIFT = 0.73
_LARGEST_FLOOR = 0.8  # of the probability at the threshold


def at_threshold(contamination: float) -> float:
    """Probability of an anomaly just above the threshold, where as many rows lie above it as there are anomalies.

    >>> round(at_threshold(0.1), 2), round(at_threshold(0.4), 2)
    (0.19, 0.58)
    """
    return float(expit(logit(np.clip(contamination, 1e-6, 0.5)) + _LIFT))


def calibrate(
    scores: FloatArray,
    threshold: float,
    contamination: float,
    *,
    middle: float = 0.5,
    steepness: tuple[float, float] = STEEPNESS,
) -> Calibration:
    """Fit the map on the training rows.

    Two components are looked at: above the threshold a logistic curve with one global steepness (a detector's first
    rows are anomalies far less often than one would like, so it rises slowly), below it a steeper one that falls to a
    floor, the anomalies that scores cannot see. The floor is the one number that is fitted to the table: it makes the
    mean probability of the training rows equal to ``contamination``; where even a floor of 0 is too high, the lower
    branch is made steeper instead.

    Args:
        scores: Combined scores of the training rows; shape (n_rows,).
        threshold: Where the probability is to be ``middle``.
        contamination: What the mean probability is to be.
        middle: See `at_threshold`; 1/2 where no training row is taken for an anomaly.
        steepness: Above and below the threshold, per unit of score.
    """
    rise, fall = steepness
    low, high = float(scores.min()), float(scores.max())
    if low == high and threshold == high:
        # Not one row stands out: all get the share itself, and only what is new and higher gets more.
        above = threshold + np.linspace(0.0, 12.0 / rise, 24)
        above[0] = np.nextafter(threshold, np.inf)
        knots = np.concatenate([[threshold], above])
        values = np.concatenate([[min(contamination, 0.5)], expit(rise * (above - threshold) + logit(middle))])
        return Calibration(knots=knots, values=np.maximum.accumulate(values))
    below = scores[scores <= threshold] - threshold
    mass = contamination * len(scores) - float(
        expit(rise * (scores[scores > threshold] - threshold) + logit(middle)).sum()
    )
    floor, fall = _lower_branch(below, mass, fall, middle)
    reach = max(threshold - low, 1e-12)
    # Knots crowd where the lower branch bends: within a few units of 1/fall below the threshold.
    offsets = np.unique(np.concatenate([np.linspace(0.0, reach, 17), np.geomspace(min(1e-3 / fall, reach), reach, 80)]))
    down = threshold - offsets[::-1]
    up = threshold + np.linspace(0.0, max(high - threshold, 12.0 / rise), 33)[1:]
    values = np.concatenate(
        [_below(down - threshold, floor, fall, middle), expit(rise * (up - threshold) + logit(middle))]
    )
    knots, first = np.unique(np.concatenate([down, up]), return_index=True)
    return Calibration(knots=knots, values=np.maximum.accumulate(values[first]))


def _below(distance: FloatArray, floor: float, steepness: float, middle: float) -> FloatArray:
    return floor + (middle - floor) * 2.0 * expit(steepness * distance)


def _lower_branch(below: FloatArray, mass: float, fall: float, middle: float) -> tuple[float, float]:
    """Floor and steepness that give the rows at or below the threshold a total probability of ``mass``."""
    if not len(below):
        return 0.0, fall
    transition = 2.0 * expit(fall * below)
    free = float((1.0 - transition).sum())
    floor = (mass - middle * float(transition.sum())) / free if free > 0 else 0.0
    if floor >= 0:
        return min(floor, _LARGEST_FLOOR * middle), fall
    least, most = np.log(fall), np.log(1e6)
    for _ in range(30):
        steeper = (least + most) / 2
        if 2.0 * middle * float(expit(np.exp(steeper) * below).sum()) > mass:
            least = steeper
        else:
            most = steeper
    return 0.0, float(np.exp(most))
