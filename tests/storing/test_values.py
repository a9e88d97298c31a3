"""The user's own values: whatever a column or an index holds comes back as it was, or as text."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import State
from pynomaly_auto.storing import SavedParts, load, save, values_from_state, values_to_state

TOKYO = pd.Timestamp("2024-01-01 12:00:00.123456789", tz="Asia/Tokyo")
TWICE = pd.DatetimeIndex(["2024-10-27 00:30", "2024-10-27 01:30"], tz="UTC").tz_convert("Europe/Berlin")

COLUMNS: dict[str, Any] = {
    "floats": np.array([1.5, np.nan, np.inf]),
    "float16": pd.Series(np.float16([1, 2])),
    "whole": np.arange(3, dtype=np.uint8),
    "truth": pd.Series([True, False]),
    "years": np.array(["2024", "1700"], dtype="M8[Y]"),
    "times": pd.Series(pd.to_datetime(["2024-01-01", None])),
    "durations": pd.Series(pd.to_timedelta([1, 2], unit="ms")),
    "zoned": pd.Series([TOKYO, pd.NaT]),
    "fixed offset": pd.Series(pd.to_datetime(["2024-01-01T00:00:00+05:30"])),
    "Int64": pd.Series([1, None, 2**60], dtype="Int64"),
    "Float32": pd.Series([1.5, None], dtype="Float32"),
    "boolean": pd.Series([True, None], dtype="boolean"),
    "nothing": pd.Series([None, None], dtype=object),
    "empty": np.array([], dtype=object),
}
BOXES: dict[str, list[Any]] = {
    "texts": ["a", "", "ü", "\ud800 alone", None],
    "mixed": [1, 2.5, True, None, "x", float("nan"), float("-inf"), 10**30, -(10**400), (1, ("a", None))],
    "times": [TOKYO, pd.NaT, *TWICE, pd.Timestamp("0001-01-01"), dt.date(2024, 1, 1), dt.time(3, 4, 5)],
    "pandas": [pd.NA, pd.Timedelta("1ns"), pd.Interval(0, 1.5, closed="both"), pd.Interval(TOKYO, TOKYO)],
    "periods": [pd.Period("2024-01-01", "D"), pd.Period("2024-01-01", "W-SUN"), pd.Period("2024Q3", "Q-FEB")],
    "others": [Decimal("1.10"), Decimal("sNaN"), b"\0\xff", 1j],
}


def stored(values: Any, folder: Path) -> Any:
    save(folder / "m", SavedParts(kind="values", parts={"v": values_to_state(values)}))
    return values_from_state(load(folder / "m").part("v"))


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns(kind: str, tmp_path: Path):
    values = COLUMNS[kind]
    back = stored(values, tmp_path)
    if isinstance(values, pd.Series):
        pd.testing.assert_series_equal(pd.Series(back), values)
    else:
        assert back.dtype == values.dtype
        np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("kind", BOXES)
def test_objects(kind: str, tmp_path: Path):
    values = np.empty(len(BOXES[kind]), dtype=object)
    values[:] = BOXES[kind]
    back = stored(values, tmp_path)
    assert [type(v) for v in back] == [type(v) for v in values]
    assert list(map(repr, back)) == list(map(repr, values))
    if kind == "times":
        assert [getattr(v, "tz", None) and str(v.tz) for v in back] == [
            getattr(v, "tz", None) and str(v.tz) for v in values
        ]


def test_what_has_no_form_of_its_own_is_text(tmp_path: Path):
    class Silent:
        def __str__(self) -> str:
            raise RuntimeError("no")

    one = uuid.UUID(int=1)
    zone = dt.timezone(dt.timedelta(seconds=1), "mine")
    odd = pd.Timestamp(2024, 1, 1, tzinfo=zone)
    values = np.array([one, Silent(), {1}, odd, dt.time(1, tzinfo=dt.UTC)], dtype=object)
    back = stored(values, tmp_path)
    assert back.tolist() == [
        str(one), "<Silent, which has no text: RuntimeError>", "{1}", str(odd), "01:00:00+00:00",
    ]  # fmt: skip
    categories = pd.Series(["a", None, "a"], dtype="category")
    assert stored(categories, tmp_path)[[0, 2]].tolist() == ["a", "a"]
    assert stored(pd.Series(pd.arrays.SparseArray([0, 0, 1])), tmp_path).tolist() == [0, 0, 1]
    assert stored(np.array([1, 2], dtype=np.longdouble), tmp_path).tolist() == [1.0, 2.0]


def test_numbers_of_arrow_and_of_odd_widths(tmp_path: Path):
    half = pd.Series(pd.array(pa.array(np.float16([1, 2.5]), type=pa.float16()), dtype=pd.ArrowDtype(pa.float16())))
    assert stored(half, tmp_path).tolist() == [1.0, 2.5]
    truth = pd.Series([True, None, False], dtype=pd.ArrowDtype(pa.bool_()))
    assert stored(truth, tmp_path).tolist() == [True, pd.NA, False]
    with np.errstate(over="raise"):
        assert stored(np.array([1, np.longdouble(10) ** 400]), tmp_path).tolist() == [1.0, np.inf]
    moments = np.array([np.datetime64(10, "10m"), np.datetime64("20000-01-01"), np.timedelta64(3, "as")], dtype=object)
    assert list(map(str, stored(moments, tmp_path))) == ["1970-01-01 01:40:00", "20000-01-01 00:00:00", "3 attoseconds"]


@pytest.mark.parametrize(
    "state",
    [
        State(), State(values={"list": 5}), State(values={"list": [{"a": 1}]}), State(values={"list": [[]]}),
        State(values={"list": [["time", "x", "ns", None]]}), State(values={"list": [["time", 10**30, "ns", None]]}),
        State(values={"list": [["time", 0, "ns", "dateutil//etc/passwd"]]}), State(values={"list": [["eval", "1"]]}),
        State(values={"list": [["time", 0, "ns", "../../etc"]]}), State(values={"list": [[["tuple"], 1]]}),
        State(values={"list": [["period", 5, "nonsense"]]}), State(values={"list": [["date", 5]]}),
        State(values={"list": [["decimal", "no number"]]}), State(values={"list": [["bytes", "zz"]]}),
        State(values={"list": [["interval", 2, 1, "right"]]}), State(values={"list": [["interval", 1, 2, "both", 3]]}),
        State(arrays={"array": np.zeros((2, 2))}), State(arrays={"array": np.array(["a"])}),
        State(arrays={"array": np.zeros(2)}, values={"zone": "UTC"}),
        State(arrays={"array": np.zeros(2, "M8[ns]")}, values={"zone": "Moon/Base"}),
        State(arrays={"array": np.zeros(2), "missing": np.zeros(3, bool)}),
        State(arrays={"array": np.zeros(2, "M8[ns]"), "missing": np.zeros(2, bool)}),
    ],
    ids=repr,
)  # fmt: skip
def test_damaged_values(state: State):
    with pytest.raises(StorageError):
        values_from_state(state)
