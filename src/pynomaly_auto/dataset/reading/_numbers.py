"""Numbers written in texts: what one text says by itself, and by which of two decimal signs it can be read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pynomaly_auto.dataset._table import Array
from pynomaly_auto.dataset.reading._units import factor, is_currency, known_unit
from pynomaly_auto.dataset.reading._words import is_missing
from pynomaly_auto.records import FloatArray

PLAIN = r"^-?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?$"  # of which arrow makes numbers as Python does
GROUPED = r"^-?[1-9]\d{0,2}(,\d{3})+(\.\d{0,40})?$"  # the commonest grouping, read many at a time
# Either a number with three decimals or one with its thousands grouped.
TWOFOLD = r"^-?[1-9]\d{0,2}\.\d{3}$"
# A number with three decimals and nothing else, among which those of two readings are at home.
STEADY = r"^-?(0|\d{4,})\.\d{3}$"

_SPACES = "\u0020\u00a0\u2007\u2009\u202f"
_ONE_SPACE = str.maketrans(dict.fromkeys(_SPACES, " "))
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\ufe63": "-", "\uff0d": "-"})
_QUOTES = str.maketrans({"\u2019": "'", "\u02bc": "'", "\u00b4": "'", "`": "'"})
_SWAP = str.maketrans(".,", ",.")
# A sign, a currency, the digits with their separators, a unit, a sign.
_TOKEN = re.compile(
    r"([+-]?)\s*([^\d\s+\-.,'()]{0,4}\.?)\s*([+-]?)\s*([\d.,' ]*\d[.,]?(?:[eE][+-]?\d+)?)\s*([^\d+\-]{0,8}\d?)([+-]?)"
)
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_GROUPED = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?",
        r"[1-9]\d?(,\d{2})*,\d{3}(\.\d*)?",  # Indian: 12,34,567
        r"[1-9]\d{0,2}('\d{3})+(\.\d*)?",
        r"[1-9]\d{0,2}( \d{3})+(\.\d*)?",
    )
)
_LONGEST = 64
_NO_CENTS = re.compile(r"(?<=\d)([.,])(?:--?|\u2014)(?=[^\d+\-]{0,9}$)")  # 12.- and 1.200,\u2014 are whole amounts
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_BARE = re.compile(r"\d+", re.ASCII)


@dataclass(frozen=True, kw_only=True, eq=False)
class Numbers:
    """The numbers written in distinct texts.

    Args:
        values: Shape (n,), NaN where there is none.
        unread: Which texts are neither a number nor a word for "missing".
        units: What stood beside each number, by position; only where something did.
    """

    values: FloatArray = field(repr=False)
    unread: Array = field(repr=False)
    units: dict[int, str] = field(repr=False, default_factory=dict)


def numbers_in(texts: Array, decimal_sign: str = ".", unit: str = "") -> Numbers:
    """The numbers written in texts, each text read by itself.

    Blanks around, grouped thousands (by points or commas, apostrophes, blanks; by lakhs), currencies, units, signs
    behind, parentheses and per cent signs are understood.

    Args:
        texts: Distinct texts, shape (n,).
        decimal_sign: ``"."`` (then ``","`` may group thousands) or ``","`` (the reverse).
        unit: The column's unit, which others of its family are brought to; other units are then not read.

    >>> numbers_in(np.array(["1,234.5", " 3 ", "12%", "NA", "x", "(7)"], dtype=object)).values.tolist()
    [1234.5, 3.0, 0.12, nan, nan, -7.0]
    """
    values = np.full(len(texts), np.nan)
    unread = np.zeros(len(texts), dtype=bool)
    units: dict[int, str] = {}
    others = ~many_numbers(texts, decimal_sign, values)
    for i in np.flatnonzero(others):
        text = texts[i]
        if is_missing(text):
            continue
        found = number_in(text, decimal_sign)
        if found is not None and found[1]:
            units[int(i)] = found[1]
            found = _in_unit(*found, unit)
        if found is None:
            unread[i] = True
        else:
            values[i] = found[0]
    return Numbers(values=values, unread=unread, units=units)


def many_numbers(texts: Array, decimal_sign: str, values: FloatArray) -> Array:
    """Write the numbers of all texts that hold a plain or grouped number into ``values``; which ones they are."""
    held = arrow_of(texts)
    if held is None:
        return np.zeros(len(texts), dtype=bool)
    plain, held = plainly(held, decimal_sign)
    mask = _flags(plain)
    values[mask] = pc.cast(held.filter(plain), pa.float64()).to_numpy()
    return mask


def plainly(held: pa.Array, decimal_sign: str) -> tuple[pa.Array, pa.Array]:
    """Which texts hold a plain or grouped number by a decimal sign, and all texts as arrow casts them."""
    if decimal_sign == ",":
        for old, new in ((",", "\0"), (".", ","), ("\0", ".")):
            held = pc.replace_substring(held, old, new)
    plain = pc.match_substring_regex(held, PLAIN)
    if not pc.all(plain).as_py():
        grouped = pc.match_substring_regex(held, GROUPED)
        if pc.any(grouped).as_py():
            held = pc.if_else(grouped, pc.replace_substring(held, ",", ""), held)
            plain = pc.or_(plain, grouped)
    return plain, held


def arrow_of(texts: Array) -> pa.Array | None:
    """Texts as arrow holds them; None: it cannot."""
    try:
        return pa.array(texts, type=pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        return None


def _flags(mask: pa.Array) -> Array:
    return np.asarray(mask.to_numpy(zero_copy_only=False), dtype=bool)


def number_in(text: str, decimal_sign: str) -> tuple[float, str] | None:
    """One text's number and what stands beside it (empty: nothing); None: it is no number."""
    if len(text) > _LONGEST:
        return None
    word = _tidy(text)
    if _INFINITE.fullmatch(word):
        return float(word), ""
    inside = _inside(word)
    negative = inside is not None
    match = _TOKEN.fullmatch(word if inside is None else inside)
    if match is None:
        return None
    before, currency, within, digits, beside, behind = match.groups()
    signs = before + within + behind
    if len(signs) > 1 or (negative and signs):
        return None
    value = _value(digits.strip(), decimal_sign)
    unit = _beside(currency, beside)
    if value is None or unit is None:
        return None
    if unit == "%":
        value /= 100
    return (-value if negative or signs == "-" else value), unit


