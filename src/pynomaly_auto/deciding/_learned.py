"""Share, threshold and calibration from the knowledge base's probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from pynomaly_auto._targets import Target
from pynomaly_auto.deciding._serving import outweighs_share, serve
from pynomaly_auto.deciding._share import ShareEstimate
from pynomaly_auto.records import Calibration, FloatArray, Reason

_KNOTS = 256  # most points the map from score to probability is kept as
_LEAST = 1e-6  # probabilities are kept this far from 0 and 1, where log odds end
_SLOPE = 0.01  # log odds by which rows of one level differ: enough to keep their order, too little to matter


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


def learn(
    scores: FloatArray, probabilities: Probabilities, given: float | None, target: Target | None, *, seed: int
) -> Learned:
    """Make probabilities rise with the score, and read share and threshold off them.

    As many rows are labelled as anomalies are expected, or as the target asks for (see `serve`). Where the share is
    given, all log odds move alike until their mean probability is that share, and as many rows are labelled, unless
    the target says by itself how many.

    Args:
        scores: Combined scores of the training rows; shape (n_rows,).
        probabilities: Of the same rows.
        given: Share of anomalies the user gave, or None.
        target: What the threshold is to serve.
        seed: Of what a target draws.
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
        shifted = _shifted(p, given)
        if not outweighs_share(target):
            return Learned(probabilities=shifted, estimate=estimate, labelled=round(given * len(p)))
        served = serve(shifted, target, seed=seed)
        estimate = replace(estimate, reasons=(*estimate.reasons, served.reason))
        return Learned(probabilities=shifted, estimate=estimate, labelled=served.count)
    served = serve(p, target, seed=seed)
    estimate = ShareEstimate(share=expected, method=probabilities.method, reasons=(learned, served.reason))
    return Learned(probabilities=p, estimate=estimate, labelled=served.count)


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
