"""Share, threshold and calibration from the knowledge base's probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from pynomaly_auto.deciding._share import ShareEstimate
from pynomaly_auto.records import Calibration, FloatArray, Reason

_KNOTS = 256  # most points the map from score to probability is kept as
_LEAST = 1e-6  # probabilities are kept this far from 0 and 1, where log odds end
_SLOPE = 0.01  # log odds by which rows of one level differ: enough to keep their order, too little to matter
_MOST_LABELLED = 0.25  # of all rows, unless the expected share itself is larger
# Weight of recall against precision (van Rijsbergen's beta) for the metrics that labels are chosen to serve.
_BETA = {"f1": 1.0, "precision": 0.5, "recall": 2.0}


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """What the probabilities say of a table.

    Args:
        probabilities: Never falling with the score; shape (n_rows,).
        estimate: The share of anomalies: their mean, or what the user gave.
        labelled: How many rows to label.
    """

    probabilities: FloatArray = field(repr=False)
    estimate: ShareEstimate
    labelled: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Probabilities:
    """Of rows being anomalies, and where they come from.

    Args:
        values: In [0, 1]; shape (n_rows,).
        by_labels: Whether labels of the table's own rows give them; else other tables do.
    """

    values: FloatArray = field(repr=False)
    by_labels: bool = False

    @property
    def method(self) -> str:
        """How the share of anomalies was found."""
        return "learned from labels" if self.by_labels else "learned from known tables"

    def reason(self, share: float) -> Reason:
        """What they add up to."""
        text = f"Rows with such scores in tables like this one: {share:.2%} were anomalies (knowledge base)."
        if self.by_labels:
            text = f"By the labels and what was learned from them {share:.2%} of the rows are anomalies."
        code = "DEC-024" if self.by_labels else "DEC-023"
        return Reason(code=code, subject="contamination", text=text, evidence={"share": share})


def learn(scores: FloatArray, probabilities: Probabilities, given: float | None, metric: str | None) -> Learned:
    """Make probabilities rise with the score, and read share and threshold off them.

    As many rows are labelled as anomalies are expected. The target metrics f1, precision and recall label as many as
    give the largest expected F-measure instead: with few sure anomalies that are, for f1 and recall, far more rows than
    there should be anomalies; for precision never more.
    Where the share is given, all log odds move alike until their mean probability is that share.

    Args:
        scores: Combined scores of the training rows; shape (n_rows,).
        probabilities: Of the same rows.
        given: Share of anomalies the user gave, or None.
        metric: Target metric, or None.
    """
    from sklearn.isotonic import IsotonicRegression

    rising = IsotonicRegression(y_min=_LEAST, y_max=1.0 - _LEAST, out_of_bounds="clip").fit(
        scores, probabilities.values
    )
    p = np.asarray(rising.predict(scores), dtype=np.float64)
    expected = float(p.mean())
    learned = probabilities.reason(expected)
    if given is not None:
        text = f"Contamination given as {given:.2%}."
        reason = Reason(code="DEC-021", subject="contamination", text=text, evidence={"contamination": given})
        estimate = ShareEstimate(share=given, method="given", reasons=(reason, learned))
        return Learned(probabilities=_shifted(p, given), estimate=estimate, labelled=round(given * len(p)))
    count, reason = _best(p, metric) if metric in _BETA else _expected(p)
    estimate = ShareEstimate(share=expected, method=probabilities.method, reasons=(learned, reason))
    return Learned(probabilities=p, estimate=estimate, labelled=count)


def _expected(p: FloatArray) -> tuple[int, Reason]:
    count = round(float(p.sum()))
    text = f"{count:,} rows are to be labelled: as many as anomalies are expected."
    return count, Reason(code="DEC-035", subject="threshold", text=text, evidence={"labelled": count})


def _best(p: FloatArray, metric: str | None) -> tuple[int, Reason]:
    beta, n, expected = _BETA[metric or ""], len(p), float(p.sum())
    # The expected F0.5, too, is often largest beyond the expected count; who asks for precision wants no more.
    most = max(1, round(expected if beta < 1 else max(_MOST_LABELLED * n, expected)))
    count, reached = best_count(p, beta, most)
    text = (
        f"{metric} is the target: {count:,} rows are to be labelled, as the expected F{beta:g} is largest there "
        f"({reached:.2f}) among at most {most:,} rows; {expected:,.0f} anomalies are expected."
    )
    evidence = {"labelled": count, "expected_f": reached, "beta": beta, "most": most, "expected": expected}
    return count, Reason(code="DEC-034", subject="threshold", text=text, evidence=evidence)


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


def calibration_of(scores: FloatArray, probabilities: FloatArray) -> Calibration:
    """The map from score to probability through the training rows."""
    knots, first = np.unique(scores, return_index=True)
    values = probabilities[first]
    # Only where the probability changes is a knot needed: the ends of each level.
    level = np.flatnonzero(np.diff(values) != 0)
    kept = np.unique(np.concatenate([[0], level, level + 1, [len(knots) - 1]]))
    if len(kept) > _KNOTS:
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, _KNOTS).astype(int))]
    # Rows that share a level stay in the order of their scores, and what lies beyond all of them comes last.
    ends = np.append(knots[kept], knots[-1] + 1.0)
    levels = np.append(np.maximum.accumulate(values[kept]), values[kept].max())
    rank = np.append(np.searchsorted(np.sort(scores), knots[kept]) / len(scores), 1.0 + 1.0 / len(scores))
    sloped = expit(logit(np.clip(levels, _LEAST, 1 - _LEAST)) + _SLOPE * (rank - 0.5))
    return Calibration(knots=ends, values=np.asarray(sloped), single_point=False)


def shift(calibration: Calibration, scores: FloatArray, share: float) -> Calibration:
    """Move all log odds alike until the mean probability of ``scores`` is ``share``."""
    p = np.interp(scores, calibration.knots, calibration.values)
    moved = expit(logit(np.clip(calibration.values, _LEAST, 1 - _LEAST)) + _offset(p, share))
    return Calibration(knots=calibration.knots, values=np.asarray(moved), single_point=False)


def _shifted(p: FloatArray, share: float) -> FloatArray:
    return np.asarray(expit(logit(np.clip(p, _LEAST, 1 - _LEAST)) + _offset(p, share)), dtype=np.float64)


def _offset(p: FloatArray, share: float) -> float:
    odds = logit(np.clip(p, _LEAST, 1 - _LEAST))
    share = float(np.clip(share, _LEAST, 1 - _LEAST))
    return float(brentq(lambda b: float(expit(odds + b).mean()) - share, -40.0, 40.0))
