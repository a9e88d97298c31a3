"""This side of the recorder: one process per interpreter, shared by all its runs, never waited for by a sender."""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

Listener = Callable[[Mapping[str, Any]], None]

# Seconds the exit of the interpreter waits for runs that are still being written.
EXIT_WAIT = 20.0
# Seconds without a run after which the process, with the memory MLflow takes, is let go.
IDLE = 300.0

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from pynomaly_auto.tracking._recorder import main; main()"
)
# The recorder keeps the environment it was started with; when one of these changes it is replaced.
_RELEVANT = ("MLFLOW_", "DATABRICKS_", "AWS_", "AZURE_", "GOOGLE_", "HTTP_", "HTTPS_", "NO_PROXY", "http", "no_proxy")

_lock = threading.Lock()
_current: RecorderProcess | None = None
_inherited: list[RecorderProcess] = []


class RecorderProcess:
    """A running recorder and the threads that feed it and hear it."""

    def __init__(self, command: tuple[str, ...] | None = None) -> None:
        self.signature = _signature()
        self._listeners: dict[str, Listener] = {}
        self._outbox: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._dead = False
        self._idle: threading.Timer | None = None
        # Its own session: the Ctrl-C that ends a search must not end the writing down of it.
        # No untrusted input: the interpreter itself, a constant program, and the import path.
        self._process = subprocess.Popen(  # noqa: S603
            command or (sys.executable, "-c", _BOOT, json.dumps(sys.path)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        for target, pipe in ((self._write, self._process.stdin), (self._read, self._process.stdout)):
            threading.Thread(target=target, args=(pipe,), name="pynomaly-tracking", daemon=True).start()

    @property
    def usable(self) -> bool:
        """Whether it runs, and with the environment of now."""
        return not self._dead and self.signature == _signature()

    @property
    def busy(self) -> bool:
        """Whether a run is open."""
        return bool(self._listeners)

    def open(self, run: str, listener: Listener) -> None:
        """Have the listener called, from another thread, with every event of that run until it has ended."""
        with self._guard:
            self._cancel_idle()
            self._listeners[run] = listener
            dead = self._dead
        if dead:
            self._died()

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue one message; never blocks."""
        self._outbox.put(json.dumps(message))

    def close(self) -> None:
        """Let it finish what it was told and end."""
        self._outbox.put(None)

    def wait(self, seconds: float) -> None:
        """Wait until it has ended, at most so long."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            # It goes on alone, and its own watchdog ends it; Popen need not warn about that at exit.
            self._process.returncode = 0

    def _write(self, pipe: IO[str]) -> None:
        try:
            with pipe:
                while (line := self._outbox.get()) is not None:
                    pipe.write(line + "\n")
                    pipe.flush()
        except (OSError, ValueError):
            return  # the recorder is gone; the reader says so to everyone

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._hear(json.loads(line))
        self._process.wait()
        with self._guard:
            self._dead = True
            self._cancel_idle()
        self.close()  # ends the writing thread
        self._died()

    def _hear(self, event: Mapping[str, Any]) -> None:
        with self._guard:
            listener = self._listeners.get(event["run"])
            if event["event"] == "ended":
                self._listeners.pop(event["run"], None)
                if not self._listeners:
                    self._idle = threading.Timer(IDLE, self._retire)
                    self._idle.daemon = True
                    self._idle.start()
        if listener is not None:
            listener(event)

    def _died(self) -> None:
        with self._guard:
            listeners, self._listeners = self._listeners, {}
        text = f"the recording process ended with status {self._process.returncode}"
        for run, listener in listeners.items():
            listener({"run": run, "event": "problem", "text": text})
            listener({"run": run, "event": "ended", "complete": False, "model_uri": None})

    def _retire(self) -> None:
        with _lock, self._guard:
            if not self._listeners:
                self._dead = True
                self.close()

    def _cancel_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def recorder() -> RecorderProcess:
    """The recorder of this interpreter, started when there is none that can be used.

    Raises:
        OSError: The process cannot be started.
    """
    global _current
    with _lock:
        if _current is None or not _current.usable:
            if _current is not None:
                _current.close()
            _current = RecorderProcess()
        return _current


def _leave() -> None:
    if _current is not None and _current.signature[0] == os.getpid():
        _current.close()
        _current.wait(EXIT_WAIT if _current.busy else 1.0)


def _forget() -> None:
    """A forked worker has neither the threads nor a say in the pipes: it starts a recorder of its own."""
    global _current, _lock
    if _current is not None:
        _inherited.append(_current)  # collecting it would flush and close pipes that are the parent's
    _current, _lock = None, threading.Lock()


def _signature() -> tuple[int, str, tuple[tuple[str, str], ...]]:
    relevant = sorted((k, v) for k, v in os.environ.items() if k.startswith(_RELEVANT))
    return os.getpid(), str(Path.cwd()), tuple(relevant)


atexit.register(_leave)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
