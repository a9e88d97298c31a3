"""What a fitted run leaves behind to judge rows with: encoder, ensemble, threshold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pynomaly_auto._targets import OwnMetric
from pynomaly_auto.dataset import Table, TableEncoder, fingerprints, open_table
from pynomaly_auto.detectors import wanting
from pynomaly_auto.engine._heeding import inputs_of
from pynomaly_auto.engine._looking import Looking
from pynomaly_auto.engine._population import Population
from pynomaly_auto.engine._ruled import said_of
from pynomaly_auto.engine._sayings import Sayings
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.ensembling import FittedEnsemble
from pynomaly_auto.records import Dataset, FloatArray, Verdict
from pynomaly_auto.ruling import Ruling
from pynomaly_auto.supervising import Supervised

if TYPE_CHECKING:
    from pynomaly_auto.engine._surveying import Survey

# Members that explanations are made with: of 60, these name nine in ten of the planted columns among the first three,
# as all do, at a twentieth of the cost.
_HEAVIEST = 8
_CHUNK = 100_000  # new rows scored at a time, so that no copy of the table is made


@dataclass(frozen=True, kw_only=True, eq=False)
class Model:
    """The live parts of one fitted run.

    Args:
        encoder: Turns the user's tables into rows for the detectors.
        ensemble: Scores encoded rows.
        verdict: The threshold and the calibration in force.
        seen: Training rows and their scores.
        reference: Some training rows, encoded, to explain new rows against.
        cells: The user's cells of the same rows.
        looking: What looks at the cells of rows; None: nothing does.
        supervised: What learned from labels; None: there were none.
        population: The training rows, for labels that may come later; None: they were not kept.
        sayings: What people have said since the fit.
        own_metric: The function that the threshold serves, for feedback; it is not stored.
        ruling: Rules that decide of some rows; None: there are none.
        device: What rows are to be scored on; where it is not there, on the CPU.
        survey: What else several objectives leave to choose from; None: nothing, or it is not in memory any more.
    """

    encoder: TableEncoder
    ensemble: FittedEnsemble
    verdict: Verdict
    seen: SeenRows
    reference: Dataset
    cells: pd.DataFrame
    looking: Looking | None = None
    supervised: Supervised | None = None
    population: Population | None = None
    sayings: Sayings = field(default_factory=Sayings)
    own_metric: OwnMetric | None = None
    ruling: Ruling | None = None
    device: str = "auto"
    survey: Survey | None = None

    def encode(self, table: Any) -> Dataset:
        """Encode new rows, and look at their cells where these are heard.

        Raises:
            SchemaError: Their columns are not those fitted on.
        """
        opened = open_table(table)
        dataset = self.encoder.encode(opened)
        return dataset if self.looking is None else self.looking.look(self.encoder, opened, dataset)

    def judged(self, table: Any) -> FloatArray:
        """Final scores of new rows, shape (n_rows,).

        Raises:
            SchemaError: Their columns are not those fitted on.
        """
        opened = open_table(table)
        rows = self.encode(opened).rows
        return self.under_rules(opened, rows, self.score(rows))

    def under_rules(self, table: Table, rows: FloatArray, scores: FloatArray) -> FloatArray:
        """Scores of rows with what rules say of them, shape (n_rows,).

        Args:
            table: The rows.
            rows: The same, encoded.
            scores: Without rules.
        """
        if self.ruling is None:
            return scores
        prints = fingerprints(rows) if len(self.ruling.excused) else np.empty(0, dtype=np.uint64)
        return self.ruling.apply(scores, said_of(self.ruling, self.encoder, table).said, prints)

    def score(self, X: FloatArray) -> FloatArray:
        """Combined scores of rows (`Dataset.rows`), shape (n_rows,); a row alone gets the same as in a batch.

        Rules have not been heard.
        """
        known, values = self.seen.recall(X)
        if known.all():
            return values
        scores = np.empty(len(X))
        scores[known] = values
        new = np.flatnonzero(~known)
        for start in range(0, len(new), _CHUNK):
            rows = new[start : start + _CHUNK]
            scores[rows] = self._unseen(X[rows])
        return scores

    def _unseen(self, X: FloatArray) -> FloatArray:
        with wanting(self.device):
            ranks, scores = self.ensemble.inputs_and_scores(X)
        if self.supervised is None:
            return scores
        return self.supervised.log_odds(inputs_of(self.ensemble, X, ranks, scores), scores)

    def quick_score(self) -> Callable[[FloatArray], FloatArray]:
        """What scores encoded rows by the members that weigh most alone, for the many exchanges of an explanation.

        What learned from labels sees what all of them say.
        """
        return self.ensemble.heaviest(_HEAVIEST).plain_score if self.supervised is None else self._unseen
