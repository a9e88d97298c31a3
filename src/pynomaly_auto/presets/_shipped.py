"""The presets that come with the package, listed one by one."""

from __future__ import annotations

import importlib.resources

from pynomaly_auto.presets import PRESETS
from pynomaly_auto.presets._preset import load_preset

NAMES = (
    "general",
    "fraud_detection",
    "financial_markets",
    "quality_control",
    "predictive_maintenance",
    "iot_sensors",
    "network_security",
    "log_analysis",
    "healthcare_monitoring",
    "data_quality",
)

for _name in NAMES:
    PRESETS.add(load_preset(importlib.resources.files("pynomaly_auto.presets").joinpath(f"{_name}.toml"), name=_name))
