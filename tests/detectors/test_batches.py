"""Fitted batch after batch, a detector says what it says when it is fitted at once."""

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.detectors.estimators._marginals import ModifiedZScore
from pynomaly_auto.detectors.estimators._scales import Moments


def rows(n=1_003, d=4):
    X = np.random.default_rng(0).normal(size=(n, d)) * [1.0, 1e3, 1e-3, 0.0] + [0.0, 1e6, 0.0, 7.0]
    X[:5] += [9.0, 9e3, 9e-3, 0.0]
    return X


@pytest.mark.parametrize(("name", "params"), [("zscore", {}), ("pca", {}), ("pca", {"score": "reconstruction"})])
@pytest.mark.parametrize("batch", [100, 1_002, 5_000])
def test_the_scores_are_the_same_up_to_rounding(name, params, batch):
    spec, X = DETECTORS[name], rows()
    whole, scores = fit_detector(spec, params, X, seed=0)
    parts, again = fit_detector(spec, params, X, seed=0, batch=batch)
    assert np.allclose(again, scores, rtol=1e-9)
    assert np.allclose(parts.score(X + 1.0), whole.score(X + 1.0), rtol=1e-9)


def test_moments_are_those_of_all_rows():
    X = rows()
    found = Moments.of(X[i : i + 10] for i in range(0, len(X), 10))
    assert found.n_rows == len(X)
    for got, wanted in ((found.mean, X.mean(axis=0)), (found.variance, X.var(axis=0))):
        assert np.allclose(got, wanted, rtol=1e-9)
    assert np.array_equal(found.low, X.min(axis=0))
    assert np.array_equal(found.high, X.max(axis=0))


def test_a_median_is_of_all_rows_at_once():
    assert ModifiedZScore.fit_batches is None
