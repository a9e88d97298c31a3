"""Making the parts of a column's encoding from what was counted of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pynomaly_auto.dataset._facts import Facts, exponent_of
from pynomaly_auto.dataset._parts import (
    PERIODS,
    TEXT_TRAITS,
    CalendarUnit,
    CyclePart,
    FlagPart,
    LevelPart,
    NumberPart,
    TextPart,
    calendar,
    circle,
    letter_pairs,
    text_traits,
)
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.records import FloatArray

MAX_LEVELS = 30  # more levels than this are told by their rarity, and only the commonest one by one
_LONG_NAME = 40
_DAY, _YEAR = 86_400.0, 365 * 86_400.0


def number_part(facts: Facts, suffix: str = "") -> NumberPart:
    """Standardise the finite numbers, the missing ones (as the median) and the infinite ones (beyond the extremes).

    Infinity is put as far beyond the largest number as the smallest lies below it, minus infinity the reverse.
    """
    exponent = exponent_of(facts.numbers)
    scaled = np.ldexp(facts.numbers, -exponent)
    low, high = (float(scaled[0]), float(scaled[-1])) if len(scaled) else (0.0, 0.0)
    reach = (high - low) or 1.0
    fill = float(np.median(scaled)) if len(scaled) else 0.0
    above, below = high + reach, low - reach
    n_above = int((facts.cells.numbers == np.inf).sum()) if facts.n_infinite else 0
    numbers_missing = facts.n_rows - len(scaled) - facts.n_infinite
    others = ((fill, numbers_missing), (above, n_above), (below, facts.n_infinite - n_above))
    centre = (float(scaled.sum()) + sum(v * n for v, n in others)) / facts.n_rows
    squares = float(np.square(scaled - centre).sum()) + sum(n * (v - centre) ** 2 for v, n in others)
    spread = math.sqrt(squares / facts.n_rows)
    return NumberPart(
        feature=facts.name + suffix,
        exponent=exponent,
        centre=centre,
        spread=spread or 1.0,
        fill=fill,
        below=below,
        above=above,
    )


def flag_part(facts: Facts, trait: Any, n_flagged: int) -> FlagPart:
    """A flag, scaled as one level of a category is (see `_scale`)."""
    share = n_flagged / facts.n_rows
    return FlagPart(feature=f"{facts.name}_{trait}", trait=trait, share=share, spread=float(_scale(np.array(share))))


def watch_part(facts: Facts) -> FlagPart:
    """A flag for later rows that leave the one value seen: zero in every row fitted on, far out where it is raised."""
    text = str(facts.cells.levels[0]) if facts.cells.form == "text" else None
    value = None if text is not None else float(facts.cells.numbers[~facts.cells.missing][0])
    return FlagPart(
        feature=f"{facts.name}_differs",
        trait="differs",
        share=0.0,
        spread=1 / 6,  # a broken constant counts as six standard deviations
        value=value,
        text=text,
    )


def level_part(facts: Facts) -> LevelPart:
    """One feature per level; for two levels a single one; beyond `MAX_LEVELS` the commonest levels and the rarity.

    An unknown level lies twice as far out as the rarest known one. A missing cell is a level of its own where cells
    were missing when fitting, else it counts as the commonest level.
    """
    levels, counts, n_missing = ordered_levels(facts)
    many = len(levels) > MAX_LEVELS
    shares = np.append(counts, n_missing) / facts.n_rows  # the last one: no level
    shown, table, names = shown_levels(facts, levels, shares, n_missing)
    table = table / _scale(shares[shown])
    rarest = _rarest(shares, shown)
    if len(shown) == 2:  # both say the same; one with the weight of the two
        table, names = table[:, [rarest]] * math.sqrt(2), [names[rarest]]
    if many:
        table = np.column_stack([rarity_of_levels(shares, n_missing, facts.n_rows), table])
        names = [f"{facts.name}_rarity", *names]
    return LevelPart(features=tuple(names), levels=tuple(levels), table=table)


def cycle_parts(facts: Facts) -> tuple[CyclePart, ...]:
    """Hour, weekday and month where they vary: weekdays need a week to show, months a year."""
    seconds, zone = facts.cells.numbers, facts.cells.zone
    span = float(facts.numbers[-1] - facts.numbers[0]) if len(facts.numbers) else 0.0
    least: dict[CalendarUnit, float] = {"hour": 0.0, "weekday": 7 * _DAY, "month": _YEAR}
    parts = []
    for unit, seconds_needed in least.items():
        seen = np.bincount(calendar(seconds, unit, zone), minlength=PERIODS[unit] + 1)[: PERIODS[unit]]
        if span < seconds_needed or (seen > 0).sum() < 2:
            continue
        points = circle(PERIODS[unit])
        centre = (seen @ points) / seen.sum()
        spread = np.sqrt((seen @ np.square(points - centre)) / seen.sum())
        # Two features for one thing: together they weigh as one column.
        scaled = (points - centre) / (np.where(spread > 1e-9, spread, 1.0) * math.sqrt(2))
        table = np.vstack([scaled, np.zeros(2)])
        names = tuple(f"{facts.name}_{unit}_{axis}" for axis in ("sin", "cos"))
        parts.append(CyclePart(features=names, unit=unit, zone=zone, table=table))
    return tuple(parts)


def text_part(facts: Facts) -> TextPart:
    """Traits of free text; together they weigh as one column."""
    order = np.argsort(facts.cells.levels.astype(str), kind="stable")  # sums in the texts' own order, not the rows'
    texts, counts = facts.cells.levels[order], facts.counts[order].astype(np.float64)
    surprise = letter_pairs(texts, counts)
    traits = text_traits(texts, surprise)
    centres = (counts @ traits) / counts.sum()
    spreads = np.sqrt((counts @ np.square(traits - centres)) / counts.sum())
    flat = spreads <= 1e-12 * np.maximum(np.abs(centres), 1.0)
    return TextPart(
        features=tuple(f"{facts.name}_{trait}" for trait in TEXT_TRAITS),
        surprise=surprise,
        centres=centres,
        spreads=np.where(flat, 1.0, spreads) * math.sqrt(len(TEXT_TRAITS)),
    )


def shown_levels(
    facts: Facts, levels: list[str], shares: Array, n_missing: int
) -> tuple[list[int], FloatArray, list[str]]:
    """The levels that get a feature of their own, these features (centred), and their names.

    Args:
        facts: What was counted of the column.
        levels: By falling frequency.
        shares: Of each level, and of none; shape (n_levels + 1,).
        n_missing: Cells without a level.

    Returns:
        Positions of the levels, the features of each level, of an unknown one and of none, shape (n_levels + 2,
        n_shown), and a name for each feature.
    """
    shown = list(range(min(len(levels), MAX_LEVELS))) + ([len(levels)] if n_missing else [])
    table = np.zeros((len(levels) + 2, len(shown)))
    for column, level in enumerate(shown):
        table[level if level < len(levels) else -1, column] = 1.0
    if len(levels) <= MAX_LEVELS:
        table[len(levels), _rarest(shares, shown)] = 2.0
    if not n_missing:
        table[-1] = table[0]
    none = "(missing)" if facts.cells.form == "text" else "(number)"
    names = [f"{facts.name}={levels[i][:_LONG_NAME] if i < len(levels) else none}" for i in shown]
    return shown, table - shares[shown], names


def _rarest(shares: Array, shown: list[int]) -> int:
    return min(range(len(shown)), key=lambda i: (shares[shown[i]], -i))


def ordered_levels(facts: Facts) -> tuple[list[str], Array, int]:
    """Levels by falling frequency, then by name, so that the order of the rows does not matter."""
    present = [i for i in range(len(facts.counts)) if facts.counts[i]]
    order = sorted(present, key=lambda i: (-facts.counts[i], str(facts.cells.levels[i])))
    missing = int((facts.cells.codes < 0).sum())
    return [str(facts.cells.levels[i]) for i in order], facts.counts[order], missing


def rarity_of_levels(shares: Array, n_missing: int, n_rows: int) -> FloatArray:
    """Standardised −log share of each level, of an unknown one (half a row) and of none, shape (n_levels + 2,)."""
    known = shares[:-1]
    unknown = 0.5 / n_rows
    rare = -np.log(np.concatenate([known, [unknown, shares[-1] if n_missing else known[0]]]))
    weights = np.append(known, [0.0, shares[-1]])
    centre = float(weights @ rare)
    spread = math.sqrt(float(weights @ np.square(rare - centre)))
    return np.asarray((rare - centre) / (spread if spread > 1e-9 else 1.0))


def _scale(share: Array) -> Array:
    """What a centred 0-1 feature is divided by: ``sqrt(2 sqrt(p (1 - p)))``, half way to standardising.

    Unscaled, a rare level weighs no more than a common one; standardised, the rarest outweighs all numbers. Measured
    on the 7 shared mixed tables with texts (mean ROC-AUC of kNN, k = 100, mean; an isolation forest cannot tell the
    scales apart): unscaled 0.709, this 0.718, standardised 0.725, rarity alone 0.700; and without the one table that
    standardising wins on, 0.711, 0.704, 0.686, 0.701. This is within 0.01 of the best either way.
    """
    variance = np.maximum(share * (1 - share), 1e-12)
    return np.asarray(np.sqrt(2.0 * np.sqrt(variance)))
