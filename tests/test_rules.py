"""The grammar of rules: what it reads, and what it says of what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from pynomaly_auto._known import expected_sides, weights_of
from pynomaly_auto._rules import LONGEST, MOST, Joined, checked, parse
from pynomaly_auto.errors import PynomalyError, SettingError


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("age > 120", ["age"]),
        ("country == 'XX' and amount > 1000", ["country", "amount"]),
        ("`net price` is missing", ["net price"]),
        ("1 < x <= 5", ["x", "x"]),
        ("kind not in ('a', 'b')", ["kind", "kind"]),
        ("-(x + 3) / y > z * 2", ["x", "y", "z"]),
        ("isnull(a) or notnull(b) or c is not None", ["a", "b", "c"]),
        ("not (`a b` == 'c`d')", ["a b"]),
        ("\u00b5_g > 3", ["\u00b5_g"]),  # which Python's parser would write with another letter
        ("  flag == True ", ["flag"]),
    ],
)
def test_what_it_reads(text: str, columns: list[str]) -> None:
    rule = parse(text)
    assert [name.column for name in rule.columns] == columns
    assert (rule.text, rule.verdict) == (text.strip(), "anomaly")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("age = 120", "at character 5.*Write == to compare"),
        ("a > 1 AND b < 2", "at character 7.*small letters"),
        ("a > 1 && b < 2", "Write and, or"),
        ("a > 1 & b < 2", "Write and, or"),
        ("(a > 1) | (b < 2)", "Write and, or"),
        ("a.b > 3", "back-ticks"),
        ("x == None", "is missing"),
        ("x is 5", "Write == to compare"),
        ("5 > 3", "two constants"),
        ("age", "Compare it"),
        ("foo(x) > 2", "calls a function"),
        ("`x > 3", "back-tick without its fellow"),
        ("x in y", r"Write in \('a', 'b'\)"),
        ("x in ()", "no list"),
        ("'a' in ('a', 'b')", "before in"),
        ("x > 1e999", "beyond all others"),
        ("x > -'a'", "sign before what is no number"),
        ("x ** 2 > 3", "no value"),
        ("lambda: 1", "no condition"),
        ("a > 1; b", "cannot be read"),
        ("__import__('os').system('x')", "no condition"),
        ("x > " + "-" * 80 + "1", "too deep"),
        ("not " * 100 + "x > 1", "too deep"),
        ("x > " + "(" * 400 + "1", "cannot be read"),
        ("class > 120", "Put the name `class` in back-ticks"),
        ("", "one line of text"),
        ("x >\n3", "one line of text"),
        ("x" * (LONGEST + 1), "one line of text"),
    ],
)
def test_what_is_no_rule_is_named_with_its_place(text: str, says: str) -> None:
    with pytest.raises(SettingError, match=says):
        parse(text)


def test_rules_come_in_several_forms() -> None:
    assert checked("a > 1") == checked(["a > 1"]) == checked({"a > 1": "anomaly"}) == {"a > 1": "anomaly"}
    assert checked({"a > 1": "normal"}) == {"a > 1": "normal"}
    assert checked([]) is None
    assert isinstance(parse("a > 1 or b > 1").condition, Joined)


@pytest.mark.parametrize(
    "value", [3, [3], {"a > 1": "bad"}, {"a > 1": 1}, {3: "anomaly"}, ["a > 1"] * (MOST + 1), b"a"]
)
def test_what_are_no_rules(value: Any) -> None:
    with pytest.raises(SettingError, match="rule"):
        checked(value)


@pytest.mark.parametrize("value", [3, {"a": 3}, {"a": "up"}, {("a",): "high"}, {0: "high", "0": "low"}, ["a"]])
def test_what_is_no_side(value: Any) -> None:
    with pytest.raises(PynomalyError, match="expect"):
        expected_sides(value)


@pytest.mark.parametrize("value", [3, {"a": -1}, {"a": 6}, {"a": True}, {"a": float("nan")}, {"a": "2"}, {None: 2}])
def test_what_is_no_weight(value: Any) -> None:
    with pytest.raises(SettingError, match="weight"):
        weights_of(value)


def test_numbers_name_columns() -> None:
    assert expected_sides({0: "high"}) == {"0": "high"}
    assert weights_of({1: 2}) == {"1": 2.0}
