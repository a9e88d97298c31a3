"""Many rows at once: one bit for each row and split, and logic on whole bytes instead of a walk from node to node.

A walk waits at every node for what it finds there. Here every split is compared with all rows, which processors do for
many rows at a time, and what comes of it is packed into bits: a row is at a node's right child where it is at the node
and goes right. A tree's leaves that say the same share a number, whose binary digits are the rows at leaves with that
digit. The sums are those of the walk to the last bit (after QuickScorer: Lucchese et al., SIGIR 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto.forest._layout import Layout
from pynomaly_auto.records import FloatArray, IntArray

Bits: TypeAlias = "np.ndarray[Any, np.dtype[np.uint8]]"
# Of the splits of some trees, in their order, which rows go right there; shape (n_splits, n_rows / 8).
Turns: TypeAlias = "Callable[[Together], Bits]"

MANY = 2_048  # rows from which on this is faster than the walk
BLOCK = 16_384  # rows at a time
# Splits at a time: the bits of all of them stay in a core's cache.
_SPLITS = 1_000
_BYTE = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class Together:
    """Trees that are looked at together.

    Args:
        trees: Their numbers: the first, and the one after the last.
        splits: Nodes that are splits, in the order in which turns are asked for; shape (n_splits,).
        levels: Of each level where its splits stand among the nodes, which of `splits` they are, and where their
            children start: first all left ones, then all right ones.
        count: How many nodes there are.
        digits: The n-th leaf of each digit, for each n; the digits of most leaves come first, as they last longest.
        places: Where each digit stands among these; shape (n_digits,).
        tables: What a tree says, by the number that its digits make.
        lengths: How many digits each tree has.
    """

    trees: tuple[int, int]
    splits: IntArray
    levels: tuple[tuple[IntArray, IntArray, int], ...]
    count: int
    digits: tuple[IntArray, ...]
    places: IntArray
    tables: tuple[FloatArray, ...]
    lengths: tuple[int, ...]


class Bitwise:
    """A forest laid out to be looked at bitwise.

    Args:
        layout: Of its trees.
        values: Of the nodes; those of the leaves are what trees say.
        order: Splits that are equal in it are asked about one after another; shape (n_nodes,).
    """

    def __init__(self, layout: Layout, values: FloatArray, order: IntArray) -> None:
        self.layout, self.values, self.order = layout, values, order
        self.parts = [self._together(first, last) for first, last in self._chunks()]

    def add(self, turns: Turns, out: FloatArray, groups: IntArray) -> None:
        """Add what the trees say of a block of rows, tree after tree.

        Args:
            turns: Which rows go right.
            out: The sums; shape (n_groups, n_rows).
            groups: The group of each tree.
        """
        for group, said in zip(groups, self.said(turns, out.shape[1]), strict=True):
            out[group] += said

    def said(self, turns: Turns, n_rows: int) -> Iterator[FloatArray]:
        """What each tree says of a block of rows, tree after tree; shape (n_rows,).

        Args:
            turns: Which rows go right.
            n_rows: Rows of the block.
        """
        for part in self.parts:
            found = _digits(part, turns(part))
            at = 0
            for table, length in zip(part.tables, part.lengths, strict=True):
                planes = np.unpackbits(found[part.places[at : at + length]], axis=1, count=n_rows)
                at += length
                numbers: Any = planes[0] if length <= _BYTE else planes[0].astype(np.uint16)
                for plane in planes[1:]:
                    numbers += numbers
                    numbers |= plane
                yield table.take(numbers)

    def _chunks(self) -> Iterator[tuple[int, int]]:
        first, held = 0, 0
        for tree, size in enumerate(self.layout.sizes.tolist()):
            if held and held + size // 2 > _SPLITS:
                yield first, tree
                first, held = tree, 0
            held += size // 2
        if first < len(self.layout.sizes):
            yield first, len(self.layout.sizes)

    def _together(self, first: int, last: int) -> Together:
        start = int(self.layout.starts[first])
        end = int(self.layout.starts[last - 1] + self.layout.sizes[last - 1])
        splits = start + np.flatnonzero(self.layout.splits[start:end])
        splits = splits[np.argsort(self.order[splits], kind="stable")]
        rank = np.zeros(end - start, dtype=np.int64)
        rank[splits - start] = np.arange(len(splits))
        place = np.empty(end - start, dtype=np.int64)
        nodes, count, levels = self.layout.starts[first:last], 0, []
        while True:
            place[nodes - start] = count + np.arange(len(nodes))
            inner = np.flatnonzero(self.layout.splits[nodes])
            if not len(inner):
                break
            levels.append((count + inner, rank[nodes[inner] - start], count + len(nodes)))
            count += len(nodes)
            left = self.layout.left[nodes[inner]]
            nodes = np.concatenate([left, left + 1])
        leaves = start + np.flatnonzero(~self.layout.splits[start:end])
        tree = np.searchsorted(self.layout.starts[first:last], leaves, side="right") - 1
        tables, numbers = _numbered(self.values[leaves], tree)
        lengths = [max(1, (len(table) - 1).bit_length()) for table in tables]
        digits, places = _by_digit(place[leaves - start], tree, numbers, np.array(lengths))
        return Together(
            trees=(first, last), splits=splits, levels=tuple(levels), count=count + len(nodes), digits=tuple(digits),
            places=places, tables=tuple(tables), lengths=tuple(lengths),
        )  # fmt: skip


def _digits(part: Together, turns: Bits) -> Bits:
    """The digits of the numbers of the leaves that rows are at; shape (n_digits, n_rows / 8)."""
    at = np.empty((part.count, turns.shape[1]), dtype=np.uint8)
    at[: len(part.tables)] = 255  # every row starts at the root of every tree
    for parents, ranks, start in part.levels:
        here, n = at.take(parents, axis=0), len(parents)
        left, right = at[start : start + n], at[start + n : start + 2 * n]
        np.bitwise_and(here, turns.take(ranks, axis=0), out=right)
        np.bitwise_xor(here, right, out=left)
    out = np.zeros((len(part.places), turns.shape[1]), dtype=np.uint8)
    for leaves in part.digits:
        out[: len(leaves)] |= at.take(leaves, axis=0)
    return out


def _numbered(values: FloatArray, tree: IntArray) -> tuple[list[FloatArray], IntArray]:
    """The different values of each tree, and which of them each leaf has."""
    order = np.lexsort((values, tree))
    new = np.ones(len(values), dtype=bool)
    new[1:] = (np.diff(values[order]) != 0) | (np.diff(tree[order]) != 0)
    counts = np.bincount(tree[order][new])
    first = np.cumsum(counts) - counts
    numbers = np.empty(len(values), dtype=np.int64)
    numbers[order] = np.cumsum(new) - 1 - first[tree[order]]
    return np.split(values[order][new], first[1:]), numbers


def _by_digit(
    places: IntArray, tree: IntArray, numbers: IntArray, lengths: IntArray
) -> tuple[list[IntArray], IntArray]:
    """The leaves of each binary digit, as `Together` has them."""
    first = np.cumsum(lengths) - lengths
    digit, leaf = [], []
    for k in range(int(lengths.max())):
        # The highest digit comes first.
        one = np.flatnonzero((lengths[tree] > k) & (numbers >> np.maximum(lengths[tree] - 1 - k, 0) & 1 == 1))
        digit.append(first[tree[one]] + k)
        leaf.append(places[one])
    of, found = np.concatenate(digit), np.concatenate(leaf)
    found = found[np.argsort(of, kind="stable")]
    counts = np.bincount(of, minlength=int(lengths.sum()))
    order = np.argsort(-counts, kind="stable")
    starts, held = (np.cumsum(counts) - counts)[order], counts[order]
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return [found[starts[: int((held > n).sum())] + n] for n in range(int(held.max(initial=0)))], rank
