"""What all rules together say of the rows of a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pynomaly_auto._rules import ANOMALY, Rule
from pynomaly_auto.errors import UnknownNameError
from pynomaly_auto.records import IntArray, OriginalColumn
from pynomaly_auto.ruling._matching import Flags, matched

ANOMALOUS, ORDINARY, NOT_SAID = 1, 0, -1


@dataclass(frozen=True, kw_only=True, eq=False)
class Found:
    """What rules say of rows.

    Args:
        said: 1 for an anomaly, 0 for a normal row, -1 where they say nothing; shape (n_rows,), int8.
        deciding: Position of the first rule that says so, -1: none does; shape (n_rows,).
        counts: Rows that each rule matches.
        contradicted: Rows called normal by one rule and anomalous by another, which counts.
    """

    said: np.ndarray[tuple[int, ...], np.dtype[np.int8]] = field(repr=False)
    deciding: IntArray = field(repr=False)
    counts: tuple[int, ...]
    contradicted: Flags = field(repr=False)


def columns_of(rules: Sequence[Rule], names: Sequence[str]) -> dict[str, str]:
    """The columns that rules name, in their words, to the table's names.

    Raises:
        UnknownNameError: The table has none of that name; the message names the rule and the place.
    """
    # Python's own parser knows one form of letters only, a table may be written in another.
    known = {unicodedata.normalize("NFKC", name): name for name in names} | {name: name for name in names}
    found: dict[str, str] = {}
    for rule in rules:
        for name in rule.columns:
            if name.column not in known:
                error = UnknownNameError.of("column", name.column, names)
                where = f"rule {rule.text!r}, at character {name.place}"
                raise UnknownNameError(error.what, where=where, fix=f"{error.fix} Texts stand in quotes.")
            found[name.column] = known[name.column]
    return found


def find(
    rules: Sequence[Rule],
    names: Sequence[str],
    read: Callable[[Sequence[str]], Mapping[str, OriginalColumn]],
    n_rows: int,
) -> Found:
    """Look which rows rules match.

    Args:
        rules: The rules.
        names: Of the table's columns.
        read: Gives some of these, by name, as they are read.
        n_rows: Rows there are.

    Raises:
        UnknownNameError: A rule names a column that is not there.
        SettingError: Values are compared that cannot be.
    """
    wanted = columns_of(rules, names)
    held = read(sorted(set(wanted.values())))
    columns = {word: held[name] for word, name in wanted.items()}
    said = np.full(n_rows, NOT_SAID, dtype=np.int8)
    deciding = np.full(n_rows, -1, dtype=np.int64)
    each = [matched(rule, columns, n_rows) for rule in rules]
    anomalous, normal = (
        _any(each, [(r.verdict == ANOMALY) is wanted for r in rules], n_rows) for wanted in (True, False)
    )
    said[normal], said[anomalous] = ORDINARY, ANOMALOUS
    for i in reversed(range(len(rules))):
        own = ANOMALOUS if rules[i].verdict == ANOMALY else ORDINARY
        deciding[each[i] & (said == own)] = i
    counts = tuple(int(one.sum()) for one in each)
    return Found(said=said, deciding=deciding, counts=counts, contradicted=anomalous & normal)


def _any(each: Sequence[Flags], chosen: Sequence[bool], n_rows: int) -> Flags:
    out = np.zeros(n_rows, dtype=bool)
    for one, wanted in zip(each, chosen, strict=True):
        if wanted:
            out |= one
    return out
