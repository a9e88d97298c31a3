"""The form of each column in a table of several kinds, in which distances mean something whatever the column holds.

In a table with categories, texts or dates, a wrong or rare cell should lie far out whichever kind its column is of. So
amounts go on a logarithmic scale, levels are standardised, and how rare a value and its form are stand beside them.
Not so where every column has but a few values: nothing there is out of scale, and rarity would be mostly noise.
What was tried, and what it gained, is in ``docs/decisions/0019-geometry.md``.
"""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np

from pynomaly_auto.dataset._columns import Verdict
from pynomaly_auto.dataset._facts import Facts, exponent_of
from pynomaly_auto.dataset._making import MAX_LEVELS, ordered_levels, rarity_of_levels, shown_levels
from pynomaly_auto.dataset._parts import AmountPart, FlagPart, LevelPart, NumberPart, Part, TextPart, log_scaled
from pynomaly_auto.dataset._rarity import FormPart, RepeatPart, forms_of, rarities, repeats_of
from pynomaly_auto.dataset.reading import Reading
from pynomaly_auto.records import Reason, Scalar

_OTHER_KINDS = frozenset({"categorical", "high_cardinality", "text", "datetime"})
_FEW = 10  # fewer numbers than this have no shape
_SKEWED = 1.0  # skewness from which on amounts that are never negative are put on a logarithmic scale
_SMALL = 0.05  # quantile of the positive amounts that counts as a small one
_REPEATED = 3  # rows per distinct number from which on how often each comes says something
_TWICE = 2  # rows per distinct text from which on sentences are names of things that come again
# What names a party whose events the rows are; a column must also hold many of them, and most of them again.
_PARTY = re.compile(
    r"(?i:(^|[_\W\d])(id|uuid|guid|key|account|customer|client|user|card|merchant|device|member|patient|employee)"
    r"([_\W]?(no|nr|num|number|code))?$)|[a-z](Id|ID)$"
)
_BY_LEVELS = {
    "categorical": "a category: one feature per level, standardised, and its rarity",
    "high_cardinality": f"more than {MAX_LEVELS} levels: by rarity (−log frequency)",
    "text": "texts that come again: by rarity (−log frequency)",
}
_HOT = 8.0  # what the variance of a standardised level is divided by
_AGAIN = 1.2  # rows per distinct key from which on a key names parties with events, not rows


def is_other(verdict: Verdict) -> bool:
    """Whether a column is used and holds something else than numbers: such a table has several kinds."""
    return bool(verdict.parts) and (verdict.kind in _OTHER_KINDS or verdict.reading.form == "mixed")


def is_discrete(facts: Facts, plain: Verdict, shape: Verdict) -> bool:
    """Whether a column is left out, or holds few values that come again and again, as a category does.

    Args:
        facts: What was counted of it.
        plain: What would become of it among numbers only.
        shape: What would become of it among several kinds.
    """
    if not plain.parts:
        return not shape.parts
    again = facts.n_unique <= MAX_LEVELS and _REPEATED * facts.n_unique < facts.n_rows
    return plain.kind in ("categorical", "boolean", "constant") or (
        plain.kind == "numeric" and plain.reading.form != "mixed" and again
    )


def shaped(facts: Facts, verdict: Verdict) -> Verdict:
    """What becomes of a column in a table of several kinds.

    Args:
        facts: What was counted of it.
        verdict: What would become of it among numbers only.
    """
    if verdict.kind == "identifier" and facts.cells.form == "text":
        return _of_names(facts, verdict)
    if verdict.kind == "constant" or not verdict.parts:
        return verdict
    if _is_entity(facts, verdict):
        text = "left out of distances: it names the entities that the rows belong to, most of them several times"
        evidence: dict[str, Scalar] = {"n_unique": facts.n_unique, "n_rows": facts.n_rows}
        reason = Reason(code="DAT-034", subject=facts.name, text=text, evidence=evidence)
        return Verdict(kind="entity", reading=Reading(form="none"), reasons=(reason,))
    parts, told = _replaced(facts, verdict)
    for more, why in (_repeats(facts, verdict), _forms(facts)):
        if more is not None and why is not None:
            parts.append(more)
            told.append(why)
    flags = [_flag(part) for part in verdict.parts if isinstance(part, FlagPart)]
    return dataclasses.replace(verdict, parts=(*parts, *flags), reasons=tuple(told))


