"""Amounts as people write them: bytes, and how many alarms anybody can look at."""

from __future__ import annotations

import math
import re
from typing import Any

from pynomaly_auto._checks import is_number, is_whole
from pynomaly_auto.errors import SettingError, shown

_PERIODS = ("minute", "hour", "day", "week", "month", "quarter", "year")


def parse_bytes(value: Any) -> int | None:
    """Turn ``"1.5GB"``, ``"512 MB"`` or a number of bytes into bytes."""
    if value is None:
        return None
    if is_whole(value) and 0 < int(value) < 2**63:
        return int(value)
    units = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
    if isinstance(value, str):
        text = value.strip().upper()
        number = text.rstrip("BGIKM ")
        unit = text[len(number) :].strip()
        try:
            size = float(number) * units[unit]
        except (KeyError, ValueError):
            size = math.nan
        if 1 <= size < 2**63:
            return int(size)
    raise SettingError(f"memory_limit is {shown(value)}.", fix="Use bytes or text such as '2GB'.")


def parse_share(name: str, value: Any) -> float:
    """A share in (0, 1], as a number or as ``"50%"``.

    >>> parse_share("compute_budget", "50 %"), parse_share("compute_budget", 1)
    (0.5, 1.0)
    """
    given = value
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]*\.?[0-9]+\s*%?\s*", value):
        given = float(value.strip().rstrip("% ")) / (100.0 if "%" in value else 1.0)
    if is_number(given) and 0 < float(given) <= 1:
        return float(given)
    raise SettingError(f"{name} is {shown(value)}.", fix="Give a share in (0, 1], such as 0.5 or '50%'.")


def parse_alert_budget(value: Any) -> int | float | str | None:
    """Rows as a whole number, a share of the rows as a float, or rows per period as ``"20/day"``.

    >>> parse_alert_budget(50), parse_alert_budget("2.5 %"), parse_alert_budget("20 per days")
    (50, 0.025, '20/day')
    """
    if value is None:
        return None
    if isinstance(value, str):
        count, each, period = re.sub(r"\s+per\s+", "/", value.strip().lower()).partition("/")
        if each:
            name = period.strip().removesuffix("s")
            if re.fullmatch(r"[0-9]{1,15}", count.strip()) and int(count) >= 1 and name in _PERIODS:
                return f"{int(count)}/{name}"
        elif re.fullmatch(r"[0-9]{1,15}", count):
            value = int(count)
        elif re.fullmatch(r"[0-9]*\.?[0-9]+\s*%?", count):
            value = float(count.rstrip("% ")) / (100.0 if count.endswith("%") else 1.0)
    if is_whole(value) and 1 <= int(value) < 10**15:
        return int(value)
    if not is_whole(value) and is_number(value) and 0 < float(value) < 1:
        return float(value)
    raise SettingError(
        f"alert_budget is {shown(value)}.",
        fix="Give a number of rows, a share of the rows in (0, 1), or rows per period such as '20/day' "
        f"(per {', '.join(_PERIODS)}).",
    )
