"""Which rows of a sheet or text file are the table: titles above, names, units, data, totals below."""

from __future__ import annotations

import datetime as dt
import math
import numbers
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, TypeAlias

from pynomaly_auto.dataset.reading import MISSING_WORDS, is_date, known_unit, number_in

Row: TypeAlias = Sequence[Any]

LOOKED_AT = 100  # rows
_NEARLY_ALL = 0.9  # share of a column's cells that make it one of numbers or dates
_FULL = 0.6  # share of the columns that a row of names fills
_YEARS = range(1800, 2101)
_TOTALS = re.compile(
    r"(grand |sub)?totals?|totale?|total général|totaux|sum|summe|gesamt(summe)?|insgesamt|somme|suma|soma|totaal"
    r"|итого|всего",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"[(\[{].{1,20}[)\]}]")
_RATIO = re.compile(r"[^\d\s]{1,6}\d?(/|·|\*| per )[^\d\s]{1,6}\d?")
_PLAIN = re.compile(r"-?\d{1,15}(\.\d{1,20})?", re.ASCII)
_LONGEST_UNIT = 20


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What the first rows are.

    Args:
        skipped: Rows above the names, or above the data where there are none.
        named: Whether a row of names follows.
        units: What stands in the row of units below the names; empty: there is none.
        width: Number of columns.
    """

    skipped: int = 0
    named: bool = True
    units: tuple[str, ...] = ()
    width: int = 0


def layout_of(rows: Sequence[Row]) -> Layout:
    """Tell titles, names, units and data among the first rows of a table.

    Args:
        rows: The first rows, none of them without any cell.
    """
    rows = rows[:LOOKED_AT]
    skipped = _titles(rows)
    body = rows[skipped + 1 :]
    named = _is_names(rows[skipped], body)
    units = _units(body) if named else ()
    return Layout(
        skipped=skipped, named=named, units=units, width=_reach(rows[skipped]) if named else len(rows[skipped])
    )


def names_of(cells: Row) -> tuple[list[str], list[str]]:
    """Column names, all of them different, and what was said of those that had to be changed.

    >>> names_of(["a", "", "a"])
    (['a', 'x1', 'a_2'], ["another column 'a' is called 'a_2'"])
    """
    names: list[str] = []
    told: list[str] = []
    given = {text(cell) for cell in cells}
    for i, cell in enumerate(cells):
        name = text(cell) or f"x{i}"
        free, n = name, 2
        while free in names or (free != name and free in given):
            free, n = f"{name}_{n}", n + 1
        if free != name:
            told.append(f"another column {name!r} is called {free!r}")
        names.append(free)
    return names, told


def is_total(row: Row, columns: Sequence[Sequence[Any]]) -> bool:
    """Whether a last row holds the sums of the rows above it.

    Args:
        row: The last row.
        columns: The cells above it, column by column.
    """
    words = [text(cell) for cell in row if text(cell) and _number(cell) is None]
    if len(words) != 1 or not _TOTALS.fullmatch(words[0].rstrip(":. ")):
        return False
    return any(_sums_up(cell, above) for cell, above in zip(row, columns, strict=False) if _number(cell) is not None)


def text(cell: Any) -> str:
    """A cell's text, without blanks around it."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def kind_of(cell: Any) -> str:
    """What a cell holds: ``""`` for nothing or a word for it, ``"number"``, ``"date"`` or ``"text"``."""
    if isinstance(cell, (dt.date, dt.time, dt.timedelta)):
        return "date"
    return _kind_of(text(cell))


@lru_cache(maxsize=4096)  # every text is asked for by several questions
def _kind_of(word: str) -> str:
    if word.lower() in MISSING_WORDS:
        return ""
    if _number(word) is not None:
        return "number"
    return "date" if is_date(word) else "text"


