"""Dates and times of day written in texts: what one text says, and in which order of day, month and year."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from pynomaly_auto.dataset._cells import seconds_of
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.dataset.reading._numbers import arrow_of
from pynomaly_auto.dataset.reading._ordered import TURN, Ordered
from pynomaly_auto.dataset.reading._words import is_missing
from pynomaly_auto.records import FloatArray

ORDERS = ("dmy", "mdy", "ymd")
ANY_ORDER = "ISO8601"  # no order of day and month is known: only dates that need none are read

_LONGEST = 48
_EPOCH = dt.date(1970, 1, 1).toordinal()
_NO_YEAR = 1972  # what stands for the year where none is written; a leap year, so that 29 February is one

_MONTH_NAMES = (
    "jan january januar janvier janv enero ene gennaio gen janeiro januari",
    "feb february februar février fevrier févr fevr febrero febbraio fevereiro fev februari",
    "mar march märz maerz mär mrz mars marzo março maart mrt",
    "apr april avril avr abril abr aprile",
    "may mai mayo maggio mag maio mei",
    "jun june juni juin junio giugno giu junho",
    "jul july juli juillet juil julio luglio lug julho",
    "aug august août aout agosto ago augustus",
    "sep sept september septembre septiembre settembre set setembro",
    "oct october oktober okt octobre octubre ottobre ott outubro out",
    "nov november novembre noviembre novembro",
    "dec december dezember dez décembre decembre déc diciembre dic dicembre dezembro",
)
_MONTHS: Mapping[str, int] = {name: i for i, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}
_WEEKDAYS = (
    r"(?:(?:mon|tues?|wed(?:nes)?|thur?s?|fri|sat(?:ur)?|sun)(?:day)?|montag|dienstag|mittwoch|donnerstag|freitag"
    r"|samstag|sonntag|mo|di|mi|do|fr|sa|so)[.,]*\s+"
)
_ZONES: Mapping[str, float] = {
    "z": 0, "utc": 0, "gmt": 0, "wet": 0, "cet": 1, "mez": 1, "cest": 2, "mesz": 2, "eet": 2, "eest": 3, "msk": 3,
    "est": -5, "edt": -4, "cdt": -5, "mdt": -6, "pst": -8, "pdt": -7, "jst": 9,
}  # fmt: skip
_CLOCK = (
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,:](?P<part>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?\s?m\.?)?(?:\s*uhr)?"
)
_ZONE = r"(?:\s*(?P<zone>z|utc|gmt|[a-z]{3,4})?(?P<offset>[+-]\d{2}(?::?\d{2})?)?)"
_TAIL = rf"(?:(?:[\sT:]|,\s*|\s+at\s+|\s+um\s+)+{_CLOCK}{_ZONE})?(?:\s*\((?:[a-z]{{3,4}})\))?"
_FORMS = tuple(
    re.compile(rf"(?:{_WEEKDAYS})?{day}{_TAIL}", re.IGNORECASE)
    for day in (
        r"(?P<y>\d{4})(?P<sep>[-/.])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})",
        r"(?P<a>\d{1,2})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{4}|\d{2})",
        r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[.]?(?:\s+of\s+|[-/\s])\s*(?P<name>[^\W\d]{3,10})[.]?[-/,\s]+(?P<y>\d{4}|\d{2})",
        r"(?P<name>[^\W\d]{3,10})[.]?[\s-]+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?[\s-]+(?P<y>\d{4})",
        r"(?P<y>\d{4})[-/\s](?P<name>[^\W\d]{3,10})[.]?[-/\s](?P<d>\d{1,2})",
    )
)
# A month and a day without a year, always with a clock: the system's log.
_LOG = re.compile(rf"(?P<name>[a-z]{{3}})\s+(?P<d>\d{{1,2}})\s+{_CLOCK}{_ZONE}", re.IGNORECASE)
# The clock before the year: what ctime prints.
_CTIME = re.compile(
    rf"(?:{_WEEKDAYS})(?P<name>[a-z]{{3}})\s+(?P<d>\d{{1,2}})\s+{_CLOCK}(?:\s+(?P<zone>[a-z]{{3,4}}))?\s+(?P<y>\d{{4}})",
    re.IGNORECASE,
)
_TIME_OF_DAY = re.compile(_CLOCK, re.IGNORECASE)
_ISO = re.compile(r"\d{4}-\d{2}.*", re.ASCII | re.DOTALL)
_ORDERED = _FORMS[1]
_ENDING = r":.*([a-zA-Z]|[+-]\d{2}:?(\d{2})?)\s*$"
_OFFSET = re.compile(r"\d\s*(z|[a-z]{3,4}|[+-]\d{2}:?\d{2}|(?<=:\d\d)[+-]\d{2})$", re.IGNORECASE)


def dates_in(texts: Array, form: str) -> tuple[FloatArray, Array]:
    """Seconds since 1970 (UTC) of the dates written in texts, and which texts hold none.

    Args:
        texts: Distinct texts, shape (n,).
        form: The order of day, month and year where a text does not tell, one of `ORDERS`; `ANY_ORDER`: such texts are
            not read; or a ``strftime`` format, in which then all are.

    >>> dates_in(np.array(["2 Jan 1970", "1970-01-01 1:00 pm", "x"], dtype=object), "dmy")[0].tolist()
    [86400.0, 46800.0, nan]
    """
    words = [str(text).strip() for text in texts]
    if "%" in form:
        seconds = _seconds(words, form)
    else:
        seconds = iso_seconds(words)
        if form in ORDERS and np.isnan(seconds).any():
            ordered = Ordered.of(np.array(words, dtype=object)).moments(form)
            seconds = np.where(np.isnan(seconds), ordered, seconds)
        for i in np.flatnonzero(np.isnan(seconds)):
            found = moment_in(words[i], form)
            if found is not None:
                seconds[i] = found
    unread = np.isnan(seconds)
    unread[unread] = [not is_missing(words[i]) for i in np.flatnonzero(unread)]
    return seconds, unread


def iso_seconds(words: list[str]) -> FloatArray:
    """Seconds since 1970 of the texts that are dates by ISO 8601, NaN for all others."""
    return _seconds([word if _ISO.fullmatch(word) else "" for word in words], "ISO8601")


def _seconds(words: list[str], form: str) -> FloatArray:
    if not any(words):
        return np.full(len(words), np.nan)
    moments = pd.to_datetime(pd.Series(words, dtype=object), format=form, utc=True, errors="coerce")
    return seconds_of(moments.dt.tz_localize(None).to_numpy())


def moment_in(word: str, order: str) -> float | None:
    """Seconds since 1970 of one text's date, in UTC where it names a zone; None: it holds none."""
    match = _match(word)
    if match is None:
        return None
    parts = match.groupdict()
    day = _day(parts, order)
    clock = _second_of_day(parts) if parts.get("hour") else 0.0
    shift = _shift(parts)
    if day is None or clock is None or shift is None:
        return None
    return (day - _EPOCH) * 86_400 + clock - shift


