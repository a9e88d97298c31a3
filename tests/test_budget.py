"""One policy for the time budget: shares that leave something to what follows, and overruns within the promise."""

from __future__ import annotations

import math

import pytest

from pynomaly_auto import _budget as budget

BUDGETS = (0.5, 1.0, 2.0, 12.0, 60.0, 600.0)


@pytest.mark.parametrize("seconds", BUDGETS)
def test_nothing_is_later_than_a_tenth_and_two_seconds(seconds):
    late = 0.1 * seconds + 2.0
    assert budget.overtime(seconds) < late
    assert budget.recording_seconds(seconds) <= late / 2


@pytest.mark.parametrize("seconds", BUDGETS)
def test_explanations_have_their_reserve_whatever_is_left(seconds):
    reserve = budget.explaining_reserve(seconds)
    assert reserve == min(2.0, 0.1 * seconds)
    assert budget.explaining_seconds(seconds, 0.0) == reserve
    assert reserve <= budget.explaining_seconds(seconds, 1e6) == 8.0


def test_without_a_budget_nothing_is_limited_but_the_wait_for_a_slow_store():
    assert budget.explaining_seconds(None, math.inf) is None
    assert budget.overtime(None) == 0.0
    assert budget.time_to_fuse(math.inf, 10**9)
    assert math.isfinite(budget.recording_seconds(None))


def test_on_many_rows_members_leave_time_to_what_follows():
    assert budget.refit_seconds(20.0, 1_000) == pytest.approx(17.0)
    assert budget.refit_seconds(20.0, 70_000) < 13.0
    assert budget.refit_seconds(20.0, 10**9) == 10.0  # and yet half of it is theirs
    assert budget.refit_seconds(math.inf, 10**9) == math.inf


def test_the_search_leaves_the_members_what_they_should_need():
    assert budget.search_share(0.0, 60.0) == 0.55  # quick members: more of the search would change little
    assert budget.search_share(20.0, 60.0) == pytest.approx(1 - 1.6 * 20 / 60 - 0.1)
    assert budget.search_share(1e9, 60.0) == budget.search_share(1.0, 0.0) == 0.2  # without a search no members


def test_quick_trials_take_a_fifth_of_a_search_within_bounds():
    assert [budget.quick_seconds(s) for s in (0.0, 1.0, 60.0)] == [0.15, 0.2, 0.3]


def test_fusing_a_million_rows_takes_a_long_budget():
    assert budget.time_to_fuse(60.0, 10_000)
    assert not budget.time_to_fuse(60.0, 1_000_000)
