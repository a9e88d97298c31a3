"""Whether a column of the table is the labels themselves, from which everything would be learned, and nothing known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto.records import IntArray, Labels, Reason

if TYPE_CHECKING:
    import pandas as pd

    from pynomaly_auto.dataset import Table

_LEAST = 5  # labelled rows of either kind: below that a column of two values may well say the same by chance


def labels_among(table: Table, labels: Labels) -> tuple[Reason, ...]:
    """A warning for each column that has one value on all anomalies and another one on all normal rows.

    Args:
        table: Without the column that the labels were taken from.
        labels: Of its rows.
    """
    import pandas as pd

    if min(labels.n_anomalies, labels.n_normal) < _LEAST:
        return ()
    kinds, out = (np.flatnonzero(labels.anomalous), np.flatnonzero(labels.normal)), []
    for position, name in enumerate(table.names):
        cells = pd.Series(table.column(position))
        if not all(len(_values(cells, rows[:_LEAST])) == 1 for rows in kinds):  # most columns end here
            continue
        anomalous, normal = (_values(cells, rows) for rows in kinds)
        if len(anomalous) > 1 or len(normal) > 1 or anomalous == normal:
            continue
        n = labels.n_anomalies + labels.n_normal
        text = (
            f"on all {n:,} rows with a label it says what the label says. If it is the label, what was learned holds "
            "for no row without one, and its figures are worth nothing."
        )
        out.append(Reason(code="SUP-002", subject=name, text=text, evidence={"labelled": n}))
    return tuple(out)


def _values(cells: pd.Series[Any], rows: IntArray) -> set[str]:
    """What stands in some cells, as text; a missing one is empty."""
    some = cells.iloc[rows]
    return set(some.astype(object).where(some.notna(), "").map(str))
