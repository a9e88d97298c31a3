"""Dates of three numbers, many at a time: 31/01/2024 10:30:00 and its like."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pynomaly_auto.dataset._table import Array
from pynomaly_auto.dataset.reading._numbers import arrow_of
from pynomaly_auto.records import FloatArray

TURN = 69  # two-digit years from here on lie in the last century, as for strptime
_FORM = (
    r"^(?P<a>\d{1,2})(?P<s>[-/.])(?P<b>\d{1,2})(?P<t>[-/.])(?P<c>\d{4}|\d{2})"
    r"(?:[ T](?P<h>\d{1,2}):(?P<m>\d{2})(?::(?P<x>\d{2}))?)?$"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Ordered:
    """The parts of the dates of three numbers among distinct texts.

    Args:
        found: Which texts are of that form, shape (n,); the other fields hold these only.
        parts: The three numbers, shape (3, n_found).
        short: Which years have two digits.
        seconds: Since midnight; NaN where there is no such time.
        separators: What stands between the numbers.
    """

    found: Array = field(repr=False)
    parts: Array = field(repr=False)
    short: Array = field(repr=False)
    seconds: FloatArray = field(repr=False)
    separators: Array = field(repr=False)

    @classmethod
    def of(cls, texts: Array) -> Ordered:
        """Take all texts apart at once."""
        held = arrow_of(texts)
        taken = None if held is None else pc.extract_regex(held, _FORM)
        if taken is None or taken.null_count == len(texts):
            none = np.zeros(0)
            return cls(
                found=np.zeros(len(texts), dtype=bool), parts=np.zeros((3, 0), dtype=np.int64),
                short=none.astype(bool), seconds=none, separators=none.astype(str),
            )  # fmt: skip
        found = ~np.asarray(taken.is_null().to_numpy(zero_copy_only=False), dtype=bool)
        kept = taken.filter(pa.array(found))
        same = pc.equal(kept.field("s"), kept.field("t"))
        found[np.flatnonzero(found)[~np.asarray(same.to_numpy(zero_copy_only=False), dtype=bool)]] = False
        kept = kept.filter(same)
        hour, minute, second = (_numbers(kept.field(name)) for name in "hmx")
        seconds = np.where((hour < 24) & (minute < 60) & (second < 61), hour * 3600 + minute * 60 + second, np.nan)
        return cls(
            found=found,
            parts=np.stack([_numbers(kept.field(name)) for name in "abc"]),
            short=np.asarray(pc.utf8_length(kept.field("c")).to_numpy(zero_copy_only=False)) == 2,
            seconds=seconds.astype(np.float64),
            separators=np.asarray(kept.field("s").to_numpy(zero_copy_only=False), dtype=str),
        )

    def days(self, order: str) -> FloatArray:
        """Days since 1970 in an order of day, month and year, NaN where there is no such date; shape (n,)."""
        out = np.full(len(self.found), np.nan)
        by = dict(zip(order, self.parts, strict=True))
        year, month, day = by["y"], by["m"], by["d"]
        year = np.where(self.short, year + np.where(year >= TURN, 1900, 2000), year)
        fits = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31) & (year >= 1)
        if order == "ymd":
            fits &= self.short
        if order == "mdy":
            fits &= self.separators != "."
        months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
        dates = months.astype("M8[D]") + (day - 1)
        fits &= dates.astype("M8[M]") == months  # there is such a day in that month
        out[self.found] = np.where(fits & ~np.isnan(self.seconds), dates.astype(np.int64), np.nan)
        return out

    def moments(self, order: str) -> FloatArray:
        """Seconds since 1970, likewise."""
        out = self.days(order) * 86_400.0
        out[self.found] += self.seconds
        return out

    def ends(self) -> tuple[int, int]:
        """How many different first and last parts those with a year of two digits have."""
        first, last = (len(np.unique(self.parts[i][self.short])) for i in (0, 2))
        return first, last


def _numbers(texts: pa.Array) -> Array:
    return np.asarray(pc.cast(pc.if_else(pc.equal(texts, ""), "0", texts), pa.int64()).to_numpy(zero_copy_only=False))
