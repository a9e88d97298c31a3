"""Cells that break what another column nearly always settles: approximate functional dependencies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, Protocol, Self, TypeVar

import numpy as np

from pynomaly_auto.cells._categories import Category, categories_of, codes_of
from pynomaly_auto.cells._parts import Storable, by_column, one_by_one, read_by_column, read_one_by_one
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, ExpectedCells, FloatArray, IntArray, OriginalTable, State

_HOLDS = 0.9  # share of the rows of groups of three and more that must agree with their group
_LEAST_GROUP = 3
_COVERED = 0.2  # share of the rows that lie in such groups, for a rule to be looked for
_CHANCE = 0.3  # most of the disagreement that there would be by chance
_SCREENED, _LEAST_SCREENED = 20_000, 2_000  # rows on which rules are looked for
_PAIRED = 8_000_000  # of them over all pairs of columns
_MOST_PER_COLUMN = 6  # rules that settle one column
_MOST_COLUMNS = 60


class Settling(Storable, Protocol):
    """A rule that columns settle another."""

    @property
    def columns(self) -> tuple[int, ...]:
        """Positions of the columns that it is about."""
        ...


AnyRule = TypeVar("AnyRule", bound=Settling)


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule:
    """Column A settles column B.

    Args:
        cause: Position of A.
        effect: Position of B.
        usual: Position among B's values of the one that most rows of a group have, by A's value, -1: no such group;
            shape (n_a,).
        rows: Rows of the group that have it, shape (n_a,).
        keys: The pairs met in two rows or more that break it, as a · n_b + b, ascending.
        counts: Rows of each of these.
        broken: Share of the rows that break it, smoothed.
    """

    cause: int
    effect: int
    usual: IntArray
    rows: IntArray
    keys: IntArray
    counts: IntArray
    broken: float

    @property
    def columns(self) -> tuple[int, ...]:
        """Positions of the columns that it is about."""
        return self.cause, self.effect

    def bits(self, a: IntArray, b: IntArray, n_b: int) -> FloatArray:
        """Bits of each cell of B, given the cells of A and B as positions (-1: rare, -2: missing), shape (n_rows,).

        How seldom the rule is broken at all, and how many times more rows of the group have what is usual.
        """
        known = (a >= 0) & (b > -2)
        place = np.where(known, a, 0)
        usual = self.usual[place]
        odd = known & (usual >= 0) & (usual != b)
        if not odd.any():
            return np.zeros(len(a))
        met = np.ones(len(a))
        at = np.flatnonzero(odd & (b >= 0))
        if len(at) and len(self.keys):
            wanted = a[at] * n_b + b[at]
            found = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
            met[at] = np.where(self.keys[found] == wanted, self.counts[found], 1)
        majority = np.where(odd, self.rows[place], 1)
        ratio = np.log2(np.maximum(majority / met, 1.0))
        return np.where(ratio > 0, ratio - np.log2(self.broken), 0.0)

    def to_state(self) -> State:
        """As data."""
        return State(
            arrays={"usual": self.usual, "rows": self.rows, "keys": self.keys, "counts": self.counts},
            values={"cause": self.cause, "effect": self.effect, "broken": self.broken},
        )


class ByRules(ABC, Generic[AnyRule]):
    """A detector of rules between columns of categories: what it learned, and how that is stored.

    Attributes:
        categories: Position of a column to its values.
        rules: Found, the surest first for each column settled.
    """

    def __init__(self) -> None:
        self.categories: Mapping[int, Category] = {}
        self.rules: tuple[AnyRule, ...] = ()

    def _keep(self, rules: Sequence[AnyRule], found: Mapping[int, Category]) -> None:
        """Keep some rules, and of the categories those that they are about."""
        used = {i for rule in rules for i in rule.columns}
        self.categories = {i: category for i, category in found.items() if i in used}
        self.rules = tuple(rules)

    def to_state(self) -> State:
        """All rules as data."""
        return by_column(self.categories) | one_by_one(self.rules, name="rules", each="rule")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.categories = read_by_column(Category, state)
        parts = read_one_by_one(state, name="rules", each="rule")
        made.rules = tuple(cls._rule(part, made.categories) for part in parts)
        return made

    @staticmethod
    @abstractmethod
    def _rule(state: State, categories: Mapping[int, Category]) -> AnyRule:
        """One rule out of its state."""


class Dependency(ByRules[Rule]):
    """Columns A → B where B is the same in nearly all rows with one A: what breaks it, and what B should have been.

    Rules are looked for on 20,000 rows, fewer of more than 20 columns, and among the first 60 columns; the six surest
    that settle a column are kept, and the one with most to say of a cell is heard.
    """

    def fit(self, table: OriginalTable) -> Self:
        """Look for the rules.

        Raises:
            NotApplicableError: There is none.
        """
        found = categories_of(table, most_columns=_MOST_COLUMNS)
        codes = codes_of(table, found)
        screened = min(max(_PAIRED // max(len(codes) ** 2, 1), _LEAST_SCREENED), _SCREENED)
        step = max(1, -(-table.n_rows // screened))
        rules: list[Rule] = []
        for effect, b in codes.items():
            made = []
            for cause, a in codes.items():
                if cause == effect or agreement(a[::step], b[::step], found[effect].size)[0] < _HOLDS - 0.02:
                    continue
                rule = rule_of((cause, effect), a, b, (found[cause].size, found[effect].size))
                if rule is not None:
                    made.append(rule)
            made.sort(key=lambda rule: rule.broken)
            rules.extend(made[:_MOST_PER_COLUMN])
        if not rules:
            raise NotApplicableError("no column settles another")
        self._keep(rules, found)
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        expected = np.full((table.n_rows, table.n_columns), -1, dtype=np.int64)
        codes = codes_of(table, self.categories)
        broken = []
        involved = np.zeros_like(bits)
        for rule in self.rules:
            found = rule.bits(codes[rule.cause], codes[rule.effect], self.categories[rule.effect].size)
            at = np.flatnonzero(found)
            if not len(at):
                continue
            broken.append((rule, at, found[at]))
            for i in rule.columns:
                involved[at, i] += found[at]
        for rule, at, found in broken:
            # Where more speaks against the cause than against the effect, it is the cause that is wrong.
            cause, effect = involved[at, rule.cause], involved[at, rule.effect]
            blame = found * np.minimum(effect / np.maximum(cause, 1e-12), 1.0)
            more = blame > bits[at, rule.effect]
            bits[at[more], rule.effect] = blame[more]
            expected[at[more], rule.effect] = rule.usual[codes[rule.cause][at[more]]]
            rest = found - blame
            more = rest > bits[at, rule.cause]
            bits[at[more], rule.cause] = rest[more]
            expected[at[more], rule.cause] = -1
        return CellEvidence(bits=bits, expected=expected_of(expected, self.categories))

    @staticmethod
    def _rule(state: State, categories: Mapping[int, Category]) -> Rule:
        cause, effect = state.value("cause", int), state.value("effect", int)
        if cause not in categories or effect not in categories:
            raise StorageError("a rule is of a column that is not there.")
        return read_rule(state, categories[cause].size, categories[effect].size)


def expected_of(places: IntArray, categories: Mapping[int, Category]) -> ExpectedCells:
    """The values that cells should have held.

    Args:
        places: Their positions among those of their column, -1: not known; shape (n_rows, n_columns).
        categories: Position of a column to its values.
    """
    rows, columns = np.nonzero(places >= 0)
    known = zip(columns.tolist(), places[rows, columns].tolist(), strict=True)
    return ExpectedCells(rows=rows, columns=columns, texts=tuple(categories[j].values.keys[k] for j, k in known))


def agreement(a: IntArray, b: IntArray, n_b: int) -> tuple[float, float]:
    """Share of the rows of groups of three and more that agree with their group, and share of rows in such groups.

    Args:
        a: The groups, below 0: none; shape (n_rows,).
        b: What their rows have, as positions, below 0: rare or missing; same shape.
        n_b: How many values there are of it.
    """
    groups = _Groups(a=a, b=b, n_b=n_b)
    inside = int(groups.totals[groups.large].sum())
    if inside < _COVERED * len(a) or inside < 10:
        return 0.0, 0.0
    return float(groups.largest[groups.large].sum() / inside), inside / len(a)


class _Groups:
    """The rows with one value of A, and what they have in B."""

    def __init__(self, *, a: IntArray, b: IntArray, n_b: int) -> None:
        there = (a >= 0) & (b > -2)
        self.n_a = int(a.max(initial=-1)) + 1
        self.totals = np.bincount(a[there], minlength=self.n_a).astype(np.int64)
        both = there & (b >= 0)
        self.keys, self.counts = np.unique(a[both] * n_b + b[both], return_counts=True)
        self.of = self.keys // max(n_b, 1)
        self.largest = np.zeros(self.n_a, dtype=np.int64)
        np.maximum.at(self.largest, self.of, self.counts)

    @cached_property
    def large(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        return self.totals >= _LEAST_GROUP


def rule_of(columns: tuple[int, int], a: IntArray, b: IntArray, sizes: tuple[int, int]) -> Rule | None:
    """The rule that one column settles another; None: it does not, or no better than by chance.

    Args:
        columns: Positions of both.
        a: Values of the one, as positions, below 0: rare or missing; shape (n_rows,).
        b: Values of the other; same shape.
        sizes: How many values each has.
    """
    n_a, n_b = sizes
    holds, _ = agreement(a, b, n_b)
    if holds < _HOLDS:
        return None
    shuffled = np.random.default_rng(0).permutation(b)
    by_chance, _ = agreement(a, shuffled, n_b)
    if 1 - holds > _CHANCE * (1 - by_chance):
        return None
    groups = _Groups(a=a, b=b, n_b=n_b)
    usual, rows = np.full(n_a, -1, dtype=np.int64), np.zeros(n_a, dtype=np.int64)
    order = np.argsort(groups.counts, kind="stable")  # the last one written is the most frequent
    usual[groups.of[order]] = groups.keys[order] % n_b
    rows[groups.of[order]] = groups.counts[order]
    small = np.ones(n_a, dtype=bool)
    small[: groups.n_a] = ~groups.large | (groups.largest < 2)
    usual[small], rows[small] = -1, 0
    kept = (groups.counts > 1) & (usual[groups.of] >= 0) & (groups.keys % n_b != usual[groups.of])
    inside = int(groups.totals[groups.large].sum())
    broken = ((1 - holds) * inside + 1) / (inside + 2)
    return Rule(
        cause=columns[0],
        effect=columns[1],
        usual=usual,
        rows=rows,
        keys=groups.keys[kept],
        counts=groups.counts[kept].astype(np.int64),
        broken=broken,
    )


def read_rule(state: State, n_a: int, n_b: int) -> Rule:
    """The inverse of `Rule.to_state`.

    Raises:
        StorageError: Something is missing or does not fit so many values.
    """
    arrays = {name: state.array(name, kind="i", ndim=1) for name in ("usual", "rows", "keys", "counts")}
    usual, keys = arrays["usual"], arrays["keys"]
    fits = len(usual) == len(arrays["rows"]) == n_a and len(keys) == len(arrays["counts"])
    if not fits or usual.max(initial=-1) >= n_b or usual.min(initial=0) < -1 or (np.diff(keys) <= 0).any():
        raise StorageError("a rule does not fit its columns.")
    return Rule(
        cause=state.value("cause", int),
        effect=state.value("effect", int),
        broken=float(state.value("broken", (int, float))),
        **arrays,
    )
