"""From scores to probabilities: how often rows like these, in tables like this one, turned out to be anomalies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto._machine import in_threads, parts
from pynomaly_auto.forest import Forest
from pynomaly_auto.models._aligned import aligned
from pynomaly_auto.models._reading import read_model
from pynomaly_auto.records import FloatArray

_LEVELS = (5, 25, 50, 75, 90, 95, 99)
_ROW = ("tail rank", "log odds", "robust mean", "score")
_SPREAD = (
    *(f"log odds {q} %" for q in _LEVELS), "log odds mean", "log odds deviation",
    *(f"share of log odds over {k}" for k in (0, 1, 2)), *(f"score {q} %" for q in _LEVELS),
)  # fmt: skip
_CHUNK = 25_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """The scores of a table's training rows, as the calibrator looks at them.

    Args:
        scores: Final scores; shape (n_rows,).
        odds: Log odds of the learned fusion; shape (n_rows,).
        robust: Robust means; shape (n_rows,).
        tails: −log tail ranks of the final scores; shape (n_rows,).
        facts: Of the table, from `table_facts`.
    """

    scores: FloatArray = field(repr=False)
    odds: FloatArray = field(repr=False)
    robust: FloatArray = field(repr=False)
    tails: FloatArray = field(repr=False)
    facts: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibrator:
    """Boosted trees from rows' scores to the probability of an anomaly, at the rates anomalies have in known tables.

    Args:
        features: Input names.
        forest: Trees whose sum a logistic function turns into a probability.
    """

    features: tuple[str, ...]
    forest: Forest = field(repr=False)

    @classmethod
    def of(cls, features: Sequence[str], text: str) -> Calibrator:
        """Make it of its model's text.

        Raises:
            StorageError: The text is no model.
        """
        return cls(features=tuple(features), forest=read_model(text, len(features), "the calibrator"))

    def probabilities(self, judged: Judged) -> FloatArray:
        """Probability of being an anomaly, not yet made to rise with the score; shape (n_rows,)."""
        told = dict(zip(*_table(judged), strict=True))

        def probable(part: slice) -> FloatArray:
            return self.forest.predict(_lay_out(self.features, judged, part, told))

        return np.concatenate(in_threads(probable, parts(len(judged.scores), _CHUNK)) or [np.empty(0)])


def calibration_features(facts: Sequence[str]) -> tuple[str, ...]:
    """Names of the calibrator's inputs: of the row, of the table's scores, and the table's facts."""
    return (*_ROW, *_SPREAD, *facts)


def calibration_inputs(features: Sequence[str], judged: Judged) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Inputs for all rows; single precision, shape (n_rows, n_features)."""
    names, table = _table(judged)
    return _lay_out(features, judged, slice(None), dict(zip(names, table, strict=True)))


def _table(judged: Judged) -> tuple[tuple[str, ...], list[float]]:
    odds, scores = judged.odds, judged.scores
    values = [
        *np.percentile(odds, _LEVELS), odds.mean(), odds.std(), *((odds > k).mean() for k in (0, 1, 2)),
        *np.percentile(scores, _LEVELS), *judged.facts.values(),
    ]  # fmt: skip
    return (*_SPREAD, *judged.facts), [float(v) for v in values]


def _lay_out(
    features: Sequence[str], judged: Judged, rows: Any, table: Mapping[str, float]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    own = zip(_ROW, (judged.tails, judged.odds, judged.robust, judged.scores), strict=True)
    values = {**table, **{name: column[rows] for name, column in own}}
    return aligned(features, values, len(judged.scores[rows]), np.float32)
