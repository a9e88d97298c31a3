"""Components, factors and hyperplanes: what each is there to find, and the shapes they must live with."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, fit_detector

NAMES = ("pca", "ica", "factor_analysis", "ocsvm", "ocsvm_nystroem")


def correlated(n_rows: int = 300, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_rows, 2)) @ rng.normal(size=(2, 6)) + 0.1 * rng.normal(size=(n_rows, 6))


@pytest.mark.parametrize("name", ["pca", "ica", "factor_analysis"])
def test_a_row_that_breaks_the_correlation_scores_highest(name: str) -> None:
    X = correlated()
    X[7] = np.abs(X).mean(axis=0) * np.array([1, -1, 1, -1, 1, -1])  # each value alone is ordinary
    _, scores = fit_detector(DETECTORS[name], {}, X, seed=0)
    assert scores.argmax() == 7


@pytest.mark.parametrize("name", NAMES)
def test_a_far_row_scores_higher_than_the_middle(name: str) -> None:
    X = correlated()
    fitted, _ = fit_detector(DETECTORS[name], {}, X, seed=0)
    middle, far = fitted.score(np.vstack([X.mean(axis=0), X.max(axis=0) * 5]))
    assert far > middle


def test_reconstruction_leaves_a_component_over_even_when_all_variance_is_explained() -> None:
    params = {"score": "reconstruction", "explained": 1.0}
    _, scores = fit_detector(DETECTORS["pca"], params, correlated(), seed=0)
    assert scores.std() > 0


def test_mahalanobis_agrees_with_the_textbook_without_ridge() -> None:
    X = correlated(200)
    _, scores = fit_detector(DETECTORS["pca"], {"ridge": 0.0}, X, seed=0)
    centred = X - X.mean(axis=0)
    expected = np.einsum("ij,jk,ik->i", centred, np.linalg.inv(np.cov(X.T, bias=True)), centred)
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_ica_finds_the_rare_burst_of_one_mixed_source() -> None:
    rng = np.random.default_rng(3)
    sources = rng.laplace(size=(500, 3))
    sources[11] = (0.0, 14.0, 0.0)
    _, scores = fit_detector(DETECTORS["ica"], {"fun": "exp"}, sources @ rng.normal(size=(3, 3)), seed=0)
    assert scores.argmax() == 11


def test_ica_survives_a_rotation_that_does_not_settle() -> None:
    X = np.random.default_rng(0).normal(size=(60, 8))
    _, scores = fit_detector(DETECTORS["ica"], {"max_iter": 1}, X, seed=0)
    assert np.isfinite(scores).all()


def test_ica_keeps_the_whitened_axes_when_the_rotation_is_not_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        components_ = np.full((6, 6), np.nan)

        def __init__(self, **_: object) -> None: ...

        def fit(self, _: np.ndarray) -> Broken:
            return self

    monkeypatch.setattr("pynomaly_auto.detectors.estimators._projections.FastICA", Broken)
    _, scores = fit_detector(DETECTORS["ica"], {}, correlated(), seed=0)
    assert np.isfinite(scores).all()


def test_exact_and_approximate_one_class_svm_rank_alike() -> None:
    X = correlated(800)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    exact = fit_detector(DETECTORS["ocsvm"], {}, X, seed=0)[1]
    quick = fit_detector(DETECTORS["ocsvm_nystroem"], {}, X, seed=0)[1]
    ranks = [np.argsort(np.argsort(s)) for s in (exact, quick)]
    assert np.corrcoef(*ranks)[0, 1] > 0.8


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "X",
    [
        np.full((30, 3), 0.1),
        np.repeat(np.eye(3), 8, axis=0),
        np.random.default_rng(0).normal(size=(5, 4)),
        np.random.default_rng(0).normal(size=(40, 90)) * 1e6,
    ],
    ids=["constant", "duplicates", "five rows", "wide and large"],
)
def test_awkward_tables_give_finite_scores_that_a_row_keeps_alone(name: str, X: np.ndarray) -> None:
    fitted, scores = fit_detector(DETECTORS[name], {}, X, seed=1)
    alone = np.array([fitted.score(row[None])[0] for row in X[:6]])
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(alone, fitted.score(X)[:6], rtol=1e-9, atol=1e-9)
