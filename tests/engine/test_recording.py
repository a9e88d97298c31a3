"""What a run leaves in MLflow, and that MLflow never costs a result."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.records import Reason
from tests.engine.conftest import quick
from tests.engine.foreign import registered

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")


@pytest.fixture
def mlflow_unset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty working directory and no tracking URI; setting one, which changes the environment, is undone."""
    import mlflow

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")  # noted, so that it is put back
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    yield
    mlflow.set_tracking_uri(None)


def runs_of(store: Path) -> tuple[Any, list[Any]]:
    """A client of the store, and its runs."""
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{store}")
    experiments = [e.experiment_id for e in client.search_experiments()]
    return client, list(client.search_runs(experiments))


def ended_runs_of(store: Path) -> tuple[Any, list[Any]]:
    """The same when all runs have ended; MLflow is asked no sooner, as it would make the recorder's tables, too."""
    for _ in range(300):  # a busy machine
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(store)) as held:
            states = {state for (state,) in held.execute("SELECT status FROM runs")}
            if states and "RUNNING" not in states:
                break
        time.sleep(0.2)
    return runs_of(store)


@pytest.mark.usefixtures("mlflow_unset")
def test_the_default_store_holds_everything(
    table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/own.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it for its children, and so for us
    with mlflow.start_run() as own:  # the user's: neither used nor ended
        detector = quick(tracking=None, n_trials=3).fit(table)
        assert mlflow.active_run().info.run_id == own.info.run_id
    assert own.data.params == {}
    assert detector.result_.warnings == ()
    client, runs = ended_runs_of(tmp_path / "mlruns" / "mlflow.db")
    parents = [r for r in runs if "mlflow.parentRunId" not in r.data.tags]
    assert len(parents) == 1
    assert len(runs) == 1 + 3
    assert {r.info.status for r in runs} == {"FINISHED"}
    assert parents[0].data.params
    assert "report.html" in {f.path for f in client.list_artifacts(parents[0].info.run_id)}
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path}/mlruns/mlflow.db")
    model = client.search_logged_models([parents[0].info.experiment_id])[0]
    predicted = mlflow.pyfunc.load_model(f"models:/{model.model_id}").predict(table)
    np.testing.assert_array_equal(predicted["score"], detector.anomaly_score(table))
    np.testing.assert_array_equal(predicted["label"], detector.predict(table))

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with registered("raising") as names, pytest.raises(NothingFinishedError):
        quick(tracking=None, config={"overrides": {"include": names}}).fit(table)
    for _ in range(100):
        _, runs = runs_of(tmp_path / "mlruns" / "mlflow.db")
        failed = [r for r in runs if r.info.status == "FAILED" and "mlflow.parentRunId" not in r.data.tags]
        if failed:
            break
        time.sleep(0.2)
    assert "no licence found" in failed[0].data.tags["error"]


def test_off_leaves_nothing(table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert quick(tracking=False, n_trials=1).fit(table).result_.warnings == ()
    assert list(tmp_path.iterdir()) == []


def test_a_broken_store_loses_nothing(table: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    clean = quick(n_trials=2).fit(table)
    for uri in ("http://127.0.0.1:9", str(tmp_path / "file" / "store")):
        detector = quick(n_trials=2, tracking=uri).fit(table)
        assert {w.code[:3] for w in detector.result_.warnings} == {"TRK"}
        np.testing.assert_array_equal(detector.score_samples(table), clean.score_samples(table))
        assert all(w in detector.result_.reasons for w in detector.result_.warnings)


@pytest.mark.parametrize("broken", ["report", "model", "slow"])
def test_trouble_with_report_or_model_is_a_warning(
    broken: str, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Path:
        if broken == "slow":
            time.sleep(2.0)
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(f"pynomaly_auto.engine._recording.{'save' if broken == 'model' else 'write_report'}", fail)
    monkeypatch.setattr("pynomaly_auto._budget.RECORDING_MOST", 0.5)
    result = quick(n_trials=2, tracking=str(tmp_path)).fit(table).result_
    if broken != "slow":
        assert {w.code for w in result.warnings} == {"TRK-010"}
    assert len(result.labels) == 200


class LateTracker:
    """Accepts everything, and learns of a loss only when ``fit`` has long returned."""

    problems: tuple[Reason, ...] = ()

    def __init__(self) -> None:
        self.listeners: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None

    def tell_losses(self, listener: Any) -> None:
        self.listeners.append(listener)


@pytest.mark.parametrize("threads", [True, False])
def test_a_loss_that_comes_late_reaches_the_result(
    threads: bool, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = LateTracker()
    monkeypatch.setattr("pynomaly_auto.engine._pipeline.open_tracker", lambda *args, **kwargs: tracker)
    if not threads:

        def no(_: object) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr("pynomaly_auto.engine._recording._Recording.start", no)
    detector = quick(n_trials=2, tracking="late").fit(table)
    assert detector.result_.warnings == ()
    lost = Reason(code="TRK-003", subject="MLflow", text="Could not record the model: disk full.")
    tracker.listeners[-1]((lost,))
    tracker.listeners[-1]((lost,))
    assert detector.result_.warnings == (lost,)
    first = tracker.listeners[-1]
    detector.fit(table)
    first((lost,))
    assert detector.result_.warnings == (), "that was another run"
