"""``auto``: several strategies in turn, so that no one's blind spot is all that is asked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from pynomaly_auto.asking._catalogue import STRATEGIES, Pool, Strategy
from pynomaly_auto.records import IntArray

# Which share of the rows asked is each strategy's.
MIXTURE: Mapping[str, float] = MappingProxyType({"top": 0.5, "diversity": 0.25, "random": 0.25})


def mixed(rows: Pool, n: int, seed: int, mixture: Mapping[str, float] = MIXTURE) -> tuple[IntArray, tuple[str, ...]]:
    """Rows by several strategies in turn, and by which each; none twice.

    Args:
        rows: What could be asked.
        n: At most so many.
        seed: Of everything random.
        mixture: Strategy to its share.
    """
    orders = {name: STRATEGIES[name].order(rows, n, seed).tolist() for name in mixture}
    owed = dict.fromkeys(mixture, 0.0)
    taken: dict[int, str] = {}
    while len(taken) < n and any(orders.values()):
        for name, share in mixture.items():
            owed[name] += share
        turn = max((name for name in mixture if orders[name]), key=lambda name: owed[name])
        owed[turn] -= sum(mixture.values())
        while orders[turn]:
            at = orders[turn].pop(0)
            if at not in taken:
                taken[at] = turn
                break
    return np.array(list(taken), dtype=np.int64), tuple(taken.values())


def _in_turn(rows: Pool, n: int, seed: int) -> IntArray:
    return mixed(rows, n, seed)[0]


STRATEGIES.add(Strategy(name="auto", code="", says="", order=_in_turn))
