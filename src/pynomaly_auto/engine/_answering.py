"""From a fitted ensemble to the verdict, with what labels and rules say, and the model that judges rows from now on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pynomaly_auto._targets import OwnMetric
from pynomaly_auto.dataset import fingerprints
from pynomaly_auto.deciding import Probabilities, decide
from pynomaly_auto.engine._heeding import heed
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._population import Answer, Population, moments_of
from pynomaly_auto.engine._ruled import Ruled
from pynomaly_auto.engine._seen import SeenRows
from pynomaly_auto.engine._work import Work
from pynomaly_auto.ensembling import FittedEnsemble
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.records import FloatArray, IntArray, Verdict
from pynomaly_auto.regimes import REGIMES
from pynomaly_auto.ruling import Ruling
from pynomaly_auto.supervising import Heeded, Kinship

# Training rows kept with the model, to explain new rows against.
_REFERENCE_ROWS = 2_000


@dataclass(frozen=True, kw_only=True, eq=False)
class Answered:
    """The verdict, and what it rests on.

    Args:
        verdict: On the training rows.
        base: Their scores before any rule was heard; shape (n_rows,).
        population: They themselves, for labels that may come; None: labels are not heeded.
        heeded: What was made of labels; None: there were none.
        ruling: Rules, bound to the scores; None: there are none.
    """

    verdict: Verdict
    base: FloatArray
    population: Population | None
    heeded: Heeded | None
    ruling: Ruling | None


def decided_with(
    work: Work, ensemble: FittedEnsemble, raw: FloatArray, base: KnowledgeBase | None, periods: IntArray | None
) -> Answered:
    """Decide on the rows, with what labels and rules say of them.

    Args:
        work: What the stages work with.
        ensemble: Fitted on the rows.
        raw: The members' raw scores; shape (n_rows, n_members).
        base: The knowledge base; None: none is asked.
        periods: The period of each row, where an alert budget is per period; shape (n_rows,).
    """
    settings, labels = work.settings, work.given.labels
    ruling = None if work.stated is None else work.stated.ruling
    with work.stage("deciding"):
        calibrator = None if base is None else base.calibrator if ensemble.cells is None else base.cell_calibrator
        values = None if calibrator is None else ensemble.probabilities(calibrator)
        ruled = Ruled.of(None if labels.known.any() else ruling, ensemble.train_scores)
        verdict = decide(
            ruled.scores,
            ensemble.member_scores,
            settings,
            probabilities=None if values is None else ruled.sure(Probabilities(values=values)),
            member_raw=raw,
            periods=periods,
        )
        verdict = ruled.settle(verdict, settings, periods)
    population = _population(work, ensemble, periods)
    if population is None or not labels.known.any():
        return Answered(
            verdict=verdict, base=ensemble.train_scores, population=population, heeded=None, ruling=ruled.ruling
        )
    with work.stage("supervising"):
        unlabelled = Answer.of(verdict)
        population = replace(population, unlabelled=unlabelled)
        ruling = None if ruling is None else ruling.excusing(population.prints[labels.known])
        heeded, verdict, ruling = heed(population, labels, unlabelled, settings, ruling=ruling)
    return Answered(verdict=verdict, base=heeded.scores, population=population, heeded=heeded, ruling=ruling)


def model_of(work: Work, ensemble: FittedEnsemble, answer: Answered, cells: pd.DataFrame) -> Model:
    """What judges rows from now on."""
    dataset, target = work.dataset, work.settings.target_metric
    rows = np.arange(dataset.n_rows)
    if dataset.n_rows > _REFERENCE_ROWS:
        rows = np.sort(np.random.default_rng(0).choice(dataset.n_rows, _REFERENCE_ROWS, replace=False))
    reference = replace(
        dataset, X=dataset.X[rows], row_labels=dataset.row_labels[rows], missing_share=dataset.missing_share[rows],
        evidence=None if dataset.evidence is None else dataset.evidence[rows],
    )  # fmt: skip
    return Model(
        encoder=work.encoder,
        ensemble=ensemble,
        verdict=answer.verdict,
        seen=_seen(work, answer.base, answer.population),
        reference=reference,
        cells=cells.iloc[rows],
        looking=work.looking,
        population=answer.population,
        supervised=None if answer.heeded is None else answer.heeded.supervised,
        ruling=answer.ruling,
        own_metric=target if isinstance(target, OwnMetric) else None,
        device=work.settings.device,
    )


def _seen(work: Work, scores: FloatArray, population: Population | None) -> SeenRows:
    """The training rows with their scores, no rule heard, where they are to be recognised."""
    if not REGIMES[work.settings.regime].remembers_rows:
        return SeenRows.none()
    return SeenRows.known_as(fingerprints(work.dataset.rows) if population is None else population.prints, scores)


def _population(work: Work, ensemble: FittedEnsemble, periods: IntArray | None) -> Population | None:
    """The training rows, for labels, where these are heeded."""
    if not REGIMES[work.settings.regime].heeds_labels:
        return None
    kinship = Kinship(groups=work.given.groups, moments=moments_of(work.table, work.encoder))
    return Population.of(ensemble, work.dataset.rows, work.given.labels, kinship, periods)
