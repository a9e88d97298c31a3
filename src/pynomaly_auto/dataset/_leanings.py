"""What an analyst knows of a table's columns: which side of their values is harmless, and how much they weigh."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset.reading import Reading
from pynomaly_auto.errors import SettingError, StorageError, UnknownNameError
from pynomaly_auto.records import Column, FloatArray, OriginalColumn, OriginalTable, Reason

Flags = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

IGNORED: Literal["ignored"] = "ignored"  # the kind of a column of weight 0
_ORDERED = ("number", "time", "duration", "boolean", "mixed")


@dataclass(frozen=True, kw_only=True)
class Leanings:
    """What is known of the columns of the table fitted on, by their positions.

    Args:
        sides: Column to the side that is suspicious, ``"high"`` or ``"low"``.
        medians: Column to the fitted median, which values on the other side count as.
        weights: Column to its weight, where that is neither 0 nor 1.
    """

    sides: Mapping[str, str] = field(default_factory=dict)
    medians: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.sides or self.weights)

    def clamped(self, column: int, cells: Cells) -> Cells:
        """A column's cells, those on the harmless side as the median; each cell by itself."""
        side = self.sides.get(str(column))
        if side is None or not len(cells.numbers):
            return cells
        return dataclasses.replace(cells, numbers=self._clamped(cells.numbers, column, side))

    def harmless(self, table: OriginalTable) -> Flags:
        """Which cells lie on the harmless side; shape (n_rows, n_columns)."""
        out = np.zeros((table.n_rows, table.n_columns), dtype=bool)
        for name, side in self.sides.items():
            numbers, median = table.columns[int(name)].numbers if table.columns else np.empty(0), self.medians[name]
            if len(numbers):
                out[:, int(name)] = _is_harmless(numbers, median, side)
        return out

    def weight(self, column: int) -> float:
        """Of a column that is looked at."""
        return self.weights.get(str(column), 1.0)

    def _clamped(self, numbers: FloatArray, column: int, side: str) -> FloatArray:
        median = self.medians[str(column)]
        return np.where(_is_harmless(numbers, median, side), median, numbers)

    def check(self, n_columns: int) -> None:
        """Whether it fits a table.

        Raises:
            StorageError: It does not.
        """
        places = {*self.sides, *self.medians, *self.weights}
        numbers = [*self.medians.values(), *self.weights.values()]
        if (
            not all(place.isascii() and place.isdigit() and int(place) < n_columns for place in places)
            or set(self.sides) != set(self.medians)
            or not set(self.sides.values()) <= {"high", "low"}
            or not all(math.isfinite(number) for number in numbers)
        ):
            raise StorageError("what is known of the columns does not fit.")


def place_of(name: str, names: Sequence[str], where: str) -> int:
    """Position of a column that a setting names.

    Raises:
        UnknownNameError: The table has none of that name.
    """
    if name not in names:
        error = UnknownNameError.of("column", name, names)
        raise UnknownNameError(error.what, where=where, fix=error.fix)
    return names.index(name)


def leaning(
    cells: Mapping[int, Cells], columns: Sequence[Column], expect: Mapping[str, str], weights: Mapping[str, float]
) -> tuple[Leanings, tuple[Reason, ...]]:
    """Bind what is known of columns to the table fitted on.

    Args:
        cells: Position of each expected column to its cells, as they are read.
        columns: What became of each column.
        expect: Column to the side that is suspicious.
        weights: Column to its weight.

    Raises:
        SettingError: A column's values have no order.
    """
    names = [column.name for column in columns]
    sides: dict[str, str] = {}
    medians: dict[str, float] = {}
    reasons: list[Reason] = []
    for name, side in expect.items():
        place = names.index(name)
        read = cells[place]
        numbers = np.sort(read.numbers[np.isfinite(read.numbers)]) if len(read.numbers) else np.empty(0)
        if read.form not in _ORDERED or (not len(numbers) and read.form == "mixed"):
            raise SettingError(
                f"column {name!r} is read as texts, which have no side.", where="expect",
                fix="Name a column of numbers or dates, or state a rule.",
            )  # fmt: skip
        reasons.append(_expected(name, side, columns[place], read, numbers))
        if side != "both" and columns[place].features and len(numbers):
            sides[str(place)], medians[str(place)] = side, _median(numbers)
    kept = {str(names.index(name)): w for name, w in weights.items() if w not in (0.0, 1.0)}
    for name, weight in weights.items():
        if columns[names.index(name)].features:
            text = f"weighs {weight:g} times as much as it would"
            evidence = {"weight": weight}
            reasons.append(Reason(code="DAT-052", subject=name, text=text, evidence=evidence))
    return Leanings(sides=sides, medians=medians, weights=kept), tuple(reasons)


def _expected(name: str, side: str, column: Column, cells: Cells, numbers: FloatArray) -> Reason:
    if side == "both":
        text = "both sides are suspicious, as they are without being said so"
        return Reason(code="DAT-050", subject=name, text=text, evidence={"side": side, "harmless": 0})
    if not column.features or not len(numbers):
        text = f"only {side} values are suspicious: without effect, as the column is left out ({column.kind})"
        return Reason(code="DAT-050", subject=name, text=text, evidence={"side": side, "harmless": 0})
    median = _median(numbers)
    n = int(_is_harmless(cells.numbers, median, side).sum())
    other = "below" if side == "high" else "above"
    text = f"only {side} values are suspicious: the {n:,} {other} the median count as the median"
    return Reason(code="DAT-050", subject=name, text=text, evidence={"side": side, "median": median, "harmless": n})


def _median(ascending: FloatArray) -> float:
    """The lower of two in the middle: a value that is there, and so as common as others."""
    return float(ascending[(len(ascending) - 1) // 2])


def _is_harmless(numbers: FloatArray, median: float, side: str) -> Flags:
    """Which values lie on the other side of the median than the suspicious one; shape (n,)."""
    return np.asarray(numbers < median if side == "high" else numbers > median)


def ignored(name: str) -> tuple[Reason, ...]:
    """That nothing looks at a column."""
    return (Reason(code="DAT-051", subject=name, text="left out, and not looked at: its weight is 0"),)


def blank(name: str, n_rows: int) -> OriginalColumn:
    """A column that nothing is to be seen in."""
    return OriginalColumn(name=name, role="number", numbers=np.full(n_rows, np.nan))


def as_read(reading: Reading, cells: Cells, name: str) -> OriginalColumn:
    """A column's cells as they are read, without how they were written."""
    found = reading.apply(cells, name)
    return OriginalColumn(
        name=name, role=found.form, codes=found.codes, texts=tuple(str(level) for level in found.levels),
        numbers=found.numbers, zone=found.zone,
    )  # fmt: skip
