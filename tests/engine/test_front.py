"""Several objectives: a front of smaller models, one that is taken, and the others to choose from."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine._asking_for import Wanted
from pynomaly_auto.engine._surveying import _samples
from pynomaly_auto.ensembling import agreement, unbeaten
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.records import Front, Performance
from tests.golden.figures import unsupported

WEIGHTS = ["quality", "latency", "size", "fit_time", "interpretability"]


def rows(seed=0):
    X = np.random.default_rng(seed).normal(size=(150, 4))
    X[:6] += 6
    return X


def make(**changed):
    values = {"n_trials": 10, "tracking": False, "random_state": 0, "verbose": 0, "objectives": WEIGHTS}
    return AutonomousDetector(**(values | changed))


@pytest.fixture(scope="module")
def fitted():
    return make().fit(rows())


@pytest.fixture(scope="module")
def labelled():
    y = np.full(150, np.nan)
    y[:4], y[40:55] = 1, 0
    y[30] = 1
    return make(objectives={"quality": 0.8, "f1": 0.1, "latency": 0.1}).fit(rows(), labels=y)


@pytest.fixture(scope="module")
def new():
    return rows(1)


def test_no_point_beats_another(fitted):
    front = fitted.front_
    assert isinstance(front, Front)
    wanted = Wanted(weights=front.objectives, by_labels=False)
    assert unbeaten(wanted.costs([p.values for p in front.points])) == list(range(len(front.points)))
    assert len(front.points) > 3
    assert [p.number for p in front.points] == list(range(len(front.points)))
    assert [p.values["latency"] for p in front.points] == sorted(p.values["latency"] for p in front.points)
    assert front.minimize == ("latency", "size", "fit_time")
    whole = [p for p in front.points if p.whole]
    assert len(whole) == 1
    assert whole[0].values["quality"] == whole[0].agreement == 1.0


def test_the_detector_is_the_chosen_point(fitted, new):
    front, members = fitted.front_, fitted.ensemble_.members
    assert tuple(m.name for m in members) == front.point.members
    assert len(members) == len(front.point.members) < max(len(p.members) for p in front.points)
    assert front.tried > len(front.points)
    codes = [r.code for r in front.reasons]
    assert codes == ["ENG-020", "ENG-021", "ENG-024"]
    assert all(reason in fitted.result_.reasons for reason in front.reasons)
    assert front.measured_ms > 0
    frame = front.to_frame()
    assert list(frame.index) == [p.number for p in front.points]
    assert frame["chosen"].sum() == 1
    assert set(WEIGHTS) <= set(frame.columns)


def test_another_point_is_chosen_without_fitting(fitted, new):
    scores = fitted.judge(new).scores.tolist()
    whole = next(p for p in fitted.front_.points if p.whole)
    other = fitted.choose(whole)
    plain = make(objectives=None).fit(rows())
    assert other.judge(new).scores.tolist() == plain.judge(new).scores.tolist()
    assert other.front_.chosen == whole.number
    assert other.front_.reasons[-1].code == "ENG-021"
    assert other.score_samples(rows()).tolist() == fitted.score_samples(rows()).tolist()
    assert fitted.judge(new).scores.tolist() == scores
    again = other.choose(fitted.front_.chosen)
    assert again.judge(new).scores.tolist() == scores
    first = fitted.choose(0)
    assert len(first.ensemble_.members) == len(fitted.front_.points[0].members)
    assert fitted.choose({"quality": 99, "latency": 1}).front_.point.values["quality"] >= 0.95
    assert agreement(first.judge(new).scores, plain.judge(new).scores) > 0.5


def test_every_figure_is_among_the_evidence(fitted, labelled):
    for detector in (fitted, labelled, fitted.choose(0)):
        members = tuple(reason for member in detector.ensemble_.members for reason in member.reasons)
        told = (*detector.front_.reasons, *members)
        assert [(str(reason), lost) for reason in told if (lost := unsupported(reason))] == []
        weights = [r.evidence["weight"] for m in detector.ensemble_.members for r in m.reasons if r.code == "ENS-006"]
        assert weights == [member.weight for member in detector.ensemble_.members]


def test_the_summary_and_the_report_tell_of_it(fitted, tmp_path):
    assert fitted.front_.sentence() in fitted.result_.summary_lines()
    page = fitted.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Models that no other beats" in page
    assert f"{fitted.front_.point.values['latency']:.4g} ms" in fitted.front_.sentence()
    assert "latency: declared ms of scoring one row" in page
    assert "quality: rank correlation with the answer of all members" in page
    assert ("; trees beside them" in page) is any(p.taught for p in fitted.front_.points)
    assert f"{fitted.front_.chosen} (taken)" in page
    assert "Models that no other beats" not in make(objectives=None, n_trials=3).fit(rows()).report(
        tmp_path / "plain.html"
    ).read_text(encoding="utf-8")


def test_a_threshold_that_was_moved_stays(fitted):
    moved = copy.deepcopy(fitted).set_contamination(0.2)
    assert moved.choose(0).threshold_ == moved.threshold_ != fitted.threshold_


@pytest.mark.parametrize("bad", [-1, 999, 1.5, "0", None, True])
def test_a_point_that_is_none_is_refused(fitted, bad):
    with pytest.raises(SettingError, match="from 0 to"):
        fitted.choose(bad)


def test_other_nonsense_is_refused(fitted, new):
    with pytest.raises(UnknownNameError, match="latency"):
        fitted.choose({"quality": 1, "latncy": 1})
    with pytest.raises(SettingError, match="none of the objectives compared"):
        fitted.choose({"quality": 1, "f1": 1})
    with pytest.raises(SettingError, match="no front"):
        make(objectives=None).fit(rows()).choose(0)
    spoken = copy.deepcopy(fitted).feedback([3], [1])
    with pytest.raises(SettingError, match="feedback since the fit"):
        spoken.choose(0)


def test_the_same_seed_leaves_and_takes_the_same(fitted, new):
    again = make(n_jobs=1).fit(rows())
    assert again.front_.points == fitted.front_.points
    assert again.front_.chosen == fitted.front_.chosen
    assert again.judge(new).scores.tolist() == fitted.judge(new).scores.tolist()


def test_a_row_alone_gets_the_score_it_gets_among_many(fitted, new):
    alone = [fitted.judge(row[None]).scores[0] for row in new[:10]]
    assert alone == pytest.approx(fitted.judge(new).scores[:10], abs=1e-9)


def test_saved_it_holds_the_chosen_model_alone(fitted, new, tmp_path):
    path = fitted.save(tmp_path / "chosen.pynomaly")
    loaded = AutonomousDetector.load(path)
    assert loaded.front_ == fitted.front_
    assert loaded.judge(new).scores.tolist() == fitted.judge(new).scores.tolist()
    with pytest.raises(SettingError, match="loaded from a file"):
        loaded.choose(0)
    whole = next(p.number for p in fitted.front_.points if p.whole)
    assert path.stat().st_size < fitted.choose(whole).save(tmp_path / "whole.pynomaly").stat().st_size


def test_pickled_it_still_chooses_and_cloned_it_is_unfitted(fitted, new):
    again = pickle.loads(pickle.dumps(fitted))
    assert again.choose(0).judge(new).scores.tolist() == fitted.choose(0).judge(new).scores.tolist()
    fresh = clone(fitted)
    assert fresh.objectives == WEIGHTS
    assert not hasattr(fresh, "result_")


def test_without_labels_agreement_stands_for_what_they_would_tell(new):
    front = make(objectives={"f1": 0.5, "precision": 0.2, "latency": 0.3}, n_trials=4).fit(rows()).front_
    assert front.objectives == pytest.approx({"agreement": 0.7, "latency": 0.3})
    assert front.answer == "agreement"
    assert next(r for r in front.reasons if r.code == "ENG-022").evidence["untold"] == "f1, precision"


def test_with_labels_quality_is_theirs(labelled, new):
    front, performance = labelled.front_, labelled.result_.performance
    assert front.answer == "labels"
    assert front.point.values["quality"] == pytest.approx(performance.average_precision.value)
    assert front.point.values["f1"] == pytest.approx(performance.f1.value)
    other = labelled.choose(len(front.points) - 1)
    assert other.result_.performance.average_precision.value == pytest.approx(front.points[-1].values["quality"])
    assert other.judge(new).scores.shape == (len(new),)
    assert other.score_samples(rows()[:1]) < other.score_samples(rows()[40:41])  # what is known stays what it is


@pytest.mark.parametrize(
    ("objectives", "labels"),
    [(["agreement", "latency"], {0: 1, 1: 1, 40: 0, 41: 0}), (["quality", "latency"], {0: 1, 1: 1})],
    ids=["agreement asked for", "labels of one kind"],
)
def test_labels_that_compare_nothing_are_learned_from(objectives, labels, new):
    detector = make(objectives=objectives, n_trials=4).fit(rows(), labels=labels)
    assert detector.front_.answer == "agreement"
    assert len(detector.front_.points) > 1
    other = detector.choose(0)
    assert other.result_.supervision is not None
    assert other.judge(new).scores.shape == (len(new),)


def test_of_another_point_a_further_one_is_chosen(labelled, new):
    back = labelled.choose(0).choose(labelled.front_.chosen)
    assert back.judge(new).scores.tolist() == labelled.judge(new).scores.tolist()


def test_a_compact_model_is_no_point_of_the_front(fitted):
    small = fitted.compact(latency_ms=1000)
    assert small.front_ is None
    assert not {r.code for r in small.result_.reasons} & {"ENG-020", "ENG-021", "ENG-024"}
    with pytest.raises(SettingError, match="choose before compact"):
        small.choose(0)
    assert len(pickle.dumps(small)) < len(pickle.dumps(fitted)) / 2


def test_all_members_are_as_large_as_what_combines_them(fitted, tmp_path):
    points = fitted.front_.points
    files = [fitted.choose(p).save(tmp_path / f"{p.number}").stat().st_size for p in (points[0], points[-1])]
    whole = fitted.choose(points[-1])._model.ensemble
    assert points[-1].whole
    assert points[-1].values["size"] * 1e6 > sum(a.nbytes for a in whole.fused.to_state().arrays.values())
    assert files[0] < files[1]


def test_the_judge_of_cells_counts_among_the_costs_of_all_members(fitted):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"n": rng.normal(size=120), "k": rng.choice(list("abc"), 120), "m": rng.normal(size=120)})
    detector = make(objectives=["quality", "latency", "size"], n_trials=4).fit(frame)
    survey = detector._model.survey
    assert survey.whole.ensemble.cells is not None
    whole = detector.front_.points[survey.candidates.index(None)]
    most = max(p.values["latency"] for p in detector.front_.points if not p.whole)
    assert whole.values["latency"] > most
    other = detector.choose(whole)
    assert other.score_samples(frame).tolist() == detector.score_samples(frame).tolist()


def test_feedback_is_heard_beside_a_chosen_model(fitted, labelled, tmp_path, new):
    for detector in (fitted, labelled):
        spoken = copy.deepcopy(detector).feedback([7, 60, 61], [1, 0, 0])
        loaded = AutonomousDetector.load(spoken.save(tmp_path / "spoken.pynomaly"))
        assert loaded.judge(new).scores.tolist() == spoken.judge(new).scores.tolist()


def test_a_single_point_is_told_as_one():
    X, y = rows(), np.r_[np.ones(6), np.zeros(144)].astype(int)
    detector = make(objectives={"quality": 0.7, "latency": 0.3}, n_trials=3).fit(X, labels=y)
    assert len(detector.front_.points) == 1
    assert "1 is beaten by none" in detector.front_.sentence()
    assert "members is beaten by none" in detector.front_.reasons[0].text


def test_figures_that_labels_cannot_tell_are_none():
    wanted = Wanted.of({"precision": 0.5, "latency": 0.5}, Performance(n_anomalies=1, n_normal=0, how="not measured"))
    assert not wanted.by_labels
    assert Wanted(weights={"precision": 1.0}, by_labels=True).figures(None) == {"precision": 0.0}


def test_a_clock_takes_fewer_rows_and_then_none(fitted):
    whole = fitted._model.survey.whole
    assert _samples(whole, 1e-9) is None
    assert 200 <= len(_samples(whole, 1e9).choice.X) <= 1_000


def test_within_a_time_budget_it_ends_in_time():
    detector = make(n_trials=None, time_budget=6.0).fit(rows())
    assert sum(detector.result_.seconds.values()) < 6.0 * 1.1 + 2.0
    told = {r.code for r in detector.result_.reasons}
    assert ("ENG-020" in told) is (detector.front_ is not None)
    assert ("ENG-023" in told) is (detector.front_ is None)
