"""Many rows walking through splits on two features, a single look-up for each step.

A walk is mostly spent fetching what a node holds, array by array. Here it lies together, in as many bytes as numpy
copies at once, and so little of it that one multiplication says on which side a row is: a split asks whether
x + ratio · y exceeds an edge, the larger weight being divided out. Which side that is hangs on rounding for hardly any
row; those are told apart by the caller, exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto.forest._layout import BoolArray
from pynomaly_auto.records import FloatArray, IntArray

# Of nodes and rows, which go right, to the last bit.
Exactly: TypeAlias = "Callable[[IntArray, IntArray], BoolArray]"

_STEP = np.dtype([("ratio", "<f8"), ("edge", "<f8"), ("columns", "<i8"), ("left", "<i8")])
_SHIFT = 32  # bits between the two features of a step
_LOW = (1 << _SHIFT) - 1
_THIN_OUT = 2  # levels after which rows that have reached a leaf are left out
ROUNDED = 16 * 2.0**-53  # what rounding a step comes to, as a share of the largest numbers in it


class Steps:
    """The nodes of a forest, ready to be walked.

    Args:
        splits: Which nodes are splits; shape (n_nodes,).
        left: Left child of each node, a leaf itself; shape (n_nodes,).
        columns: Features of each split; shape (n_splits, 2).
        weights: Their weights; shape (n_splits, 2).
        edges: What the weighted sums are compared with; shape (n_splits,).
    """

    def __init__(
        self,
        splits: BoolArray,
        left: IntArray,
        columns: IntArray,
        weights: FloatArray,
        edges: FloatArray,
    ) -> None:
        first = np.abs(weights).argmax(axis=1)
        rows = np.arange(len(weights))
        x, y, a, b = columns[rows, first], columns[rows, 1 - first], weights[rows, first], weights[rows, 1 - first]
        self.splits, self.left = splits, left
        self.steps = np.zeros(len(splits), dtype=_STEP)
        self.steps["left"], self.steps["edge"] = left, np.inf  # a row that has arrived stays
        self.steps["ratio"][splits], self.steps["edge"][splits] = b / a, edges / a
        self.steps["columns"][splits] = x | y << _SHIFT
        # Divided by a negative weight, whatever lies beyond the edge goes left: from the right child one down.
        inner = left[splits]
        self.steps["left"][splits] = np.where(a < 0, -1 - inner, inner)

    def walk(self, block: FloatArray, starts: IntArray, slack: float, exactly: Exactly) -> IntArray:
        """The leaves that rows reach.

        Args:
            block: The rows, one after another in memory; shape (n_rows, n_features).
            starts: Nodes to start from; shape (n_rows,).
            slack: How near to an edge rows are told apart by ``exactly``.
            exactly: Which rows go right at which nodes; the second array says where the rows' own features start.
        """
        flat = block.reshape(-1)
        out, at = starts, starts
        own = np.arange(len(block)) * block.shape[1]
        alive: IntArray | None = None
        level = 0
        while True:
            if level % _THIN_OUT == 0:
                kept = np.flatnonzero(self.splits.take(at))
                if not len(kept):
                    break
                if 8 * len(kept) < 7 * len(at):
                    if alive is None:
                        out, alive = at, kept
                    else:
                        out[alive], alive = at, alive[kept]
                    at, own = at[kept], own[kept]
            at = self._stepped(flat, at, own, slack, exactly)
            level += 1
        if alive is None:
            return at
        out[alive] = at
        return out

    def _stepped(self, flat: FloatArray, at: IntArray, own: IntArray, slack: float, exactly: Exactly) -> IntArray:
        held: Any = self.steps.take(at)
        columns = held["columns"]
        beyond = flat.take((columns >> _SHIFT) + own)
        beyond *= held["ratio"]
        beyond += flat.take((columns & _LOW) + own)
        beyond -= held["edge"]
        onward: IntArray = held["left"] + (beyond > 0)
        np.abs(beyond, out=beyond)
        close = np.flatnonzero(beyond <= slack)
        if len(close):
            nodes = at[close]
            onward[close] = self.left.take(nodes) + exactly(nodes, own[close])
        return np.abs(onward, out=onward)
