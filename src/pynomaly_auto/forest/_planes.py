"""Trees that split on weighted sums of a few features: extended isolation forests, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest._compact import merged, read_table, single, smallest, table, unpacked
from pynomaly_auto.forest._layout import BoolArray, Layout
from pynomaly_auto.records import FloatArray, IntArray, State

_MOST_COLUMNS = 64  # of one split
# Sums this near to what they are compared with are made again. isotree rounds once for a product and its sum, which
# matters where rows lie on planes: a plane may go through the very row that it was found by.
_CLOSE = 1e-10


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaneForest:
    """Binary trees whose splits are hyperplanes over a few features each, and whose leaves' values are added.

    Args:
        sizes: Nodes of each tree; shape (n_trees,).
        splits: Which nodes are splits; trees lie one after another, each level by level; shape (n_nodes,).
        values: What the weighted sum of a split is compared with, up to which a row goes left, or the value of a
            leaf; shape (n_nodes,).
        columns: Features of each split; shape (n_splits, n_columns).
        weights: Their weights; shape (n_splits, n_columns).
        centres: What is taken from the features before they are weighed. It is not taken from the thresholds instead,
            as on tables of few different values many rows lie on a plane; shape (n_splits, n_columns).
        n_features: Columns of the rows it scores.
        ranges: Least and largest sums of each split: each one a row is beyond, on its way, takes 1 from what its tree
            says; empty: none, or of shape (n_splits, 2).

    Raises:
        StorageError: The arrays do not make trees over these features, or a number is not finite.
    """

    sizes: IntArray = field(repr=False)
    splits: BoolArray = field(repr=False)
    values: FloatArray = field(repr=False)
    columns: IntArray = field(repr=False)
    weights: FloatArray = field(repr=False)
    centres: FloatArray = field(repr=False)
    n_features: int
    ranges: FloatArray = field(default_factory=lambda: np.zeros((0, 2)), repr=False)

    def __post_init__(self) -> None:
        n = int(self.splits.sum())
        shapes = {self.columns.shape, self.weights.shape, self.centres.shape}
        if len(self.values) != len(self.splits) or len(shapes) != 1 or len(self.columns) != n:
            raise StorageError("a forest is damaged: its arrays are not of one length.")
        if self.ranges.shape not in ((0, 2), (n, 2)) or not 1 <= self.columns.shape[1] <= _MOST_COLUMNS:
            raise StorageError("a forest is damaged: its arrays are not of one length.")
        if ((self.columns < 0) | (self.columns >= self.n_features)).any():
            raise StorageError("a forest is damaged: it splits on features there are none of.")
        finite = all(np.isfinite(numbers).all() for numbers in (self.values, self.weights, self.centres))
        if not finite or np.isnan(self.ranges).any():  # ranges may be open
            raise StorageError("a forest is damaged: a number is not finite.")
        _ = self._layout.levels

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.sizes, self.splits)

    @property
    def n_trees(self) -> int:
        """How many trees."""
        return len(self.sizes)

    def predict(self, X: FloatArray) -> FloatArray:
        """The sum of what the trees say; shape (n_rows,).

        Args:
            X: Rows, finite; shape (n_rows, n_features).

        Raises:
            StorageError: The rows have other columns.
        """
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise StorageError(f"a forest over {self.n_features} features cannot score rows of shape {X.shape}.")
        toll = self._penalty if len(self.ranges) else None
        return self._layout.sums(X, self.values, self._goes_right, toll=toll)[:, 0]

    def _goes_right(self, flat: FloatArray, nodes: IntArray, own: IntArray) -> BoolArray:
        thresholds = self._walked[0].take(nodes)
        sums = self._sums(flat, nodes, own, thresholds)
        return np.asarray(sums > thresholds)

    def _penalty(self, flat: FloatArray, nodes: IntArray, own: IntArray) -> FloatArray:
        low, high = (edges.take(nodes) for edges in self._ranges)
        sums = self._sums(flat, nodes, own, low, high)
        return -((sums < low) | (sums > high)).astype(np.float64)

    def _sums(self, flat: FloatArray, nodes: IntArray, own: IntArray, *edges: FloatArray) -> FloatArray:
        """Weighted sums; those that nearly are one of the edges rounded as isotree rounds them."""
        sums = np.zeros(len(nodes))
        for column, centre, weight in self._walked[1]:
            sums += (flat.take(column.take(nodes) + own) - centre.take(nodes)) * weight.take(nodes)
        for edge in edges:
            close = np.flatnonzero(np.abs(sums - edge) < _CLOSE)
            if len(close):
                sums[close] = self._fused(flat, nodes[close], own[close])
        return sums

    def _fused(self, flat: FloatArray, nodes: IntArray, own: IntArray) -> FloatArray:
        sums = np.zeros(len(nodes))
        for column, centre, weight in self._walked[1]:
            distance = flat.take(column.take(nodes) + own) - centre.take(nodes)
            sums = (distance.astype(np.longdouble) * weight.take(nodes) + sums).astype(np.float64)
        return sums

    @cached_property
    def _walked(self) -> tuple[FloatArray, list[tuple[IntArray, FloatArray, FloatArray]]]:
        # A row that has arrived stays: at a leaf nothing is larger than the threshold.
        thresholds = np.where(self.splits, self.values, np.inf)
        spread = [map(self._spread, part.T) for part in (self.columns, self.centres, self.weights)]
        return thresholds, list(zip(*spread, strict=True))

    @cached_property
    def _ranges(self) -> tuple[FloatArray, FloatArray]:
        return self._spread(self.ranges[:, 0], -np.inf), self._spread(self.ranges[:, 1], np.inf)

    def _spread(self, values: Any, leaf: float = 0.0) -> Any:
        """What splits have, for all nodes."""
        out = np.full(len(self.splits), leaf, dtype=values.dtype)
        out[self.splits] = values
        return out

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def to_state(self) -> State:
        """Its arrays, as small as they can be without loss."""
        arrays: dict[str, np.ndarray[Any, Any]] = {
            "sizes": self.sizes.astype(np.int32),
            "splits": np.packbits(self.splits),
            "thresholds": single(self.values[self.splits]),
            "columns": self.columns.astype(smallest(self.n_features)),
            "weights": single(self.weights),
            "centres": single(self.centres),
            **table("leaves", self.values[~self.splits]),
        }
        if len(self.ranges):
            arrays["ranges"] = single(self.ranges)
        return State(arrays=arrays, values={"n_features": self.n_features, "penalised": bool(len(self.ranges))})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing, or these are no trees.
        """
        thresholds, leaves = state.array("thresholds", ndim=1), read_table(state, "leaves")
        splits = unpacked(state, "splits", len(thresholds) + len(leaves))
        ranges = np.zeros((0, 2))
        if state.value("penalised", bool):
            ranges = state.array("ranges", ndim=2).astype(np.float64)
        return cls(
            sizes=state.array("sizes", kind="i", ndim=1).astype(np.int64),
            splits=splits,
            values=merged(splits, thresholds, leaves),
            columns=state.array("columns", kind="i", ndim=2).astype(np.int64),
            weights=state.array("weights", ndim=2).astype(np.float64),
            centres=state.array("centres", ndim=2).astype(np.float64),
            n_features=state.value("n_features", int),
            ranges=ranges,
        )
