"""The smallest values of each row of a block: where most of the time of a search for neighbours goes."""

from __future__ import annotations

from threading import local
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

FEW_ROWS = 64  # fewer rows find their neighbours by themselves: sharing costs more than it saves
_LONG, _LONGER, _STRIDE = 2_000, 32, 8  # from so many points on, 32 for each neighbour, every eighth gives the limit
_local = local()


def smallest(values: FloatArray, k: int) -> IntArray:
    """Positions of the ``k`` smallest values of each row, in no order; shape (n_rows, k)."""
    n_rows, n = values.shape
    if k >= n:
        return np.tile(np.arange(n), (n_rows, 1))
    return np.asarray(np.argpartition(values, k - 1, axis=1)[:, :k])


def lowest(values: FloatArray, k: int) -> IntArray:
    """As `smallest`, for many rows: single precision finds nearly all of them in a third of the time."""
    n_rows, n = values.shape
    if k >= n or n_rows < FEW_ROWS:
        return smallest(values, k)
    single = scratch_memory("single", values.shape, np.float32)
    with np.errstate(over="ignore"):  # what overflows is told apart in double
        single[...] = values
    limits, guessed = _limits(single, k)
    found = np.flatnonzero(single <= limits)
    if not guessed and len(found) == n_rows * k:
        return np.asarray(found.reshape(n_rows, k) - n * np.arange(n_rows)[:, None])
    # More or fewer than asked for, by ties or as limits were guessed: the smallest of those inside are told in double.
    return _kept(values, found, k)[1]


def lowest_single(values: np.ndarray[Any, np.dtype[np.float32]], k: int) -> tuple[FloatArray, IntArray]:
    """The ``k``-th smallest value of each row, and positions of the ``k`` smallest; shapes (n_rows,), (n_rows, k)."""
    n = values.shape[1]
    limits, _ = _limits(values, k)
    largest, positions = _kept(values, np.flatnonzero(values <= limits), min(k, n))
    return largest.astype(np.float64), positions


def _kept(values: np.ndarray[Any, Any], found: IntArray, k: int) -> tuple[np.ndarray[Any, Any], IntArray]:
    """The ``k``-th smallest of the values found inside each row's limits, and positions of the ``k`` smallest."""
    n_rows, n = values.shape
    rows = found // n
    counts = np.bincount(rows, minlength=n_rows)
    slots = np.arange(len(found)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = max(int(counts.max()), k)
    held, places = np.full((n_rows, width), np.inf, dtype=values.dtype), np.zeros((n_rows, width), dtype=np.int64)
    held[rows, slots], places[rows, slots] = values.ravel()[found], found - n * rows
    chosen = smallest(held, k)
    out = np.take_along_axis(places, chosen, axis=1)
    largest = np.take_along_axis(held, chosen, axis=1).max(axis=1)
    few = np.flatnonzero(counts < k)
    if len(few):
        out[few] = smallest(values[few], k)
        largest[few] = np.take_along_axis(values[few], out[few], axis=1).max(axis=1)
    return largest, np.asarray(out)


def _limits(single: np.ndarray[Any, np.dtype[np.float32]], k: int) -> tuple[np.ndarray[Any, Any], bool]:
    """The ``k``-th smallest value of each row, or of long rows a guess that is nearly always above it; and which."""
    n_rows, n = single.shape
    stride, at = 1, k - 1
    if n >= _LONG and k * _LONGER <= n:
        stride, at = _STRIDE, k // _STRIDE + 3 * int(np.sqrt(k / _STRIDE)) + 3
    sample = scratch_memory("sample", (n_rows, -(-n // stride)), np.float32)
    sample[...] = single[:, ::stride]
    sample.partition(at, axis=1)
    return sample[:, at : at + 1], stride > 1


def pick(values: np.ndarray[Any, Any], positions: IntArray) -> Any:
    """The values at those positions of each row; shape as ``positions``."""
    return values.ravel().take(positions + values.shape[1] * np.arange(len(positions))[:, None])


def scratch_memory(name: str, shape: tuple[int, int], kind: type[Any]) -> np.ndarray[Any, Any]:
    """Memory to work in, good until it is asked for again by the same thread: fresh memory costs more than the work."""
    size = shape[0] * shape[1]
    held = getattr(_local, name, None)
    if held is None or len(held) < size:
        held = np.empty(size, dtype=kind)
        setattr(_local, name, held)
    return np.asarray(held[:size].reshape(shape))
