"""Starting and killing the other processes, seen from the parent."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from multiprocessing.spawn import get_executable
from pathlib import Path
from typing import Any

import psutil

from pynomaly_auto._scratch import Scratch
from pynomaly_auto.pool._worker import BOOTSTRAP, Config, Surroundings

# One thread per worker: parallelism comes from the number of workers, and threads would fight over the same cores.
_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
        "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
    ),
    "1",
)  # fmt: skip

_START_SECONDS = 120.0  # a worker that has not reported by then is given up
_MOST_FAILURES = 3  # starts in a row that fail before no more are asked for
_PAUSE = 1.0  # seconds until the system is asked again for a process that it has refused


class WorkerProcess:
    """One running worker: its channel and the way to kill it."""

    def __init__(self, channel: Connection, pid: int) -> None:
        self.channel = channel
        self.pid = pid
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def resident(self) -> int:
        """Bytes of resident memory of its own, without the pages of files; 0 when the process is gone.

        Rows in a file that all workers map lie in memory once, and the system takes them back when it has to.
        """
        try:
            held = self._process.memory_info() if self._process else None
        except psutil.Error:
            return 0
        return 0 if held is None else int(held.rss - getattr(held, "shared", 0))  # which only Linux tells

    def alive(self) -> bool:
        """Whether the process still runs."""
        try:
            return (
                self._process is not None
                and self._process.is_running()
                and self._process.status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return False

    def kill(self) -> None:
        """Kill it, and whatever it started, at once; also when it is stuck in C code."""
        with contextlib.suppress(OSError, psutil.Error):
            if sys.platform == "win32":
                for child in self._process.children(recursive=True) if self._process else ():
                    child.kill()
                if self._process:
                    self._process.kill()
            elif self.alive():
                os.killpg(self.pid, signal.SIGKILL)
        self.channel.close()


class Launcher:
    """Starts processes and accepts their connections.

    Args:
        start: ``"forkserver"``: one process imports ``preload`` once and forks each worker in milliseconds;
            ``"spawn"``: each worker is a fresh interpreter.
        preload: Modules the server imports before forking.
        on_worker: Called, in another thread, with each worker that has reported.
    """

    def __init__(self, start: str, preload: tuple[str, ...], on_worker: Callable[[WorkerProcess], None]) -> None:
        self._scratch = Scratch()  # private: the socket and the log
        self.circumstances = (start, preload)  # what the server was started with and cannot change
        self._forks = start == "forkserver"
        self._on_worker = on_worker
        self._authkey = os.urandom(32)
        self._listener = self._listen()
        self._config = Config(
            address=self._listener.address, authkey=self._authkey, preload=preload, serves=self._forks
        )
        self._server: Connection | None = None
        self._tokens = itertools.count(1)
        self._processes: dict[int, subprocess.Popen[bytes]] = {}  # by token; a launcher stub may hide the real pid
        self._reported: set[int] = set()
        self._owed = 0  # workers asked for before the server was there
        self._asked: list[float] = []  # when each worker that has not reported yet was asked for
        self._stale = 0  # workers on their way that nobody waits for any more
        self._failures = 0
        self._refusals = 0
        self._refused_at = -math.inf  # when the system last refused a process
        self._closed = False
        self._lock = threading.Lock()
        try:
            self._acceptor = self._start_accepting()
        except RuntimeError:  # no thread to be had
            _hush(self._listener)
            self._scratch.close()
            raise

    @property
    def pending(self) -> int:
        """Workers asked for that have not reported yet."""
        with self._lock:
            return len(self._asked)

    @property
    def broken(self) -> str | None:
        """Why no worker can be started any more, or None."""
        refused = self._refusals >= _MOST_FAILURES and not self._asked
        if self._failures < _MOST_FAILURES and not refused:
            return None
        if refused:
            return "worker processes cannot be started: the system refuses any more of them"
        with contextlib.suppress(OSError):  # StorageError is one
            lines = (self._scratch.path / "log").read_text(errors="replace").strip().splitlines()
            if lines:
                return f"worker processes cannot be started: {lines[-1][:300]}"
        return "worker processes cannot be started"

    @property
    def reusable(self) -> bool:
        """Whether its server is up or on its way, so that another pool could go on with it."""
        with self._lock:
            server = any(process.poll() is None for process in self._processes.values())
            return self._forks and server and not self._failures

    def serve(self, on_worker: Callable[[WorkerProcess], None]) -> None:
        """Report workers to somebody else from now on."""
        self._on_worker = on_worker

    def rest(self) -> None:
        """Forget what was asked for: workers that still report are killed, as they know yesterday's surroundings."""
        with self._lock:
            self._stale += 0 if self._server is None else len(self._asked)
            self._owed, self._asked = 0, []

    def ask(self) -> None:
        """Ask for one more worker; it reports later, unless the system has just refused one."""
        with self._lock:
            if time.monotonic() - self._refused_at < _PAUSE:
                return
            self._asked.append(time.monotonic())
            if not self._forks:
                self._start()
            elif self._server is not None:
                self._fork(self._server)
            else:
                self._owed += 1
                if not self._processes:
                    self._start()

    def make_room(self) -> None:
        """A process has gone: the system may allow another one."""
        with self._lock:
            self._refusals, self._refused_at = 0, -math.inf

    def begin(self) -> None:
        """Start the server though nobody has asked for a worker yet."""
        with self._lock:
            if self._forks and not self._processes:
                self._start()

    def check(self) -> None:
        """Notice processes that have ended, were refused or never reported, so that others can be asked for."""
        with self._lock:
            if self._scratch.vanished:
                self._open_again()
            self._hear_refusals()
            ended = [token for token, process in self._processes.items() if process.poll() is not None]
            for token in ended:
                del self._processes[token]
            late = [t for t in self._asked if time.monotonic() - t > _START_SECONDS]
            self._asked = [t for t in self._asked if t not in late]
            self._failures += len(late)
            if ended and self._forks:
                self._failures += 1
                self._server, self._owed, self._stale, self._asked = None, 0, 0, []
            else:
                lost = len(set(ended) - self._reported)
                self._failures += lost
                del self._asked[:lost]

    def close(self) -> None:
        """Kill everything started and stop listening."""
        self._closed = True
        _hush(self._listener)
        self._acceptor.join(timeout=2.0)
        with self._lock:
            if self._server is not None:
                self._server.close()
            for process in self._processes.values():
                process.kill()
                process.wait()
            self._processes = {}
        self._scratch.close()

    def _listen(self) -> Listener:
        return Listener(_address(self._scratch.path), backlog=64, authkey=self._authkey)

    def _start_accepting(self) -> threading.Thread:
        thread = threading.Thread(
            target=self._accept, args=(self._listener,), name="pynomaly-acceptor", daemon=True
        )  # fmt: skip
        thread.start()
        return thread

    def _open_again(self) -> None:
        """Somebody has removed the folder, and with it the socket's file; its name, which others know, stays."""
        try:
            if self._scratch.path / "s" != Path(str(self._config.address)):
                return  # a port, which nobody removes
            _hush(self._listener)
            self._listener = self._listen()
            self._acceptor = self._start_accepting()
        except (OSError, RuntimeError):
            self._failures = _MOST_FAILURES
        self._owed, self._asked = 0, []  # they found nobody; whoever still needs them asks again

    def _hear_refusals(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while self._server is not None and self._server.poll():
                self._server.recv()
                self._refuse()

    def _refuse(self) -> None:
        self._refusals += 1
        self._refused_at = time.monotonic()
        del self._asked[:1]

    def _start(self) -> None:
        # The group of its own keeps Ctrl-C in the terminal away from it: the parent decides what happens then.
        new_group = 0x200  # Windows' CREATE_NEW_PROCESS_GROUP
        windows = sys.platform == "win32"
        apart: dict[str, Any] = {"creationflags": new_group} if windows else {"process_group": 0}
        try:
            with (self._scratch.path / "log").open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and a constant
                    [get_executable() or sys.executable, "-c", BOOTSTRAP],
                    stdin=subprocess.PIPE, stdout=log, stderr=log, env=os.environ | _ONE_THREAD, **apart,
                )  # fmt: skip
        except OSError:  # no more processes or descriptors for this user, or a full disk
            self._refuse()
            return
        token = next(self._tokens)
        self._processes[token] = process
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin as pipe:
            pipe.write(pickle.dumps(list(sys.path)) + pickle.dumps(replace(self._config, token=token)))

    def _fork(self, server: Connection) -> None:
        with contextlib.suppress(OSError):  # a server that died is noticed by `check`
            server.send(Surroundings.here(**_ONE_THREAD))

    def _accept(self, listener: Listener) -> None:
        while not self._closed and listener is self._listener:
            try:
                channel = listener.accept()
                kind, pid, token = channel.recv()
            except (OSError, EOFError, AuthenticationError):
                time.sleep(0.01)  # killed while it reported, no descriptor left, or the end
                continue
            self._welcome(kind, pid, token, channel)

    def _welcome(self, kind: str, pid: int, token: int, channel: Connection) -> None:
        with self._lock:
            if kind == "server":
                self._server = channel
                for _ in range(self._owed):
                    self._fork(channel)
                self._owed = 0
                return
            self._reported.add(token)
            self._failures = self._refusals = 0
            late = self._stale > 0
            if late:
                self._stale -= 1
            else:
                del self._asked[:1]
        if late:
            WorkerProcess(channel, pid).kill()
        else:
            self._on_worker(WorkerProcess(channel, pid))


def _hush(listener: Listener) -> None:
    """Close it and wake whoever accepts from it; without a thread, as none can be started at exit."""
    with contextlib.suppress(OSError, EOFError):
        if sys.platform == "linux":  # also when the socket's file has been removed, so that nobody could knock
            inner: socket.socket = listener._listener._socket  # type: ignore[attr-defined]
            inner.shutdown(socket.SHUT_RDWR)
        else:
            Client(listener.address).close()
    with contextlib.suppress(OSError):  # the file may be gone
        listener.close()


def _address(folder: Path) -> Any:
    if sys.platform == "win32":
        return None
    path = str(folder / "s")
    return path if len(path) < 100 else ("localhost", 0)  # the system's limit on socket names is 104 to 108 bytes
