"""What is no sign of anything: short names that count the rows, measures that run on; and days that come twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.cells import CELL_DETECTORS
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.records import FloatArray


def bits_of(detector: str, frame: pd.DataFrame) -> FloatArray:
    original = TableEncoder().fit(frame).original(frame)
    found: FloatArray = CELL_DETECTORS[detector].build().fit(original).evidence(original).bits
    return found


def test_short_names_that_count_the_rows_are_not_rare() -> None:
    names = [f"E{i}" for i in range(2000)]
    frame = pd.DataFrame({"name": pd.Series(names, dtype=object), "v": np.arange(2000.0) ** 2})
    assert bits_of("form", frame)[:100, 0].max() == 0.0


def test_a_short_name_among_long_ones_still_is() -> None:
    names = [f"E{i}" for i in range(1000, 3000)] + ["E7"]
    frame = pd.DataFrame({"name": pd.Series(names, dtype=object), "v": np.arange(2001.0) ** 2})
    bits = bits_of("form", frame)[:, 0]
    assert bits[-1] > 9
    assert bits[:-1].max() == 0.0


def test_a_date_written_otherwise_is_heard_although_it_can_be_read() -> None:
    days = pd.date_range("2021-01-01", periods=400).strftime("%m/%d/%Y").tolist()
    days[250] = days[250].lstrip("0")
    bits = bits_of("form", pd.DataFrame({"day": days, "v": np.arange(400.0) ** 2}))[:, 0]
    assert bits.argmax() == 250
    assert (bits > 0).sum() == 1


def test_days_that_name_the_rows_and_come_twice() -> None:
    days = pd.Series(pd.date_range("2021-01-01", periods=400))
    days[300] = days[20]
    bits = bits_of("key", pd.DataFrame({"day": days, "v": np.arange(400.0) ** 2}))[:, 0]
    assert np.flatnonzero(bits).tolist() == [20, 300]


def test_moments_that_meet_by_chance_name_no_rows() -> None:
    rng = np.random.default_rng(0)
    moments = pd.Timestamp("2021-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 20_000, 1500)), unit="min")
    frame = pd.DataFrame({"when": moments, "v": rng.normal(size=1500), "who": "a"})
    original = TableEncoder().fit(frame).original(frame)
    with pytest.raises(NotApplicableError, match="tells the rows apart"):
        CELL_DETECTORS["key"].build().fit(original)


def test_measures_that_run_on_are_no_entities() -> None:
    rng = np.random.default_rng(1)
    level = np.repeat(np.cumsum(rng.integers(-30, 31, 60)) + 4000, 10)
    frame = pd.DataFrame({"day": pd.date_range("2021-01-01", periods=600, freq="h"), "beds": level})
    original = TableEncoder().fit(frame).original(frame)
    with pytest.raises(NotApplicableError, match="no column holds entities"):
        CELL_DETECTORS["burst"].build().fit(original)
