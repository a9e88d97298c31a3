"""What a verdict is made of: a threshold between rows, and what follows from it."""

from __future__ import annotations

import numpy as np

from pynomaly_auto.deciding._calibration import at_threshold, calibrate
from pynomaly_auto.deciding._confidence import confidence_of
from pynomaly_auto.deciding._expecting import expect
from pynomaly_auto.deciding._share import ShareEstimate
from pynomaly_auto.records import Calibration, FloatArray, Reason, Verdict


def assemble(
    scores: FloatArray,
    *,
    threshold: float,
    estimate: ShareEstimate,
    calibration: Calibration | None,
    expecting: bool,
) -> Verdict:
    """The verdict on scores, with all that follows from where its threshold lies.

    Args:
        scores: Of the training rows; shape (n_rows,).
        threshold: Rows strictly above it are anomalies.
        estimate: The share of anomalies, or of false alarms.
        calibration: From scores to probabilities; None: it follows from the threshold.
        expecting: Whether it is told how many of the flagged rows are real.
    """
    if calibration is None:
        # Where no training row is an anomaly, what exceeds them all most likely is one.
        middle = 0.5 if not expecting or estimate.share == 0 else at_threshold(estimate.share)
        calibration = calibrate(scores, threshold, estimate.share, middle=middle)
    probabilities, flagged = calibration.at(scores), scores > threshold
    highest = np.argsort(-scores, kind="stable")[: int(flagged.sum())]
    return Verdict(
        scores=scores,
        probabilities=probabilities,
        labels=np.where(flagged, -1, 1).astype(np.int64),
        confidence=confidence_of(probabilities, flagged),
        threshold=threshold,
        contamination=estimate.share,
        method=estimate.method,
        calibration=calibration,
        expectation=expect(probabilities[highest]) if expecting else None,
        reasons=estimate.reasons,
    )


def threshold_for(scores: FloatArray, wanted: int) -> tuple[float, Reason]:
    """The threshold that leaves ``wanted`` rows strictly above it, or fewer where it would go through a tie."""
    n = len(scores)
    ordered = np.sort(scores)[::-1]
    if ordered[0] == ordered[-1]:
        text = "All scores are equal: no row stands out, none is labelled."
        reason = Reason(code="DEC-032", subject="threshold", text=text, evidence={"rows": n})
        return float(ordered[0]), reason
    found, block, tied = wanted, 0, ""
    if 0 < wanted < n and ordered[wanted - 1] == ordered[wanted]:
        found = int(np.searchsorted(-ordered, -ordered[wanted], side="left"))
        block = int(np.searchsorted(-ordered, -ordered[wanted], side="right")) - found
        tied = f" (asked for {wanted:,}; the next {block:,} rows share one score and are labelled together or not)"
    threshold = (
        float(ordered[0]) if found == 0 else between(float(ordered[min(found, n - 1)]), float(ordered[found - 1]))
    )
    return threshold, Reason(
        code="DEC-031" if tied else "DEC-030",
        subject="threshold",
        text=f"{found:,} of {n:,} rows lie above the threshold {threshold:.4g}{tied}.",
        evidence={"threshold": threshold, "labelled": found, "wanted": wanted, "tied": block, "rows": n},
    )


def between(lower: float, upper: float) -> float:
    """Half way, or ``lower`` itself where the two are neighbours: rows at ``upper`` stay strictly above."""
    middle = lower + (upper - lower) / 2
    return middle if lower <= middle < upper else lower
