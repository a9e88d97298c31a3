"""Forests as parts of fitted estimators: scikit-learn's isolation forests as arrays, and how forests are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto.detectors.estimators._stored import Sizes, Stored
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest, Layout, PlaneForest, breadth_first
from pynomaly_auto.records import FloatArray, IntArray, State

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest

_MOST_PARTS = 1_000
_PLANES, _AXES = "planes", "axes"
_KINDS: dict[str, type[Forest | PlaneForest]] = {_AXES: Forest, _PLANES: PlaneForest}


@dataclass(frozen=True, kw_only=True)
class Trees:
    """The field of a forest.

    Args:
        columns: Name of the size that its features are as many as, times `times`.
        times: Name of another size; empty: none.
        empty: There may be no tree.
    """

    columns: str = "d"
    times: str = ""
    empty: bool = False

    def write(self, name: str, held: Any) -> State:
        """Its arrays, under its name."""
        kind = _AXES if isinstance(held, Forest) else _PLANES
        state: State = held.to_state()
        return (State(values={"kind": kind}) | state).within(name)

    def read(self, name: str, state: State, sizes: Sizes) -> Forest | PlaneForest:
        """The forest again."""
        part = state.part(name)
        kind = part.value("kind", str)
        if kind not in _KINDS:
            raise StorageError(f"the value '{name}.kind' is {kind!r}.")
        made = _KINDS[kind].from_state(part)
        times = sizes[self.times] if self.times else 1
        wanted = sizes.setdefault(self.columns, made.n_features // times) * times
        if made.n_features != wanted or made.n_features < 1:
            raise StorageError(f"the forest {name!r} is over {made.n_features} features, not {wanted}.")
        if not made.n_trees and not self.empty:
            raise StorageError(f"the forest {name!r} has no trees.")
        return made


@dataclass(frozen=True, kw_only=True)
class Several:
    """The field of a list of parts of one class, whose sizes are those of the whole.

    Args:
        kind: Their class.
    """

    kind: type[Stored]

    def write(self, name: str, held: Sequence[Stored]) -> State:
        """Their data, under its name and their numbers."""
        out = State(values={f"{name}.count": len(held)})
        for i, part in enumerate(held):
            out = out | part.to_state().within(f"{name}.{i}")
        return out

    def read(self, name: str, state: State, sizes: Sizes) -> list[Stored]:
        """The parts again."""
        count = state.value(f"{name}.count", int)
        if not 1 <= count <= _MOST_PARTS:
            raise StorageError(f"the value '{name}.count' is {count!r}.")
        return [self.kind.read_state(state.part(f"{name}.{i}"), sizes) for i in range(count)]


def path_forest(models: Sequence[IsolationForest], n_features: int) -> Forest:
    """The trees of scikit-learn's isolation forests, one after another; a leaf's value is the length of its path.

    Where rows ended together, what it would have taken on average to part them is added (Liu et al. 2008).

    Args:
        models: Fitted; each has as many features, which follow those of the one before.
        n_features: Features of all of them.
    """
    own = n_features // len(models)
    trees, columns = [], []
    for i, model in enumerate(models):
        for tree, chosen in zip(model.estimators_, model.estimators_features_, strict=True):
            trees.append(tree.tree_)
            found = trees[-1].feature
            columns.append(np.where(found >= 0, chosen[np.maximum(found, 0)] + i * own, -1))
    counts = np.array([tree.node_count for tree in trees], dtype=np.int64)
    roots = np.cumsum(counts) - counts
    first = np.repeat(roots, counts)
    left, right = (
        np.concatenate([getattr(tree, side) for tree in trees]) for side in ("children_left", "children_right")
    )
    inner = left >= 0
    order, sizes = breadth_first(roots, np.where(inner, left + first, -1), np.where(inner, right + first, -1))
    features = np.concatenate(columns)[order]
    rows = np.concatenate([tree.n_node_samples for tree in trees])[order]
    thresholds = np.concatenate([tree.threshold for tree in trees])[order]
    lengths = Layout(sizes, features >= 0).levels + expected_length(rows)
    return Forest(
        sizes=sizes, features=features, values=np.where(features >= 0, thresholds, lengths), n_features=n_features
    )


def expected_length(rows: IntArray) -> FloatArray:
    """Mean length of an unsuccessful search in a binary tree of so many rows."""
    n = np.maximum(rows, 2).astype(np.float64)
    usual = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    return np.select([rows <= 1, rows == 2], [0.0, 1.0], usual)


def isolation(depths: FloatArray, expected: float) -> FloatArray:
    """Isolation scores of summed depths, in (0, 1).

    Args:
        depths: Sums over the trees.
        expected: The same for a row like any other; 0 where trees of one row cannot tell.
    """
    return np.asarray(np.exp2(-depths / expected) if expected > 0 else np.full_like(depths, 0.5))


def single(X: FloatArray) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Rows as scikit-learn's trees see them."""
    with np.errstate(over="ignore"):
        return X.astype(np.float32)
