"""Records of the outcome: the ensemble, the verdict, explanations of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto.records._base import FLAT, FloatArray, IntArray, Reason, plain
from pynomaly_auto.records._configuration import Configuration, Configured


@dataclass(frozen=True, kw_only=True)
class Member(Configured):
    """One model of the ensemble.

    Args:
        trial: Number of the trial it comes from.
        configuration: The detector and its parameters; also to be had as ``detector`` and ``params``.
        weight: Its share in the ensemble's score; all weights sum to 1.
        quality: The trial's quality estimate.
        diversity: One minus its mean rank correlation with the other members, in [0, 2].
        strength: What the choice of members went by: what is known of the detector, and the trial's quality.
        least_share: Least share of the ensemble's score, where the user or the detector's origin asks for one.
    """

    trial: int
    configuration: Configuration = field(metadata=FLAT)
    weight: float
    quality: float
    diversity: float
    strength: float = 0.0
    least_share: float = 0.0
    reasons: tuple[Reason, ...] = ()

    @property
    def name(self) -> str:
        """The detector, and the view it has of the table where that is not the usual one."""
        return self.configuration.name


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One completed trial that is no member, and why."""

    trial: int
    detector: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class CompactPoint:
    """One smaller model that was possible.

    Args:
        members: How many members it has.
        latency_ms: What one row is expected to take, in milliseconds.
        size_mb: What its members' arrays take, in MB, before they are packed.
        agreement: Rank correlation with the whole ensemble's scores on resampled new rows.
        overlap: Of the rows flagged by either, how many are by both; on the same rows.
        taught: Whether small trees add what the members' sum lacks.
    """

    members: int
    latency_ms: float
    size_mb: float
    agreement: float
    overlap: float = 0.0
    taught: bool = False


