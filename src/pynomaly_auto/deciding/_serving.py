"""How many rows to label for what the threshold is to serve: metrics, so many rows, costs, or a function."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pynomaly_auto._targets import Costs, OwnMetric, Target, rows_at
from pynomaly_auto.records import FloatArray, IntArray, Reason

# Of all rows, unless the expected share itself is larger: lower probabilities say how many anomalies scores do not see
# rather than where these are.
_MOST_LABELLED = 0.25
# Weight of recall against precision (van Rijsbergen's beta) for the metrics that labels are chosen to serve.
_BETA = {"f1": 1.0, "precision": 0.5, "recall": 2.0}

# A function of the user's is asked about so many counts, then about as many around the best, each time on as many
# imagined sets of anomalies as keep the rows it looks at below the last number: seconds for scikit-learn's metrics.
_COUNTS, _AROUND = 24, 8
_LEAST_SETS, _MOST_SETS, _ROWS_EACH = 6, 64, 200_000


@dataclass(frozen=True, kw_only=True)
class Served:
    """How many rows to label, and why."""

    count: int
    reason: Reason


def serve(p: FloatArray, target: Target | None, *, seed: int) -> Served:
    """How many of the highest rows to label.

    Without a target, or with one that no threshold serves, as many as anomalies are expected. For f1, precision and
    recall as many as make the expected F-measure largest; for a precision at so many rows that many; for costs all rows
    for which an alarm is expected to cost less than none (Elkan, IJCAI 2001), but no more than a quarter of them or
    than are expected; for a function as many as make its mean
    over imagined sets of anomalies, drawn by the probabilities, largest.

    Args:
        p: Probabilities of being an anomaly; shape (n_rows,).
        target: What is to be served.
        seed: Of the draws.
    """
    if isinstance(target, Costs):
        return _by_costs(p, target)
    if isinstance(target, OwnMetric):
        return _by_function(p, target, seed)
    if (most := rows_at(target)) is not None:
        return _so_many(p, most)
    return _by_f(p, str(target)) if target in _BETA else _expected(p)


def outweighs_share(target: Target | None) -> bool:
    """Whether it says by itself how many rows are labelled, also where the user gives the share of anomalies."""
    return isinstance(target, (Costs, OwnMetric)) or rows_at(target) is not None


def _most(p: FloatArray) -> int:
    """The most rows that are labelled whatever mistakes cost."""
    return max(1, round(max(_MOST_LABELLED * len(p), float(p.sum()))))


def _expected(p: FloatArray) -> Served:
    count = round(float(p.sum()))
    text = f"{count:,} rows are to be labelled: as many as anomalies are expected."
    return Served(
        count=count, reason=Reason(code="DEC-035", subject="threshold", text=text, evidence={"labelled": count})
    )


def _by_f(p: FloatArray, metric: str) -> Served:
    beta, expected = _BETA[metric], float(p.sum())
    # The expected F0.5, too, is often largest beyond the expected count; who asks for precision wants no more.
    most = max(1, round(expected)) if beta < 1 else _most(p)
    count, reached = best_count(p, beta, most)
    text = (
        f"{metric} is the target: {count:,} rows are to be labelled, as the expected F{beta:g} is largest there "
        f"({reached:.2f}) among at most {most:,} rows; {expected:,.0f} anomalies are expected."
    )
    evidence = {"labelled": count, "expected_f": reached, "beta": beta, "most": most, "expected": expected}
    return Served(count=count, reason=Reason(code="DEC-034", subject="threshold", text=text, evidence=evidence))


def best_count(probabilities: FloatArray, beta: float, most: int) -> tuple[int, float]:
    """How many of the highest rows to label for the largest expected F-measure, at most ``most``, and that.

    The expectation is taken of numerator and denominator apart (Jansche, ACL 2007), which is close for many rows.

    >>> best_count(np.array([0.9, 0.8, 0.1, 0.1]), 1.0, 4)[0]
    2
    """
    ordered = np.sort(probabilities)[::-1]
    k = np.arange(1, len(ordered) + 1)
    f = (1.0 + beta**2) * np.cumsum(ordered) / (k + beta**2 * float(ordered.sum()))
    best = int(np.argmax(f[:most]))
    return best + 1, float(f[best])


def _so_many(p: FloatArray, most: int) -> Served:
    count = min(most, len(p))
    right = float(np.sort(p)[::-1][:count].mean())
    text = (
        f"Precision among {most:,} rows is the target: as many are to be labelled, {right:.0%} of them expected real."
    )
    evidence = {"labelled": count, "rows": most, "expected_precision": right}
    return Served(count=count, reason=Reason(code="DEC-037", subject="threshold", text=text, evidence=evidence))


def _by_costs(p: FloatArray, costs: Costs) -> Served:
    cheaper, most = int((p > costs.cutoff).sum()), _most(p)
    count = min(cheaper, most)
    flagged = np.arange(len(p)) < count
    cost, none = costs.value(np.sort(p)[::-1], flagged), costs.value(p, np.zeros(len(p)))
    said = str(costs)
    text = f"{said[0].upper()}{said[1:]}: flagging pays from a probability of {costs.cutoff:.2%} on. "
    if not count:
        text += f"No row has one: none is to be labelled, at an expected cost of {none:.3g} a row."
    else:
        text += f"{count:,} rows are to be labelled, at an expected cost of {cost:.3g} a row instead of {none:.3g}"
        text += f"; {cheaper:,} have one, which tells too little of where anomalies are." if cheaper > most else "."
    evidence = {
        **costs.to_dict(), "labelled": count, "cheaper": cheaper, "cutoff": costs.cutoff, "expected_cost": cost,
        "cost_of_none": none,
    }  # fmt: skip
    return Served(count=count, reason=Reason(code="DEC-038", subject="threshold", text=text, evidence=evidence))


def _by_function(p: FloatArray, metric: OwnMetric, seed: int) -> Served:
    expected = _expected(p)
    if metric.function is None:
        text = f"{metric} is the target and was not stored with the detector: as many rows as expected are labelled."
        return Served(count=expected.count, reason=Reason(code="DEC-040", subject="target_metric", text=text))
    n, ordered = len(p), np.sort(p)[::-1]
    n_sets = int(np.clip(_ROWS_EACH // n, _LEAST_SETS, _MOST_SETS))
    sets = (np.random.default_rng(seed).random((n_sets, n)) < ordered).astype(np.int64)
    known: dict[int, float] = {}

    def value(count: int) -> float:
        if count not in known:
            flagged = (np.arange(n) < count).astype(np.int64)
            found = np.array([metric.value(anomalous, flagged) for anomalous in sets])
            found = found[np.isfinite(found)]
            known[count] = float(found.mean()) if len(found) else -np.inf
        return known[count]

    best = max(_grid(_most(p), _COUNTS), key=value)
    tried = sorted(known)
    at = tried.index(best)
    low, high = tried[max(at - 1, 0)], tried[min(at + 1, len(tried) - 1)]
    best = max((best, *np.unique(np.linspace(low, high, _AROUND).astype(int)).tolist()), key=value)
    if not np.isfinite(value(best)):
        text = f"{metric} is the target and has no value whatever is labelled: as many rows as expected are."
        return Served(count=expected.count, reason=Reason(code="DEC-040", subject="target_metric", text=text))
    text = (
        f"{metric} is the target: {best:,} rows are to be labelled, where its mean over {n_sets} imagined sets of "
        f"anomalies is largest, {value(best):.3g}; {value(expected.count):.3g} with the expected {expected.count:,}."
    )
    evidence = {"labelled": best, "expected_value": value(best), "sets": n_sets, "expected": expected.count}
    return Served(count=best, reason=Reason(code="DEC-039", subject="threshold", text=text, evidence=evidence))


def _grid(most: int, steps: int) -> list[int]:
    """Counts from 0 on, close together where they are small."""
    found: IntArray = np.unique(np.geomspace(1, most + 1, steps).astype(np.int64) - 1)
    return [int(value) for value in found]
