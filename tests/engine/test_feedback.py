"""What people say after the fit: heeded at once, kept, taken back."""

from __future__ import annotations

import copy
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine import _population, _stored_labels
from pynomaly_auto.errors import InvalidInputError, PynomalyError, SettingError, UnknownNameError
from tests.engine.conftest import quick

N, BAD = 300, 15


def rows(seed: int, n: int, bad: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    X[:bad, 0] += 3.0
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["shop"] = rng.choice(["x", "y", "z"], n)
    return frame


TABLE = rows(0, N, BAD)
TABLE.iloc[200] = TABLE.iloc[100]
TABLE.index = [f"r{i}" for i in range(N)]
TRUTH = (np.arange(N) < BAD).astype(int)
NEW = rows(1, 60)


@pytest.fixture(scope="module")
def once() -> AutonomousDetector:
    return quick(n_trials=3).fit(TABLE)


@pytest.fixture
def detector(once: AutonomousDetector) -> AutonomousDetector:
    """Nothing of a model changes, so a shallow copy is one of its own."""
    return copy.copy(once)


def state(detector: AutonomousDetector) -> list[Any]:
    """All that feedback may move, to the last bit."""
    result, judged = detector.result_, [detector.judge(table) for table in (TABLE, NEW)]
    arrays = [getattr(one, name) for one in judged for name in ("scores", "probabilities", "labels", "confidence")]
    arrays += [getattr(result.verdict, name) for name in ("scores", "probabilities", "labels", "confidence")]
    return [array.tobytes() for array in arrays] + [
        detector.threshold_, detector.contamination_, result.verdict.method, result.supervision, result.reasons,
        detector.query(9).to_dict(),
    ]  # fmt: skip


def test_feedback_moves_everything_and_forgetting_it_brings_all_back(detector: AutonomousDetector) -> None:
    before = state(detector)
    asked = detector.query(20)
    detector.feedback(asked, TRUTH[asked.index], by="Ada")
    assert detector.result_.supervision is not None
    assert detector.result_.performance is not None
    assert detector.result_.performance.n_anomalies == TRUTH[asked.index].sum()
    assert len(set(map(repr, zip(before, state(detector), strict=True)))) > 5
    said = np.where(TRUTH[asked.index] == 1, -1, 1)
    np.testing.assert_array_equal(detector.result_.labels[asked.index], said)
    np.testing.assert_array_equal(detector.predict(TABLE.iloc[asked.index]), said)
    np.testing.assert_array_equal(-detector.score_samples(TABLE), detector.result_.verdict.scores)
    codes = [reason.code for reason in detector.result_.reasons]
    assert "SUP-050" in codes
    assert "SUP-051" not in codes
    after = state(detector)
    detector.feedback([0], [0], by="Bob")
    assert state(detector) != after
    detector.forget(by="Bob")
    assert state(detector) == after
    detector.forget(by="Ada")
    assert state(detector) == before
    assert detector.feedback_ == ()


def test_rows_that_equal_each_other_are_asked_once_and_judged_as_one(detector: AutonomousDetector) -> None:
    everything = detector.query(N, strategy="top")
    assert len(everything) == N - 1
    assert not {100, 200} <= set(everything.index)
    detector.feedback([200, 3], [1, 0])
    assert not {100, 200, 3} & set(detector.query(N).index)
    assert detector.result_.labels[[100, 200]].tolist() == [-1, -1]
    assert detector.result_.verdict.scores[100] == detector.result_.verdict.scores[200]
    assert detector.predict(TABLE.iloc[[100]]).tolist() == [-1]


def test_the_last_word_counts_and_both_are_kept(detector: AutonomousDetector) -> None:
    detector.feedback([0, 1, 2, 50], [0, 1, 1, 0], by="Ada").feedback(0, 1, by="Bob")
    assert [(one.row, one.label, one.by, one.number) for one in detector.feedback_] == [
        (0, 0, "Ada", 1), (1, 1, "Ada", 2), (2, 1, "Ada", 3), (50, 0, "Ada", 4), (0, 1, "Bob", 5),
    ]  # fmt: skip
    assert detector.result_.labels[0] == -1
    assert next(r for r in detector.result_.reasons if r.code == "SUP-051").evidence == {"times": 1}
    detector.forget(5)
    assert detector.result_.labels[0] == 1
    detector.feedback([5], [True])
    assert detector.feedback_[-1].number == 6, "numbers are not given again"


def test_rows_that_came_later_are_learned_from_and_recognised(detector: AutonomousDetector) -> None:
    late = pd.concat([NEW, TABLE.iloc[[7]]])
    before = state(detector)
    asked = detector.query(5, late, strategy="top")
    assert list(asked["row"]) == [late.index[i] for i in asked.index]
    detector.feedback([4, 9, 60], [1, 0, 1], X=late)
    assert [one.row for one in detector.feedback_] == [-1, -1, 7]
    assert detector.predict(late.iloc[[4, 9, 60]]).tolist() == [-1, 1, -1]
    assert not {4, 9, 60} & set(detector.query(61, late).index)
    assert 7 not in detector.query(N).index
    detector.feedback([4], [0], X=late)
    assert detector.predict(late.iloc[[4]]).tolist() == [1]
    detector.forget(by="")
    assert state(detector) == before


def test_labels_given_to_fit_stay_and_feedback_comes_after_them(tmp_path: Path) -> None:
    labels = pd.Series({f"r{i}": int(i < BAD) for i in range(0, 60, 3)})
    fitted = quick(n_trials=3).fit(TABLE, labels=labels)
    before = state(fitted)
    assert not set(range(0, 60, 3)) & set(fitted.query(N).index)
    fitted.feedback([0, 1], [0, 1])
    assert fitted.result_.supervision is not None
    assert fitted.result_.supervision.n_anomalies == 5
    assert fitted.result_.labels[:2].tolist() == [1, -1]
    again = AutonomousDetector.load(fitted.save(tmp_path / "model"))
    assert state(again) == state(fitted)
    for one in (fitted, again):
        one.forget(by="")
    assert state(again) == state(fitted) == before


def test_a_loaded_detector_goes_on_where_the_saved_one_stood(detector: AutonomousDetector, tmp_path: Path) -> None:
    detector.feedback(range(25), TRUTH[:25], by="Ada").feedback([1, 2], [1, 0], by="Bob", X=NEW)
    again = AutonomousDetector.load(detector.save(tmp_path / "model"))
    assert again.feedback_ == detector.feedback_
    assert state(again) == state(detector)
    for one in (detector, again):
        one.feedback([60, 61], [0, 1], by="Cyd").forget(3)
    assert state(again)[:-1] == state(detector)[:-1]
    third = AutonomousDetector.load(again.save(tmp_path / "again"))
    assert state(third) == state(again)
    for name in ("Ada", "Bob", "Cyd"):
        third.forget(by=name)
        detector.forget(by=name)
    assert state(third) == state(detector)
    assert third.result_.supervision is None


def test_without_its_training_rows_a_detector_asks_for_the_table(
    detector: AutonomousDetector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = AutonomousDetector.load(detector.save(tmp_path / "bare"))
    for call in (bare.query, lambda: bare.feedback([1], [1])):
        with pytest.raises(SettingError, match="Give X=, the table it was fitted on"):
            call()
    with pytest.raises(InvalidInputError, match="not the table the detector was fitted on"):
        bare.feedback([1], [1], X=NEW)
    assert len(bare.query(3, NEW)) == 3, "of other rows it can be asked"
    assert bare.query(9, TABLE).index.tolist() == detector.query(9).index.tolist()
    bare.feedback([1, 30], [1, 0]).feedback([3], [1], X=NEW)
    assert bare.result_.labels[[1, 30]].tolist() == [-1, 1]
    monkeypatch.setattr(_stored_labels, "MOST_STORED", 0)
    large = AutonomousDetector.load(bare.save(tmp_path / "large"))
    assert large.feedback_ == bare.feedback_
    np.testing.assert_array_equal(large.judge(TABLE).scores, bare.judge(TABLE).scores)
    with pytest.raises(SettingError, match="Give X="):
        large.forget(1)
    large.forget(1, X=TABLE)
    assert [one.number for one in large.feedback_] == [2, 3]
    large = AutonomousDetector.load(bare.save(tmp_path / "large"))
    large.forget(by="")  # all of it needs nothing of the rows
    np.testing.assert_array_equal(large.judge(TABLE).scores, detector.judge(TABLE).scores)


def test_very_large_tables_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_population, "MOST_KEPT", 0)
    fitted = quick(n_trials=3).fit(TABLE)
    with pytest.raises(SettingError, match="the table was very large"):
        fitted.query()
    fitted.feedback([0, 1, 90], [1, 1, 0], X=TABLE)
    assert fitted.result_.labels[[0, 1, 90]].tolist() == [-1, -1, 1]


def test_a_threshold_moved_by_hand_comes_back(detector: AutonomousDetector) -> None:
    detector.set_contamination(0.2)
    before = state(detector)
    detector.feedback([0, 40], [1, 0]).set_threshold(0.0)
    detector.forget(by="")
    assert state(detector) == before


@pytest.mark.parametrize(
    ("rows_", "labels", "said"),
    [
        ([N], [1], f"there is no row {N}"),
        ([-1], [1], "there is no row -1"),
        ([1.5], [1], "a row is 1.5"),
        (["r1"], [1], "a row is 'r1'"),
        ([1], [2], "a label is 2"),
        ([1], [-1], "Give 1 for an anomaly and 0"),
        ([1], [None], "a label is None"),
        ([1], ["1"], "a label is '1'"),
        ([1, 2], [1], "1 labels for 2 rows"),
    ],
)
def test_what_nobody_can_have_meant(detector: AutonomousDetector, rows_: Any, labels: Any, said: str) -> None:
    for table in (None, TABLE):
        with pytest.raises(InvalidInputError, match=said):
            detector.feedback(rows_, labels, X=table)
    assert detector.feedback_ == ()


def test_other_mistakes_are_told(detector: AutonomousDetector) -> None:
    with pytest.raises(SettingError, match="by is"):
        detector.feedback([1], [1], by="two\nlines")
    detector.feedback([1], [1], by="Ada")
    for call, said in (
        (lambda: detector.forget(), "neither is given"),
        (lambda: detector.forget(1, by="Ada"), "both are given"),
        (lambda: detector.forget(2), r"there is no saying 2.*There are 1\."),
        (lambda: detector.forget(by="Bob"), r"nothing was said by 'Bob'.*There are 'Ada'\."),
        (lambda: detector.forget("1"), "number is '1'"),  # type: ignore[arg-type]
        (lambda: detector.compact(size_mb=1), "forget"),
        (lambda: detector.query(0), "n is 0"),
        (lambda: detector.query(3, TABLE[["a", "b"]]), "column"),
    ):
        with pytest.raises(PynomalyError, match=said):
            call()
    with pytest.raises(UnknownNameError, match="unknown query strategy 'best'"):
        detector.query(3, strategy="best")
    assert detector.feedback([], []).feedback_[-1].number == 1


def test_novelty_has_no_place_for_labels() -> None:
    fitted = quick(n_trials=2, novelty=True).fit(TABLE)
    for call in (lambda: fitted.feedback([1], [1]), fitted.query):
        with pytest.raises(SettingError, match="novelty=True"):
            call()


def test_the_table_that_query_returned_is_understood_whatever_became_of_its_index(
    detector: AutonomousDetector, tmp_path: Path
) -> None:
    asked = detector.query(3)
    asked.to_csv(tmp_path / "asked.csv")
    for given in (asked.iloc[::-1], asked.reset_index(), pd.read_csv(tmp_path / "asked.csv")):
        heard = copy.copy(detector).feedback(given, [1, 0, 1])
        assert {one.row for one in heard.feedback_} == set(asked.index)
    for other in (TABLE.iloc[[3]], TABLE.iloc[[3]].reset_index(drop=True)):
        with pytest.raises(InvalidInputError, match="says no positions"):
            detector.feedback(other, [1])
    with pytest.raises(InvalidInputError, match="a row is 1000000"):
        detector.feedback([10**30], [1])


def test_rows_that_were_chosen_from_another_table_are_not_taken_for_training_rows(detector: AutonomousDetector) -> None:
    other = NEW.set_axis([f"n{i}" for i in range(len(NEW))])
    asked = detector.query(2, other)
    with pytest.raises(InvalidInputError, match="Give X="):
        detector.feedback(asked, [1, 0])
    assert {one.row for one in detector.feedback(asked, [1, 0], X=other).feedback_} == {-1}


def test_what_two_people_say_at_once_is_heard_from_both(detector: AutonomousDetector) -> None:
    speaking = [threading.Thread(target=detector.feedback, args=([i], [i % 2])) for i in range(6)]
    for one in speaking:
        one.start()
    for one in speaking:
        one.join()
    assert {one.row for one in detector.feedback_} == set(range(6))
    assert [one.number for one in detector.feedback_] == [1, 2, 3, 4, 5, 6]


def test_whose_words_are_forgotten_is_a_name(detector: AutonomousDetector) -> None:
    detector.feedback([1], [1], by="Ada")
    for by in (np.array([1, 2]), ["Ada"], 3):
        with pytest.raises(SettingError, match="by is"):
            detector.forget(by=by)  # type: ignore[arg-type]
