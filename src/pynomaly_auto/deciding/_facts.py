"""A verdict on rows of which some are decided beforehand, their scores beyond those of all others."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from pynomaly_auto.deciding._assembling import assemble, between
from pynomaly_auto.deciding._share import ShareEstimate
from pynomaly_auto.records import Calibration, FloatArray, Reason, Verdict

_MORE = "; rules call more"
SURE = 0.9999  # probability of a row that is called an anomaly; 1 less that of one called normal


class Limits(Protocol):
    """Between which scores rows are judged, and beyond which they are decided."""

    @property
    def bottom(self) -> float:
        """The lowest score of judged rows."""

    @property
    def top(self) -> float:
        """The highest."""

    @property
    def low(self) -> float:
        """Down from here rows are normal."""

    @property
    def high(self) -> float:
        """Up from here they are anomalies."""


def certain(verdict: Verdict, limits: Limits, most: int | None) -> Verdict:
    """The same verdict with the threshold between rows called normal and rows called anomalies, all of them sure.

    Args:
        verdict: On the scores.
        limits: Between which rows are judged.
        most: Rows that may be flagged; where more are called anomalies the threshold stays; None: any number.
    """
    scores, low, high = verdict.scores, limits.low, limits.high
    threshold, called = verdict.threshold, scores >= high
    if threshold >= high and (most is None or int(called.sum()) <= most):
        others = scores[~called]
        threshold = between(float(others.max()) if len(others) else low, high)
    threshold = max(threshold, low) if (scores <= low).any() else threshold
    return surely(_told(verdict, threshold, int(called.sum())), threshold, limits)


def _told(verdict: Verdict, threshold: float, called: int) -> Verdict:
    """The verdict so far, with what rules change of it: the threshold, and a share that is less than they call."""
    n = len(verdict.scores)
    if verdict.expectation is not None and called / n > verdict.contamination:
        method = f"{verdict.method.removesuffix(_MORE)}{_MORE}"
        verdict = replace(verdict, contamination=called / n, method=method)
    if threshold == verdict.threshold:
        return verdict
    above, before = (int((verdict.scores > at).sum()) for at in (threshold, verdict.threshold))
    text = f"Rules move the threshold from {verdict.threshold:.4g} to {threshold:.4g}: {above:,} of {n:,} rows lie"
    text += " above it, as before." if above == before else f" above it, not {before:,}."
    evidence = {"threshold": threshold, "before": verdict.threshold, "labelled": above, "rows": n}
    reason = Reason(code="DEC-041", subject="threshold", text=text, evidence=evidence)
    return replace(verdict, reasons=(*verdict.reasons, reason))


def surely(verdict: Verdict, threshold: float, limits: Limits) -> Verdict:
    """A verdict with another threshold, and decided rows sure.

    Args:
        verdict: On the scores.
        threshold: In force from now on.
        limits: As in `certain`.
    """
    estimate = ShareEstimate(share=verdict.contamination, method=verdict.method, reasons=verdict.reasons)
    known = _stepped(verdict.calibration, limits)
    moved = assemble(
        verdict.scores, threshold=threshold, estimate=estimate, calibration=known,
        expecting=verdict.expectation is not None,
    )  # fmt: skip
    return replace(moved, calibration=known)


def _stepped(known: Calibration, limits: Limits) -> Calibration:
    """The map from score to probability, with a step where rows are decided."""
    low, high = limits.low, limits.high
    first, last = (low, high) if known.single_point else (limits.bottom, limits.top)
    kept = (known.knots > first) & (known.knots < last)
    ends = known.at(np.array([first, last]))
    values = np.concatenate([[ends[0], ends[0]], known.values[kept], [ends[1], ends[1]]])
    knots = np.concatenate([[np.nextafter(low, high), first], known.knots[kept], [last, np.nextafter(high, low)]])
    knots, values = _ascending(knots, values)
    least, most = min(1 - SURE, float(values[0])), max(SURE, float(values[-1]))
    return replace(
        known, knots=np.concatenate([[low], knots, [high]]), values=np.concatenate([[least], values, [most]])
    )


def _ascending(knots: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    order = np.argsort(knots, kind="stable")
    knots, values = knots[order], np.maximum.accumulate(values[order])
    last = np.append(knots[1:] > knots[:-1], True)
    return knots[last], values[last]
