"""The engine: `AutonomousDetector`, and what the command line asks beside it."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from pynomaly_auto.engine._detector import AutonomousDetector

if TYPE_CHECKING:
    from pynomaly_auto.engine._blocks import Counted, fitted_one, judge_blocks, judge_file
    from pynomaly_auto.engine._environment import environment
    from pynomaly_auto.engine._evaluating import evaluation
    from pynomaly_auto.engine._pipeline import look_at
    from pynomaly_auto.engine._resuming import go_on
    from pynomaly_auto.engine._reviewing import Answers, Asked, labels_in, review
    from pynomaly_auto.engine._toml import configuration_toml

# Name to the module that has it, imported when asked for: the class alone is to come quickly.
_HOMES = {
    "Answers": "_reviewing",
    "Asked": "_reviewing",
    "Counted": "_blocks",
    "configuration_toml": "_toml",
    "environment": "_environment",
    "evaluation": "_evaluating",
    "fitted_one": "_blocks",
    "go_on": "_resuming",
    "judge_blocks": "_blocks",
    "judge_file": "_blocks",
    "labels_in": "_reviewing",
    "look_at": "_pipeline",
    "review": "_reviewing",
}

__all__ = [
    "Answers", "Asked", "AutonomousDetector", "Counted", "configuration_toml", "environment", "evaluation",
    "fitted_one", "go_on",
    "judge_blocks", "judge_file", "labels_in", "look_at", "review",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