def has_zone(texts: Array) -> bool:
    """Whether any of the dates written in texts names a time zone or an offset."""
    held = arrow_of(texts)
    if held is not None:  # most have none: no need to look at each
        texts = texts[np.asarray(pc.match_substring_regex(held, _ENDING).to_numpy(zero_copy_only=False), dtype=bool)]
    return any(_OFFSET.search(text.strip()) and not _half(text) for text in texts)


def orders_of(text: str) -> tuple[str, ...]:
    """In which orders of day, month and year a text is a date; empty: it is none; all three: it needs none.

    >>> orders_of("31/01/2024"), orders_of("2 Jan 2024"), orders_of("1.2.2024")
    (('dmy',), ('dmy', 'mdy', 'ymd'), ('dmy',))
    """
    match = _match(text.strip())
    if match is None:
        return ()
    parts = match.groupdict()
    if match.re is not _ORDERED:
        return ORDERS if _day(parts, "") is not None else ()
    orders = ("dmy", "ymd") if parts["sep"] == "." else ORDERS
    return tuple(order for order in orders if _day(parts, order) is not None)


def is_date(text: str) -> bool:
    """Whether a text holds a date or a time of day.

    >>> is_date("31.01.2024"), is_date("13:45"), is_date("3.14")
    (True, True, False)
    """
    return bool(orders_of(text)) or _TIME_OF_DAY.fullmatch(text.strip()) is not None


