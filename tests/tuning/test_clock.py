import math
import time

import pytest

from pynomaly_auto._deadline import Deadline, waiting_since
from pynomaly_auto.tuning._clock import Clock


def test_a_count_of_trials_makes_it_decide_nothing():
    for clock in (Clock(Deadline(5.0), None), Clock(Deadline(None), 0.8)):
        clock.note("pca", 100.0, 0.1)
        assert not clock.rules
        assert (clock.slowness(), clock.expected("pca", 0.1), clock.wait()) == (1.0, 0.1, None)
        assert not clock.late()
        assert clock.timeout(0.1, wanted=True, answered=True) == 600.0
        assert clock.timeout(100.0, wanted=True, answered=True) == 5_000.0
        assert math.isinf(clock.left())


def test_expected_seconds_are_learned_from_the_trials_of_this_run():
    clock = Clock(Deadline(100.0), 0.8)
    assert clock.expected("pca", 0.5) == 0.5
    clock.note("factor_analysis", 1.3, 0.05)  # converged slowly
    assert clock.expected("factor_analysis", 0.05) > 0.4
    assert clock.expected("pca", 0.05) < 0.2  # of another detector it says less
    for _ in range(10):
        clock.note("knn", 4.0, 1.0)  # a busy machine
    assert clock.slowness() == pytest.approx(4.0, rel=0.1)
    assert clock.expected("pca", 0.5) == pytest.approx(2.0, rel=0.1)
    assert clock.expected("knn", 0.5) == pytest.approx(2.0, rel=0.1)


def test_what_was_given_up_says_something_of_its_detector_only():
    clock = Clock(Deadline(100.0), 0.8)
    clock.note("hangs", 40.0, 0.01, completed=False)
    assert clock.slowness() == 1.0
    assert clock.expected("hangs", 0.01) > 3
    clock.note("pca", 1e6, 0.1)
    assert clock.slowness() == 10.0  # beyond, one of them hung


def test_a_trial_may_take_what_is_left_and_the_first_a_little_more():
    clock = Clock(Deadline(10.0), 0.5)
    assert clock.span == pytest.approx(5.0, abs=0.1)
    assert clock.timeout(0.01, wanted=False, answered=True) == pytest.approx(1.0)
    assert clock.timeout(0.01, wanted=True, answered=True) == pytest.approx(2.0, abs=0.1)
    assert clock.timeout(100.0, wanted=True, answered=True) == pytest.approx(5.0, abs=0.1)
    assert clock.timeout(100.0, wanted=True, answered=False) == pytest.approx(7.3, abs=0.1)
    late = Clock(Deadline(0.0), 0.5)  # not even a tenth of it is left
    assert late.late()
    assert late.patient(answered=False)
    assert not late.patient(answered=True)
    assert late.timeout(1.0, wanted=True, answered=True) == 0.1


def test_a_budget_that_was_used_up_before_still_gives_the_search_a_tenth():
    with waiting_since(time.monotonic() - 100.0):  # half of the budget is gone, and then the rest of it
        spent = Deadline(20.0)
    spent.started -= 10.0
    assert spent.remaining() == 0.0
    clock = Clock(spent, 0.8)
    assert clock.span == pytest.approx(2.0, abs=0.1)
    assert not clock.late()
