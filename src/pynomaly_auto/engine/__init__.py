"""The engine: `AutonomousDetector`, and what the command line asks beside it."""

from pynomaly_auto.engine._configuration import configuration_toml
from pynomaly_auto.engine._detector import AutonomousDetector
from pynomaly_auto.engine._environment import environment
from pynomaly_auto.engine._pipeline import look_at

__all__ = ["AutonomousDetector", "configuration_toml", "environment", "look_at"]
