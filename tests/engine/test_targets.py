"""What the threshold is to serve, from the constructor to a saved file and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import fbeta_score

from pynomaly_auto import AutonomousDetector
from pynomaly_auto._targets import parse_target
from pynomaly_auto.errors import SettingError, UnknownNameError


def f2(anomalous: Any, flagged: Any) -> float:
    return float(fbeta_score(anomalous, flagged, beta=2, zero_division=0))


def rows() -> np.ndarray[Any, Any]:
    X = np.random.default_rng(0).normal(size=(300, 3))
    X[:12] += 4.0
    return X


def quick(**changes: Any) -> AutonomousDetector:
    return AutonomousDetector(n_trials=2, tracking=False, random_state=0, verbose=0, **changes)


def test_a_function_serves_fit_and_feedback_and_leaves_its_name_in_the_file(tmp_path: Path) -> None:
    detector = quick(target_metric=f2).fit(rows())
    told = [r for r in detector.result_.reasons if r.subject == "target_metric"]
    assert [r.text for r in told] == [f"set to {__name__}.f2 by keyword."]
    loaded = AutonomousDetector.load(detector.save(tmp_path / "d.pynomaly"))
    assert (loaded.predict(rows()) == detector.predict(rows())).all()
    assert loaded.get_params()["target_metric"] == {"function": f"{__name__}.f2"}
    rows_, labels = [0, 1, 2, 100, 101, 102], [1, 1, 1, 0, 0, 0]
    detector.feedback(rows_, labels, by="ann")
    assert "DEC-039" in {r.code for r in detector.result_.verdict.reasons}
    assert detector.result_.performance is not None
    assert detector.result_.performance.target is not None
    loaded.feedback(rows_, labels, by="ann", X=rows())
    assert "DEC-040" in {r.code for r in loaded.result_.verdict.reasons}
    with pytest.raises(SettingError, match="was not stored with the detector"):
        loaded.fit(rows())
    assert (quick(config={"target_metric": f2}).fit(rows()).result_.labels == -1).any()


def test_a_function_in_a_configuration_is_stored_by_its_name(tmp_path: Path) -> None:
    detector = quick(config={"target_metric": f2}).fit(rows())
    loaded = AutonomousDetector.load(detector.save(tmp_path / "d.pynomaly"))
    assert loaded.get_params()["config"] == {"target_metric": {"function": f"{__name__}.f2"}}


def test_costs_are_measured_on_labelled_rows() -> None:
    labels = {**dict.fromkeys(range(8), 1), **dict.fromkeys(range(100, 140), 0)}
    detector = quick(target_metric={"false_alarm": 1, "miss": 9}).fit(rows(), labels=labels)
    performance = detector.result_.performance
    assert performance is not None
    assert performance.target is not None
    assert performance.target.low <= performance.target.value <= performance.target.high
    assert "what the threshold serves" in str(detector.result_.reasons)


def test_costs_as_text_say_what_is_wrong_with_them() -> None:
    with pytest.raises(SettingError, match="what a false_alarm and a miss cost"):
        parse_target("miss=20")
    with pytest.raises(UnknownNameError, match="Did you mean 'miss'"):
        parse_target("missed=20, false_alarm=1")
    with pytest.raises(SettingError, match="Write costs as in"):
        parse_target("miss=20; false_alarm=1")
