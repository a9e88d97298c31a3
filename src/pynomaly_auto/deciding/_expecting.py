"""How many of the flagged rows are real: what the probabilities add up to, and how far that can be off.

Calibrated probabilities are right on average over tables; on one table all of them may be too high or too low together,
as its anomalies may or may not be of the kind that scores see. So the count has two sources of doubt: the draw of each
row, and one shift of all log odds of the table. The shift's spread was read off tables whose whole group the knowledge
base had not seen: ``python -m benchmarks.quality report`` prints how often the interval held there.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import bdtr, expit, logit, ndtri

from pynomaly_auto.records import Expectation, FloatArray

LEVEL = 0.8  # of the interval that is told; benchmarks.quality prints how often it held
_DOUBT = 1.6  # standard deviation of a table's shift of the log odds of its flagged rows, over held-out tables
_FIRST = 10  # rows an analyst looks at before deciding whether to go on
_SHIFTS = ndtri((np.arange(101) + 0.5) / 101)
_LEVELS = 200  # distinct probabilities looked at
_LEAST = 1e-6  # probabilities are kept this far from 0 and 1, where log odds end


def expect(probabilities: FloatArray) -> Expectation:
    """What to expect of flagged rows.

    Args:
        probabilities: Of the flagged rows, the highest score first; shape (n_flagged,).

    >>> e = expect(np.full(40, 0.4))
    >>> e.flagged, round(e.real), e.low < 16 < e.high
    (40, 16, True)
    """
    flagged, real = len(probabilities), float(probabilities.sum())
    first = min(_FIRST, flagged)
    low, high = interval(probabilities) if flagged else (0, 0)
    return Expectation(
        flagged=flagged, real=real, low=low, high=high, level=LEVEL, first=first,
        first_real=float(probabilities[:first].sum()),
    )  # fmt: skip


def interval(probabilities: FloatArray, level: float = LEVEL, doubt: float = _DOUBT) -> tuple[int, int]:
    """Counts between which the number of real anomalies is to lie in a share ``level`` of tables.

    Args:
        probabilities: Of the flagged rows; shape (n_flagged,), at least one.
        level: In (0, 1).
        doubt: Standard deviation of the shift of all log odds.
    """
    n = len(probabilities)
    parts = np.array_split(np.sort(np.clip(probabilities, _LEAST, 1.0 - _LEAST)), min(n, _LEVELS))
    odds, share = logit([part.mean() for part in parts]), np.array([len(part) / n for part in parts])

    def rates(centre: float) -> FloatArray:
        return np.asarray(expit(odds[None, :] + centre + doubt * _SHIFTS[:, None]) @ share, dtype=np.float64)

    # A wide spread of log odds moves the mean probability towards one half: the centre takes that back.
    wanted = float(expit(odds) @ share)
    chances = rates(float(brentq(lambda centre: float(rates(centre).mean()) - wanted, -20.0, 20.0)))
    return _quantile(chances, n, (1.0 - level) / 2), _quantile(chances, n, (1.0 + level) / 2)


def _quantile(chances: FloatArray, n: int, share: float) -> int:
    """Least count of n that a mixture of binomials stays at or below with that probability."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if float(bdtr(middle, n, chances).mean()) < share:
            low = middle + 1
        else:
            high = middle
    return low