def decimal_signs(text: str) -> str:
    """By which decimal signs a text is a number: ``"."``, ``","``, ``"=,"`` or ``"=."`` for either alike.

    Returns:
        ``"."`` or ``","`` where only that one gives a number, ``"either ."`` or ``"either ,"`` where both do and give
        different ones (with the sign that stands in it), ``"bare"`` for digits alone, else ``""``.

    >>> [decimal_signs(t) for t in ("12.5", "1.234", "6,064", "987", "1.234,5", "x")]
    ['.', 'either .', 'either ,', 'bare', ',', '']
    """
    token = digits_of(text)
    if token is None:
        return ""
    if _BARE.fullmatch(token):
        return "bare"
    if _EITHER.fullmatch(token):
        return "either ." if "." in token else "either ,"
    point, comma = _value(token, ".") is not None, _value(token, ",") is not None
    if point and comma:
        return "bare" if "." not in token and "," not in token else ""
    return "." if point else "," if comma else ""


def digits_of(text: str) -> str | None:
    """The digits and separators of a text that may be a number, without sign, currency and unit."""
    if len(text) > _LONGEST:
        return None
    word = _tidy(text)
    match = _TOKEN.fullmatch(_inside(word) or word)
    return None if match is None else match[4].strip()


def _tidy(text: str) -> str:
    """A text with one kind of blank, minus and apostrophe, and cents written as such."""
    word = text.translate(_ONE_SPACE).translate(_MINUS).translate(_QUOTES).strip()
    return _NO_CENTS.sub(r"\g<1>00", word)


def _inside(word: str) -> str | None:
    """What stands in an accountant's parentheses, with the currency before them; None: there are none."""
    if not word.endswith(")") or "(" not in word:
        return None
    before, _, held = word[:-1].partition("(")
    before = before.strip()
    if before and known_unit(before) is None:
        return None
    return f"{before}{held.strip()}"


def _value(digits: str, decimal_sign: str) -> float | None:
    if decimal_sign == ",":
        digits = digits.translate(_SWAP)
    if _NUMBER.fullmatch(digits):
        return float(digits)
    for grouped in _GROUPED:
        if grouped.fullmatch(digits):
            return float(digits.replace(",", "").replace("'", "").replace(" ", ""))
    return None


def _beside(before: str, behind: str) -> str | None:
    """What stands beside a number, by one name; empty: nothing; None: what nobody knows, or two things."""
    before, behind = before.strip(), behind.strip()
    if before:
        unit = known_unit(before)
        return unit if unit is not None and is_currency(unit) and not behind else None
    return known_unit(behind) if behind else ""


def _in_unit(value: float, unit: str, into: str) -> tuple[float, str] | None:
    if not into or unit == "%" or (is_currency(unit) and is_currency(into)):
        return value, unit
    times = factor(unit, into)
    return None if times is None else (value * times, unit)
