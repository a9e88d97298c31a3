"""Smaller ensembles that agree with a whole one: which members, and with what weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import nnls
from scipy.stats import rankdata

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, State

COMPACT_COMBINER = "sum of −log tail ranks, weighed to agree with the whole ensemble"
TAUGHT_COMBINER = COMPACT_COMBINER + ", and what small trees have learned of the rest"

MOST_MEMBERS = 24  # beyond, what is gained cannot be seen
_RIDGE = 1e-9  # of the mean square, so that members that say the same do no harm


@dataclass(frozen=True, kw_only=True, eq=False)
class Step:
    """One smaller ensemble.

    Args:
        chosen: Positions of its members, in the order they were taken.
        weights: Of their −log tail ranks.
    """

    chosen: tuple[int, ...]
    weights: FloatArray = field(repr=False)


@dataclass(frozen=True, eq=False)
class Alignment:
    """From a smaller ensemble's sum to the whole one's score: equally many rows lie beyond either.

    Args:
        knots: Sums, ascending; shape (n_knots,).
        values: Scores, none falling; shape (n_knots,).
    """

    knots: FloatArray
    values: FloatArray

    @classmethod
    def of(cls, sums: FloatArray, scores: FloatArray) -> Alignment:
        """Learn it of the same rows; shapes (n_rows,)."""
        # The more of them are high, the closer the levels lie.
        levels = np.unique(np.concatenate([np.linspace(0, 1, 65), 1 - np.geomspace(1 / len(sums), 0.25, 48)]))
        knots, first = np.unique(np.quantile(sums, levels), return_index=True)
        return cls(knots, np.maximum.accumulate(np.quantile(scores, levels))[first])

    def __call__(self, sums: FloatArray) -> FloatArray:
        beyond = sums - np.clip(sums, self.knots[0], self.knots[-1])
        return np.asarray(np.interp(sums, self.knots, self.values) + beyond, dtype=np.float64)

    def to_state(self) -> State:
        """What makes it again."""
        return State(arrays={"knots": self.knots, "values": self.values})

    @classmethod
    def from_state(cls, state: State) -> Alignment:
        """Make it again.

        Raises:
            StorageError: It is damaged.
        """
        knots, values = state.array("knots", ndim=1), state.array("values", ndim=1)
        finite = np.isfinite(knots).all() and np.isfinite(values).all()
        if not finite or not len(knots) or len(knots) != len(values):
            raise StorageError("the scale of a smaller ensemble is damaged.")
        if (np.diff(knots) <= 0).any() or (np.diff(values) < 0).any():
            raise StorageError("the scale of a smaller ensemble does not ascend.")
        return cls(knots, values)


@dataclass(frozen=True, eq=False)
class Agreeing:
    """Weights of −log tail ranks whose sum is nearest to a score, none negative.

    The higher a row's score, the more it counts, as it is among the highest that rows are told apart.

    Args:
        gram: The members' inputs with each other; shape (n_members, n_members).
        target: The same with the score; shape (n_members,).
    """

    gram: FloatArray = field(repr=False)
    target: FloatArray = field(repr=False)

    @classmethod
    def of(cls, inputs: FloatArray, scores: FloatArray) -> Agreeing:
        """With the scores of some rows.

        Args:
            inputs: The members' −log tail ranks; shape (n_rows, n_members).
            scores: The whole ensemble's; shape (n_rows,).
        """
        weights = np.maximum(scores, 0.0) + 1e-3
        weights /= weights.sum()
        gram = inputs.T @ (inputs * weights[:, None])
        gram += _RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
        return cls(gram, inputs.T @ (weights * scores))

    def step(self, chosen: Sequence[int]) -> Step:
        """Those members, in this order, with their weights."""
        weights = self.solved(list(chosen))[0]
        if not weights.any():  # none of them says anything of the score
            weights[0] = 1.0
        return Step(chosen=tuple(chosen), weights=weights)

    def solved(self, chosen: list[int]) -> tuple[FloatArray, float]:
        """The weights of those members, and the error but for a constant."""
        inner, wanted = self.gram[np.ix_(chosen, chosen)], self.target[chosen]
        root = np.linalg.cholesky(inner)
        found, _ = nnls(root.T, np.linalg.solve(root, wanted))
        return found, float(found @ inner @ found - 2.0 * found @ wanted)


def steps(
    inputs: FloatArray, scores: FloatArray, costs: Sequence[float], most_cost: float, fit: Agreeing | None = None
) -> list[Step]:
    """Ensembles of one member, of two, …, each with the member that adds most to the agreement for what it costs.

    Args:
        inputs: The members' −log tail ranks; shape (n_rows, n_members).
        scores: The whole ensemble's; shape (n_rows,).
        costs: Of each member.
        most_cost: Most that the members of one may cost together.
        fit: What gives the weights; None: it is made of the rows.
    """
    fit = Agreeing.of(inputs, scores) if fit is None else fit
    chosen: list[int] = []
    spent, error, out = 0.0, 0.0, []
    while len(chosen) < min(MOST_MEMBERS, inputs.shape[1]):
        best: tuple[float, int, FloatArray, float] | None = None
        for i in sorted(set(range(inputs.shape[1])) - set(chosen)):
            if spent + costs[i] > most_cost:
                continue
            found, left = fit.solved([*chosen, i])
            gain = (error - left) / max(costs[i], 1e-12) ** 0.5
            if best is None or gain > best[0]:
                best = (gain, i, found, left)
        if best is None or best[0] <= 0:
            break
        _, taken, found, error = best
        chosen.append(taken)
        spent += costs[taken]
        out.append(Step(chosen=tuple(chosen), weights=found))
    return out


def overlap(left: FloatArray, right: FloatArray, threshold: float) -> float:
    """Of the rows that either score flags, the share that both do; 1 where neither flags any."""
    one, other = left > threshold, right > threshold
    either = int((one | other).sum())
    return int((one & other).sum()) / either if either else 1.0


def agreement(left: FloatArray, right: FloatArray) -> float:
    """Rank correlation of two scores of the same rows; 1 where neither tells rows apart."""
    one, other = rankdata(left), rankdata(right)
    if not (np.ptp(one) and np.ptp(other)):
        return float(np.ptp(one) == np.ptp(other))
    return float(np.corrcoef(one, other)[0, 1])
