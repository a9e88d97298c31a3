"""The catalogue of strategies, and what they see of the rows that could be asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto._registry import Registry
from pynomaly_auto.records import FloatArray, IntArray

Flags: TypeAlias = "np.ndarray[Any, np.dtype[np.bool_]]"
Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.floating[Any]]]"  # of single or double precision


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Rows, and what is said and known of them.

    Args:
        scores: In force, higher = more anomalous; shape (n_rows,).
        threshold: Of the scores: above it a row is flagged.
        free: Which rows may be asked, of equal rows one; shape (n_rows,), bool.
        inputs: What rows are alike by, standardised; shape (n_rows, n_inputs).
        ranks: The models' −log tail ranks; shape (n_rows, n_models). None: no model is known.
        weights: What each model counts; shape (n_models,). None: all the same.
        probabilities: Of being an anomaly; shape (n_rows,). None: not known.
        labelled: Positions of rows that somebody has labelled; shape (n_labelled,). None: none.
    """

    scores: FloatArray = field(repr=False)
    threshold: float
    free: Flags = field(repr=False)
    inputs: Floats = field(repr=False)
    ranks: Floats | None = field(default=None, repr=False)
    weights: FloatArray | None = field(default=None, repr=False)
    probabilities: FloatArray | None = field(default=None, repr=False)
    labelled: IntArray | None = field(default=None, repr=False)

    def highest(self, values: Floats, n: int) -> IntArray:
        """So many of the free rows, those with the highest values first; of equal ones the first rows.

        Args:
            values: Of all rows; shape (n_rows,).
            n: At most so many.
        """
        at = np.flatnonzero(self.free)
        own = values[at]
        if n < len(own):  # sorting 100,000 rows for the sake of ten takes longer than all else
            least = np.partition(own, len(own) - n)[len(own) - n]
            at = at[own >= least]
            own = values[at]
        return np.asarray(at[np.argsort(-own, kind="stable")[:n]], dtype=np.int64)

    def disagreement(self, rows: Any = slice(None)) -> FloatArray:
        """Standard deviation of the models' ranks of rows, by weight; shape (n_rows,).

        Args:
            rows: Which rows; all if not given.
        """
        if self.ranks is None or not self.ranks.shape[1]:
            return np.zeros(len(self.scores[rows]))
        ranks = self.ranks[rows]
        weights = np.ones(ranks.shape[1]) if self.weights is None or not self.weights.any() else self.weights
        weights = (weights / weights.sum()).astype(ranks.dtype)
        mean = ranks @ weights
        return np.asarray(np.sqrt(np.maximum((ranks * ranks) @ weights - mean * mean, 0.0)), dtype=np.float64)


Order: TypeAlias = Callable[[Pool, int, int], IntArray]


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """One way of choosing rows to ask.

    Args:
        name: As it is asked for.
        code: Of the reason why a row is asked.
        says: That reason as a sentence. What stands for figures of the row: ``{probability}``, ``{threshold}`` (a
            probability), ``{spread}`` (of the models' ranks), ``{most}`` (the highest of them as a share of rows) and
            ``{place}`` (among all rows, in words).
        order: From the rows, how many, and a seed to the positions of at most so many free rows, those most worth a
            label first.
    """

    name: str
    code: str
    says: str
    order: Order = field(repr=False)


STRATEGIES: Registry[Strategy] = Registry(
    kind="query strategy",
    modules=("pynomaly_auto.asking._strategies", "pynomaly_auto.asking._mixture"),
    group="pynomaly_auto.query_strategies",
)


def strategy(name: str, *, code: str, says: str) -> Callable[[Order], Order]:
    """Declare what it stands above as a strategy; see `Strategy`."""

    def declared(order: Order) -> Order:
        STRATEGIES.add(Strategy(name=name, code=code, says=says, order=order))
        return order

    return declared
