"""What an encoder learned is made again from checked values: whatever does not fit is told before it encodes."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import StorageError

N = 60
RNG = np.random.default_rng(0)
TABLE = pd.DataFrame(
    {
        "number": RNG.normal(size=N),
        "gaps": np.where(np.arange(N) % 9, RNG.normal(size=N), np.nan),
        "amount": RNG.lognormal(3, 1, N),
        "year": np.where(np.arange(N) % 20, 2022, 2021),
        "code": [f"K{i % 35:02}" for i in range(N - 1)] + ["k-1"],
        "level": RNG.choice(list("abc"), N),
        "when": pd.date_range("2025-01-01", periods=N, freq="7h", tz="Europe/Berlin"),
        "written": pd.date_range("2025-01-01", periods=N, freq="9D").strftime("%d/%m/%Y"),
        "text": [" ".join(RNG.choice(["lorem", "ipsum", "dolor", "sit"], 6)) + str(i) for i in range(N)],
    }
)
VALUES, ARRAYS = TableEncoder().fit(TABLE).to_state()
VALUES = json.loads(json.dumps(VALUES))


def part(kind: str) -> dict[str, Any]:
    """The first part of a kind, among copied values."""
    values = copy.deepcopy(VALUES)
    found = next(p for plan in values["plans"] for p in plan["parts"] if p["part"] == kind)
    return {"values": values, "part": found}


def test_it_encodes_the_same() -> None:
    again = TableEncoder.from_state(VALUES, ARRAYS)
    assert np.array_equal(again.encode(TABLE).X, TableEncoder().fit(TABLE).encode(TABLE).X)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("number", {"spread": 0.0}), ("number", {"centre": None}), ("number", {"exponent": 10**6}),
        ("number", {"exponent": 0.5}), ("number", {"feature": 5}), ("number", {"part": ["number"]}),
        ("flag", {"spread": 0}), ("flag", {"trait": "odd"}), ("flag", {"share": "1"}), ("flag", {"part": "level"}),
        ("level", {"levels": ["a"]}), ("level", {"levels": "abc"}), ("level", {"features": []}),
        ("cycle", {"unit": "month"}), ("cycle", {"unit": "second"}), ("cycle", {"zone": "Moon/Base"}),
        ("cycle", {"zone": "dateutil//etc/localtime"}), ("cycle", {"features": ["a"]}),
        ("text", {"features": ["a", "b"]}), ("amount", {"unit": 0.0}), ("amount", {"spread": 0.0}),
        ("amount", {"fill": None}), ("form", {"forms": []}), ("form", {"forms": 3}), ("repeat", {"feature": 1}),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(kind: str, change: dict[str, Any]) -> None:
    made = part(kind)
    made["part"] |= change
    with pytest.raises(StorageError, match="encoder"):
        TableEncoder.from_state(made["values"], ARRAYS)


@pytest.mark.parametrize(
    ("at", "change"),
    [
        (0, {"form": "odd"}), (0, {"zone": "../x"}), (0, {"parse": "%Y"}), (7, {"parse": "%"}), (7, {"parse": None}),
        (0, {"declared": 1}),
    ],
)  # fmt: skip
def test_readings_that_are_none(at: int, change: dict[str, Any]) -> None:
    values = copy.deepcopy(VALUES)
    values["plans"][at]["reading"] |= change
    with pytest.raises(StorageError, match="encoder"):
        TableEncoder.from_state(values, ARRAYS)


@pytest.mark.parametrize(
    "change",
    [
        {"names": ["a"]}, {"names": [*VALUES["names"][:-1], "number"]}, {"names": 5}, {"columns": []}, {"plans": []},
        {"plans": {}}, {"features": VALUES["features"][1:]}, {"sources": [99] * len(VALUES["sources"])},
        {"sources": [-1] * len(VALUES["sources"])}, {"labelled": None}, {"reasons": [{}]}, {"watches_constants": "no"},
    ],
    ids=lambda c: next(iter(c)),
)  # fmt: skip
def test_what_does_not_fit_together(change: dict[str, Any]) -> None:
    with pytest.raises(StorageError, match="encoder"):
        TableEncoder.from_state(VALUES | change, ARRAYS)


@pytest.mark.parametrize("name", ARRAYS)
def test_every_array_is_checked(name: str) -> None:
    array = ARRAYS[name]
    for wrong in (array[:-1], array * np.nan, array.astype(np.float32), array.astype(str), array[None]):
        with pytest.raises(StorageError, match="encoder"):
            TableEncoder.from_state(VALUES, ARRAYS | {name: wrong})
    with pytest.raises(StorageError, match="encoder"):
        TableEncoder.from_state(VALUES, ARRAYS | {"components": np.zeros((3, 3))})
