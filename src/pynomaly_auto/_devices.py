"""Which device computes: what may be asked for, and whether there is a GPU, asked no dearer than need be.

Importing PyTorch takes seconds. So first the files are looked at that a driver makes; only where these are, PyTorch is
asked.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

from pynomaly_auto import _optional
from pynomaly_auto.errors import ResourceError, SettingError, UnknownNameError, shown

AUTO, CPU, CUDA = "auto", "cpu", "cuda"
REHEARSED = "cpu:torch"  # for tests: all that would be done on a GPU, done by PyTorch on the CPU
_KNOWN = (AUTO, CPU, CUDA)
_INDEXED = re.compile(r"cuda:[0-9]{1,3}")
_ROOT = Path("/")
# What drivers make: NVIDIA's, on boards, under Windows' Linux; AMD's, which PyTorch calls by the same name.
_FILES = ("dev/nvidia[0-9]*", "dev/nvidiactl", "dev/nvmap", "dev/dxg", "dev/kfd")


def parse_device(value: Any) -> str:
    """A device that may be asked for: ``"auto"``, ``"cpu"``, ``"cuda"`` or one of several, such as ``"cuda:1"``.

    Raises:
        SettingError: It is none of these.
    """
    if not isinstance(value, str):
        raise SettingError(f"device is {shown(value)}.", fix="Give 'auto', 'cpu', 'cuda' or, of several, 'cuda:1'.")
    name = value.strip().lower()
    if name in _KNOWN or name == REHEARSED or _INDEXED.fullmatch(name):
        return name
    if name in {"gpu", "nvidia"} or name.startswith((CUDA, "gpu")):
        raise SettingError(f"device is {shown(value)}.", fix="Did you mean 'cuda' or, of several, 'cuda:0'?")
    raise UnknownNameError.of("device", value, _KNOWN)


def no_gpu(root: Path = _ROOT) -> str | None:
    """Why there can be no GPU here, as far as that is told without importing PyTorch; None: there may be one."""
    if not _optional.available("torch"):
        return "torch is not installed"
    if _optional.versions(("torch",)).get("torch", "").endswith("+cpu"):
        return "the torch that is installed was built without CUDA"
    if sys.platform == "darwin" or (sys.platform.startswith("linux") and not any(map(_any(root), _FILES))):
        return "no driver of a GPU is there"
    # Asked last, as Ray sets it on machines without any GPU, and there the reason is to be the same as without Ray.
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in {"", "-1"}:
        return "CUDA_VISIBLE_DEVICES hides every GPU"
    return None


def _any(root: Path) -> Any:
    return lambda pattern: any(root.glob(pattern))


def unusable(device: str) -> str | None:
    """Why a GPU cannot be used; None: it can. Imports PyTorch, but only where there may be a GPU.

    Args:
        device: ``"cuda"`` or one of several, such as ``"cuda:1"``.
    """
    if (why := no_gpu()) is not None:
        return why
    try:
        cuda = _optional.require("torch").cuda
        count = cuda.device_count() if cuda.is_available() else 0
    except Exception as error:  # a driver that does not fit says so in many ways
        return f"PyTorch cannot ask for one: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    if not count:
        return "PyTorch finds none"
    wanted = int(device.partition(":")[2] or 0)
    return None if wanted < count else f"PyTorch finds {count} of them, counted from 0"


def check_device(device: str) -> None:
    """Refuse a GPU that is asked for by name and cannot be used.

    Raises:
        ResourceError: It is not there, or PyTorch cannot use it.
        MissingExtraError: PyTorch is not installed.
    """
    if device == REHEARSED and not _optional.available("torch"):
        raise _optional.missing("torch")
    if not device.startswith(CUDA):
        return
    if not _optional.available("torch"):
        raise _optional.missing("torch")
    if (why := unusable(device)) is not None:
        raise ResourceError(f"device is {device!r}, and {why}.", fix="Give device='auto' or 'cpu'.")
