"""Columns of texts as what they plainly are: numbers and truth values where no other reading is possible, else texts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pynomaly_auto.dataset.reading import MISSING_WORDS, PLAIN, TWOFOLD

# Digits that may be a code: with leading zeros, too many to be kept, or a power such as 1E5.
_CODE = r"^-?0\d+$|^-?\d{16,}$|^\d+[eE]\d{1,3}$"
_WHOLE = r"^-?\d{1,15}$"
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
        """Type one column's texts; an empty text is a missing cell."""
        trimmed = pc.utf8_trim_whitespace(cells)
        present = pc.not_equal(trimmed, "")
        numbers = _numbers(trimmed, present)
        if numbers is not None:
            values, words, certain = numbers
            self.columns[name] = values
            self.missing |= words
            if certain:
                self.decimal.add(".")
            return
        kept = pc.if_else(present, cells, pa.scalar(None, pa.string()))
        truth = _truth(kept)
        self.columns[name] = kept.to_pandas() if truth is None else truth


def _numbers(cells: pa.ChunkedArray, present: pa.ChunkedArray) -> tuple[Any, set[str], bool] | None:
    """The numbers, the words for missing among them, and whether a decimal point is certain; None: not plainly numbers."""
    plain = pc.match_substring_regex(cells, PLAIN)
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
    if pc.all(pc.match_substring_regex(held, _WHOLE)).as_py():
        whole = pc.cast(held, pa.int64())
        if len(held) == len(cells):
            return pd.Series(whole.to_numpy()), words, False
        return _spread(plain, whole.to_numpy()), words, False
    pointed = pc.match_substring(held, ".")
    twofold = pc.match_substring_regex(held, TWOFOLD)
    certain = pc.any(pc.and_(pointed, pc.invert(twofold))).as_py()
    if not certain and pc.any(twofold).as_py():
        return None  # a point before three digits only: thousands, or decimals
    return _spread(plain, pc.cast(held, pa.float64()).to_numpy()), words, bool(certain)


def _spread(plain: pa.ChunkedArray, held: Any) -> pd.Series[Any]:
    mask = np.asarray(plain.to_numpy(), dtype=bool)
    values = np.full(len(mask), np.nan)
    values[mask] = held
    return pd.Series(values)


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
