"""What is counted of one column before a rule decides what becomes of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.dataset.reading import Reading
from pynomaly_auto.records import FloatArray

_SAME = 4 * np.finfo(np.float64).eps  # a spread below this share of the magnitude is rounding, not variation


@dataclass(frozen=True, kw_only=True, eq=False)
class Facts:
    """One column, read, counted and sorted.

    Args:
        name: The column's name.
        reading: How its cells are read.
        cells: The cells, read so.
        numbers: The finite numbers in ascending order; empty for text.
        counts: How often each level of ``cells`` occurs; empty for numbers.
        n_missing: Cells without a value, those that could not be read included.
        n_unread: Texts among numbers or dates that could not be read as such.
        n_infinite: Cells with plus or minus infinity.
        n_unique: Distinct values.
        note: How the reading was found, as a clause; empty: there was nothing to find.
    """

    name: str
    reading: Reading
    cells: Cells = field(repr=False)
    numbers: FloatArray = field(repr=False)
    counts: Array = field(repr=False)
    n_missing: int
    n_unread: int
    n_infinite: int
    n_unique: int
    note: str = ""

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.cells)

    @property
    def varies(self) -> bool:
        """Whether the values present differ by more than rounding."""
        if self.n_unique < 2 or self.n_infinite or len(self.counts):
            return self.n_unique > 1
        low, high = np.ldexp(self.numbers[[0, -1]], -exponent_of(self.numbers))
        return bool(high - low > _SAME)

    @property
    def print(self) -> bytes:
        """A digest of form and values, equal for columns that hold the same."""
        digest = hashlib.blake2b(self.cells.form.encode())
        if len(self.cells.numbers):
            plain = self.cells.numbers + 0.0  # minus zero becomes zero
            plain[np.isnan(plain)] = np.nan  # NaN comes with many bit patterns
            digest.update(plain.tobytes())
        if len(self.cells.codes):
            digest.update(self.cells.codes.tobytes())
            digest.update("\0".join(self.cells.levels).encode("utf-8", "surrogatepass"))
        return digest.digest()


def facts_of(name: str, reading: Reading, cells: Cells, *, n_unread: int = 0, note: str = "") -> Facts:
    """Count and sort one column's cells.

    Args:
        name: The column's name.
        reading: How the cells were read.
        cells: The cells, read.
        n_unread: Cells that hold something the reading could not read.
        note: How the reading was found.
    """
    finite, n_infinite, kinds = np.empty(0), 0, 0
    if len(cells.numbers):
        finite = cells.numbers[np.isfinite(cells.numbers)]
        finite.sort()  # sorted sums are the same whatever the order of the rows
        kinds = int((cells.numbers == np.inf).any()) + int((cells.numbers == -np.inf).any())
        n_infinite = int(np.isinf(cells.numbers).sum())
    counts = np.empty(0, dtype=np.int64)
    if len(cells.codes):
        counts = np.bincount(cells.codes[cells.codes >= 0], minlength=len(cells.levels))
    distinct = (1 + int((finite[1:] != finite[:-1]).sum())) if len(finite) else 0
    return Facts(
        name=name,
        reading=reading,
        cells=cells,
        numbers=finite,
        counts=counts,
        n_missing=int(cells.missing.sum()),
        n_unread=n_unread,
        n_infinite=n_infinite,
        n_unique=distinct + kinds + int((counts > 0).sum()),
        note=note,
    )


def exponent_of(ordered: FloatArray) -> int:
    """Power of two that brings the largest magnitude of ascending numbers to [0.5, 1)."""
    return int(np.frexp(max(abs(ordered[0]), abs(ordered[-1])))[1]) if len(ordered) else 0
