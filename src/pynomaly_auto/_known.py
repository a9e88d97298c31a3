"""What an analyst knows of columns beforehand, as settings hold it: the side that is suspicious, and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynomaly_auto._checks import is_number, is_whole
from pynomaly_auto.errors import SettingError, UnknownNameError, shown

SIDES = ("high", "low", "both")
MOST_WEIGHT = 5.0  # beyond, one column would overrule all others


def expected_sides(value: Any) -> dict[str, str] | None:
    """Column to the side of its values that is suspicious; None: nothing is said.

    Raises:
        SettingError: It is no mapping from column to side.
    """
    fix = "Give a mapping from column to 'high', 'low' or 'both'."
    found = _by_column("expect", value, fix)
    for column, side in found.items():
        if side not in SIDES:
            error = UnknownNameError.of("side", side, SIDES)
            raise UnknownNameError(error.what, where=f"expect of {column!r}", fix=error.fix)
    return found or None


def weights_of(value: Any) -> dict[str, float] | None:
    """Column to its weight; None: all weigh alike.

    Raises:
        SettingError: It is no mapping from column to a weight.
    """
    fix = f"Give a mapping from column to a weight from 0 (not looked at) over 1 (as it is) to {MOST_WEIGHT:g}."
    found = _by_column("column_weights", value, fix)
    for column, weight in found.items():
        if not is_number(weight) or not 0 <= float(weight) <= MOST_WEIGHT:
            raise SettingError(f"the weight of column {column!r} is {shown(weight)}.", where="column_weights", fix=fix)
    return {column: float(weight) for column, weight in found.items()} or None


def _by_column(name: str, value: Any, fix: str) -> dict[str, Any]:
    """A mapping by column; numbers are names of columns, too, as data frames have them."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(c, str) or is_whole(c) for c in value):
        raise SettingError(f"{name} is {shown(value)}.", fix=fix)
    found = {str(column): given for column, given in value.items()}
    if len(found) < len(value):
        raise SettingError(f"{name} names a column twice: {shown(value)}.", fix=fix)
    return found
