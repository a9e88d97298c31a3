"""The rules for columns, each stated once: pure functions on what was counted of one column, tried in order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from pynomaly_auto.dataset._facts import Facts
from pynomaly_auto.dataset._making import (
    MAX_LEVELS,
    cycle_parts,
    flag_part,
    level_part,
    number_part,
    text_part,
    watch_part,
)
from pynomaly_auto.dataset._parts import Part
from pynomaly_auto.dataset.reading import Reading
from pynomaly_auto.records import ColumnKind, Reason, Scalar

_FEW_ROWS = 10  # fewer rows than this are too few to tell a key from a category
_SENTENCE = 3.0  # tokens per text, on average, from which on texts are read as free text
_NEARLY_EVERY = 0.95  # share of the rows from which on texts are names of rows, even when some rows come twice
_FAR = 3.0  # Tukey's outer fence, in quartile ranges beyond the quartiles
_KEY_NAME = re.compile(r"(?i:(^|[_\W\d])(id|uuid|guid)$)|[a-z](Id|ID)$")  # user_id, rowId; but not "paid"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What becomes of one column.

    Args:
        kind: What it was taken for.
        reading: How later cells are read; left-out columns are not read.
        parts: What encodes it; empty: left out.
        reasons: Why.
    """

    kind: ColumnKind
    reading: Reading
    parts: tuple[Part, ...] = ()
    reasons: tuple[Reason, ...] = ()


def judge(facts: Facts, twins: Mapping[bytes, str], *, watches_constants: bool) -> Verdict:
    """Decide what becomes of one column: the first rule that applies.

    Args:
        facts: What was counted of it.
        twins: Digest to name of the columns before it.
        watches_constants: A column with one value is kept and watched for others.
    """
    for rule in (_empty, _constant):
        found = rule(facts, watches_constants)
        if found is not None:
            return found
    twin = twins.get(facts.print)
    if twin is not None:
        return _left_out(
            facts, "duplicate", "DAT-003", f"left out: holds the same values as {twin!r}", {"same_as": twin}
        )
    return next(found for found in (rule(facts) for rule in _RULES) if found is not None)


def _empty(facts: Facts, watches_constants: bool) -> Verdict | None:
    if facts.n_missing < facts.n_rows:
        return None
    return _left_out(facts, "empty", "DAT-001", "left out: no cell has a value", {"n_missing": facts.n_missing})


def _constant(facts: Facts, watches_constants: bool) -> Verdict | None:
    if facts.varies:
        return None
    parts: list[Part] = []
    reasons = []
    if facts.n_missing:
        parts.append(flag_part(facts, "missing", facts.n_missing))
        reasons.append(_reason(facts, "DAT-014", "its one value says nothing, but where it is missing is kept", n=True))
    if watches_constants and facts.n_unique == 1 and not facts.n_infinite:
        parts.append(watch_part(facts))
        reasons.append(_reason(facts, "DAT-016", "constant in normal rows: watched for any other value"))
    if parts:
        return Verdict(kind="constant", reading=facts.reading, parts=tuple(parts), reasons=tuple(reasons))
    why = "left out: one value only" if facts.n_unique == 1 else "left out: its values differ by rounding only"
    return _left_out(facts, "constant", "DAT-002", why, {"n_unique": facts.n_unique})


def _identifier(facts: Facts) -> Verdict | None:
    if facts.n_rows < _FEW_ROWS or facts.n_missing or facts.reading.form == "time":
        return None
    if facts.cells.form == "text":
        return _name(facts)
    if (
        facts.n_unique < facts.n_rows
        or facts.cells.form != "number"
        or facts.n_infinite
        or (facts.numbers != np.floor(facts.numbers)).any()
    ):
        return None
    low, high = float(facts.numbers[0]), float(facts.numbers[-1])
    evidence: dict[str, Scalar] = {"lowest": low, "highest": high}
    if high - low == facts.n_rows - 1:  # each number from the first to the last, once: no row can stand out by it
        return _left_out(facts, "identifier", "DAT-004", "left out: consecutive whole numbers, one per row", evidence)
    if _KEY_NAME.search(facts.name) and not _reaches_far(facts):
        text = "left out: whole numbers, one per row, named as a key is"
        return _left_out(facts, "identifier", "DAT-004", text, evidence)
    return None


