"""How far out a distance is, in bits, by the column's own tail."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, State

FARTHEST = 40.0  # bits from which on farther is no odder
_LEAST_SHAPE, _MOST_SHAPE = 0.25, 2.0
_USUAL = 0.997  # share of the rows about which there is nothing to say


@dataclass(frozen=True, kw_only=True)
class Tail:
    """A Weibull tail, P(D > d) = exp(−(d / scale)^shape), through the median and the 90 % point of some distances.

    Up to a tenth of the distances may be of any size without moving it.

    Args:
        scale: Distance beyond which there are 37 %.
        shape: 1: exponential; 2: lighter than normal; below 1: heavy.
        silent: Bits up to which there is nothing to say.
    """

    scale: float
    shape: float
    silent: float

    @classmethod
    def of(cls, distances: FloatArray) -> Tail | None:
        """The tail of some distances, none negative; None: too few of them differ from zero."""
        found = distances[np.isfinite(distances)]
        if len(found) < 8:
            return None
        middle, far = (float(q) for q in np.quantile(found, (0.5, 0.9)))
        if far <= 0:
            return None
        shape = _MOST_SHAPE
        if 0 < middle < far:
            shape = math.log(math.log(10) / math.log(2)) / math.log(far / middle)
        elif middle <= 0:
            shape = 1.0
        shape = min(max(shape, _LEAST_SHAPE), _MOST_SHAPE)
        scale = far / math.log(10) ** (1 / shape)
        return cls(scale=scale, shape=shape, silent=-math.log2(1 - _USUAL)) if scale > 0 else None

    def bits(self, distances: FloatArray) -> FloatArray:
        """−log₂ of the share that lies farther out, above the usual; NaN counts as 0."""
        with np.errstate(over="ignore", invalid="ignore"):
            raw = (np.abs(distances) / self.scale) ** self.shape / math.log(2) - self.silent
        return np.asarray(np.fmin(np.fmax(raw, 0.0), FARTHEST))  # of NaN and a number, the number

    def to_state(self) -> State:
        """As data."""
        return State(values={"scale": self.scale, "shape": self.shape, "silent": self.silent})

    @classmethod
    def from_state(cls, state: State) -> Tail:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        scale, shape, silent = (float(state.value(name, (int, float))) for name in ("scale", "shape", "silent"))
        if not (0 < scale < math.inf and 0 < shape < math.inf and math.isfinite(silent)):
            raise StorageError("a tail has no scale.")
        return cls(scale=scale, shape=shape, silent=silent)
