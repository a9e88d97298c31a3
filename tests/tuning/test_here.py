import random

import numpy as np
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import tune
from pynomaly_auto.tuning._here import run_here
from pynomaly_auto.tuning._objective import attempt, order


class Unstarted:
    """A pool whose workers never come up."""

    workers = 2

    def __init__(self):
        self.jobs = []

    @property
    def pending(self):
        return len(self.jobs)

    def share(self, array):
        return array

    def submit(self, job):
        self.jobs.append(job)

    def collect(self, timeout=None):
        return None

    def cancel(self):
        self.jobs = []
        return []


class Table:
    def __init__(self, X):
        self.X = X

    def load(self):
        return self.X


def test_there_is_an_answer_without_any_worker():
    names = ("hbos", "iforest", "pca", "mcd", "fake_sum")
    search = tune(make_dataset(), make_ranking(*names), make_plan(Unstarted(), budget=2.0))
    # The forest is expected to take long, and what is not our own may hang.
    assert {t.detector for t in search.completed} == {"hbos", "pca", "mcd"}
    assert search.seconds < 5


def test_a_budget_that_is_gone_still_gives_one_answer():
    search = tune(make_dataset(), make_ranking("hbos", "pca", "mcd"), make_plan(Unstarted(), budget=1e-3))
    assert len(search.completed) == 1
    assert search.stopped == "the time budget for the search was used up"


def test_ctrl_c_keeps_what_was_found_and_records_the_rest(monkeypatch):
    seen = []

    def interrupted(number, given, rows):
        seen.append((given.spec.name, number))
        if given.spec.name == "hbos":  # the second, by cost
            raise KeyboardInterrupt
        return run_here(number, given, rows)

    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", interrupted)
    search = tune(make_dataset(), make_ranking("iforest", "hbos", "pca", "mcd"), make_plan(Unstarted(), budget=2.0))
    assert search.interrupted
    status = {(t.detector, t.number): t.status for t in search.trials}
    assert [status[key] for key in seen] == ["completed", "cancelled"]


def test_a_count_of_trials_leaves_them_to_the_workers(pool, monkeypatch):
    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", lambda *_: pytest.fail("tried in this process"))
    plan = make_plan(pool, n_trials=3)
    search = tune(make_dataset(), make_ranking("hbos", "pca"), plan)
    assert len(search.completed) == 3


def test_it_is_the_same_trial_and_the_user_s_random_numbers_stay():
    X = make_dataset().X
    given = order(DETECTORS["sampling"], {}, 7)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    outcome = run_here(3, given, X)
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002
    assert (outcome.key, outcome.status) == (3, "completed")
    assert np.array_equal(outcome.value.scores, attempt(given, Table(X)).scores)


def test_a_failing_detector_costs_its_own_trial_only():
    outcome = run_here(0, order(DETECTORS["raises"], {}, 0), make_dataset().X)
    assert outcome.value.status == "failed"
    assert "singular matrix" in outcome.value.error


def test_a_memory_limit_leaves_them_to_the_workers(pool, monkeypatch):
    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", lambda *_: pytest.fail("tried in this process"))
    settings = Settings(time_budget=20.0, memory_limit="1GB")
    search = tune(make_dataset(), make_ranking("hbos", "pca"), make_plan(pool, budget=20.0, settings=settings))
    assert {"hbos", "pca"} <= {t.detector for t in search.completed}
