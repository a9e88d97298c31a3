"""A member's training scores as the scale its scores are read on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, State
from pynomaly_auto.scoring import beyond, in_units, magnitudes, robust_scale, spread, tail_ranks

_KNOTS = 4096  # most points a member's distribution is kept as
_TAIL = 0.9  # quantile from which on the scores are the tail
_FARTHEST = 1e12  # keeps sums finite
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
        bounded: Whether the excess stays below 1, or grows without end as an exponential tail's −log probability does.
    """

    values: FloatArray
    ranks: FloatArray
    scale: float
    centre: float
    unit: float
    bounded: bool = True

    @classmethod
    def of(cls, scores: FloatArray, *, bounded: bool = True) -> Distribution:
        """Learn it; scores of the training rows, shape (n_rows,)."""
        ordered = np.sort(np.asarray(scores, dtype=np.float64))
        n = len(ordered)
        kept = ordered
        if n > _KNOTS:
            lower = np.linspace(0, n - 1 - _EXACT, _KNOTS - _EXACT).astype(int)
            kept = np.concatenate([ordered[lower], ordered[n - _EXACT :]])
        values = np.unique(kept)
        scale = spread(ordered) if bounded else tail_scale(ordered)
        return cls(values, tail_ranks(values, ordered), scale, *robust_scale(ordered), bounded)

    def __call__(self, scores: FloatArray) -> FloatArray:
        inside = self._between(scores)
        largest = float(self.values[-1])
        if self.bounded:
            excess = beyond(scores, largest, self.scale)
        else:
            excess = np.minimum(np.maximum(scores - largest, 0.0) / self.scale, _FARTHEST)
        return np.asarray(inside + excess, dtype=np.float64)

    def _between(self, scores: FloatArray) -> FloatArray:
        """Interpolated; between scores so near each other that a slope has no number, the rank of the lower one."""
        with np.errstate(over="ignore", invalid="ignore"):
            inside = np.asarray(np.interp(scores, self.values, self.ranks))
        lost = ~np.isfinite(inside)
        if lost.any():
            at = np.searchsorted(self.values, scores[lost], side="right") - 1
            inside[lost] = self.ranks[np.clip(at, 0, len(self.ranks) - 1)]
        return inside

    def magnitude(self, scores: FloatArray) -> FloatArray:
        """Signed log of the scores' robust z; same shape."""
        return magnitudes(in_units(np.asarray(scores, dtype=np.float64), self.centre, self.unit))

    def to_state(self) -> State:
        """What makes it again."""
        return State(
            arrays={"values": self.values, "ranks": self.ranks},
            values={name: getattr(self, name) for name in ("scale", "centre", "unit", "bounded")},
        )

    @classmethod
    def from_state(cls, state: State) -> Distribution:
        """Make it again from what `to_state` gave.

        Raises:
            StorageError: Something is missing, or is no such map.
        """
        values, ranks = (state.array(name, ndim=1) for name in ("values", "ranks"))
        numbers = {name: float(state.value(name, (float, int))) for name in ("scale", "centre", "unit")}
        whole = len(values) == len(ranks) > 0 and np.isfinite([values, ranks]).all()
        if not whole or (np.diff(values) <= 0).any() or (np.diff(ranks) < 0).any() or ranks[0] < 0:
            raise StorageError("a distribution does not ascend.")
        if not np.isfinite(list(numbers.values())).all() or numbers["scale"] <= 0 or numbers["unit"] < 0:
            raise StorageError("a distribution has no unit.")
        return cls(values, ranks, **numbers, bounded=state.value("bounded", bool))


def ranks_among(distributions: Sequence[Distribution], raw: Sequence[FloatArray]) -> FloatArray:
    """Each member's −log tail ranks of its raw scores, shape (n_rows, n_members), no second copy made."""
    ranks = np.empty((len(raw[0]), len(raw)))
    for column, distribution, scores in zip(ranks.T, distributions, raw, strict=True):
        column[:] = distribution(scores)
    return ranks


def tail_scale(ascending: FloatArray) -> float:
    """Mean excess of the scores over their 90 % quantile, the scale of an exponential tail; else their `spread`."""
    start = ascending[int(_TAIL * (len(ascending) - 1))]
    excess = ascending[ascending > start] - start
    scale = float(excess.mean()) if len(excess) else 0.0
    return scale if 0 < scale < np.inf else spread(ascending)
