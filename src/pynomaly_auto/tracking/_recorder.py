"""The recorder: the process that speaks to MLflow, told what to do by lines of JSON on its standard input.

A process of its own and not a thread, because importing MLflow and migrating its database take seconds of Python time,
its retries, log lines and warnings are settings of a whole process, and because a thread that holds database locks
does not survive the forking of workers. It outlives a run that ends early, so a run is never left open.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from pynomaly_auto.tracking._items import ChildRun, LogItem, Metric, Param, Tag, Text, decode
from pynomaly_auto.tracking._mlflow import MlflowStore, RunHandle

Emit = Callable[[dict[str, Any]], None]

# Seconds that work may go on after nobody listens any more.
LINGER = 60.0
# Seconds without a run after which the process, with the memory MLflow takes, ends; told by the other side's clock.
IDLE = 300.0
# A store that failed that many times in one run is taken for gone: each further try would cost its time-out.
_GIVE_UP = 2

# Only in this process: bounded patience with servers, no lines on the screen, no usage reports sent elsewhere.
_ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "GIT_PYTHON_REFRESH": "quiet",
}


class Recorder:
    """Carries out messages for any number of runs, one after another.

    Args:
        emit: Called with what happened: events ``started``, ``problem`` and ``ended``.
        connect: Opens a store by its URI and the place for artifacts.
    """

    def __init__(self, emit: Emit, connect: Callable[[str, str | None], MlflowStore] = MlflowStore) -> None:
        self._emit = emit
        self._connect = connect
        self._stores: dict[str, MlflowStore] = {}
        self._open: dict[str, tuple[MlflowStore, RunHandle]] = {}

    @property
    def busy(self) -> bool:
        """Whether a run is open."""
        return bool(self._open)

    def handle(self, message: Mapping[str, Any]) -> None:
        """Carry out one message; whatever goes wrong becomes a ``problem``."""
        actions = {"start": self._start, "trial": self._trial, "finish": self._finish, "abort": self._abort}
        self._try(message["run"], f"the step {message['do']!r}", lambda: actions[message["do"]](message))

    def close(self) -> None:
        """End the runs that nobody will finish any more."""
        for run in tuple(self._open):
            self.handle({"do": "abort", "run": run, "status": "KILLED", "error": "the process ended before the run"})

    def _try(self, run: str, what: str, action: Callable[[], object]) -> bool:
        try:
            action()
        except Exception as error:  # the one place: a store can fail in any way, and no way may cost a result
            self._emit({"run": run, "event": "problem", "text": f"{what}: {_one_line(error)}"})
            return False
        return True

    def _start(self, message: Mapping[str, Any]) -> None:
        uri = message["uri"]
        if uri not in self._stores:
            self._stores[uri] = self._connect(uri, message["artifact_root"])
        store = self._stores[uri]
        tags = [Tag(key=k, value=v) for k, v in message["tags"].items()]
        handle = store.start(message["experiment"], message["name"], tags, message["time"])
        self._open[message["run"]] = (store, handle)
        ids = {"experiment_id": handle.experiment_id, "run_id": handle.run_id}
        self._emit({"run": message["run"], "event": "started", **ids})

    def _trial(self, message: Mapping[str, Any]) -> None:
        if message["run"] in self._open:
            store, handle = self._open[message["run"]]
            item = decode(message["item"])
            assert isinstance(item, ChildRun)
            store.child(handle, item, message["time"])

    def _finish(self, message: Mapping[str, Any]) -> None:
        run, folder = message["run"], Path(message["folder"])
        model: list[str] = []
        complete = False
        try:
            if run in self._open:
                store, handle = self._open.pop(run)
                complete = self._log_all(run, self._steps(store, handle, message, model))
                self._try(run, "closing the run", lambda: store.end(handle, message["status"]))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            uri = model[0] if model else None
            self._emit({"run": run, "event": "ended", "complete": complete, "model_uri": uri})

    def _log_all(self, run: str, steps: Iterable[tuple[str, Callable[[], object]]]) -> bool:
        failures = 0
        for what, action in steps:
            if failures >= _GIVE_UP:
                self._emit({"run": run, "event": "problem", "text": "the rest was given up"})
                break
            failures += not self._try(run, what, action)
        return failures == 0

    @staticmethod
    def _steps(
        store: MlflowStore, handle: RunHandle, message: Mapping[str, Any], model: list[str]
    ) -> Iterator[tuple[str, Callable[[], object]]]:
        folder, done = Path(message["folder"]), set(message["trials"])
        items: list[LogItem] = [decode(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
        values = [i for i in items if isinstance(i, (Param, Metric, Tag))]
        yield "parameters and metrics", partial(store.log, handle, values)
        for item in items:
            if isinstance(item, Text):
                yield f"artifact {item.path!r}", partial(store.text, handle, item.path, item.text)
        for path in sorted((folder / "files").iterdir()):
            yield f"artifact {path.name!r}", partial(store.file, handle, path)
        for item in items:
            if isinstance(item, ChildRun) and item.number not in done:
                yield f"trial {item.number}", partial(store.child, handle, item, message["time"])
        for path in (folder / "model").glob("*"):  # one file, or none
            yield "the model", partial(lambda saved: model.append(store.model(handle, saved)), path)

    def _abort(self, message: Mapping[str, Any]) -> None:
        run = message["run"]
        try:
            if run in self._open:
                store, handle = self._open.pop(run)
                store.log(handle, [Tag(key="error", value=message["error"])])
                store.end(handle, message["status"])
        finally:
            self._emit({"run": run, "event": "ended", "complete": run not in self._open, "model_uri": None})


def serve(lines: Iterable[str], out: TextIO, *, linger: float = LINGER, idle: float = IDLE) -> None:
    """Read messages until the input ends or nothing comes any more, then close what is open.

    Args:
        lines: One JSON message each; read in a thread, so that the end of the other side is seen at once.
        out: Takes one JSON event per line.
        linger: Seconds of work allowed after the end of the input; then the process ends by force.
        idle: Seconds without an open run after which it is over.
    """
    inbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def emit(event: dict[str, Any]) -> None:
        try:
            out.write(json.dumps(event) + "\n")
            out.flush()
        except (OSError, ValueError):
            return  # nobody listens any more; the work goes on

    def read() -> None:
        for line in lines:
            inbox.put(line)
        inbox.put(None)
        watchdog.start()

    watchdog = threading.Timer(linger, os._exit, (1,))
    watchdog.daemon = True
    reader = threading.Thread(target=read, name="pynomaly-recorder-input", daemon=True)
    reader.start()
    recorder = Recorder(emit)
    try:
        while (line := inbox.get(timeout=None if recorder.busy else idle)) is not None:
            recorder.handle(json.loads(line))
        recorder.close()
        reader.join()
    except queue.Empty:
        return
    finally:
        watchdog.cancel()  # whoever called this lives on, and an input that ends later is nobody's business


def main() -> None:
    """Entry point of the process."""
    warnings.simplefilter("ignore")  # other libraries' deprecations, which would be errors under -W error
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # Whatever a library prints must not mix with our events: they keep the pipe, standard output goes nowhere.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        serve(sys.stdin, out)
    # MLflow's own exit handlers may wait for the network; everything of ours is written.
    os._exit(0)


def _one_line(error: BaseException) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 300 else text[:299] + "…"
