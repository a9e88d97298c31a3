"""Where the scores of rows lie of which a rule decides: beyond those of all others, old and new."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, State
from pynomaly_auto.ruling._found import ANOMALOUS, NOT_SAID, ORDINARY
from pynomaly_auto.ruling._matching import Flags

_LEAST, _SHARE = 1.0, 0.25  # margin between the rows that are judged and those that rules decide of
_JUST = 1 - 1e-9  # a row that is judged never comes quite as far


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The scores of the training rows that are judged, and how far from them those lie that rules decide of.

    Judged training rows keep their scores. New ones that are beyond all these are drawn in, in their order, so that
    they stay within `low` and `high`.

    Args:
        bottom: The lowest of them.
        top: The highest.
    """

    bottom: float
    top: float

    @classmethod
    def of(cls, scores: FloatArray, said: np.ndarray[tuple[int, ...], np.dtype[np.int8]]) -> Self:
        """Of the training rows; rules say something of those where ``said`` is not -1; shapes (n_rows,)."""
        judged = scores[said == NOT_SAID]
        judged = judged if len(judged) else scores
        return cls(bottom=float(judged.min()), top=float(judged.max()))

    @property
    def margin(self) -> float:
        """Between judged rows and the others."""
        return max(_LEAST, _SHARE * (self.top - self.bottom))

    @property
    def high(self) -> float:
        """From here on rules call rows anomalies."""
        return self.top + self.margin

    @property
    def low(self) -> float:
        """Down from here rules call rows normal."""
        return self.bottom - self.margin

    def apply(self, scores: FloatArray, said: np.ndarray[tuple[int, ...], np.dtype[np.int8]]) -> FloatArray:
        """Scores with what rules say, each row by itself; within what a rule decides of the order stays.

        Args:
            scores: Without rules; shape (n_rows,).
            said: 1 for an anomaly, 0 for a normal row, -1: nothing; shape (n_rows,).
        """
        m, out = self.margin, np.asarray(scores, dtype=np.float64).copy()
        beyond, below = out > self.top, out < self.bottom
        out[beyond] = self.top + m * _JUST * -np.expm1(-(out[beyond] - self.top) / m)
        out[below] = self.bottom - m * _JUST * -np.expm1(-(self.bottom - out[below]) / m)
        middle, width = (self.top + self.bottom) / 2, max((self.top - self.bottom) / 2, _LEAST)
        place = 0.5 + 0.5 * np.tanh((scores - middle) / width)
        out = np.where(said == ANOMALOUS, self.high + m * place, out)
        return np.asarray(np.where(said == ORDINARY, self.low - m * (1 - place), out))

    def decided(self, scores: FloatArray) -> tuple[Flags, Flags]:
        """Which rows have been called anomalous, and which normal; shapes (n_rows,)."""
        return np.asarray(scores >= self.high), np.asarray(scores <= self.low)

    def to_state(self) -> State:
        """What makes it again."""
        return State(values={"bottom": self.bottom, "top": self.top})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: It is none.
        """
        bottom, top = (float(state.value(name, (int, float))) for name in ("bottom", "top"))
        if not (math.isfinite(bottom) and math.isfinite(top) and bottom <= top):
            raise StorageError("the scale of the scores is none.", where="ruling")
        return cls(bottom=bottom, top=top)
