"""Records of what people say of rows: labels with the table, feedback given later, how right the answer is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from pynomaly_auto.records._base import Reason, plain
from pynomaly_auto.records._state import State

Flags: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Completeness: TypeAlias = Literal["none", "positive only", "normal only", "partial", "full"]

ANOMALY, NORMAL, UNKNOWN = 1, 0, -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """What is known of rows.

    Args:
        values: 1 for an anomaly, 0 for a normal row, -1 where nothing is known; shape (n_rows,), int8.
    """

    values: np.ndarray[Any, np.dtype[np.int8]] = field(repr=False)

    @classmethod
    def none(cls, n_rows: int) -> Labels:
        """Of so many rows nothing is known."""
        return cls(values=np.full(n_rows, UNKNOWN, dtype=np.int8))

    @property
    def anomalous(self) -> Flags:
        """Which rows are known to be anomalies; shape (n_rows,)."""
        return np.asarray(self.values == ANOMALY)

    @property
    def normal(self) -> Flags:
        """Which rows are known to be normal; shape (n_rows,)."""
        return np.asarray(self.values == NORMAL)

    @property
    def known(self) -> Flags:
        """Of which rows anything is known; shape (n_rows,)."""
        return np.asarray(self.values != UNKNOWN)

    @property
    def n_anomalies(self) -> int:
        """How many rows are known to be anomalies."""
        return int(self.anomalous.sum())

    @property
    def n_normal(self) -> int:
        """How many rows are known to be normal."""
        return int(self.normal.sum())

    @property
    def completeness(self) -> Completeness:
        """Which rows have a label: all, some, anomalies or normal rows alone, none."""
        anomalies, normal = self.n_anomalies, self.n_normal
        if anomalies + normal == 0:
            return "none"
        if normal == 0:
            return "positive only"
        if anomalies == 0:
            return "normal only"
        return "full" if anomalies + normal == len(self.values) else "partial"

    def to_state(self) -> State:
        """What makes it again."""
        return State(arrays={"values": self.values})


@dataclass(frozen=True, kw_only=True)
class Question:
    """One row that is worth a label.

    Args:
        row: Its position in the table.
        probability: Of being an anomaly, as it stands.
        strategy: What chose it.
        reason: Why.
    """

    row: int
    probability: float
    strategy: str
    reason: Reason


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What somebody said of one row.

    Args:
        row: Its position among the training rows; -1: a row that came later.
        label: 1 for an anomaly, 0 for a normal row.
        by: Who says so; empty: nobody is named.
        when: When, in ISO 8601 with the offset from UTC.
        number: Which of all sayings it is, counted from 1; it stays when others are forgotten.
    """

    row: int
    label: int
    by: str
    when: str
    number: int


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One figure of how right the answer is, with its interval.

    Args:
        value: The figure; in [0, 1] but for costs and functions of the user's.
        low: It lies above this with a chance of 97.5 %.
        high: It lies below this with a chance of 97.5 %.
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True, kw_only=True)
class Performance:
    """How right the answer is on the labelled rows, each judged by what was learned from the others.

    A figure is None where the labels do not allow it: without a labelled normal row there is no precision.

    Args:
        n_anomalies: Labelled anomalies it rests on.
        n_normal: Labelled normal rows.
        how: How it was measured, for a person.
        precision: Of the labelled rows that are flagged, the share of anomalies.
        recall: Of the labelled anomalies, the share that is flagged.
        f1: Harmonic mean of the two.
        roc_auc: Area under the ROC curve.
        average_precision: Precision averaged over recall.
        before: Average precision of the answer without labels on the same rows.
        target: What the threshold serves, where that is costs (the mean cost of a row) or a function of the user's.
    """

    n_anomalies: int
    n_normal: int
    how: str
    precision: Estimate | None = None
    recall: Estimate | None = None
    f1: Estimate | None = None
    roc_auc: Estimate | None = None
    average_precision: Estimate | None = None
    before: Estimate | None = None
    target: Estimate | None = None


@dataclass(frozen=True, kw_only=True)
class Supervision:
    """What was made of labels.

    Args:
        completeness: Which rows have a label.
        n_anomalies: Rows known to be anomalies.
        n_normal: Rows known to be normal.
        weight_unlabelled: How much the answer without labels counts in the final log odds: 1 as it stands.
        weight_learned: How much what was learned from the labels counts.
        learner: What learned from them.
        performance: How right the answer is on rows with labels; None where these do not allow any figure.
        reasons: Why.
    """

    completeness: Completeness
    n_anomalies: int
    n_normal: int
    weight_unlabelled: float
    weight_learned: float
    learner: str
    performance: Performance | None = None
    reasons: tuple[Reason, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
