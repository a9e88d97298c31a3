"""What the statistical detectors compute, against textbook values and independent implementations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pynomaly_auto.detectors import DETECTORS, fit_detector, score_each
from pynomaly_auto.detectors.estimators._covariances import MinimumCovarianceDeterminant, TrimmedCovariance
from pynomaly_auto.detectors.estimators._densities import GaussianMixture, KernelDensity
from pynomaly_auto.detectors.estimators._marginals import (
    GrubbsTest,
    HistogramDensity,
    ModifiedZScore,
    TukeyFences,
    ZScore,
    log_two_sided_t,
)
from pynomaly_auto.detectors.estimators._points import Points
from pynomaly_auto.detectors.estimators._tails import COPOD, ECOD
from pynomaly_auto.errors import SettingError, UnknownNameError


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_zscore_is_the_largest_or_the_mean_deviation(rng):
    X = rng.normal(size=(50, 3)) * [1.0, 5.0, 0.1] + 4.0
    z = np.abs(stats.zscore(X, ddof=1))
    np.testing.assert_allclose(ZScore().fit(X).decision_function(X), z.max(axis=1))
    np.testing.assert_allclose(ZScore("mean").fit(X).decision_function(X), z.mean(axis=1))


def test_unknown_aggregation_is_a_setting_error():
    with pytest.raises(SettingError, match="'median'"):
        DETECTORS["zscore"].build({"aggregation": "median"}, seed=0)
    with pytest.raises(UnknownNameError, match="aggregatoin"):
        DETECTORS["zscore"].build({"aggregatoin": "max"}, seed=0)


def test_modified_zscore_uses_median_and_mad(rng):
    X = rng.normal(size=(51, 2))
    X[0] = 1e6
    median = np.median(X, axis=0)
    expected = 0.6745 * np.abs(X - median) / np.median(np.abs(X - median), axis=0)
    np.testing.assert_allclose(ModifiedZScore().fit(X).decision_function(X), expected.max(axis=1), rtol=1e-4)


def test_modified_zscore_falls_back_to_the_mean_deviation():
    X = np.zeros((20, 1))
    X[:4, 0] = [1.0, 1.0, 2.0, 8.0]
    # Iglewicz and Hoaglin: divide by 1.253314 times the mean absolute deviation where the median one is zero.
    expected = X[:, 0] / (1.253314 * X.mean())
    np.testing.assert_allclose(ModifiedZScore().fit(X).decision_function(X), expected, rtol=1e-6)


def test_tukey_fences_rank_by_what_lies_beyond():
    X = np.arange(9.0).reshape(-1, 1)  # quartiles 2 and 6, range 4, upper fence 12
    scores = TukeyFences().fit(X).decision_function(np.array([[4.0], [8.0], [12.0], [16.0]]))
    np.testing.assert_allclose(scores, [-0.5, 0.5, 1.5, 2.5 + 1.0])


def test_grubbs_matches_the_published_test(rng):
    X = rng.uniform(-1.0, 1.0, size=(30, 1))
    n = len(X)
    statistic = np.abs(X[:, 0] - X.mean()) / X.std(ddof=1)
    squared = n * (n - 2) * statistic**2 / ((n - 1) ** 2 - n * statistic**2)
    p = n * 2.0 * stats.t.sf(np.sqrt(squared), n - 2)
    assert p.min() > 0.05, "nothing is to be removed in this sample"
    np.testing.assert_allclose(GrubbsTest().fit(X).decision_scores_, -np.log(p), rtol=1e-9)


def test_grubbs_is_not_masked_by_several_outliers(rng):
    X = rng.normal(size=(60, 2))
    X[:6, 0] = 30.0 + rng.normal(size=6)
    test = GrubbsTest().fit(X)
    assert test.decision_scores_[:6].min() > test.decision_scores_[6:].max() + 10.0
    assert test.count_.tolist() == [54.0, 60.0]
    # A removed row scores like a new row with the same values, a kept one less its own influence.
    np.testing.assert_allclose(test.decision_function(X[:6]), test.decision_scores_[:6])


def test_grubbs_keeps_a_majority():
    X = np.concatenate([np.zeros(10), np.linspace(5, 50, 12)]).reshape(-1, 1)
    assert GrubbsTest().fit(X).count_[0] >= 11


@pytest.mark.parametrize("freedom", [1.0, 8.0, 1e3, 1e6])
def test_log_t_probability_far_out(freedom):
    t = np.array([0.0, 0.5, 3.0, 20.0])
    usual = log_two_sided_t(t**2, np.full(4, freedom))
    np.testing.assert_allclose(usual, np.log(2 * stats.t.sf(t, freedom)), atol=1e-9, rtol=1e-7)
    steps = log_two_sided_t(np.geomspace(1.0, 1e14, 300), np.full(300, freedom))
    assert np.isfinite(steps).all()
    assert (np.diff(steps) < 0).all()


def test_histogram_densities_are_those_of_numpy(rng):
    column = rng.uniform(size=(400, 1))
    scores = HistogramDensity(n_bins=10, alpha=1e-9).fit(column).decision_function(column)
    counts, edges = np.histogram(column, bins=10)
    at = np.clip(np.searchsorted(edges, column[:, 0], side="right") - 1, 0, 9)
    np.testing.assert_allclose(scores, -np.log(counts[at] / 400 / (edges[1] - edges[0])), atol=1e-6)


def test_histogram_is_not_squeezed_by_one_huge_value(rng):
    X = rng.normal(size=(500, 1))
    X[0] = 1e6
    scores = HistogramDensity().fit(X).decision_function(X)
    assert scores.argmax() == 0
    assert len(np.unique(scores[1:])) > 5


def test_histogram_counts_few_values_one_by_one():
    X = np.array([0.0] * 90 + [1.0] * 9 + [7.0]).reshape(-1, 1)
    scores = HistogramDensity().fit(X).decision_function(np.array([[0.0], [1.0], [7.0], [3.9], [50.0]]))
    assert scores[0] < scores[1] < scores[2] < scores[4]
    assert scores[3] == scores[1], "3.9 is nearer to 1 than to 7"


def test_a_new_row_is_judged_by_its_least_p_value_whichever_formula_gives_it():
    rng = np.random.default_rng(3)
    test = GrubbsTest().fit(rng.normal(size=(200, 6)) * rng.uniform(0.1, 10, 6))
    new = rng.normal(size=(3_000, 6)) * np.exp(rng.uniform(-3, 6, (3_000, 6)))
    new[:50] = test.mean_  # all alike
    told = -test._log_p(new, np.zeros(new.shape, dtype=bool)).min(axis=1) - np.log(test.tests_)
    assert (told > 640).any()
    assert (told < 640).any()
    np.testing.assert_array_equal(test.decision_function(new), told)
    np.testing.assert_array_equal([test.decision_function(row[None])[0] for row in new[:100]], told[:100])


def test_tails_are_counted_once_for_those_who_share_them():
    rng = np.random.default_rng(4)
    X, new = np.round(rng.normal(size=(300, 4)), 1), np.round(rng.normal(size=(500, 4)) * 2, 1)
    ours = [fit_detector(DETECTORS[name], {}, X, seed=0)[0] for name in ("ecod", "copod")]
    for detector, together in zip(ours, score_each(ours, new), strict=True):
        np.testing.assert_array_equal(together, detector.score(new))
        np.testing.assert_array_equal(together[:20], [detector.score(row[None])[0] for row in new[:20]])


@pytest.mark.parametrize(("ours", "module", "name"), [(ECOD, "ecod", "ECOD"), (COPOD, "copod", "COPOD")])
def test_tail_detectors_agree_with_pyod(rng, ours, module, name):
    import importlib

    theirs = getattr(importlib.import_module(f"pyod.models.{module}"), name)()
    X = np.round(rng.gamma(2.0, size=(200, 4)), 1)
    np.testing.assert_allclose(ours().fit(X).decision_scores_, theirs.fit(X).decision_scores_, rtol=1e-9)


def test_tail_detectors_compress_large_tables(rng):
    X = rng.gamma(2.0, size=(20_000, 2))
    X[:, 1] = np.round(X[:, 1])
    detector = ECOD().fit(X)
    assert len(detector.tails_.values_) < 5_000
    ranks = stats.rankdata(X, axis=0, method="max")
    left, right = -np.log(ranks / 20_000), -np.log((20_001 - stats.rankdata(X, axis=0, method="min")) / 20_000)
    np.testing.assert_allclose(detector.decision_scores_, np.maximum(left, right).sum(axis=1), atol=0.02)
    beyond = detector.decision_function(np.array([[100.0, 100.0]]))
    np.testing.assert_allclose(beyond, 2 * np.log(20_001))


@pytest.mark.parametrize("kind", [TrimmedCovariance, MinimumCovarianceDeterminant])
def test_covariances_withstand_a_cluster_of_anomalies(rng, kind):
    X = rng.multivariate_normal([0, 0, 0], [[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], size=300)
    X[:30] = [2.0, -2.0, 0.0] + 0.1 * rng.normal(size=(30, 3))  # inside every margin, against the correlation
    scores = kind().fit(X).decision_function(X)
    assert scores[:30].min() > np.quantile(scores[30:], 0.99)


def test_mcd_is_affine_close_to_the_truth(rng):
    covariance = np.array([[4.0, 1.5], [1.5, 1.0]])
    X = rng.multivariate_normal([5.0, -3.0], covariance, size=3_000)
    scores = MinimumCovarianceDeterminant().fit(X).decision_function(X)
    away = X - [5.0, -3.0]
    truth = np.sqrt(np.einsum("ij,jk,ik->i", away, np.linalg.inv(covariance), away))
    assert np.corrcoef(scores, truth)[0, 1] > 0.995


@pytest.mark.parametrize("kind", [TrimmedCovariance, MinimumCovarianceDeterminant])
def test_covariances_see_a_row_off_the_plane(rng, kind):
    X = np.outer(rng.normal(size=100), [1.0, 1.0, 1.0])
    X[0] = [0.5, -0.5, 0.5]
    assert kind().fit(X).decision_function(X).argmax() == 0


def test_mixture_finds_the_gap_between_clusters_and_leaves_small_components_out(rng):
    X = np.vstack([rng.normal(-5, 1, size=(150, 2)), rng.normal(5, 1, size=(150, 2)), [[0.0, 0.0]], [[1e6, 1e6]]])
    mixture = GaussianMixture(n_components=3, random_state=0).fit(X)
    scores = mixture.decision_function(X)
    assert set(np.argsort(scores)[-2:]) == {300, 301}
    assert len(mixture.means_) == 2


def test_mixture_is_diagonal_where_rows_are_few(rng):
    mixture = GaussianMixture(random_state=0).fit(rng.normal(size=(40, 30)))
    assert mixture.factors_.ndim == 2
    with pytest.raises(SettingError):
        GaussianMixture(covariance_type="round")


def test_mixture_density_is_that_of_a_normal_distribution(rng):
    X = rng.normal(size=(200, 2))
    mixture = GaussianMixture(n_components=1, reg_covar=1e-9, random_state=0).fit(X)
    scaled = (X - mixture.median_) / mixture.scale_
    expected = stats.multivariate_normal(scaled.mean(axis=0), np.cov(scaled.T, ddof=0)).logpdf(scaled)
    np.testing.assert_allclose(mixture.decision_function(X), -expected - np.log(2 * np.pi), rtol=1e-6)


def test_kernel_density_leaves_a_fitted_row_out(rng):
    X = rng.normal(size=(80, 2))
    detector = KernelDensity().fit(X)
    without = KernelDensity()
    without.median_, without.width_ = detector.median_, detector.width_
    without.points_ = Points(np.delete(detector.points_.rows, 5, axis=0))
    np.testing.assert_allclose(without.decision_function(X[5:6])[0], detector.decision_scores_[5], rtol=1e-9)


def test_big_tables_are_fitted_on_a_reference_and_scored_whole(rng):
    X = rng.normal(size=(4_500, 3))
    X[-1] = 9.0
    fitted, scores = fit_detector(DETECTORS["kde"], {}, X, seed=0)
    assert len(fitted.estimator.points_) == 4_000
    assert scores.argmax() == 4_499
