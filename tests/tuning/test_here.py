import random
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.pool import Outcome
from pynomaly_auto.records import Configuration, Step
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import tune
from pynomaly_auto.tuning._here import run_here
from pynomaly_auto.tuning._objective import run_trial, trial_request
from pynomaly_auto.tuning._optuna import Proposer


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
    search = tune(make_dataset(), make_ranking(*names), make_plan(Unstarted(), budget=2.0)).search
    # The forest is expected to take long, and what is not our own may hang.
    assert {t.detector for t in search.completed} == {"hbos", "pca", "mcd"}
    assert search.seconds < 5


def test_what_the_answer_rests_on_is_tried_first_and_in_one_order():
    usual, ranks = (Configuration.in_view("pca", view) for view in ("standard", "ranks"))
    steps = (Step(configuration=ranks, role="view"), Step(configuration=usual, role="portfolio"))
    ranking = make_ranking("hbos", "pca")
    others = tuple(step for step in ranking.queue if step.detector != "pca")
    queue = (*steps, *others)
    proposer = Proposer(replace(ranking, queue=queue), {}, seed=0, n_rows=200, n_features=4)
    quick = proposer.quick(1.0, 10.0)
    assert [p.configuration.name for p in quick] == ["pca (ranks)", "pca", "hbos"]


def test_a_budget_that_is_gone_still_gives_one_answer():
    search = tune(make_dataset(), make_ranking("hbos", "pca", "mcd"), make_plan(Unstarted(), budget=1e-3)).search
    assert len(search.completed) == 1
    assert search.stopped == "the time budget for the search was used up"


def test_what_iterates_until_it_converges_runs_where_it_can_be_killed():
    names = ("hbos", "factor_analysis", "ica", "gmm", "mini_batch_kmeans", "pca")
    search = tune(make_dataset(), make_ranking(*names), make_plan(Unstarted(), budget=2.0)).search
    assert {t.detector for t in search.completed} == {"hbos", "pca"}


def test_as_soon_as_it_turns_out_to_be_slow_the_workers_get_the_rest(pool, monkeypatch):
    seen = []

    def slow(number, request, rows):
        seen.append(request.spec.name)
        return replace(run_here(number, request, rows), seconds=2.0)

    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", slow)
    search = tune(make_dataset(), make_ranking("hbos", "pca", "mcd"), make_plan(pool, budget=30.0, patience=1)).search
    assert len(seen) == 1
    assert {t.detector for t in search.completed} == {"hbos", "pca", "mcd"}


class Up(Unstarted):
    """A pool whose first worker answers at once, and then none."""

    def collect(self, timeout=None):
        if len(self.jobs) < 2 or self.jobs[0] is None:
            return None
        first, self.jobs[0] = self.jobs[0], None
        return Outcome(key=first.key, status="failed", error="for the test")


def test_as_soon_as_the_workers_are_up_they_get_the_rest(monkeypatch):
    seen = []
    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", lambda *a: (seen.append(a[0]), run_here(*a))[1])
    ranking = make_ranking("hbos", "pca", "mcd", "kde", "zscore", "iforest", "fake_sum", "fake_max")
    tune(make_dataset(), ranking, make_plan(Up(), budget=1.0))
    assert len(seen) == 1


def test_one_thread_is_all_it_gets(monkeypatch):
    threads = []

    def counted(request, rows):
        threads.append(max(library["num_threads"] for library in threadpool_info()))
        return run_trial(request, rows)

    monkeypatch.setattr("pynomaly_auto.tuning._here.run_trial", counted)
    with threadpool_limits(2):
        run_here(0, trial_request(DETECTORS["pca"], {}, 0), make_dataset().X)
    assert threads == [1]


def test_ctrl_c_keeps_what_was_found_and_records_the_rest(monkeypatch):
    seen = []

    def interrupted(number, request, rows):
        seen.append((request.spec.name, number))
        if request.spec.name == "pca":  # the second of those that are quick
            raise KeyboardInterrupt
        return run_here(number, request, rows)

    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", interrupted)
    ranking = make_ranking("iforest", "hbos", "pca", "mcd")
    search = tune(make_dataset(), ranking, make_plan(Unstarted(), budget=2.0)).search
    assert search.interrupted
    status = {(t.detector, t.number): t.status for t in search.trials}
    assert [status[key] for key in seen] == ["completed", "cancelled"]


def test_a_count_of_trials_leaves_them_to_the_workers(pool, monkeypatch):
    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", lambda *_: pytest.fail("tried in this process"))
    plan = make_plan(pool, n_trials=3)
    search = tune(make_dataset(), make_ranking("hbos", "pca"), plan).search
    assert len(search.completed) == 3


def test_it_is_the_same_trial_and_the_user_s_random_numbers_stay():
    X = make_dataset().X
    request = trial_request(DETECTORS["sampling"], {}, 7)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    outcome = run_here(3, request, X)
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002
    assert (outcome.key, outcome.status) == (3, "completed")
    assert np.array_equal(outcome.value.scores, run_trial(request, Table(X)).scores)


def test_a_failing_detector_costs_its_own_trial_only():
    outcome = run_here(0, trial_request(DETECTORS["raises"], {}, 0), make_dataset().X)
    assert outcome.value.status == "failed"
    assert "singular matrix" in outcome.value.error


def test_a_memory_limit_leaves_them_to_the_workers(pool, monkeypatch):
    monkeypatch.setattr("pynomaly_auto.tuning._search.run_here", lambda *_: pytest.fail("tried in this process"))
    settings = Settings(time_budget=20.0, memory_limit="1GB")
    plan = make_plan(pool, budget=20.0, settings=settings)
    search = tune(make_dataset(), make_ranking("hbos", "pca"), plan).search
    assert {"hbos", "pca"} <= {t.detector for t in search.completed}
