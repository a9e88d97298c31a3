"""Smaller models: within their limits, agreeing with the whole one, and saying what is lost."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine import _compacting
from pynomaly_auto.ensembling import Alignment, Student, agreement, steps
from pynomaly_auto.errors import SettingError, StorageError
from pynomaly_auto.records import State
from pynomaly_auto.testing import damaged_states, through_files


@pytest.fixture(scope="module")
def whole():
    X = np.random.default_rng(0).normal(size=(150, 4))
    X[:6] += 6
    return AutonomousDetector(n_trials=8, tracking=False, random_state=0, verbose=0).fit(X)


@pytest.fixture(scope="module")
def new():
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(size=(300, 4)), rng.normal(size=(20, 4)) + 6])


@pytest.fixture(scope="module")
def small(whole):
    return whole.compact(latency_ms=1_000)


def test_it_agrees_and_says_how_far(whole, small, new):
    lost = small.ensemble_.compaction
    assert lost.rank_correlation > 0.9
    assert agreement(small.judge(new).scores, whole.judge(new).scores) == pytest.approx(lost.rank_correlation, abs=0.1)
    assert 0 < lost.overlap <= 1
    assert lost.latency_ms > 0
    assert lost.size_mb < lost.size_mb_before
    sums = [point.members for point in lost.front if not point.taught]
    taught = [point.members for point in lost.front if point.taught]
    assert sums == list(range(1, len(sums) + 1))
    assert taught
    assert set(taught) <= set(sums)
    assert all(0 <= point.overlap <= 1 for point in lost.front)
    reason = small.ensemble_.reasons[-1]
    assert reason.code == "ENG-001"
    assert f"{lost.rank_correlation:.3f}" in reason.text
    assert sum(m.weight for m in small.ensemble_.members) == pytest.approx(1.0)
    assert all(m.weight >= 0 for m in small.ensemble_.members)


def test_trees_learn_what_the_sum_lacks(whole, small):
    front = {(p.members, p.taught): p for p in small.ensemble_.compaction.front}
    better = [front[n, True].agreement - front[n, False].agreement for n, taught in front if taught]
    assert np.mean(better) > 0
    ensemble = small._model.ensemble
    assert ensemble.student is not None
    assert "small trees" in small.ensemble_.combiner
    assert "small trees" in small.ensemble_.reasons[-1].text
    state = ensemble.student.to_state()
    assert Student.from_state(through_files(state), ensemble.student.forest.n_features).forest.n_trees > 0
    with pytest.raises(StorageError, match="inputs"):
        Student.from_state(state, 3)


def test_the_whole_one_stays_as_it_is(whole, small, new):
    assert whole.ensemble_.compaction is None
    assert len(small.ensemble_.members) <= len(whole.ensemble_.members)
    assert small.threshold_ == whole.threshold_
    assert small.get_params() == whole.get_params()


def test_training_rows_keep_their_scores(whole, small):
    rows = np.random.default_rng(0).normal(size=(150, 4))
    rows[:6] += 6
    assert small.score_samples(rows).tolist() == whole.score_samples(rows).tolist()


def test_a_row_alone_gets_the_score_it_gets_among_many(small, new):
    alone = [small.judge(row[None]).scores[0] for row in new[:20]]
    assert alone == pytest.approx(small.judge(new).scores[:20], abs=1e-9)


def test_saved_and_loaded_it_scores_the_same(small, new, tmp_path):
    path = small.save(tmp_path / "small.pynomaly")
    again = AutonomousDetector.load(path)
    assert again.judge(new).scores.tolist() == small.judge(new).scores.tolist()
    assert again.ensemble_.compaction == small.ensemble_.compaction
    assert path.stat().st_size / 1e6 == pytest.approx(small.ensemble_.compaction.size_mb, abs=0.02)


def test_limits_hold(whole, monkeypatch):
    size = whole.compact(size_mb=1_000).ensemble_.compaction.size_mb
    smaller = whole.compact(size_mb=size * 0.95)
    assert smaller.ensemble_.compaction.size_mb <= size * 0.95
    # A clock on which each member takes a millisecond, and nothing else takes any time.
    monkeypatch.setattr(_compacting, "_milliseconds", lambda model, ensemble, X: float(len(ensemble.detectors)))
    assert len(whole.compact(latency_ms=3).ensemble_.members) <= 2


def test_what_cannot_be_is_said(whole):
    with pytest.raises(SettingError, match="neither is given"):
        whole.compact()
    for bad in (0, -1, float("nan"), float("inf"), "3", True):
        with pytest.raises(SettingError, match="above zero"):
            whole.compact(latency_ms=bad)
    with pytest.raises(SettingError, match=r"0\.001 MB"):
        whole.compact(size_mb=0.001)


class TestChoosing:
    def test_members_that_say_the_same_are_not_taken_twice(self):
        rng = np.random.default_rng(0)
        inputs = rng.exponential(size=(500, 3))
        inputs = np.column_stack([inputs, inputs[:, 0]])
        scores = inputs[:, :3] @ [0.5, 0.3, 0.2]
        found = steps(inputs, scores, [1.0, 1.0, 1.0, 1.1], 3.5)
        assert found[-1].chosen == (0, 1, 2)
        assert found[-1].weights == pytest.approx([0.5, 0.3, 0.2], abs=1e-3)

    def test_dear_members_are_left_out(self):
        inputs = np.random.default_rng(0).exponential(size=(500, 3))
        found = steps(inputs, inputs[:, 0], [9.0, 1.0, 1.0], 2.0)
        assert all(0 not in step.chosen for step in found)

    def test_agreement(self):
        rows = np.arange(9.0)
        assert agreement(rows, rows**3) == pytest.approx(1.0)
        assert agreement(rows, -rows) == pytest.approx(-1.0)
        assert agreement(np.zeros(9), np.zeros(9)) == 1.0
        assert agreement(rows, np.zeros(9)) == 0.0


class TestAlignment:
    def test_equally_many_rows_lie_beyond_either(self):
        rng = np.random.default_rng(0)
        sums = rng.exponential(size=2_000)
        scores = 3 * sums**2 + rng.normal(size=2_000) * 0.1
        aligned = Alignment.of(sums, scores)
        for share in (0.5, 0.9, 0.99):
            threshold = np.quantile(scores, share)
            assert (aligned(sums) > threshold).mean() == pytest.approx(1 - share, abs=0.01)
        far = aligned(np.array([sums.max() + 1, sums.max() + 2, sums.min() - 1]))
        assert far[1] - far[0] == pytest.approx(1.0)
        assert far[2] < aligned(sums).min()

    def test_what_is_damaged_is_refused(self):
        state = Alignment.of(np.arange(50.0), np.arange(50.0)).to_state()
        assert Alignment.from_state(through_files(state))(np.array([3.5])) == pytest.approx(3.5)
        for what, damaged in damaged_states(state):
            with pytest.raises(StorageError):
                raise AssertionError(f"{what}: {Alignment.from_state(damaged)}")
        for name in ("knots", "values"):
            for bad in (state.arrays[name][::-1], state.arrays[name] * np.nan, np.zeros(0)):
                with pytest.raises(StorageError):
                    Alignment.from_state(State(arrays={**state.arrays, name: bad}))
