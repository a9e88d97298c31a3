"""Rows that are equal in every encoded cell: they are recognised by fingerprints, and get equal scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pynomaly_auto.records import FloatArray, IntArray

# Odd multipliers of 64-bit mixing (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA 2014).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT, _WORD = 29, (1 << 64) - 1

_FEW = 5  # rows that are faster one by one
_BLOCK = 50_000  # rows looked at a time, so that no copy of the table is made


@dataclass(frozen=True, kw_only=True, eq=False)
class EqualRows:
    """Which rows of a table equal each other.

    Args:
        group: Number of the distinct row that each row is; shape (n_rows,). None: no two rows are equal.
        first: The first row of each group; shape (n_groups,).
    """

    group: IntArray | None
    first: IntArray

    @classmethod
    def of(cls, X: FloatArray) -> EqualRows:
        """Look for equal rows among encoded ones; shape (n_rows, n_features)."""
        return cls.of_prints(fingerprints(X))

    @classmethod
    def of_prints(cls, prints: np.ndarray[Any, np.dtype[np.uint64]]) -> EqualRows:
        """The same by the rows' fingerprints; shape (n_rows,)."""
        _, first, group = np.unique(prints, return_index=True, return_inverse=True)
        return cls(group=None if len(first) == len(prints) else group.astype(np.int64), first=first.astype(np.int64))

    def mean(self, values: FloatArray) -> FloatArray:
        """One value for all rows of a group, the mean of theirs; exactly theirs where they agree; shape (n_rows,).

        A training row is scored by how it lies to all others, itself left out, and by random draws that hold one copy
        of it and not the next: copies come out apart by nothing that tells them apart.
        """
        if self.group is None:
            return values
        start = values[self.first]
        apart = np.bincount(self.group, weights=values - start[self.group], minlength=len(start))
        return np.asarray((start + apart / np.bincount(self.group, minlength=len(start)))[self.group])


def fingerprints(X: FloatArray) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """A 64-bit fingerprint of each row's exact values; shape (n_rows,)."""
    if len(X) <= _FEW:
        return np.array([_mixed(row) for row in _bits(X).tolist()], dtype=np.uint64)
    state = np.full(len(X), _GOLDEN)
    for start in range(0, len(X), _BLOCK):
        _mix(state[start : start + _BLOCK], X[start : start + _BLOCK])
    return state


def _bits(X: FloatArray) -> np.ndarray[Any, np.dtype[np.uint64]]:
    # Adding zero turns -0.0 into 0.0, which compares equal and must count as equal here too.
    return (np.ascontiguousarray(X, dtype=np.float64) + 0.0).view(np.uint64)


def _mixed(row: list[int]) -> int:
    """As `_mix`, for one row: an array's step from column to column takes longer than a number's."""
    golden, mix, state = int(_GOLDEN), int(_MIX), int(_GOLDEN)
    for cell in row:
        state = (state ^ cell) * mix & _WORD
        state = (state ^ state >> _SHIFT) + golden & _WORD
    return state


def _mix(state: np.ndarray[Any, np.dtype[np.uint64]], X: FloatArray) -> None:
    with np.errstate(over="ignore"):
        for column in _bits(X).T:
            state ^= column
            state *= _MIX
            state ^= state >> np.uint64(_SHIFT)
            state += _GOLDEN
