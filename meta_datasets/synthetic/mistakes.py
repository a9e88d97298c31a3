"""Wrong cells whose right value is known: misspellings and broken dependencies planted into real tables.

Both leave something to mend by: the right spelling stands in other rows, and other rows with the same key agree on the
value. What a table with errors made by others cannot tell, what should have stood there, is known here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from meta_datasets.synthetic._draft import Planted
from meta_datasets.synthetic._usable import FEWEST_PLANTED, Usable, usable
from pynomaly_auto.errors import InvalidInputError, NotApplicableError
from pynomaly_auto.records import IntArray

FEWEST_ROWS = 100
_FREQUENT = 5  # rows that hold a value before it is misspelt in one of them
_SHORTEST = 4  # letters of a value that is misspelt
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TWO_EDITS = 0.25
_HOLDS = 0.98  # share of the rows in groups that a dependency holds for
_GROUP = 4  # rows of the key's group that a value is broken in, with that row
_COVERED = 0.5  # share of the rows that lie in such groups
_COMMONEST = 0.8  # share of a column's commonest value, above which following from a key says little
_TRIES = 30


def mistakes(table: pd.DataFrame, seed: int, rate: float = 0.05, *, name: str = "mistakes") -> Planted:
    """Plant misspellings and broken dependencies, one wrong cell a row, half of each where a table has room for both.

    *misspelling*: one edit, sometimes two, of a value that at least four other rows hold. *dependency*: a value that
    follows from another column's in nearly all groups of rows is replaced by one that belongs to another group.

    Args:
        table: Rows taken to be right, columns as they come.
        seed: Of everything random.
        rate: Planted rows as a share of the rows, in (0, 0.2].
        name: For the result; part of the seed.

    Raises:
        SettingError: The rate or the seed cannot be used.
        InvalidInputError: There are too few rows, or next to nothing can be planted in this table.
    """
    found = usable(table, seed, rate, name, FEWEST_ROWS)
    wanted, done = max(round(rate * len(table)), 2), 0
    for plant, count in ((dependencies, wanted // 2), (misspellings, wanted)):
        try:
            done += plant(found, count - done)
        except NotApplicableError:
            continue
    if done < FEWEST_PLANTED:
        raise InvalidInputError(
            "next to nothing can be planted: few values come often enough, and none follows from another."
        )
    return found.draft.finish(name)


def misspellings(table: Usable, count: int) -> int:
    """Plant misspellings of frequent values.

    Returns:
        How many were planted.

    Raises:
        NotApplicableError: No text column holds a value often enough.
    """
    draft, rng = table.draft, table.draft.rng
    options = [(c, rows) for c in _texts(table) if len(rows := _spelt_often(table, c))]
    if not options:
        raise NotApplicableError("no text column holds a value often enough.")
    known = {column: set(draft.before(column).tolist()) for column, _ in options}
    done = 0
    for _ in range(_TRIES * count):
        if done == count:
            break
        column, rows = options[int(rng.integers(len(options)))]
        row = int(rng.choice(rows))
        wrong = misspelt(str(draft.before(column)[row]), rng)
        if draft.is_free(row) and wrong not in known[column]:
            draft.change("misspelling", np.array([row]), {column: wrong})
            done += 1
    return done


def misspelt(text: str, rng: np.random.Generator) -> str:
    """A text with one letter lost, doubled, exchanged with the next one or replaced; sometimes two of these."""
    for _ in range(2 if rng.random() < _TWO_EDITS else 1):
        at, letter = int(rng.integers(1, len(text) - 1)), str(rng.choice(list(_LETTERS)))
        letter = letter.upper() if text[at].isupper() else letter
        text = (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[:at] + text[at + 1] + text[at] + text[at + 2 :],
            text[:at] + letter + text[at + 1 :],
        )[int(rng.integers(4))]
    return text


def _texts(table: Usable) -> list[str]:
    return [c for c in table.codes if c not in table.numbers and not pd.api.types.is_bool_dtype(table.draft.frame[c])]


def _spelt_often(table: Usable, column: str) -> IntArray:
    """Rows whose value is a word that others hold too."""
    codes, values = table.codes[column], table.draft.before(column)
    counts = np.bincount(codes[codes >= 0])
    often = np.flatnonzero((codes >= 0) & (counts[codes] >= _FREQUENT))
    words = [isinstance(values[row], str) and sum(map(str.isalpha, values[row])) >= _SHORTEST for row in often]
    return np.asarray(often[np.array(words, dtype=bool)], dtype=np.int64)


def dependencies(table: Usable, count: int) -> int:
    """Plant values that contradict what their key's other rows agree on.

    Returns:
        How many were planted.

    Raises:
        NotApplicableError: No column follows from another.
    """
    draft, rng = table.draft, table.draft.rng
    options = list(_rules(table))
    if not options:
        raise NotApplicableError("no column follows from another.")
    broken: set[tuple[str, str, int]] = set()
    done = 0
    for _ in range(_TRIES * count):
        if done == count:
            break
        key, column, rows = options[int(rng.integers(len(options)))]
        row = int(rng.choice(rows))
        code = int(table.codes[key][row])
        others = np.flatnonzero((table.codes[column] >= 0) & (table.codes[column] != table.codes[column][row]))
        # One broken row a group: its other rows must go on agreeing.
        if draft.is_free(row) and (key, column, code) not in broken:
            value = draft.before(column)[int(rng.choice(others))]
            draft.change("dependency", np.array([row]), {column: value}, odd=(column, key))
            broken.add((key, column, code))
            done += 1
    return done


def _rules(table: Usable) -> Iterator[tuple[str, str, IntArray]]:
    """Keys, the columns that follow from them, and the rows of groups large enough and of one mind."""
    columns = [c for c in table.codes if c not in table.numbers]
    for key in columns:
        groups = table.codes[key]
        for column in columns:
            codes = table.codes[column]
            known = (groups >= 0) & (codes >= 0)
            if column == key or not known.any():
                continue
            counts = np.zeros((int(groups.max()) + 1, int(codes.max()) + 1), dtype=np.int64)
            np.add.at(counts, (groups[known], codes[known]), 1)
            sizes, most = counts.sum(axis=1), counts.max(axis=1)
            large = sizes >= _GROUP
            if most[large].sum() < max(_HOLDS * sizes[large].sum(), 1) or sizes[large].sum() < _COVERED * len(codes):
                continue
            if counts.sum(axis=0).max() > _COMMONEST * known.sum():
                continue
            rows = np.flatnonzero(known & (large & (most == sizes))[groups])
            if len(rows):
                yield key, column, rows
