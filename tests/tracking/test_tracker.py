"""The tracker: it never raises, never holds a run up, and what it records can be found again."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pynomaly_auto.tracking import NullTracker, TrackedRun, Tracker, _process, open_tracker
from pynomaly_auto.tracking._process import RecorderProcess
from pynomaly_auto.tracking._tracker import resolve
from tests.factories import make_result

_PATIENCE = 120.0  # seconds for a store to be made on a busy machine


@pytest.fixture
def own_recorder(monkeypatch: pytest.MonkeyPatch):
    """No recorder is shared with other tests."""
    monkeypatch.setattr(_process, "_current", None)
    yield
    if _process._current is not None:
        _process._current.close()
        _process._current.wait(5)
        _process._current.leave_alone()


@pytest.fixture
def fake_recorder(own_recorder, monkeypatch: pytest.MonkeyPatch):
    """Replace the recorder's program by the given one."""

    def replace(program: str) -> None:
        command = (sys.executable, "-u", "-c", program)
        monkeypatch.setattr(_process, "_current", RecorderProcess(command))

    return replace


def test_off_means_off():
    tracker = open_tracker(False)
    result = make_result(trials=1)
    assert isinstance(tracker, NullTracker)
    tracker.start()
    tracker.trial(result.search.trials[0])
    assert tracker.finish(result) == tracker.abort("x") == tracker.info
    assert tracker.info.status == "off"
    assert tracker.problems == ()
    assert isinstance(open_tracker(True), Tracker)


