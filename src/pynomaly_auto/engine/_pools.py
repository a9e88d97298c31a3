"""The rows that people may be asked about: those fitted on, or others."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto.asking import Pool
from pynomaly_auto.dataset import Table, fingerprints
from pynomaly_auto.engine._heeding import inputs_of
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._population import single
from pynomaly_auto.engine._ruled import said_of
from pynomaly_auto.records import Dataset, Result

Prints: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"


def own_pool(model: Model, result: Result) -> Pool:
    """The rows fitted on, which the model still knows."""
    population, verdict = model.population, result.verdict
    assert population is not None
    assert population.sight is not None
    labels = model.sayings.over(population.labels)
    return Pool(
        scores=verdict.scores, probabilities=verdict.probabilities, threshold=verdict.threshold,
        ranks=population.sight.ranks, weights=_weights(model), inputs=population.sight.own,
        free=_askable(population.prints, labelled_prints(model), None if model.ruling is None else model.ruling.said),
        labelled=np.flatnonzero(labels.known),
    )  # fmt: skip


def pool_of(model: Model, table: Table, dataset: Dataset) -> Pool:
    """Other rows, as they are and encoded."""
    rows, verdict = dataset.rows, model.verdict
    ranks, scores = model.ensemble.inputs_and_scores(rows)
    if model.supervised is not None:
        scores = model.supervised.log_odds(inputs_of(model.ensemble, rows, ranks, scores), scores)
    seen, values = model.seen.recall(rows)
    scores = scores.copy()
    scores[seen] = values
    prints, labelled, said = fingerprints(rows), labelled_prints(model), None
    if model.ruling is not None:
        said = said_of(model.ruling, model.encoder, table).said
        scores = model.ruling.apply(scores, said, prints)
    return Pool(
        scores=scores, probabilities=verdict.calibration.at(scores), threshold=verdict.threshold, ranks=ranks,
        weights=_weights(model), inputs=single(model.ensemble.features_of(rows)),
        free=_askable(prints, labelled, said), labelled=np.flatnonzero(np.isin(prints, labelled)),
    )  # fmt: skip


def labelled_prints(model: Model) -> Prints:
    """Fingerprints of all rows that have a label."""
    if model.population is None:
        return np.empty(0, dtype=np.uint64)
    own = model.population.prints[model.sayings.over(model.population.labels).known]
    strangers = model.sayings.strangers
    return own if strangers is None else np.concatenate([own, strangers.prints])


def _askable(prints: Prints, labelled: Prints, said: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Rows that equal none that is labelled, the first of those that equal each other; none that a rule decides of."""
    free = np.ones(len(prints), dtype=bool) if said is None else said < 0
    first, places = np.zeros(len(prints), dtype=bool), np.flatnonzero(free)
    first[places[np.unique(prints[places], return_index=True)[1]]] = True
    return np.asarray(first & ~np.isin(prints, labelled))


def _weights(model: Model) -> Any:
    return np.array([member.weight for member in model.ensemble.record.members])
