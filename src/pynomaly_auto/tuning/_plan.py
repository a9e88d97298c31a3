"""What a search is given: settings, seed, clock, workers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from pynomaly_auto._budget import ROUND_SHARE, search_share
from pynomaly_auto._deadline import Deadline
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.pool import Executor
from pynomaly_auto.records import Configuration, Dataset, IntArray, Ranking, Reason, Search, Trial
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning._journal import Journal

PredictQuality: TypeAlias = Callable[[str, Mapping[str, float]], float | None]
# Given a configuration (or a detector's name: any that the search may propose) and the trials so far: of how many
# ``members`` the learned fusion is in force where such a trial cannot change the answer any more, else None.
Settled: TypeAlias = Callable[[Configuration | str, Iterable[Trial]], Mapping[str, int] | None]

_FEWEST_ROWS = 2_000  # of a trial, however short the time; judged
_MOST_CELLS = 2_000_000  # rows times features of a trial: 20,000 x 100
_LIKELY = 7  # first candidates that will probably be members: as many as the portfolio has


@dataclass(frozen=True, kw_only=True, eq=False)
class TuningPlan:
    """How one search is to be run.

    Args:
        settings: What the user asked for.
        seed: Seed of everything random.
        deadline: The clock of the whole run.
        pool: Where trials run; None: nothing is run, as only a plan is asked for.
        predict_quality: Predicted quality in [0, 1] of a detector from its score statistics, from the knowledge base;
            None on a cold start.
        tuning_rows: Most rows a trial is fitted on.
        patience: Tuned trials without any gain after which the search stops.
        settled: Says of a tuned trial why it is not worth making; None: all are.
        untuned: Says of a family why its detectors' parameters are not searched for; None: all are.
        journal: Where trials are written down, and those of earlier attempts stand; None: nowhere.
        room: Bytes that all workers may take together, so one fit alone, too.
    """

    settings: Settings
    seed: int
    deadline: Deadline
    pool: Executor | None = None
    predict_quality: PredictQuality | None = None
    tuning_rows: int = 20_000
    patience: int = 16
    settled: Settled | None = None
    untuned: Callable[[str], Reason | None] | None = None
    journal: Journal | None = None
    room: float = math.inf

    @property
    def by_count(self) -> bool:
        """Whether the number of trials rules, and the clock decides nothing."""
        return self.settings.n_trials is not None

    def executor(self) -> Executor:
        """Where trials run."""
        assert self.pool is not None, "a search needs a pool"
        return self.pool


@dataclass(frozen=True, kw_only=True, eq=False)
class Tuned:
    """What a search leaves.

    Args:
        search: The record of it.
        payloads: Number of a trial to its pickled fitted estimator, where it was fitted on all rows and is small, so
            that a chosen member needs no second fit.
    """

    search: Search
    payloads: Mapping[int, bytes] = field(default_factory=dict, repr=False)


def choose_rows(dataset: Dataset, ranking: Ranking, plan: TuningPlan) -> tuple[IntArray | None, Reason]:
    """Which rows trials are fitted on: all, or a random sample that the budget allows; None: all."""
    n, d = dataset.n_rows, max(dataset.n_features, 1)
    allowed = min(plan.tuning_rows, max(_FEWEST_ROWS, _MOST_CELLS // d))
    why = "the width of the table" if allowed < plan.tuning_rows else "the limit for trials"
    left = plan.deadline.remaining()
    if not plan.by_count and math.isfinite(left):
        seconds = left * ROUND_SHARE * (plan.pool.workers if plan.pool else 1)
        rows = min(n, allowed)
        while rows > _FEWEST_ROWS and _round_seconds(ranking, rows, d) > seconds:
            rows = max(_FEWEST_ROWS, rows // 2)
        made = plan.journal.trials if plan.journal is not None else ()
        if made:  # less time is left now, and what was made on so many rows is to count
            rows = min(n, made[0].n_rows)
        if rows < min(n, allowed):
            allowed, why = rows, "the time budget"
    evidence = {"rows": n, "tuning_rows": min(n, allowed), "features": d}
    if n <= allowed:
        return None, Reason(
            code="TUN-001", subject="rows", text=f"Trials are fitted on all {n:,} rows.", evidence=evidence
        )
    rows_chosen = np.sort(np.random.default_rng(plan.seed).choice(n, allowed, replace=False))
    text = f"Trials are fitted on {allowed:,} of {n:,} rows, drawn at random, because of {why}; members on all."
    return rows_chosen, Reason(code="TUN-001", subject="rows", text=text, evidence=evidence)


def share_of_search(ranking: Ranking, shape: tuple[int, int], workers: int, left: float) -> float:
    """Share of the time left for the search, when members have to be fitted again on all rows afterwards.

    Args:
        ranking: Its portfolio, or else its first candidates, will probably be the members.
        shape: Rows and features of the whole table.
        workers: How many members are fitted at once.
        left: Seconds left of the run.
    """
    names = ranking.portfolio or tuple(c.detector for c in ranking.selected[:_LIKELY])
    first = {c.detector: c.configuration for c in ranking.candidates}
    likely = ranking.members or tuple(first.get(name, Configuration(detector=name)) for name in names)
    seconds = [DETECTORS[c.detector].seconds(*shape, c.params) for c in likely]
    return search_share(max(sum(seconds) / max(workers, 1), max(seconds, default=0.0)), left)


def _round_seconds(ranking: Ranking, rows: int, features: int) -> float:
    # What the ensemble is made of has to fit in; of the others, as many are tried as there is time for.
    needed = [c for c in ranking.selected if c.detector in ranking.portfolio] or ranking.selected
    return sum(DETECTORS[c.detector].seconds(rows, features, c.params) for c in needed)
