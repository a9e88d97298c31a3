"""Labels in the flow of a run: what learners see of rows, what they make of the answer, and how right that is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pynomaly_auto._budget import learning_most
from pynomaly_auto.dataset import Table, open_table, read_labels, value_for_each
from pynomaly_auto.deciding import Probabilities, decide
from pynomaly_auto.engine._population import Answer, Population, Sight
from pynomaly_auto.engine._ruled import Ruled
from pynomaly_auto.ensembling import FittedEnsemble
from pynomaly_auto.errors import InvalidInputError, SettingError
from pynomaly_auto.records import FloatArray, IntArray, Labels, Reason, Verdict
from pynomaly_auto.ruling import Ruling
from pynomaly_auto.settings import Settings
from pynomaly_auto.supervising import Heeded, Inputs, Kinship, Rows, Told, known_first, labels_among, measure, supervise


@dataclass(frozen=True, kw_only=True, eq=False)
class Said:
    """What a user says of the rows, not yet read.

    Args:
        labels: A column's name, a series or mapping by row label, or one value a row; None: nothing.
        coding: Of the labels.
        groups: A column's name, or one value a row; None: rows are on their own.
    """

    labels: Any = None
    coding: str = "anomaly=1"
    groups: Any = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Given:
    """What is known of a table's rows before anything is looked at.

    Args:
        labels: Of the rows.
        groups: Rows of one group are never judged by what was learned from each other; shape (n_rows,), or None.
        warnings: What is to be feared of them.
    """

    labels: Labels
    groups: IntArray | None = field(default=None, repr=False)
    warnings: tuple[Reason, ...] = ()


def read_given(table: Any, said: Said | Given, *, heeds_labels: bool) -> tuple[Table, Given]:
    """Open a table and read what is known of its rows; a column of labels is no part of it any more.

    Args:
        table: Any supported table.
        said: What the user says; a column of groups stays in the table. `Given`: it was read before.
        heeds_labels: Whether they have a place (`Regime.heeds_labels`).

    Raises:
        InvalidInputError: The labels or groups do not fit the table.
        SettingError: Labels are given where all rows are taken as normal.
    """
    opened = open_table(table)
    if isinstance(said, Given):
        return opened, said
    labels, groups = said.labels, said.groups
    if labels is None and groups is None:
        return opened, Given(labels=Labels.none(opened.n_rows))
    if labels is None:
        raise SettingError("groups without labels say nothing.", where="groups", fix="Give labels too, or neither.")
    if not heeds_labels:
        raise SettingError(
            "labels are given, and novelty=True takes all training rows as normal.", where="labels",
            fix="Leave novelty out; label the rows you know to be normal.",
        )  # fmt: skip
    opened, known = read_labels(labels, opened, said.coding)
    return opened, Given(labels=known, groups=_groups(groups, opened), warnings=labels_among(opened, known))


def _groups(groups: Any, table: Table) -> IntArray | None:
    import pandas as pd

    if groups is None:
        return None
    if isinstance(groups, str):
        if groups not in table.names:
            raise InvalidInputError(f"the table has no column {groups!r}.", where="groups", fix="Name one it has.")
        values = pd.Series(table.column(table.names.index(groups)))
    else:
        values = pd.Series(value_for_each(groups, table, where="groups"))
    return np.asarray(pd.factorize(values.astype(str), use_na_sentinel=False)[0], dtype=np.int64)


def inputs_of(ensemble: FittedEnsemble, rows: FloatArray, ranks: FloatArray, scores: FloatArray) -> Inputs:
    """What learners see of rows, in single precision; shape (n_rows, n_inputs).

    Args:
        ensemble: The answer without labels.
        rows: As it takes them.
        ranks: The members' −log tail ranks; shape (n_rows, n_members).
        scores: Its scores; shape (n_rows,).
    """
    return Sight.of(ensemble, rows, ranks).inputs(scores)


def n_inputs(ensemble: FittedEnsemble, n_features: int) -> int:
    """How many inputs learners see of a row."""
    heard = 0 if ensemble.cells is None else len(ensemble.cells.layout.names)
    return n_features + len(ensemble.detectors) + 1 + heard


@dataclass(frozen=True, kw_only=True, eq=False)
class Later:
    """Labelled rows that are none of the training rows.

    Args:
        inputs: What learners see of them; shape (n, n_inputs).
        scores: Of the answer without labels; shape (n,).
        anomalous: Which of them are anomalies; shape (n,), 0 or 1.
        moments: When each was, in seconds; NaN: not known; shape (n,).
    """

    inputs: Inputs = field(repr=False)
    scores: FloatArray = field(repr=False)
    anomalous: np.ndarray[Any, np.dtype[np.int8]] = field(repr=False)
    moments: FloatArray = field(repr=False)


def heed(
    population: Population,
    labels: Labels,
    unlabelled: Answer,
    settings: Settings,
    later: Later | None = None,
    ruling: Ruling | None = None,
) -> tuple[Heeded, Verdict, Ruling | None]:
    """The answer that heeds labels, the verdict on it, and the rules bound to it.

    Args:
        population: The training rows.
        labels: Of them; of some, or of ``later`` ones.
        unlabelled: The answer without labels.
        settings: As for `decide`.
        later: Further rows with a label; in `Heeded` they stand behind the training rows.
        ruling: Rules, rows with a label excused; None: there are none.
    """
    assert population.sight is not None
    seed, n = int(settings.random_state or 0), len(population.scores)
    inputs, scores = population.sight.inputs(population.scores), population.scores
    equal, kinship, known = population.equal, population.kinship, labels
    kinship = replace(kinship, equal=equal.group)
    if later is not None and len(later.scores):
        inputs, scores = np.vstack([inputs, later.inputs]), np.concatenate([scores, later.scores])
        known = Labels(values=np.concatenate([labels.values, later.anomalous]))
        kinship = _with(kinship, later.moments)
    training = Rows(
        inputs=inputs,
        n_columns=population.sight.own.shape[1],
        scores=scores,
        calibration=unlabelled.calibration,
        share=unlabelled.share,
        kinship=kinship,
    )
    # By the budget and not by what is left of it: what is said again later is learned from as many rows.
    seconds = None if settings.n_trials is not None else learning_most(settings.time_budget)
    found = supervise(training, known, seed=seed, seconds=seconds)
    odds = _equals_too(found.scores, population, labels)
    found = replace(found, scores=np.concatenate([equal.mean(odds[:n]), odds[n:]]))
    ruled = Ruled.of(ruling, found.scores[:n], population.prints, labels)
    probabilities = ruled.sure(Probabilities(values=found.probabilities[:n], by_labels=True))
    ranks = np.asarray(population.sight.ranks, dtype=np.float64)
    verdict = decide(ruled.scores, ranks, settings, probabilities=probabilities, periods=population.periods)
    verdict = ruled.settle(verdict, settings, population.periods)
    judged, odds = found.honest
    if not len(judged):
        return found, verdict, ruled.ruling
    told = Told(odds=odds, before=scores[judged], target=known.anomalous[judged].astype(np.int64), how=found.how)
    performance, reason = measure(told, threshold=verdict.threshold, seed=seed, serves=settings.target_metric)
    return found.with_performance(performance, reason), verdict, ruled.ruling


def _equals_too(odds: FloatArray, population: Population, labels: Labels) -> FloatArray:
    """Log odds with rows that equal labelled ones judged as these: nothing tells them apart."""
    wide, n = population.spread(labels), len(labels.values)
    fresh = np.where(labels.known, -1, wide.values).astype(np.int8)
    return np.concatenate([known_first(odds[:n], Labels(values=fresh)), odds[n:]])


def _with(kinship: Kinship, moments: FloatArray) -> Kinship:
    """With rows more, each of a group of its own and equal to no other."""
    known, n = kinship.moments, len(moments)
    return Kinship(
        groups=_and_more(kinship.groups, n),
        moments=None if known is None else np.concatenate([known, moments]),
        equal=_and_more(kinship.equal, n),
    )


def _and_more(groups: IntArray | None, n: int) -> IntArray | None:
    if groups is None:
        return None
    numbers = np.unique(groups, return_inverse=True)[1].astype(np.int64)  # whatever they were
    return np.concatenate([numbers, len(numbers) + np.arange(n)])