def _replaced(facts: Facts, verdict: Verdict) -> tuple[list[Part], list[Reason]]:
    """The parts of a column but for its flags, numbers and levels in their new form."""
    parts: list[Part] = []
    told = list(verdict.reasons)
    comes_again = _TWICE * facts.n_unique < facts.n_rows
    for part in verdict.parts:
        if isinstance(part, NumberPart) and verdict.kind != "datetime" and is_amount(facts):
            parts.append(amount_part(facts, part))
            text = "amounts, skewed and never negative: on a logarithmic scale"
            evidence: dict[str, Scalar] = {"skewness": round(_skewness(facts), 2)}
            told.append(Reason(code="DAT-031", subject=facts.name, text=text, evidence=evidence))
        elif isinstance(part, LevelPart) or (isinstance(part, TextPart) and comes_again):
            parts.append(weighed_levels(facts))
            told = _by_levels(told, verdict)
        elif not isinstance(part, FlagPart):
            parts.append(part)
    return parts, told


def is_amount(facts: Facts) -> bool:
    """Whether numbers are never negative and skewed to the right, as amounts, counts and durations are."""
    return len(facts.numbers) >= _FEW and bool(facts.numbers[0] >= 0) and _skewness(facts) > _SKEWED


def amount_part(facts: Facts, plain: NumberPart) -> AmountPart:
    """An amount on a logarithmic scale; missing and infinite cells as `number_part` has them.

    Args:
        facts: What was counted of the column.
        plain: The same column as a number.
    """
    positive = facts.numbers[facts.numbers > 0]
    unit = float(positive[int(_SMALL * len(positive))])
    scaled = log_scaled(facts.numbers, unit)
    low, high, fill = float(scaled[0]), float(scaled[-1]), float(np.median(scaled))
    above, below = high + (high - low), low - (high - low)
    n_above = int((facts.cells.numbers == np.inf).sum()) if facts.n_infinite else 0
    n_missing = facts.n_rows - len(scaled) - facts.n_infinite
    others = ((fill, n_missing), (above, n_above), (below, facts.n_infinite - n_above))
    centre = (float(scaled.sum()) + sum(v * n for v, n in others)) / facts.n_rows
    squares = float(np.square(scaled - centre).sum()) + sum(n * (v - centre) ** 2 for v, n in others)
    spread = math.sqrt(squares / facts.n_rows) or 1.0
    return AmountPart(
        feature=plain.feature, unit=unit, centre=centre, spread=spread, fill=fill, below=below, above=above
    )


def weighed_levels(facts: Facts) -> LevelPart:
    """One feature per level, standardised and divided by √8, and the rarity; beyond `MAX_LEVELS` the rarity alone.

    Two rows of different levels then lie as far apart as the levels are rare, and a rare level far from everything
    else. An unknown level lies twice as far out as the rarest known one, and is rarer than any. A missing cell is a
    level of its own where cells were missing when fitting, else it counts as the commonest level.
    """
    levels, counts, n_missing = ordered_levels(facts)
    shares = np.append(counts, n_missing) / facts.n_rows
    rarity = rarity_of_levels(shares, n_missing, facts.n_rows)
    names = [f"{facts.name}_rarity"]
    table = rarity[:, None]
    if len(levels) <= MAX_LEVELS:
        shown, hot, told = shown_levels(facts, levels, shares, n_missing)
        hot = hot / np.sqrt(_HOT * np.maximum(shares[shown] * (1 - shares[shown]), 1e-12))
        if len(shown) == 2:  # both, and the rarity, say the same: one with the weight of all
            rarest = int(np.argmin(shares[shown]))
            table, names = hot[:, [rarest]] * math.sqrt(2 + _HOT), [told[rarest]]
        else:
            varies = float(np.ptp(rarity[: len(levels)])) > 1e-9  # else all levels are equally frequent
            table, names = (np.column_stack([hot, rarity]), [*told, *names]) if varies else (hot, told)
    return LevelPart(features=tuple(names), levels=tuple(levels), table=np.ascontiguousarray(table))


