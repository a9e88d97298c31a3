"""Scores from plain arrays: those of the definitions, the same alone, in a batch and shared between members."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from pynomaly_auto.detectors import DETECTORS, VIEW, NeighbourSearch, Shared, fit_detector, remembering, score_each
from pynomaly_auto.detectors.estimators import _search as searching
from pynomaly_auto.detectors.estimators import _selecting as selecting
from pynomaly_auto.detectors.estimators import _sharing as remembered
from pynomaly_auto.detectors.estimators._angles import ConnectivityOutlierFactor
from pynomaly_auto.detectors.estimators._neighbours import LocalOutlierFactor, NearestNeighbours
from pynomaly_auto.detectors.estimators._projections import KERNELS, KernelOneClassSVM
from pynomaly_auto.detectors.estimators._scales import median_scale
from pynomaly_auto.detectors.estimators._sharing import once, sharing
from pynomaly_auto.detectors.estimators._subsamples import IsolationNearestNeighbour
from pynomaly_auto.detectors.views._views import Ranks, Whitened

RNG = np.random.default_rng(3)
CLOUD = RNG.normal(size=(300, 7)) * [1.0, 5.0, 0.1, 1.0, 1.0, 2.0, 1.0]
HEAVY = RNG.standard_t(1.5, size=(260, 9))
ORDINAL = (RNG.integers(0, 3, size=(280, 6)) - 0.98) / 0.81
NARROW = RNG.normal(size=(400, 3))
FAR = np.vstack([RNG.normal(size=(200, 8)), 1e6 + np.repeat(RNG.normal(size=(5, 8)), 4, axis=0)])
START = RNG.bit_generator.state


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same, in whatever order they come."""
    RNG.bit_generator.state = START


TABLES = {"cloud": CLOUD, "heavy": HEAVY, "ordinal": ORDINAL, "narrow": NARROW, "far": FAR}
EACH_TABLE = pytest.mark.parametrize("table", TABLES)


def new_rows(X):
    """Rows beside those fitted on, such rows themselves, and rows far away."""
    return np.vstack([X[::3] + 0.03 * RNG.normal(size=X[::3].shape), X[:40], 40.0 * X[:5]])


def parted(X):
    """The rows as those see them who need ties parted."""
    _, scale = median_scale(X)
    return X + 1e-5 * scale * np.random.default_rng(0).normal(size=X.shape)


def brute(points, Z, k, *, own=False):
    far = cdist(Z, points)
    if own:
        np.fill_diagonal(far, np.inf)
    order = np.argsort(far, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(far, order, axis=1), order


@EACH_TABLE
def test_neighbours_are_those_of_brute_force(table):
    X, Z = TABLES[table], new_rows(TABLES[table])
    plain, apart = NeighbourSearch(X), NeighbourSearch(X, part_ties=True)
    for k in (1, 9, 60, len(X) - 1, len(X)):
        np.testing.assert_allclose(plain.distances(Z, k), brute(X, Z, k)[0], rtol=1e-9, atol=1e-8)
        distances, positions = apart.query(Z, k)
        expected, at = brute(parted(X), Z, k)
        np.testing.assert_allclose(distances, expected, rtol=1e-9, atol=1e-8)
        assert (positions == at).mean() > 0.99
    np.testing.assert_allclose(plain.query_self(20)[0], brute(X, X, 20, own=True)[0], rtol=1e-9, atol=1e-8)
    expected, at = brute(parted(X), parted(X), 20, own=True)
    np.testing.assert_allclose(apart.query_self(20)[0], expected, rtol=1e-9, atol=1e-8)


@EACH_TABLE
@pytest.mark.parametrize("order", [(10, 100, 40), (100, 40, 10)])
def test_what_one_search_remembers_changes_nothing_for_the_next(table, order, monkeypatch):
    X = TABLES[table]
    monkeypatch.setattr(remembered, "_remembered", type(remembered._remembered)())
    for k in order:
        for ties in (False, True):
            search = NeighbourSearch(X, part_ties=ties)
            alone = search.query_self(k)
            with remembering():
                again = search.query_self(k)
            np.testing.assert_array_equal(again[0], alone[0])
            if ties:
                np.testing.assert_array_equal(again[1], alone[1])


def test_only_the_latest_searches_are_remembered(monkeypatch):
    monkeypatch.setattr(remembered, "_remembered", type(remembered._remembered)())
    made = []
    searched = NeighbourSearch._own_nearest

    def counted(self, points, k):
        made.append(len(points))
        return searched(self, points, k)

    monkeypatch.setattr(NeighbourSearch, "_own_nearest", counted)
    NearestNeighbours().fit(CLOUD)
    with remembering():
        for i in (0, 1, 2, 3, 4, 4, 1, 0):
            NearestNeighbours().fit(CLOUD[i:])
    n = len(CLOUD)
    assert made == [n, n, n - 1, n - 2, n - 3, n - 4, n]
    assert len(remembered._remembered) == 4


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e15, 1e25])
def test_single_precision_is_never_trusted_where_it_may_be_wrong(scale):
    """Rows far from the middle of others, ties, and squares that overflow single precision."""
    X = np.vstack([RNG.normal(size=(300, 6)), 3e3 + 1e-2 * RNG.normal(size=(120, 6)), np.ones((40, 6))]) * scale
    search = NeighbourSearch(X)
    for k in (5, 60):
        np.testing.assert_allclose(search.query_self(k)[0], brute(X, X, k, own=True)[0], rtol=1e-7)


