"""Tables with planted anomalies: which cells were changed, and what stood there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import FloatArray, IntArray

Cells: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Planted:
    """A table with planted anomalies.

    Args:
        name: Of the generator and its seed.
        frame: The table as a detector gets it, shape (n_rows, n_columns).
        clean: The same with every changed cell as it was before; rows that were added as a whole are alike in both.
        y: 1 for a planted row, shape (n_rows,).
        kinds: Kind of every planted row, ``""`` for ordinary ones; n_rows of them.
        columns: Names of the columns a planted row is odd in, the most telling first; none for ordinary rows.
    """

    name: str
    frame: pd.DataFrame = field(repr=False)
    clean: pd.DataFrame = field(repr=False)
    y: IntArray = field(repr=False)
    kinds: tuple[str, ...] = field(repr=False)
    columns: tuple[tuple[str, ...], ...] = field(repr=False)

    @property
    def wrong(self) -> Cells:
        """Which cells are odd; bool of shape (n_rows, n_columns)."""
        out = np.zeros(self.frame.shape, dtype=bool)
        for row, names in enumerate(self.columns):
            for name in names:
                out[row, self.frame.columns.get_loc(name)] = True
        return out


class Draft:
    """Ordinary rows into which anomalies are planted, kind by kind; no row is taken twice.

    Args:
        frame: Ordinary rows.
        rng: Source of every draw.
    """

    def __init__(self, frame: pd.DataFrame, rng: np.random.Generator) -> None:
        self.frame = frame.reset_index(drop=True)
        self.rng = rng
        self._clean = self.frame.copy()
        self._kinds = [""] * len(frame)
        self._columns: list[tuple[str, ...]] = [()] * len(frame)

    def __getitem__(self, column: str) -> Cells:
        """The column's values as they stand now."""
        return self.frame[column].to_numpy()

    def before(self, column: str) -> Cells:
        """The column's values before anything was planted."""
        return self._clean[column].to_numpy()

    def is_free(self, row: int) -> bool:
        """Whether nothing was planted in a row."""
        return not self._kinds[row]

    def take(self, count: int, where: Cells | None = None) -> IntArray:
        """Draw ordinary rows that nothing was planted in.

        Args:
            count: How many.
            where: Which rows come into question, bool of shape (n_rows,).

        Raises:
            InvalidInputError: There are not that many.
        """
        free = np.array([not kind for kind in self._kinds])
        found = np.flatnonzero(free if where is None else free & where)
        if len(found) < count:
            raise InvalidInputError(f"{len(found)} rows can be changed where {count} are to be planted.")
        return np.asarray(self.rng.choice(found, count, replace=False), dtype=np.int64)

    def change(self, kind: str, rows: IntArray, cells: Mapping[str, Any], odd: Sequence[str] = ()) -> None:
        """Plant by overwriting cells.

        Args:
            kind: Name of what is planted.
            rows: Positions, shape (n_planted,).
            cells: Column to its new values, one or n_planted; none: the rows are odd as they stand.
            odd: The columns the row is odd in, where these are not the ones that were overwritten.
        """
        for column, values in cells.items():
            whole = self.frame[column].to_numpy(copy=True)
            whole[rows] = values
            self.frame[column] = whole
        self._mark(kind, rows, tuple(odd) or tuple(cells))

    def insert(self, kind: str, rows: pd.DataFrame, odd: Sequence[str]) -> None:
        """Plant by adding rows, which are odd by being there at all, or at that time."""
        first = len(self.frame)
        self.frame = pd.concat([self.frame, rows[list(self.frame.columns)]], ignore_index=True)
        self._clean = pd.concat([self._clean, rows[list(self.frame.columns)]], ignore_index=True)
        self._kinds += [""] * len(rows)
        self._columns += [()] * len(rows)
        self._mark(kind, np.arange(first, len(self.frame)), tuple(odd))

    def finish(self, name: str, by: str | None = None) -> Planted:
        """The table, its rows in the order of a column, or shuffled."""
        order = self.rng.permutation(len(self.frame))
        if by is not None:
            order = order[np.argsort(self.frame[by].to_numpy()[order], kind="stable")]
        return Planted(
            name=name,
            frame=self.frame.iloc[order].reset_index(drop=True),
            clean=self._clean.iloc[order].reset_index(drop=True),
            y=np.array([int(bool(self._kinds[i])) for i in order], dtype=np.int64),
            kinds=tuple(self._kinds[i] for i in order),
            columns=tuple(self._columns[i] for i in order),
        )

    def _mark(self, kind: str, rows: IntArray, odd: tuple[str, ...]) -> None:
        for row in rows:
            self._kinds[row], self._columns[row] = kind, odd


def lognormal(rng: np.random.Generator, median: FloatArray, sigma: FloatArray | float) -> FloatArray:
    """One positive value for every median, rounded to cents."""
    return np.asarray(np.round(median * np.exp(rng.normal(size=len(median)) * sigma), 2))


def coded(prefix: str, numbers: IntArray, width: int = 4) -> Cells:
    """Ids such as ``C0042``."""
    return np.array([f"{prefix}{number:0{width}d}" for number in numbers], dtype=object)


def days(rng: np.random.Generator, n: int, start: str, span: int) -> Cells:
    """Random days, fewer at weekends; datetime64[D], shape (n,)."""
    every = np.datetime64(start, "D") + np.arange(span)
    # 1970-01-01 was a Thursday, so that Monday is 0.
    weekday = (every.astype(np.int64) + 3) % 7
    weight = np.where(weekday < 5, 1.0, 0.6)
    return np.asarray(rng.choice(every, n, p=weight / weight.sum()))


def clock(rng: np.random.Generator, day: Cells, opens: FloatArray, closes: FloatArray) -> Cells:
    """Times on given days between two hours, most of them in the middle; datetime64[s], shape (n,)."""
    hours = opens + (closes - opens) * rng.beta(2.0, 2.0, len(day))
    return at_hour(day, hours)


def at_hour(day: Cells, hours: FloatArray) -> Cells:
    """Times on given days at given hours; datetime64[s]."""
    whole = day.astype("datetime64[D]").astype("datetime64[s]")
    return np.asarray(whole + np.round(hours * 3600).astype("timedelta64[s]"))


def weights(rng: np.random.Generator, n: int, strength: float = 3.0) -> FloatArray:
    """Uneven shares that sum to one; larger strengths are more even."""
    found = rng.gamma(strength, size=n)
    return np.asarray(found / found.sum())
