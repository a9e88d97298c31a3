"""Values, usual values and whole explanations as text a person can read."""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto.records import Contribution, FloatArray

_LONGEST = 40  # characters of a cell
_NAMED = 3  # columns in the sentence
_LEAST = 0.05  # share of the score below which a column is not named
_BESIDE = 0.2  # nor beside one that explains five times as much
_LARGE = 0.25  # share of the score from which on a column is told it


def cell_text(value: Any) -> str:
    """One cell: numbers with four significant digits, dates without idle zeros, long text cut.

    >>> cell_text(41.4999), cell_text(1234567.8), cell_text(9120), cell_text(None), cell_text("x" * 50)[-3:]
    ('41.5', '1235000', '9120', 'missing', 'xx…')
    """
    if _missing(value):
        return "missing"
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, Integral) and abs(int(value)) < 10**9:
        return str(int(value))
    if isinstance(value, Real):
        return _real(value)
    if isinstance(value, pd.Timestamp):
        stamp = value.round("s")
        return str(stamp.date()) if stamp == stamp.normalize() else str(stamp)
    text = printable(str(value))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _missing(value: Any) -> bool:
    """Whether a cell holds nothing; pandas' own test fails at a signalling NaN."""
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, (Real, Decimal)) and _is_nan(value))


def _is_nan(value: Real | Decimal) -> bool:
    return value.is_nan() if isinstance(value, Decimal) else bool(value != value)


def printable(text: str) -> str:
    r"""The same with a question mark for what no file or terminal takes: halves of a surrogate pair.

    >>> printable("a\ud800b")
    'a?b'
    """
    return text.encode("utf-8", "replace").decode("utf-8")


def _real(value: Any) -> str:
    try:
        number = float(value)
    except OverflowError:  # a whole number or fraction beyond the largest float
        whole = int(value)
        return f"{'-' if whole < 0 else ''}1e+{math.floor(math.log10(abs(whole)))}"
    return _number(number)


def _number(value: float) -> str:
    if value == 0 or not math.isfinite(value) or not 1e-4 <= abs(value) < 1e9:
        return f"{value:.4g}"
    digits = 3 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    text = f"{rounded:.{max(digits, 0)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def typical_cell(cells: pd.Series[Any], order: FloatArray | None = None) -> Any:
    """The median of numbers, dates and durations, the most frequent value of anything else; None: all missing.

    Args:
        cells: Of the rows that say what is usual.
        order: Of texts that hold numbers or dates, what they stand for, or anything in the same order; the text in
            the middle is then the usual one.

    >>> import pandas as pd
    >>> typical_cell(pd.Series([1.0, 9.0, 2.0])), typical_cell(pd.Series(["a", "b", "b"]))
    (2.0, 'b')
    """
    missing = np.array([_missing(cell) for cell in cells]) if cells.dtype == object else cells.isna().to_numpy()
    known = cells[~missing]
    if known.empty:
        return None
    if pd.api.types.is_numeric_dtype(known) and not pd.api.types.is_bool_dtype(known):
        with np.errstate(over="ignore"):  # long doubles beyond the range of floats are infinite
            return float(known.astype(np.float64).median())
    if pd.api.types.is_datetime64_any_dtype(known) or pd.api.types.is_timedelta64_dtype(known):
        return known.median()
    if order is not None:
        place = np.argsort(order[~missing], kind="stable")
        return known.iloc[int(place[(len(place) - 1) // 2])]
    # Cells of mixed content cannot be sorted; their texts can. Not by astype, which decodes bytes and may fail at it.
    # Nor by pandas, whose texts must be proper Unicode.
    counts = Counter(label_text(cell) for cell in known.astype(object))
    most = max(counts.values())
    return min(text for text, count in counts.items() if count == most)


def label_text(cell: Any) -> str:
    """A row's label, or a word, as text."""
    try:
        return str(cell)
    except ValueError:  # a whole number of more digits than Python writes out
        return cell_text(cell)


def encoded_text(values: FloatArray) -> str:
    """A column of which only encoded features are at hand, in standard deviations."""
    return f"{_number(float(values[0]))} sd" if len(values) == 1 else "encoded"


def sentence(label: Any, contributions: tuple[Contribution, ...], *, measured: bool = True) -> str:
    """One sentence on one row.

    Args:
        label: The row's.
        contributions: Of its columns, largest first.
        measured: Whether the score was looked at; else the columns were found by distance alone, which is said.

    >>> c = Contribution(column="amount", value="9120", typical="41.5", contribution=2.0, share=0.72)
    >>> sentence(17, (c,))
    'row 17 stands out by amount 9120 (usually 41.5; 72% of the score).'
    """
    told = [c for c in contributions[:_NAMED] if c.contribution > 0 and c.share >= _LEAST]
    if not told:
        return printable(f"row {label_text(label)}: no single column explains its score.")
    named = [c for c in told if c.share >= _BESIDE * told[0].share]
    parts = [f"{c.column} {c.value} (usually {c.typical}{_points(c.share) if measured else ''})" for c in named]
    how = "" if measured else " (by distance from similar rows alone, as time was short)"
    return printable(f"row {label_text(label)} stands out by {', '.join(parts)}{how}.")


def _points(share: float) -> str:
    """How much of the score a column explains, where it is a good part of it."""
    return f"; {share:.0%} of the score" if share >= _LARGE else ""
