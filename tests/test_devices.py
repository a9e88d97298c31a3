"""Which device may be asked for, and whether there is a GPU; every machine is laid out in a folder of its own."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from pynomaly_auto import _devices, _optional
from pynomaly_auto._devices import check_device, no_gpu, parse_device, unusable
from pynomaly_auto.errors import MissingExtraError, ResourceError, SettingError
from pynomaly_auto.settings import Settings


@pytest.fixture
def with_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> types.SimpleNamespace:
    """A machine with a driver and a torch that finds two GPUs."""
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    cuda = types.SimpleNamespace(device_count=lambda: 2, is_available=lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(_optional, "available", lambda _: True)
    monkeypatch.setattr(_optional, "versions", lambda _: {"torch": "2.13.0"})
    monkeypatch.setattr(_optional, "require", lambda _: types.SimpleNamespace(cuda=cuda))
    monkeypatch.setattr(_devices, "no_gpu", lambda: no_gpu(tmp_path))
    return types.SimpleNamespace(root=tmp_path, cuda=cuda)


@pytest.mark.parametrize(
    ("given", "device"),
    [("auto", "auto"), ("CPU", "cpu"), (" cuda ", "cuda"), ("cuda:1", "cuda:1"), ("cpu:torch", "cpu:torch")],
)
def test_devices(given: str, device: str) -> None:
    assert parse_device(given) == Settings(device=given).device == device


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("gpu", "Did you mean 'cuda'"), ("cuda:x", "'cuda:0'"), ("cuda1", "'cuda:0'"), ("GPU:0", "'cuda:0'"),
        ("cdua", "Did you mean 'cuda'"), ("mps", "unknown device 'mps'"), ("", "unknown device"),
        (None, "device is None"),
        (True, "device is True"), (0, "device is 0"), (["cuda"], "Give 'auto'"), ("cuda:-1", "'cuda:0'"),
    ],
)  # fmt: skip
def test_no_devices(given: Any, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        Settings(device=given)


def test_a_gpu_is_told_by_files_before_torch_is_asked(with_cuda, monkeypatch: pytest.MonkeyPatch) -> None:
    assert no_gpu(with_cuda.root) is None
    assert unusable("cuda") is unusable("cuda:1") is None
    assert unusable("cuda:2") == "PyTorch finds 2 of them, counted from 0"
    check_device("cuda:1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "CUDA_VISIBLE_DEVICES" in str(no_gpu(with_cuda.root))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert no_gpu(with_cuda.root / "dev") == "no driver of a GPU is there"
    monkeypatch.setattr(_optional, "versions", lambda _: {"torch": "2.13.0+cpu"})
    assert "without CUDA" in str(no_gpu(with_cuda.root))
    monkeypatch.setattr(_optional, "available", lambda _: False)
    assert no_gpu(with_cuda.root) == "torch is not installed"
    with pytest.raises(MissingExtraError, match="deep"):
        check_device("cuda")
    for device in ("auto", "cpu"):
        check_device(device)


def test_a_gpu_that_cannot_be_used_is_one_error(with_cuda) -> None:
    with_cuda.cuda.is_available = lambda: False
    with pytest.raises(ResourceError, match=r"device is 'cuda', and PyTorch finds none.*device='auto'"):
        check_device("cuda")

    def failing() -> bool:
        raise RuntimeError("driver\ntoo old")

    with_cuda.cuda.is_available = failing
    with pytest.raises(ResourceError, match="RuntimeError: driver too old"):
        check_device("cuda:0")


def test_torch_is_not_imported_where_no_gpu_is_used() -> None:
    code = """
import sys
import numpy as np
from pynomaly_auto import AutonomousDetector
X = np.random.default_rng(0).normal(size=(200, 3))
config = {"overrides": {"include": ["knn", "lof", "kde", "hbos"]}}
detector = AutonomousDetector(n_trials=3, tracking=False, verbose=0, random_state=0, config=config).fit(X)
detector.judge(X[:5] + 0.1)
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