def _reaches_far(facts: Facts) -> bool:
    """Whether any number lies far beyond the others, which would be lost with the column."""
    low, high = np.quantile(facts.numbers, (0.25, 0.75))
    reach = _FAR * (high - low)
    return bool(facts.numbers[0] < low - reach or facts.numbers[-1] > high + reach)


def _name(facts: Facts) -> Verdict | None:
    """Texts of which nearly every row has one of its own; sentences say more than which row it is."""
    every = facts.n_unique == facts.n_rows
    if not every and (facts.n_unique < _NEARLY_EVERY * facts.n_rows or facts.n_unique <= MAX_LEVELS):
        return None
    if not facts.reading.declared and _tokens(facts) >= _SENTENCE:
        return None
    text = f"left out: {'every' if every else 'nearly every'} row has a text of its own, as names do"
    return _left_out(facts, "identifier", "DAT-004", text, {"n_unique": facts.n_unique, "n_rows": facts.n_rows})


def _boolean(facts: Facts) -> Verdict | None:
    if facts.cells.form != "boolean":
        return None
    return _numeric_verdict(facts, "boolean", "DAT-005", "true and false as 1 and 0, standardised")


def _duration(facts: Facts) -> Verdict | None:
    if facts.cells.form != "duration":
        return None
    return _numeric_verdict(facts, "timedelta", "DAT-007", "in seconds, standardised", suffix="_seconds")


def _time(facts: Facts) -> Verdict | None:
    if facts.cells.form != "time":
        return None
    cycles = cycle_parts(facts)
    told = [part.features[0].removeprefix(f"{facts.name}_").removesuffix("_sin") for part in cycles]
    text = "as time elapsed" + (f", and as points on a circle: {', '.join(told)}" if told else "")
    return _numeric_verdict(facts, "datetime", "DAT-008", text, suffix="_elapsed", more=cycles)


def _mixed(facts: Facts) -> Verdict | None:
    if facts.cells.form != "mixed":
        return None
    numeric = int((~np.isnan(facts.cells.numbers)).sum())
    parts: list[Part] = [level_part(facts)]
    if len(facts.numbers) and facts.numbers[0] < facts.numbers[-1]:
        parts.insert(0, number_part(facts))
    if facts.n_missing:
        parts.append(flag_part(facts, "missing", facts.n_missing))
    words = facts.n_rows - facts.n_missing - numeric
    many = len(facts.cells.levels) > MAX_LEVELS
    kind: ColumnKind = "numeric" if numeric >= words else "high_cardinality" if many else "categorical"
    evidence: dict[str, Scalar] = {"numbers": numeric, "texts": words, "levels": len(facts.cells.levels)}
    text = "numbers and texts mixed: the numbers standardised, the texts as categories beside them"
    return _verdict(facts, kind, parts, Reason(code="DAT-012", subject=facts.name, text=text, evidence=evidence))


def _text(facts: Facts) -> Verdict | None:
    if facts.cells.form != "text" or facts.reading.declared or facts.n_unique <= MAX_LEVELS:
        return None
    tokens = _tokens(facts)
    if tokens < _SENTENCE:
        return None
    parts: list[Part] = [text_part(facts)]
    if facts.n_missing:
        parts.append(flag_part(facts, "missing", facts.n_missing))
    return _verdict(
        facts,
        "text",
        parts,
        Reason(
            code="DAT-011",
            subject=facts.name,
            text="free text: by its length, tokens, digits and how unusual its letter pairs are",
            evidence={"mean_tokens": round(tokens, 2), "n_unique": facts.n_unique},
        ),
    )


