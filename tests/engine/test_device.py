"""A run on a device, rehearsed by PyTorch on the CPU: the answer of numpy, told by reasons, saved and loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine import _storage
from pynomaly_auto.errors import ResourceError, SettingError, StorageError

torch = pytest.importorskip("torch")

rng = np.random.default_rng(0)
X = np.vstack([rng.normal(size=(300, 5)), rng.normal(size=(6, 5)) * 5])
INCLUDE = {"overrides": {"include": ["knn", "lof", "abod", "kde", "hbos"]}}

Make = Callable[..., AutonomousDetector]


def told(detector: AutonomousDetector, code: str) -> list[str]:
    return [f"{r.subject}: {r.text}" for r in detector.result_.reasons if r.code == code]


@pytest.fixture(scope="module")
def rehearsed() -> AutonomousDetector:
    given = {"n_trials": 6, "tracking": False, "verbose": 0, "random_state": 0, "config": INCLUDE}
    return AutonomousDetector(device="cpu:torch", **given).fit(X)


def test_a_run_on_a_device_has_the_answer_of_the_cpu(rehearsed: AutonomousDetector, make_quick: Make) -> None:
    plain = make_quick(n_trials=6, config=INCLUDE).fit(X)
    new = X[:20] + 0.05
    np.testing.assert_allclose(rehearsed.score_samples(X), plain.score_samples(X), rtol=1e-6)
    np.testing.assert_allclose(rehearsed.score_samples(new), plain.score_samples(new), rtol=1e-6)
    np.testing.assert_array_equal(rehearsed.predict(new), plain.predict(new))
    np.testing.assert_allclose(rehearsed.score_samples(new[3:4]), rehearsed.score_samples(new)[3:4], rtol=1e-9)


def test_the_device_is_a_reason(rehearsed: AutonomousDetector, make_quick: Make) -> None:
    assert "knn" in told(rehearsed, "SET-040")[0]
    assert {text.partition(":")[0] for text in told(rehearsed, "TUN-080")} == {"knn", "lof", "abod", "kde"}
    assert not told(rehearsed, "TUN-081")
    auto, cpu = make_quick().fit(X), make_quick(device="cpu").fit(X)
    assert told(auto, "SET-040") == [
        "device: everything is computed on the CPU: on so small a table a GPU would not pay."
    ]
    assert told(cpu, "SET-040") == ["device: everything is computed on the CPU, as asked for."]
    assert not told(auto, "TUN-080") + told(auto, "TUN-081")
    np.testing.assert_array_equal(auto.score_samples(X), cpu.score_samples(X))


def test_what_a_device_fitted_is_loaded_and_scores_without_one(
    rehearsed: AutonomousDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, file = X[:20] + 0.05, tmp_path / "model.pynomaly"
    rehearsed.save(file)
    loaded = AutonomousDetector.load(file)
    assert loaded.device == "cpu:torch"
    np.testing.assert_array_equal(loaded.score_samples(new), rehearsed.score_samples(new))
    monkeypatch.setattr(_storage, "parse_device", lambda _: "cuda:7")  # a GPU that is not here
    elsewhere = AutonomousDetector.load(file)
    np.testing.assert_allclose(elsewhere.score_samples(new), rehearsed.score_samples(new), rtol=1e-6)

    def damaged(_: object) -> str:
        raise SettingError("device is 3.")

    monkeypatch.setattr(_storage, "parse_device", damaged)
    with pytest.raises(StorageError, match="names no device"):
        AutonomousDetector.load(file)


def test_a_gpu_asked_for_by_name_where_there_is_none_is_an_error_before_the_run(make_quick: Make) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ResourceError, match=r"device is 'cuda:1', and .*Give device='auto' or 'cpu'"):
        make_quick(device="cuda:1").fit(X)


def test_the_device_is_a_keyword_and_a_word_of_a_configuration(make_quick: Make) -> None:
    with pytest.raises(SettingError, match="Did you mean 'cuda'"):
        make_quick(device="gpu").fit(X)
    assert clone(AutonomousDetector(device="cuda")).device == "cuda"
    found = make_quick(config={"gpu_enabled": False, "overrides": {"include": ["hbos"]}}).fit(X)
    assert found.result_.settings["device"] == "cpu"
