"""What users hold in their hands: results, new rows, moving the threshold, leaderboards, explanations."""

from __future__ import annotations

import json
from collections import UserDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pynomaly_auto
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.presets import PRESETS
from pynomaly_auto.regimes import NOVELTY
from tests.engine.conftest import quick


def test_finds_the_planted_anomalies_and_returns_the_users_labels(fitted: AutonomousDetector) -> None:
    found = list(fitted.result_.anomalies["row"])
    # The absurd amount, and the broken dependency; beside them the only amount that is missing.
    assert {"r7", "r8"} <= set(found[:3])
    assert (fitted.result_.labels == -1).sum() == 10  # contamination 0.05 of 200 rows


def test_result_reads_well(fitted: AutonomousDetector) -> None:
    result = fitted.result_
    assert "of 200 rows; 5.00% of all rows, flagged or not" in repr(result).replace("\n  ", " ")
    assert "<table" in result._repr_html_()
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["n_rows"] == 200
    assert all(r.code and r.subject and r.text for r in result.reasons)
    assert {"DAT", "PRO", "REC", "TUN", "ENS", "DEC"} <= {r.code[:3] for r in result.reasons}


def test_predicting_the_training_rows_gives_what_fitting_gave(fitted: AutonomousDetector, table: pd.DataFrame) -> None:
    np.testing.assert_array_equal(fitted.predict(table), fitted.result_.labels)
    np.testing.assert_array_equal(-fitted.score_samples(table), fitted.result_.verdict.scores)
    np.testing.assert_allclose(fitted.anomaly_score(table), fitted.result_.scores)


def test_a_table_is_opened_once() -> None:
    class Columns(UserDict):  # type: ignore[type-arg]
        """A mapping of columns that counts how often it is read."""

        reads = 0

        def keys(self):  # type: ignore[no-untyped-def]
            type(self).reads += 1
            return super().keys()

    rng = np.random.default_rng(0)
    columns = Columns(a=rng.normal(size=60), b=rng.normal(size=60), when=pd.date_range("2026-01-01", periods=60))
    detector = quick(alert_budget="2/day").fit(columns)
    assert Columns.reads == 1
    detector.explain(columns, rows=[0])
    assert Columns.reads == 2


def test_a_row_alone_scores_as_in_a_batch(fitted: AutonomousDetector, table: pd.DataFrame) -> None:
    new = table.copy()
    new["amount"] = new["amount"] * 1.01
    batch = fitted.score_samples(new)
    alone = [fitted.score_samples(new.iloc[[i]])[0] for i in (0, 7, 50)]
    np.testing.assert_allclose(alone, batch[[0, 7, 50]], rtol=1e-9)


def test_scores_and_conventions_agree(fitted: AutonomousDetector, table: pd.DataFrame) -> None:
    decision = fitted.decision_function(table)
    np.testing.assert_array_equal(fitted.predict(table) == -1, decision < 0)
    np.testing.assert_allclose(decision, fitted.score_samples(table) - fitted.offset_)
    probability = fitted.anomaly_score(table)
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert fitted.confidence(table).shape == (200,)
    assert fitted.threshold_ == -fitted.offset_


def test_the_threshold_moves_without_refitting(table: pd.DataFrame) -> None:
    detector = quick(contamination=0.05).fit(table)
    before = detector.score_samples(table)
    assert (detector.set_contamination(0.1).predict(table) == -1).sum() == 20
    assert detector.contamination_ == 0.1
    np.testing.assert_array_equal(detector.score_samples(table), before)
    threshold = float(np.sort(-before)[-3])
    assert (detector.set_threshold(threshold).predict(table) == -1).sum() == 2
    assert (detector.result_.labels == -1).sum() == 2
    with pytest.raises(SettingError):
        detector.set_contamination(0.7)


def test_leaderboard_lists_every_detector(fitted: AutonomousDetector) -> None:
    board = fitted.leaderboard()
    told = board[board["status"] == "member"]["reason"]
    assert told.str.contains("Member").all()
    assert not board[board["status"] == "tried"]["reason"].eq("").any()
    assert set(board["detector"]) == set(pynomaly_auto.DETECTORS)
    assert board["weight"].sum() == pytest.approx(1)
    left_out = board[board["detector"] == "lof"].iloc[0]
    assert left_out["status"] == "left out"
    assert left_out["reason"]


