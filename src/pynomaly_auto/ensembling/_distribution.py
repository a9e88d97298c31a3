"""A member's training scores as the scale its scores are read on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pynomaly_auto.records import FloatArray
from pynomaly_auto.scoring import beyond, in_units, magnitudes, robust_scale, spread, tail_ranks

_KNOTS = 4096  # most points a member's distribution is kept as
_EXACT = 1024  # largest scores kept one by one when a distribution is compressed


@dataclass(frozen=True, eq=False)
class Distribution:
    """A member's training scores, as a map from score to −log tail rank.

    Args:
        values: Distinct scores, ascending; at most `_KNOTS`.
        ranks: −log tail rank at each of them.
        scale: Unit in which the excess beyond the largest is measured.
        centre: Median of the training scores.
        unit: Half of their scaled median absolute deviation; see `scoring.robust_scale`.
    """

    values: FloatArray
    ranks: FloatArray
    scale: float
    centre: float
    unit: float

    @classmethod
    def of(cls, scores: FloatArray) -> Distribution:
        ordered = np.sort(np.asarray(scores, dtype=np.float64))
        n = len(ordered)
        kept = ordered
        if n > _KNOTS:
            lower = np.linspace(0, n - 1 - _EXACT, _KNOTS - _EXACT).astype(int)
            kept = np.concatenate([ordered[lower], ordered[n - _EXACT :]])
        values = np.unique(kept)
        return cls(values, tail_ranks(values, ordered), spread(ordered), *robust_scale(ordered))

    def __call__(self, scores: FloatArray) -> FloatArray:
        inside = np.interp(scores, self.values, self.ranks)
        return np.asarray(inside + beyond(scores, float(self.values[-1]), self.scale), dtype=np.float64)

    def magnitude(self, scores: FloatArray) -> FloatArray:
        """Signed log of the scores' robust z; same shape."""
        return magnitudes(in_units(np.asarray(scores, dtype=np.float64), self.centre, self.unit))

    def to_state(self) -> dict[str, FloatArray]:
        """The arrays that make it again."""
        return {
            "values": self.values,
            "ranks": self.ranks,
            "scale": np.array([self.scale, self.centre, self.unit]),
        }

    @classmethod
    def from_state(cls, state: Mapping[str, FloatArray]) -> Distribution:
        """Make it again from what `to_state` gave."""
        return cls(state["values"], state["ranks"], *(float(v) for v in state["scale"]))
