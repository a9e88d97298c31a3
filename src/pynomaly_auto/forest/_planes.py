"""Trees that split on weighted sums of a few features: extended isolation forests, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, Self

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest._bitwise import BLOCK, MANY, Bits, Bitwise, Together, Turns
from pynomaly_auto.forest._compact import merged, read_table, single, smallest, table, unpacked
from pynomaly_auto.forest._layout import BoolArray, Layout
from pynomaly_auto.forest._stepping import ROUNDED, Steps
from pynomaly_auto.records import FloatArray, IntArray, State

_MOST_COLUMNS = 64  # of one split
# Sums this near to what they are compared with are made again. isotree rounds once for a product and its sum, which
# matters where rows lie on planes: a plane may go through the very row that it was found by.
_CLOSE = 1e-10
# Many rows are compared in single precision, and again in double those that may lie on the other side. Rounding rows,
# weights, products, edges and all sums but those of the features comes to less than so many halves of a unit, as a
# share of the largest a sum may be.
_SINGLE, _HALF_UNIT = 8, 2.0**-24
_FAR = 100.0  # rows with larger values would make nearly all comparisons doubtful
_PACKED = 16  # splits whose comparisons are packed at a time, so that they stay in a core's cache
# Splits of a tree, on average, beyond which rows pass so few of them that they had better walk (measured: comparing a
# row with a split takes a twentieth of a step).
_MOST_SPLITS = 90
_TOP = 4  # levels of deeper trees that are looked at bitwise before rows walk on (measured)
_STEPPING = 8_192  # rows that step together: they stay in a core's cache
_PAIR = 2  # features of a split that makes a step
_SURE = 1e-4  # most that steps may leave open
_MODEST = 1e6  # so are numbers of trees that do without double precision
_FEW = 0.25  # share of such rows, which walk by themselves


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
        if len(X) < MANY or not self._is_modest:
            return self._walk(X)
        if len(self.columns) <= _MOST_SPLITS * self.n_trees:
            add = self._add_bitwise
        elif self._slack < _SURE:
            add = self._add_stepping
        else:
            return self._walk(X)
        out = np.zeros(len(X))
        for start in range(0, len(X), BLOCK):
            block, sums = X[start : start + BLOCK], out[start : start + BLOCK]
            near = (np.abs(block) <= _FAR).all(axis=1)
            if near.mean() < 1.0 - _FEW:
                sums[:] = self._walk(block)
                continue
            here = np.zeros(int(near.sum()))
            add(block[near], here)
            sums[near], sums[~near] = here, self._walk(block[~near])
        return out

    def _add_bitwise(self, block: FloatArray, out: FloatArray) -> None:
        nodes = np.arange(len(self.splits))
        self._bitwise.add(self._turns(block, nodes), out[None], np.zeros(self.n_trees, dtype=np.int64))

    def _add_stepping(self, block: FloatArray, out: FloatArray) -> None:
        """Bitwise as far as all rows pass most splits; from there on each goes its own way."""
        nodes, top = self._top
        parts = [np.ascontiguousarray(block[i : i + _STEPPING]) for i in range(0, len(block), _STEPPING)]
        for starts in top.said(self._turns(block, nodes), len(block)):
            at = starts.astype(np.int64)
            for i, part in enumerate(parts):
                here = slice(i * _STEPPING, i * _STEPPING + len(part))
                leaves = self._steps.walk(part, at[here], self._slack, partial(self._goes_right, part.reshape(-1)))
                out[here] += self.values.take(leaves)

    def _walk(self, X: FloatArray) -> FloatArray:
        toll = self._penalty if len(self.ranges) else None
        return self._layout.sums(X, self.values, self._goes_right, toll=toll)[:, 0]

    @cached_property
    def _is_modest(self) -> bool:
        """Whether many rows may be looked at otherwise than by walking."""
        numbers = (self.weights, self.centres, self.values)
        small = all(np.abs(part).max(initial=0.0) < _MODEST for part in numbers)
        return small and not len(self.ranges) and bool((self._unit > 1.0 / _MODEST).all())

    @cached_property
    def _unit(self) -> FloatArray:
        """The largest weight of each split, by which it may be divided; shape (n_splits,)."""
        return np.asarray(np.abs(self.weights).max(axis=1))

    @cached_property
    def _bitwise(self) -> Bitwise:
        return Bitwise(self._layout, self.values, np.zeros(len(self.splits), dtype=np.int64))

    @cached_property
    def _top(self) -> tuple[IntArray, Bitwise]:
        """The first levels, whose leaves say which node they are, and which of all nodes theirs are."""
        layout, nodes = self._layout.top(_TOP)
        return nodes, Bitwise(layout, nodes.astype(np.float64), np.zeros(len(nodes), dtype=np.int64))

    @cached_property
    def _steps(self) -> Steps:
        edges = self.values[self.splits] + (self.weights * self.centres).sum(axis=1)
        left = self._layout.left
        return Steps(self.splits, left, self.columns, self.weights, edges)

    @cached_property
    def _slack(self) -> float:
        """How near to the edge of a step a row may be on either side; infinite where splits are no steps."""
        if self.columns.shape[1] != _PAIR:
            return np.inf
        most = (np.abs(self.weights) * (_FAR + np.abs(self.centres))).sum(axis=1) + np.abs(self.values[self.splits])
        return float(((2 * _CLOSE + ROUNDED * most) / self._unit).max(initial=0.0))

    def _turns(self, block: FloatArray, nodes: IntArray) -> Turns:
        """Which of the rows go right, a bit each.

        Args:
            block: The rows.
            nodes: Which of the nodes those are that are asked about.
        """
        flat, width = np.ascontiguousarray(block).reshape(-1), block.shape[1]
        columns = np.ascontiguousarray(block.T, dtype=np.float32)
        largest = np.abs(columns).max(axis=1)

        def turns(part: Together) -> Bits:
            asked = nodes[part.splits]
            rank = self._rank[asked]
            weights, centres, edges = self.weights[rank], self.centres[rank], self.values[asked]
            most = (np.abs(weights) * (largest[self.columns[rank]] + np.abs(centres))).sum(axis=1) + np.abs(edges)
            slack = 2 * _CLOSE + (_SINGLE + weights.shape[1]) * _HALF_UNIT * most
            edges = edges + (weights * centres).sum(axis=1)
            right, maybe = _beyond(columns, self.columns[rank], weights, (edges + slack, edges - slack))
            doubtful = right ^ maybe
            at = np.flatnonzero(doubtful)
            split, byte = np.divmod(at, right.shape[1])
            place, bit = np.nonzero(np.unpackbits(doubtful.flat[at][:, None], axis=1))
            row = 8 * byte[place] + bit
            beyond = self._goes_right(flat, asked[split[place]], row * width)
            np.bitwise_or.at(right.reshape(-1), at[place], (beyond << (7 - bit)).astype(np.uint8))
            return right

        return turns

    @cached_property
    def _rank(self) -> IntArray:
        """Which split each node is."""
        return np.cumsum(self.splits) - 1

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


def _beyond(
    columns: np.ndarray[Any, np.dtype[np.float32]],
    chosen: IntArray,
    weights: FloatArray,
    edges: tuple[FloatArray, FloatArray],
) -> tuple[Bits, Bits]:
    """Which rows' sums are surely beyond each split's edge, and which may be, a bit each, in single precision.

    Args:
        columns: The rows' values; shape (n_features, n_rows).
        chosen: Columns of each split; shape (n_splits, n_columns).
        weights: Their weights; shape (n_splits, n_columns).
        edges: Above the first a sum is surely beyond, above the second maybe; shapes (n_splits,).
    """
    n, heaviest = columns.shape[1], np.abs(weights).argmax(axis=1)
    order = np.argsort(np.arange(weights.shape[1]) != heaviest[:, None], axis=1, kind="stable")
    chosen, weights = np.take_along_axis(chosen, order, axis=1), np.take_along_axis(weights, order, axis=1)
    unit = np.abs(weights[:, 0])  # divided by it, one product less is needed
    limits = [(edge / unit).astype(np.float32).tolist() for edge in edges]
    shares = (weights / unit[:, None]).astype(np.float32).tolist()
    out = [np.empty((len(weights), -(-n // 8)), dtype=np.uint8) for _ in edges]
    sides = [np.empty((_PACKED, n), dtype=bool) for _ in edges]
    total, term, rows = np.empty(n, dtype=np.float32), np.empty(n, dtype=np.float32), list(columns)
    for i, ((first, *others), (sign, *factors)) in enumerate(zip(chosen.tolist(), shares, strict=True)):
        held = rows[first]
        join = np.add if sign > 0 else np.subtract
        into = total
        for feature, factor in zip(others, factors, strict=True):
            if factor or into is total:
                np.multiply(rows[feature], factor, out=into)
                if into is term:
                    np.add(total, term, out=total)
                into = term
        if into is total:
            total[:] = 0.0
        join(total, held, out=total)
        place = i % _PACKED
        for packed, side, limit in zip(out, sides, limits, strict=True):
            np.greater(total, limit[i], out=side[place])
            if place == _PACKED - 1 or i == len(weights) - 1:
                packed[i - place : i + 1] = np.packbits(side[: place + 1], axis=1)
    return out[0], out[1]
