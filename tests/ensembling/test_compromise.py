"""Which of several models is taken where each is the best in something."""

from __future__ import annotations

import numpy as np

from pynomaly_auto.ensembling import compromise

FRONT = np.array([[0.0, 1.0], [0.2, 0.3], [0.6, 0.1], [1.0, 0.0]])


def test_alike_weights_take_the_knee():
    assert compromise(FRONT, [0.5, 0.5]) == 1


def test_weights_move_it_to_either_end():
    assert compromise(FRONT, [0.95, 0.05]) == 0
    assert compromise(FRONT, [0.05, 0.95]) in (2, 3)
    assert compromise(FRONT, [0.0, 1.0]) == 3


def test_of_rows_with_the_same_worst_objective_the_better_in_the_others_is_taken():
    assert compromise(np.array([[1.0, 0.5, 0.0], [1.0, 0.2, 0.0], [0.0, 1.0, 1.0]]), [0.4, 0.3, 0.4]) == 1


def test_an_objective_in_which_all_are_alike_decides_nothing():
    assert compromise(np.array([[3.0, 1.0], [3.0, 0.0]]), [0.9, 0.1]) == 1
    assert compromise(np.array([[3.0, 1.0]]), [0.5, 0.5]) == 0
