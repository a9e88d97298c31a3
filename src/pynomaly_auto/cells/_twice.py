"""Rows that agree in two columns that together name the rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Self

import numpy as np

from pynomaly_auto.cells._parts import one_by_one, positions, read_one_by_one
from pynomaly_auto.cells._surroundings import Hashes, hashes
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, FloatArray, IntArray, OriginalTable, State

_MOST_COLUMNS, _MOST_PAIRS = 12, 3  # looked at; heard
_FEWEST = 50  # rows
_COMING_AGAIN = 2.0  # rows that a value of either column has, on average
_TWINS = 0.02  # most of the rows that may agree with another in both
_BY_CHANCE = 0.05  # most of the pairs of rows that would agree by chance that may do so
_FEWEST_BY_CHANCE = 20.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairing:
    """Two columns that together name the rows.

    Args:
        left: Position of one.
        right: Position of the other.
        held: Pairs of values that come twice, hashed, in order; shape (n_held,).
        bits: Of coming twice at all.
    """

    left: int
    right: int
    held: Hashes = field(repr=False)
    bits: float

    @classmethod
    def of(cls, table: OriginalTable, left: int, right: int) -> tuple[float, Pairing] | None:
        """Count the pairs; None: they do not name the rows, or all do.

        Returns:
            The pairs of rows that agree as a share of those that would by chance; and what was learned.
        """
        hashed, known = _pairs(table, left, right)
        values, counts = np.unique(hashed[known], return_counts=True)
        total, twins = int(counts.sum()), int(counts[counts > 1].sum())
        if not 0 < twins <= _TWINS * total:
            return None
        alike = [table.columns[i].levels.counts / max(total, 1) for i in (left, right)]
        chance = 0.5 * total**2 * float(np.square(alike[0]).sum() * np.square(alike[1]).sum())
        agree = float((counts * (counts - 1.0)).sum() / 2)
        if chance < _FEWEST_BY_CHANCE or agree > _BY_CHANCE * chance:
            return None
        return agree / chance, cls(left=left, right=right, held=values[counts > 1], bits=float(np.log2(total / twins)))

    def found(self, table: OriginalTable) -> FloatArray:
        """Bits of each row, 0 for those with a pair of their own; shape (n_rows,)."""
        hashed, known = _pairs(table, self.left, self.right)
        place = np.minimum(np.searchsorted(self.held, hashed), len(self.held) - 1)
        return np.where(known & (self.held[place] == hashed), self.bits, 0.0)

    def to_state(self) -> State:
        """As data."""
        values = {"left": self.left, "right": self.right, "bits": self.bits}
        return State(arrays={"held": self.held}, values=values)

    @classmethod
    def from_state(cls, state: State) -> Pairing:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        left, right = positions([state.value("left", int), state.value("right", int)])
        held, bits = state.array("held", kind="u", ndim=1), float(state.value("bits", (int, float)))
        if held.dtype != np.uint64 or not len(held) or (held[1:] <= held[:-1]).any() or not 0 <= bits < np.inf:
            raise StorageError("what was learned of two columns that name the rows is damaged.")
        return cls(left=left, right=right, held=held, bits=bits)


class Twice:
    """Rows that agree in two columns whose values come again and again, but hardly ever together.

    An employee has one pay slip a month, a machine one reading at a time: pairs of values that come twice, though by
    chance a twentieth as many would not. Bits are −log₂ of the share of such rows, half for either cell. The first
    twelve columns whose values come twice on average are looked at; of two rows nobody can tell which is one too many.

    Attributes:
        pairings: The pairs of columns that name the rows, at most three.
    """

    def __init__(self) -> None:
        self.pairings: tuple[Pairing, ...] = ()

    def fit(self, table: OriginalTable) -> Self:
        """Look for such columns.

        Raises:
            NotApplicableError: No two columns name the rows, or no two rows agree in them.
        """
        able = [i for i, column in enumerate(table.columns) if _comes_again(column.levels.counts)][:_MOST_COLUMNS]
        sizes = {i: len(table.columns[i].levels.texts) for i in able}
        found = []
        for left, right in combinations(able, 2):
            if table.n_rows >= _FEWEST and sizes[left] * sizes[right] >= (1 - _TWINS) * table.n_rows:
                pairing = Pairing.of(table, left, right)
                found += [(pairing[0], left, right, pairing[1])] if pairing is not None else []
        if not found:
            raise NotApplicableError("no two columns together tell the rows apart but for a few duplicates")
        found.sort(key=lambda one: one[:3])
        self.pairings = tuple(one[3] for one in found[:_MOST_PAIRS])
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        for pairing in self.pairings:
            half = pairing.found(table) / 2
            for i in (pairing.left, pairing.right):
                bits[:, i] = np.maximum(bits[:, i], half)
        return CellEvidence(bits=bits)

    def to_state(self) -> State:
        """All pairs as data."""
        return one_by_one(self.pairings, name="pairings", each="pairing")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.pairings = tuple(map(Pairing.from_state, read_one_by_one(state, name="pairings", each="pairing")))
        return made


def _comes_again(counts: IntArray) -> bool:
    return bool(len(counts) > 1 and counts.sum() >= _COMING_AGAIN * len(counts))


def _pairs(table: OriginalTable, left: int, right: int) -> tuple[Hashes, np.ndarray]:
    """The two cells of each row hashed, and whether both are there."""
    columns = (table.columns[left], table.columns[right])
    hashed = hashes(OriginalTable(columns=columns, n_rows=table.n_rows))
    return hashed, ~(columns[0].missing | columns[1].missing)
