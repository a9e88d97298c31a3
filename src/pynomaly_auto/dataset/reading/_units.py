"""What may stand beside a number: currencies, units, and the factors between units of one family."""

from __future__ import annotations

from collections.abc import Mapping

CURRENCIES: Mapping[str, str] = {
    "$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "Rs": "INR", "Rs.": "INR", "₽": "RUB",
    "₩": "KRW", "₪": "ILS", "฿": "THB", "₫": "VND", "₴": "UAH", "₦": "NGN", "₺": "TRY", "R$": "BRL", "A$": "AUD",
    "C$": "CAD", "NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "Fr.": "CHF", "SFr.": "CHF", "zł": "PLN", "Kč": "CZK",
    "kr": "kr", "kr.": "kr", "Ft": "HUF", "RM": "MYR", "元": "CNY", "円": "JPY",
    **{code: code for code in (
        "USD", "EUR", "GBP", "JPY", "CHF", "CNY", "INR", "RUB", "KRW", "BRL", "AUD", "CAD", "NZD", "HKD", "SGD", "SEK",
        "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "ILS", "ZAR", "MXN", "THB", "MYR", "IDR", "PHP", "VND",
        "UAH", "AED", "SAR", "EGP", "NGN", "KES", "ARS", "CLP", "COP", "PEN", "TWD", "PKR", "BDT", "LKR", "MAD", "BTC",
    )},
}  # fmt: skip

# Unit to its family and how many of the family's first unit it is.
_FAMILIES: Mapping[str, Mapping[str, float]] = {
    "mass": {"g": 1, "mg": 1e-3, "µg": 1e-6, "kg": 1e3, "t": 1e6},
    "length": {"m": 1, "mm": 1e-3, "cm": 1e-2, "µm": 1e-6, "nm": 1e-9, "km": 1e3},
    "volume": {"l": 1, "L": 1, "ml": 1e-3, "mL": 1e-3, "cl": 1e-2, "dl": 1e-1, "hl": 1e2},
    "time": {"s": 1, "sec": 1, "secs": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60, "mins": 60,
             "h": 3600, "hr": 3600, "hrs": 3600, "hours": 3600, "hour": 3600, "d": 86400, "day": 86400, "days": 86400},
    "bytes": {"B": 1, "bytes": 1, "byte": 1, "KB": 1e3, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "PB": 1e15,
              "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40},
    "power": {"W": 1, "mW": 1e-3, "kW": 1e3, "MW": 1e6, "GW": 1e9},
    "energy": {"Wh": 1, "kWh": 1e3, "MWh": 1e6, "GWh": 1e9},
    "voltage": {"V": 1, "mV": 1e-3, "kV": 1e3},
    "current": {"A": 1, "mA": 1e-3, "µA": 1e-6},
    "frequency": {"Hz": 1, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    "pressure": {"Pa": 1, "hPa": 1e2, "kPa": 1e3, "mbar": 1e2, "bar": 1e5, "MPa": 1e6},
    "speed": {"m/s": 1, "km/h": 1 / 3.6},
    "concentration": {"g/l": 1, "g/L": 1, "mg/l": 1e-3, "mg/L": 1e-3, "µg/l": 1e-6, "µg/L": 1e-6},
}  # fmt: skip
_LONE = (
    "%", "°", "°C", "°F", "K", "lb", "lbs", "oz", "ft", "in", "inch", "mi", "miles", "yd", "gal", "mph", "kn", "rpm",
    "ppm", "ppb", "dB", "J", "kJ", "kcal", "cal", "N", "Nm", "Ω", "lx", "lm", "mol", "mmol/l", "mmol/L", "mg/dl",
    "mg/dL", "µg/m³", "µg/m3", "mmHg", "bpm", "px", "pt", "pcs", "pc", "Stk", "Stück", "m²", "m2", "m³", "m3", "km²",
    "sqft", "sqm", "sq ft", "ha", "kg/m³", "kg/m²", "years", "year", "yrs", "months", "weeks",
)  # fmt: skip
UNITS: Mapping[str, tuple[str, float]] = {
    **{unit: (family, float(n)) for family, members in _FAMILIES.items() for unit, n in members.items()},
    **{unit: (unit, 1.0) for unit in _LONE},
}
_MICRO = str.maketrans({"\u03bc": "µ"})  # the Greek letter for the sign


def known_unit(text: str) -> str | None:
    """What stands beside a number, by one name for all spellings: a currency's code, a unit; None: something else."""
    text = text.strip().translate(_MICRO)
    return CURRENCIES.get(text) or (text if text in UNITS else None)


def factor(unit: str, into: str) -> float | None:
    """What a number with one unit is multiplied by to have another; None: they are not of one family.

    >>> factor("g", "kg"), factor("kg", "s")
    (0.001, None)
    """
    if unit == into:
        return 1.0
    here, there = UNITS.get(unit), UNITS.get(into)
    if here is None or there is None or here[0] != there[0]:
        return None
    return here[1] / there[1]


def is_currency(unit: str) -> bool:
    """Whether it is a currency, by the name that `known_unit` gives."""
    return unit in CURRENCIES.values()
