"""Which detectors compute on a GPU: those that can, where that saves more than starting it costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from pynomaly_auto._devices import AUTO, CPU, REHEARSED, no_gpu, unusable
from pynomaly_auto.detectors.estimators._accelerator import Accelerator

if TYPE_CHECKING:
    from pynomaly_auto.detectors._spec import DetectorSpec

# Seconds on one core from which on "auto" takes a GPU: about what a process needs to import PyTorch and to open the
# device. Reckoned, not measured.
WORTH_SECONDS = 3.0

_wanted: ContextVar[str] = ContextVar("wanted device", default=CPU)


def uses_gpu(spec: DetectorSpec, params: Mapping[str, Any], shape: tuple[int, int], device: str) -> bool:
    """Whether a detector would compute on a GPU, if there is one; for who hands out GPUs.

    Args:
        spec: Which detector.
        params: Values that replace its defaults.
        shape: Rows and features of the table.
        device: What is asked for; see `Settings`.
    """
    can = spec.capabilities
    if not can.gpu or device == CPU:
        return False
    if device != AUTO:
        return True
    n_rows, n_features = shape
    return n_features >= can.gpu_min_features and spec.seconds(n_rows, n_features, params) >= WORTH_SECONDS


def accelerator_for(
    spec: DetectorSpec, params: Mapping[str, Any], shape: tuple[int, int], device: str
) -> tuple[Accelerator | None, str]:
    """What a detector is to compute by, and why that is the CPU where a GPU would do; PyTorch is asked last.

    Args:
        spec: Which detector.
        params: Values that replace its defaults.
        shape: Rows and features of the table.
        device: What is asked for; see `Settings`.
    """
    if not uses_gpu(spec, params, shape, device):
        return None, ""
    if device == REHEARSED:
        return Accelerator(CPU), ""
    name = "cuda" if device == AUTO else device
    why = no_gpu() or unusable(name)
    return (Accelerator(name), "") if why is None else (None, why)


@contextmanager
def wanting(device: str) -> Iterator[None]:
    """Within it, in this thread, `score_each` scores on that device where a detector can and it is there."""
    token = _wanted.set(device)
    try:
        yield
    finally:
        _wanted.reset(token)


def wanted_device() -> str:
    """What `wanting` asks for; the CPU outside of it."""
    return _wanted.get()
