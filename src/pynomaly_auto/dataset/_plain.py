"""Tables of numbers alone, encoded at once: for one row, going from column to column takes longer than scoring it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._parts import BOUND, NumberPart
from pynomaly_auto.dataset._stored import Plan
from pynomaly_auto.dataset._table import SMALL, Array, Table
from pynomaly_auto.records import FloatArray


class PlainColumns:
    """The columns of an encoder that has nothing but standardised numbers.

    Args:
        kept: Which columns are encoded.
        parts: How each of them is.
    """

    def __init__(self, kept: Sequence[int], parts: Sequence[NumberPart]) -> None:
        self.kept = np.array(kept, dtype=np.int64)
        self.exponents = np.array([-part.exponent for part in parts], dtype=np.int64)
        self.centres = np.array([part.centre for part in parts])
        self.spreads = np.array([part.spread for part in parts])

    @classmethod
    def of(cls, plans: Sequence[Plan]) -> Self | None:
        """Made of what becomes of each column; None where that is more than a standardised number."""
        kept, parts = [], []
        for i, plan in enumerate(plans):
            if not plan.parts:
                continue
            part = plan.parts[0]
            if len(plan.parts) > 1 or not isinstance(part, NumberPart) or plan.reading.form != "number":
                return None
            kept.append(i)
            parts.append(part)
        return cls(kept, parts)

    def encode(self, table: Table) -> FloatArray | None:
        """What its columns make of a table, to the last bit; shape (n_rows, n_features).

        Returns:
            None where there is more to say of a cell than its number, as it is missing, infinite or none, and where
            rows are so many that copies of them all cost more than going from column to column.
        """
        cells: Array | None = table.numbers if isinstance(table.source, pd.DataFrame) else table.source
        if not isinstance(cells, np.ndarray) or cells.dtype.kind not in "iuf" or len(cells) > SMALL:
            return None
        with np.errstate(over="ignore", under="ignore"):  # the bound below catches what lies anywhere
            values = cells.astype(np.float64)
            if not np.isfinite(values).all():
                return None
            scaled = np.ldexp(values[:, self.kept], self.exponents)
            scaled -= self.centres
            scaled /= self.spreads
        return np.asarray(np.clip(scaled, -BOUND, BOUND, out=scaled))
