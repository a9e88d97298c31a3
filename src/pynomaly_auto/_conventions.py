"""How a user says that numbers and dates are written, for all columns or for some of them by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from pynomaly_auto.errors import SettingError, UnknownNameError, shown

# One word for all columns, or a mapping from column to word.
Said: TypeAlias = "str | Mapping[str, str] | None"

DECIMALS = (".", ",")
THOUSANDS = (".", ",", "'", " ", "")
DAY_ORDERS = ("dmy", "mdy", "ymd")


@dataclass(frozen=True, kw_only=True)
class Conventions:
    """How numbers and dates in texts are written, where the user says so.

    Each is one word for all columns, or a mapping from a column's name to its word.

    Args:
        decimal: The decimal sign: ``"."`` or ``","``.
        thousands: What groups thousands: ``"."``, ``","``, ``"'"``, ``" "``, or ``""`` for nothing.
        dates: The order of day, month and year in dates such as 01/02/2024: ``"dmy"``, ``"mdy"`` or ``"ymd"``; or a
            format of ``strftime``, such as ``"%Y%m%d"``.
    """

    decimal: Said = None
    thousands: Said = None
    dates: Said = None

    def __post_init__(self) -> None:
        for name, known in (("decimal", DECIMALS), ("thousands", THOUSANDS), ("dates", DAY_ORDERS)):
            object.__setattr__(self, name, _checked(name, getattr(self, name), known))

    @classmethod
    def of(cls, value: Any) -> Conventions:
        """Conventions as they are, or from a mapping; None: nothing is said.

        Raises:
            SettingError: It is something else, or says what is not known.
        """
        if isinstance(value, Conventions):
            return value
        if value is None:
            return cls()
        if not isinstance(value, Mapping):
            raise SettingError(f"reading is {shown(value)}.", fix="Give a mapping, such as {'decimal': ','}.")
        known = [f.name for f in fields(cls)]
        for name in value:
            if name not in known:
                raise UnknownNameError.of("convention of reading", name, known)
        return cls(**value)

    def word(self, name: str, column: str) -> str | None:
        """What is said of one column; ``""`` for no thousands sign, None for nothing."""
        said = getattr(self, name)
        return said.get(column) if isinstance(said, Mapping) else said

    def decimal_of(self, column: str) -> str | None:
        """The decimal sign of one column, told directly or by the thousands sign that excludes the other.

        Raises:
            SettingError: One sign is to be both.
        """
        decimal, thousands = self.word("decimal", column), self.word("thousands", column)
        if thousands in DECIMALS:
            if decimal == thousands:
                raise SettingError(
                    f"{decimal!r} cannot be the decimal sign and group thousands.", where=f"column {column!r}"
                )
            return "," if thousands == "." else "."
        return decimal

    def over(self, other: Conventions) -> Conventions:
        """These, and what the others say where these say nothing."""
        made: dict[str, Said] = {}
        for f in fields(self):
            mine, theirs = getattr(self, f.name), getattr(other, f.name)
            if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
                made[f.name] = {**theirs, **mine}
            else:
                made[f.name] = theirs if mine is None else mine
        return Conventions(**made)

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, without what is not said."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return {k: dict(v) if isinstance(v, Mapping) else v for k, v in said.items() if v is not None}


def _checked(name: str, value: Any, known: tuple[str, ...]) -> Said:
    if value is None:
        return None
    if isinstance(value, Mapping):
        if not all(isinstance(column, str) for column in value):
            raise SettingError(f"{name} is {shown(value)}.", fix="Give a mapping from a column's name to its sign.")
        return {str(column): _word(name, word, known) for column, word in value.items()}
    return _word(name, value, known)


def _word(name: str, value: Any, known: tuple[str, ...]) -> str:
    if isinstance(value, str) and (value in known or (name == "dates" and is_format(value))):
        return str(value)
    fix = f"Give one of {', '.join(map(repr, known))}"
    fix += ", or a format such as '%d.%m.%Y'." if name == "dates" else "."
    raise SettingError(f"{name} is {shown(value)}.", fix=fix)


def is_format(text: str) -> bool:
    """Whether a text is a format of dates that ``strptime`` understands.

    >>> is_format("%Y%m%d"), is_format("%Q"), is_format("dmy")
    (True, False, False)
    """
    try:
        return "%" in text and dt.datetime.strptime(dt.datetime(2001, 2, 3, 4, 5, 6).strftime(text), text) is not None
    except ValueError:
        return False
