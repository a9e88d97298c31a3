"""What is told of rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from pynomaly_auto._rules import Rule
from pynomaly_auto.errors import shown
from pynomaly_auto.records import Explanation, FloatArray, Labels, OriginalColumn, Reason
from pynomaly_auto.ruling._found import ANOMALOUS, ORDINARY, Found
from pynomaly_auto.ruling._ruling import Said

_SHOWN = 3  # texts of a column
_CALLED = {"anomaly": "anomalies", "normal": "normal rows"}


def told_of(rules: Sequence[Rule], found: Found, held: Mapping[str, OriginalColumn]) -> tuple[Reason, ...]:
    """How many rows each rule matches; of one that matches none, what there is to be matched.

    Args:
        rules: The rules.
        found: What they say of the rows.
        held: Columns, by the names in the rules, of rules that match no row.
    """
    n = len(found.said)
    out = []
    for rule, count in zip(rules, found.counts, strict=True):
        text = f"matches {count:,} of {n:,} rows, which are called {_CALLED[rule.verdict]} whatever they score"
        if not count:
            names = dict.fromkeys(name.column for name in rule.columns)
            holds = "; ".join(f"{name!r} holds {_holding(held[name])}" for name in names if name in held)
            text = f"matches none of {n:,} rows, and is kept for new ones ({holds})"
        evidence: dict[str, Any] = {"rows": count, "of": n, "verdict": rule.verdict}
        out.append(Reason(code="RUL-001", subject=rule.text, text=text, evidence=evidence))
    return tuple(out)


def _holding(column: OriginalColumn) -> str:
    """What a column holds, in a few words: a rule may mean another unit, or another spelling."""
    parts = []
    numbers = column.numbers[np.isfinite(column.numbers)]
    if len(numbers):
        least, most = float(numbers.min()), float(numbers.max())
        if column.role == "time":
            first, last = (str(np.datetime64(int(at), "s")) for at in (least, most))
            parts.append(f"dates from {first} to {last}" + (" UTC" if column.zone else ""))
        else:
            parts.append(f"numbers from {least:.6g} to {most:.6g}" + (" seconds" * (column.role == "duration")))
    if seen := [column.texts[code] for code in np.unique(column.codes[column.codes >= 0])[: _SHOWN + 1].tolist()]:
        more = ", ..." if len(seen) > _SHOWN else ""
        parts.append(f"the texts {', '.join(shown(text) for text in seen[:_SHOWN])}{more}")
    return " and ".join(parts) or "nothing"


def warned_of(rules: Sequence[Rule], found: Found) -> tuple[Reason, ...]:
    """That rules contradict each other, or leave nothing to be judged."""
    rows = len(found.said)
    text = f"matches all {rows:,} rows: nothing is left to be judged by their scores."
    everything = tuple(
        Reason(code="RUL-005", subject=rule.text, text=text, evidence={"rows": rows})
        for rule, count in zip(rules, found.counts, strict=True)
        if count == rows
    )
    return everything + _contradictions(int(found.contradicted.sum()))


def _contradictions(n: int) -> tuple[Reason, ...]:
    if not n:
        return ()
    rows = "1 row is" if n == 1 else f"{n:,} rows are"
    text = f"{rows} called normal by one rule and anomalous by another: what calls them anomalies counts."
    return (Reason(code="RUL-002", subject="rules", text=text, evidence={"rows": n}),)


def outvoted(said: Said, labels: Labels) -> tuple[Reason, ...]:
    """That labels contradict rules.

    Args:
        said: By the rules; shape (n_rows,).
        labels: Of the same rows.
    """
    n = int(((said == ANOMALOUS) & labels.normal).sum() + ((said == ORDINARY) & labels.anomalous).sum())
    if not n:
        return ()
    rows = "the label of 1 row says" if n == 1 else f"the labels of {n:,} rows say"
    text = f"{rows} something else than a rule: the label counts."
    return (Reason(code="RUL-003", subject="rules", text=text, evidence={"rows": n}),)


def held_back(n: int, flagged: int) -> tuple[Reason, ...]:
    """That the alert budget has no room for all rows that rules call anomalies.

    Args:
        n: Rows that rules call anomalies.
        flagged: Of them, those that are flagged.
    """
    if flagged >= n:
        return ()
    text = f"rules call {n:,} rows anomalies, and the alert budget has room for {flagged:,} of them."
    return (Reason(code="RUL-004", subject="rules", text=text, evidence={"rows": n, "flagged": flagged}),)


def named(
    explanations: Sequence[Explanation], rules: Sequence[Rule], found: Found, heard: Said, scores: FloatArray
) -> tuple[Explanation, ...]:
    """Explanations that name the rule which decides of the row.

    Args:
        explanations: Of some of the rows.
        rules: In force.
        found: What they say of the rows.
        heard: What is heard of that; shape (n_rows,).
        scores: Of the rows, as rules leave them; shape (n_rows,).
    """
    out = []
    for one in explanations:
        score = float(scores[one.row])
        if heard[one.row] not in (ANOMALOUS, ORDINARY):
            out.append(replace(one, score=score))
            continue
        rule = rules[int(found.deciding[one.row])]
        what = "an anomaly" if rule.verdict == "anomaly" else "a normal row"
        text = f"row {one.label} is {what} by the rule {rule.text!r}. {one.text[:1].upper()}{one.text[1:]}"
        out.append(replace(one, score=score, text=text))
    return tuple(out)
