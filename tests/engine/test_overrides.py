"""Decisions taken by hand: obeyed and of weight, refused where they cannot be, ended, and remembered."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.base import clone

from pynomaly_auto import DETECTORS, AutonomousDetector
from pynomaly_auto.engine._configuration import resolve
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.recommending import check_overrides
from pynomaly_auto.settings import Overrides, Settings
from tests.engine.conftest import quick

TRIALS = 14  # so many that the learned fusion is in force, whose base margin is all of the robust mean


def rows() -> Any:
    X = np.random.default_rng(3).normal(size=(150, 4))
    X[:, 1] = X[:, 0] + 0.1 * X[:, 1]
    X[5] = 7.0
    return X


def fitted(**decided: Any) -> AutonomousDetector:
    detector = AutonomousDetector(n_trials=TRIALS, tracking=False, random_state=0, verbose=0)
    return (detector.override(**decided) if decided else detector).fit(rows())


plain = cache(fitted)


@pytest.mark.parametrize(
    ("decided", "names", "alike"),
    [
        ({"force": "cof"}, ("cof",), 0.995),  # the fusion knows it, and gives it next to nothing: .9982 without a share
        ({"force": "cof", "params": {"cof": {"n_neighbors": 7}}}, ("cof",), 0.985),  # with these it knows nothing of it
        ({"force": ["ocsvm", "extended_iforest"]}, ("ocsvm", "extended_iforest"), 1.0),  # they rank as the others do
    ],
)
def test_forced_means_of_weight(decided: dict[str, Any], names: tuple[str, ...], alike: float) -> None:
    result = fitted(**decided).result_
    weights = {m.detector: m.weight for m in result.ensemble.members if m.least_share > 0}
    assert set(weights) == set(names)
    assert all(weight >= 0.2 - 1e-9 for weight in weights.values())
    for name in names:
        member = next(m for m in result.ensemble.members if m.detector == name and m.least_share > 0)
        assert any(f"Weight {member.weight:.1%} of the ensemble's score" in r.text for r in member.reasons)
    same = spearmanr(result.verdict.scores, plain().result_.verdict.scores).statistic
    assert same < alike


def test_parameters_set_by_hand_have_a_share_too() -> None:
    result = fitted(params={"hbos": {"n_bins": 5}}).result_
    member = next(m for m in result.ensemble.members if m.detector == "hbos")
    assert dict(member.params) == {"n_bins": 5}
    assert member.weight >= 0.1 - 1e-9


@pytest.mark.parametrize(
    ("decided", "suggestion"),
    [
        ({"params": {"pca": {"colour": 2}}}, "unknown parameter of pca 'colour'"),
        ({"params": {"knn": {"n_neighbours": 3}}}, "'n_neighbors'"),
        ({"params": {"knn": {"view": "rank"}}}, "'ranks'"),
        ({"params": {"knm": {}}}, "'knn'"),
        ({"force": "iforst"}, "'iforest'"),
    ],
)
def test_unknown_names_are_refused_at_once(decided: dict[str, Any], suggestion: str) -> None:
    detector = AutonomousDetector()
    with pytest.raises(UnknownNameError, match=suggestion):
        detector.override(**decided)
    assert detector.override_history == ()


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"knn": {"n_neighbors": "many"}}, "n_neighbors of knn is 'many' .*a whole number of at least 1"),
        ({"lof": {"n_neighbors": None}}, "n_neighbors of lof is None"),
        ({"iforest": {"n_estimators": [1]}}, "n_estimators of iforest is"),
        ({"pca": {"n_components": -2}}, r"a share in \(0, 1\], a whole number of at least 1 or None"),
        ({"kde": {"bandwidth": -1}}, "bandwidth of kde is -1 .*a number above 0"),
        ({"ocsvm": {"nu": 2}}, r"nu of ocsvm is 2 .*a number in \(0, 1\)"),
        ({"gmm": {"reg_covar": -1}}, "a number of at least 0"),
        ({"ica": {"fun": "tanh"}}, "Give 'logcosh', 'exp' or 'cube'"),
        ({"autoencoder": {"hidden": [8, 0]}}, "whole numbers of at least 1"),
        ({"ocsvm": {"kernel": "cosine"}}, "ocsvm: kernel is 'cosine'"),
        ({"random_forest_residuals": {"n_folds": 1}}, "a whole number of at least 2"),
        ({"vae": {"learning_rate": math.inf}}, "learning_rate of vae is inf"),
        ({"knn": {"n_neighbors": -3}}, "n_neighbors of knn is -3"),
        ({"lof": {"n_neighbors": 0}}, "n_neighbors of lof is 0"),
        ({"knn": {"n_neighbors": math.nan}}, "n_neighbors of knn is nan"),
    ],
)
def test_values_no_detector_can_have_are_refused_at_once(params: dict[str, Any], message: str) -> None:
    detector = AutonomousDetector()
    with pytest.raises(SettingError, match=message):
        detector.override(params=params)
    assert detector.override_history == ()


@pytest.mark.parametrize("name", list(DETECTORS))
def test_defaults_and_what_is_searched_are_accepted(name: str) -> None:
    spec = DETECTORS[name]
    check_overrides(Overrides(params={name: dict(spec.defaults)}))
    for parameter, declared in spec.space.items():
        ends: Any = declared
        for value in getattr(declared, "choices", None) or (ends.low, ends.high):
            check_overrides(Overrides(params={name: {parameter: value}}))


def test_parameters_a_detector_takes_are_accepted() -> None:
    detector = AutonomousDetector().override(params={"knn": {"n_neighbors": 3, "view": "ranks"}, "iforest": {}})
    assert detector.override_history[0].params["knn"] == {"n_neighbors": 3, "view": "ranks"}


def test_every_decision_has_an_id_and_can_be_cleared() -> None:
    detector = AutonomousDetector(config={"overrides": {"exclude": ["gan"], "reason": "house rule"}})
    detector.override(force="lof", reason="audit").override(exclude="knn", reason="too slow")
    assert [(o.id, o.reason) for o in detector.override_history] == [
        ("override-1", "audit"),
        ("override-2", "too slow"),
    ]
    assert _now(detector) == (("gan", "knn"), ("lof",))
    assert detector.clear_override("override-2") is True
    assert detector.clear_override("override-2") is False  # it was over already
    assert _now(detector) == (("gan",), ("lof",))
    cleared = detector.override_history[1]
    assert cleared.cleared_at is not None
    detector.override(exclude="knn")
    assert detector.override_history[-1].id == "override-3"
    with pytest.raises(UnknownNameError, match="override-1"):
        detector.clear_override("override-9")


def test_an_end_ends_it() -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    detector = AutonomousDetector().override(force="lof", until=soon).override(exclude="gan", until="2999-01-01T12:00")
    assert _now(detector) == (("gan",), ("lof",))
    time.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()) + 0.05)
    assert _now(detector) == (("gan",), ())
    assert detector.clear_override("override-1") is False
    for wrong in ("yesterday", 5, "2001-01-01", datetime(2001, 1, 1, tzinfo=UTC)):
        with pytest.raises(SettingError, match="until"):
            AutonomousDetector().override(force="lof", until=wrong)


def test_what_is_contradicted_or_empty_is_refused_and_not_remembered() -> None:
    detector = AutonomousDetector().override(force="lof")
    with pytest.raises(SettingError, match="lof both excluded and asked for"):
        detector.override(exclude="lof")
    with pytest.raises(SettingError, match="decides nothing"):
        detector.override(reason="none")
    assert len(detector.override_history) == 1


def test_the_record_names_each_reason_and_a_saved_detector_remembers(tmp_path: Path) -> None:
    detector = quick(n_trials=3).override(force="zscore", reason="audit 7").override(exclude="lof", reason="too slow")
    result = detector.fit(rows()).result_
    said = {r.subject: r.text for r in result.reasons if r.code in {"REC-031", "REC-033"}}
    assert "audit 7" in said["zscore"]
    assert "too slow" in said["lof"]
    asked = [r for r in result.reasons if r.code == "REC-030"]
    assert {"override-1", "override-2"} <= {r.evidence["ids"] for r in asked}
    again = AutonomousDetector.load(detector.save(tmp_path / "model"))
    assert again.override_history == detector.override_history == clone(detector).override_history
    assert Settings.from_mapping(result.settings).overrides.force == ("zscore",)


def test_a_history_from_a_file_is_checked() -> None:
    one = {"id": "override-1", "force": ["lof"], "reason": "audit", "made_at": "2026-01-01T00:00:00+00:00"}
    assert Overrides(history=(one,)).in_force().force == ("lof",)
    assert Overrides(history=({**one, "until": "2026-01-02T00:00:00+00:00"},)).in_force().force == ()
    with pytest.raises(SettingError, match="no override"):
        Overrides(history=({"id": "override-1"},))
    with pytest.raises(UnknownNameError, match="reason"):
        Overrides(history=({**one, "raeson": "x"},))


def test_fit_predict_takes_a_configuration() -> None:
    detector = quick(n_trials=2)
    guidance = detector.guided_setup(constraints={"contamination": 0.04})
    labels = detector.fit_predict(rows(), config=guidance)
    assert (labels == -1).sum() == 6
    assert detector.config is guidance
    assert (detector.fit_predict(rows()) == labels).all()


def _now(detector: AutonomousDetector) -> tuple[tuple[str, ...], tuple[str, ...]]:
    overrides = resolve(detector.get_params(deep=False))[0].overrides
    return overrides.exclude, overrides.force