@pytest.mark.parametrize("scale", [1e-305, 1e150])
def test_rows_beyond_all_scaling_are_searched_too(scale):
    found = NeighbourSearch(RNG.normal(size=(100, 6)) * scale).query_self(5)[0]
    assert found.shape == (100, 5)
    assert np.isfinite(found).all()


def test_who_is_parted_is_looked_for_again_where_others_might_be_nearer(monkeypatch):
    """Many rows at nearly the same distance: the spare neighbours do not show that nobody else is nearer."""
    direction = RNG.normal(size=(400, 6))
    shell = direction / np.linalg.norm(direction, axis=1, keepdims=True) * (1.0 + 1e-6 * RNG.normal(size=(400, 1)))
    search = NeighbourSearch(shell, part_ties=True)
    Z = 1e-3 * RNG.normal(size=(100, 6)) * 1e-3
    calls = []
    found = searching._found
    monkeypatch.setattr(
        searching, "_found", lambda points, Z, away, k: calls.append(len(Z)) or found(points, Z, away, k)
    )
    distances, positions = search.query(Z, 12)
    expected, at = brute(search.points, Z - search.centre_, 12)
    np.testing.assert_allclose(distances, expected, rtol=1e-9)
    np.testing.assert_array_equal(positions, at)
    assert sum(calls) > 50


def test_single_precision_ties_are_told_apart_in_double():
    values = np.full((100, 50), 1.0) + 1e-12 * RNG.permuted(np.tile(np.arange(50), (100, 1)), axis=1)
    values[3] += np.arange(50)
    found = selecting.lowest(values, 7)
    np.testing.assert_array_equal(np.sort(found), np.sort(np.argsort(values, axis=1)[:, :7]))


@pytest.mark.parametrize("d", [3, 8])
@pytest.mark.parametrize("k", [1, 12, 60])
def test_limits_guessed_from_some_of_many_points_find_the_same(d, k):
    X = np.random.default_rng([d, k]).normal(size=(2_500, d)) ** 3
    X[:700] = X[0]  # every row among these has more ties than any guess
    search, Z = NeighbourSearch(X), np.vstack([X[:80], X[-200:] + 0.01])
    np.testing.assert_allclose(search.distances(Z, k), brute(X, Z, k)[0], rtol=1e-9, atol=1e-8)
    alone = np.vstack([search.distances(Z[i : i + 1], k) for i in range(0, len(Z), 9)])
    np.testing.assert_allclose(alone, search.distances(Z, k)[::9], rtol=1e-9, atol=1e-8)
    own = NeighbourSearch(X[-2_100:], part_ties=True)
    expected, at = brute(own.points, own.points, k, own=True)
    distances, positions = own.query_self(k)
    np.testing.assert_allclose(distances, expected, rtol=1e-9, atol=1e-8)
    # Which of two neighbours comes first is rounding where their distances are equal to the last digits.
    assert (positions == at).mean() > 0.998


def test_a_guess_that_is_too_low_is_made_good():
    values = RNG.normal(size=(100, 4_000))
    values[:, ::8] += 100.0
    values[:50, 0:80:8] -= 200.0  # the sample's smallest are all there is below the guess
    found = selecting.lowest(values, 40)
    np.testing.assert_array_equal(np.sort(found), np.sort(np.argsort(values, axis=1)[:, :40]))


