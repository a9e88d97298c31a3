"""Cells that break what two other columns together nearly always settle, and neither of them alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np

from pynomaly_auto.cells._categories import Category, categories_of, codes_of
from pynomaly_auto.cells._dependency import ByRules, Rule, agreement, expected_of, read_rule, rule_of
from pynomaly_auto.cells._spec import Beside
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, IntArray, OriginalTable, State

_HOLDS = 0.99  # share of the rows of groups of three and more that must agree with their group
_ALONE = 0.9  # agreement from which on a column settles another by itself
_CHANCE = 0.3  # most of the disagreement that there would be by chance, and given one of the two columns alone
_LEAST_GROUP = 3
_COVERED = 0.3  # share of the rows that lie in such groups, for two columns to be tried
_SCREENED = 4_000  # rows on which rules are looked for
_MOST_COLUMNS = 24
_MOST_TRIPLES = 2_000
_MOST_PER_COLUMN = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Joint:
    """Two columns that together settle a third.

    Args:
        first: Position of one of the two.
        second: Position of the other.
        keys: Their pairs met in three rows and more, as first · n_second + second, ascending.
        rule: What each pair settles, by its position among the keys.
    """

    first: int
    second: int
    keys: IntArray
    rule: Rule

    @property
    def columns(self) -> tuple[int, ...]:
        """Positions of the columns that it is about."""
        return self.first, self.second, self.rule.effect

    def groups(self, codes: Mapping[int, IntArray], n_second: int) -> IntArray:
        """Position of each row's pair, -1: none that is known; shape (n_rows,)."""
        return _places(self.keys, _pairs(codes[self.first], codes[self.second], n_second))

    def to_state(self) -> State:
        """As data."""
        held = State(arrays={"pairs": self.keys}, values={"first": self.first, "second": self.second})
        return held | self.rule.to_state().within("rule")


