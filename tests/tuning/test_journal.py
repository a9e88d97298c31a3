"""The journal of a search: what was done is not done again, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto.pool import Outcome
from pynomaly_auto.records import Configuration, Step
from pynomaly_auto.tuning import tune
from pynomaly_auto.tuning._journal import NoJournal, Replaying, fitting, journalled
from pynomaly_auto.tuning._objective import TrialResult

NAMES = ("fake_sum", "fake_max", "fake_few", "raises")


class Kept(NoJournal):
    """A journal in memory."""

    def __init__(self, trials=()):
        self.trials, self.noted = tuple(trials), []

    def note(self, trial):
        self.noted.append(trial)


class Counting:
    """An executor that says what was really carried out."""

    def __init__(self, inner):
        self.inner, self.done = inner, []

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def submit(self, job):
        self.done.append(job.args[0].spec.name)
        self.inner.submit(job)


def facts(search):
    return [(t.number, t.configuration, t.status, t.quality, None if t.scores is None else t.scores.tobytes())
            for t in search.trials]  # fmt: skip


@pytest.mark.parametrize("known", [0, 1, 5, 9, 14])
def test_by_count_a_replayed_search_is_the_same_and_makes_only_what_is_missing(pool, known):
    whole, journal = tune(make_dataset(), make_ranking(*NAMES), make_plan(pool, n_trials=14)).search, Kept()
    tune(make_dataset(), make_ranking(*NAMES), make_plan(pool, n_trials=14, journal=journal))
    assert len(journal.noted) == 14
    some = [journal.noted[i] for i in np.random.default_rng(known).choice(14, known, replace=False)]
    counting = Counting(pool)
    again = tune(make_dataset(), make_ranking(*NAMES), make_plan(counting, n_trials=14, journal=Kept(some))).search
    assert facts(again) == facts(whole)
    assert len(counting.done) == 14 - known


def test_by_time_every_journalled_trial_is_taken_whatever_would_be_asked_for(pool):
    journal = Kept()
    tune(make_dataset(), make_ranking(*NAMES), make_plan(pool, n_trials=14, journal=journal))
    strange = Configuration(detector="fake_max", params={"power": 3.25})
    stranger = replace(journal.noted[0], configuration=strange, role="search")
    known = [*journal.noted, stranger]
    search = tune(make_dataset(), make_ranking(*NAMES), make_plan(pool, budget=4.0, journal=Kept(known))).search
    assert {t.configuration for t in known} <= {t.configuration for t in search.trials}
    assert [t.number for t in search.trials] == list(range(len(search.trials)))


def test_what_holds_in_another_attempt_is_journalled():
    step = Step(configuration=Configuration(detector="fake_sum"), role="portfolio")
    result = TrialResult(status="completed", scores=np.zeros(3), payload=b"estimator")
    kept = journalled(step, Outcome(key=0, status="completed", value=result), 3)
    assert kept.outcome.value.payload is None
    assert journalled(step, Outcome(key=0, status="timeout"), 3) is not None
    assert journalled(step, Outcome(key=0, status="cancelled"), 3) is None
    assert journalled(step, Outcome(key=0, status="failed", error="the worker process died"), 3) is None
    assert fitting([kept], 3) == (kept,)
    assert fitting([kept, replace(kept, n_rows=4)], 4) == ()


def test_cancelling_gives_what_was_known_and_not_collected(pool):
    replaying = Replaying(pool, ())
    replaying._ready = [Outcome(key=3, status="timeout")]
    assert replaying.pending == 1 + pool.pending
    assert [o.key for o in replaying.cancel()] == [3]
