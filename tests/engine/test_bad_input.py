"""Bad input: each kind gets its own clear error or a stated behaviour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import (
    InvalidInputError,
    NothingFinishedError,
    PynomalyError,
    SchemaError,
    SettingError,
    StorageError,
    UnknownNameError,
)
from tests.engine.conftest import quick

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(size=(60, 3))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.empty((0, 3)), "0 sample"),
        (np.ones((1, 3)), "1 sample"),
        (np.empty((5, 0)), "0 feature"),
        (np.ones((50, 3)), "constant"),
        (np.full((50, 2), np.nan), "missing|empty"),
        (pd.DataFrame([[1, 2], [3, 4], [5, 7]], columns=["a", "a"]), "more than once"),
        ([[1, 2], [3]], "agged|same length|inhomogeneous"),
        (np.arange(5), "2D|1D"),
        ("text", "table|array"),
        (None, "table|array|None"),
        (NORMAL + 1j, "[Cc]omplex"),
    ],
    ids=[
        "empty",
        "one row",
        "no column",
        "constant",
        "missing",
        "duplicate names",
        "ragged",
        "1-D",
        "text",
        "None",
        "complex",
    ],
)
def test_unusable_tables(table: Any, message: str) -> None:
    with pytest.raises((InvalidInputError, TypeError), match=message) as error:
        quick().fit(table)
    assert isinstance(error.value, PynomalyError)


@pytest.mark.parametrize(
    ("setting", "error"),
    [
        ({"contamination": 0.0}, SettingError),
        ({"contamination": 0.6}, SettingError),
        ({"contamination": "lots"}, SettingError),
        ({"contamination": True}, SettingError),
        ({"time_budget": 0, "n_trials": None}, SettingError),
        ({"time_budget": -1}, SettingError),
        ({"time_budget": float("nan")}, SettingError),
        ({"n_trials": 0}, SettingError),
        ({"n_trials": 2.5}, SettingError),
        ({"n_jobs": 0}, SettingError),
        ({"max_models": 0}, SettingError),
        ({"random_state": -1}, SettingError),
        ({"memory_limit": "much"}, SettingError),
        ({"tracking": 3}, SettingError),
        ({"backend": "cloud"}, UnknownNameError),
        ({"preset": "fraud_detecton"}, UnknownNameError),
        ({"target_metric": "f2"}, UnknownNameError),
        ({"config": {"overrides": {"exclude": ["knn_meen"]}}}, UnknownNameError),
        ({"config": {"time_bugdet": 3}}, UnknownNameError),
        ({"config": 3}, SettingError),
        ({"config": "nowhere.toml"}, StorageError),
    ],
)
def test_wrong_settings(setting: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        quick(**setting).fit(NORMAL)


@pytest.mark.parametrize(
    ("setting", "suggestion"),
    [
        ({"preset": "fraud_detecton"}, "fraud_detection"),
        ({"config": {"overrides": {"exclude": ["knn_meen"]}}}, "knn_mean"),
        ({"target_metric": "precison"}, "precision"),
    ],
)
def test_did_you_mean(setting: dict[str, Any], suggestion: str) -> None:
    with pytest.raises(UnknownNameError, match=f"Did you mean .*{suggestion}"):
        quick(**setting).fit(NORMAL)


def _strings() -> pd.DataFrame:
    return pd.DataFrame({"a": RNG.choice(["x", "y", "z"], 60), "b": RNG.choice(["p", "q"], 60)})


def _mixed() -> pd.DataFrame:
    cells: list[Any] = [1, "two", None, 3.5, b"four", True] * 10
    return pd.DataFrame({"a": pd.Series(cells, dtype=object), "b": NORMAL[:, 0]})


def _infinite() -> np.ndarray[Any, Any]:
    X = NORMAL.copy()
    X[0, 0], X[1, 1], X[2, 2] = np.nan, np.inf, -np.inf
    return X


def _extreme() -> np.ndarray[Any, Any]:
    return NORMAL * np.array([1e6, 1e-300, 1e300])


@pytest.mark.parametrize(
    "table",
    [
        NORMAL[:, :1],
        NORMAL[:7],
        _strings(),
        _mixed(),
        _infinite(),
        _extreme(),
        pd.DataFrame(NORMAL, index=[0] * 60),
        pd.DataFrame({"t": pd.date_range("2025", periods=60, tz="Asia/Tokyo"), "v": NORMAL[:, 0]}),
        pd.DataFrame({"v": NORMAL[:, 0], "e": [np.nan] * 60, "c": [1] * 60}),
    ],
    ids=[
        "one column",
        "few rows",
        "strings",
        "mixed",
        "nan and inf",
        "extreme",
        "same index",
        "time zone",
        "junk",
    ],
)
def test_odd_tables_run_to_the_end(table: Any) -> None:
    detector = quick().fit(table)
    assert np.isfinite(detector.result_.scores).all()
    assert set(np.unique(detector.predict(table))) <= {-1, 1}


def test_schema_drift_names_the_columns() -> None:
    detector = quick().fit(pd.DataFrame(NORMAL, columns=["a", "b", "c"]))
    with pytest.raises(SchemaError, match="b"):
        detector.predict(pd.DataFrame(NORMAL[:, :2], columns=["a", "c"]))
    with pytest.raises(SchemaError, match="extra"):
        detector.predict(pd.DataFrame(np.c_[NORMAL, NORMAL[:, 0]], columns=["a", "b", "c", "extra"]))


def test_fewer_rows_than_any_detector_needs() -> None:
    with pytest.raises(InvalidInputError, match="Give more rows"):
        quick(config=None).fit(NORMAL[:2])
    assert quick(config=None).fit(NORMAL[:3]).result_.labels.shape == (3,)


def test_a_budget_below_one_fit_says_so_or_keeps_what_finished() -> None:
    detector = AutonomousDetector(time_budget=1e-4, tracking=False, verbose=0)
    message = ""
    try:
        detector.fit(RNG.normal(size=(20_000, 20)))
    except NothingFinishedError as error:
        message = str(error)
    assert "time_budget" in message or detector.result_.search.completed


def test_unwritable_output(tmp_path: Path) -> None:
    detector = quick().fit(NORMAL)
    (tmp_path / "file").write_text("here already")
    with pytest.raises(StorageError):
        detector.report(tmp_path / "file" / "report.html")
    with pytest.raises(StorageError):
        detector.save(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "here already"
