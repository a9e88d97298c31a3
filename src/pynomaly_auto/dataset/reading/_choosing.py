"""Choosing between two readings of a column: by its values, by the other columns, by the file, else with a doubt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from pynomaly_auto._conventions import Conventions
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.dataset.reading._dates import ANY_ORDER, moment_in
from pynomaly_auto.dataset.reading._evidence import DateEvidence, NumberEvidence
from pynomaly_auto.dataset.reading._numbers import Numbers, number_in
from pynomaly_auto.dataset.reading._units import factor, is_currency
from pynomaly_auto.records import Scalar

_FEW = 2  # whole numbers below 1000 beside grouped ones: one alone may be a mistake
_SIGN_NAMES = {".": "decimal point", ",": "decimal comma"}
_ORDER_NAMES = {"dmy": "the day first", "mdy": "the month first", "ymd": "the year first"}


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known beyond a column.

    Args:
        signs: Decimal signs that other columns show for certain.
        orders: Orders of day and month that other columns show for certain.
        absent: Words that stand for a missing number in the table, in lower case.
        delimiter: What cut the lines of the file.
    """

    signs: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    delimiter: str = ""

    @property
    def sign(self) -> str:
        """The decimal sign of the other columns, where they agree on one."""
        return next(iter(self.signs)) if len(self.signs) == 1 else ""

    @property
    def order(self) -> str:
        """The order of the other columns' dates, where they agree on one."""
        return next(iter(self.orders)) if len(self.orders) == 1 else ""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One reading, chosen.

    Args:
        word: The reading.
        said: What it is, in words; empty: there was no choice.
        why: What it hangs on, beyond the values, as a clause.
        doubt: Both readings of one value, where nothing tells for certain.
        readings: That value and both readings, by name.
    """

    word: str
    said: str = ""
    why: str = ""
    doubt: str = ""
    readings: Mapping[str, Scalar] = field(default_factory=dict)


def choose_sign(found: NumberEvidence, context: Context, said: Conventions, name: str) -> Choice:
    """The decimal sign of a column's numbers.

    Args:
        found: How its numbers are written.
        context: What is known beyond it.
        said: What the user says.
        name: The column's name.
    """
    told = said.decimal_of(name)
    if told is not None:
        return Choice(word=told, said=_SIGN_NAMES[told], why=", as told")
    if found.certain and not found.outvoted:
        return _by_most(found)
    if not found.either:
        return Choice(word=".")
    return _among_thousands(found, context, said.word("thousands", name) == "")


def _by_most(found: NumberEvidence) -> Choice:
    """The sign of the numbers that can be read by one only, with a doubt where more speak for thousands."""
    word = found.certain
    choice = Choice(word=word, said=_SIGN_NAMES[word])
    example = found.example.get(f"either {word}")
    few = max(_FEW, 0.05 * sum(found.either.values()))
    if example is None or found.steady[word] or found.bare_small < few or found.bare_large >= few:
        return choice
    if max(found.point, found.comma) >= found.either[f"either {word}"]:
        return choice
    doubt, readings = _two_numbers(example, word)
    return replace(choice, doubt=doubt, readings=readings)


def _among_thousands(found: NumberEvidence, context: Context, ungrouped: bool) -> Choice:
    """The sign where most numbers with one can be read in two ways, by what stands beside them.

    Args:
        found: How the numbers are written; those that are certain, if any, are few enough to be mistakes.
        context: What is known beyond the column.
        ungrouped: Whether the user says that nothing groups thousands.
    """
    seen = max(found.either, key=lambda how: (found.either[how], how))[-1]
    other = "," if seen == "." else "."
    grouped = f"{'points' if seen == '.' else 'commas'} between thousands"
    both = len(found.either) > 1
    if ungrouped:
        return Choice(word=seen, said=_SIGN_NAMES[seen], why=", as told")
    few = max(_FEW, 0.05 * sum(found.either.values()))
    if found.bare_large >= few and not both and context.sign in ("", seen):
        why = ", as numbers of more digits stand beside them without one"
        return Choice(word=seen, said=f"{_SIGN_NAMES[seen]} before three digits", why=why)
    if found.bare_small >= few and not both and context.sign in ("", other):
        return Choice(word=other, said=grouped, why=", as whole numbers of at most three digits stand beside them")
    if context.sign and not both and not (context.sign == seen and found.bare_small >= few):
        text = f"{_SIGN_NAMES[seen]} before three digits" if context.sign == seen else grouped
        return Choice(word=context.sign, said=text, why=", as in the other columns")
    hint = seen if found.bare_large else "," if context.delimiter == ";" else found.certain or "."
    word = context.sign or hint
    text = f"{_SIGN_NAMES[seen]} before three digits" if word == seen else grouped
    doubt, readings = _two_numbers(found.example[f"either {seen}"], word)
    return Choice(word=word, said=text, doubt=doubt, readings=readings)


def _two_numbers(example: str, word: str) -> tuple[str, Mapping[str, Scalar]]:
    other = "," if word == "." else "."
    values = [number_in(example, sign) for sign in (word, other)]
    first, second = (f"{value[0]:.15g}" if value else "no number" for value in values)
    text = f"{example.strip()!r} is read as {first} ({_SIGN_NAMES[word]}), not as {second} ({_SIGN_NAMES[other]})"
    return text, {"written": example.strip(), "read_as": first, "not_read_as": second}


def choose_order(found: DateEvidence, context: Context, told: str | None) -> Choice:
    """The order of day, month and year in a column's dates.

    Args:
        found: Which dates its texts hold.
        context: What is known beyond it.
        told: What the user says.
    """
    if told is not None:
        return Choice(word=told, said=_ORDER_NAMES[told], why=", as told")
    if not found.needing or not found.valid:
        return Choice(word=ANY_ORDER)
    most = max(found.valid.values())
    best = [order for order in ("mdy", "dmy", "ymd") if found.valid[order] == most]
    if len(best) > 1 and "ymd" in best:
        # A year has fewer values than a day: whichever end has more of them is the day.
        best = ["ymd"] if found.lasts > 2 * found.firsts else [order for order in best if order != "ymd"]
    lone = best[0] if len(best) == 1 else ""
    if lone and (context.order == lone or found.tells(lone)):
        return Choice(word=lone, said=_ORDER_NAMES[lone])
    if lone and context.order in ("dmy", "mdy"):
        best = [context.order]
    if context.order in best:
        return Choice(word=context.order, said=_ORDER_NAMES[context.order], why=", as in the other columns")
    european = context.delimiter == ";" or context.sign == "," or found.separator == "-"
    word = lone or ("dmy" if european else "mdy")
    other = "mdy" if word == "dmy" else "dmy"
    first, second = (_day(found.example, order) for order in (word, other))
    doubt = f"{found.example!r} is read as {first} ({_ORDER_NAMES[word]}), not as {second} ({_ORDER_NAMES[other]})"
    readings: Mapping[str, Scalar] = {"written": found.example, "read_as": first, "not_read_as": second}
    return Choice(word=word, said=_ORDER_NAMES[word], doubt=doubt, readings=readings)


def _day(text: str, order: str) -> str:
    moment = moment_in(text, order)
    return "no date" if moment is None else str(np.datetime64(int(moment // 86_400), "D"))


def unit_of(found: Numbers, counts: Array, texts: Array) -> tuple[str, Choice]:
    """The unit of a column's numbers, and what is to be said of what stands beside them.

    Args:
        found: The numbers, each as it is written.
        counts: How often each text occurs.
        texts: The distinct texts.
    """
    if not found.units:
        return "", Choice(word="")
    tally: Counter[str] = Counter()
    for i, unit in found.units.items():
        tally[unit] += int(counts[i])
    shares = tally.pop("%", 0)
    readings: Mapping[str, Scalar] = {}
    doubts: list[str] = []
    if shares:
        doubt, readings = _percents(found, texts)
        doubts.append(doubt)
    said = ["per cents as shares"] if shares else []
    unit = max(tally, key=lambda u: (tally[u], u), default="")
    if is_currency(unit):
        currencies = sorted(u for u in tally if is_currency(u))
        said.append(f"amounts in {', '.join(currencies)}")
        if len(currencies) > 1:
            doubts.append(f"amounts in {' and '.join(currencies)} are read by their number alone, not changed into one")
    elif unit:
        others = sorted(u for u in tally if u != unit and factor(u, unit) is not None)
        said.append(f"in {unit}" + (f", {', '.join(others)} changed into it" if others else ""))
    return unit, Choice(word="", said=", ".join(said), doubt="; ".join(filter(None, doubts)), readings=readings)


def _percents(found: Numbers, texts: Array) -> tuple[str, Mapping[str, Scalar]]:
    """What is in doubt where per cents stand among numbers that are none."""
    bare = [i for i in range(len(texts)) if i not in found.units and not np.isnan(found.values[i])]
    if not bare:
        return "", {}
    first = min(bare, key=lambda i: str(texts[i]))
    value = float(found.values[first])
    written, read, other = str(texts[first]).strip(), f"{value:.15g}", f"{value / 100:.15g}"
    readings: Mapping[str, Scalar] = {"bare": written, "bare_read_as": read, "bare_not_read_as": other}
    return f"{written!r} among per cents is read as {read}, not as {other}", readings
