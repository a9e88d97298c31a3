"""Explanations of the rows that stand out: what the models, the cells and the rules say of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly_auto.dataset import Table, fingerprints, open_table, to_frame
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._ruled import said_of
from pynomaly_auto.explaining import Explaining, explain_rows
from pynomaly_auto.records import Explanation, FloatArray, IntArray, Verdict
from pynomaly_auto.ruling import named

_EXPLAINED_ROWS = 20


def most_anomalous(verdict: Verdict) -> IntArray:
    """Positions of the rows labelled anomalous with the highest scores, at most 20, the highest first."""
    rows = np.flatnonzero(verdict.labels == -1)
    return rows[np.argsort(-verdict.scores[rows], kind="stable")][:_EXPLAINED_ROWS]


def explain_table(model: Model, table: Any, rows: Any, *, method: str, seed: int) -> tuple[Explanation, ...]:
    """Explain rows of a table against the training rows kept with the model.

    Args:
        model: Fitted.
        table: Rows with the columns fitted on.
        rows: Positions in it; None: the 20 with the highest scores among those above the threshold.
        method: How contributions are found; see `Explaining`.
        seed: Seed of the background rows.
    """
    opened = open_table(table)
    X = model.encode(opened).rows
    scores = np.empty(0)
    if rows is None or model.ruling is not None:
        scores = model.under_rules(opened, X, model.score(X))
    if rows is None:
        above = np.flatnonzero(scores > model.verdict.threshold)
        rows = above[np.argsort(-scores[above], kind="stable")][:_EXPLAINED_ROWS]
    options = Explaining(method=method, seed=seed, reference=model.cells, quick=model.quick_score())
    chosen = np.asarray(rows, dtype=np.int64)
    cells = to_frame(opened)
    found = explain_rows(model.score, model.reference, chosen, X=X, values=cells, options=options)
    found = found if model.looking is None else model.looking.told(found, model.encoder, cells)
    return by_rule(model, found, opened, X, scores)


def by_rule(
    model: Model, explanations: tuple[Explanation, ...], table: Table, rows: FloatArray, scores: FloatArray
) -> tuple[Explanation, ...]:
    """Explanations of some rows of a table that name the rule which decides of a row, where one does."""
    ruling = model.ruling
    if ruling is None or not explanations:
        return explanations
    found = said_of(ruling, model.encoder, table)
    heard = ruling.heard(found.said, fingerprints(rows) if len(ruling.excused) else fingerprints(rows[:0]))
    return named(explanations, ruling.rules, found, heard, scores)
