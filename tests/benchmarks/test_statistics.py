from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmarks._calibration import EDGES, binned, calibration_error, pooled
from benchmarks._statistics import (
    bootstrap_mean,
    by_group,
    cliques,
    compare,
    critical_difference,
    friedman,
    holm,
    mean_ranks,
    ranks,
    signed_rank,
)


def test_holm_steps_down_and_never_decreases():
    # By hand: .01 * 4, .02 * 3, .03 * 2, .04 * 1, each at least the one before.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_signed_rank_is_scipys_with_zeros_split():
    gaps = np.array([0.1, -0.02, 0.3, 0.0, 0.25, 0.07, -0.01])
    assert signed_rank(gaps) == stats.wilcoxon(gaps, zero_method="zsplit").pvalue
    assert signed_rank(np.zeros(5)) == 1.0
    assert signed_rank(np.empty(0)) == 1.0


def test_bootstrap_draws_whole_groups():
    values = np.array([1.0] * 50 + [0.0] * 50)
    by_table = bootstrap_mean(values, np.arange(100).astype(object))
    assert by_table.mean == 0.5
    assert 0.38 < by_table.low < 0.43
    assert 0.57 < by_table.high < 0.62
    # Two groups say no more than two tables do.
    by_group_ = bootstrap_mean(values, np.array(["a"] * 50 + ["b"] * 50, dtype=object))
    assert (by_group_.low, by_group_.high) == (0.0, 1.0)


def test_bootstrap_leaves_out_what_is_missing():
    found = bootstrap_mean(np.array([0.2, np.nan, 0.4]), np.array(["a", "b", "c"], dtype=object))
    assert found.mean == pytest.approx(0.3)
    assert np.isnan(bootstrap_mean(np.array([np.nan]), np.array(["a"], dtype=object)).mean)


def test_compare_counts_over_tables_both_finished():
    ours = np.array([0.9, 0.8, 0.7, np.nan, 0.6])
    theirs = np.array([0.8, 0.8, 0.9, 0.5, np.nan])
    found = compare(ours, theirs, np.array(list("abcde"), dtype=object))
    assert (found.tables, found.wins, found.ties, found.losses) == (3, 1, 1, 1)
    assert found.difference.mean == pytest.approx(-0.1 / 3)


def test_a_group_counts_once_in_the_test():
    ours, theirs = np.full(12, 0.6), np.full(12, 0.5)
    alone = compare(ours, theirs, np.arange(12).astype(object))
    together = compare(ours, theirs, np.array(["a"] * 11 + ["b"], dtype=object))
    assert alone.p < 0.001
    assert together.p == 0.5


def test_ranks_by_hand():
    values = np.array([[0.9, 0.5, 0.5], [0.1, 0.3, 0.2]])
    assert ranks(values).tolist() == [[1.0, 2.5, 2.5], [3.0, 1.0, 2.0]]
    groups = np.array(["a", "b"], dtype=object)
    assert mean_ranks(values, groups).tolist() == [2.0, 1.75, 2.25]
    assert by_group(values, np.array(["a", "a"], dtype=object)) == pytest.approx(np.array([[0.5, 0.4, 0.35]]))


def test_critical_difference_is_demsars():
    # Demšar (2006), table 5: q at 5 % for 4 and 10 methods is 2.569 and 3.164.
    assert critical_difference(4, 14) == pytest.approx(2.569 * np.sqrt(4 * 5 / (6 * 14)), abs=1e-3)
    assert critical_difference(10, 30) == pytest.approx(3.164 * np.sqrt(10 * 11 / (6 * 30)), abs=1e-3)


def test_cliques_are_the_longest_runs_only():
    assert cliques(np.array([1.0, 1.5, 2.2, 4.0]), 1.0) == [(0, 1), (1, 2)]
    assert cliques(np.array([1.0, 1.2, 1.4]), 1.0) == [(0, 2)]
    assert cliques(np.array([1.0, 3.0]), 1.0) == []


def test_friedman_is_scipys():
    values = np.random.default_rng(0).normal(size=(9, 4))
    assert friedman(values) == stats.friedmanchisquare(*values.T).pvalue
    assert friedman(np.ones((5, 4))) == 1.0
    assert friedman(values[:, :2]) == 1.0


def test_bins_can_be_pooled_and_merge_to_ten():
    p, y = np.array([0.005, 0.03, 0.07, 0.95, 1.0]), np.array([0, 0, 1, 1, 1])
    bins = binned(p, y)
    assert sum(bins["n"]) == 5
    assert len(bins["n"]) == len(EDGES) - 1
    # By hand: the first of ten bins has p .105 and one anomaly of three rows, the last p 1.95 and two of two.
    assert calibration_error(bins) == pytest.approx((abs(0.105 - 1) + abs(1.95 - 2)) / 5)
    large = binned(np.repeat(p, 100), np.repeat(y, 100))
    assert calibration_error(pooled([bins, large])) == pytest.approx(calibration_error(bins))


def test_over_and_underestimates_of_tables_do_not_pool_to_nothing_in_the_mean():
    low, high = (
        binned(np.full(10, 0.25), np.zeros(10, dtype=int)),
        binned(np.full(10, 0.25), np.array([1] * 5 + [0] * 5)),
    )
    assert calibration_error(pooled([low, high])) == pytest.approx(0.0)
    assert [calibration_error(b) for b in (low, high)] == pytest.approx([0.25, 0.25])
