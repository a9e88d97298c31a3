"""Labels in the flow of a run: what learners see of rows, what they make of the answer, and how right that is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto.dataset import EqualRows, Table, TableEncoder, open_table, read_labels
from pynomaly_auto.deciding import Probabilities, decide
from pynomaly_auto.ensembling import FittedEnsemble
from pynomaly_auto.errors import InvalidInputError, SettingError
from pynomaly_auto.records import FloatArray, IntArray, Labels, Verdict
from pynomaly_auto.settings import Settings
from pynomaly_auto.supervising import Heeded, Inputs, Kinship, Rows, Told, measure, supervise


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
    """

    labels: Labels
    groups: IntArray | None = field(default=None, repr=False)


def read_given(table: Any, said: Said, *, novelty: bool) -> tuple[Table, Given]:
    """Open a table and read what is known of its rows; a column of labels is no part of it any more.

    Args:
        table: Any supported table.
        said: What the user says; a column of groups stays in the table.
        novelty: Whether all training rows are taken as normal.

    Raises:
        InvalidInputError: The labels or groups do not fit the table.
        SettingError: Labels are given where all rows are taken as normal.
    """
    opened = open_table(table)
    labels, groups = said.labels, said.groups
    if labels is None and groups is None:
        return opened, Given(labels=Labels.none(opened.n_rows))
    if labels is None:
        raise SettingError("groups without labels say nothing.", where="groups", fix="Give labels too, or neither.")
    if novelty:
        raise SettingError(
            "labels are given, and novelty=True takes all training rows as normal.", where="labels",
            fix="Leave novelty out; label the rows you know to be normal.",
        )  # fmt: skip
    opened, known = read_labels(labels, opened, said.coding)
    return opened, Given(labels=known, groups=_groups(groups, opened))


def _groups(groups: Any, table: Table) -> IntArray | None:
    import pandas as pd

    if groups is None:
        return None
    if isinstance(groups, str):
        if groups not in table.names:
            raise InvalidInputError(f"the table has no column {groups!r}.", where="groups", fix="Name one it has.")
        values = pd.Series(table.column(table.names.index(groups)))
    else:
        values = pd.Series(np.asarray(groups, dtype=object).reshape(-1))
    if len(values) != table.n_rows:
        raise InvalidInputError(f"{len(values):,} groups for {table.n_rows:,} rows.", where="groups")
    return np.asarray(pd.factorize(values.astype(str), use_na_sentinel=False)[0], dtype=np.int64)


def inputs_of(ensemble: FittedEnsemble, rows: FloatArray, ranks: FloatArray, scores: FloatArray) -> Inputs:
    """What learners see of rows, in single precision; shape (n_rows, n_inputs).

    Args:
        ensemble: The answer without labels.
        rows: As it takes them.
        ranks: The members' −log tail ranks; shape (n_rows, n_members).
        scores: Its scores; shape (n_rows,).
    """
    X = ensemble.features_of(rows)
    parts = [X, ranks, scores[:, None]]
    if ensemble.cells is not None:
        layout = ensemble.cells.layout
        evidence = rows[:, X.shape[1] :]
        parts += [layout.row_bits(evidence, name)[:, None] for name in layout.names]
    # In single precision a row alone and in a batch, which differ by rounding, pass the same splits.
    with np.errstate(over="ignore"):
        wide = np.hstack(parts)
        most = np.finfo(np.float32).max
        return np.clip(wide, -most, most).astype(np.float32)


def n_inputs(ensemble: FittedEnsemble, n_features: int) -> int:
    """How many inputs `inputs_of` gives."""
    heard = 0 if ensemble.cells is None else len(ensemble.cells.layout.names)
    return n_features + len(ensemble.detectors) + 1 + heard


@dataclass(frozen=True, kw_only=True, eq=False)
class Known:
    """The training rows of a run whose labels are heeded.

    Args:
        rows: As the ensemble takes them.
        given: What is known of them.
        moments: When each was, in seconds; None: nobody knows.
        periods: The period of each, where the alert budget is per period.
    """

    rows: FloatArray = field(repr=False)
    given: Given
    moments: FloatArray | None = field(default=None, repr=False)
    periods: IntArray | None = field(default=None, repr=False)


def heed(ensemble: FittedEnsemble, known: Known, before: Verdict, settings: Settings) -> tuple[Heeded, Verdict]:
    """The answer that heeds the labels, and the verdict on it.

    Args:
        ensemble: The answer without them, that still knows its training rows.
        known: These, and their labels.
        before: What was decided without labels.
        settings: As for `decide`.
    """
    seed, labels = int(settings.random_state or 0), known.given.labels
    equal = EqualRows.of(known.rows)
    training = Rows(
        inputs=inputs_of(ensemble, known.rows, ensemble.member_scores, ensemble.train_scores),
        n_columns=ensemble.features_of(known.rows[:1]).shape[1],
        scores=ensemble.train_scores,
        calibration=before.calibration,
        share=before.contamination,
        kinship=Kinship(groups=known.given.groups, moments=known.moments),
        equal=None if equal.group is None else equal,
    )
    found = supervise(training, labels, seed=seed)
    probabilities = Probabilities(values=found.probabilities, by_labels=True)
    verdict = decide(found.scores, ensemble.member_scores, settings, probabilities=probabilities, periods=known.periods)
    judged, odds = found.honest
    if not len(judged):
        return found, verdict
    target = labels.anomalous[judged].astype(np.int64)
    told = Told(odds=odds, before=ensemble.train_scores[judged], target=target, how=found.how)
    performance, reason = measure(told, threshold=verdict.threshold, seed=seed)
    return found.with_performance(performance, reason), verdict


def moments_of(table: Table, encoder: TableEncoder) -> FloatArray | None:
    """When each row was, in seconds, NaN where that is not known; None without a column of dates."""
    import pandas as pd

    found = encoder.moments(table)
    if found is None or not pd.api.types.is_datetime64_any_dtype(found[1]):
        return None
    dates = found[1].dt.tz_convert("UTC").dt.tz_localize(None) if found[1].dt.tz is not None else found[1]
    seconds = dates.astype("datetime64[ns]").astype("int64").to_numpy(dtype=np.float64) / 1e9
    seconds[dates.isna().to_numpy()] = np.nan
    return np.asarray(seconds)
