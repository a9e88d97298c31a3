"""Forests and random projections: sizes cut to the table, seeds that hold, and what each finds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.detectors.estimators import _isolation
from pynomaly_auto.detectors.estimators._isotree import arrays_of
from pynomaly_auto.errors import DetectorError, UnknownNameError
from pynomaly_auto.forest import Growing, expected_length

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
        ("fair_cut_forest", {"ntrees": 20, "ndim": 1, "penalize_range": True}),
        ("fair_cut_forest", {"penalize_range": True, "ntrees": 50}),
        ("density_forest", {"ntrees": 52}),
        ("density_forest", {"ntrees": 50, "scoring_metric": "adj_density"}),
    ],
)
def test_trees_score_as_isotree_does(name: str, params: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    grown = []
    monkeypatch.setattr(_isolation, "arrays_of", lambda model, n: grown.append(model) or arrays_of(model, n))
    cloud = np.random.default_rng(5).normal(size=(600, 5))
    for X in (cloud, np.round(cloud, 1), np.round(cloud)):  # of few values: rows lie on the very planes
        fitted, scores = fit_detector(DETECTORS[name], params, X, seed=0)
        np.testing.assert_allclose(scores, grown[-1].decision_function(X), rtol=1e-12)
        new = X * 1.5 + 0.05
        np.testing.assert_allclose(fitted.score(new), grown[-1].decision_function(new), rtol=1e-12)
        np.testing.assert_array_equal([fitted.score(row[None])[0] for row in new[:20]], fitted.score(new)[:20])


def test_a_forest_that_isotree_writes_in_another_way_is_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    isotree = pytest.importorskip("isotree")
    model = isotree.IsolationForest(ntrees=3, ndim=2, missing_action="fail").fit(CLOUD)
    with pytest.raises(DetectorError, match="another way"):
        arrays_of(model, 3)  # it splits on a fourth
    monkeypatch.setattr(_isolation, "arrays_of", lambda model, n: replace(arrays_of(model, n), expected=1.0))
    with pytest.raises(DetectorError, match="in another way"):
        fit_detector(DETECTORS["extended_iforest"], {}, CLOUD, seed=0)


@pytest.mark.parametrize(
    "params", [{}, {"max_features": 0.5, "bootstrap": True}, {"max_samples": 1}, {"max_samples": 64, "max_features": 2}]
)
@pytest.mark.parametrize("decimals", [2, 0])
def test_isolation_forests_score_as_scikit_learn_s_do(params: dict[str, object], decimals: int) -> None:
    """No two forests are alike: ours are to scikit-learn's as its own are to each other."""
    X = np.round(np.random.default_rng(5).normal(size=(400, 5)), decimals)
    ours = [fit_detector(DETECTORS["iforest"], params, X, seed=seed)[1] for seed in range(4)]
    settings = {"n_estimators": 500, "max_samples": 400, **params}
    peers = [-IsolationForest(random_state=seed, **settings).fit(X).score_samples(X) for seed in range(4)]
    between = np.mean([np.abs(a - b).mean() for a, b in pairwise(peers)])
    assert np.abs(np.mean(ours, axis=0) - np.mean(peers, axis=0)).mean() <= 1.2 * between
    assert np.mean([np.abs(a - b).mean() for a, b in zip(ours, peers, strict=True)]) <= 1.2 * between + 1e-12


@pytest.mark.parametrize("columns", [5, 2])
def test_a_leaf_s_value_is_the_length_of_its_path(columns: int) -> None:
    draws = np.random.default_rng(3)
    X = np.column_stack([draws.normal(size=(90, 3)), draws.integers(0, 2, (90, 1)), np.ones((90, 1))]).astype("f4")
    X = np.vstack([X, X[:30]])  # rows that nothing parts
    forest = Growing(n_trees=7, sample=len(X), n_columns=columns).grow(X, draws)
    assert columns < 5 or 4 not in forest.features  # what does not vary is never split on
    for start, size in zip(np.cumsum(forest.sizes) - forest.sizes, forest.sizes, strict=True):
        features, values = (a[start : start + size] for a in (forest.features, forest.values))
        level = forest.levels[start : start + size]
        child = np.where(features >= 0, 2 * np.cumsum(features >= 0) - 1, 0)
        at = np.zeros(len(X), dtype=int)
        while (features[at] >= 0).any():
            right = X[np.arange(len(X)), features[at]] > values[at]
            at = np.where(features[at] >= 0, child[at] + right, at)
        counts = np.bincount(at, minlength=size)
        leaves = features < 0
        assert (counts[leaves] > 0).all()
        np.testing.assert_allclose(values[leaves], level[leaves] + expected_length(counts[leaves]))
        assert level.max() <= 7


def test_rows_that_are_all_alike_are_one_leaf() -> None:
    X = np.zeros((50, 3), dtype="f4")
    forest = Growing(n_trees=3, sample=20, n_columns=3).grow(X, np.random.default_rng(0))
    assert forest.sizes.tolist() == [1, 1, 1]
    np.testing.assert_allclose(forest.values, expected_length(np.array([20] * 3)))


def test_what_isotree_wrote_is_never_believed() -> None:
    """One byte changed, or an end missing: refused, or trees that score; never a signal or a foreign error."""
    isotree = pytest.importorskip("isotree")
    rng = np.random.default_rng(1)
    for params in ({"ndim": 1}, {"ndim": 2}, {"ndim": 2, "penalize_range": True}):
        model = isotree.IsolationForest(ntrees=2, sample_size=8, missing_action="fail", **params).fit(CLOUD)
        for change in range(400):
            fake = Exported(model, int(rng.integers(0, 4000)), int(rng.integers(1, 256)), cut=change % 4 == 0)
            with suppress(DetectorError), np.errstate(all="ignore"):
                assert arrays_of(fake, 4).forest.predict(CLOUD[:3]).shape == (3,)


class Exported:
    """A model whose file is damaged."""

    def __init__(self, model: object, place: int, change: int, *, cut: bool) -> None:
        self.model, self.place, self.change, self.cut = model, place, change, cut

    def export_model(self, path: str) -> None:
        self.model.export_model(path)
        data = bytearray(Path(path).read_bytes())
        place = self.place % len(data)
        data[place] ^= self.change
        Path(path).write_bytes(data[:place] if self.cut else data)


def test_rows_that_no_tree_tells_apart_are_scored_too() -> None:
    _, scores = fit_detector(DETECTORS["extended_iforest"], {"ntrees": 20}, np.ones((800, 3)), seed=0)
    assert np.ptp(scores) == 0.0
