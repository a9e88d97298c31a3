"""What an answer on a mixed table is worth: by row, by cell, by the column that is named first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._mixed_tables import MixedTable
from pynomaly_auto.records import Expectation, FloatArray, IntArray
from pynomaly_auto.scoring import average_precision, roc_auc

RECALLS = {"recall_1": 1.0, "recall_15": 1.5, "recall_2": 2.0}
MENDABLE = ("misspelling", "dependency")  # kinds of planted cells that the other rows tell the right value of
_FEWEST_AGREEING = 3  # other rows, and
_AGREEING = 0.9  # their share, from which what they hold is what a wrong cell should have held


@dataclass(frozen=True, kw_only=True, eq=False)
class Cells:
    """What a method says of cells.

    Args:
        bits: Higher = odder, shape (n_rows, n_columns).
        expected: What a cell should have held, by row and column; None: it does not say.
    """

    bits: FloatArray
    expected: Callable[[int, int], str | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Flags:
    """Which rows a method labels, and what it tells of them.

    Args:
        labels: -1 for an anomaly, else 1, shape (n_rows,).
        told: How many of them it expects to be real; None: it does not say.
    """

    labels: IntArray
    told: Expectation | None


def judged(
    table: MixedTable,
    scores: FloatArray,
    *,
    cells: Cells | None = None,
    named: Mapping[int, str] | None = None,
    flags: Flags | None = None,
) -> dict[str, Any]:
    """All measures of one answer.

    Args:
        table: The table it is of.
        scores: Higher = more anomalous, shape (n_rows,).
        cells: What is said of cells.
        named: Row to the column named first in its explanation, for planted rows that were found.
        flags: Which rows are labelled.
    """
    out: dict[str, Any] = {"roc_auc": roc_auc(table.y, scores), "ap": average_precision(table.y, scores)}
    out |= recalls(table, scores)
    if flags is not None:
        out |= flagged(table, flags)
    if table.wrong is not None and named:
        columns = [str(column) for column in table.frame.columns]
        right = [table.wrong[row, columns.index(column)] for row, column in named.items()]
        out |= {"first_right": float(np.mean(right)), "first_asked": len(right)}
    if table.wrong is not None and cells is not None:
        out["cell_ap"] = average_precision(table.wrong.ravel().astype(np.int64), cells.bits.ravel())
        out |= expectations(table, cells)
    return out


def recalls(table: MixedTable, scores: FloatArray) -> dict[str, Any]:
    """Share of the k planted rows among the first k, 1.5 k and 2 k; by kind too, among the first 2 k."""
    k = int(table.y.sum())
    order = np.argsort(-scores, kind="stable")
    out: dict[str, Any] = {name: float(table.y[order[: round(times * k)]].sum()) / k for name, times in RECALLS.items()}
    if table.kinds:
        kinds = np.array(table.kinds)
        first = np.zeros(len(kinds), dtype=bool)
        first[order[: 2 * k]] = True
        out["kinds"] = {str(kind): float(first[kinds == kind].mean()) for kind in np.unique(kinds) if kind}
    return out


def flagged(table: MixedTable, flags: Flags) -> dict[str, Any]:
    """How many rows are labelled, how many of them rightly, how many were told to be, and within which range."""
    found = flags.labels == -1
    out: dict[str, Any] = {"flagged": int(found.sum()), "hits": int((found & (table.y == 1)).sum())}
    if flags.told is not None:
        out |= {"real": flags.told.real, "low": flags.told.low, "high": flags.told.high}
    return out


def expectations(table: MixedTable, cells: Cells) -> dict[str, Any]:
    """How often the expected value of a wrong cell is right, of those whose right value is known."""
    assert table.wrong is not None
    right = known_values(table)
    hits = [cells.expected(row, column) == text for (row, column), text in right.items()]
    return {"expected_right": float(np.mean(hits)), "expected_asked": len(hits)} if hits else {}


def known_values(table: MixedTable) -> dict[tuple[int, int], str]:
    """What wrong cells should have held, as text: what stood there before a mistake, or what the other rows agree on.

    Without the table as it was, a column's value counts as known where it follows from another column: at least three
    other rows with the same value there, nine in ten of which agree, none of them labelled.
    """
    assert table.wrong is not None
    at = [(int(row), int(column)) for row, column in np.argwhere(table.wrong)]
    if table.clean is not None:
        changed = {cell: _text(table.clean.iat[cell]) for cell in at if table.kinds[cell[0]] in MENDABLE}
        return {cell: text for cell, text in changed.items() if text != _text(table.frame.iat[cell])}
    frame = table.frame.map(_text)
    clean = frame[table.y == 0]
    out: dict[tuple[int, int], str] = {}
    for row, column in at:
        others = (j for j in range(frame.shape[1]) if j != column and not table.wrong[row, j])
        agreed = (_agreed(clean, j, str(frame.iat[row, j]), column) for j in others)
        found = [text for text in agreed if text is not None]
        if found and len(set(found)) == 1 and found[0] != frame.iat[row, column]:
            out[row, column] = found[0]
    return out


def _agreed(clean: pd.DataFrame, key: int, value: str, column: int) -> str | None:
    same = clean.iloc[:, column][(clean.iloc[:, key] == value).to_numpy()]
    if value == "" or len(same) < _FEWEST_AGREEING:
        return None
    counts = same.value_counts()
    # A key of two columns that hold one value everywhere tells nothing.
    if counts.iloc[0] < _AGREEING * len(same) or counts.iloc[0] > 0.5 * len(clean):
        return None
    return str(counts.index[0])


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)