def _category(facts: Facts) -> Verdict | None:
    if facts.cells.form != "text":
        return None
    evidence: dict[str, Scalar] = {"n_unique": facts.n_unique, "n_missing": facts.n_missing}
    if facts.n_unique > MAX_LEVELS:
        text = f"more than {MAX_LEVELS} levels: by rarity (−log frequency) and the {MAX_LEVELS} commonest one by one"
        evidence["most_levels"] = MAX_LEVELS
        reason = Reason(code="DAT-010", subject=facts.name, text=text, evidence=evidence)
        return _verdict(facts, "high_cardinality", [level_part(facts)], reason)
    reason = Reason(code="DAT-009", subject=facts.name, text="a category: one feature per level", evidence=evidence)
    return _verdict(facts, "categorical", [level_part(facts)], reason)


def _number(facts: Facts) -> Verdict:
    return _numeric_verdict(facts, "numeric", "DAT-006", "a number, standardised")


_RULES: tuple[Callable[[Facts], Verdict | None], ...] = (
    _identifier,
    _boolean,
    _duration,
    _time,
    _mixed,
    _text,
    _category,
    _number,
)


def _numeric_verdict(
    facts: Facts, kind: ColumnKind, code: str, text: str, suffix: str = "", more: tuple[Part, ...] = ()
) -> Verdict:
    """A standardised number, with flags for missing and infinite cells where there were any."""
    parts: list[Part] = [number_part(facts, suffix), *more]
    reasons = [Reason(code=code, subject=facts.name, text=text, evidence={"n_unique": facts.n_unique})]
    if facts.n_unread:
        parts.append(flag_part(facts, "unread", facts.n_unread))
    if facts.n_missing > facts.n_unread:
        parts.append(flag_part(facts, "missing", facts.n_missing))
        reasons.append(_reason(facts, "DAT-014", "missing cells take the median, and a flag says where", n=True))
    if facts.n_infinite:
        parts.append(flag_part(facts, "infinite", facts.n_infinite))
        text = "infinite cells are put beyond the extremes, and a flag says where"
        reasons.append(Reason(code="DAT-015", subject=facts.name, text=text, evidence={"n_infinite": facts.n_infinite}))
    return _verdict(facts, kind, parts, *reasons)


def _verdict(facts: Facts, kind: ColumnKind, parts: list[Part], *reasons: Reason) -> Verdict:
    if facts.reading.parse:
        held = {"time": "dates", "text": "codes"}.get(facts.reading.form, "numbers")
        n_read = facts.n_rows - facts.n_missing
        evidence: dict[str, Scalar] = {
            "written_as": facts.reading.parse, "n_read": n_read, "n_present": n_read + facts.n_unread,
            "n_not_read": facts.n_unread,
        }  # fmt: skip
        lost = f"; {facts.n_unread:,} could not be read: they count as missing, and a flag says where"
        text = f"texts that hold {held}, read as such{facts.note}{lost if facts.n_unread else ''}"
        reasons = (Reason(code="DAT-013", subject=facts.name, text=text, evidence=evidence), *reasons)
    return Verdict(kind=kind, reading=facts.reading, parts=tuple(parts), reasons=reasons)


def _left_out(facts: Facts, kind: ColumnKind, code: str, text: str, evidence: dict[str, Scalar]) -> Verdict:
    reason = Reason(code=code, subject=facts.name, text=text, evidence=evidence)
    return Verdict(kind=kind, reading=Reading(form="none"), reasons=(reason,))


def _reason(facts: Facts, code: str, text: str, *, n: bool = False) -> Reason:
    evidence: dict[str, Scalar] = {"n_missing": facts.n_missing, "n_rows": facts.n_rows} if n else {}
    return Reason(code=code, subject=facts.name, text=text, evidence=evidence)


def _tokens(facts: Facts) -> float:
    """Mean number of tokens per text, over a bounded number of distinct texts in a fixed order."""
    texts = sorted(map(str, facts.cells.levels))[:5000]
    return sum(len(text.split()) for text in texts) / max(len(texts), 1)