@EACH_TABLE
def test_local_outlier_factor_follows_the_paper(table):
    X, Z, k = TABLES[table], new_rows(TABLES[table]), 15
    detector = LocalOutlierFactor(k).fit(X)
    points = parted(X)
    distances, at = brute(points, points, k, own=True)
    reach = distances[:, -1]
    floor = detector.floor_

    def mean_reach(distances, at):
        return np.maximum(np.maximum(distances, reach[at]).mean(axis=1), floor)

    own = mean_reach(distances, at)
    np.testing.assert_allclose(detector.decision_scores_, own * (1 / own[at]).mean(axis=1), rtol=1e-7)
    distances, at = brute(points, Z, k)
    np.testing.assert_allclose(
        detector.decision_function(Z), mean_reach(distances, at) * (1 / own[at]).mean(axis=1), rtol=1e-7
    )


@EACH_TABLE
def test_connectivity_joins_by_the_shortest_link(table):
    X, k = TABLES[table], 8
    detector = ConnectivityOutlierFactor(k).fit(X)
    points = parted(X)
    _, at = brute(points, points, k, own=True)
    weights = 2.0 * np.arange(k, 0, -1) / (k * (k + 1))
    chaining = np.empty(len(X))
    for i, neighbours in enumerate(at):
        joined, left, links = [i], list(neighbours), []
        while left:
            far = cdist(points[joined], points[left])
            links.append(far.min())
            joined.append(left.pop(int(far.min(axis=0).argmin())))
        chaining[i] = max(np.dot(links, weights), detector.floor_)
    # Far from the centre products lose what differences keep, in the distances between neighbours too.
    rtol = 1e-5 if table == "far" else 1e-8
    np.testing.assert_allclose(detector.decision_scores_, chaining / chaining[at].mean(axis=1), rtol=rtol)


def test_nearest_neighbours_of_the_rows_fitted_on_are_todays():
    for X in TABLES.values():
        for method, how in (("largest", lambda d: d[:, -1]), ("mean", lambda d: d.mean(axis=1))):
            scores = NearestNeighbours(10, method).fit(X).decision_scores_
            np.testing.assert_allclose(scores, how(brute(X, X, 10, own=True)[0]), rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("size", [2, 5, 8, 16])
def test_spheres_are_looked_up_as_they_are_searched(size):
    X, Z = CLOUD, new_rows(CLOUD)
    detector = IsolationNearestNeighbour(30, size, random_state=0).fit(X)
    rng = np.random.default_rng(0)
    expected = np.zeros(len(Z))
    for _ in range(30):
        group = X[rng.choice(len(X), size, replace=False)]
        far = cdist(group, group, "sqeuclidean")
        np.fill_diagonal(far, np.inf)
        radii, fellow = far.min(axis=1), far.argmin(axis=1)
        inside = np.where(cdist(Z, group, "sqeuclidean") <= radii * (1 + 1e-9) + 1e-9, radii, np.inf)
        smallest = inside.argmin(axis=1)
        expected += np.where(np.isfinite(inside.min(axis=1)), 1 - radii[fellow[smallest]] / radii[smallest], 1.0) / 30
    np.testing.assert_allclose(detector.decision_function(Z), expected, atol=1e-12)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("gamma", ["scale", "auto", 0.03])
def test_one_class_svm_is_scikit_learns(kernel, gamma):
    from sklearn.svm import OneClassSVM

    settings = {"kernel": kernel, "gamma": gamma, "nu": 0.3, "coef0": 0.5, "degree": 2}
    Z = new_rows(CLOUD)
    expected = -OneClassSVM(**settings).fit(CLOUD).decision_function(Z)
    scores = KernelOneClassSVM(**settings).fit(CLOUD).decision_function(Z)
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-9)


