"""What an ensemble is made of again: whatever does not fit is told before anything scores with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pynomaly_auto.ensembling import Distribution, Neighbourhood
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import State

RNG = np.random.default_rng(0)
DISTRIBUTION = Distribution.of(RNG.normal(size=60)).to_state()
NEIGHBOURHOOD = State(arrays={"rows": RNG.normal(size=(60, 3)), "scores": RNG.normal(size=60)})


@pytest.mark.parametrize(
    "change",
    [
        {"values": np.zeros(60)}, {"values": np.arange(59.0)}, {"values": np.full(60, np.nan)},
        {"values": np.zeros((60, 2))}, {"values": np.arange(60)}, {"ranks": np.arange(60.0)[::-1]},
        {"ranks": np.arange(60.0) - 1}, {"values": np.empty(0), "ranks": np.empty(0)}, {"scale": 0.0}, {"scale": -1},
        {"scale": "1"}, {"centre": float("inf")}, {"unit": -1.0}, {"bounded": 1}, {"bounded": None},
    ],
    ids=repr,
)  # fmt: skip
def test_distributions_that_are_none(change: dict[str, Any]) -> None:
    arrays = {k: v for k, v in change.items() if isinstance(v, np.ndarray)}
    values = {k: v for k, v in change.items() if k not in arrays}
    with pytest.raises(StorageError):
        Distribution.from_state(DISTRIBUTION | State(arrays=arrays, values=values))
    assert Distribution.from_state(DISTRIBUTION)(np.zeros(1)).shape == (1,)


@pytest.mark.parametrize(
    "arrays",
    [
        {"rows": np.zeros((59, 3))}, {"rows": np.zeros((60, 4))}, {"rows": np.full((60, 3), np.inf)},
        {"rows": np.zeros(60)}, {"scores": np.full(60, np.nan)}, {"scores": np.zeros(60, dtype=int)},
        {"rows": np.zeros((5, 3)), "scores": np.zeros(5)},
    ],
)  # fmt: skip
def test_neighbourhoods_that_are_none(arrays: dict[str, Any]) -> None:
    with pytest.raises(StorageError):
        Neighbourhood.from_state(NEIGHBOURHOOD | State(arrays=arrays), 3)
    assert Neighbourhood.from_state(NEIGHBOURHOOD, 3).smooth(np.zeros((1, 3)), np.zeros(1)).shape == (1,)
