"""What a column's texts say of how it is written: counted over all its values, before anything is decided."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pynomaly_auto.dataset._table import Array
from pynomaly_auto.dataset.reading._dates import ORDERS, iso_seconds, needs_order, orders_of
from pynomaly_auto.dataset.reading._numbers import STEADY, TWOFOLD, arrow_of, decimal_signs, digits_of, plainly
from pynomaly_auto.dataset.reading._ordered import Ordered
from pynomaly_auto.dataset.reading._words import is_missing

_LEADING_ZERO = r"^-?0\d+$"
_LONG_DIGITS = r"^-?\d{16,}$"
_CODE_POWER = r"^\d+[eE]\d{1,3}$"  # 1E5: numbers are written 1e+05 or 1.0E5
# So many to one, and that one may be a mistake; of decimals cut to three every tenth has fewer digits.
OUTVOTES = 20
_EXACT = 2**53  # whole numbers beyond this have no float of their own
_LETTERS = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, kw_only=True)
class NumberEvidence:
    """How many of a column's cells are written in which way.

    Args:
        point: Numbers by a decimal point only, such as 12.5 or 1,234.5.
        comma: Numbers by a decimal comma only.
        either: Numbers by both that differ, such as 1.234, by the sign in them.
        example: One of these, by the sign.
        steady: Numbers by one sign only that have three decimals as well, such as 0.998, by that sign.
        bare_small: Digits alone, below 1000.
        bare_large: Digits alone, above.
        codes: Leading zeros, more digits than a number can keep, powers such as 1E5.
        same_length: Whether all that are digits alone have the same number of them.
        other: Neither a number nor a word for missing.
        absent: Words for missing, in lower case.
    """

    point: int = 0
    comma: int = 0
    either: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    steady: Counter[str] = field(default_factory=Counter)
    bare_small: int = 0
    bare_large: int = 0
    codes: int = 0
    same_length: bool = False
    other: int = 0
    absent: frozenset[str] = frozenset()

    @property
    def certain(self) -> str:
        """The decimal sign that most of the numbers show that can be read by one only; empty: there are none."""
        return "" if not (self.point or self.comma) else "." if self.point >= self.comma else ","

    @property
    def outvoted(self) -> bool:
        """Whether numbers of two readings are so many, and of another form, that the certain ones may be mistakes."""
        certain = max(self.point, self.comma)
        return OUTVOTES * certain <= sum(self.either.values()) and not self.steady[self.certain]

    @property
    def numbers(self) -> int:
        """Cells that hold a number, however it is written."""
        return self.point + self.comma + sum(self.either.values()) + self.bare_small + self.bare_large


@dataclass(frozen=True, kw_only=True)
class DateEvidence:
    """How many of a column's cells hold dates, and in which orders of day, month and year.

    Args:
        free: Dates that need no order.
        needing: Dates that need one.
        valid: How many of these are dates, by order.
        separator: What stands most often between their parts.
        firsts: Distinct first parts of those with a year of two digits.
        lasts: Distinct last parts of them.
        example: One that needs an order and is a date in most of them.
        other: Neither a date nor a word for missing.
    """

    free: int = 0
    needing: int = 0
    valid: Counter[str] = field(default_factory=Counter)
    separator: str = ""
    firsts: int = 0
    lasts: int = 0
    example: str = ""
    other: int = 0

    def tells(self, order: str) -> bool:
        """Whether more dates show this order, and not the other of day and month, than there may be mistakes."""
        if order == "ymd":
            return True
        either = self.valid["dmy" if order == "mdy" else "mdy"]
        return OUTVOTES * (self.valid[order] - either) > either

    @property
    def dates(self) -> int:
        """Cells that hold a date in the order in which most do."""
        return self.free + max(self.valid.values(), default=0)


def number_evidence(texts: Array, counts: Array) -> NumberEvidence:
    """Count how numbers are written in distinct texts.

    Args:
        texts: Distinct texts, shape (n,).
        counts: How often each occurs, shape (n,).
    """
    held = arrow_of(texts)
    if held is None:
        return NumberEvidence(other=int(counts.sum()))
    point, comma = (np.asarray(plainly(held, sign)[0].to_numpy(zero_copy_only=False), dtype=bool) for sign in ".,")
    plain, both = point | comma, point & comma
    lengths = np.asarray(pc.utf8_length(held).to_numpy(zero_copy_only=False))
    bare = both & _mask(held, r"^-?\d+$")
    small = bare & (lengths <= 3)
    zero, long, power = (_mask(held, pattern) & plain for pattern in (_LEADING_ZERO, _LONG_DIGITS, _CODE_POWER))
    tally: Counter[str] = Counter()
    either: Counter[str] = Counter()
    example: dict[str, str] = {}
    steady: Counter[str] = Counter()
    for sign, alone in ((".", point & ~comma), (",", comma & ~point)):
        steady[sign] = int(counts[alone & _mask(held, STEADY.replace(r"\.", f"[{sign}]"))].sum())
        twofold = both & ~bare & _mask(held, TWOFOLD.replace(r"\.", f"[{sign}]"))
        if twofold.any():
            either[f"either {sign}"] = int(counts[twofold].sum())
            example[f"either {sign}"] = str(min(texts[twofold]))
    absent: set[str] = set()
    for i in np.flatnonzero(~plain):
        text = str(texts[i])
        if is_missing(text):
            absent.add(text.strip().lower())
            continue
        how = decimal_signs(text)
        if how.startswith("either"):
            either[how] += int(counts[i])
            example.setdefault(how, text)
        else:
            tally[_size(text) if how == "bare" else how or "other"] += int(counts[i])
    codes = zero | power
    codes[long] = [abs(int(text)) > _EXACT for text in texts[long]]
    digits = lengths[bare]
    return NumberEvidence(
        point=int(counts[point & ~comma].sum()) + tally["."],
        comma=int(counts[comma & ~point].sum()) + tally[","],
        either=+either,
        example=example,
        steady=steady,
        bare_small=int(counts[small].sum()) + tally["small"],
        bare_large=int(counts[bare & ~small].sum()) + int(counts[power].sum()) + tally["large"],
        codes=int(counts[codes].sum()),
        same_length=len(digits) > 1 and bool((digits == digits[0]).all()),
        other=tally["other"],
        absent=frozenset(absent),
    )


def date_evidence(texts: Array, counts: Array) -> DateEvidence:
    """Count which dates distinct texts hold, in which orders.

    Args:
        texts: Distinct texts, shape (n,).
        counts: How often each occurs, shape (n,).
    """
    fields = Ordered.of(texts)
    rest = np.flatnonzero(~fields.found)
    iso = np.zeros(len(texts), dtype=bool)
    if len(rest):
        iso[rest] = ~np.isnan(iso_seconds([str(text).strip() for text in texts[rest]]))
    free, other = int(counts[iso].sum()), 0
    days = {order: ~np.isnan(fields.days(order)) & fields.found for order in ORDERS}
    valid = Counter({order: int(counts[ok].sum()) for order, ok in days.items()})
    needing = int(counts[fields.found].sum())
    separators = Counter(
        dict(zip(*(part.tolist() for part in np.unique(fields.separators, return_counts=True)), strict=True))
    )
    ways = np.sum(list(days.values()), axis=0)
    other += int(counts[fields.found & (ways == 0)].sum())
    candidates = texts[(ways == ways.max()) & fields.found] if fields.found.any() else texts[:0]
    example = str(min(candidates, key=lambda text: (_twice_the_same(text), text))).strip() if len(candidates) else ""
    firsts, lasts = fields.ends()
    for i in np.flatnonzero(~fields.found & ~iso):
        word, count = str(texts[i]).strip(), int(counts[i])
        orders = orders_of(word)
        if not needs_order(word):
            free += count if orders else 0
            other += count if not orders and not is_missing(word) else 0
            continue
        needing += count
        other += 0 if orders else count
        valid.update(dict.fromkeys(orders, count))
        example = example or word
        separators[re.split(r"\d+", word, maxsplit=2)[1][:1] or "/"] += count
    return DateEvidence(
        free=free, needing=needing, valid=+valid,
        separator=max(separators, key=lambda s: (separators[s], s), default=""),
        firsts=firsts, lasts=lasts, example=example, other=other,
    )  # fmt: skip


def looks_like_numbers(texts: Array) -> bool:
    """Whether at least half of some texts are numbers or words for missing."""
    return 2 * sum(is_missing(text) or digits_of(text) is not None for text in texts) >= len(texts)


def _mask(held: pa.Array, pattern: str) -> Array:
    return np.asarray(pc.match_substring_regex(held, pattern).to_numpy(zero_copy_only=False), dtype=bool)


def _twice_the_same(text: str) -> bool:
    """Whether a date's first two parts are the same, so that their order does not show in it."""
    first, second, *_ = re.split(r"\D+", text.strip(), maxsplit=2)
    return int(first) == int(second)


def _size(text: str) -> str:
    digits = digits_of(text) or ""
    return "small" if len(digits.replace("'", "").replace(" ", "")) <= 3 or not digits.isdigit() else "large"
