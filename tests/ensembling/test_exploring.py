"""The search over subsets of members."""

from __future__ import annotations

import numpy as np

from pynomaly_auto.ensembling._exploring import explore, unbeaten

_WORTH = np.random.default_rng(0).random(20)


def _measure(subset):
    return 1.0 - _WORTH[list(subset)].sum() / _WORTH.sum(), float(len(subset))


def test_what_nothing_beats():
    assert unbeaten(np.array([[0.0, 2.0], [1.0, 1.0], [1.0, 2.0], [0.0, 2.0]])) == [0, 1, 3]


def test_it_measures_so_many_and_the_same_with_the_same_seed():
    found = [explore(20, _measure, [(0,), (0, 1)], n_trials=40, seed=3) for _ in range(2)]
    assert found[0] == found[1]
    assert len(found[0]) == 40
    assert all(one and len(set(one)) == len(one) and max(one) < 20 for one in found[0])


def test_it_ends_where_nothing_is_left():
    assert len(explore(2, lambda s: (float(len(s)),), [(0,)], n_trials=40, seed=0)) <= 3


def test_without_a_start_there_is_nothing():
    assert explore(5, _measure, [], n_trials=9, seed=0) == {}
