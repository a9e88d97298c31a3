"""The documents' own parameters and defaults are accepted where the detector is the same one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pynomaly_auto.detectors import DETECTORS, FittedDetector, fit_detector
from pynomaly_auto.errors import SettingError

DOCUMENTED = [
    ("iforest", {"n_estimators": 100, "max_samples": "auto", "max_features": 1.0, "bootstrap": False}),
    ("iforest", {"max_samples": 1.0}),
    ("lof", {"n_neighbors": 20, "metric": "minkowski", "p": 2}),
    ("lof", {"metric": "manhattan"}),
    ("knn", {"n_neighbors": 5, "metric": "minkowski", "p": 2}),
    ("knn_mean", {"p": 1}),
    ("ocsvm", {"kernel": "rbf", "degree": 3, "gamma": "scale", "coef0": 0.0, "nu": 0.5, "cache_size": 200}),
    ("ocsvm_nystroem", {"gamma": "scale", "nu": 0.5}),
    ("elliptic_envelope", {"support_fraction": None}),
    ("mcd", {"support_fraction": None}),
    ("pca", {"n_components": None}),
    ("pca", {"n_components": 2}),
    ("ica", {"n_components": None, "fun": "logcosh", "max_iter": 200}),
    ("factor_analysis", {"n_components": None, "max_iter": 1000}),
]
X = np.random.default_rng(0).normal(size=(120, 4)) @ np.diag([1.0, 2.0, 1.0, 0.5])
X[7] = 9.0


@pytest.mark.parametrize(("name", "params"), DOCUMENTED, ids=lambda v: str(v))
def test_a_documented_value_is_fitted_stored_and_costed(name, params):
    spec = DETECTORS[name]
    fitted, scores = fit_detector(spec, params, X, seed=0)
    assert scores.argmax() == 7
    assert spec.seconds(1_000, 10, params) > 0
    again = FittedDetector.from_state(spec, params, fitted.to_state(), n_features=4)
    new = X[:30] + 0.01
    assert np.array_equal(again.score(new), fitted.score(new))
    alone = np.concatenate([fitted.score(row[None]) for row in new])
    assert np.allclose(alone, fitted.score(new), rtol=1e-9)


@pytest.mark.parametrize("params", [{"p": 1}, {"p": 3.5}, {"metric": "cityblock"}])
def test_neighbours_are_the_nearest_in_the_metric_asked_for(params):
    fitted, scores = fit_detector(DETECTORS["knn"], {"n_neighbors": 3, **params}, X, seed=0)
    away = cdist(X, X, "minkowski", p=params.get("p", 1))
    np.fill_diagonal(away, np.inf)
    assert np.allclose(scores, np.sort(away, axis=1)[:, 2])
    assert np.allclose(fitted.score(X[:5] + 1), np.sort(cdist(X[:5] + 1, X, "minkowski", p=params.get("p", 1)))[:, 2])
    assert not np.allclose(scores, fit_detector(DETECTORS["knn"], {"n_neighbors": 3}, X, seed=0)[1])


def test_the_euclidean_metric_is_the_default():
    for name in ("knn", "lof"):
        _, usual = fit_detector(DETECTORS[name], {}, X, seed=0)
        for params in ({"metric": "euclidean"}, {"p": 2}, {"metric": "euclidean", "p": 1}):
            assert np.array_equal(fit_detector(DETECTORS[name], params, X, seed=0)[1], usual)


def test_components_that_are_not_kept_do_not_count():
    _, usual = fit_detector(DETECTORS["pca"], {}, X, seed=0)
    _, every = fit_detector(DETECTORS["pca"], {"n_components": 4}, X, seed=0)
    _, two = fit_detector(DETECTORS["pca"], {"n_components": 2}, X, seed=0)
    assert np.array_equal(every, usual)
    assert (two <= usual + 1e-9).all()
    assert (two < usual - 1e-6).any()
    params = {"score": "reconstruction", "n_components": 2}
    _, apart = fit_detector(DETECTORS["pca"], params, X, seed=0)
    _, share = fit_detector(DETECTORS["pca"], {"score": "reconstruction", "n_components": 0.6}, X, seed=0)
    assert apart.shape == share.shape


@pytest.mark.parametrize(
    ("name", "params"),
    [("knn", {"metric": "cosine"}), ("lof", {"p": 0.5}), ("lof", {"p": "two"}), ("iforest", {"max_samples": "all"})],
)
def test_another_value_is_refused(name, params):
    with pytest.raises(SettingError):
        fit_detector(DETECTORS[name], params, X, seed=0)
