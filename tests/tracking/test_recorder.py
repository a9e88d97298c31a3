"""The recorder's own logic, with a store that only remembers."""

from __future__ import annotations

import io
import json
import threading
import time
from pathlib import Path

import pytest

from pynomaly_auto.tracking import _recorder
from pynomaly_auto.tracking._items import child_run, encode
from pynomaly_auto.tracking._mlflow import RunHandle
from pynomaly_auto.tracking._recorder import Recorder, serve
from pynomaly_auto.tracking._tracker import _stage
from tests.factories import make_result


class FakeStore:
    """Remembers calls; the calls named in ``broken`` fail."""

    def __init__(self, broken: tuple[str, ...] = ()) -> None:
        self.broken = broken
        self.calls: list[tuple[str, object]] = []

    def __getattr__(self, name: str):
        def call(*args):
            self.calls.append((name, args))
            if name in self.broken:
                raise ConnectionError(f"{name}\nrefused " + "x" * 500)
            return RunHandle(experiment_id="1", run_id="abc") if name == "start" else f"models:/{name}"

        return call

    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def record(store: FakeStore):
    events: list[dict[str, object]] = []
    return Recorder(events.append, lambda uri, root: store), events


def start(run="r"):
    message = {"uri": "u", "artifact_root": None, "experiment": "e", "name": None, "tags": {"a": "b"}, "time": 1}
    return {"do": "start", "run": run, **message}


def finish(folder: Path, **changes):
    return {
        "do": "finish",
        "run": "r",
        "status": "FINISHED",
        "folder": str(folder),
        "trials": [0],
        "time": 5,
        **changes,
    }


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    (tmp_path / "report.html").write_text("x")
    (tmp_path / "model.pynomaly").write_text("x")
    return _stage(make_result(trials=3), {"report.html": tmp_path / "report.html"}, tmp_path / "model.pynomaly")


def test_a_whole_run(staged: Path):
    store = FakeStore()
    recorder, events = record(store)
    recorder.handle(start())
    recorder.handle({"do": "trial", "run": "r", "time": 9, "item": encode(child_run(make_result().search.trials[0]))})
    recorder.handle(finish(staged))
    names = store.names()
    assert names[:3] == ["start", "child", "log"]
    assert names.count("child") == 3  # trial 0 as it came, the two others at the end
    assert names[-2:] == ["model", "end"]
    assert [e["event"] for e in events] == ["started", "ended"]
    assert events[-1] == {"run": "r", "event": "ended", "complete": True, "model_uri": "models:/model"}
    assert not staged.exists()


def test_a_store_that_cannot_be_opened_is_one_problem(staged: Path):
    recorder, events = record(FakeStore(("start",)))
    recorder.handle(start())
    recorder.handle({"do": "trial", "run": "r", "time": 9, "item": "{}"})
    recorder.handle(finish(staged))
    assert [e["event"] for e in events] == ["problem", "ended"]
    assert events[0]["text"].startswith("the step 'start': ConnectionError: start refused")
    assert len(events[0]["text"]) < 350
    assert events[1]["complete"] is False
    assert not staged.exists()


def test_one_broken_part_does_not_stop_the_others(staged: Path):
    store = FakeStore(("model",))
    recorder, events = record(store)
    recorder.handle(start())
    recorder.handle(finish(staged))
    assert [e["event"] for e in events] == ["started", "problem", "ended"]
    assert "the model" in events[1]["text"]
    assert store.names()[-1] == "end"


def test_a_store_that_went_away_is_given_up(staged: Path):
    store = FakeStore(("log", "text", "file", "child", "end"))
    recorder, events = record(store)
    recorder.handle(start())
    recorder.handle(finish(staged))
    assert store.names() == ["start", "log", "text", "end"]
    assert [e.get("text", "").split(":")[0] for e in events[1:-1]] == [
        "parameters and metrics", "artifact 'profile.json'", "the rest was given up", "closing the run",
    ]  # fmt: skip


def test_abort_and_close():
    store = FakeStore()
    recorder, events = record(store)
    recorder.handle(start("r"))
    recorder.handle({"do": "abort", "run": "r", "status": "FAILED", "error": "boom"})
    recorder.handle({"do": "abort", "run": "unknown", "status": "FAILED", "error": "boom"})
    recorder.handle(start("left open"))
    recorder.close()
    assert [args[1] for name, args in store.calls if name == "end"] == ["FAILED", "KILLED"]
    assert [e["event"] for e in events].count("ended") == 3


def test_serve_closes_what_is_open_when_the_input_ends(monkeypatch: pytest.MonkeyPatch):
    store = FakeStore()
    monkeypatch.setattr(_recorder, "Recorder", lambda emit: Recorder(emit, lambda uri, root: store))
    out = io.StringIO()
    before = set(threading.enumerate())
    serve(iter([json.dumps(start()) + "\n"]), out)
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == ["started", "ended"]
    assert store.names()[-1] == "end"
    assert all(t.finished.is_set() for t in set(threading.enumerate()) - before if isinstance(t, threading.Timer))


def test_serve_ends_when_nothing_comes_any_more(monkeypatch: pytest.MonkeyPatch):
    store, events = FakeStore(), []
    monkeypatch.setattr(_recorder, "Recorder", lambda emit: Recorder(events.append, lambda uri, root: store))
    forced: list[int] = []
    monkeypatch.setattr(_recorder.os, "_exit", forced.append)
    done = threading.Event()

    def lines():
        yield json.dumps(start()) + "\n"
        time.sleep(0.3)  # longer than idle, but a run is open
        yield json.dumps({"do": "abort", "run": "r", "status": "KILLED", "error": "boom"}) + "\n"
        done.wait(20)

    began = time.monotonic()
    serve(lines(), io.StringIO(), linger=0.05, idle=0.1)
    assert [e["event"] for e in events] == ["started", "ended"]
    assert 0.3 < time.monotonic() - began < 10
    done.set()
    time.sleep(0.3)
    assert not forced  # an input that ends after it is over ends no process by force


def test_serve_goes_on_when_nobody_listens(monkeypatch: pytest.MonkeyPatch):
    store = FakeStore()
    monkeypatch.setattr(_recorder, "Recorder", lambda emit: Recorder(emit, lambda uri, root: store))
    out = io.StringIO()
    out.close()
    serve(iter([json.dumps(start()) + "\n"]), out)
    assert store.names()[-1] == "end"