def _repeats(facts: Facts, verdict: Verdict) -> tuple[RepeatPart | None, Reason | None]:
    """How rare a number's exact value is, where most numbers come again: codes, years, counts, prices of a list."""
    n = len(facts.numbers)
    if facts.cells.form != "number" or verdict.kind != "numeric" or n < _FEW:
        return None, None
    values, counts = repeats_of(facts.numbers)
    if _REPEATED * len(values) >= n:
        return None, None
    found = rarities(counts, facts.n_rows)
    if found is None:
        return None, None
    text = "its numbers come again and again: how rare each is stands beside it"
    reason = Reason(code="DAT-032", subject=facts.name, text=text, evidence={"n_unique": facts.n_unique})
    return RepeatPart(feature=f"{facts.name}_rarity", repeated=values[counts > 1], table=found[1]), reason


def _forms(facts: Facts) -> tuple[FormPart | None, Reason | None]:
    """How rare the form of a text is, where forms differ and come again."""
    if not len(facts.counts):
        return None, None
    forms = forms_of(facts.cells.levels, facts.counts)
    found = rarities(np.array(list(forms.values())), facts.n_rows) if forms else None
    if found is None:
        return None, None
    n_often, table = found
    text = "how rare the form of a text is (capitals, small letters, digits, signs) stands beside it"
    evidence: dict[str, Scalar] = {"forms": len(forms), "come_again": n_often}
    reason = Reason(code="DAT-033", subject=facts.name, text=text, evidence=evidence)
    return FormPart(feature=f"{facts.name}_form", forms=tuple(forms)[:n_often], table=table), reason


def _flag(part: FlagPart) -> FlagPart:
    """A flag with the weight of one level."""
    return dataclasses.replace(part, spread=math.sqrt(2 * max(part.share * (1 - part.share), 1e-12)))


def _is_entity(facts: Facts, verdict: Verdict) -> bool:
    """Whether a column is the key of parties: named as a key, many different ones, and rows again of most."""
    if verdict.kind not in ("numeric", "high_cardinality") or not _PARTY.search(facts.name):
        return False
    whole = facts.cells.form == "text" or (
        facts.cells.form == "number" and not facts.n_infinite and bool((facts.numbers == np.floor(facts.numbers)).all())
    )
    return whole and facts.n_unique > MAX_LEVELS and _AGAIN * facts.n_unique < facts.n_rows - facts.n_missing


def _skewness(facts: Facts) -> float:
    scaled = np.ldexp(facts.numbers, -exponent_of(facts.numbers))
    apart = scaled - scaled.mean()
    squares = np.square(apart)
    variance = float(squares.mean())
    return float((squares * apart).mean()) / variance**1.5 if variance > 1e-200 else 0.0


def _of_names(facts: Facts, verdict: Verdict) -> Verdict:
    """Texts that name rows say nothing but for their form: a name unlike all others, a number with a letter in it."""
    part, reason = _forms(facts)
    if part is None or reason is None:
        return verdict
    told = [
        dataclasses.replace(one, text=one.text.replace("left out: ", "values left out: ")) for one in verdict.reasons
    ]
    reading = dataclasses.replace(facts.reading, declared=True)  # later names may be written as numbers
    return dataclasses.replace(verdict, reading=reading, parts=(part,), reasons=(*told, reason))


def _by_levels(told: list[Reason], verdict: Verdict) -> list[Reason]:
    """What is said of a column by levels; of numbers beside texts it stays as it is."""
    text = None if verdict.reading.form == "mixed" else _BY_LEVELS.get(verdict.kind)
    return told if text is None else [*told[:-1], dataclasses.replace(told[-1], text=text)]  # said last
