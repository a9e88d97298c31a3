from types import SimpleNamespace

import numpy as np
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto._deadline import Deadline
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.records import Configuration, Ensemble, Member
from pynomaly_auto.tuning import _refit, refit, tune


def ensemble_of(search):
    share = 1 / len(search.completed)
    members = tuple(
        Member(trial=t.number, configuration=t.configuration, weight=share, quality=0.5, diversity=0.1)
        for t in search.completed
    )
    return Ensemble(members=members, combiner="mean")


def searched(pool, dataset, *names, **plan):
    plan = make_plan(pool, **({"n_trials": len(names)} | plan))
    tuned = tune(dataset, make_ranking(*names), plan)
    return plan, tuned, ensemble_of(tuned.search)


def test_small_members_fitted_on_all_rows_are_taken_over(pool):
    dataset = make_dataset()
    plan, tuned, ensemble = searched(pool, dataset, "fake_sum", "fake_bulky")
    assert set(tuned.payloads) == {0}  # the bulky one is larger than 16 MB
    fitted = refit(dataset, ensemble, plan, tuned)
    assert [f.reasons[0].code for f in fitted] == ["TUN-040", "TUN-041"]
    for member, trial in zip(fitted, tuned.search.trials, strict=True):
        assert np.array_equal(member.scores, trial.scores)
        assert np.array_equal(member.detector.score(dataset.X), trial.scores)


def test_members_of_a_sample_are_fitted_on_all_rows_and_failures_are_reasons(pool):
    dataset = make_dataset(600)
    plan, tuned, ensemble = searched(pool, dataset, "fake_sum", "small", "fake_max", tuning_rows=300)
    assert len(ensemble.members) == 3
    fitted = refit(dataset, ensemble, plan, tuned)
    assert [f.member.detector for f in fitted] == ["fake_sum", "fake_max"]
    assert all(f.scores.shape == (600,) for f in fitted)
    assert [r.code for r in fitted[0].reasons] == ["TUN-041", "TUN-043"]
    assert "too large" in fitted[0].reasons[1].text


def test_the_slowest_are_dropped_when_time_is_short(pool):
    dataset = make_dataset(600)
    plan, tuned, ensemble = searched(
        pool, dataset, "fake_sum", "slow", "fake_max", budget=30.0, n_trials=None, tuning_rows=300, patience=1
    )
    ensemble = Ensemble(members=ensemble.members[:3], combiner="mean")
    object.__setattr__(plan, "deadline", Deadline(0.6))
    fitted = refit(dataset, ensemble, plan, tuned)
    assert "slow" not in {f.member.detector for f in fitted}
    assert "TUN-042" in {r.code for r in fitted[0].reasons}


def test_when_no_member_can_be_fitted_on_all_rows_the_sample_has_to_do(pool):
    dataset = make_dataset(600)
    plan, tuned, ensemble = searched(pool, dataset, "small", tuning_rows=300)
    fitted = refit(dataset, ensemble, plan, tuned)
    assert [r.code for r in fitted[0].reasons] == ["TUN-044", "TUN-043"]
    assert fitted[0].scores.shape == (600,)
    assert np.array_equal(fitted[0].scores[tuned.search.rows], tuned.search.trials[0].scores)


def test_nothing_at_all_is_an_error(pool):
    dataset = make_dataset(600)
    plan, tuned, _ = searched(pool, dataset, "fake_sum", tuning_rows=300)
    raises = Member(trial=9, configuration=Configuration(detector="raises"), weight=1, quality=0, diversity=0)
    lost = Ensemble(members=(raises,), combiner="mean")
    with pytest.raises(NothingFinishedError, match="singular"):
        refit(dataset, lost, plan, tuned)
    assert _refit.expected_seconds(lost.members[0], dataset, tuned.search) > 0


def test_ctrl_c_while_refitting_keeps_what_is_fitted():
    class Interrupted:
        pending = 1

        def collect(self, timeout=None):
            raise KeyboardInterrupt

        def cancel(self):
            self.pending = 0
            return []

    assert _refit._gather(Interrupted(), lambda some: None) == {}
    assert _refit._gather(Interrupted(), lambda some: 0.0) == {}


def test_the_first_answer_is_waited_for_when_the_time_is_used_up():
    """On a busy machine a worker takes seconds to come up; once one is done, no other is waited for."""
    asked = []

    class Slow:
        pending = 2
        clock = 0.0

        def collect(self, timeout=None):
            asked.append(timeout)
            self.clock += 8.0
            self.pending -= 1
            return SimpleNamespace(key=self.pending, value="fitted")

        def cancel(self):
            return []

    slow = Slow()
    outcomes = _refit._gather(slow, lambda some: (1.0 if some else 20.0) - slow.clock)
    assert list(outcomes) == [1]
    assert asked == [20.0]
