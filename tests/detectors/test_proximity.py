"""What the proximity detectors compute, against brute force and independent implementations."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.detectors.estimators._angles import AngleBasedOutlierDetector, ConnectivityOutlierFactor
from pynomaly_auto.detectors.estimators._clusters import ClusterBasedLOF, ScaledCentroidDistance
from pynomaly_auto.detectors.estimators._neighbours import LocalOutlierFactor, NearestNeighbours, NeighbourSearch
from pynomaly_auto.detectors.estimators._subsamples import IsolationNearestNeighbour, SubsampleDistance
from pynomaly_auto.errors import SettingError


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.mark.parametrize("d", [2, 12])
def test_search_is_exact_and_leaves_the_row_itself_out(rng, d):
    X = rng.normal(size=(90, d))
    search = NeighbourSearch(X)
    far = cdist(X, X)
    distances, positions = search.query(X, 4)
    np.testing.assert_allclose(distances, np.sort(far, axis=1)[:, :4], atol=1e-9)
    np.fill_diagonal(far, np.inf)
    distances, positions = search.query_self(4)
    np.testing.assert_allclose(distances, np.sort(far, axis=1)[:, :4], atol=1e-9)
    np.testing.assert_array_equal(positions, np.argsort(far, axis=1)[:, :4])


@pytest.mark.parametrize("d", [2, 12])
def test_search_with_many_duplicates(rng, d):
    X = np.repeat(rng.normal(size=(5, d)) + 1e4, 12, axis=0)
    distances, positions = NeighbourSearch(X).query_self(3)
    np.testing.assert_array_equal(distances, 0.0)
    np.testing.assert_array_equal(X[positions[:, 0]], X)


def test_search_stores_rows_only(rng):
    for d in (2, 12):
        search = NeighbourSearch(rng.normal(size=(40, d)))
        before = search.query(search.points, 3)[0]
        assert set(search.__getstate__()) == {"power", "centre_", "rows_", "resolution_", "part_ties"}
        assert set(search.rows_.__getstate__()) == {"rows"}
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(search)).query(search.points, 3)[0], before)


def test_nearest_neighbours_summarise_distances(rng):
    X = rng.normal(size=(60, 3))
    far = np.sort(cdist(X, X), axis=1)[:, 1:8]
    for method, expected in (("largest", far[:, -1]), ("mean", far.mean(axis=1)), ("median", np.median(far, axis=1))):
        np.testing.assert_allclose(NearestNeighbours(7, method).fit(X).decision_scores_, expected, atol=1e-9)
    with pytest.raises(SettingError, match="harmonic"):
        NearestNeighbours(7, "harmonic")


def test_neighbours_are_clipped_to_half_of_the_rows(rng):
    assert NearestNeighbours(100, "mean").fit(rng.normal(size=(21, 2))).n_neighbors_ == 10
    assert LocalOutlierFactor(100).fit(rng.normal(size=(21, 2))).n_neighbors_ == 20


def test_lof_agrees_with_scikit_learn(rng):
    from sklearn.neighbors import LocalOutlierFactor as Theirs

    X, new = rng.normal(size=(120, 3)), rng.normal(size=(20, 3))
    theirs = Theirs(n_neighbors=15, novelty=True).fit(X)
    ours = LocalOutlierFactor(15).fit(X)
    np.testing.assert_allclose(ours.decision_scores_, -theirs.negative_outlier_factor_, rtol=1e-4)
    np.testing.assert_allclose(ours.decision_function(new), -theirs.score_samples(new), rtol=1e-4)


def test_lof_finds_the_row_beside_the_dense_cluster(rng):
    X = np.vstack([rng.normal(size=(100, 2)), 0.05 * rng.normal(size=(100, 2)) + [8.0, 0.0], [[8.6, 0.0]]])
    assert LocalOutlierFactor(20).fit(X).decision_scores_.argmax() == 200


def test_cof_follows_the_paper():
    # Chain 0, 1, 2 and the point 10: from point 0 with two neighbours the links are 1 and 1, weighted 2/3 and 1/3.
    X = np.array([[0.0], [1.0], [2.0], [10.0]])
    cof = ConnectivityOutlierFactor(2).fit(X)
    np.testing.assert_allclose(cof.chaining_, [1.0, 1.0, 1.0, 2 / 3 * 8 + 1 / 3 * 1], rtol=1e-4)
    np.testing.assert_allclose(cof.decision_scores_, [1.0, 1.0, 1.0, 17 / 3], rtol=1e-4)


def test_cof_finds_the_row_beside_a_line(rng):
    line = np.column_stack([np.linspace(0, 50, 101), np.zeros(101)])
    X = np.vstack([line + 0.01 * rng.normal(size=line.shape), [[25.0, 4.0]]])
    assert ConnectivityOutlierFactor(15).fit(X).decision_scores_.argmax() == 101


def test_abod_follows_the_paper(rng):
    X = rng.normal(size=(40, 3))
    k = 6
    abod = AngleBasedOutlierDetector(k).fit(X)
    row = 4
    near = np.argsort(cdist(X, X)[row])[1 : k + 1]
    terms, weights = [], []
    for i in range(k):
        for j in range(i + 1, k):
            a, b = X[near[i]] - X[row], X[near[j]] - X[row]
            terms.append(a @ b / (a @ a) / (b @ b))
            weights.append(1 / np.sqrt((a @ a) * (b @ b)))
    terms, weights = np.array(terms), np.array(weights) / np.sum(weights)
    variance = (weights * (terms - weights @ terms) ** 2).sum()
    np.testing.assert_allclose(abod.decision_scores_[row], -np.log(variance * abod.floor_**4), rtol=1e-4)


def test_cblof_measures_by_large_clusters_only(rng):
    two = [rng.normal(size=(100, 2)), rng.normal([20.0, 0.0], 1.0, size=(100, 2))]
    X = np.vstack([*two, rng.normal(10.0, 0.1, size=(6, 2))])
    detector = ClusterBasedLOF(3, random_state=0).fit(X)
    assert len(detector.centroids_) == 2
    scores = detector.decision_function(X)
    assert scores[200:].min() > scores[:200].max()


def test_cblof_without_a_clear_drop_keeps_the_share(rng):
    detector = ClusterBasedLOF(10, random_state=0).fit(rng.uniform(size=(300, 2)))
    assert 7 <= len(detector.centroids_) <= 10


def test_scaled_centroid_distance_respects_spreads(rng):
    X = np.vstack([rng.normal(size=(200, 2)), 0.1 * rng.normal(size=(200, 2)) + [30.0, 0.0], np.full((8, 2), 200.0)])
    detector = ScaledCentroidDistance(3, random_state=0).fit(X)
    assert len(detector.centroids_) == 2, "eight rows are no cluster of their own"
    wide, narrow = detector.decision_function(np.array([[3.0, 0.0], [33.0, 0.0]]))
    assert narrow > wide
    assert detector.decision_function(X)[400:].min() > 10.0


def test_inne_scores_one_outside_all_spheres(rng):
    X = rng.normal(size=(200, 3))
    detector = IsolationNearestNeighbour(random_state=0).fit(X)
    np.testing.assert_allclose(detector.decision_function(np.full((1, 3), 50.0)), 1.0)
    assert detector.decision_function(np.zeros((1, 3)))[0] < 0.6


def test_inne_of_duplicates_is_zero():
    X = np.full((40, 12), 0.1)
    np.testing.assert_array_equal(IsolationNearestNeighbour(random_state=0).fit(X).decision_function(X), 0.0)


def test_sampling_leaves_a_drawn_row_out(rng):
    X = rng.normal(size=(60, 2))
    X[0] = 40.0
    detector = SubsampleDistance(subset_size=25, n_subsets=8, random_state=1).fit(X)
    assert (detector.subsets_.rows == (X[0] - detector.centre_)).all(axis=1).any(), "the seed must draw the outlier"
    assert detector.decision_scores_.argmax() == 0
    far = cdist(X[1:2], detector.subsets_.rows + detector.centre_).reshape(8, 25)
    np.testing.assert_allclose(detector.decision_function(X[1:2]), far.min(axis=1).mean())


def test_reference_shrinks_as_rows_grow_and_neighbours_with_it():
    spec = DETECTORS["knn_mean"]
    assert spec.reference_size(5_000) == 5_000
    assert spec.reference_size(100_000) == 5_000
    assert spec.reference_size(1_000_000) == 1_000
    assert spec.reference_size(10**8) == 500
    assert spec.scaled_to_reference({}, 100_000) == {}
    assert spec.scaled_to_reference({"method": "mean"}, 400_000) == {"method": "mean", "n_neighbors": 50}
    assert spec.scaled_to_reference({}, 10**8) == {"n_neighbors": 10}
    assert spec.scaled_to_reference({"n_neighbors": 4}, 10**8) == {"n_neighbors": 4}
    assert spec.seconds(1_000_000, 20) < 30.0
    assert spec.memory_mb(10**6, 20) == spec.memory_mb(10**7, 20)


def test_shrunk_reference_still_scores_all_rows(rng):
    spec = replace(DETECTORS["knn_mean"], reference_rows=1_000, reference_pairs=1_200_000)
    X = rng.normal(size=(2_000, 6))
    X[1_999] = 9.0
    fitted, scores = fit_detector(spec, {}, X, seed=0)
    assert len(fitted.estimator.search_) == 600
    assert fitted.estimator.n_neighbors_ == 60
    assert fitted.params == {}
    assert scores.shape == (2_000,)
    assert scores.argmax() == 1_999
