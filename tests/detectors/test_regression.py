"""Residual detectors: broken dependencies are found, training rows are predicted out of fold."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.errors import NotApplicableError

NAMES = ("random_forest_residuals", "gradient_boosting_residuals", "svr_residuals")


@pytest.fixture(params=NAMES)
def spec(request: pytest.FixtureRequest):
    return DETECTORS[request.param]


def dependent(n_rows: int = 400) -> np.ndarray:
    rng = np.random.default_rng(5)
    t = rng.uniform(-2, 2, size=n_rows)
    return np.column_stack([t, t**2, np.sin(2 * t), -t]) + 0.05 * rng.normal(size=(n_rows, 4))


def test_a_row_off_the_curve_scores_highest(spec) -> None:
    X = dependent()
    X[9] = (0.0, 3.0, 0.0, 0.0)  # within the range of every column
    _, scores = fit_detector(spec, {}, X, seed=0)
    assert scores.argmax() == 9


def test_unpredictable_features_count_little(spec) -> None:
    X = np.column_stack([dependent(), np.random.default_rng(0).normal(size=(400, 2))])
    estimator = fit_detector(spec, {}, X, seed=0)[0].estimator
    assert estimator.weights_[4:].max() < estimator.weights_[:4].min() / 3
    assert estimator.weights_.sum() == pytest.approx(1.0)


def test_only_a_bounded_number_of_features_is_predicted(spec) -> None:
    X = np.random.default_rng(0).normal(size=(60, 50))
    X[:, 10:] = 1.0  # constant columns are never targets
    estimator = fit_detector(spec, {"max_targets": 4}, X, seed=0)[0].estimator
    assert len(estimator.targets_) == 4
    assert estimator.targets_.max() < 10


def test_training_rows_are_scored_out_of_fold(spec) -> None:
    X = dependent(100)
    fitted, scores = fit_detector(spec, {}, X, seed=0)
    assert scores.shape == (100,)
    assert not np.allclose(scores, fitted.score(X))


@pytest.mark.parametrize(
    "X",
    [
        np.full((30, 3), 0.1),
        np.repeat(np.random.default_rng(0).normal(size=(3, 3)), 8, axis=0),
        np.random.default_rng(0).normal(size=(10, 2)),
        np.random.default_rng(0).normal(size=(40, 90)) * 1e6,
    ],
    ids=["constant", "duplicates", "ten rows", "wide and large"],
)
def test_awkward_tables_give_finite_scores_that_a_row_keeps_alone(spec, X: np.ndarray) -> None:
    fitted, scores = fit_detector(spec, {}, X, seed=1)
    alone = np.array([fitted.score(row[None])[0] for row in X[:5]])
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(alone, fitted.score(X)[:5], rtol=1e-9, atol=1e-12)


def test_one_feature_does_not_apply(spec) -> None:
    with pytest.raises(NotApplicableError, match="features"):
        fit_detector(spec, {}, np.ones((30, 1)), seed=0)


def test_it_crosses_process_borders() -> None:
    X = dependent(60)
    fitted, _ = fit_detector(DETECTORS["random_forest_residuals"], {}, X, seed=0)
    fresh = pickle.dumps(fitted.estimator)
    fitted.score(X)
    assert len(pickle.dumps(fitted.estimator)) == len(fresh)  # what scoring keeps at hand stays
    copy = pickle.loads(fresh)
    np.testing.assert_array_equal(copy.decision_function(X), fitted.score(X))


@pytest.mark.parametrize(
    ("cheap", "costly"),
    [({"max_targets": 5}, {"max_targets": 20})],
)
def test_more_targets_are_expected_to_cost_more(spec, cheap: dict, costly: dict) -> None:
    assert spec.seconds(1000, 10, cheap) < spec.seconds(1000, 10, costly)
