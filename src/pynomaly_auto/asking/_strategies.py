"""The strategies, one function each: which rows are most worth a label."""

from __future__ import annotations

import numpy as np

from pynomaly_auto.asking._catalogue import Pool, strategy
from pynomaly_auto.records import FloatArray, IntArray

_CANDIDATES, _FEWEST_CANDIDATES = 5, 50  # highest rows looked at for each that is asked, and at least
_KNOWN_LOOKED_AT = 1_000  # labelled rows that candidates are to lie far from


@strategy(
    "top",
    code="ASK-010",
    says="the {place} row by the probability of being an anomaly, {probability:.0%}",
)
def highest(rows: Pool, n: int, seed: int) -> IntArray:
    """Those with the highest scores: what is looked at first anyway, and where most anomalies are."""
    return rows.highest(rows.scores, n)


@strategy(
    "uncertainty",
    code="ASK-011",
    says="near the threshold: its probability is {probability:.0%}, and from {threshold:.0%} on rows are flagged",
)
def nearest_to_the_threshold(rows: Pool, n: int, seed: int) -> IntArray:
    """Those nearest to the threshold on either side (Lewis and Gale, SIGIR 1994)."""
    return rows.highest(-np.abs(rows.scores - rows.threshold), n)


@strategy(
    "disagreement",
    code="ASK-012",
    says="the models disagree: one ranks it among the first {most:.2%} of the rows, and they differ by {spread:.1f} on "
    "average",
)
def models_disagree(rows: Pool, n: int, seed: int) -> IntArray:
    """Those of which the models' ranks differ most, by weight (query by committee: Seung et al., COLT 1992)."""
    return rows.highest(rows.disagreement(), n)


@strategy(
    "diversity",
    code="ASK-013",
    says="a high row ({probability:.0%}) unlike those already asked or labelled",
)
def high_and_far_apart(rows: Pool, n: int, seed: int) -> IntArray:
    """Of the highest rows those far from each other and from labelled ones, the farthest first (Gonzalez 1985)."""
    from scipy.spatial.distance import cdist

    near = rows.highest(rows.scores, max(_CANDIDATES * n, _FEWEST_CANDIDATES))
    if not len(near):
        return near
    X = _compressed(rows, near)
    known = near[:0] if rows.labelled is None else rows.labelled
    known = known[np.argsort(-rows.scores[known], kind="stable")[:_KNOWN_LOOKED_AT]]
    apart = cdist(X, _compressed(rows, known)).min(axis=1) if len(known) else np.full(len(X), np.inf)
    chosen: list[int] = []
    while len(chosen) < min(n, len(X)):
        at = int(np.argmax(apart))  # of equally far ones the higher row; the highest where nothing is known
        chosen.append(at)
        apart = np.minimum(apart, cdist(X, X[[at]])[:, 0])
        apart[chosen] = -1.0
    return np.asarray(near[chosen], dtype=np.int64)


@strategy("random", code="ASK-014", says="drawn at random, like any other row")
def at_random(rows: Pool, n: int, seed: int) -> IntArray:
    """Any: what a share of anomalies can be told from, as only these stand for all rows."""
    order = np.random.default_rng(seed).permutation(len(rows.scores))  # of all rows: labels do not shuffle it
    return np.asarray(order[rows.free[order]][:n], dtype=np.int64)


def _compressed(rows: Pool, at: IntArray) -> FloatArray:
    """Inputs with what lies far out drawn in: one huge value must not be all that sets rows apart."""
    return np.asarray(np.arcsinh(rows.inputs[at].astype(np.float64)))
