"""Figures in texts: found, and held against the values they are the figures of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pynomaly_auto.records import Reason

# A figure stands alone: digits that belong to a name, as those of "F1" or "x2", are none.
_FIGURE = re.compile(
    r"(?<![\w.])(?P<number>[+\-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[+\-]?\d+)?)"
    r"(?P<unit> ?%| [kMG](?!\w))?(?![\w])"
)
_UNITS = {"": 1.0, "%": 0.01, "k": 1e3, "M": 1e6, "G": 1e9}


@dataclass(frozen=True)
class Figure:
    """A number as it is printed: its value, and half of what its last digit stands for."""

    text: str
    value: float
    half: float

    def is_of(self, value: float) -> bool:
        """Whether it could be the value, printed."""
        return abs(value - self.value) <= self.half * 1.001 + 1e-12


def figures(text: str) -> Iterator[Figure]:
    """The figures in a text, in order."""
    for found in _FIGURE.finditer(text):
        number, unit = found["number"].replace(",", ""), _UNITS[(found["unit"] or "").strip()]
        mantissa, _, exponent = number.partition("e")
        digits = len(mantissa.partition(".")[2])
        half = 0.5 * 10.0 ** (int(exponent or 0) - digits)
        yield Figure(text=found[0], value=float(number) * unit, half=half * unit)


def template(text: str) -> str:
    """The text without its figures."""
    return _FIGURE.sub("#", text)


def unsupported(reason: Reason) -> list[str]:
    """Figures of a reason's text that none of its evidence is the value of."""
    known = list(_values(reason.evidence.values()))
    for name in reason.evidence:
        known += [figure.value for figure in figures(str(name))]
    text = reason.text.replace(reason.subject, " ") if reason.subject else reason.text
    return [figure.text for figure in figures(text) if not any(figure.is_of(value) for value in known)]


def _values(evidence: Iterable[object]) -> Iterator[float]:
    for value in evidence:
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, (int, float)):
            yield float(value)
        else:
            yield from (figure.value for figure in figures(str(value)))
