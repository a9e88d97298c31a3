"""The training rows, as labels need them: what learners see of each, what is known of it, and how it is recognised."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto.dataset import EqualRows, Table, TableEncoder, fingerprints
from pynomaly_auto.ensembling import FittedEnsemble
from pynomaly_auto.records import Calibration, FloatArray, IntArray, Labels, Verdict
from pynomaly_auto.supervising import Inputs, Kinship

Prints: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"
Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.floating[Any]]]"  # of single or double precision

MOST_KEPT = 1 << 28  # bytes of the training rows that are kept in memory for labels that may come later


@dataclass(frozen=True, kw_only=True, eq=False)
class Sight:
    """What learners see of rows beside the score without labels, in single precision.

    Args:
        own: Encoded features; shape (n_rows, n_features).
        ranks: The members' −log tail ranks, of any precision; shape (n_rows, n_members).
        heard: Bits that each cell detector says of the row; shape (n_rows, n_cell_detectors).
    """

    own: Inputs = field(repr=False)
    ranks: Floats = field(repr=False)
    heard: Inputs = field(repr=False)

    @classmethod
    def of(cls, ensemble: FittedEnsemble, rows: FloatArray, ranks: Floats) -> Sight:
        """Of rows as the ensemble takes them, whose ranks are known."""
        X = ensemble.features_of(rows)
        heard = np.empty((len(rows), 0), dtype=np.float32)
        if ensemble.cells is not None:
            layout, evidence = ensemble.cells.layout, rows[:, X.shape[1] :]
            if layout.names:
                heard = single(np.column_stack([layout.row_bits(evidence, name) for name in layout.names]))
        return cls(own=single(X), ranks=ranks, heard=heard)

    def inputs(self, scores: FloatArray) -> Inputs:
        """All that learners see; shape (n_rows, n_inputs).

        Args:
            scores: Of the answer without labels; shape (n_rows,).
        """
        return np.hstack([self.own, single(self.ranks), single(scores[:, None]), self.heard])

    @property
    def width(self) -> int:
        """How many inputs there are."""
        return int(self.own.shape[1] + self.ranks.shape[1] + 1 + self.heard.shape[1])


def single(values: Floats) -> Inputs:
    """In single precision: a row alone and in a batch, which differ by rounding, pass the same splits."""
    most = float(np.finfo(np.float32).max)
    out = np.empty(values.shape, dtype=np.float32)
    np.clip(values, -most, most, out=out, casting="unsafe")  # without a copy of the table in between
    return out


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """The answer without labels, as far as labels ask for it.

    Args:
        calibration: From its score to a probability.
        share: Share of anomalies expected.
    """

    calibration: Calibration = field(repr=False)
    share: float

    @classmethod
    def of(cls, verdict: Verdict) -> Answer:
        """What was decided."""
        return cls(calibration=verdict.calibration, share=verdict.contamination)


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """The training rows.

    Args:
        prints: Their fingerprints; shape (n_rows,), uint64.
        scores: Of the answer without labels; shape (n_rows,).
        labels: Given to `fit`.
        unlabelled: The answer without labels, where labels were given to `fit`; None: it is the one in force.
        kinship: Which rows belong together.
        periods: The period of each row, where the alert budget is per period; shape (n_rows,), or None.
        sight: What learners see of them; None: it was not kept.
    """

    prints: Prints = field(repr=False)
    scores: FloatArray = field(repr=False)
    labels: Labels
    unlabelled: Answer | None = None
    kinship: Kinship = field(default_factory=Kinship)
    periods: IntArray | None = field(default=None, repr=False)
    sight: Sight | None = None

    @classmethod
    def of(
        cls, ensemble: FittedEnsemble, rows: FloatArray, labels: Labels, kinship: Kinship, periods: IntArray | None
    ) -> Population:
        """Of the rows an ensemble was trained on, which it still knows.

        Args:
            ensemble: The answer without labels.
            rows: As it takes them.
            labels: Given to `fit`; with some, all is kept that learning needs, however large.
            kinship: Which rows belong together.
            periods: Of the alert budget.
        """
        known = cls(
            prints=fingerprints(rows), scores=ensemble.train_scores, labels=labels, kinship=kinship, periods=periods
        )
        if not labels.known.any() and rows.size * np.dtype(np.float32).itemsize > MOST_KEPT:
            return known
        return replace(known, sight=Sight.of(ensemble, rows, ensemble.member_scores))

    def places(self, prints: Prints) -> IntArray:
        """Positions of the first training row that each of some rows equals, -1 where none does; shape (n,)."""
        order = np.argsort(self.prints, kind="stable")
        at = np.minimum(np.searchsorted(self.prints[order], prints), len(order) - 1)
        found = order[at]
        return np.where(self.prints[found] == prints, found, -1)

    @property
    def equal(self) -> EqualRows:
        """Which of them equal each other."""
        return EqualRows.of_prints(self.prints)

    def spread(self, labels: Labels) -> Labels:
        """Labels with those of labelled rows given to the rows that equal these, where they do not contradict."""
        known = np.flatnonzero(labels.known)
        values = labels.values.copy()
        order = np.argsort(self.prints[known], kind="stable")
        prints, said = self.prints[known][order], labels.values[known][order]
        first = np.flatnonzero(np.append(True, prints[1:] != prints[:-1])) if len(prints) else prints.astype(np.int64)
        if not len(first):
            return labels
        ends = np.append(first[1:], len(prints))
        agree = np.minimum.reduceat(said, first) == np.maximum.reduceat(said, first)
        at = np.minimum(np.searchsorted(prints[first], self.prints), len(first) - 1)
        equal = (prints[first][at] == self.prints) & agree[at] & (values < 0)
        values[equal] = said[ends - 1][at[equal]]
        return Labels(values=values)


def moments_of(table: Table, encoder: TableEncoder) -> FloatArray | None:
    """When each row was, in seconds, NaN where that is not known; None without a column of dates."""
    import pandas as pd

    found = encoder.moments(table)
    if found is None or not pd.api.types.is_datetime64_any_dtype(found[1]):
        return None
    dates = found[1].dt.tz_convert("UTC").dt.tz_localize(None) if found[1].dt.tz is not None else found[1]
    seconds = dates.astype("datetime64[us]").astype("int64").to_numpy(dtype=np.float64) / 1e6  # years up to 290,000
    seconds[dates.isna().to_numpy()] = np.nan
    return np.asarray(seconds)