def _titles(rows: Sequence[Row]) -> int:
    """How many rows stand above the names: each with its first cell only, or empty, and a row of names below them."""
    width = max(_filled(row) for row in rows)
    if width < 2:
        return next((i for i, row in enumerate(rows) if _filled(row)), 0)
    start = next(i for i, row in enumerate(rows) if _filled(row) >= max(2, math.ceil(_FULL * width)))
    above = rows[:start]
    alone = all(_filled(row) == 0 or (_filled(row) <= max(1, width // 3) and text(row[0])) for row in above)
    names = [cell for cell in rows[start] if text(cell)]
    if start and alone and not any(kind_of(c) == "number" and not _is_year(c) for c in names):
        return start
    return next((i for i, row in enumerate(rows) if _filled(row)), 0)


def _is_names(first: Row, body: Sequence[Row]) -> bool:
    """Whether a row names the columns: it is of another kind than what stands below."""
    kinds = [kind_of(cell) for cell in first]
    filled = [cell for cell in first if text(cell)]
    years = [int(text(cell)) for cell in filled if _is_year(cell)]
    if kinds and all(kind == "number" for kind in kinds):
        rising = all(a < b for a, b in pairwise(years))
        below = [cell for row in body for cell in row if text(cell)]
        return len(years) == len(kinds) > 1 and rising and not (below and all(map(_is_year, below)))
    if not body:
        return True
    for_names = for_data = again = typed = 0
    for i, kind in enumerate(kinds):
        cells = [row[i] for row in body if i < len(row)]
        held = Counter(k for k in map(kind_of, cells) if k)
        total = sum(held.values())
        if not total or not kind:
            continue
        main, n = held.most_common(1)[0]
        if main == "text" or n < _NEARLY_ALL * total:
            again += text(first[i]) in set(map(text, cells))
            continue
        typed += 1
        for_names += kind == "text"
        for_data += kind == main and not (_is_year(first[i]) and not any(map(_is_year, cells)))
    if typed:
        return for_names > 0 if for_data == 0 else for_names >= for_data
    return 2 * again < len(kinds)


def _units(body: Sequence[Row]) -> tuple[str, ...]:
    """What the first row below the names says of units; empty: it is a row like the others."""
    if len(body) < 3:
        return ()
    cells = body[0]
    found = []
    measured = False
    for i, cell in enumerate(cells):
        word = text(cell)
        below = [kind for kind in (kind_of(row[i]) for row in body[1:] if i < len(row)) if kind]
        numeric = bool(below) and below.count("number") >= _NEARLY_ALL * len(below)
        if word and word.lower() not in MISSING_WORDS:
            if _number(cell) is not None or not _is_unit(word) or not numeric:
                return ()
            measured = True
            found.append(word)
    return tuple(found) if measured else ()


def _is_unit(word: str) -> bool:
    if len(word) > _LONGEST_UNIT:
        return False
    return known_unit(word) is not None or _BRACKETS.fullmatch(word) is not None or _RATIO.fullmatch(word) is not None


def _sums_up(cell: Any, above: Sequence[Any]) -> bool:
    values = [_number(other) for other in above]
    total = sum(value for value in values if value is not None)
    found = _number(cell)
    return found is not None and len(values) > 1 and math.isclose(found, total, rel_tol=1e-6, abs_tol=0.011)


def _number(cell: Any) -> float | None:
    if isinstance(cell, numbers.Real):
        return None if math.isnan(cell) else float(cell)
    if not isinstance(cell, str) or not any(map(str.isdigit, cell)):
        return None
    if _PLAIN.fullmatch(cell):
        return float(cell)
    for sign in (".", ","):
        found = number_in(cell, sign)
        if found is not None:
            return found[0]
    return None


def _is_year(cell: Any) -> bool:
    word = text(cell)
    return len(word) == 4 and word.isdigit() and int(word) in _YEARS


def _filled(row: Row) -> int:
    return sum(bool(text(cell)) for cell in row)


def _reach(row: Row) -> int:
    return max((i + 1 for i, cell in enumerate(row) if text(cell)), default=0)
