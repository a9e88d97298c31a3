from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, dump_detector, fit_detector, load_detector
from pynomaly_auto.detectors._views import VIEWS, Combined, NormalScores, Whitened
from pynomaly_auto.errors import SettingError

RNG = np.random.default_rng(0)
X = np.column_stack([np.exp(3 * RNG.normal(size=300)), RNG.integers(0, 3, 300), np.zeros(300), RNG.normal(size=300)])


def test_normal_scores_forget_the_shape_and_keep_the_order_beyond_it():
    view = NormalScores().fit(X)
    Z = view.apply(X)
    assert Z[:, [0, 1, 3]].std(axis=0) == pytest.approx(1.0, abs=0.02)
    assert np.array_equal(np.argsort(Z[:, 0]), np.argsort(X[:, 0]))
    beyond = view.apply(np.array([[X[:, 0].max() + 1.0, -5.0, 2.0, 0.0], [X[:, 0].max() + 2.0, 9.0, 0.0, 0.0]]))
    assert Z[:, 0].max() < beyond[0, 0] < beyond[1, 0]
    assert beyond[0, 1] < Z[:, 1].min()
    assert beyond[1, 1] > Z[:, 1].max()
    assert list(beyond[:, 2]) == [2.0, 0.0]


def test_normal_scores_of_many_values_stay_small():
    many = RNG.normal(size=(6000, 1))
    view = NormalScores().fit(many)
    assert len(view.values_[0]) == 2048
    assert np.abs(view.apply(many) - many).mean() < 0.05


def test_whitening_takes_out_what_features_share():
    common = RNG.normal(size=(500, 1))
    rows = common + 0.1 * RNG.normal(size=(500, 3))
    view = Whitened(1e-6).fit(rows)
    assert np.cov(view.apply(rows).T) == pytest.approx(np.eye(3), abs=0.01)
    off = view.apply(rows.mean(axis=0) + np.array([[0.5, -0.5, 0.0], [0.5, 0.5, 0.5]]))
    assert np.linalg.norm(off[0]) > 5 * np.linalg.norm(off[1])


def test_whitening_of_wide_and_of_constant_rows():
    wide = RNG.normal(size=(20, 1100))
    Z = Whitened().fit(wide).apply(wide)
    assert Z.shape == wide.shape
    assert np.isfinite(Z).all()
    assert np.isfinite(Whitened().fit(np.ones((5, 2))).apply(np.zeros((1, 2)))).all()
    assert Combined().fit(X).apply(X).shape == (300, 12)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["knn_mean", "gmm"])
def test_any_detector_can_look_at_a_view(view, name, tmp_path):
    spec = DETECTORS[name]
    fitted, own = fit_detector(spec, {"view": view}, X, seed=0)
    plain, others = fit_detector(spec, {}, X, seed=0)
    assert own.shape == others.shape
    assert not np.allclose(own, others)
    new = X[:7] + 0.5
    assert fitted.score(new[:1]) == pytest.approx(fitted.score(new)[:1])
    dump_detector(fitted, tmp_path / "d")
    assert np.array_equal(load_detector(spec, {"view": view}, tmp_path / "d").score(new), fitted.score(new))
    assert plain.score(new).shape == (7,)


def test_views_that_there_are_not():
    with pytest.raises(SettingError, match="view is 'sideways'"):
        DETECTORS["knn"].build({"view": "sideways"}, seed=0)
    with pytest.raises(SettingError, match="takes no view"):
        DETECTORS["fair_cut_forest"].build({"view": "whitened"}, seed=0)
