"""A fitted detector without its class: what the engine, storing and recording pass to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_auto.engine._model import Model
from pynomaly_auto.records import Result


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """All there is of a fitted detector at one moment; moving its threshold later changes nothing here.

    Args:
        params: The estimator's parameters, by name.
        model: What judges rows.
        result: What was found and decided.
    """

    params: Mapping[str, Any]
    model: Model
    result: Result
