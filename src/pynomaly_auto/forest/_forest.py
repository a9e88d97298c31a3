"""A sum of axis-parallel trees: LightGBM's models and isolation forests, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Self

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest._bitwise import BLOCK, MANY, Bits, Bitwise, Together, Turns
from pynomaly_auto.forest._compact import merged, read_table, single, smallest, table, unpacked
from pynomaly_auto.forest._layout import BoolArray, Layout
from pynomaly_auto.records import FloatArray, IntArray, State


@dataclass(frozen=True, kw_only=True, eq=False)
class Forest:
    """Axis-parallel binary trees, whose leaves' values are added.

    Args:
        sizes: Nodes of each tree; shape (n_trees,).
        features: Feature each node splits on, −1 for a leaf; trees lie one after another, each level by level;
            shape (n_nodes,).
        values: The threshold of a split, up to which a row goes left, or the value of a leaf; shape (n_nodes,).
        n_features: Columns of the rows it scores.
        missing_right: Where a row without a value goes right; empty: nowhere.
        average: Whether the sum is divided by the number of trees.
        sigmoid: Factor of the logistic function that turns the sum into a probability; None: it is none.
        gains: What the splits on each feature gained, if that is known; empty or of shape (n_features,).

    Raises:
        StorageError: The arrays do not make trees over these features, or a number is not finite.
    """

    sizes: IntArray = field(repr=False)
    features: IntArray = field(repr=False)
    values: FloatArray = field(repr=False)
    n_features: int
    missing_right: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=bool), repr=False)
    average: bool = False
    sigmoid: float | None = None
    gains: FloatArray = field(default_factory=lambda: np.zeros(0), repr=False)

    def __post_init__(self) -> None:
        n, lengths = len(self.features), {len(self.features), 0}
        if len(self.values) != n or len(self.missing_right) not in lengths:
            raise StorageError("a forest is damaged: its arrays are not of one length.")
        if ((self.features < -1) | (self.features >= self.n_features)).any():
            raise StorageError("a forest is damaged: it splits on features there are none of.")
        # A threshold may be infinite: whatever there is goes left, what is missing may go right.
        endless = (self.values == np.inf) & (self.features >= 0)
        if not (np.isfinite(self.values) | endless).all() or not np.isfinite(self.gains).all():
            raise StorageError("a forest is damaged: a number is not finite.")
        if len(self.gains) not in (0, self.n_features):
            raise StorageError("a forest is damaged: gains of other features.")
        if self.sigmoid is not None and not (np.isfinite(self.sigmoid) and self.sigmoid > 0):
            raise StorageError("a forest is damaged: its logistic function.")
        _ = self._layout.levels

    @cached_property
    def _layout(self) -> Layout:
        return Layout(self.sizes, self.features >= 0)

    @property
    def n_trees(self) -> int:
        """How many trees."""
        return len(self.sizes)

    @property
    def levels(self) -> IntArray:
        """The level of each node, 0 for a root; shape (n_nodes,)."""
        return self._layout.levels

    def predict(self, X: np.ndarray[Any, Any], *, raw: bool = False) -> FloatArray:
        """The sum, or mean, of what the trees say, or the probability made of it; shape (n_rows,).

        Args:
            X: Rows; NaN: no value; shape (n_rows, n_features).
            raw: The sum as it is.

        Raises:
            StorageError: The rows have other columns.
        """
        total = self.sums(X)[:, 0]
        if raw:
            return total
        if self.average and self.n_trees:
            total = total / self.n_trees
        return total if self.sigmoid is None else 1.0 / (1.0 + np.exp(-self.sigmoid * total))

    def sums(self, X: np.ndarray[Any, Any], counts: Sequence[int] | IntArray = ()) -> FloatArray:
        """The sums of what groups of trees say; shape (n_rows, n_groups).

        Args:
            X: Rows.
            counts: Trees of each group, one after another; empty: all are one.

        Raises:
            StorageError: The rows have other columns.
        """
        self._check(X)
        if len(X) < MANY:
            return self._layout.sums(X, self.values, self._goes_right(X), counts=counts)
        groups = np.repeat(np.arange(max(len(counts), 1)), counts if len(counts) else [self.n_trees])
        out = np.zeros((len(X), max(len(counts), 1)))
        for start in range(0, len(X), BLOCK):
            block = X[start : start + BLOCK]
            sums = np.zeros((out.shape[1], len(block)))
            self._bitwise.add(self._turns(block), sums, groups)
            out[start : start + BLOCK] = sums.T
        return out

    def over(self, columns: IntArray, n_features: int) -> Forest:
        """The same trees over a wider table.

        Args:
            columns: Which of its columns each feature is; shape (n_features,).
            n_features: Columns of the table.
        """
        features = np.where(self.features >= 0, columns[self.features], -1)
        return replace(self, features=features, n_features=n_features, gains=np.zeros(0))

    def _check(self, X: np.ndarray[Any, Any]) -> None:
        if X.ndim != 2 or X.shape[1] != self.n_features:
            raise StorageError(f"a forest over {self.n_features} features cannot score rows of shape {X.shape}.")

    def _goes_right(self, X: np.ndarray[Any, Any]) -> Any:
        features, thresholds, missing_right = self._walked

        def compare(flat: FloatArray, nodes: IntArray, own: IntArray) -> BoolArray:
            return np.asarray(flat.take(features.take(nodes) + own) > thresholds.take(nodes))

        def compare_missing(flat: FloatArray, nodes: IntArray, own: IntArray) -> BoolArray:
            x = flat.take(features.take(nodes) + own)
            return np.asarray((x > thresholds.take(nodes)) | (np.isnan(x) & missing_right.take(nodes)))

        return compare_missing if len(missing_right) and np.isnan(X).any() else compare

    @cached_property
    def _bitwise(self) -> Bitwise:
        return Bitwise(self._layout, self.values, self.features)

    def _turns(self, block: np.ndarray[Any, Any]) -> Turns:
        """Which of the rows go right, a bit each."""
        columns = np.ascontiguousarray(block.T)
        gaps = np.packbits(np.isnan(columns), axis=1)
        holes = set(np.flatnonzero(gaps.any(axis=1)).tolist()) if len(self.missing_right) else set()

        def turns(part: Together) -> Bits:
            features = self.features[part.splits]
            thresholds = rounded_down(self.values[part.splits], columns.dtype)[:, None]
            out = np.empty((len(part.splits), gaps.shape[1]), dtype=np.uint8)
            starts = np.flatnonzero(np.diff(features, prepend=-1))
            for start, end in zip(starts, np.append(starts[1:], len(features))[: len(starts)], strict=True):
                feature = features[start]
                out[start:end] = np.packbits(columns[feature] > thresholds[start:end], axis=1)
                if int(feature) in holes:
                    out[start:end][self.missing_right[part.splits[start:end]]] |= gaps[feature]
            return out

        return turns

    @cached_property
    def _walked(self) -> tuple[IntArray, FloatArray, BoolArray]:
        # A row that has arrived stays: at a leaf nothing is larger than the threshold.
        leaves = self.features < 0
        thresholds = np.where(leaves, np.inf, self.values)
        return np.where(leaves, 0, self.features).astype(np.int64), thresholds, self.missing_right

    def __getstate__(self) -> dict[str, Any]:
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def to_state(self) -> State:
        """Its arrays, as small as they can be without loss."""
        splits = self.features >= 0
        arrays = {
            "sizes": self.sizes.astype(np.int32),
            "features": self.features.astype(smallest(self.n_features)),
            "thresholds": single(self.values[splits]),
            **table("leaves", self.values[~splits]),
        }
        if len(self.missing_right):
            arrays["missing_right"] = np.packbits(self.missing_right)
        if len(self.gains):
            arrays["gains"] = single(self.gains)
        values = {
            "n_features": self.n_features, "average": self.average, "sigmoid": self.sigmoid,
            "missing": bool(len(self.missing_right)), "gained": bool(len(self.gains)),
        }  # fmt: skip
        return State(arrays=arrays, values=values)

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing, or these are no trees.
        """
        features = state.array("features", kind="i", ndim=1).astype(np.int64)
        missing, gains = np.zeros(0, dtype=bool), np.zeros(0)
        if state.value("missing", bool):
            missing = unpacked(state, "missing_right", len(features))
        if state.value("gained", bool):
            gains = state.array("gains", ndim=1).astype(np.float64)
        sigmoid = state.value("sigmoid", (float, int, type(None)))
        return cls(
            sizes=state.array("sizes", kind="i", ndim=1).astype(np.int64),
            features=features,
            values=merged(features >= 0, state.array("thresholds", ndim=1), read_table(state, "leaves")),
            n_features=state.value("n_features", int),
            missing_right=missing,
            average=state.value("average", bool),
            sigmoid=None if sigmoid is None else float(sigmoid),
            gains=gains,
        )


def rounded_down(thresholds: FloatArray, kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """The largest numbers of single precision up to the thresholds where rows are: as many of those lie beyond."""
    if kind != np.float32:
        return thresholds
    with np.errstate(over="ignore"):
        single = thresholds.astype(np.float32)
    return np.where(single > thresholds, np.nextafter(single, np.float32(-np.inf)), single)


def joined(forests: Sequence[Forest], n_features: int) -> Forest:
    """The trees of several forests, one after another; only their sums are left.

    Args:
        forests: All over the same columns.
        n_features: How many these are.
    """
    whole, real, truth = np.empty(0, dtype=np.int64), np.empty(0), np.empty(0, dtype=bool)
    missing = [f.missing_right if len(f.missing_right) else np.zeros(len(f.features), dtype=bool) for f in forests]
    return Forest(
        sizes=np.concatenate([whole, *(f.sizes for f in forests)]),
        features=np.concatenate([whole, *(f.features for f in forests)]),
        values=np.concatenate([real, *(f.values for f in forests)]),
        n_features=n_features,
        missing_right=np.concatenate([truth, *missing]),
    )
