"""The store's own calls against a real MLflow, and the model that comes back."""

from __future__ import annotations

import getpass
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import pynomaly_auto.engine
from pynomaly_auto.tracking import Metric, Param, Tag
from pynomaly_auto.tracking._items import child_run
from pynomaly_auto.tracking._mlflow import MlflowStore, _alone, _user, database_of, uri_of
from tests.factories import make_result

# MLflow and SQLAlchemy warn of each other's deprecations; in real use they live in a process of their own.
pytestmark = pytest.mark.filterwarnings("ignore")


class _Detector:
    """Stands for the engine's detector: the flavour only loads, scores and labels."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def load(cls, path: str) -> _Detector:
        return cls(path)

    def judge(self, X):
        scores = np.linspace(0, 1, len(X))
        return SimpleNamespace(probabilities=scores, labels=np.where(scores > 0.5, -1, 1))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("store")
    store = MlflowStore(f"sqlite:///{folder}/deep/mlflow.db", (folder / "artifacts").as_uri())
    yield store
    store._client._tracking_client.store.engine.dispose()


def test_stores_that_open_at_once_are_made_once(tmp_path: Path):
    """Folders of continuous integration bring signs that mean something in a URI."""
    folder = tmp_path / "a%20b #c"
    uri = uri_of(folder / "mlflow.db")
    assert database_of(uri) == folder / "mlflow.db"
    problems: list[Exception] = []
    handles: list[str] = []

    def record() -> None:
        try:
            store = MlflowStore(uri, (folder / "artifacts").as_uri())
            run = store.start("shared", None, [], 1_000)
            store.text(run, "x.txt", "hello")
            handles.append(run.experiment_id)
            store._client._tracking_client.store.engine.dispose()
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=record) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert len(handles) == 3
    assert len(set(handles)) == 1
    assert len(list(folder.rglob("x.txt"))) == 3
    assert list(tmp_path.iterdir()) == [folder]


def test_a_store_that_cannot_be_opened_says_so_at_once(tmp_path: Path):
    (tmp_path / "no.db").write_text("this is no database at all, but long enough to look like a page of one")
    (tmp_path / "folder.db").mkdir()
    began = time.monotonic()
    for name in ("no.db", "folder.db"):
        with pytest.raises(OSError, match=name):
            MlflowStore(f"sqlite:///{tmp_path}/{name}", None)
    assert time.monotonic() - began < 5


def test_making_the_tables_waits_for_its_turn(tmp_path: Path):
    order: list[str] = []

    def second() -> None:
        with _alone(tmp_path / "x.db"):
            order.append("second")

    with _alone(tmp_path / "x.db"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    with _alone(tmp_path / "no folder" / "x.db"):
        pass  # where no lock can be had


def test_a_run_with_everything(store: MlflowStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import mlflow

    run = store.start("fraud", "first", [Tag(key="team", value="risk")], 1_000)
    assert store.start("fraud", None, [], 1_000).experiment_id == run.experiment_id
    items = [Param(key=f"p{i}", value="v") for i in range(250)]
    store.log(run, [*items, *(Metric(key="m", value=float(i), step=i) for i in range(120)), Tag(key="a", value="b")])
    trial = make_result().search.trials[0]
    store.child(run, child_run(trial), 20_000)
    store.text(run, "sub/reasons.json", "[]")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "part.json").write_text("{}")
    (tmp_path / "model.pynomaly").write_text("data")
    store.file(run, tmp_path / "model.pynomaly")
    store.file(run, tmp_path / "folder")
    uri = store.model(run, tmp_path / "model.pynomaly")
    store.end(run, "FINISHED")

    client = store._client
    found = client.get_run(run.run_id)
    assert (found.info.status, found.info.run_name, found.info.start_time) == ("FINISHED", "first", 1_000)
    assert len(found.data.params) == 250
    assert found.data.metrics["m"] == 119
    assert found.data.tags["team"] == "risk"
    assert {f.path for f in client.list_artifacts(run.run_id)} == {"sub", "model.pynomaly", "folder"}
    (child,) = client.search_runs([run.experiment_id], f"tags.mlflow.parentRunId = '{run.run_id}'")
    assert child.info.end_time == 20_000
    assert child.info.start_time == 20_000 - round(1000 * trial.seconds)
    assert child.data.metrics["quality"] == trial.quality
    assert mlflow.active_run() is None

    # Loading goes through our own loader and reads our own file; there is no pickle in the folder.
    monkeypatch.setattr(pynomaly_auto.engine, "AutonomousDetector", _Detector, raising=False)
    model_folder = client.get_logged_model(uri.removeprefix("models:/")).artifact_location
    loaded = mlflow.pyfunc.load_model(model_folder)
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]}, index=["a", "b", "c"])
    scored = loaded.predict(frame)
    assert list(scored.columns) == ["score", "label"]
    assert scored.index.tolist() == ["a", "b", "c"]
    assert scored["label"].tolist() == [1, 1, -1]
    inner = loaded.unwrap_python_model() if hasattr(loaded._model_impl, "python_model") else loaded._model_impl
    assert Path(inner.detector.path).read_text() == "data"
    assert inner.predict(frame.to_numpy()).index.tolist() == [0, 1, 2]
    assert not list(Path(model_folder.removeprefix("file://")).rglob("*.pkl"))


def test_an_experiment_made_meanwhile_is_used(store: MlflowStore, monkeypatch: pytest.MonkeyPatch):
    existing = store.start("raced", None, [], 1).experiment_id
    answers = iter([None, store._client.get_experiment_by_name("raced")])
    monkeypatch.setattr(store._client, "get_experiment_by_name", lambda name: next(answers))
    assert store.start("raced", None, [], 1).experiment_id == existing
    monkeypatch.setattr(store._client, "get_experiment_by_name", lambda name: None)
    with pytest.raises(Exception, match="already exists"):
        store.start("raced", None, [], 1)


def test_a_deleted_experiment_is_an_error_that_says_so(store: MlflowStore):
    run = store.start("gone", None, [], 1)
    store._client.delete_experiment(run.experiment_id)
    with pytest.raises(ValueError, match="'gone' is deleted"):
        store.start("gone", None, [], 1)


def test_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch):
    def nobody() -> str:
        raise OSError("no name")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert _user() == {}
