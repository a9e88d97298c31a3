"""Labels as people give them: a column, a series or mapping by row label, one value a row; and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.dataset import open_table, read_labels, value_for_each
from pynomaly_auto.errors import InvalidInputError, SettingError

FRAME = pd.DataFrame({"amount": [1.0, 2.0, 3.0, 4.0], "fraud": [None, 1, 0, None]}, index=["a", "b", "c", "d"])


def values(labels, frame=FRAME, **keywords):
    table, known = read_labels(labels, open_table(frame), **keywords)
    return known.values.tolist(), table.names


def test_a_column_says_it_and_is_no_part_of_the_table_any_more():
    assert values("fraud") == ([-1, 1, 0, -1], ("amount",))


@pytest.mark.parametrize(
    "labels",
    [
        pd.Series([1, 0], index=["b", "c"]),
        {"b": 1, "c": 0},
        {"b": True, "c": False},
        pd.Series([np.nan, 1, 0, np.nan], index=list("abcd")),
        pd.Series([np.nan, 1, 0, np.nan]),  # a plain range is in order
        [None, 1, 0, None],
        [None, "1", "0", ""],
        ["", "true", "False", "nan"],
        np.array([np.nan, 1.0, 0.0, np.nan]),
        pd.array([None, 1, 0, None], dtype="Int8"),
    ],
)
def test_rows_get_the_label_they_were_given(labels):
    assert values(labels) == ([-1, 1, 0, -1], ("amount", "fraud"))


def test_labels_by_row_label_come_in_any_order():
    assert values(pd.Series([0, 1], index=["d", "a"]))[0] == [1, -1, -1, 0]


def test_scikit_learns_coding_has_to_be_asked_for():
    assert read_labels([-1, 1, None, 1], open_table(FRAME), "anomaly=-1")[1].values.tolist() == [1, 0, -1, 0]
    with pytest.raises(InvalidInputError, match=r"label of row 'a' is -1.*anomaly=-1"):
        values([-1, 1, None, 1])


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("fruad", "no column 'fruad'"),
        ([1, 0], "2 labels for 4 rows"),
        ([1, 0, 2, 0], "label of row 'c' is 2"),
        ([1, 0, "fraud", 0], "label of row 'c' is 'fraud'"),
        ({"x": 1}, "rows that the table does not have, such as 'x'"),
        (pd.Series([1, 0], index=["a", "a"]), "row 'a' has two labels"),
        ([float("inf"), 0, 0, 0], "label of row 'a' is inf"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(labels, told):
    with pytest.raises(InvalidInputError, match=told):
        values(labels)


def test_rows_of_one_label_cannot_be_told_apart_by_it():
    with pytest.raises(InvalidInputError, match="rows share a label"):
        values({"a": 1}, FRAME.set_axis(["a", "a", "b", "c"]))


def test_a_coding_nobody_knows():
    with pytest.raises(SettingError, match="label_coding is 'fraud=1'"):
        read_labels([1, 0, 0, 0], open_table(FRAME), "fraud=1")


def test_completeness():
    cases = {"none": [None] * 4, "positive only": [1, None, None, 1], "normal only": [0, None, None, None],
             "partial": [1, 0, None, None], "full": [1, 0, 0, 0]}  # fmt: skip
    found = {name: read_labels(given, open_table(FRAME))[1].completeness for name, given in cases.items()}
    assert found == {name: name for name in cases}


NUMBERED = pd.DataFrame({"amount": [1.0, 2.0, 3.0]}, index=[2, 0, 1])
TWICE = pd.DataFrame({"amount": [1.0, 2.0, 3.0]}, index=["a", "a", "b"])


def test_a_series_goes_by_row_label_where_rows_are_numbered_in_another_order():
    assert values(pd.Series([1, 0, None], dtype=object), NUMBERED)[0] == [-1, 1, 0]
    assert values(pd.DataFrame({"y": [1, 0, None]}), NUMBERED)[0] == [-1, 1, 0]
    assert value_for_each(pd.Series(list("xyz")), open_table(NUMBERED), where="groups").tolist() == ["z", "x", "y"]


def test_a_series_with_the_index_of_the_table_is_in_order_though_rows_share_a_label():
    assert values(pd.Series([1, 0, np.nan], index=TWICE.index), TWICE)[0] == [1, 0, -1]
    with pytest.raises(InvalidInputError, match="rows share a label"):
        values(pd.Series([1], index=["b"]), TWICE)


@pytest.mark.parametrize(
    "labels",
    [
        [pd.NA, 2, 0, 1],
        [[1], 0, None, None],
        [{}, 0, None, None],
        np.array([1, 1, 0, 0], dtype="m8[ns]"),
        np.array(["2024-01-01"] * 4, dtype="M8[ns]"),
        [np.timedelta64(1), 0, None, None],
        np.array([[1, 0], [1, 0]]),
        pd.DataFrame({"a": [1, 0], "b": [1, 0]}),
        3,
        {1, 0},
        len,
    ],
)
def test_what_is_no_label_is_refused_in_our_words(labels):
    with pytest.raises(InvalidInputError, match="label"):
        values(labels)


def test_true_is_no_normal_row_in_any_coding():
    for given in ([True, None, None, None], ["true", None, None, None]):
        with pytest.raises(InvalidInputError, match="label of row 'a'"):
            values(given, coding="anomaly=-1")
    with pytest.raises(SettingError, match="label_coding"):
        values([1, 0, None, None], coding=["anomaly=1"])


def test_a_row_is_named_as_its_index_names_it():
    with pytest.raises(InvalidInputError, match="label of row 2 is 'yes'"):
        values(["yes", None, None], NUMBERED)
