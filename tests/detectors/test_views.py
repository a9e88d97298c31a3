"""Views: the same rows in other coordinates, kept with the detector that was fitted in them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from pynomaly_auto.detectors import DETECTORS, VIEW, VIEWS, dump_detector, fit_detector, load_detector
from pynomaly_auto.detectors._views import Viewed
from pynomaly_auto.errors import SettingError


class Echo:
    """Remembers what it saw; scores by the first column."""

    def fit(self, X):
        self.seen = X
        self.decision_scores_ = X[:, 0]
        return self

    def decision_function(self, X):
        return X[:, 0]


def rows(n=400, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) * [1.0, 10.0, 100.0][:d]
    X[:, 0] = np.exp(X[:, 0] / 3)
    return X


def test_ranks_make_every_column_normal_and_keep_order():
    X = rows()
    seen = Viewed(Echo(), "ranks").fit(X).estimator.seen
    order = np.argsort(X[:, 0])
    assert np.allclose(seen[order, 0], ndtri((np.arange(400) + 0.5) / 400), atol=0.02)
    assert (np.diff(seen[order, 0]) >= 0).all()


def test_ranks_give_ties_their_middle_rank():
    X = np.repeat([0.0, 1.0], [300, 100])[:, None]
    seen = Viewed(Echo(), "ranks").fit(X).estimator.seen[:, 0]
    low, high = seen[0], seen[-1]
    assert low < 0 < high
    assert (seen[:300] == low).all()


def test_ranks_go_on_beyond_the_rows_fitted_on():
    X = rows(d=1)
    viewed = Viewed(Echo(), "ranks").fit(X)
    largest = X.max()
    far = viewed.apply(np.array([[largest], [largest * 2], [largest * 1e9]]))[:, 0]
    assert far[0] < far[1] < far[2] < 100


def test_whitened_rows_are_uncorrelated_with_equal_variance():
    seen = Viewed(Echo(), "whitened").fit(rows()).estimator.seen
    covariance = np.cov(seen, rowvar=False)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-8)
    assert np.diag(covariance)[:2] == pytest.approx([1.0, 1.0], abs=0.05)


def test_whitened_survives_fewer_rows_than_features_and_constant_columns():
    X = np.column_stack([rows(20, 3), np.ones(20), np.zeros((20, 40))])
    seen = Viewed(Echo(), "whitened").fit(X).estimator.seen
    assert np.isfinite(seen).all()


def test_an_unknown_view_is_refused():
    with pytest.raises(SettingError, match="view"):
        DETECTORS["knn"].build({VIEW: "fisheye"}, seed=0)


@pytest.mark.parametrize("name", [n for n, s in DETECTORS.items() if VIEW in s.space])
def test_every_declared_view_works_and_is_stored(name, tmp_path):
    spec, X = DETECTORS[name], rows(120)
    assert spec.viewable
    for view in spec.space[VIEW].choices:
        fitted, scores = fit_detector(spec, {VIEW: view}, X, seed=0)
        assert np.isfinite(scores).all()
        dump_detector(fitted, tmp_path / view)
        again = load_detector(spec, {VIEW: view}, tmp_path / view)
        assert np.array_equal(again.score(X), fitted.score(X))


def test_standard_is_what_it_was():
    X = rows()
    plain, same = (fit_detector(DETECTORS["lof"], p, X, seed=0)[1] for p in ({}, {VIEW: VIEWS[0]}))
    assert np.array_equal(plain, same)
