from types import SimpleNamespace

import numpy as np
import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto._deadline import Deadline
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.records import Configuration, Ensemble, Member
from pynomaly_auto.tuning import _batches, _refit, refit, tune


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
    plan, tuned, ensemble = searched(pool, dataset, "fake_sum", "choosy", "fake_max", tuning_rows=300)
    assert len(ensemble.members) == 3
    fitted = refit(dataset, ensemble, plan, tuned)
    assert [f.member.detector for f in fitted] == ["fake_sum", "fake_max"]
    assert all(f.scores.shape == (600,) for f in fitted)
    assert [r.code for r in fitted[0].reasons] == ["TUN-041", "TUN-043"]
    assert "too many rows" in fitted[0].reasons[1].text
    assert fitted[0].reasons[0].evidence["plan"] == "full_batch"


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
    plan, tuned, ensemble = searched(pool, dataset, "choosy", tuning_rows=300)
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


def test_who_takes_too_much_memory_all_the_same_is_fitted_on_a_sample(pool):
    dataset = make_dataset(600)
    plan, tuned, ensemble = searched(pool, dataset, "fake_sum", "small", tuning_rows=300)
    fitted = refit(dataset, ensemble, plan, tuned)
    assert [f.reasons[0].code for f in fitted] == ["TUN-041", "TUN-046"]
    told = fitted[1].reasons[0]
    assert told.text.startswith("Fitted on 300 of 600 rows, drawn at random, and all scored (sampled_mini_batch)")
    assert told.evidence["plan"] == "sampled_mini_batch"
    assert fitted[1].scores.shape == (600,)


@pytest.mark.parametrize("workers", ["pool", "single"])
def test_plans_go_by_the_limit_and_not_by_the_workers(workers, request):
    pool = request.getfixturevalue(workers)
    dataset = make_dataset(60_000)
    names = ("fake_sum", "hungry", "gradual")
    plan, tuned, ensemble = searched(pool, dataset, *names, tuning_rows=2_000, room=36e9)
    full, hungry, gradual = refit(dataset, ensemble, plan, tuned)
    assert [m.reasons[0].code for m in (full, hungry, gradual)] == ["TUN-041", "TUN-046", "TUN-045"]
    told = hungry.reasons[0].evidence
    assert (told["plan"], told["rows"], told["limit_mb"], told["expected_mb"]) == (
        "sampled_mini_batch", told["rows"], 36_000.0, 40_800.0,
    )  # fmt: skip
    assert 45_000 < told["rows"] < 53_000
    assert np.array_equal(hungry.detector.score(dataset.X), hungry.scores)
    assert sum(gradual.detector.estimator.batches) == 60_000
    assert len(gradual.detector.estimator.batches) == 2
    assert "at a time (mini_batch): at once they are expected to take 40,800 MB" in gradual.reasons[0].text


def test_as_many_are_fitted_side_by_side_as_fit():
    plans = [SimpleNamespace(memory=m) for m in (1e8, 4e8)]
    assert _batches.side_by_side(plans, 8, 1e9) == 2
    assert _batches.side_by_side(plans, 8, np.inf) == 8
    assert _batches.side_by_side(plans, 8, 1e6) == 1
    assert _batches.side_by_side([], 8, 1e6) == 8


def test_what_declares_more_is_expected_to_take_more():
    pca = DETECTORS["pca"]
    plain = _batches.expected_bytes(pca, {}, 500_000, 20)
    assert plain > 247e6  # measured
    assert _batches.expected_bytes(pca, {"view": "ranks"}, 500_000, 20) > plain
    assert _batches.in_batches(pca, {})
    assert not _batches.in_batches(pca, {"view": "ranks"})
    assert not any(_batches.in_batches(DETECTORS[name], {}) for name in ("lof", "modified_zscore", "iforest", "ecod"))