class JointDependency(ByRules[Joint]):
    """Columns A and B → C where C is the same in nearly all rows with one A and B, and neither settles it alone.

    Rules are looked for on 4,000 rows and among the first 24 columns whose values repeat; the three surest that
    settle a column are kept. Together the two must say more than either lets expect: at most three tenths of the
    disagreement may be left that there is when C is shuffled within one of them.
    """

    def fit(self, table: OriginalTable) -> Self:
        """Look for the rules.

        Raises:
            NotApplicableError: There is none.
        """
        found = categories_of(table, most_columns=_MOST_COLUMNS)
        codes = codes_of(table, found)
        step = max(1, -(-table.n_rows // _SCREENED))
        some = {i: code[::step] for i, code in codes.items()}
        by_effect: dict[int, list[Joint]] = {}
        for first, second, effect in _triples(some, found):
            rule = _joint(first, second, effect, codes, found)
            if rule is not None:
                by_effect.setdefault(effect, []).append(rule)
        kept = [
            j for rules in by_effect.values() for j in sorted(rules, key=lambda j: j.rule.broken)[:_MOST_PER_COLUMN]
        ]
        if not kept:
            raise NotApplicableError("no two columns together settle another")
        self._keep(kept, found)
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        expected = np.full((table.n_rows, table.n_columns), -1, dtype=np.int64)
        codes = codes_of(table, self.categories)
        broken = []
        involved = np.zeros_like(bits)
        for joint in self.rules:
            groups = joint.groups(codes, self.categories[joint.second].size)
            found = joint.rule.bits(groups, codes[joint.rule.effect], self.categories[joint.rule.effect].size)
            at = np.flatnonzero(found)
            if not len(at):
                continue
            broken.append((joint, at, found[at], groups[at]))
            for i in joint.columns:
                involved[at, i] += found[at]
        for joint, at, found, groups in broken:
            # Where more speaks against one of the two than against what they settle, it is that one that is wrong.
            effect = joint.rule.effect
            others = np.maximum(involved[at, joint.first], involved[at, joint.second])
            blame = found * np.minimum(involved[at, effect] / np.maximum(others, 1e-12), 1.0)
            more = blame > bits[at, effect]
            bits[at[more], effect] = blame[more]
            expected[at[more], effect] = joint.rule.usual[groups[more]]
        return CellEvidence(bits=bits, expected=expected_of(expected, self.categories))

    def beside(self, table: OriginalTable, row: int, column: int) -> Beside | None:
        """The two values that settle a cell."""
        one = table.rows(np.array([row]))
        codes = codes_of(one, self.categories)
        loudest, named = 0.0, None
        for joint in self.rules:
            if joint.rule.effect != column:
                continue
            groups = joint.groups(codes, self.categories[joint.second].size)
            found = float(joint.rule.bits(groups, codes[column], self.categories[column].size)[0])
            if found > loudest:
                both = (joint.first, joint.second)
                told = (f"{one.columns[i].name} {self.categories[i].values.keys[int(codes[i][0])]!r}" for i in both)
                loudest, named = found, Beside(text=" and ".join(told), columns=both)
        return named

    @staticmethod
    def _rule(state: State, categories: Mapping[int, Category]) -> Joint:
        first, second = state.value("first", int), state.value("second", int)
        keys = state.array("pairs", kind="i", ndim=1)
        effect = state.part("rule").value("effect", int)
        if not {first, second, effect} <= set(categories) or (np.diff(keys) <= 0).any():
            raise StorageError("a rule of two columns is of a column that is not there.")
        rule = read_rule(state.part("rule"), len(keys), categories[effect].size)
        return Joint(first=first, second=second, keys=keys, rule=rule)


def _pairs(a: IntArray, b: IntArray, n_b: int) -> IntArray:
    """Two columns as one, -1 where either is rare or missing; shape (n_rows,)."""
    return np.where((a >= 0) & (b >= 0), a * n_b + b, -1)


def _places(keys: IntArray, wanted: IntArray) -> IntArray:
    if not len(keys):
        return np.full(len(wanted), -1, dtype=np.int64)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, place, -1)


def _grouped(a: IntArray, b: IntArray, n_b: int) -> tuple[IntArray, IntArray]:
    """The pairs that three rows have or more, and which of them each row has, -1: none."""
    pairs = _pairs(a, b, n_b)
    keys, counts = np.unique(pairs[pairs >= 0], return_counts=True)
    keys = keys[counts >= _LEAST_GROUP]
    return keys, _places(keys, pairs)


def _triples(some: Mapping[int, IntArray], found: Mapping[int, Category]) -> Iterator[tuple[int, int, int]]:
    """Two columns and a third that they seem to settle together, and neither alone, those that cover most first."""
    settles = {
        (a, b): agreement(some[a], some[b], found[b].size)[0] for a in some for b in some if a != b
    }  # fmt: skip
    tried = []
    for a, b in combinations(some, 2):
        # Where one settles the other both say no more than that one.
        if max(settles[a, b], settles[b, a]) >= _HOLDS:
            continue
        keys, groups = _grouped(some[a], some[b], found[b].size)
        covered = float((groups >= 0).mean())
        if covered >= _COVERED and len(keys) > 1:
            tried.append((covered, a, b, groups))
    tried.sort(key=lambda each: -each[0])
    left = _MOST_TRIPLES
    for _, a, b, groups in tried:
        for c in some:
            if c in (a, b) or max(settles[a, c], settles[b, c]) >= _ALONE:
                continue
            left -= 1
            if left < 0:
                return
            if agreement(groups, some[c], found[c].size)[0] >= _HOLDS - 0.02:
                yield a, b, c


def _joint(
    first: int, second: int, effect: int, codes: Mapping[int, IntArray], found: Mapping[int, Category]
) -> Joint | None:
    keys, groups = _grouped(codes[first], codes[second], found[second].size)
    b, n_b = codes[effect], found[effect].size
    holds, _ = agreement(groups, b, n_b)
    if holds < _HOLDS:
        return None
    # Small groups agree by chance, the more so where one of the two columns alone nearly settles the third.
    for given in (codes[first], codes[second]):
        by_chance, _ = agreement(groups, _shuffled_within(given, b), n_b)
        if 1 - holds > _CHANCE * (1 - by_chance):
            return None
    rule = rule_of((-1, effect), groups, b, (len(keys), n_b))
    return None if rule is None else Joint(first=first, second=second, keys=keys.astype(np.int64), rule=rule)


def _shuffled_within(given: IntArray, values: IntArray) -> IntArray:
    """Values exchanged among the rows that agree in another column."""
    order = np.argsort(given, kind="stable")
    drawn = np.lexsort((np.random.default_rng(0).random(len(given)), given))
    out = np.empty_like(values)
    out[order] = values[drawn]
    return out
