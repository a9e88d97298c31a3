"""This side of the recorder: one process per interpreter, shared by all its runs, never waited for by a sender."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from pynomaly_auto._saying import is_terminal, say
from pynomaly_auto.tracking._recorder import IDLE, LINGER

Listener = Callable[[Mapping[str, Any]], None]

# Seconds the exit of the interpreter waits for runs that are still being written.
EXIT_WAIT = 20.0
# Seconds of waiting at the exit after which it is said what is waited for.
_SILENT = 1.0
# Seconds without a run after which the process is taken for gone: a little less than it stays.
_STAYS = IDLE - 30.0

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
        self._last = time.monotonic()  # when the last run ended
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
        name = "pynomaly-tracking"
        writer = threading.Thread(target=self._write, args=(self._process.stdin,), name=name, daemon=True)
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), name=name, daemon=True)
        try:
            writer.start()
            self._reader.start()
        except RuntimeError:  # no thread to be had
            self._give_up()
            raise

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it runs, will run on for a while, and has the environment of now."""
        rested = not self.busy and time.monotonic() - self._last > _STAYS
        return not self._dead and not rested and self.signature == _signature()

    @property
    def busy(self) -> bool:
        """Whether a run is open."""
        return bool(self._listeners)

    def open(self, run: str, listener: Listener) -> None:
        """Have the listener called, from another thread, with every event of that run until it has ended."""
        with self._guard:
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

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> None:
        """Wait until it has ended and was heard, at most so long."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            self._reader.join(timeout=1.0)

    def leave_alone(self) -> None:
        """It goes on alone, and its own watchdog ends it: Popen need not warn about that at exit."""
        if self.running:
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
        self.close()  # ends the writing thread
        self._died()

    def _hear(self, event: Mapping[str, Any]) -> None:
        with self._guard:
            listener = self._listeners.get(event["run"])
            if event["event"] == "ended":
                self._listeners.pop(event["run"], None)
                self._last = time.monotonic()
        if listener is not None:
            listener(event)

    def _died(self) -> None:
        with self._guard:
            listeners, self._listeners = self._listeners, {}
        text = f"the run: the recording process ended with status {self._process.returncode}"
        for run, listener in listeners.items():
            listener({"run": run, "event": "problem", "text": text})
            listener({"run": run, "event": "ended", "complete": False, "model_uri": None})

    def _give_up(self) -> None:
        self.close()
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def recorder() -> RecorderProcess:
    """The recorder of this interpreter, started when there is none that can be used.

    Raises:
        OSError: The process cannot be started.
        RuntimeError: No thread can be started.
    """
    global _current
    with _lock:
        if _current is None or not _current.usable:
            if _current is not None:
                _current.close()
            _current = RecorderProcess()
        return _current


def _leave() -> None:
    if _current is None or _current.signature[0] != os.getpid():
        return
    process = _current
    process.close()
    process.wait(_SILENT)
    if process.busy and process.running:
        if is_terminal(sys.stderr):
            say(f"pynomaly_auto: the record of the run is still being written, at most {EXIT_WAIT:.0f} s are waited.")
        process.wait(EXIT_WAIT - _SILENT)
        if process.busy and process.running:
            say(
                f"pynomaly_auto: the record of the run is not complete after {EXIT_WAIT:.0f} s; writing it goes on "
                f"alone for at most {LINGER:.0f} s."
            )
    process.leave_alone()


def _forget() -> None:
    """A forked worker has neither the threads nor a say in the pipes: it starts a recorder of its own."""
    global _current, _lock
    if _current is not None:
        _inherited.append(_current)  # collecting it would flush and close pipes that are the parent's
    _current, _lock = None, threading.Lock()


def _signature() -> tuple[int, str, tuple[tuple[str, str], ...]]:
    relevant = sorted((k, v) for k, v in os.environ.items() if k.startswith(_RELEVANT))
    try:
        folder = str(Path.cwd())
    except OSError:
        folder = ""  # it has been removed
    return os.getpid(), folder, tuple(relevant)


atexit.register(_leave)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