def needs_order(text: str) -> bool:
    """Whether a date's text does not tell by itself which part is which."""
    return _ORDERED.fullmatch(text.strip()) is not None


def clocks_in(texts: Array) -> tuple[FloatArray, Array]:
    """Seconds since midnight of times of day, and which texts hold none.

    >>> clocks_in(np.array(["13:45", "1:45:30 PM", "x"], dtype=object))[0].tolist()
    [49500.0, 49530.0, nan]
    """
    found = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        match = _TIME_OF_DAY.fullmatch(text.strip())
        value = None if match is None else _second_of_day(match.groupdict())
        if value is not None:
            found[i] = value
    gone = np.array([is_missing(text) for text in texts], dtype=bool)
    return found, np.isnan(found) & ~gone


def _match(word: str) -> re.Match[str] | None:
    if len(word) > _LONGEST:
        return None
    for form in (*_FORMS, _LOG, _CTIME):
        match = form.fullmatch(word)
        if match is not None:
            return match
    return None


def _day(parts: Mapping[str, str | None], order: str) -> int | None:
    """The day's number; None: there is no such day."""
    if parts.get("a"):
        if order not in ORDERS:
            return None
        by = dict(zip(order, (parts["a"], parts["b"], parts["c"]), strict=True))
        if order == "ymd" and len(str(parts["c"])) == 4:
            return None
        year, month, day = str(by["y"]), int(by["m"] or 0), int(by["d"] or 0)
    else:
        name = parts.get("name")
        month = int(parts["m"] or 0) if parts.get("m") else _MONTHS.get(name.lower(), 0) if name else 0
        year, day = parts.get("y") or str(_NO_YEAR), int(parts["d"] or 0)
    return _ordinal(_year(year), month, day)


@cache
def _ordinal(year: int, month: int, day: int) -> int | None:
    try:
        return dt.date(year, month, day).toordinal()
    except ValueError:
        return None


def _year(text: str) -> int:
    year = int(text)
    return year if len(text) > 2 else year + (1900 if year >= TURN else 2000)


def _second_of_day(parts: Mapping[str, str | None]) -> float | None:
    hour, minute, second = (int(parts.get(name) or 0) for name in ("hour", "minute", "second"))
    half = parts.get("half")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half.lower() == "p" else 0)
    if hour > 23 or minute > 59 or second > 60:
        return None
    part = parts.get("part")
    return hour * 3600 + minute * 60 + second + (int(part) / 10 ** len(part) if part else 0.0)


def _shift(parts: Mapping[str, str | None]) -> float | None:
    """Seconds that the clock is ahead of UTC; None: nobody knows that zone."""
    zone, offset = parts.get("zone"), parts.get("offset")
    hours = _ZONES.get(zone.lower()) if zone else 0.0
    if hours is None:
        return None
    if offset:
        digits = offset[1:].replace(":", "")
        minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
        hours += (-minutes if offset[0] == "-" else minutes) / 60
    return hours * 3600


def _half(text: str) -> bool:
    """Whether what looks like a zone is a morning or an afternoon, or a clock in German."""
    return bool(re.search(r"([ap]\.?\s?m\.?|uhr)$", text.strip(), re.IGNORECASE))
