"""Options by which people say what they know beforehand: of columns, and of rows by rules."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pynomaly_auto.errors import SettingError

ExpectOption = Annotated[
    list[str] | None,
    typer.Option(help="COLUMN=high, low or both: only that side of its values is suspicious (repeatable)."),
]
RuleOption = Annotated[
    list[str] | None,
    typer.Option("--rule", help="What is always an anomaly, such as \"age > 120 and country == 'XX'\" (repeatable)."),
]
NormalRuleOption = Annotated[
    list[str] | None, typer.Option("--normal-rule", help="What never is one, said likewise (repeatable).")
]
WeightOption = Annotated[
    list[str] | None,
    typer.Option("--column-weight", help="COLUMN=0 to 5: what it counts; 0: nothing looks at it (repeatable)."),
]


def known(
    expect: list[str] | None, rules: list[str] | None, normal: list[str] | None, weights: list[str] | None
) -> dict[str, Any]:
    """The settings that options say; None where nothing is said."""
    stated = dict.fromkeys(normal or [], "normal") | dict.fromkeys(rules or [], "anomaly")
    if both := sorted(set(rules or []) & set(normal or [])):
        raise SettingError(f"{both[0]!r} is both.", where="--rule and --normal-rule", fix="Say one of them.")
    return {
        "expect": _pairs("--expect", expect, "amount=high") or None,
        "rules": stated or None,
        "column_weights": {c: _number(c, w) for c, w in _pairs("--column-weight", weights, "amount=2").items()} or None,
    }


def _pairs(option: str, given: list[str] | None, example: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given or []:
        column, between, said = one.rpartition("=")
        if not between or not column or column in found:
            what = f"{one!r} names {column!r} again." if column in found else f"{one!r} says nothing of a column."
            raise SettingError(what, where=option, fix=f"Write it as {example}, each column once.")
        found[column] = said.strip()
    return found


def _number(column: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        fix = "Give a number from 0 to 5."
        raise SettingError(f"the weight of {column!r} is {text!r}.", where="--column-weight", fix=fix) from None
