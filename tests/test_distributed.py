"""Judging files on Ray: what is refused before any cluster is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.distributed import score
from pynomaly_auto.errors import InvalidInputError, ResourceError, SettingError


@pytest.fixture(scope="module")
def fitted() -> AutonomousDetector:
    rows = pd.DataFrame(np.random.default_rng(0).normal(size=(60, 2)), columns=["a", "b"])
    return AutonomousDetector(n_trials=1, n_jobs=1, tracking=False, random_state=0, verbose=0).fit(rows)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pd.DataFrame({"a": [0.0, 1.0], "b": [1.0, 2.0]}).to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


@pytest.mark.parametrize("detector", [None, "model.pynomaly", 3])
def test_what_is_no_detector_is_refused(detector: Any, path: Path) -> None:
    with pytest.raises(SettingError, match=r"detector is .*AutonomousDetector\.load"):
        score(detector, path, path.parent / "out")
    with pytest.raises(NotFittedError):
        score(AutonomousDetector(), path, path.parent / "out")


@pytest.mark.parametrize("data", [None, 3, b"rows.parquet", {"rows.parquet": 1}, [3], pd.DataFrame({0: [1.0]})])
def test_what_names_no_file_is_refused(fitted: AutonomousDetector, data: Any, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="data is"):
        score(fitted, data, tmp_path / "out")


def test_what_names_no_column_is_refused(fitted: AutonomousDetector, path: Path) -> None:
    with pytest.raises(SettingError, match="keep is 5"):
        score(fitted, path, path.parent / "out", keep=5)  # type: ignore[arg-type]


def test_where_no_cluster_answers_no_folder_is_left(fitted: AutonomousDetector, path: Path) -> None:
    pytest.importorskip("ray")
    with pytest.raises(ResourceError, match="no Ray cluster"):
        score(fitted, path, path.parent / "out", address="127.0.0.1:1")
    assert not (path.parent / "out").exists()
