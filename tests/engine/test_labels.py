"""Labels from end to end: given to fit, told, kept with the model, and refused where they say nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import InvalidInputError, SettingError


def frame(n=300, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    y = np.zeros(n, dtype=int)
    X[:15, 0] += 4.0
    X[15:30, 1] -= 4.0
    X[30:60, 2] += 6.0  # odd, and nobody minds
    y[:30] = 1
    return pd.DataFrame(X, columns=list("abcd")), y


def detector(**changes):
    return AutonomousDetector(**{"n_trials": 4, "tracking": False, "random_state": 0, "verbose": 0, **changes})


@pytest.fixture(scope="module")
def fitted():
    table, y = frame()
    known = pd.Series(y, index=table.index)[::4]
    return table, y, known, detector().fit(table, labels=known)


def test_known_rows_are_flagged_as_they_were_said_to_be(fitted):
    table, _, known, found = fitted
    flagged = found.result_.labels[known.index] == -1
    assert (flagged == (known == 1).to_numpy()).all()
    assert (found.predict(table) == found.result_.labels).all()


def test_the_rest_is_judged_better_than_without(fitted):
    table, y, known, found = fitted
    rest = np.setdiff1d(np.arange(len(y)), known.index)
    before = detector().fit(table)
    reached = [one.evaluate(table.iloc[rest], y[rest]).average_precision for one in (before, found)]
    assert reached[1] > reached[0] + 0.05


def test_it_is_told(fitted):
    *_, found = fitted
    result = found.result_
    assert result.supervision.n_anomalies == 8
    assert result.performance.average_precision.low <= result.performance.average_precision.value
    assert result.verdict.method == "learned from labels"
    assert "Labels: 8 anomalies and 67 normal rows" in result.summary()
    assert "Labels: 8 anomalies and 67 normal rows" in result._repr_html_()
    codes = {reason.code for reason in result.reasons}
    assert {"SUP-001", "SUP-010", "SUP-020", "SUP-030", "SUP-040", "DEC-024"} <= codes
    assert result.to_dict()["supervision"]["n_normal"] == 67


def test_a_saved_detector_answers_as_before(fitted, tmp_path):
    table, _, _, found = fitted
    new = table.iloc[:40] + 0.01
    again = AutonomousDetector.load(found.save(tmp_path / "model.pynomaly"))
    assert (again.score_samples(new) == found.score_samples(new)).all()
    assert again.result_.supervision == found.result_.supervision
    assert (again.predict(table) == found.result_.labels).all()


def test_rows_that_equal_a_known_one_are_what_it_is_and_people_who_disagree_are_both_heard():
    table, _ = frame()
    table.iloc[200], table.iloc[201], table.iloc[202] = table.iloc[0], table.iloc[100], table.iloc[1]
    labels = {0: 1, 100: 0, 1: 1, 202: 0, 5: 1, 20: 1, 150: 0, 151: 0}
    found = detector().fit(table, labels=labels)
    scores = found.result_.scores
    assert scores[200] == scores[0] > 0.99
    assert scores[201] == scores[100] < 0.01
    assert 0.1 < scores[1] == scores[202] < 0.9
    assert (found.predict(table) == found.result_.labels).all()


def test_one_new_row_gets_what_it_gets_among_others(fitted):
    table, _, _, found = fitted
    new = table.iloc[:20] + 0.01
    alone = [found.score_samples(new.iloc[[i]])[0] for i in range(len(new))]
    assert found.score_samples(new) == pytest.approx(alone, abs=1e-9)


def test_a_column_of_labels_is_no_part_of_the_table():
    table, y = frame()
    labels = pd.Series(np.where(np.arange(len(y)) % 3 == 0, y, np.nan))
    found = detector().fit(table.assign(fraud=labels), labels="fraud")
    assert list(found.feature_names_in_) == list("abcd")
    assert (found.predict(table) == found.result_.labels).all()


def test_groups_are_kept_apart():
    table, y = frame()
    found = detector().fit(table, labels=y, groups=np.arange(len(y)) // 10)
    assert "shares a group" in found.result_.performance.how


@pytest.mark.parametrize("year", [1, 9999])
def test_dates_beyond_nanoseconds_are_moments_too(year):
    table, y = frame()
    days = np.datetime64(f"{year:04d}-01-01", "s") + (np.arange(len(y)) % 300).astype("timedelta64[D]")
    found = detector().fit(table.assign(when=days), labels=y)
    assert found.result_.supervision.n_anomalies == 30


def test_without_labels_nothing_changes():
    table, _ = frame()
    plain, none = detector().fit(table), detector().fit(table, labels=[None] * len(table))
    assert (plain.result_.verdict.scores == none.result_.verdict.scores).all()
    assert none.result_.supervision is None


@pytest.mark.parametrize(
    ("keywords", "error", "told"),
    [
        ({"labels": "nothing"}, InvalidInputError, "no column 'nothing'"),
        ({"labels": [1, 0]}, InvalidInputError, "2 labels for 300 rows"),
        ({"groups": "a"}, SettingError, "groups without labels"),
        ({"labels": {0: 1}, "groups": "z"}, InvalidInputError, "no column 'z'"),
        ({"labels": {0: 1}, "groups": [1, 2]}, InvalidInputError, "2 groups for 300 rows"),
        ({"labels": {0: 1}, "label_coding": "odd"}, SettingError, "label_coding"),
    ],
)
def test_what_says_nothing_is_refused_at_once(keywords, error, told):
    table, _ = frame()
    with pytest.raises(error, match=told):
        detector().fit(table, **keywords)


def test_labels_where_all_rows_are_taken_as_normal():
    table, _ = frame()
    with pytest.raises(SettingError, match="novelty=True takes all training rows as normal"):
        detector(novelty=True).fit(table, labels={0: 1})


def test_a_detector_with_labels_is_not_made_smaller_behind_their_back(fitted):
    *_, found = fitted
    with pytest.raises(SettingError, match="labels"):
        found.compact(latency_ms=3)


def noise(n=60, copies=2):
    """Nothing to be learned; each row some times, with one label."""
    rng = np.random.default_rng(5)
    table = pd.DataFrame(rng.normal(size=(n, 3)), columns=list("abc"))
    return pd.concat([table] * copies, ignore_index=True), np.tile(rng.integers(0, 2, n), copies)


def test_equal_rows_of_other_groups_do_not_prove_what_nobody_can_know():
    table, y = noise()
    found = detector(n_trials=3).fit(table, labels=y, groups=np.arange(len(table))).result_.performance
    assert found.roc_auc.low < 0.5 < found.roc_auc.value + 0.25


def test_two_equal_rows_do_not_keep_a_table_with_dates_from_being_judged_in_time():
    table, y = noise(n=90, copies=1)
    table["when"] = pd.date_range("2024-01-01", periods=len(table), freq="h")
    table.iloc[1] = table.iloc[0]
    assert "earlier" in detector(n_trials=3).fit(table, labels=y).result_.performance.how


def test_where_all_anomalies_came_first_or_last_rows_are_not_judged_in_time_and_it_is_said():
    table, _ = noise(n=90, copies=1)
    table["when"] = pd.date_range("2024-01-01", periods=len(table), freq="h")
    y = (np.arange(len(table)) < 8).astype(int)
    result = detector(n_trials=3).fit(table, labels=y).result_
    assert "not in time" in result.performance.how
    assert result.performance.n_anomalies == 8
    late = detector(n_trials=3).fit(table, labels=y[::-1].copy()).result_.performance
    assert "not in time" in late.how


def test_a_column_that_is_the_label_is_warned_of():
    table, y = noise(n=90, copies=1)
    table["fraud"] = np.where(y == 1, "yes", "no")
    table["empty"], table["gone"] = np.nan, pd.Series(np.where(y == 1, "x", None), dtype=object)
    labels = pd.Series(y).where(np.arange(90) % 3 > 0)
    warned = [one for one in detector(n_trials=3).fit(table, labels=labels).result_.warnings if one.code == "SUP-002"]
    assert [one.subject for one in warned] == ["fraud", "gone"]
    assert warned[0].evidence == {"labelled": 60}
    rest = detector(n_trials=3).fit(table.drop(columns=["fraud", "gone"]), labels=labels).result_.warnings
    assert not [one for one in rest if one.code == "SUP-002"]
