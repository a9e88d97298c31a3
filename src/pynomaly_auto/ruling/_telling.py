"""What is told of rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pynomaly_auto._rules import Rule
from pynomaly_auto.records import Explanation, FloatArray, Labels, Reason
from pynomaly_auto.ruling._found import ANOMALOUS, ORDINARY, Found
from pynomaly_auto.ruling._ruling import Said

_CALLED = {"anomaly": "anomalies", "normal": "normal rows"}


def told_of(rules: Sequence[Rule], found: Found) -> tuple[Reason, ...]:
    """How many rows each rule matches."""
    n = len(found.said)
    return tuple(
        Reason(
            code="RUL-001",
            subject=rule.text,
            text=f"matches {count:,} of {n:,} rows, which are called {_CALLED[rule.verdict]} whatever they score",
            evidence={"rows": count, "of": n, "verdict": rule.verdict},
        )
        for rule, count in zip(rules, found.counts, strict=True)
    )


def warned_of(found: Found) -> tuple[Reason, ...]:
    """That rules contradict each other."""
    n = int(found.contradicted.sum())
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
