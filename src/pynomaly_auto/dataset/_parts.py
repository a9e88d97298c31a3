"""The pieces a column is encoded by: each turns cells into features, row by row, and can be stored without pickle."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, Protocol, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.dataset._cells import Cells
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.records import FloatArray

BOUND = 1e6  # no feature lies further out, in standard deviations

CalendarUnit: TypeAlias = Literal["hour", "weekday", "month"]
PERIODS: Mapping[CalendarUnit, int] = {"hour": 24, "weekday": 7, "month": 12}
TEXT_TRAITS = ("length", "tokens", "digits", "surprise")
LETTERS = 129  # ASCII, and one for all the rest
_LARGEST = float(np.finfo(np.float64).max)
_CHUNK = 20_000  # texts looked at together, so that memory stays bounded


class Part(Protocol):
    """One piece of a column's encoding."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features it makes."""
        ...

    def encode(self, cells: Cells) -> FloatArray:
        """Features of each row, shape (n_rows,) for one feature, else (n_rows, n_features)."""
        ...


@dataclass(frozen=True, kw_only=True)
class NumberPart:
    """A number, standardised: ``(x * 2**-exponent - centre) / spread``.

    The power of two brings the largest magnitude to [0.5, 1) without rounding, so that values of 1e300 or 1e-300
    neither overflow nor vanish when squared.

    Args:
        feature: Name of the feature.
        exponent: Power of two of the largest magnitude seen.
        centre: Mean of the scaled values.
        spread: Standard deviation of the scaled values.
        fill: Scaled value for a missing cell: the median.
        below: Scaled value for minus infinity, beyond the smallest.
        above: Scaled value for infinity, beyond the largest.
    """

    kind: ClassVar[str] = "number"
    feature: str
    exponent: int
    centre: float
    spread: float
    fill: float
    below: float
    above: float

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features it makes."""
        return (self.feature,)

    def encode(self, cells: Cells) -> FloatArray:
        """Standardised numbers, shape (n_rows,), within plus or minus `BOUND`."""
        numbers = cells.numbers
        with np.errstate(over="ignore", under="ignore"):  # later rows may lie anywhere; the bound below catches them
            scaled = np.ldexp(numbers, -self.exponent)
            odd = ~np.isfinite(numbers)
            if odd.any():
                scaled[np.isnan(numbers)] = self.fill
                scaled[numbers == np.inf] = self.above
                scaled[numbers == -np.inf] = self.below
            scaled -= self.centre
            scaled /= self.spread
        bounded: FloatArray = np.clip(scaled, -BOUND, BOUND, out=scaled)
        return bounded


@dataclass(frozen=True, kw_only=True)
class AmountPart:
    """A skewed amount on a logarithmic scale: ``(asinh(x / unit) - centre) / spread``.

    The inverse hyperbolic sine is the logarithm of ``2 x / unit`` for amounts well above the unit, straight around
    zero, and takes negative amounts (Burbidge, Magee and Robb, "Alternative transformations to handle extreme values
    of the dependent variable", Journal of the American Statistical Association 83, 1988).

    Args:
        feature: Name of the feature.
        unit: What counts as a small amount of this column.
        centre: Mean of the transformed amounts.
        spread: Their standard deviation.
        fill: Transformed amount for a missing cell: the median.
        below: Transformed amount for minus infinity, beyond the smallest.
        above: Transformed amount for infinity, beyond the largest.
    """

    kind: ClassVar[str] = "amount"
    feature: str
    unit: float
    centre: float
    spread: float
    fill: float
    below: float
    above: float

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features it makes."""
        return (self.feature,)

    def encode(self, cells: Cells) -> FloatArray:
        """Standardised logarithms, shape (n_rows,), within plus or minus `BOUND`."""
        numbers = cells.numbers
        scaled = log_scaled(numbers, self.unit)
        odd = ~np.isfinite(numbers)
        if odd.any():
            scaled[np.isnan(numbers)] = self.fill
            scaled[numbers == np.inf] = self.above
            scaled[numbers == -np.inf] = self.below
        scaled -= self.centre
        scaled /= self.spread
        return np.asarray(np.clip(scaled, -BOUND, BOUND, out=scaled))


@dataclass(frozen=True, kw_only=True)
class FlagPart:
    """0 or 1: whether a cell is missing, infinite, unread, or differs from the one value seen.

    Args:
        feature: Name of the feature.
        trait: What is flagged.
        share: Share of rows flagged when fitting.
        spread: What the centred flag is divided by.
        value: The one number seen, for ``"differs"``.
        text: The one text seen, for ``"differs"``.
    """

    kind: ClassVar[str] = "flag"
    feature: str
    trait: Literal["missing", "infinite", "unread", "differs"]
    share: float
    spread: float
    value: float | None = None
    text: str | None = None

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features it makes."""
        return (self.feature,)

    def encode(self, cells: Cells) -> FloatArray:
        """The scaled flag, shape (n_rows,)."""
        if self.trait == "missing":
            flags = cells.missing
        elif self.trait == "infinite":
            flags = np.isinf(cells.numbers)
        elif self.trait == "unread":
            flags = cells.unread if len(cells.unread) else np.zeros(len(cells), dtype=bool)
        else:
            flags = ~cells.missing & ~self._same(cells)
        return np.asarray((flags - self.share) / self.spread, dtype=np.float64)

    def _same(self, cells: Cells) -> Array:
        if cells.form != "text":
            return np.asarray(cells.numbers == self.value)
        return np.append(cells.levels == self.text, False)[cells.codes]


@dataclass(frozen=True, kw_only=True, eq=False)
class LevelPart:
    """A category, looked up: one row of features per level, one for unknown levels and one for no level.

    Args:
        features: Names of the features.
        levels: The levels known.
        table: Features of each level, then of an unknown one, then of a missing one; (n_levels + 2, n_features).
    """

    kind: ClassVar[str] = "level"
    features: tuple[str, ...]
    levels: tuple[str, ...]
    table: FloatArray

    @property
    def known(self) -> Collection[str]:
        """The levels known, to look them up in."""
        return self._places.keys()

    @cached_property
    def _places(self) -> dict[str, int]:
        return {level: i for i, level in enumerate(self.levels)}

    def encode(self, cells: Cells) -> FloatArray:
        """The rows of the table, shape (n_rows, n_features)."""
        n = len(self.levels)
        rows = np.array([*(self._places.get(level, n) for level in cells.levels), n + 1])
        return np.asarray(self.table[rows[cells.codes]])


@dataclass(frozen=True, kw_only=True, eq=False)
class CyclePart:
    """An hour, weekday or month as a point on a circle, so that December lies beside January.

    Args:
        features: Names of the sine and the cosine.
        unit: What of the calendar.
        zone: Time zone of the clock on the wall; None: as given.
        table: Standardised sine and cosine of each position, and last of a missing time; shape (period + 1, 2).
    """

    kind: ClassVar[str] = "cycle"
    features: tuple[str, ...]
    unit: CalendarUnit
    zone: str | None
    table: FloatArray

    def encode(self, cells: Cells) -> FloatArray:
        """The two coordinates, shape (n_rows, 2)."""
        return self.table[calendar(cells.numbers, self.unit, self.zone)]


@dataclass(frozen=True, kw_only=True, eq=False)
class TextPart:
    """Free text by its traits: length, number of tokens, share of digits, and how unusual its letter pairs are.

    The surprise of a text is the mean of −log p over its neighbouring letters, p being the share of that pair among
    all texts fitted on: random strings among words, or words among codes, stand out.

    Args:
        features: Names of the features.
        surprise: −log p of each pair of letters, shape (129, 129).
        centres: Mean of each trait.
        spreads: Standard deviation of each trait, times what makes all of them weigh as much as one column.
    """

    kind: ClassVar[str] = "text"
    features: tuple[str, ...]
    surprise: FloatArray
    centres: FloatArray
    spreads: FloatArray

    def encode(self, cells: Cells) -> FloatArray:
        """The standardised traits, shape (n_rows, 4); zeros for a missing text."""
        traits = (text_traits(cells.levels, self.surprise) - self.centres) / self.spreads
        np.clip(traits, -BOUND, BOUND, out=traits)
        return np.asarray(np.vstack([traits, np.zeros(traits.shape[1])])[cells.codes])


def log_scaled(amounts: FloatArray, unit: float) -> FloatArray:
    """``asinh(amount / unit)`` of each amount, shape (n,); those too large for the quotient as the largest."""
    with np.errstate(over="ignore", under="ignore"):
        quotient = amounts / unit
    return np.asarray(np.arcsinh(np.clip(quotient, -_LARGEST, _LARGEST)))


def calendar(seconds: FloatArray, unit: CalendarUnit, zone: str | None) -> Array:
    """Position in the hours, weekdays or months, shape (n_rows,); the period itself where there is no time."""
    lost = np.isnan(seconds)
    whole = np.floor(np.where(lost, 0, seconds)).astype(np.int64)
    if zone is not None and zone != "UTC":
        moments = pd.DatetimeIndex(whole.view("M8[s]")).tz_localize("UTC").tz_convert(zone).tz_localize(None)
        whole = moments.to_numpy().astype("M8[s]").view(np.int64)
    if unit == "hour":
        position = whole // 3600 % 24
    elif unit == "weekday":
        position = (whole // 86_400 + 3) % 7  # 1970-01-01 was a Thursday
    else:
        position = whole.view("M8[s]").astype("M8[M]").view(np.int64) % 12
    return np.where(lost, PERIODS[unit], position)


def circle(period: int) -> FloatArray:
    """Sine and cosine of each position, shape (period, 2)."""
    angles = [2 * math.pi * i / period for i in range(period)]
    return np.array([(math.sin(a), math.cos(a)) for a in angles])


def letter_pairs(texts: Array, counts: Array) -> FloatArray:
    """−log share of each pair of neighbouring letters, one added to each count; shape (129, 129).

    Args:
        texts: Distinct texts, shape (n,).
        counts: How often each occurs, shape (n,).
    """
    seen = np.ones(LETTERS * LETTERS)
    for start in range(0, len(texts), _CHUNK):
        pairs, owners, _, _ = _pairs(texts[start : start + _CHUNK])
        seen += np.bincount(pairs, weights=counts[start : start + _CHUNK][owners], minlength=len(seen))
    return np.asarray(-np.log(seen / seen.sum()).reshape(LETTERS, LETTERS))


def text_traits(texts: Array, surprise: FloatArray) -> FloatArray:
    """Length, tokens, share of digits and mean surprise of each text, shape (n, 4)."""
    out = np.zeros((len(texts), len(TEXT_TRAITS)))
    for start in range(0, len(texts), _CHUNK):
        some = texts[start : start + _CHUNK]
        pairs, owners, lengths, digits = _pairs(some)
        n = len(some)
        rows = out[start : start + n]
        rows[:, 0] = lengths
        rows[:, 1] = [len(text.split()) for text in some]
        rows[:, 2] = digits / np.maximum(lengths, 1)
        # bincount adds in order, text by text, so a text's sum does not depend on its neighbours.
        total = np.bincount(owners, weights=surprise.ravel()[pairs], minlength=n)
        rows[:, 3] = total / np.maximum(np.bincount(owners, minlength=n), 1)
    return out


def _pairs(texts: Array) -> tuple[Array, Array, Array, Array]:
    """Letter pairs (as one number each), the text each belongs to, and lengths and digits of the texts."""
    n = len(texts)
    letters = np.frombuffer("".join(texts).encode("utf-32-le", "surrogatepass"), dtype="<u4")
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    owners = np.repeat(np.arange(n), lengths)
    digits = np.bincount(owners, weights=(letters >= 48) & (letters <= 57), minlength=n)
    folded = np.minimum(letters, LETTERS - 1).astype(np.int64)
    inside = owners[:-1] == owners[1:] if len(owners) else np.empty(0, dtype=bool)
    return (folded[:-1] * LETTERS + folded[1:])[inside], owners[:-1][inside], lengths, digits
