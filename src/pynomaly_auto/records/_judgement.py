"""Records of rows judged after fitting: what is said of them, and how right it was where labels came later."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pynomaly_auto.records._base import FloatArray, IntArray, plain


@dataclass(frozen=True, kw_only=True, eq=False)
class Judgement:
    """What a fitted detector says of rows, found in one pass.

    Args:
        scores: Combined scores, higher = more anomalous; shape (n_rows,).
        probabilities: Calibrated probability of being an anomaly, in [0, 1]; shape (n_rows,).
        labels: -1 for an anomaly, 1 for a normal row; shape (n_rows,).
        confidence: Probability that each label is right, in [0, 1]; shape (n_rows,).
    """

    scores: FloatArray = field(repr=False)
    probabilities: FloatArray = field(repr=False)
    labels: IntArray
    confidence: FloatArray = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ThresholdQuality:
    """What labelling the rows with the highest scores would have given.

    Args:
        share: Share of the rows asked for.
        n_flagged: Rows labelled, all that tie with the last one included.
        threshold: Lowest combined score among them.
        precision: Share of them that are anomalies.
        recall: Share of the anomalies that are among them; None where there are no anomalies.
        f1: Harmonic mean of the two.
    """

    share: float
    n_flagged: int
    threshold: float
    precision: float
    recall: float | None
    f1: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """How right a detector was on rows whose labels came later. What needs both kinds of rows is None without them.

    Args:
        n_rows: Rows with a label.
        n_unlabelled: Rows left out for want of one.
        n_anomalies: Rows that are anomalies.
        n_flagged: Rows labelled as anomalies.
        n_found: Anomalies among these.
        expected: Anomalies expected among the flagged rows by their calibrated probabilities.
        precision: Share of the flagged rows that are anomalies; 0 where none is flagged.
        recall: Share of the anomalies that are flagged.
        f1: Harmonic mean of precision and recall.
        accuracy: Share of the rows labelled rightly.
        false_positive_rate: Share of the normal rows that are flagged.
        roc_auc: Area under the ROC curve, of the scores whatever the threshold.
        average_precision: Precision averaged over recall, of the scores whatever the threshold.
        brier: Mean squared error of the calibrated probabilities.
        thresholds: What other thresholds would have given.
        quantiles: Score quantiles (5, 25, 50, 75 and 95 %) of the normal rows and of the anomalies.
        seconds_per_row: What judging one of these rows took.
    """

    n_rows: int
    n_unlabelled: int
    n_anomalies: int
    n_flagged: int
    n_found: int
    expected: float
    precision: float
    recall: float | None
    f1: float
    accuracy: float
    false_positive_rate: float | None
    roc_auc: float | None
    average_precision: float | None
    brier: float
    thresholds: tuple[ThresholdQuality, ...] = field(repr=False)
    quantiles: dict[str, tuple[float, ...]] = field(repr=False)
    seconds_per_row: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}

    def summary_lines(self) -> tuple[str, ...]:
        """The sentences of a summary, one each."""
        left_out = f" {self.n_unlabelled:,} rows without a label left out." if self.n_unlabelled else ""
        lines = [
            f"{self.n_found:,} of {self.n_flagged:,} flagged rows are anomalies ({self.expected:.1f} were expected); "
            f"{self.n_anomalies - self.n_found:,} of {self.n_anomalies:,} anomalies were missed.{left_out}",
            f"Precision {self.precision:.3f}, recall {_shown(self.recall)}, F1 {self.f1:.3f}, "
            f"ROC-AUC {_shown(self.roc_auc)}, average precision {_shown(self.average_precision)}, "
            f"false positive rate {_shown(self.false_positive_rate)}.",
        ]
        return tuple(lines)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3f}"
