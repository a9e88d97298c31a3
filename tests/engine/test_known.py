"""What an analyst knows beforehand, in whole runs: one side of a column, rules, weights."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.dataset import _encoder
from pynomaly_auto.errors import InvalidInputError, PynomalyError, SettingError, UnknownNameError
from tests.engine.conftest import quick

Make = Callable[..., AutonomousDetector]
OLD, YOUNG, TEST = 7, 8, 9
RULES = {"age > 120": "anomaly", "kind == 'test'": "normal"}


def people() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    n = 240
    table = pd.DataFrame({
        "age": rng.integers(18, 90, n).astype(float), "income": rng.lognormal(3, 0.5, n),
        "kind": rng.choice(["a", "b"], n), "note": rng.normal(size=n),
    })  # fmt: skip
    table.loc[OLD, "age"], table.loc[YOUNG, "age"] = 121.0, -70.0
    table.loc[TEST, ["kind", "income"]] = ["test", 4e4]
    table.loc[[20, 21], "kind"] = "test"
    return table


def place(scores: Any, row: int) -> int:
    return int((scores > scores[row]).sum())


@pytest.fixture(scope="module")
def ruled() -> AutonomousDetector:
    return AutonomousDetector(n_trials=3, tracking=False, random_state=0, verbose=0, rules=RULES).fit(people())


@pytest.mark.parametrize("cells", ["auto", "off"])
def test_only_the_suspicious_side_stands_out_and_explanations_tell_the_value(
    make_quick: Make, cells: str, tmp_path: Path
) -> None:
    table = people().drop(index=OLD).reset_index(drop=True)
    young = YOUNG - 1
    values: dict[str, Any] = {"config": {"cells": cells, "overrides": {"include": ["hbos", "iforest", "knn_mean"]}}}
    before = make_quick(**values).fit(table)
    after = make_quick(expect={"age": "high"}, **values).fit(table)
    assert place(before.result_.verdict.scores, young) < 5
    assert place(after.result_.verdict.scores, young) > 15
    assert not any(cell.column == "age" and cell.row == young for cell in after.result_.cells)
    told = after.explain(table, rows=[young])
    assert told.loc[told["column"] == "age", "value"].tolist() == ["-70"]
    new = table.assign(note=table["note"] + 0.01)
    after.save(tmp_path / "model")
    loaded = AutonomousDetector.load(tmp_path / "model")
    scores = loaded.score_samples(new)
    assert (scores == after.score_samples(new)).all()
    assert loaded.score_samples(new.iloc[[young]])[0] == pytest.approx(scores[young], abs=1e-9)
    assert (loaded.score_samples(table) == -after.result_.verdict.scores).all()


def test_rows_that_rules_decide_of_are_beyond_all_others(ruled: AutonomousDetector, tmp_path: Path) -> None:
    table, result = people(), ruled.result_
    scores = result.verdict.scores
    test = (table["kind"] == "test").to_numpy()
    assert place(scores, OLD) == 0
    assert result.labels[OLD] == -1
    assert (result.labels[test] == 1).all()
    assert scores[test].max() < scores[~test].min()
    assert result.scores[OLD] > 0.999
    assert result.scores[TEST] < 0.001
    assert "is an anomaly by the rule 'age > 120'" in result.explanations[0].text
    assert result.explanations[0].score == scores[OLD]
    counts = {r.subject: r.evidence["rows"] for r in result.reasons if r.code == "RUL-001"}
    assert counts == {"age > 120": 1, "kind == 'test'": 3}
    ruled.save(tmp_path / "model")
    loaded = AutonomousDetector.load(tmp_path / "model")
    for detector in (ruled, loaded, pickle.loads(pickle.dumps(ruled)), copy.deepcopy(ruled)):
        assert (detector.score_samples(table) == -scores).all()
        assert (detector.predict(table) == result.labels).all()
    new = table.assign(income=table["income"] * 50)
    judged = loaded.judge(new)
    assert place(judged.scores, OLD) == 0
    assert (judged.labels[test] == 1).all()
    assert judged.probabilities[OLD] > 0.999
    assert loaded.judge(new.iloc[[OLD]]).scores[0] == pytest.approx(judged.scores[OLD], abs=1e-9)
    assert clone(ruled).get_params()["rules"] == RULES


def test_the_threshold_moves_around_what_rules_decide(ruled: AutonomousDetector) -> None:
    table, moved = people(), copy.deepcopy(ruled)
    test = (table["kind"] == "test").to_numpy()
    for share in (0.001, 0.05, 0.5):
        moved.set_contamination(share)
        assert moved.predict(table)[OLD] == -1
        assert (moved.predict(table)[test] == 1).all()
        assert moved.anomaly_score(table)[OLD] > 0.999
    moved.set_threshold(moved.threshold_ - 0.1)
    assert moved.result_.labels.tolist() == moved.predict(table).tolist()


def test_rows_that_a_rule_decides_of_are_not_asked_about(ruled: AutonomousDetector) -> None:
    table = people()
    decided = {OLD, TEST, 20, 21}
    assert not decided & set(ruled.query(236, strategy="top").index)
    new = table.assign(note=table["note"] + 1)
    assert not decided & set(ruled.query(236, new, strategy="top").index)


def test_a_label_outvotes_a_rule_until_it_is_forgotten(ruled: AutonomousDetector, tmp_path: Path) -> None:
    table, told = people(), copy.deepcopy(ruled)
    before = told.result_.verdict.scores
    told.feedback([OLD, 20, 3], [0, 1, 0], by="anna")
    assert told.result_.labels[[OLD, 20, 21]].tolist() == [1, -1, 1]
    assert (told.score_samples(table) == -told.result_.verdict.scores).all()
    assert [r.evidence["rows"] for r in told.result_.reasons if r.code == "RUL-003"] == [2]
    told.save(tmp_path / "model")
    loaded = AutonomousDetector.load(tmp_path / "model")
    assert loaded.predict(table)[[OLD, 20, 21]].tolist() == [1, -1, 1]
    for detector in (told, loaded):
        detector.forget(by="anna")
        assert (detector.result_.verdict.scores == before).all()
        assert (detector.score_samples(table) == -before).all()


def test_feedback_on_a_loaded_model_that_is_given_its_table(ruled: AutonomousDetector, tmp_path: Path) -> None:
    table = people()
    ruled.save(tmp_path / "model")
    loaded, here = AutonomousDetector.load(tmp_path / "model"), copy.deepcopy(ruled)
    loaded.query(3, table)
    for detector in (loaded, here):
        detector.feedback([OLD, 3, 4], [0, 1, 0])
    assert loaded.result_.labels.tolist() == here.result_.labels.tolist()
    assert loaded.result_.labels[OLD] == 1


def test_labels_given_to_fit_outvote_rules(make_quick: Make) -> None:
    table = people()
    detector = make_quick(rules=RULES).fit(table, labels={OLD: 0, TEST: 1, 3: 0, 4: 0})
    assert detector.result_.labels[[OLD, TEST, 20]].tolist() == [1, -1, 1]
    assert (detector.predict(table) == detector.result_.labels).all()
    assert [r.evidence["rows"] for r in detector.result_.reasons if r.code == "RUL-003"] == [2]


def test_an_alert_budget_holds_for_rules_too(make_quick: Make) -> None:
    many = make_quick(rules=["age > 80"], alert_budget=5).fit(people()).result_
    assert (many.labels == -1).sum() == 5
    assert [r.evidence["flagged"] for r in many.reasons if r.code == "RUL-004"] == [5]
    n = int((people()["age"] > 80).sum())
    free = make_quick(rules=["age > 80"]).fit(people()).result_
    assert (free.labels[(people()["age"] > 80).to_numpy()] == -1).all()
    assert free.verdict.contamination > 0.8 * n / 240


def test_rules_that_contradict_are_warned_of(make_quick: Make) -> None:
    result = make_quick(rules={"age > 120": "anomaly", "age > 100": "normal"}).fit(people()).result_
    assert result.labels[OLD] == -1
    assert [w.code for w in result.warnings if w.subject == "rules"] == ["RUL-002"]


@pytest.mark.parametrize("verdict", ["anomaly", "normal"])
def test_a_rule_may_decide_of_all_rows_or_none(make_quick: Make, verdict: str) -> None:
    table = people()
    for rule, expected in (("age < 1000", {"anomaly": -1, "normal": 1}[verdict]), ("age > 1000", None)):
        detector = make_quick(rules={rule: verdict}).fit(table)
        labels = detector.result_.labels
        assert (labels == expected).all() if expected else (labels == -1).any()
        assert (detector.predict(table) == labels).all()


def test_with_novelty_sides_and_rules_count_too(make_quick: Make) -> None:
    table = people().drop(index=[OLD, YOUNG]).reset_index(drop=True)
    detector = make_quick(novelty=True, rules=RULES, expect={"age": "high"}).fit(table)
    new = people()
    assert detector.predict(new)[OLD] == -1
    assert place(detector.judge(new).scores, OLD) == 0
    assert (detector.predict(new)[(new["kind"] == "test").to_numpy()] == 1).all()
    assert detector.judge(new).scores[YOUNG] < np.quantile(detector.judge(new).scores, 0.97)


def test_a_smaller_model_heeds_the_same(ruled: AutonomousDetector) -> None:
    small = ruled.compact(size_mb=10.0)
    new = people().assign(note=0.0)
    assert small.predict(new)[OLD] == -1
    assert (small.predict(new)[(new["kind"] == "test").to_numpy()] == 1).all()


def test_a_column_of_weight_0_changes_nothing_and_stays_in_reports(make_quick: Make, tmp_path: Path) -> None:
    table = people()
    detector = make_quick(column_weights={"age": 0}, rules=["age > 120"]).fit(table)
    other = table.assign(age=50.0)
    same = np.arange(len(table)) != OLD
    assert (detector.score_samples(other)[same] == detector.score_samples(table)[same]).all()
    assert detector.predict(table)[OLD] == -1  # a rule may name it
    assert [c.kind for c in detector.result_.columns] == ["ignored", "numeric", "categorical", "numeric"]
    assert "ignored" in detector.report(tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("values", "error", "says"),
    [
        ({"rules": ["agee > 3"]}, UnknownNameError, "Did you mean 'age'"),
        ({"rules": ["age > '3'"]}, SettingError, "numbers without quotes"),
        ({"rules": ["age >"]}, SettingError, "cannot be read"),
        ({"expect": {"kind": "high"}}, SettingError, "no side"),
        ({"expect": {"agee": "high"}}, UnknownNameError, "Did you mean 'age'"),
        ({"column_weights": {"agee": 2}}, UnknownNameError, "Did you mean 'age'"),
        ({"column_weights": {"age": -2}}, SettingError, "weight"),
    ],
)
def test_mistakes_are_told_before_anything_is_tried(
    make_quick: Make, values: dict[str, Any], error: type[PynomalyError], says: str
) -> None:
    with pytest.raises(error, match=says):
        make_quick(**values).fit(people())


def test_presets_and_files_carry_them(tmp_path: Path, make_quick: Make) -> None:
    file = tmp_path / "config.toml"
    file.write_text('rules = ["age > 120"]\n[expect]\nage = "high"\n[column_weights]\nnote = 0\n', encoding="utf-8")
    settings = make_quick(config=file).fit(people()).result_.settings
    assert settings["rules"] == {"age > 120": "anomaly"}
    assert settings["expect"] == {"age": "high"}
    assert settings["column_weights"] == {"note": 0.0}


def test_a_sparse_table_that_is_projected_is_fitted_and_says_what_it_cannot_heed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_encoder, "DENSE_BYTES", 1000)
    table = sparse.random_array((120, 50), density=0.1, rng=np.random.default_rng(0), format="csr")
    quiet: Any = {"n_trials": 2, "random_state": 0, "tracking": False, "verbose": 0}
    assert len(AutonomousDetector(**quiet).fit(table).result_.labels) == 120
    for setting in ({"rules": ["x3 > 0.5"]}, {"expect": {"x3": "high"}}, {"column_weights": {"x3": 0}}):
        with pytest.raises(InvalidInputError, match="too large to be looked at"):
            AutonomousDetector(**quiet, **setting).fit(table)


def test_what_rules_do_to_threshold_and_share_is_told_as_it_is() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.uniform(20, 80, 200), "b": rng.normal(size=200)})
    detector = quick(contamination=0.01, rules="age > 60").fit(frame)
    result, called = detector.result_, int((frame["age"] > 60).sum())
    assert (result.labels == -1).sum() == called
    assert result.verdict.contamination == called / 200
    assert result.verdict.method == "given; rules call more"
    moved = [r for r in result.verdict.reasons if r.code == "DEC-041"]
    assert [r.text.split(": ")[1] for r in moved] == [f"{called} of 200 rows lie above it, not 2."]
    detector.set_contamination(0.02)
    assert detector.result_.verdict.method.count("rules call more") == 1
    none = quick(target_metric="precision_at_50", rules={"age > 0": "normal"}).fit(frame).result_
    assert (none.labels == 1).all()
    assert [r.text.split(": ")[1] for r in none.verdict.reasons if r.code == "DEC-041"] == [
        "0 of 200 rows lie above it, not 50."
    ]
