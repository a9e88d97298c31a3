"""Properties that hold for every table: only our errors, finite output, rows by themselves, order, storage."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import InvalidInputError

# What cells happen to hold can often be read in two ways, and may stay so here.
pytestmark = pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.AmbiguousReadingWarning")
_SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

_floats = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([1e6, 1e-300, 1e300, -1e300, 5e-324, 0.0, -0.0, 1.0]),
)
_dates = st.datetimes(min_value=dt.datetime(1800, 1, 1), max_value=dt.datetime(2200, 1, 1))
_words = st.one_of(
    st.text(max_size=12), st.sampled_from(["a", "b", "1.5", "1,234", " 3 ", "NA", "?", "2024-01-31", "31.12.2024"])
)
_CELLS = {
    "float": _floats,
    "int": st.integers(-(2**62), 2**62),
    "few": st.integers(0, 2),
    "bool": st.booleans(),
    "text": _words,
    "category": st.sampled_from(["red", "green", "blue", None]),
    "maybe": st.one_of(st.none(), st.integers(-5, 5)),
    "date": st.one_of(st.none(), _dates),
    "zoned": _dates.map(lambda d: pd.Timestamp(d, tz="Europe/Zurich")),
    "span": st.timedeltas(dt.timedelta(-1000), dt.timedelta(1000)),
    "mixed": st.one_of(_floats, _words, st.none(), st.booleans()),
    "sentence": st.lists(st.text("abc12", min_size=1, max_size=5), min_size=3, max_size=9).map(" ".join),
    "decimal": st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-9999, max_value=9999),
    "huge": st.integers(-(10**320), 10**320),
    "missing": st.none(),
}


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    n_rows = draw(st.integers(2, 45))
    kinds = draw(st.lists(st.sampled_from(sorted(_CELLS)), min_size=1, max_size=5))
    columns = {
        f"{kind}{i}": pd.Series(draw(st.lists(_CELLS[kind], min_size=n_rows, max_size=n_rows)), dtype=object)
        for i, kind in enumerate(kinds)
    }
    frame = pd.DataFrame(columns)
    if draw(st.booleans()):
        frame = frame.infer_objects()
    index = draw(st.sampled_from(["range", "twice", "tuples", "zoned"]))
    if index == "twice":
        frame.index = pd.Index([7] * n_rows)
    elif index == "tuples":
        frame.index = pd.MultiIndex.from_arrays([range(n_rows), ["k"] * n_rows])
    elif index == "zoned":
        frame.index = pd.date_range("2024-01-01", periods=n_rows, tz="Asia/Tokyo")
    return frame


def _fitted(frame: pd.DataFrame) -> TableEncoder:
    try:
        return TableEncoder().fit(frame)
    except InvalidInputError as error:
        assume("nothing is left" not in str(error))
        raise


@_SETTINGS
@given(frames())
def test_fitting_raises_only_our_errors_and_encodes_finite_numbers(frame: pd.DataFrame) -> None:
    encoder = _fitted(frame)
    dataset = encoder.encode(frame)
    assert dataset.X.shape == (len(frame), len(dataset.features))
    assert np.isfinite(dataset.X).all()
    assert np.abs(dataset.X).max() <= 1e6
    assert len(set(dataset.features)) == len(dataset.features) == len(dataset.sources)
    assert [f for c in dataset.columns for f in c.features] == list(dataset.features)
    assert {reason.subject for reason in dataset.reasons} - {"table"} == set(frame.columns)
    assert ((dataset.missing_share >= 0) & (dataset.missing_share <= 1)).all()


@_SETTINGS
@given(frames())
def test_a_row_alone_is_encoded_as_among_others(frame: pd.DataFrame) -> None:
    encoder = _fitted(frame)
    whole = encoder.encode(frame)
    for i in (0, len(frame) // 2, len(frame) - 1):
        alone = encoder.encode(frame.iloc[[i]])
        assert np.array_equal(alone.X, whole.X[[i]])
        assert alone.missing_share[0] == whole.missing_share[i]
        assert alone.row_labels[0] == whole.row_labels[i]


@_SETTINGS
@given(frames(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(frame: pd.DataFrame, random: object) -> None:
    order = list(range(len(frame)))
    random.shuffle(order)  # type: ignore[attr-defined]
    first = _fitted(frame)
    second = TableEncoder().fit(frame.iloc[order])
    assert first._features == second._features
    assert (first.encode(frame).X == second.encode(frame).X).all()


@_SETTINGS
@given(frames())
def test_the_state_round_trip_is_exact(frame: pd.DataFrame) -> None:
    encoder = _fitted(frame)
    values, arrays = encoder.to_state()
    assert all(array.dtype.kind == "f" for array in arrays.values())
    again = TableEncoder.from_state(json.loads(json.dumps(values, allow_nan=False)), arrays)
    assert (again.encode(frame).X == encoder.encode(frame).X).all()
    assert again.columns == encoder.columns
    assert [str(r) for r in again.reasons] == [str(r) for r in encoder.reasons]


@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.UnseenValuesWarning")
@_SETTINGS
@given(frames(), frames())
def test_later_rows_raise_only_our_errors(first: pd.DataFrame, second: pd.DataFrame) -> None:
    encoder = _fitted(first)
    try:
        dataset = encoder.encode(second.reindex(columns=first.columns))
    except InvalidInputError:
        return
    assert np.isfinite(dataset.X).all()
