"""Views: the same rows in other coordinates, kept with the detector that was fitted in them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from pynomaly_auto.detectors import DETECTORS, VIEW, VIEWS, FittedDetector, fit_detector
from pynomaly_auto.detectors.views._trimming import presumed_outliers
from pynomaly_auto.detectors.views._views import Viewed
from pynomaly_auto.errors import SettingError, StorageError
from pynomaly_auto.scoring import roc_auc
from pynomaly_auto.testing import damaged_states, through_files


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
    at, one, ten, low = viewed.apply(X.max() + np.array([[0.0], [1.0], [10.0], [-1e3]]) * X.std())[:, 0]
    assert [one - at, ten - at] == pytest.approx([1.0, 10.0])  # as far as they are, in standard deviations
    assert low < viewed.apply(X).min() - 900
    assert np.isfinite(viewed.apply(np.array([[1e300], [-1e300]])) ** 2).all()


def test_ranks_tell_what_departs_from_a_constant():
    viewed = Viewed(Echo(), "ranks").fit(np.ones((20, 1)))
    assert list(viewed.apply(np.array([[1.0], [3.0], [0.5]]))[:, 0]) == pytest.approx([0.0, 2.0, -0.5])


def test_whitened_rows_are_uncorrelated_with_equal_variance():
    seen = Viewed(Echo(), "whitened").fit(rows()).estimator.seen
    covariance = np.cov(seen, rowvar=False)
    assert np.allclose(covariance, np.diag(np.diag(covariance)), atol=1e-8)
    assert np.diag(covariance)[:2] == pytest.approx([1.0, 1.0], abs=0.05)


def test_whitened_survives_fewer_rows_than_features_and_constant_columns():
    X = np.column_stack([rows(20, 3), np.ones(20), np.zeros((20, 40))])
    seen = Viewed(Echo(), "whitened").fit(X).estimator.seen
    assert np.isfinite(seen).all()


def test_axes_of_wide_rows_are_learnt_from_some_of_them(monkeypatch):
    X = np.random.default_rng(0).normal(size=(90, 60))
    whole = Viewed(Echo(), "whitened").fit(X).apply(X)
    monkeypatch.setattr("pynomaly_auto.detectors.views._views._WIDE", 30)
    seen = Viewed(Echo(), "whitened").fit(X).apply(X)
    assert whole.shape == (90, 60)
    assert seen.shape == (90, 30)
    assert np.isfinite(seen).all()
    assert np.allclose(Viewed(Echo(), "whitened").fit(X[:30]).apply(X[:30]), wide_before(X[:30]), atol=1e-12)


def wide_before(X):
    Z = X - X.mean(axis=0)
    _, scale, axes = np.linalg.svd(Z, full_matrices=False)
    variance = scale**2 / (len(X) - 1)
    return Z @ (axes.T / np.sqrt(variance + 1e-3 * variance.mean()))


def test_an_unknown_view_is_refused():
    with pytest.raises(SettingError, match="view"):
        DETECTORS["knn"].build({VIEW: "fisheye"}, seed=0)


@pytest.mark.parametrize("name", [n for n, s in DETECTORS.items() if VIEW in s.space])
def test_every_declared_view_works_and_is_stored(name):
    spec, X = DETECTORS[name], rows(120)
    assert spec.viewable
    for view in spec.space[VIEW].choices:
        fitted, scores = fit_detector(spec, {VIEW: view}, X, seed=0)
        assert np.isfinite(scores).all()
        again = FittedDetector.from_state(spec, {VIEW: view}, through_files(fitted.to_state()), n_features=3)
        assert np.array_equal(again.score(X), fitted.score(X))


@pytest.mark.parametrize("view", ["ranks", "whitened", "trimmed"])
def test_a_damaged_view_is_refused(view):
    fitted, _ = fit_detector(DETECTORS["knn"], {VIEW: view}, rows(60), seed=0)
    state = fitted.to_state()
    for _, damaged in damaged_states(state):
        with pytest.raises(StorageError):
            FittedDetector.from_state(fitted.spec, fitted.params, damaged, n_features=3)
    for other in set(VIEWS) - {view}:
        with pytest.raises(StorageError):
            FittedDetector.from_state(fitted.spec, {VIEW: other}, state)


def test_standard_is_what_it_was():
    X = rows()
    plain, same = (fit_detector(DETECTORS["lof"], p, X, seed=0)[1] for p in ({}, {VIEW: VIEWS[0]}))
    assert np.array_equal(plain, same)


def test_trimming_leaves_out_what_several_quick_detectors_presume_outliers():
    X = rows()
    X[:20] += 30.0 * X.std(axis=0)
    out = presumed_outliers(X)
    assert out.sum() == int(0.15 * len(X))
    assert out[:20].all()
    viewed = Viewed(Echo(), "trimmed").fit(X)
    assert np.array_equal(viewed.estimator.seen, X[~out])


def test_anomalies_that_hide_behind_each_other_are_found_without_them():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4))
    X[:15] = 5.0 + 0.5 * rng.normal(size=(15, 4))  # a group: each has ten near neighbours among its like
    labels = np.arange(400) < 15
    plain = fit_detector(DETECTORS["knn"], {}, X, seed=0)[1]
    fitted, trimmed = fit_detector(DETECTORS["knn"], {VIEW: "trimmed"}, X, seed=0)
    assert roc_auc(labels, plain) < 0.95
    assert roc_auc(labels, trimmed) > 0.99
    # The rows fitted on leave themselves out, the trimmed ones are new to it.
    assert np.allclose(fitted.score(X[:15]), trimmed[:15])


@pytest.mark.parametrize("shape", [(6, 1), (40, 2), (6_000, 3)])
def test_trimming_copes_with_any_shape(shape):
    X = np.random.default_rng(0).normal(size=shape)
    assert presumed_outliers(X).sum() == int(0.15 * shape[0])
    assert presumed_outliers(np.ones(shape)).sum() == int(0.15 * shape[0])


def test_members_of_one_run_share_the_presumed_outliers():
    X = np.random.default_rng(3).normal(size=(60, 4))
    first = presumed_outliers(X)
    assert presumed_outliers(X.copy()) is first
    assert not first.flags.writeable
    X[0] += 100.0
    assert presumed_outliers(X)[0]
    assert presumed_outliers(X.reshape(120, 2)).shape == (120,)  # the same numbers, another table
