"""Parts that say how rare a value, or the form of a value, is in its own column."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.records import FloatArray


class _Classes(dict[int, str]):
    """What `str.translate` puts in place of each character: one sign per class, everything else as it is."""

    def __missing__(self, letter: int) -> str:
        character = chr(letter)
        if character.isdigit():
            found = "9"
        elif character.isalpha():
            found = "A" if character.isupper() else "a"
        else:
            found = character
        self[letter] = found
        return found


_CLASSES = _Classes()


def form_of(text: str) -> str:
    """The form of a text: capitals, small letters and digits by one sign each, all other characters as they are.

    >>> form_of("AB-17b")
    'AA-99a'
    """
    return text.translate(_CLASSES)


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatPart:
    """How rare a number's exact value is: −log share of the rows that hold it, standardised.

    Args:
        feature: Name of the feature.
        repeated: The numbers that came more than once, ascending; shape (n,).
        table: The rarity of each, then of any other number (as of one that came once), then of none; shape (n + 2,).
    """

    kind: ClassVar[str] = "repeat"
    feature: str
    repeated: FloatArray
    table: FloatArray

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features it makes."""
        return (self.feature,)

    def encode(self, cells: Cells) -> FloatArray:
        """The rarity of each row's number, shape (n_rows,)."""
        n = len(self.repeated)
        at = np.minimum(np.searchsorted(self.repeated, cells.numbers), n - 1)
        rows = np.where(self.repeated[at] == cells.numbers, at, n)
        rows[np.isnan(cells.numbers)] = n + 1
        return np.asarray(self.table[rows])


@dataclass(frozen=True, kw_only=True, eq=False)
class FormPart:
    """How rare the form of a text is (`form_of`): −log share of the rows whose text has it, standardised.

    Args:
        feature: Name of the feature.
        forms: The forms that more than one row has.
        table: The rarity of each, then of any other form (as of one that came once), then of no text; shape (n + 2,).
    """

    kind: ClassVar[str] = "form"
    feature: str
    forms: tuple[str, ...]
    table: FloatArray

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features it makes."""
        return (self.feature,)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {form: i for i, form in enumerate(self.forms)}

    def encode(self, cells: Cells) -> FloatArray:
        """The rarity of the form of each row's text, shape (n_rows,)."""
        n = len(self.forms)
        rows = [self._places.get(form_of(text), n) for text in cells.levels]
        return np.asarray(self.table[np.array([*rows, n + 1])[cells.codes]])


def repeats_of(ordered: FloatArray) -> tuple[FloatArray, Array]:
    """The distinct values of ascending numbers, and how often each occurs."""
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
    return ordered[starts], np.diff(np.append(starts, len(ordered)))


def forms_of(levels: Array, counts: Array) -> dict[str, int]:
    """How many rows have a text of each form, by falling number, then by form."""
    found: dict[str, int] = {}
    for text, count in zip(levels, counts.tolist(), strict=True):
        if count:
            form = form_of(text)
            found[form] = found.get(form, 0) + count
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def rarities(counts: Array, n_rows: int) -> tuple[int, FloatArray] | None:
    """Standardised −log share of what came more than once, of what came once or never, and of nothing (0).

    Args:
        counts: How often each thing occurs, in any order; shape (n,).
        n_rows: Number of rows, those with nothing included.

    Returns:
        How many of the things came more than once, and their rarities and two more, in the order of ``counts``; None:
        everything is equally rare.
    """
    weights = np.sort(counts)  # the same sums whatever the order of the rows
    rare = -np.log(weights / n_rows)
    centre = float(weights @ rare / weights.sum())
    spread = float(np.sqrt(weights @ np.square(rare - centre) / n_rows))
    if spread < 1e-9:
        return None
    often = counts[counts > 1]
    return len(often), np.append((-np.log(np.append(often, 1) / n_rows) - centre) / spread, 0.0)
