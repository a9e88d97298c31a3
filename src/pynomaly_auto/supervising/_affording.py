"""How long learning from labels takes, and from how many rows it can learn within so many seconds."""

from __future__ import annotations

import math

from pynomaly_auto.supervising._learners import FOREST_UP_TO, MOST_TAUGHT

# Seconds of one core, all folds and learners. Where forests learn too, of each row learned from; where boosted trees do
# alone, of the square root of their number; and of each row that is judged then. Measured: 500 labels of 10,000 rows
# 1.0 s, 2,000 labels 4.6 s, 10,000 labels 5.8 s; 20,000 labels 1.2, 3.7 and 6.8 s with 500, 2,200 and 10,000 learned
# from.
_WITH_FORESTS, _BOOSTED, _JUDGED = 2.5e-3, 0.07, 3.5e-5
_LEAST = 50  # rows: with fewer there would be nothing to learn


def learning_seconds(n_labelled: int, n_rows: int) -> float:
    """What learning from so many labelled rows of so many is expected to take."""
    taught = min(n_labelled, MOST_TAUGHT)
    learning = taught * _WITH_FORESTS if n_labelled <= FOREST_UP_TO else _BOOSTED * math.sqrt(taught)
    return learning + n_rows * _JUDGED


def rows_within(seconds: float | None, n_labelled: int, n_rows: int) -> int:
    """The most rows to learn from within so many seconds; None: as long as it takes."""
    if seconds is None:
        return MOST_TAUGHT
    left = max(seconds - n_rows * _JUDGED, 0.0)
    taught = left / _WITH_FORESTS if n_labelled <= FOREST_UP_TO else (left / _BOOSTED) ** 2
    return int(min(max(taught, _LEAST), MOST_TAUGHT))
