"""Rules on tables: which rows they match, and where their scores go."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto._rules import parse
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import SettingError, StorageError, UnknownNameError
from pynomaly_auto.records import State
from pynomaly_auto.ruling import Found, Ruling, Scale, columns_of, find, told_of, warned_of


def table() -> pd.DataFrame:
    n = 40
    rng = np.random.default_rng(0)
    return pd.DataFrame({
        "age": [130.0, np.nan, *rng.uniform(20, 80, n - 2)],
        "cap": [100.0] * 20 + [0.0] * 20,
        "kind": ["XX", None, *rng.choice(["a", "b"], n - 2)],
        "other": ["XX", "a", *rng.choice(["a", "b"], n - 2)],
        "paid": [True, False] * 20,
        "when": pd.date_range("2024-01-01", periods=n, freq="D", tz="Europe/Berlin"),
        "until": pd.date_range("2024-01-02", periods=n, freq="D", tz="Europe/Berlin"),
        "price": [f"{i},50" for i in range(n)],
        "mixed": ["odd", "even"] * 10 + list(range(20)),
        "net price": np.arange(n),
    })  # fmt: skip


def rows(*rules: str, verdicts: tuple[str, ...] = (), frame: pd.DataFrame | None = None) -> Found:
    frame = table() if frame is None else frame
    encoder = TableEncoder().fit(frame)
    stated = [parse(r, v) for r, v in zip(rules, verdicts or ("anomaly",) * len(rules), strict=True)]
    return find(stated, encoder.names, lambda names: encoder.as_read(frame, names), len(frame))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("age > 120", {0}),
        ("120 < age", {0}),
        ("not (age <= 120)", {0}),  # a missing value matches nothing, nor does its contrary
        ("age is missing", {1}),
        ("isnull(age) or age > 120", {0, 1}),
        ("kind == 'XX'", {0}),
        ("kind != 'a' and kind != 'b'", {0}),
        ("kind not in ('a', 'b')", {0}),
        ("kind == other and age > 120", {0}),
        ("age > 120 or kind is missing", {0, 1}),
        ("paid == True and `net price` < 3", {0, 2}),
        ("when < '2024-01-02'", {0}),
        ("when == '2023-12-31T23:00:00+00:00'", {0}),
        ("until - when > 86400", set()),
        ("age - cap > 20 and cap > 0", {0}),
        ("`net price` / cap < 0.015 and cap > 1", {0, 1}),
        ("38 <= `net price` <= 39", {38, 39}),
        ("price < 1.0", {0}),
        ("mixed == 'odd'", set(range(0, 20, 2))),
        ("mixed != 'odd' and mixed < 2", {20, 21}),
        ("mixed != 3 and mixed != 'odd' and mixed != 'even' and not mixed > 5", {20, 21, 22, 24, 25}),
        ("1 / cap > 0 and cap == 0", set()),
    ],
)
def test_which_rows_it_matches(rule: str, expected: set[int]) -> None:
    assert set(np.flatnonzero(rows(rule).said == 1)) == expected


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("agee > 3", "Did you mean 'age'"),
        ("kind == XX", "Texts stand in quotes"),
        ("age > 'x'", "numbers without quotes"),
        ("kind == 1234567", "Write '1234567' in quotes"),  # all digits
        ("kind in (-12345678901234567890,)", "Write '-12345678901234567890' in quotes"),
        ("kind > 3", "read as texts, with 3.*Texts are equal or not"),  # quotes would not help
        ("kind < 'x'", "which text is larger"),
        ("kind == age", "of one kind"),
        ("when > 3", "date in quotes"),
        ("when > 'x'", "2024-12-31"),
        ("when + until > 3", "gives seconds"),
        ("kind + 1 > 3", "Reckon with numbers"),
    ],
)
def test_what_cannot_be_compared(rule: str, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        rows(rule)


def test_an_anomaly_rule_outvotes_a_normal_one_and_the_first_rule_decides() -> None:
    found = rows("kind == 'XX'", "age > 120", "age > 100", verdicts=("normal", "anomaly", "anomaly"))
    assert found.said[0] == 1
    assert found.deciding[0] == 1
    assert found.counts == (1, 1, 1)
    assert np.flatnonzero(found.contradicted).tolist() == [0]


def test_a_column_that_is_left_out_or_not_named_by_text_can_be_asked() -> None:
    frame = pd.DataFrame({0: np.arange(30.0) ** 2 % 7, 1: [f"id{i}" for i in range(30)], 2: np.ones(30)})
    assert np.flatnonzero(rows("`1` == 'id7' and `2` == 1", frame=frame).said == 1).tolist() == [7]


def test_decided_rows_lie_beyond_all_others_in_their_order() -> None:
    scores = np.array([0.0, 1.0, 2.0, 3.0, 4.0])
    said = np.array([-1, 1, -1, 0, 1], dtype=np.int8)
    scale = Scale.of(scores, said)
    moved = scale.apply(scores, said)
    assert moved[[0, 2]].tolist() == [0.0, 2.0]
    assert moved[4] > moved[1] >= scale.high
    assert moved[3] <= scale.low
    new = scale.apply(np.array([2.5, 10.0, 1e9, -1e9]), np.full(4, -1, dtype=np.int8))
    assert scale.top < new[0] < new[1] <= new[2] < scale.high
    assert scale.low < new[3] < scale.bottom
    alone = scale.apply(np.array([10.0]), np.array([-1], dtype=np.int8))
    assert alone[0] == new[1]


def test_constant_scores_and_all_rows_decided() -> None:
    scores, said = np.ones(4), np.array([1, 1, 0, 0], dtype=np.int8)
    scale = Scale.of(scores, said)
    moved = scale.apply(scores, said)
    assert moved[:2].min() >= scale.high > scale.low >= moved[2:].max()


def test_it_is_stored_as_data_and_what_is_damaged_is_refused() -> None:
    ruling = Ruling.of({"a > 1": "anomaly", "b == 'x'": "normal"}, np.array([1, 0, -1], dtype=np.int8))
    ruling = ruling.excusing(np.array([7, 3, 7], dtype=np.uint64)).bound(np.arange(3.0), np.arange(3, dtype=np.uint64))
    again = Ruling.from_state(ruling.to_state(), 3)
    assert again.rules == ruling.rules
    assert again.scale == ruling.scale
    assert again.excused.tolist() == [3, 7]
    assert again.unknown(["a"]).startswith("unknown column 'b'")
    damage: list[tuple[dict[str, Any], dict[str, Any], int]] = [
        ({"rules": {"a >": "anomaly"}}, {}, 3), ({}, {"said": np.array([1, 2, 0])}, 3), ({}, {}, 4),
        ({"scale.top": float("nan")}, {}, 3),
    ]  # fmt: skip
    state = ruling.to_state()
    for values, arrays, n in damage:
        with pytest.raises(StorageError):
            Ruling.from_state(State(arrays=state.arrays | arrays, values=dict(state.values) | values), n)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("age > 500", r"none of 40 rows, and is kept for new ones \('age' holds numbers from 2\d\.\d+ to 130\)"),
        ("kind == 'xx'", r"'kind' holds the texts 'XX', '[ab]', '[ab]'\)"),
        ("price > 100 and paid == True", r"'price' holds numbers from 0.5 to 39.5; 'paid' holds numbers from 0 to 1\)"),
        ("when > '2100-01-01'", r"'when' holds dates from 2023-12-31T23:00:00 to 2024-02-08T23:00:00 UTC\)"),
        ("mixed == 'none'", r"'mixed' holds numbers from 0 to 19 and the texts 'odd', 'even'\)"),
        ("age > 120", "^matches 1 of 40 rows, which are called anomalies whatever they score$"),
    ],
)
def test_of_a_rule_that_matches_nothing_is_told_what_there_is(rule: str, told: str) -> None:
    frame, parsed = table(), parse(rule)
    encoder = TableEncoder().fit(frame)
    wanted = columns_of([parsed], encoder.names)
    held = encoder.as_read(frame, list(wanted.values()))
    (reason,) = told_of([parsed], rows(rule), held)
    assert re.search(told, reason.text), reason.text


def test_a_rule_that_matches_everything_is_warned_of() -> None:
    rules = [parse("cap >= 0"), parse("age > 120", "normal")]
    warned = warned_of(rules, rows("cap >= 0", "age > 120", verdicts=("anomaly", "normal")))
    assert [(w.code, w.subject) for w in warned] == [("RUL-005", "cap >= 0"), ("RUL-002", "rules")]


def test_an_unknown_column_names_the_rule() -> None:
    with pytest.raises(UnknownNameError, match="rule 'nothing > 1', at character 1"):
        rows("nothing > 1")
