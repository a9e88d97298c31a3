"""Records from plain values: right ones come back equal, wrong ones are one clear error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, Ranking, Reason, Result, Scalar, Search, Verdict, plain, restore
from tests.factories import make_result


@dataclass(frozen=True, kw_only=True)
class Inner:
    name: str
    amount: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Outer:
    inner: Inner
    many: tuple[Inner, ...] = ()
    pair: tuple[str, Mapping[str, Any]] = ("", {})
    named: Mapping[str, float | None] = field(default_factory=dict)
    told: Mapping[str, Scalar] = field(default_factory=dict)
    kind: Literal["a", "b"] = "a"
    count: int | None = None
    flag: bool = False
    scores: FloatArray | None = None


def test_results_come_back():
    result = make_result(trials=3)
    for kind, record in ((Ranking, result.ranking), (Search, result.search)):
        assert plain(restore(kind, plain(record))) == plain(record)
    values = {n: plain(getattr(result, n)) for n in result.__dataclass_fields__ if n not in {"verdict", "row_labels"}}
    again = restore(Result, values, verdict=result.verdict, row_labels=result.row_labels)
    assert again.to_dict() == result.to_dict()


def test_values_of_every_type():
    made = restore(
        Outer,
        {
            "inner": {"name": "x", "amount": 3, "unknown": object()},
            "many": [{"name": "y", "amount": None}],
            "pair": ["knn", {"k": 3, "of": [1, [2]]}],
            "named": {"a": 1, "b": None},
            "told": {"a": "x", "b": 1, "c": 1.5, "d": True, "e": None},
            "kind": "b",
            "count": None,
            "scores": [1.0, 2.0],
        },
    )
    assert made.inner == Inner(name="x", amount=3.0)
    assert math.isnan(made.many[0].amount)
    assert made.pair == ("knn", {"k": 3, "of": (1, (2,))})
    assert made.named == {"a": 1.0, "b": None}
    assert made.told == {"a": "x", "b": 1, "c": 1.5, "d": True, "e": None}
    assert made.told["d"] is True
    assert made.scores is not None
    assert made.scores.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, r"Outer\.inner is missing"),
        ([], "Outer is a list instead of a mapping"),
        (None, "Outer is None instead of a mapping"),
        ({"inner": "x"}, r"Outer\.inner is 'x' instead of a mapping"),
        ({"inner": {}}, r"Outer\.inner\.name is missing"),
        ({"inner": {"name": 5}}, r"inner\.name is a whole number instead of text"),
        ({"amount": "1"}, r"Outer\.inner\.amount is '1'"),
        ({"amount": True}, "amount is True"),
        ({"amount": 10**400}, "a number that fits"),
        ({"many": {"name": "y"}}, "many is a mapping instead of a list"),
        ({"many": [{"name": "y"}, 5]}, r"many\[1\] is a whole number"),
        ({"pair": ["knn"]}, "a list of 2"),
        ({"pair": ["knn", []]}, r"pair\[1\] is a list instead of a mapping"),
        ({"named": {"a": "1"}}, r"named\['a'\] is '1'"),
        ({"named": []}, "named is a list"),
        ({"told": {"a": []}}, r"told\['a'\] is a list"),
        ({"kind": "c"}, "kind is 'c' instead of one of 'a', 'b'"),
        ({"kind": ["a"]}, "kind is a list"),
        ({"count": 1.5}, "count is 1.5"),
        ({"flag": 1}, "flag is a whole number"),
        ({"flag": None}, "flag is None"),
        ({"scores": [[1], [1, 2]]}, "scores is a list"),
        ({"scores": {"a": 1}}, "scores is a mapping"),
    ],
)
def test_what_does_not_fit_is_told(values: Any, message: str):
    if isinstance(values, dict) and values and "inner" not in values:
        inner = {"name": "x"} | ({"amount": values.pop("amount")} if "amount" in values else {})
        values = {"inner": inner} | values
    with pytest.raises(StorageError, match=message):
        restore(Outer, values)


def test_an_empty_result_and_a_verdict_of_texts():
    with pytest.raises(StorageError, match=r"Result\.settings is missing"):
        restore(Result, {})
    with pytest.raises(StorageError, match=r"Verdict\.threshold is 'high'"):
        restore(Verdict, {"threshold": "high"}, scores=0, probabilities=0, labels=0, confidence=0, calibration=0)
    with pytest.raises(StorageError, match=r"Reason\.evidence\['a'\]"):
        restore(Reason, {"code": "A-1", "subject": "", "text": "", "evidence": {"a": {}}})
