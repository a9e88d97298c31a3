"""Forests and random projections: sizes cut to the table, seeds that hold, and what each finds."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.errors import UnknownNameError

NAMES = ("iforest", "extended_iforest", "fair_cut_forest", "density_forest", "loda")
rng = np.random.default_rng(0)
CLOUD = rng.normal(size=(300, 4))


@pytest.fixture(params=NAMES)
def spec(request: pytest.FixtureRequest):
    return DETECTORS[request.param]


def test_the_far_row_scores_highest(spec) -> None:
    X = np.vstack([CLOUD, np.full((1, 4), 6.0)])
    _, scores = fit_detector(spec, {}, X, seed=0)
    assert scores.argmax() == 300


def test_the_seed_decides_the_scores(spec) -> None:
    first, again, other = (fit_detector(spec, {}, CLOUD, seed=seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "X",
    [
        np.full((20, 2), 7.1),
        np.repeat(CLOUD[:4], 6, axis=0),
        CLOUD[:5],
        CLOUD[:40, :1],
        rng.normal(size=(30, 80)) * 1e6,
    ],
    ids=["constant", "duplicates", "five rows", "one feature", "wide and large"],
)
def test_awkward_tables_give_finite_scores_that_a_row_keeps_alone(spec, X: np.ndarray) -> None:
    fitted, scores = fit_detector(spec, {}, X, seed=1)
    new = np.vstack([X[:5], X[:2] * 50 + 1])
    alone = np.array([fitted.score(row[None])[0] for row in new])
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(alone, fitted.score(new), rtol=1e-9)


def test_more_work_is_expected_to_cost_more(spec) -> None:
    trees = next(name for name in ("n_estimators", "ntrees", "n_projections") if name in spec.defaults)
    assert spec.seconds(1000, 10, {trees: 50}) < spec.seconds(1000, 10)


def test_an_unknown_parameter_of_isotree_is_named() -> None:
    with pytest.raises(UnknownNameError, match="ntree"):
        DETECTORS["fair_cut_forest"].build({"ntree": 3}, seed=0)


def test_loda_goes_on_rising_beyond_the_fitted_rows() -> None:
    fitted, _ = fit_detector(DETECTORS["loda"], {}, CLOUD, seed=0)
    scores = fitted.score(np.outer([4.0, 8.0, 16.0], np.ones(4)))
    assert (np.diff(scores) > 0).all()


def test_loda_is_continuous() -> None:
    fitted, scores = fit_detector(DETECTORS["loda"], {}, CLOUD, seed=0)
    np.testing.assert_allclose(fitted.score(CLOUD + 1e-9), scores, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("extended_iforest", {}),
        ("fair_cut_forest", {"ntrees": 103}),
        ("fair_cut_forest", {"penalize_range": True, "ntrees": 50}),
        ("density_forest", {"ntrees": 52}),
        ("density_forest", {"ntrees": 50, "scoring_metric": "adj_density"}),
    ],
)
def test_trees_in_groups_score_like_the_whole_forest(name: str, params: dict[str, object]) -> None:
    X = np.random.default_rng(5).normal(size=(1_200, 5))
    fitted, scores = fit_detector(DETECTORS[name], params, X, seed=0)
    whole = fitted.estimator.forest_.decision_function(X)
    np.testing.assert_allclose(scores, whole, rtol=1e-9)
    np.testing.assert_allclose(fitted.score(X[:3]), scores[:3], rtol=1e-9)


def test_groups_of_trees_are_not_stored() -> None:
    X = np.random.default_rng(5).normal(size=(1_200, 5))
    fitted, scores = fit_detector(DETECTORS["extended_iforest"], {"ntrees": 20}, X, seed=0)
    again = pickle.loads(pickle.dumps(fitted.estimator))
    assert not hasattr(again, "_groups")
    np.testing.assert_array_equal(again.decision_function(X), scores)


def test_rows_that_no_tree_tells_apart_are_scored_too() -> None:
    _, scores = fit_detector(DETECTORS["extended_iforest"], {"ntrees": 20}, np.ones((800, 3)), seed=0)
    assert np.ptp(scores) == 0.0
