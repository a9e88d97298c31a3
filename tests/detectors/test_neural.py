"""Networks: they learn, they stop, they leave PyTorch's global state as it was."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.detectors.estimators._accelerator import Accelerator, accelerating
from pynomaly_auto.detectors.estimators._torch import choose_device
from pynomaly_auto.errors import MissingExtraError, SettingError

torch = pytest.importorskip("torch")

TRAINED = ("autoencoder", "vae", "deep_svdd", "gan")
rng = np.random.default_rng(0)
PLANE = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 6)) + 0.05 * rng.normal(size=(300, 6))


@pytest.fixture(params=TRAINED)
def spec(request: pytest.FixtureRequest):
    return DETECTORS[request.param]


@pytest.mark.parametrize("name", [*TRAINED, "deep_iforest"])
def test_a_far_row_scores_highest(name: str) -> None:
    X = np.vstack([PLANE, np.full((1, 6), 20.0)])
    _, scores = fit_detector(DETECTORS[name], {}, X, seed=0)
    assert scores.argmax() == 300


def test_the_autoencoder_learns_the_plane() -> None:
    off = PLANE[:50].copy()
    off[:, 0] = -off[:, 0]
    fitted, scores = fit_detector(DETECTORS["autoencoder"], {"epochs": 60}, PLANE, seed=0)
    assert np.median(fitted.score(off)) > 3 * np.median(scores)


def test_the_global_state_of_torch_is_left_alone(spec) -> None:
    torch.set_num_threads(2)
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    fitted, first = fit_detector(spec, {"epochs": 2}, PLANE, seed=4)
    fitted.score(PLANE[:3])
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == 2
    _, again = fit_detector(spec, {"epochs": 2}, PLANE, seed=4)
    np.testing.assert_array_equal(first, again)


def test_training_stops_when_nothing_improves(spec, monkeypatch: pytest.MonkeyPatch) -> None:
    passes = 0
    shuffle = torch.randperm

    def counted(*args: object, **kwargs: object) -> object:
        nonlocal passes
        passes += 1
        return shuffle(*args, **kwargs)

    monkeypatch.setattr(torch, "randperm", counted)
    fit_detector(spec, {"epochs": 40, "learning_rate": 1e-12}, PLANE, seed=0)
    assert passes < 40


def test_a_loss_that_explodes_ends_training_and_scores_stay_usable() -> None:
    params = {"learning_rate": 1e30, "epochs": 3}
    fitted = DETECTORS["autoencoder"].build(params, seed=0)
    fitted.fit(PLANE)
    assert fitted.decision_function(PLANE).shape == (300,)


@pytest.mark.parametrize("name", [*TRAINED, "deep_iforest"])
@pytest.mark.parametrize(
    "X",
    [
        np.full((30, 3), 0.1),
        np.repeat(np.eye(3), 8, axis=0),
        PLANE[:20],
        rng.normal(size=(40, 90)) * 1e6,
    ],
    ids=["constant", "duplicates", "twenty rows", "wide and large"],
)
def test_awkward_tables_give_finite_scores_that_a_row_keeps_alone(name: str, X: np.ndarray) -> None:
    fitted, scores = fit_detector(DETECTORS[name], {}, X, seed=1)
    new = np.vstack([X[:4], np.full((1, X.shape[1]), 1e9)])
    alone = np.array([fitted.score(row[None])[0] for row in new])
    assert np.isfinite(scores).all()
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(alone, fitted.score(new), rtol=1e-9)


def test_networks_train_on_what_the_run_computes_on() -> None:
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    with accelerating(Accelerator("cuda:1")):
        assert (choose_device("auto"), choose_device("cpu")) == ("cuda:1", "cpu")


def test_an_unknown_setting_of_the_training_loop_is_our_error(spec) -> None:
    with pytest.raises(SettingError, match="epoch"):
        spec.build({"epoch": 3}, seed=0)


def test_without_torch_the_extra_is_named(spec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pynomaly_auto._optional.available", lambda _: False)
    with pytest.raises(MissingExtraError, match="deep"):
        spec.build({}, seed=0)


def test_fewer_passes_are_expected_to_cost_less(spec) -> None:
    assert spec.seconds(1000, 10, {"epochs": 5}) < spec.seconds(1000, 10, {"epochs": 50})


def test_fewer_networks_are_expected_to_cost_less() -> None:
    deep = DETECTORS["deep_iforest"]
    assert deep.seconds(1000, 10, {"n_representations": 8}) < deep.seconds(1000, 10)


def test_beyond_the_reference_rows_only_scoring_costs(spec) -> None:
    at, beyond, far = (spec.seconds(n, 10) for n in (10_000, 20_000, 30_000))
    assert beyond < 1.5 * at
    assert far - beyond == pytest.approx(beyond - at)