def test_resolve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    here = tmp_path.as_posix()
    local = f"sqlite:///{here}/mlruns/mlflow.db"
    assert resolve(None) == (local, f"file://{here}/mlruns/artifacts")
    assert resolve("mlruns") == resolve(Path("mlruns")) == resolve("sqlite:///mlruns/mlflow.db") == resolve(None)
    assert resolve("mlruns/mlflow.db") == resolve(None)
    assert resolve("http://localhost:5000") == ("http://localhost:5000", None)
    assert resolve("databricks") == ("databricks", None)
    assert resolve("sqlite:///:memory:") == ("sqlite:///:memory:", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://server/")
    assert resolve(None) == ("https://server/", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "old/mlruns")
    assert resolve(None) == (f"{here}/old/mlruns", None)


def test_a_recorder_that_dies_costs_nothing(fake_recorder, tmp_path: Path):
    fake_recorder("import sys; sys.stdin.readline(); sys.exit(3)")
    tracker = Tracker(tmp_path)
    tracker.start()
    run = tracker.finish(make_result(trials=1), timeout=20)
    assert run.status == "incomplete"
    assert [p.code for p in run.problems] == ["TRK-001"]
    assert "status 3" in run.problems[0].text
    late = Tracker(tmp_path)
    late._process = _process._current
    _process._current.open(late._key, late._hear)
    assert late.info.status == "incomplete"
    assert not _process._current.usable


def test_a_slow_recorder_is_not_waited_for(fake_recorder, tmp_path: Path):
    fake_recorder("import time; time.sleep(30)")
    result = make_result(trials=300)
    tracker = Tracker(tmp_path)
    began = time.monotonic()
    tracker.start()
    for trial in result.search.trials:
        tracker.trial(trial)
    run = tracker.finish(result, timeout=0.2)
    assert time.monotonic() - began < 5
    assert run.status == "pending"
    assert run.problems == ()
    _process._current._process.kill()


def test_no_process_at_all(own_recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nothing"))
    tracker = Tracker(tmp_path)
    tracker.start()
    tracker.trial(make_result(trials=1).search.trials[0])
    run = tracker.finish(make_result(trials=1))
    assert run.status == "incomplete"
    assert [p.code for p in run.problems] == ["TRK-001"]


def test_a_result_that_cannot_be_staged_closes_the_run(fake_recorder, tmp_path: Path):
    fake_recorder(
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    m = json.loads(line)\n"
        "    if m['do'] == 'start': e = {'event': 'started', 'experiment_id': '1', 'run_id': 'abc'}\n"
        "    else: e = {'event': 'ended', 'complete': m['do'] == 'abort', 'model_uri': None}\n"
        "    print(json.dumps({'run': m['run'], **e}))\n"
    )
    tracker = Tracker(tmp_path)
    tracker.start()
    run = tracker.finish(make_result(trials=1), {"report.html": tmp_path / "missing"}, timeout=20)
    assert run.run_id == "abc"
    assert [p.code for p in run.problems] == ["TRK-003"]


def test_a_loss_is_said_once_and_told_whenever_it_comes(fake_recorder, tmp_path: Path, capsys):
    late = (
        "import json, sys, time\n"
        "m = json.loads(sys.stdin.readline())\n"
        "sys.stdin.readline()\n"
        "time.sleep(0.5)\n"
        "print(json.dumps({'run': m['run'], 'event': 'problem', 'text': 'the model: disk full'}))\n"
        "print(json.dumps({'run': m['run'], 'event': 'ended', 'complete': False, 'model_uri': None}))\n"
        "sys.stdin.read()\n"
    )
    fake_recorder(late)
    told: list[tuple[str, ...]] = []
    tracker = Tracker(tmp_path)
    tracker.start()
    run = tracker.finish(make_result(trials=1), timeout=0.1)
    assert (run.status, run.problems) == ("pending", ())
    tracker.tell_losses(lambda problems: told.append(tuple(p.text for p in problems)))
    assert told == []
    assert tracker._ended.wait(20)
    assert told == [("Could not record the model: disk full.",)]
    tracker.tell_losses(lambda problems: told.append(tuple(p.text for p in problems)))
    assert len(told) == 2, "one that asks after the loss is told, too"
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "not recorded" in said
    assert "disk full" in said
    assert "tracking=False" in said


def test_a_working_folder_that_was_removed(own_recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    tracker = open_tracker(None)
    tracker.start()
    run = tracker.finish(make_result(trials=1))
    assert run.status == "incomplete"
    assert [p.code for p in run.problems] == ["TRK-001"]
    assert "working directory no longer exists" in run.problems[0].text
    assert "working directory no longer exists" in capsys.readouterr().err
    assert _process._signature()[1] == ""
    monkeypatch.chdir(tmp_path)


def test_no_thread_at_all(own_recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def no(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", no)
    tracker = Tracker(tmp_path)
    tracker.start()
    assert [p.code for p in tracker.problems] == ["TRK-001"]
    assert "new thread" in tracker.problems[0].text


def test_at_the_exit_it_is_said_what_is_waited_for(fake_recorder, tmp_path: Path, monkeypatch, capsys):
    fake_recorder("import time; time.sleep(30)")
    monkeypatch.setattr(_process, "EXIT_WAIT", 0.2)
    monkeypatch.setattr(_process, "_SILENT", 0.1)
    tracker = Tracker(tmp_path)
    tracker.start()
    process = _process._current._process
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _process._leave()
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "still being written" in said[0]
    assert "not complete" in said[1]
    process.returncode = None
    process.kill()
    process.wait()


def test_another_environment_gets_another_recorder(fake_recorder, monkeypatch: pytest.MonkeyPatch):
    fake_recorder("import sys; sys.stdin.read()")
    first = _process._current
    assert _process.recorder() is first
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    second = _process.recorder()
    assert second is not first
    first.wait(20)
    assert second.usable
    second._last -= _process._STAYS + 1.0
    assert not second.usable, "it may end any moment"
    assert _process.recorder() is not second


def test_forked_children_start_their_own(fake_recorder, monkeypatch: pytest.MonkeyPatch):
    fake_recorder("import sys; sys.stdin.read()")
    first = _process._current
    _process._leave()
    assert first._process.wait(20) == 0
    monkeypatch.setattr(_process, "_lock", _process._lock)
    _process._forget()
    assert _process._current is None


def test_a_server_that_is_not_there_is_a_warning(own_recorder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    tracker = open_tracker(f"http://127.0.0.1:{port}", "nowhere")
    tracker.start()
    run = tracker.finish(make_result(trials=2), timeout=_PATIENCE)
    assert run.status == "incomplete"
    assert run.run_id is None
    assert [p.code for p in run.problems] == ["TRK-001"]


def test_two_runs_recorded_by_one_silent_process(tmp_path: Path):
    """End to end, with warnings as errors and nothing on the screen, in an interpreter of its own."""
    program = f"""
import os, sys
from pathlib import Path
from tests.factories import make_result
from pynomaly_auto.tracking import open_tracker
os.chdir({str(tmp_path)!r})
Path("model").write_text("data"); Path("report.html").write_text("<p>")
for seed in (1, 2):
    result = make_result(trials=4, seed=seed, interrupted=seed == 2)
    tracker = open_tracker(None, "fraud", run_name=f"run {{seed}}", tags={{"team": "risk"}})
    tracker.start()
    tracker.trial(result.search.trials[0])
    run = tracker.finish(result, {{"report.html": Path("report.html")}}, model=Path("model"), timeout={_PATIENCE})
    assert run.status == "recorded" and not run.problems and run.model_uri.startswith("models:/m-"), run
left_open = open_tracker(None, "fraud", run_name="left open")
left_open.start()
assert "mlflow" not in sys.modules
"""
    root = Path(__file__).resolve().parents[2]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(root), str(root / "src")])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True, text=True, env=environment, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with sqlite3.connect(tmp_path / "mlruns" / "mlflow.db") as database:
        runs = database.execute("select run_uuid, name, status, artifact_uri from runs").fetchall()
        parents = database.execute("select value from tags where key = 'mlflow.parentRunId'").fetchall()
    database.close()
    named = {name: (uuid, status, place) for uuid, name, status, place in runs}
    assert {k: v[1] for k, v in named.items() if k.startswith(("run", "left"))} == {
        "run 1": "FINISHED", "run 2": "KILLED", "left open": "KILLED",
    }  # fmt: skip
    assert sorted(p for (p,) in parents) == sorted([named["run 1"][0], named["run 2"][0]] * 4)
    artifacts = Path(named["run 1"][2].removeprefix("file://"))
    assert {"report.html", "reasons.csv", "weights.csv", "profile.json"} <= {p.name for p in artifacts.iterdir()}


def test_tracked_run_is_a_record():
    assert TrackedRun(uri="u", experiment="e").status == "pending"
