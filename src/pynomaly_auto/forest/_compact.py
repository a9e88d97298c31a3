"""Arrays of forests as they are stored: as small as they can be without loss."""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest._layout import BoolArray
from pynomaly_auto.records import FloatArray, State

_FEW = 65_536  # different values that are stored as a table


def merged(splits: BoolArray, thresholds: FloatArray, leaves: FloatArray) -> FloatArray:
    """Values of all nodes, from those of the splits and those of the leaves.

    Raises:
        StorageError: There are more or fewer than nodes.
    """
    if len(thresholds) != splits.sum() or len(leaves) != (~splits).sum():
        raise StorageError("a forest is damaged: its arrays are not of one length.")
    values = np.empty(len(splits))
    values[splits], values[~splits] = thresholds, leaves
    return values


def unpacked(state: State, name: str, count: int) -> BoolArray:
    """Truths that were packed into bytes.

    Raises:
        StorageError: They are missing, or more or fewer than so many.
    """
    packed = state.array(name, kind="u", ndim=1)
    if packed.dtype != np.uint8 or len(packed) != -(-count // 8):
        raise StorageError("a forest is damaged: its arrays are not of one length.")
    return np.unpackbits(packed, count=count).astype(bool)


def smallest(n_features: int) -> type[np.signedinteger[Any]]:
    """The smallest kind of whole numbers that names so many features."""
    return next((kind for kind in (np.int8, np.int16) if n_features <= np.iinfo(kind).max), np.int32)


def single(values: FloatArray) -> np.ndarray[Any, Any]:
    """In single precision, if nothing is lost by it."""
    with np.errstate(over="ignore"):
        short = values.astype(np.float32)
    return short if np.array_equal(short, values) else values.astype(np.float64)


def table(name: str, values: FloatArray) -> dict[str, np.ndarray[Any, Any]]:
    """As codes of the few different values there are, or as they are."""
    levels, codes = np.unique(values, return_inverse=True)
    if len(levels) <= min(_FEW, len(values) // 4):
        return {name: single(levels), f"{name}_codes": codes.astype(np.uint16)}
    return {name: single(values)}


def read_table(state: State, name: str) -> FloatArray:
    """What `table` wrote.

    Raises:
        StorageError: It is missing or damaged.
    """
    values = state.array(name, ndim=1).astype(np.float64)
    if f"{name}_codes" not in state.arrays:
        return values
    codes = state.array(f"{name}_codes", kind="u", ndim=1)
    if (codes >= len(values)).any():
        raise StorageError("a forest is damaged: codes of values there are none of.")
    return np.asarray(values[codes], dtype=np.float64)