def test_explanations_name_the_column(fitted: AutonomousDetector, table: pd.DataFrame) -> None:
    lines = fitted.explain(table, rows=[7])
    assert lines.iloc[0]["column"] == "amount"
    assert lines.iloc[0]["row"] == "r7"
    assert len(fitted.explain(table)["position"].unique()) == 10
    for method in ("shapley", "shap", "lime"):
        assert "amount" in set(fitted.explain(table, rows=[7], method=method)["column"].head(2))
    with pytest.raises(UnknownNameError, match="occlusion"):
        fitted.explain(table, rows=[7], method="oclusion")
    decisions = fitted.explain_decisions()
    assert list(decisions.columns) == ["code", "subject", "text", "evidence"]


def test_report_is_one_file(fitted: AutonomousDetector, tmp_path: Path) -> None:
    text = fitted.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.lstrip().lower().startswith("<!doctype html")
    assert "amount" in text


@pytest.mark.parametrize("kind", ["numpy", "list", "polars", "pyarrow", "csr", "csc"])
def test_every_kind_of_table(kind: str, make_quick: Callable[..., AutonomousDetector]) -> None:
    X = np.random.default_rng(0).normal(size=(80, 3))
    X[3] = 20
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    tables = {
        "numpy": X, "list": X.tolist(), "polars": pl.DataFrame(dict(frame)), "pyarrow": pa.table(frame),
        "csr": sparse.csr_array(X), "csc": sparse.csc_matrix(X),
    }  # fmt: skip
    labels = make_quick(contamination=0.05).fit_predict(tables[kind])
    assert labels[3] == -1
    assert labels.shape == (80,)


def test_novelty_judges_later_rows() -> None:
    rng = np.random.default_rng(0)
    detector = quick(novelty=True).fit(rng.normal(size=(300, 3)))
    assert (detector.predict(rng.normal(size=(200, 3)) + 8) == -1).mean() > 0.95
    assert (detector.predict(rng.normal(size=(200, 3))) == -1).mean() < 0.25
    far = detector.score_samples(np.array([[9.0, 9.0, 9.0], [90.0, 90.0, 90.0]]))
    assert far[1] < 2 * far[0]  # beyond all training rows the distance still counts


def test_novelty_tries_what_it_combines_and_no_more() -> None:
    X = np.random.default_rng(0).normal(size=(150, 3))
    detector = AutonomousDetector(novelty=True, time_budget=60, tracking=False, verbose=0, random_state=0).fit(X)
    members = tuple(m.configuration for m in detector.ensemble_.members)
    assert members == NOVELTY.members
    assert tuple(t.configuration for t in detector.trials_) == members
    assert "all members" in detector.result_.search.stopped
    assert (detector.result_.labels == -1).mean() == pytest.approx(0.05, abs=0.01)


def test_in_pipelines_and_clones(table: pd.DataFrame) -> None:
    X = table[["amount", "tax"]].fillna(0)
    pipeline = make_pipeline(StandardScaler(), quick())
    assert set(np.unique(pipeline.fit_predict(X))) <= {-1, 1}
    assert clone(quick(preset="fraud_detection")).get_params()["preset"] == "fraud_detection"
    with pytest.raises(NotFittedError):
        quick().predict(X)


def test_every_preset_has_its_class_method() -> None:
    for name in PRESETS:
        detector = getattr(AutonomousDetector, f"for_{name}")(time_budget=5)
        assert detector.preset == name
        assert detector.time_budget == 5
    with pytest.raises(SettingError, match="twice"):
        AutonomousDetector.for_fraud_detection(preset="general")


def test_overrides_are_kept_and_recorded(table: pd.DataFrame) -> None:
    detector = quick(config=None).override(
        include=["zscore", "hbos"], params={"hbos": {"n_bins": 7}}, reason="house rule"
    )
    detector.fit(table)
    assert {t.detector for t in detector.trials_} <= {"zscore", "hbos"}
    assert all(t.params.get("n_bins") == 7 for t in detector.trials_ if t.detector == "hbos")
    assert any("house rule" in r.text for r in detector.result_.reasons)
    assert clone(detector).config == detector.config
    with pytest.raises(UnknownNameError, match="hbos"):
        quick(config=None).override(include=["hbso"]).fit(table)


def test_guided_setup_returns_a_configuration_with_reasons(table: pd.DataFrame) -> None:
    guidance = quick().guided_setup(table.head(50), {"speed": 1.0}, {"max_training_time": 7})
    assert guidance.settings.time_budget == 7
    assert guidance.reasons
    settings = quick(config=guidance).fit(table).result_.settings
    assert settings["priorities"]["speed"] == max(settings["priorities"].values())


def test_facade_is_lazy_and_complete() -> None:
    for name in pynomaly_auto.__all__:
        assert getattr(pynomaly_auto, name) is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = pynomaly_auto.nothing  # type: ignore[attr-defined]
