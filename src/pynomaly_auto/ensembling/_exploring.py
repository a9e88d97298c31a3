"""Which smaller ensembles are worth having: a search over subsets of members for those that no other beats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import numpy as np

from pynomaly_auto.ensembling._compacting import MOST_MEMBERS
from pynomaly_auto.records import FloatArray

Subset: TypeAlias = tuple[int, ...]

_ADD, _DROP, _SWAP = 0.3, 0.6, 0.85  # up to which a draw adds, drops or swaps a member; beyond, two subsets are crossed
_IDLE = 500  # draws of known subsets in a row after which nothing new is looked for


def unbeaten(costs: FloatArray) -> list[int]:
    """Positions of the rows that no other is at least as low as everywhere and lower somewhere.

    Args:
        costs: Shape (n, n_objectives), each the lower the better.
    """
    return [i for i, own in enumerate(costs) if not ((costs <= own).all(axis=1) & (costs < own).any(axis=1)).any()]


def explore(
    n_members: int,
    measure: Callable[[Subset], Sequence[float]],
    starts: Iterable[Subset],
    *,
    n_trials: int,
    seed: int,
    enough: Callable[[], bool] = lambda: False,
) -> dict[Subset, tuple[float, ...]]:
    """Measure subsets, each new one a small change of one that nothing beats so far.

    Args:
        n_members: Members to choose from.
        measure: What a subset costs by each objective, the lower the better.
        starts: Subsets to begin with, such as those of `steps`; at least the first is measured.
        n_trials: Subsets to measure.
        seed: Of the draws.
        enough: Asked before each but the first whether to end here.

    Returns:
        Subset, its members in order, to what was measured.
    """
    rng = np.random.default_rng(seed)
    tried: dict[Subset, tuple[float, ...]] = {}
    for start in starts:
        new = tuple(sorted(start))
        if new not in tried and len(tried) < n_trials and not (tried and enough()):
            tried[new] = tuple(measure(new))
    known, front, idle = list(tried), _front(tried), 0
    while tried and len(tried) < n_trials and idle < _IDLE and not enough():
        one, other = (known[front[int(rng.integers(len(front)))]] for _ in range(2))
        new = _changed(one, other, n_members, rng)
        if new in tried:
            idle += 1
            continue
        tried[new], idle = tuple(measure(new)), 0
        known, front = list(tried), _front(tried)
    return tried


def _front(tried: dict[Subset, tuple[float, ...]]) -> list[int]:
    return unbeaten(np.array(list(tried.values()))) if tried else []


def _changed(one: Subset, other: Subset, n_members: int, rng: np.random.Generator) -> Subset:
    members, draw = list(one), float(rng.random())
    free = [i for i in range(n_members) if i not in one]
    if draw < _ADD and free and len(members) < MOST_MEMBERS:
        members.append(free[int(rng.integers(len(free)))])
    elif draw < _DROP and len(members) > 1:
        members.pop(int(rng.integers(len(members))))
    elif draw < _SWAP and free:
        members[int(rng.integers(len(members)))] = free[int(rng.integers(len(free)))]
    else:
        both = rng.permutation(sorted({*one, *other}))  # in any order, so that no member goes first where it is full
        members = [int(i) for i in both if rng.random() < 0.5][:MOST_MEMBERS] or members
    return tuple(sorted(members))
