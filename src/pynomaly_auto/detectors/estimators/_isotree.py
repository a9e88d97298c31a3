"""isotree's fitted forests as plain arrays, read from what isotree itself exports.

Only ever of a forest that was grown in this process: what is stored are the arrays.
"""

from __future__ import annotations

import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pynomaly_auto.errors import DetectorError, StorageError
from pynomaly_auto.forest import Forest, PlaneForest, breadth_first
from pynomaly_auto.records import IntArray

# The file: 13 bytes of name, 9 of the platform, 2 of what is in it, 4 sizes; then the model: 3 bytes of actions, 1 of
# penalties, 1 of the metric, 2 expected depths, 2 counts (isotree 0.6, src/serialize.cpp).
_NAME, _PLATFORM = b"isotree_model", bytes((4, 8, 8))
_PLATFORM_AT, _KIND_AT, _MODEL_AT = 19, 22, 56
_PENALTY_AT, _EXPECTED_AT, _COUNTS_AT, _TREES_AT = _MODEL_AT + 3, _MODEL_AT + 5, _MODEL_AT + 21, _MODEL_AT + 37
_AXIS, _PLANES = (4, 6), (4, 7)  # everything in one file; a model of single columns, or of planes, and metadata
_NUMERIC = 31
_WORD = struct.Struct("<Q")
_NODE = np.dtype(
    [
        ("kind", "u1"), ("category", "<i4"), ("threshold", "<f8"), ("share", "<f8"), ("value", "<f8"), ("low", "<f8"),
        ("high", "<f8"), ("rest", "<f8"), ("column", "<i8"), ("left", "<i8"), ("right", "<i8"), ("categories", "<i8"),
    ]
)  # fmt: skip
# Where the numbers of a plane lie in it, all of 8 bytes; the last are counts of lists.
_THRESHOLD, _VALUE, _LOW, _HIGH, _LEFT, _RIGHT = (8 * i for i in (0, 1, 2, 3, 5, 6))
_COLUMNS, _KINDS, _WEIGHTS, _MEANS, *_OTHERS = (8 * i for i in range(7, 15))
_LISTS = 120  # where its lists start


@dataclass(frozen=True, kw_only=True, eq=False)
class Grown:
    """What isotree has grown.

    Args:
        forest: The trees; the sum of what they say is a row's depth, not averaged.
        expected: Mean depth of a row like any other in one tree.
    """

    forest: Forest | PlaneForest
    expected: float


def arrays_of(model: Any, n_features: int) -> Grown:
    """The trees of a fitted ``isotree.IsolationForest`` of numeric columns.

    Args:
        model: The fitted forest.
        n_features: Columns it was fitted on.

    Raises:
        DetectorError: This release of isotree writes its forests in a way we do not know.
    """
    with tempfile.TemporaryDirectory(prefix="pynomaly-") as folder:
        path = Path(folder) / "forest"
        model.export_model(str(path))
        data = path.read_bytes()
    try:
        return _read(data, n_features)
    except (StorageError, ValueError, IndexError, OverflowError, struct.error) as error:
        raise DetectorError(f"this release of isotree stores its forests in another way: {error}") from error


def _read(data: bytes, n_features: int) -> Grown:
    kind = tuple(data[_KIND_AT : _KIND_AT + 2])
    platform = data[_PLATFORM_AT : _PLATFORM_AT + len(_PLATFORM)]
    if not data.startswith(_NAME) or platform != _PLATFORM or data[13] != 1 or kind not in (_AXIS, _PLANES):
        raise StorageError("its head is unknown.")
    n_trees = _WORD.unpack_from(data, _COUNTS_AT + 8)[0]
    expected = float(struct.unpack_from("<d", data, _EXPECTED_AT)[0])
    read = _planes if kind == _PLANES else _axis
    return Grown(forest=read(data, n_trees, n_features, bool(data[_PENALTY_AT])), expected=expected)


