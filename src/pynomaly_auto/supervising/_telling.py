"""What is told of feedback."""

from __future__ import annotations

from collections.abc import Sequence

from pynomaly_auto.records import Feedback, Labels, Reason


def since_the_fit(feedback: Sequence[Feedback], given: Labels) -> tuple[Reason, ...]:
    """Who spoke of how many rows, and how often something else had been said before.

    Args:
        feedback: All that is in force, in the order it was said.
        given: Labels given to the fit.
    """
    anomalies, who = sum(one.label for one in feedback), sorted({one.by for one in feedback if one.by})
    named = f", by {', '.join(who[:5])}{' and others' if len(who) > 5 else ''}" if who else ""
    text = (
        f"Since the fit people have spoken {len(feedback):,} times{named}: {anomalies:,} times of an anomaly, "
        f"{len(feedback) - anomalies:,} of a normal row."
    )
    evidence = {"sayings": len(feedback), "anomalies": anomalies, "people": len(who)}
    out = [Reason(code="SUP-050", subject="feedback", text=text, evidence=evidence)]
    changed, last = 0, dict[int, int]()
    for one in feedback:
        if one.row >= 0:
            was = last.get(one.row, int(given.values[one.row]))
            changed += was >= 0 and was != one.label
            last[one.row] = one.label
    if changed:
        text = f"{changed:,} times something else had been said of the row before: the last word counts."
        out.append(Reason(code="SUP-051", subject="feedback", text=text, evidence={"times": changed}))
    return tuple(out)
