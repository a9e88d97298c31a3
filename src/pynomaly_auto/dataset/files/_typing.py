"""Columns of texts as what they plainly are: numbers and truth values where nothing else is possible, else texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pynomaly_auto.dataset.reading import MISSING_WORDS, OUTVOTES, PLAIN, STEADY, TWOFOLD

# Digits that may be a code: with leading zeros, too many to be kept, or a power such as 1E5.
_CODE = r"^-?0\d+$|^-?\d{16,}$|^\d+[eE]\d{1,3}$"
_WHOLE = r"^-?\d{1,15}$"
_SMALL = r"^-?\d{1,3}$"
_LEADING = r"^-?0\d"
_FIRST = 100
_LARGEST = 1e15  # beyond, digits may be lost
_TRUTH = pa.array(["true", "false"])


@dataclass(kw_only=True)
class Typed:
    """A table's columns as they are typed, and what they show of how the file is written.

    Args:
        columns: Name to its series.
        decimal: Decimal signs that numbers show for certain.
        missing: Words that stand for a missing number, in lower case.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    decimal: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)

    def add(self, name: str, cells: pa.ChunkedArray) -> None:
        """Type one column's texts, empty ones null."""
        found = _quickly(cells)
        if found is None:
            found = _slowly(pc.utf8_trim_whitespace(cells))
        if found is not None:
            values, words, certain = found
            self.columns[name] = values
            self.missing |= words
            self.decimal |= {"."} if certain else set()
            return
        truth = _truth(cells)
        self.columns[name] = cells.to_pandas() if truth is None else truth


_Found: TypeAlias = "tuple[Any, set[str], bool]"


def _quickly(cells: pa.ChunkedArray) -> _Found | None:
    """The numbers of a column that holds plain ones only; None: it has to be looked at text by text."""
    try:
        pc.cast(cells.slice(0, _FIRST), pa.float64())  # fails soon where it fails
        values = pc.cast(cells, pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        return None
    present = values[~np.isnan(values)] if cells.null_count else values
    if len(present) < len(values) - cells.null_count or not len(present) or not (np.abs(present) < _LARGEST).all():
        return None
    if pc.any(pc.match_substring_regex(cells, _LEADING)).as_py():
        return None
    if (present == np.floor(present)).all():
        return None if not pc.all(pc.match_substring_regex(cells, _WHOLE)).as_py() else _whole(values, cells)
    thousandths = present * 1000
    apart = np.abs(thousandths - np.rint(thousandths)) > 1e-6
    certain = (np.abs(present) >= 1000) | ((np.abs(present) < 1) & (present != 0)) | apart
    if 2 * np.count_nonzero(certain) < len(present):
        return None  # most may be written with a point and three digits
    return pd.Series(values), set(), True


def _whole(values: Any, cells: pa.ChunkedArray) -> _Found:
    return pd.Series(values if cells.null_count else values.astype(np.int64)), set(), False


def _slowly(cells: pa.ChunkedArray) -> _Found | None:
    """The numbers, the words for missing, and whether a decimal point is certain; None: not plainly numbers."""
    present = pc.and_(pc.is_valid(cells), pc.not_equal(cells, "")).combine_chunks().fill_null(False)
    plain = pc.match_substring_regex(cells, PLAIN).combine_chunks().fill_null(False)
    words: set[str] = set()
    if not pc.all(pc.or_(plain, pc.invert(present))).as_py():
        others = pc.unique(cells.filter(pc.and_(pc.invert(plain), present)))
        if len(others) > len(MISSING_WORDS):
            return None
        words = {text.lower() for text in others.to_pylist()}
        if not words <= MISSING_WORDS:
            return None
    held = cells.filter(plain)
    if not len(held) or pc.any(pc.match_substring_regex(held, _CODE)).as_py():
        return None
    values = _spread(plain, pc.cast(held, pa.float64()).to_numpy())
    if pc.all(pc.match_substring_regex(held, _WHOLE)).as_py():
        return (pd.Series(values.astype(np.int64)) if len(held) == len(cells) else pd.Series(values)), words, False
    twofold = pc.match_substring_regex(held, TWOFOLD)
    certain = pc.and_(pc.match_substring(held, "."), pc.invert(twofold))
    if not pc.any(pc.match_substring_regex(held, STEADY)).as_py() and _in_doubt(held, twofold, certain):
        return None  # a point before three digits in most: thousands, or decimals
    return pd.Series(values), words, bool(pc.any(certain).as_py())


def _in_doubt(held: pa.ChunkedArray, twofold: pa.ChunkedArray, certain: pa.ChunkedArray) -> bool:
    """Whether the numbers with a point that can only be decimals are too few, or stand among too many whole ones."""
    either, sure = pc.sum(twofold).as_py(), pc.sum(certain).as_py()
    small = pc.sum(pc.match_substring_regex(held, _SMALL)).as_py()
    return bool(either and (OUTVOTES * sure <= either or (sure < either and small >= max(2, 0.05 * either))))


def _spread(plain: pa.Array, held: Any) -> Any:
    mask = np.asarray(plain.to_numpy(zero_copy_only=False), dtype=bool)
    values = np.full(len(mask), np.nan)
    values[mask] = held
    return values


def _truth(cells: pa.ChunkedArray) -> pd.Series[Any] | None:
    head = cells.slice(0, 100).drop_null()
    if len(head) and not pc.all(pc.is_in(pc.utf8_lower(head), _TRUTH)).as_py():
        return None
    lower = pc.utf8_lower(cells)
    known = lower.drop_null()
    if not len(known) or not pc.all(pc.is_in(known, _TRUTH)).as_py():
        return None
    truth = pc.equal(lower, "true")
    return pd.Series(truth.to_numpy() if not truth.null_count else np.array(truth.to_pylist(), dtype=object))
