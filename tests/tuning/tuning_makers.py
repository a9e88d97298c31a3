"""Small tables, rankings and plans for the tests of tuning."""

import numpy as np

from pynomaly_auto._deadline import Deadline
from pynomaly_auto.recommending._judged import Judged
from pynomaly_auto.recommending._queue import queue_of
from pynomaly_auto.records import Candidate, Configuration, Dataset, Ranking, Step
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import TuningPlan


def make_dataset(n=300, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X[: n // 20] += 5
    return Dataset(
        X=X, features=tuple(f"x{i}" for i in range(d)), sources=tuple(range(d)), columns=(),
        row_labels=np.arange(n), missing_share=np.zeros(n),
    )  # fmt: skip


def make_ranking(*names, warm_starts=None, params=None):
    candidates = tuple(
        Candidate(
            detector=name, params=(params or {}).get(name, {}), score=0.9 - 0.02 * i, seconds=0.01, memory_mb=1.0
        )
        for i, name in enumerate(names)
    )  # fmt: skip
    return Ranking(candidates=candidates, queue=make_queue(candidates, warm_starts), source="rules", confidence=0.0)


def make_queue(candidates, warm_starts=None):
    judged = [
        Judged(
            candidate=c, family="fake",
            further=tuple(
                Step(configuration=Configuration(detector=c.detector, params=params), role="warm start")
                for params in (warm_starts or {}).get(c.detector, ())
            ),
        )
        for c in candidates
    ]  # fmt: skip
    return queue_of(candidates, judged)


def make_plan(pool, *, budget=None, n_trials=None, seed=1, **more):
    settings = more.pop("settings", None) or Settings(time_budget=budget, n_trials=n_trials)
    return TuningPlan(settings=settings, seed=seed, deadline=Deadline(budget), pool=pool, **more)
