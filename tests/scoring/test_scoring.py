import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from pynomaly_auto import scoring
from pynomaly_auto.errors import InvalidInputError


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(-3, 3)), min_size=2, max_size=60))
@settings(max_examples=100, deadline=None)
def test_metrics_equal_sklearns_with_ties(rows):
    labels, scores = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    if labels.all() or not labels.any():
        with pytest.raises(InvalidInputError, match="one class"):
            scoring.roc_auc(labels, scores)
        return
    assert scoring.roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert scoring.average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))


def test_precision_and_f1_at_n():
    labels, scores = np.array([1, 0, 1, 0, 0]), np.array([5.0, 4.0, 3.0, 2.0, 1.0])
    assert scoring.precision_at_n(labels, scores) == 0.5
    assert scoring.precision_at_n(labels, scores, 3) == pytest.approx(2 / 3)
    assert scoring.f1_at_n(labels, scores) == 0.5
    assert scoring.f1_at_n(labels, scores, 3) == pytest.approx(0.8)
    # all tied: what a random order would give on average
    assert scoring.precision_at_n(labels, np.ones(5)) == pytest.approx(0.4)


def test_shapes_must_fit():
    with pytest.raises(InvalidInputError, match="shape"):
        scoring.roc_auc(np.array([0, 1]), np.ones(3))


def test_tail_ranks_of_training_rows_and_new_rows_agree():
    scores = np.array([3.0, 1.0, 2.0, 2.0, -5.0])
    inside = scoring.tail_ranks(scores)
    assert inside == pytest.approx(-np.log(np.array([0.5, 3.5, 2.0, 2.0, 4.5]) / 5))
    assert scoring.tail_ranks(scores, np.sort(scores)) == pytest.approx(inside)
    assert scoring.tail_ranks(np.empty(0)).shape == (0,)


def test_tail_ranks_keep_the_order_beyond_the_training_rows():
    reference = np.sort(np.random.default_rng(0).normal(size=100))
    new = np.array([reference[-1], reference[-1] + 0.1, 10.0, 1e6, -1e9])
    got = scoring.tail_ranks(new, reference)
    assert (np.diff(got[:4]) > 0).all()
    assert got[3] < -np.log(0.5 / 101) + 1
    assert got[4] == 0.0
    alone = np.array([scoring.tail_ranks(new[i : i + 1], reference)[0] for i in range(5)])
    assert (alone == got).all()


def test_tail_ranks_against_a_constant_reference():
    got = scoring.tail_ranks(np.array([1.0, 2.0, 0.0]), np.ones(10))
    assert np.isfinite(got).all()
    assert got[1] > got[0] > got[2]
    assert scoring.spread(np.empty(0)) == 1.0
    assert scoring.spread(np.array([0.0, 1.0, 1.0])) == 1.0


def test_robust_z():
    assert scoring.robust_z(np.array([1.0, 2.0, 3.0]))[2] == pytest.approx(1 / 1.4826)
    assert (scoring.robust_z(np.ones(4)) == 0).all()
    assert scoring.robust_z(np.array([0.0, 0.0, 0.0, 4.0]))[3] > 1
    assert scoring.robust_z(np.empty(0)).shape == (0,)
    assert np.isfinite(scoring.robust_z(np.array([-1.7e308, 0.0, 1.7e308, 1e-300]))).all()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=50))
@settings(max_examples=150, deadline=None)
def test_statistics_are_finite_whatever_the_scores(values):
    scores = np.array(values)
    got = scoring.score_statistics(scores, scoring.tail_ranks(scores[::-1]))
    assert tuple(got) == scoring.STATISTICS
    assert np.isfinite(list(got.values())).all()


def test_statistics_tell_a_separating_score_from_noise():
    rng = np.random.default_rng(1)
    good = np.concatenate([rng.normal(size=950), rng.normal(12, 1, size=50)])
    noise = rng.normal(size=1000)
    agreed = scoring.tail_ranks(good + rng.normal(size=1000) * 0.1)
    a, b = scoring.score_statistics(good, agreed), scoring.score_statistics(noise, agreed)
    assert a["agreement"] > 0.9 > 0.2 > b["agreement"]
    assert a["overlap_5"] == 1.0 > b["overlap_5"]
    for name in ("relative_top_median", "expected_anomaly_gap", "pseudo_discrepancy", "top_z_5", "gap"):
        assert a[name] > b[name], name


def test_statistics_do_not_depend_on_units():
    rng = np.random.default_rng(2)
    scores = rng.gamma(2.0, size=400)
    agreed = scoring.tail_ranks(rng.normal(size=400))
    assert scoring.score_statistics(scores, agreed) == pytest.approx(
        scoring.score_statistics(1e5 * scores - 3, agreed), rel=1e-6, abs=1e-6
    )
