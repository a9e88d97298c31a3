"""What later rows hold that no row fitted on held: told once per call, because it decides how these rows are judged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset._making import MAX_LEVELS
from pynomaly_auto.dataset._parts import LevelPart, Part
from pynomaly_auto.errors import UnseenValuesWarning, warn
from pynomaly_auto.records import Column

_SHOWN = 5  # columns told of by name
_EXPECTED = 0.5  # among many levels new ones are usual: told of when more than this share of the cells are new
_BATCH = 10  # rows from which on such a share means something


def unseen_in(column: Column, parts: Sequence[Part], cells: Cells) -> str | None:
    """What is new about one column's cells, as a clause; None: nothing that was not there when fitting.

    Args:
        column: What was counted of the column when fitting.
        parts: What encodes it.
        cells: The later cells, read.
    """
    if cells.is_empty and (len(cells) > 1 or not column.n_missing):
        return f"{column.name!r} holds no value in any of the {len(cells):,} rows"
    for part in parts:
        if isinstance(part, LevelPart):
            found = _new_levels(column, part, cells)
            if found is not None:
                return found
    return None


def tell(found: Sequence[str]) -> None:
    """Warn of all columns at once."""
    if not found:
        return
    more = [f"and {len(found) - _SHOWN} more columns"] if len(found) > _SHOWN else []
    warn(
        f"values never seen in fit: {'; '.join([*found[:_SHOWN], *more])}. A category never seen lies further out than "
        "any known one, so its rows are likely to be flagged; a missing value counts as the usual one where none was "
        "missing in fit, else as what it was there. Fit again if these rows are as they should be.",
        UnseenValuesWarning,
    )


def _new_levels(column: Column, part: LevelPart, cells: Cells) -> str | None:
    new = [i for i, level in enumerate(cells.levels) if level not in part.known]
    if not new:
        return None
    n_new = int(np.isin(cells.codes, new).sum())
    many = len(part.levels) > MAX_LEVELS
    if not n_new or (many and (len(cells) < _BATCH or n_new <= _EXPECTED * len(cells))):
        return None
    example = str(cells.levels[new[0]])[:40]
    return f"{column.name!r} holds categories never seen, such as {example!r}, in {n_new:,} of {len(cells):,} rows"