@EACH_TABLE
def test_ranks_are_the_middle_of_two_one_sided_ones(table):
    X, Z = TABLES[table], new_rows(TABLES[table])
    ranks = Ranks().fit(X)
    inside = np.clip(Z, X.min(axis=0), X.max(axis=0))
    expected = np.clip((Z - inside) / ranks.spread_, -1e12, 1e12)
    for j, knots in enumerate(ranks.knots_.T):
        distinct, first = np.unique(knots, return_index=True)
        last = np.append(first[1:], len(knots)) - 1
        values = inside[:, j]
        left, right = (np.interp(values, distinct, ranks.normal_[at]) for at in (first, last))
        past = (values - np.clip(values, knots[0], knots[-1])) / max(knots[-1] - knots[0], 1e-12)
        expected[:, j] += (left + right) / 2 + np.arcsinh(past * 4.0)
    np.testing.assert_allclose(ranks.apply(Z), expected, rtol=1e-12, atol=1e-12)
    alone = np.vstack([ranks.apply(row[None]) for row in Z])
    np.testing.assert_allclose(alone, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("d", [7, 300])
def test_a_row_whitened_alone_is_the_same_to_the_bit(d):
    X = RNG.normal(size=(120, d))
    whitened = Whitened().fit(X)
    batch = whitened.apply(X)
    np.testing.assert_allclose(batch, (X - X.mean(axis=0)) @ whitened.axes_, atol=1e-10)
    np.testing.assert_array_equal(np.vstack([whitened.apply(row[None]) for row in X]), batch)
    np.testing.assert_array_equal(whitened.apply(X[::-1])[::-1], batch)


@pytest.mark.parametrize("name", ["ecod", "hbos"])
def test_known_values_are_known_alone_too(name):
    X = ORDINAL[:, :5] @ RNG.normal(size=(5, 5))
    fitted, _ = fit_detector(DETECTORS[name], {VIEW: "whitened"}, X, seed=0)
    alone = np.concatenate([fitted.score(row[None]) for row in X[:60]])
    np.testing.assert_allclose(alone, fitted.score(X)[:60], rtol=1e-12)


MEMBERS = [
    (name, {VIEW: view} if view else {})
    for name in ("knn", "knn_mean", "lof", "kde", "sampling", "gmm", "cblof", "inne")
    for view in ("", "ranks", "whitened", "trimmed")
    if not view or view in DETECTORS[name].space[VIEW].choices
] + [(name, {}) for name in ("cof", "abod", "knn_median", "ocsvm", "ecod", "hbos", "pca")]


@EACH_TABLE
@pytest.mark.parametrize("n_threads", [1, 3])
def test_members_share_and_score_the_same(table, n_threads, monkeypatch):
    X, Z = TABLES[table], new_rows(TABLES[table])
    fitted = [fit_detector(DETECTORS[name], params, X, seed=0)[0] for name, params in MEMBERS]
    monkeypatch.setattr("pynomaly_auto.detectors._fitted._MOST_SHARED", 70)
    monkeypatch.setattr("pynomaly_auto.detectors._fitted._FEWEST_SHARED", 70)
    shared = score_each(fitted, Z, n_threads=n_threads)
    for (name, params), detector, scores in zip(MEMBERS, fitted, shared, strict=True):
        np.testing.assert_allclose(scores, detector.score(Z), rtol=1e-9, atol=1e-9, err_msg=f"{name} {params}")
        alone = np.concatenate([detector.score(Z[i : i + 1]) for i in range(0, len(Z), 7)])
        np.testing.assert_allclose(alone, scores[::7], rtol=1e-9, atol=1e-9, err_msg=f"{name} {params}")


def test_no_rows_and_no_members():
    fitted = [fit_detector(DETECTORS[name], {}, CLOUD, seed=0)[0] for name in ("knn", "pca")]
    assert [s.shape for s in score_each(fitted, CLOUD[:0])] == [(0,), (0,)]
    assert score_each([], CLOUD) == []


class TestSharing:
    def test_made_once_for_the_same_rows_of_the_same_thing(self):
        made = []
        X = np.zeros((4, 2))
        with sharing(Shared()):
            for key, rows in [("a", X), ("a", X), ("a", X[:2]), ("a", X[:2]), ("b", X), ("a", X[::2])]:
                once(key, rows, lambda: made.append(1) or len(made))
        assert len(made) == 4
        once("a", X, lambda: made.append(1))
        assert len(made) == 5, "nothing is shared outside"

    def test_made_again_where_it_is_not_enough(self):
        X = np.zeros((4, 2))
        with sharing(Shared()):
            found = [once("k", X, lambda k=k: k, enough=lambda made, k=k: made >= k) for k in (3, 9, 5)]
        assert found == [3, 9, 9]

    def test_rows_that_come_to_lie_in_the_same_place_are_others(self):
        shared = Shared()
        with sharing(shared):
            for i in range(200):
                rows = np.full((50, 3), float(i))
                assert once("mean", rows, rows.mean) == i
                del rows
                gc.collect(0)

    def test_threads_make_it_once(self):
        made = []
        X, shared = np.zeros((4, 2)), Shared()

        def ask(_):
            with sharing(shared):
                return once("a", X, lambda: made.append(1) or len(made))

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(ask, range(100))) == {1}

    def test_members_find_neighbours_once(self, monkeypatch):
        fitted = [fit_detector(DETECTORS[n], {}, CLOUD, seed=0)[0] for n in ("knn", "lof", "knn_mean", "cof")]
        calls = []
        near = searching._Near.__init__
        monkeypatch.setattr(
            searching._Near, "__init__", lambda self, points, Z, k: calls.append(k) or near(self, points, Z, k)
        )
        score_each(fitted, CLOUD + 0.01)
        assert calls == [100], "the members that look for fewer take what is there"
