"""Which of several odd cells of a row the others are odd for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from pynomaly_auto.records import FloatArray, IntArray, OriginalColumn, OriginalTable

_MOST = 4  # cells of a row that are tried


def blamed(
    table: OriginalTable,
    bits: FloatArray,
    instead: Mapping[int, Mapping[int, float | str]],
    again: Callable[[OriginalTable, IntArray], FloatArray],
) -> FloatArray:
    """Bits of cells, given to those that explain the others.

    Of each row with several odd cells each is replaced in turn by what was expected there; the one that leaves the
    least to be said of the others gets the most bits that any of them had, and the others what is left.

    Args:
        table: The rows.
        bits: Of their cells; shape (n_rows, n_columns).
        instead: Column to row to what was expected.
        again: Bits of changed rows, given which rows they were; shape (n_changed, n_columns).
    """
    rows, columns = _tried(bits, instead)
    if not len(rows):
        return bits
    changed = _changed(table, rows, columns, instead)
    left = again(changed, rows)
    left[np.arange(len(rows)), columns] = 0.0
    remaining = left.sum(axis=1)
    # Of each row the trial that leaves least, the loudest cell first among equals.
    order = np.lexsort((-bits[rows, columns], remaining, rows))
    first = order[np.unique(rows[order], return_index=True)[1]]
    out = bits.copy()
    out[rows[first]] = np.minimum(left[first], bits[rows[first]])
    out[rows[first], columns[first]] = bits[rows[first]].max(axis=1)
    return out


def _tried(bits: FloatArray, instead: Mapping[int, Mapping[int, float | str]]) -> tuple[IntArray, IntArray]:
    """Rows with several odd cells, and each of their cells that something else was expected in."""
    several = np.flatnonzero((bits > 0).sum(axis=1) > 1)
    rows, columns = [], []
    for row in several.tolist():
        order = np.argsort(-bits[row], kind="stable")[:_MOST]
        found = [j for j in order.tolist() if bits[row, j] > 0 and row in instead.get(j, {})]
        rows += [row] * len(found)
        columns += found
    return np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)


def _changed(
    table: OriginalTable, rows: IntArray, columns: IntArray, instead: Mapping[int, Mapping[int, float | str]]
) -> OriginalTable:
    some = table.rows(rows)
    made = list(some.columns)
    for j in np.unique(columns).tolist():
        at = np.flatnonzero(columns == j)
        made[j] = _with(made[j], at, [instead[j][row] for row in rows[at].tolist()])
    return replace(some, columns=tuple(made))


def _with(column: OriginalColumn, at: IntArray, cells: list[float | str]) -> OriginalColumn:
    """A column with other cells at some places."""
    codes, texts, numbers = column.codes.copy(), list(column.texts), column.numbers.copy()
    for place, cell in zip(at.tolist(), cells, strict=True):
        if len(numbers):
            numbers[place] = _number(cell)
        if len(codes):
            codes[place] = -1
            if isinstance(cell, str):
                codes[place] = len(texts)
                texts.append(cell)
    return replace(column, codes=codes, texts=tuple(texts), numbers=numbers)


def _number(cell: float | str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")