@dataclass(frozen=True, kw_only=True)
class Compaction:
    """What a smaller model costs, and what is lost by it.

    Args:
        latency_ms: Median milliseconds of one new row, measured.
        latency_ms_before: The same with the whole ensemble.
        size_mb: Of the saved file, measured.
        size_mb_before: The same with the whole ensemble.
        rank_correlation: With the whole ensemble's scores, on resampled new rows that nothing was chosen by.
        rank_correlation_training: The same on the training rows, scored as if they were new; nothing is fitted on them
            or chosen by them.
        overlap: Of the rows flagged by either model, how many are by both; on the resampled new rows.
        overlap_training: The same on the training rows, scored as if they were new.
        front: The models that were possible, the smallest first; first those that are sums alone, then the taught ones.
    """

    latency_ms: float
    latency_ms_before: float
    size_mb: float
    size_mb_before: float
    rank_correlation: float
    rank_correlation_training: float
    overlap: float
    overlap_training: float
    front: tuple[CompactPoint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OddCell:
    """A cell that does not fit its column, its row or its time.

    Args:
        row: Position of its row.
        label: Label of its row, as text.
        column: Its column.
        value: What it holds, as text.
        expected: What was expected there, where that is known.
        bits: How odd it is: its odds of being wrong are 2 to the power of this many times those of a cell of which
            no detector says anything.
        detectors: The cell detectors that find it odd, the one that says most first.
        text: The same in a sentence.
        against: The columns whose cells of the same row the sentence holds it against; empty: none.
    """

    row: int
    label: str
    column: str
    value: str
    expected: str | None
    bits: float
    detectors: tuple[str, ...]
    text: str
    against: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EvidenceShare:
    """One cell detector that is heard beside the members.

    Args:
        detector: Its name.
        weight: Its share in the combined score.
    """

    detector: str
    weight: float


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """The models that are combined, and how.

    Args:
        members: As chosen they have the weights they would have in the robust mean alone; as fitted, those they have
            in the combined score.
        combiner: How their scores are combined.
        left_out: The other completed trials, the strongest first.
        compaction: What it costs and what is lost, where it is a smaller one made of a whole one.
        evidence: Cell detectors heard beside the members; empty: none.
    """

    members: tuple[Member, ...]
    combiner: str
    left_out: tuple[LeftOut, ...] = ()
    reasons: tuple[Reason, ...] = ()
    compaction: Compaction | None = None
    evidence: tuple[EvidenceShare, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """A non-decreasing piecewise linear map from combined score to probability of being an anomaly.

    Args:
        knots: Combined scores, increasing; shape (n_knots,).
        values: Probabilities at the knots, non-decreasing; shape (n_knots,).
        single_point: Whether it was drawn through one probability at the threshold, for want of anything better known;
            it then moves with the threshold.
    """

    knots: FloatArray
    values: FloatArray
    single_point: bool = True

    def at(self, scores: FloatArray) -> FloatArray:
        """Probabilities of being an anomaly, in [0, 1]; same shape as ``scores``.

        Args:
            scores: Combined scores of any rows.

        >>> import numpy as np
        >>> Calibration(knots=np.array([0.0, 2.0]), values=np.array([0.0, 0.5])).at(np.array([1.0, 9.0])).tolist()
        [0.25, 0.5]
        """
        return np.asarray(np.interp(scores, self.knots, self.values), dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """How many of the flagged rows are expected to be real anomalies.

    Args:
        flagged: Rows labelled anomalous.
        real: How many of them are expected to be anomalies: the sum of their probabilities.
        low: The least of them, with a chance of ``level`` together with ``high``.
        high: The most of them.
        level: Share of tables on which the true number is to lie in from ``low`` to ``high``.
        first: How many of the highest rows ``first_real`` speaks of: ten, or all where fewer are flagged.
        first_real: How many anomalies are expected among these.
    """

    flagged: int
    real: float
    low: int
    high: int
    level: float
    first: int
    first_real: float

    def sentence(self) -> str:
        """The same in words.

        >>> e = Expectation(flagged=38, real=17.2, low=11, high=24, level=0.8, first=10, first_real=8.1)
        >>> e.sentence()
        '38 rows flagged; about 17 of them (11 to 24) are expected to be real, the first 10 with 8.'
        >>> Expectation(flagged=8, real=0.7, low=0, high=2, level=0.8, first=8, first_real=0.7).sentence()
        '8 rows flagged; less than 1 of them (0 to 2) is expected to be real.'
        """
        if not self.flagged:
            return "No row is flagged."
        if self.flagged == 1:
            return f"1 row flagged; the chance that it is a real anomaly is put at {self.real:.0%}."
        said = f"{self.flagged:,} rows flagged; {_about(self.real)} of them ({self.range_text()})"
        said += f" {'are' if self.real >= 1.5 else 'is'} expected to be real"
        if self.flagged > self.first and self.real >= 1:
            said += f", the first {self.first} with {_about(self.first_real).removeprefix('about ')}"
        return f"{said}."

    def range_text(self) -> str:
        """From the least to the most.

        >>> Expectation(flagged=9, real=4.0, low=1, high=7, level=0.8, first=9, first_real=4.0).range_text()
        '1 to 7'
        """
        return f"{self.low:,} to {self.high:,}"


def _about(count: float) -> str:
    return f"about {count:,.0f}" if count >= 1 else "less than 1" if count >= 0.05 else "none"


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """Where the threshold lies, and on which side each training row falls.

    Args:
        scores: Combined scores, higher = more anomalous; shape (n_rows,).
        probabilities: Calibrated, in [0, 1]; shape (n_rows,).
        labels: -1 anomaly, 1 normal; shape (n_rows,).
        confidence: Probability that each label is right: the row's probability where it is labelled anomalous, 1 less
            that elsewhere; shape (n_rows,).
        threshold: A row is an anomaly when its combined score is greater than this.
        contamination: Estimated or given share of anomalies in the population.
        method: How threshold and contamination came about.
        calibration: The map from score to probability, for new rows.
        expectation: How many of the labelled rows are expected to be real; None where the training rows are all taken
            as normal, so that whatever lies above the threshold is a false alarm.
    """

    scores: FloatArray = field(repr=False)
    probabilities: FloatArray = field(repr=False)
    labels: IntArray = field(repr=False)
    confidence: FloatArray = field(repr=False)
    threshold: float
    contamination: float
    method: str
    calibration: Calibration = field(repr=False)
    expectation: Expectation | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """What one column adds to one row's score.

    Args:
        column: The user's column.
        value: The row's value there, as text.
        typical: What would have been usual, as text.
        contribution: Change of the combined score when the column is made usual; positive: it makes the row stand out.
        share: The contribution as a share of all positive ones, in [0, 1].
    """

    column: str
    value: str
    typical: str
    contribution: float
    share: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why one row has the score it has, largest contribution first."""

    row: int
    label: Any
    score: float
    contributions: tuple[Contribution, ...]
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
