"""Small tables and a quick detector, shared by the engine's tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector

QUICK = ("hbos", "iforest", "knn_mean", "zscore")


def quick(**kw: Any) -> AutonomousDetector:
    """A detector that needs about a second: few trials, few candidates, nothing tracked."""
    values: dict[str, Any] = {
        "n_trials": 4,
        "tracking": False,
        "random_state": 0,
        "verbose": 0,
        "config": {"overrides": {"include": list(QUICK)}},
    }
    return AutonomousDetector(**(values | kw))


@pytest.fixture
def make_quick() -> Callable[..., AutonomousDetector]:
    return quick


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    """200 rows of every common kind of column; row ``r7`` has an absurd amount, ``r8`` breaks a dependency."""
    rng = np.random.default_rng(0)
    n = 200
    amount = rng.lognormal(3, 0.5, n)
    frame = pd.DataFrame(
        {
            "amount": amount,
            "tax": amount * 0.2 + rng.normal(0, 0.01, n),
            "shop": rng.choice(["a", "b", "c"], n),
            "when": pd.date_range("2025-01-01", periods=n, freq="h", tz="Europe/Berlin"),
            "ok": rng.random(n) > 0.1,
        },
        index=[f"r{i}" for i in range(n)],
    )
    frame.loc["r7", "amount"] = 9e4
    frame.loc["r8", "tax"] = frame.loc["r8", "amount"] * 3
    frame.loc["r9", "amount"] = np.nan
    return frame


@pytest.fixture(scope="session")
def fitted(table: pd.DataFrame) -> AutonomousDetector:
    """A detector fitted on `table`; tests must not change it."""
    return quick(contamination=0.05).fit(table)
