"""LightGBM's text models, read by us.

LightGBM believes what a text says: one changed byte can end the process. So no stored text is ever given to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest._forest import Forest
from pynomaly_auto.forest._layout import BoolArray, breadth_first
from pynomaly_auto.records import FloatArray, IntArray

_VERSIONS = ("v3", "v4")
_PLAIN = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")  # whose sums are the predictions
_BINARY = "binary"
_END = "end of trees"
_MOST_TREES = 100_000
_CATEGORICAL, _DEFAULT_LEFT = 1, 2  # bits of a decision type; the two above say what counts as missing
_NONE, _NAN = 0, 2


def from_lightgbm_text(text: str) -> Forest:
    """Read a model of LightGBM with one output and numeric splits.

    Raises:
        StorageError: The text is no such model, or is damaged.
    """
    try:
        return _read(text)
    except (ValueError, KeyError, IndexError, OverflowError, TypeError) as error:
        raise StorageError(f"no model of LightGBM, or a damaged one: {error}.") from None


def _read(text: str) -> Forest:
    lines = iter(text.split("\n"))
    if next(lines) != "tree":
        raise StorageError("no model of LightGBM: it does not start with 'tree'.")
    head = _fields(lines)
    if head["version"] not in _VERSIONS or head["num_class"] != "1" or head["num_tree_per_iteration"] != "1":
        raise StorageError("a model of LightGBM of another kind: it must have one output.")
    n_features = int(head["max_feature_idx"]) + 1
    if not 1 <= n_features == len(head["feature_names"].split(" ")):
        raise StorageError("a damaged model of LightGBM: its features are not as many as their names.")
    trees = list(_trees(lines))
    sizes = np.array([int(tree["num_leaves"]) for tree in trees], dtype=np.int64)
    if (sizes < 1).any() or (sizes > len(text)).any():
        raise StorageError("a damaged model of LightGBM: the number of leaves.")
    splits, leaves = _Numbers(trees, sizes - 1), _Numbers(trees, sizes)
    features, gains = splits.whole("split_feature"), splits.real("split_gain")
    if ((features < 0) | (features >= n_features)).any():
        raise StorageError("a damaged model of LightGBM: it splits on features there are none of.")
    thresholds, missing_right = _decisions(splits)
    # All splits come first, then all leaves; a leaf is a negative number in its own tree.
    first_leaf = np.repeat(len(features) + _starts(sizes), sizes - 1)
    first_split = np.repeat(_starts(sizes - 1), sizes - 1)
    sides = [_children(splits.whole(side), first_split, first_leaf, sizes) for side in ("left_child", "right_child")]
    bare = np.full(int(sizes.sum()), -1)
    roots = np.where(sizes > 1, _starts(sizes - 1), len(features) + _starts(sizes))
    order, nodes = breadth_first(roots, *(np.concatenate([side, bare]) for side in sides))
    return Forest(
        sizes=nodes,
        features=np.concatenate([features, bare])[order],
        values=np.concatenate([thresholds, leaves.real("leaf_value")])[order],
        n_features=n_features,
        missing_right=np.concatenate([missing_right, np.zeros(len(bare), dtype=bool)])[order],
        average="average_output" in head,
        sigmoid=_sigmoid(head["objective"]),
        gains=np.bincount(features, np.maximum(gains, 0.0), minlength=n_features).astype(np.float64),
    )


def _fields(lines: Iterator[str]) -> dict[str, str]:
    """The lines up to the next empty one, as names and texts; a name alone has none."""
    out: dict[str, str] = {}
    for line in lines:
        if not line:
            return out
        name, _, value = line.partition("=")
        if name in out:
            raise StorageError(f"a damaged model of LightGBM: {name[:40]!r} comes twice.")
        out[name] = value
    raise StorageError("a damaged model of LightGBM: it ends too soon.")


def _trees(lines: Iterator[str]) -> Iterator[Mapping[str, str]]:
    for i, line in enumerate(islice((line for line in lines if line), _MOST_TREES + 1)):
        if line == _END:
            return
        if line != f"Tree={i}":
            raise StorageError(f"a damaged model of LightGBM: {line[:40]!r} instead of tree {i}.")
        tree = _fields(lines)
        if tree["num_cat"] != "0" or tree.get("is_linear", "0") != "0":
            raise StorageError("a model of LightGBM of another kind: categorical splits or linear leaves.")
        yield tree
    raise StorageError("a damaged model of LightGBM: it ends too soon.")


class _Numbers:
    """Lists of numbers in all trees, joined.

    Args:
        trees: Their fields.
        counts: How many numbers a list has in each tree.
    """

    def __init__(self, trees: Sequence[Mapping[str, str]], counts: IntArray) -> None:
        self.trees, self.counts = trees, counts.tolist()

    def whole(self, name: str) -> IntArray:
        """Whole numbers."""
        return np.array(self._texts(name), dtype=np.int64)

    def real(self, name: str) -> FloatArray:
        """Numbers."""
        return np.array(self._texts(name), dtype=np.float64)

    def _texts(self, name: str) -> list[str]:
        out: list[str] = []
        for tree, count in zip(self.trees, self.counts, strict=True):
            # LightGBM writes no list at all for a tree that is one leaf.
            words = tree[name].split(" ") if count else []
            if len(words) != count:
                raise StorageError(f"a damaged model of LightGBM: {len(words)} of {name} instead of {count}.")
            out += words
        return out


def _starts(sizes: IntArray) -> IntArray:
    return np.cumsum(sizes) - sizes


def _children(found: IntArray, first_split: IntArray, first_leaf: IntArray, sizes: IntArray) -> IntArray:
    """Children as nodes, from what they are called in their trees."""
    most = np.repeat(sizes, sizes - 1)
    if ((found < -most) | (found >= most - 1)).any():
        raise StorageError("a damaged model of LightGBM: a child that is none of the tree's nodes.")
    return np.where(found >= 0, first_split + found, first_leaf - found - 1)


def _decisions(splits: _Numbers) -> tuple[FloatArray, BoolArray]:
    """Thresholds, and where a row without a value goes right."""
    thresholds, kinds = splits.real("threshold"), splits.whole("decision_type")
    missing = kinds >> 2
    if (kinds & _CATEGORICAL).any() or ((missing != _NONE) & (missing != _NAN)).any():
        raise StorageError("a model of LightGBM of another kind: splits that are not numeric.")
    # Where nothing counts as missing, what is missing counts as zero.
    return thresholds, np.where(missing == _NONE, thresholds < 0.0, (kinds & _DEFAULT_LEFT) == 0)


def _sigmoid(objective: str) -> float | None:
    """Factor of the logistic function; None without one."""
    name, *settings = objective.split(" ")
    if name in _PLAIN and not settings:
        return None
    if name == _BINARY and len(settings) == 1 and settings[0].startswith("sigmoid:"):
        return float(settings[0].partition(":")[2])
    raise StorageError(f"a model of LightGBM of another kind: {objective[:40]!r}.")