def _axis(data: bytes, n_trees: int, n_features: int, penalised: bool) -> Forest | PlaneForest:
    at, trees = _TREES_AT, []
    for _ in range(n_trees):
        count = _WORD.unpack_from(data, at)[0]
        trees.append(np.frombuffer(data, _NODE, count, at + 8))
        at += 8 + count * _NODE.itemsize
    nodes = np.concatenate(trees)
    order, sizes = _ordered(nodes["left"], nodes["right"], [len(tree) for tree in trees])
    nodes = nodes[order]
    splits = nodes["left"] != 0
    if nodes["categories"].any() or (nodes["kind"][splits] != _NUMERIC).any():
        raise StorageError("its columns are not numeric.")
    columns, values = nodes["column"], np.where(splits, nodes["threshold"], nodes["value"])
    if not penalised:
        features = np.where(splits, columns, -1)
        return Forest(sizes=sizes, features=features, values=values, n_features=n_features)
    inner = nodes[splits]
    return PlaneForest(
        sizes=sizes, splits=splits, values=values, columns=columns[splits, None], weights=np.ones((len(inner), 1)),
        centres=np.zeros((len(inner), 1)), n_features=n_features, ranges=np.column_stack([inner["low"], inner["high"]]),
    )  # fmt: skip


def _planes(data: bytes, n_trees: int, n_features: int, penalised: bool) -> PlaneForest:
    places, counts = _places(data, n_trees)
    # Every eight bytes, from wherever they start.
    whole, real = (np.ndarray((len(data) - 7,), kind, data, strides=(1,)) for kind in ("<i8", "<f8"))
    order, sizes = _ordered(whole[places + _LEFT], whole[places + _RIGHT], counts)
    places = places[order]
    splits = whole[places + _LEFT] != 0
    inner = places[splits]
    width = whole[inner + _COLUMNS]
    lists = [whole[inner + place] != width for place in (_KINDS, _WEIGHTS, _MEANS)]
    if any(differs.any() for differs in lists) or any(whole[places + place].any() for place in _OTHERS):
        raise StorageError("its columns are not numeric.")
    most = int(width.max(initial=1))
    columns, weights = np.zeros((len(inner), most), dtype=np.int64), np.zeros((len(inner), most))
    means = np.zeros((len(inner), most))
    for j in range(most):
        wide = width > j
        here, many = inner[wide] + _LISTS + 8 * j, width[wide]
        columns[wide, j], weights[wide, j] = whole[here], real[here + 9 * many]
        means[wide, j] = real[here + 17 * many]
    values = real[places + _VALUE]
    values[splits] = real[inner + _THRESHOLD]
    ranges = np.column_stack([real[inner + _LOW], real[inner + _HIGH]]) if penalised else np.zeros((0, 2))
    return PlaneForest(
        sizes=sizes, splits=splits, values=values, columns=columns, weights=weights, centres=means,
        n_features=n_features, ranges=ranges,
    )  # fmt: skip


def _places(data: bytes, n_trees: int) -> tuple[IntArray, list[int]]:
    """Where each node starts, and how many each tree has."""
    at, places, counts = _TREES_AT, [], []
    read = _WORD.unpack_from
    for _ in range(n_trees):
        count = read(data, at)[0]
        at += _WORD.size
        counts.append(count)
        for _ in range(count):
            places.append(at)
            # Of each column its number, kind, weight and mean.
            at += _LISTS + 25 * read(data, at + _COLUMNS)[0]
    return np.array(places, dtype=np.int64), counts


def _ordered(left: IntArray, right: IntArray, counts: list[int]) -> tuple[IntArray, IntArray]:
    """The nodes in our order, and the trees' sizes; isotree calls the children by their places in the tree."""
    starts = np.cumsum(counts, dtype=np.int64) - np.array(counts, dtype=np.int64)
    first = np.repeat(starts, counts)
    inner = left != 0
    return breadth_first(starts, np.where(inner, first + left, -1), np.where(inner, first + right, -1))
