"""What a parameter's value may be, declared beside the detector: anything else would only fail in its trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynomaly_auto._checks import is_number, is_whole


@dataclass(frozen=True, kw_only=True)
class Limit:
    """Numbers in a range, and words beside them.

    Args:
        low: Smallest number; None: none is too small.
        high: Largest number; None: none is too large.
        open_low: Whether ``low`` itself is too small.
        open_high: Whether ``high`` itself is too large.
        whole: Only whole numbers.
        share: A fraction counts as a share in (0, 1]; whole numbers are counts of at least 1. Excludes the others.
        several: A list of such numbers instead of one.
        words: What is taken beside numbers, such as ``None`` or ``"auto"``.
        numbers: Whether numbers are taken at all.
    """

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False
    whole: bool = False
    share: bool = False
    several: bool = False
    words: tuple[str | bool | None, ...] = ()
    numbers: bool = True

    def allows(self, value: Any) -> bool:
        """Whether a value lies within."""
        if any(value is word or (isinstance(word, str) and value == word) for word in self.words):
            return True
        if self.several:
            return isinstance(value, Sequence) and not isinstance(value, str) and all(self._within(v) for v in value)
        return self._within(value)

    def _within(self, value: Any) -> bool:
        if not self.numbers or not is_number(value) or (self.whole and not is_whole(value)):
            return False
        if self.share:
            return bool(value >= 1 if is_whole(value) else 0 < value <= 1)
        below = self.low is not None and (value <= self.low if self.open_low else value < self.low)
        beyond = self.high is not None and (value >= self.high if self.open_high else value > self.high)
        return not (below or beyond)

    def __str__(self) -> str:
        """What is allowed, to stand after "Give"."""
        told = [self._numbers()] if self.numbers else []
        told += [repr(word) for word in self.words]
        return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} or {told[-1]}"

    def _numbers(self) -> str:
        kind = ("whole numbers" if self.whole else "numbers") if self.several else f"a {'whole ' * self.whole}number"
        if self.share:
            return "a share in (0, 1], a whole number of at least 1"
        if self.low is not None and self.high is not None:
            ends = f"{'(' if self.open_low else '['}{self.low:g}, {self.high:g}{')' if self.open_high else ']'}"
            return f"{kind} in {ends}"
        if self.low is not None:
            return f"{kind} above {self.low:g}" if self.open_low else f"{kind} of at least {self.low:g}"
        return kind


def one_of(*words: str | bool | None) -> Limit:
    """Only these."""
    return Limit(words=words, numbers=False)


ANY = Limit()
COUNT = Limit(low=1, whole=True)
COUNT_OR_NONE = Limit(low=1, whole=True, words=(None,))
POSITIVE = Limit(low=0, open_low=True)
NOT_NEGATIVE = Limit(low=0)
SHARE = Limit(low=0, high=1, open_low=True)
SHARE_OR_NONE = Limit(low=0, high=1, open_low=True, words=(None,))
FRACTION = Limit(low=0, high=1)
SHARE_OR_COUNT = Limit(share=True)
FLAG = one_of(False, True)
