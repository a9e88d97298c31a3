"""Anomaly detection that chooses, tunes, combines, thresholds and explains its detectors without labels."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pynomaly_auto._version import __version__

if TYPE_CHECKING:
    from pynomaly_auto.detectors import DETECTORS, Capabilities, Cost, DetectorSpec
    from pynomaly_auto.engine import AutonomousDetector
    from pynomaly_auto.records import Result
    from pynomaly_auto.settings import Overrides, Settings

# Name to the module that has it: importing this package costs milliseconds, using it pays for what is used.
_HOMES = {
    "AutonomousDetector": "engine",
    "Settings": "settings",
    "Overrides": "settings",
    "Result": "records",
    "DETECTORS": "detectors",
    "DetectorSpec": "detectors",
    "Capabilities": "detectors",
    "Cost": "detectors",
}

__all__ = [
    "DETECTORS",
    "AutonomousDetector",
    "Capabilities",
    "Cost",
    "DetectorSpec",
    "Overrides",
    "Result",
    "Settings",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
