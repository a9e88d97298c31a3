"""How a column's cells are to be read: as they are, or as the numbers or dates that are written in its texts."""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._cells import Cells, Form, seconds_of, text_of
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.errors import SchemaError
from pynomaly_auto.records import FloatArray

# What stands for "no value" where numbers are written as text.
MISSING_WORDS = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "?", "-", "--", ".", "missing"})
NEARLY_ALL = 0.95  # share of the texts present that must parse before a column counts as numbers or dates

_SIGNS = str.maketrans("", "", "$€£ \u00a0\u202f")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_INFINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)
_CODE = re.compile(r"0\d+", re.ASCII)  # leading zeros: a postcode or an article number, no quantity
_ISO = re.compile(r"\d{4}-\d{2}.*", re.ASCII | re.DOTALL)
_LONGEST_DATE = 40
_SAMPLE = 200  # distinct texts tried before all of them are
_DAYS = ("%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y")
_CLOCKS = ("", " %H:%M", " %H:%M:%S")
_DATES = ("ISO8601", *(day + clock for day in _DAYS for clock in _CLOCKS))

ReadForm: TypeAlias = Form | Literal["none"]

# What can be parsed out of texts, by the form it gives.
PARSES: Mapping[str, tuple[str, ...]] = {"number": ("", ".", ","), "time": ("", *_DATES)}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How the cells of one column are read, settled when fitting and the same for every later row.

    Args:
        form: The form the cells are brought into; ``"none"``: the column is left out.
        parse: For numbers in texts, the decimal sign; for dates in texts, their format; empty: nothing is parsed.
        zone: Time zone of a time column.
        declared: The user's own type says that these are categories, so numbers are names, too.
    """

    form: ReadForm
    parse: str = ""
    zone: str | None = None
    declared: bool = False

    def apply(self, cells: Cells, name: str) -> Cells:
        """Bring cells into the form fitted on.

        Raises:
            SchemaError: The column now holds something else.
        """
        if self.form == "none" or (self.form == cells.form and self.form != "time"):
            return cells
        if cells.is_empty:
            return _nothing(self.form, len(cells))
        found = {
            "number": self._numbers,
            "boolean": self._numbers,
            "text": self._texts,
            "mixed": self._mixed,
            "time": self._times,
            "duration": _never,
        }[self.form](cells)
        if found is None:
            raise SchemaError(
                f"column {name!r} held {_SAY[self.form]} during fit and now holds {_SAY[cells.form]}"
                f"{self._example(cells)}.",
                where=f"column {name!r}",
                fix="Give rows with the same column types.",
            )
        return found

    def _numbers(self, cells: Cells) -> Cells | None:
        if cells.form in ("number", "boolean"):
            return dataclasses.replace(cells, form="number")
        if cells.form not in ("text", "mixed"):
            return None
        parsed, unread = numbers_in(cells.levels, self.parse or ".")
        if unread.any() and not self.parse:
            return None
        written = np.append(parsed, np.nan)[cells.codes]
        if cells.form == "mixed":
            written = np.where(np.isnan(cells.numbers), written, cells.numbers)
        return Cells(form="number", numbers=written)

    def _times(self, cells: Cells) -> Cells | None:
        if cells.form == "time":
            return dataclasses.replace(cells, zone=self.zone) if (cells.zone is None) == (self.zone is None) else None
        if cells.form != "text":
            return None
        parsed, unread = dates_in(cells.levels, self.parse or "ISO8601")
        if unread.any() and not self.parse:
            return None
        return Cells(form="time", numbers=np.append(parsed, np.nan)[cells.codes], zone=self.zone)

    def _texts(self, cells: Cells) -> Cells | None:
        if cells.form in ("number", "boolean") and not self.declared:
            return None
        if cells.form not in ("number", "boolean", "mixed"):
            return None
        numbers = cells.numbers if cells.form != "boolean" else cells.numbers.astype(bool)
        names = [None if lost else text_of(v) for v, lost in zip(numbers, np.isnan(cells.numbers), strict=True)]
        texts = np.array(names, dtype=object)
        if cells.form == "mixed":
            texts = np.where(cells.codes >= 0, cells.levels[cells.codes], texts)
        codes, levels = pd.factorize(texts)
        return Cells(form="text", codes=codes.astype(np.int64), levels=np.asarray(levels, dtype=object))

    def _mixed(self, cells: Cells) -> Cells | None:
        if cells.form == "text":
            return dataclasses.replace(cells, form="mixed", numbers=np.full(len(cells), np.nan))
        if cells.form in ("number", "boolean"):
            return dataclasses.replace(cells, form="mixed", codes=np.full(len(cells), -1))
        return None

    def _example(self, cells: Cells) -> str:
        if cells.form == "time":
            return ", with a time zone" if cells.zone else ", without a time zone"
        if not len(cells.levels):
            return ""
        _, unread = numbers_in(cells.levels, self.parse or ".")
        return f" such as {str(cells.levels[int(np.argmax(unread))])[:40]!r}"


_SAY = {
    "number": "numbers", "boolean": "true or false", "text": "text", "mixed": "numbers and text",
    "time": "dates", "duration": "durations",
}  # fmt: skip


def numbers_in(texts: Array, decimal_sign: str = ".") -> tuple[FloatArray, Array]:
    """The numbers written in texts, each text read by itself.

    Blanks around, currency signs, thousands separators and a closing per cent sign are understood.

    Args:
        texts: Distinct texts, shape (n,).
        decimal_sign: ``"."`` (then ``","`` may group thousands) or ``","`` (the reverse).

    Returns:
        The numbers, NaN where there is none; and which texts are neither a number nor a word for "missing".

    >>> numbers_in(np.array(["1,234.5", " 3 ", "12%", "NA", "x"], dtype=object))[0].tolist()
    [1234.5, 3.0, 0.12, nan, nan]
    """
    found = np.full(len(texts), np.nan)
    unread = np.zeros(len(texts), dtype=bool)
    for i, text in enumerate(texts):
        if decimal_sign == "." and _NUMBER.fullmatch(text):  # most texts by far, without the ado
            found[i] = float(text)
            continue
        word = text.strip()
        if word.lower() in MISSING_WORDS:
            continue
        value = _number_in(word, decimal_sign)
        if value is None:
            unread[i] = True
        else:
            found[i] = value
    return found, unread


def _number_in(word: str, decimal_sign: str) -> float | None:
    word = word.translate(_SIGNS)
    if decimal_sign == ",":
        word = word.translate(str.maketrans(",.", ".,"))
    percent = word.endswith("%")
    word = word.removesuffix("%")
    if _GROUPED.fullmatch(word):
        word = word.replace(",", "")
    if not (_NUMBER.fullmatch(word) or _INFINITE.fullmatch(word)):
        return None
    return float(word) / 100 if percent else float(word)


def dates_in(texts: Array, form: str) -> tuple[FloatArray, Array]:
    """Seconds since 1970 (UTC) of the dates written in texts, and which texts hold none.

    Args:
        texts: Distinct texts, shape (n,).
        form: A ``strftime`` format, or ``"ISO8601"``.
    """
    words = [text.strip() for text in texts]
    gone = np.array([word.lower() in MISSING_WORDS for word in words], dtype=bool)
    if form == "ISO8601":
        words = [word if _ISO.fullmatch(word) else "" for word in words]
    moments = pd.to_datetime(pd.Series(words, dtype=object), format=form, utc=True, errors="coerce")
    seconds = seconds_of(moments.dt.tz_localize(None).to_numpy())
    return seconds, np.isnan(seconds) & ~gone


def reading_of(cells: Cells) -> tuple[Reading, Cells]:
    """Settle how a column is read, from the cells it is fitted on, and read them so.

    Texts that nearly all (95 %) hold numbers are read as numbers, unless leading zeros say that they are codes;
    likewise dates. The few that do not parse then count as missing.
    """
    zoned = cells.zone
    plain = Reading(form=cells.form, zone=zoned, declared=cells.declared)
    if cells.form not in ("text", "mixed") or cells.declared or not len(cells.levels):
        return plain, cells
    counts = np.bincount(cells.codes[cells.codes >= 0], minlength=len(cells.levels))
    numbers_beside = int((~np.isnan(cells.numbers)).sum())
    some = _sample(cells.levels)
    for sign in (".", ","):
        if numbers_in(cells.levels[some], sign)[1].all():
            continue
        parsed, unread = numbers_in(cells.levels, sign)
        hits = counts[~np.isnan(parsed)].sum() + numbers_beside
        coded = any(_CODE.fullmatch(str(level).strip()) for level in cells.levels)
        if not coded and hits >= max(NEARLY_ALL * (hits + counts[unread].sum()), 1):
            reading = Reading(form="number", parse=sign)
            return reading, reading.apply(cells, "")
    if all(str(level).strip().lower() in MISSING_WORDS for level in cells.levels) and not numbers_beside:
        return Reading(form="number", parse="."), _nothing("number", len(cells))
    form = _date_format(cells.levels, counts, some) if cells.form == "text" else None
    if form is not None:
        offsets = any(re.search(r"(Z|[+-]\d\d:?\d\d)$", str(level).strip()) for level in cells.levels if ":" in level)
        reading = Reading(form="time", parse=form, zone="UTC" if offsets else None)
        return reading, reading.apply(cells, "")
    return plain, cells


def _date_format(levels: Array, counts: Array, some: Array) -> str | None:
    """The format in which nearly all texts are dates, the commonest first; None: they are no dates."""
    if not any(any(c.isdigit() for c in text) and len(text.strip()) <= _LONGEST_DATE for text in levels[some]):
        return None
    for form in _DATES:
        if dates_in(levels[some], form)[1].all():
            continue
        seconds, unread = dates_in(levels, form)
        hits = counts[~np.isnan(seconds)].sum()
        if hits >= max(NEARLY_ALL * (hits + counts[unread].sum()), 1):
            return form
    return None


def _sample(levels: Array) -> Array:
    """Positions of some of the texts, the same ones whatever their order: if not one of these parses, few others do."""
    if len(levels) <= _SAMPLE:
        return np.arange(len(levels))
    digests = [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in levels]
    return np.argsort(digests, kind="stable")[:_SAMPLE]


def _never(cells: Cells) -> None:
    """Nothing but durations can be read as durations."""


def _nothing(form: ReadForm, n_rows: int) -> Cells:
    if form == "text":
        return Cells(form="text", codes=np.full(n_rows, -1, dtype=np.int64))
    if form == "mixed":
        return Cells(form="mixed", numbers=np.full(n_rows, np.nan), codes=np.full(n_rows, -1, dtype=np.int64))
    return Cells(form="number" if form == "none" else form, numbers=np.full(n_rows, np.nan))
