"""Records of the outcome: the ensemble, the verdict, explanations of rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pynomaly_auto.records._base import FloatArray, IntArray, Reason, plain
from pynomaly_auto.records._search import Params


@dataclass(frozen=True, kw_only=True)
class Member:
    """One model of the ensemble.

    Args:
        trial: Number of the trial it comes from.
        weight: Its share in the combined score; all weights sum to 1.
        quality: The trial's quality estimate.
        diversity: One minus its mean rank correlation with the other members, in [0, 2].
        strength: What the choice of members went by: what is known of the detector, and the trial's quality.
        least_share: Least share of the combined score, where the user or the detector's origin asks for one.
    """

    trial: int
    detector: str
    params: Params
    weight: float
    quality: float
    diversity: float
    strength: float = 0.0
    least_share: float = 0.0
    reasons: tuple[Reason, ...] = ()

    @property
    def name(self) -> str:
        """The detector, and the view it has of the table where that is not the usual one."""
        view = self.params.get("view", "standard")
        return self.detector if view == "standard" else f"{self.detector} ({view})"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """One completed trial that is no member, and why."""

    trial: int
    detector: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Ensemble:
    """The models that are combined, and how.

    Args:
        members: As chosen they have the weights they would have in the robust mean alone; as fitted, those they have
            in the combined score.
        combiner: How their scores are combined.
        left_out: The other completed trials, the strongest first.
    """

    members: tuple[Member, ...]
    combiner: str
    left_out: tuple[LeftOut, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """A non-decreasing piecewise linear map from combined score to probability of being an anomaly.

    Args:
        knots: Combined scores, increasing; shape (n_knots,).
        values: Probabilities at the knots, non-decreasing; shape (n_knots,).
        anchored: Whether it was drawn through 1/2 at the threshold, for want of anything better known; it then moves
            with the threshold.
    """

    knots: FloatArray
    values: FloatArray
    anchored: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Verdict:
    """Where the cut lies, and on which side each training row falls.

    Args:
        scores: Combined scores, higher = more anomalous; shape (n_rows,).
        probabilities: Calibrated, in [0, 1]; shape (n_rows,).
        labels: -1 anomaly, 1 normal; shape (n_rows,).
        confidence: How sure each label is, in [0, 1]; shape (n_rows,).
        threshold: A row is an anomaly when its combined score is greater than this.
        contamination: Estimated or given share of anomalies in the population.
        method: How threshold and contamination came about.
        calibration: The map from score to probability, for new rows.
        spread: Standard deviation of the logit of the contamination; 0 where it was given.
    """

    scores: FloatArray = field(repr=False)
    probabilities: FloatArray = field(repr=False)
    labels: IntArray = field(repr=False)
    confidence: FloatArray = field(repr=False)
    threshold: float
    contamination: float
    method: str
    calibration: Calibration = field(repr=False)
    spread: float = 0.0
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
