"""How trees lie in arrays: one tree after another, each level by level.

So laid out, the two children of a tree's k-th split are its nodes 2k + 1 and 2k + 2. Which nodes are splits says all
of the structure, and no index into anything has to be stored, or believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, IntArray

BoolArray: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
# Of the values of all rows in one line, the nodes rows are at, and where in that line their own values start.
GoesRight: TypeAlias = "Callable[[FloatArray, IntArray, IntArray], BoolArray]"
Toll: TypeAlias = "Callable[[FloatArray, IntArray, IntArray], FloatArray]"

_DEEPEST = 10_000  # levels of a tree; a chain of a million nodes would take for ever
# Rows that walk together, and rows times trees: what is in hand then stays in a core's cache (measured: one tree and
# some thousand rows at a time is as fast as scikit-learn's compiled walk, the whole forest at a time half as fast).
_ROWS = 8_192
_CELLS = 16_384
_MANY_GROUPS = 4  # for each row, from which on trees are added row by row, not group by group
_THIN_OUT = 3  # levels after which those that have reached a leaf are left out


class Layout:
    """The structure of a forest's trees.

    Args:
        sizes: Nodes of each tree; shape (n_trees,).
        splits: Which nodes are splits, all others being leaves; shape (n_nodes,).

    Raises:
        StorageError: These are not trees.
    """

    def __init__(self, sizes: IntArray, splits: BoolArray) -> None:
        sizes = np.asarray(sizes, dtype=np.int64)
        # First the smallest and the largest, so that their sum cannot overflow.
        if sizes.ndim != 1 or splits.ndim != 1 or (sizes < 1).any() or (sizes > len(splits)).any():
            raise StorageError("a forest is damaged: sizes of trees.")
        if sizes.sum() != len(splits):
            raise StorageError("a forest is damaged: its trees do not hold its nodes.")
        self.sizes, self.splits = sizes, splits
        self.starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)[: len(sizes)]
        before = np.concatenate([[0], np.cumsum(splits)]).astype(np.int64)
        start = np.repeat(self.starts, sizes)
        rank = before[:-1] - before[start]  # of a node, how many splits lie before it in its tree
        nodes = np.arange(len(splits))
        self.left = np.where(splits, start + 2 * rank + 1, nodes)
        ends = self.starts + sizes
        if (2 * (before[ends] - before[self.starts]) + 1 != sizes).any() or (self.left[splits] <= nodes[splits]).any():
            raise StorageError("a forest is damaged: its splits do not make trees.")

    @cached_property
    def levels(self) -> IntArray:
        """The level of each node, 0 for a root; shape (n_nodes,).

        Raises:
            StorageError: A tree is deeper than any that was grown.
        """
        levels = np.zeros(len(self.splits), dtype=np.int64)
        front = self.starts
        for level in range(1, _DEEPEST):
            inner = self.left[front[self.splits[front]]]
            if not len(inner):
                return levels
            front = np.concatenate([inner, inner + 1])
            levels[front] = level
        raise StorageError(f"a forest is damaged: a tree has more than {_DEEPEST} levels.")

    def top(self, depth: int) -> tuple[Layout, IntArray]:
        """The trees cut off at a level, whose splits are leaves there, and which of the nodes these still are.

        Args:
            depth: The level.
        """
        kept = np.flatnonzero(self.levels <= depth)
        tree = np.searchsorted(self.starts, kept, side="right") - 1
        sizes = np.bincount(tree, minlength=len(self.sizes))
        return Layout(sizes, (self.splits & (self.levels < depth))[kept]), kept

    def sums(
        self,
        X: np.ndarray[Any, Any],
        values: FloatArray,
        goes_right: GoesRight,
        *,
        toll: Toll | None = None,
        counts: Sequence[int] | IntArray = (),
    ) -> FloatArray:
        """The sums of what trees say; shape (n_rows, n_groups).

        Tree after tree is added, so that a row's sum does not depend on how many others there are.

        Args:
            X: Rows.
            values: Of the nodes; those of the leaves are what trees say.
            goes_right: Whether rows go right.
            toll: What is added at each split that a row passes; None: nothing.
            counts: Trees of each group; empty: all are one.
        """
        ends = np.cumsum(counts if len(counts) else [len(self.sizes)])
        out = np.zeros((len(X), len(ends)))
        for start in range(0, len(X), _ROWS):
            block = np.ascontiguousarray(X[start : start + _ROWS])
            part = out[start : start + _ROWS]
            together = max(1, _CELLS // len(block))
            for first in range(0, len(self.sizes), together):
                said = self._walk(block, slice(first, first + together), values, goes_right, toll)
                _add(part, said, ends - first)
        return out

    def _walk(
        self, block: FloatArray, trees: slice, values: FloatArray, goes_right: GoesRight, toll: Toll | None = None
    ) -> FloatArray:
        roots = self.starts[trees]
        flat = block.reshape(-1)
        nodes = np.tile(roots, len(block))
        own = np.repeat(np.arange(len(block)) * block.shape[1], len(roots))
        paid = np.zeros(len(nodes)) if toll else None
        alive: IntArray | None = None
        at = nodes
        for level in range(_DEEPEST):
            if level % _THIN_OUT == 0:
                kept = np.flatnonzero(self.splits.take(at))
                if not len(kept):
                    break
                if 4 * len(kept) < 3 * len(at):
                    nodes, alive = (at, kept) if alive is None else (_placed(nodes, alive, at), alive[kept])
                    at, own = at[kept], own[kept]
            if toll is not None and paid is not None:
                paid[slice(None) if alive is None else alive] += toll(flat, at, own)
            at = self.left.take(at) + goes_right(flat, at, own)
        nodes = at if alive is None else _placed(nodes, alive, at)
        said = values.take(nodes)
        return (said if paid is None else said + paid).reshape(len(block), len(roots))


def _add(out: FloatArray, said: FloatArray, ends: IntArray) -> None:
    """Add trees to the groups they are of, one after another."""
    start, n = 0, said.shape[1]
    if len(ends) > _MANY_GROUPS * len(out):
        groups = np.searchsorted(ends, np.arange(n), side="right")
        for row, own in zip(out, said, strict=True):
            np.add.at(row, groups, own)
        return
    for group in range(int(np.searchsorted(ends, 0, side="right")), len(ends)):
        end = min(int(ends[group]), n)
        if end > start:
            part = said[:, start:end]
            part[:, 0] += out[:, group]
            out[:, group] = np.cumsum(part, axis=1)[:, -1]
        start = end
        if end == n:
            return


def _placed(nodes: IntArray, places: IntArray, new: IntArray) -> IntArray:
    nodes[places] = new
    return nodes


def breadth_first(roots: IntArray, left: IntArray, right: IntArray) -> tuple[IntArray, IntArray]:
    """Bring the nodes of trees that lie in any order into ours.

    Args:
        roots: Of the trees; shape (n_trees,).
        left: Left child of each node; negative: it is a leaf; shape (n_nodes,).
        right: Right child of each node.

    Returns:
        The nodes in our order, and how many each tree has; shapes (n_nodes,) and (n_trees,).

    Raises:
        StorageError: A child is none of the nodes, or nodes are reached twice or never.
    """
    n = len(left)
    for children in (roots, left[left >= 0], right[left >= 0]):
        if ((children < 0) | (children >= n)).any():
            raise StorageError("a forest is damaged: a child that is none of its nodes.")
    front, tree = np.asarray(roots, dtype=np.int64), np.arange(len(roots))
    fronts: list[IntArray] = []
    trees: list[IntArray] = []
    reached = 0
    while len(front):
        reached += len(front)
        if reached > n or len(fronts) > _DEEPEST:
            raise StorageError("a forest is damaged: nodes are reached twice.")
        fronts.append(front)
        trees.append(tree)
        inner = left[front] >= 0
        tree = np.repeat(tree[inner], 2)
        front = np.column_stack([left[front[inner]], right[front[inner]]]).reshape(-1)
    order = np.concatenate([np.empty(0, dtype=np.int64), *fronts])
    owner = np.concatenate([np.empty(0, dtype=np.int64), *trees])
    if len(np.unique(order)) != n:
        raise StorageError("a forest is damaged: nodes are reached twice or never.")
    return order[np.argsort(owner, kind="stable")], np.bincount(owner, minlength=len(roots))
