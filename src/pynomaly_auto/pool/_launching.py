"""Starting and killing the other processes, seen from the parent."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
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
_MOST_FAILURES = 3


class WorkerProcess:
    """One running worker: its channel and the way to kill it."""

    def __init__(self, channel: Connection, pid: int) -> None:
        self.channel = channel
        self.pid = pid
        self._process: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._process = psutil.Process(pid)

    def resident(self) -> int:
        """Bytes of resident memory; 0 when the process is gone."""
        try:
            return int(self._process.memory_info().rss) if self._process else 0
        except psutil.Error:
            return 0

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
        self.folder = Path(tempfile.mkdtemp(prefix="pynomaly-"))  # private: the socket and the log
        self.circumstances = _circumstances(start, preload)
        self._forks = start == "forkserver"
        self._on_worker = on_worker
        self._authkey = os.urandom(32)
        self._listener = Listener(_address(self.folder), backlog=64, authkey=self._authkey)
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
        self._closed = False
        self._lock = threading.Lock()
        self._acceptor = threading.Thread(target=self._accept, name="pynomaly-acceptor", daemon=True)
        self._acceptor.start()

    @property
    def pending(self) -> int:
        """Workers asked for that have not reported yet."""
        with self._lock:
            return len(self._asked)

    @property
    def broken(self) -> str | None:
        """Why no worker can be started any more, or None."""
        if self._failures < _MOST_FAILURES:
            return None
        with contextlib.suppress(OSError):
            lines = (self.folder / "log").read_text(errors="replace").strip().splitlines()
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
        """Ask for one more worker; it reports later."""
        with self._lock:
            self._asked.append(time.monotonic())
            if not self._forks:
                self._start()
            elif self._server is not None:
                self._fork(self._server)
            else:
                self._owed += 1
                if not self._processes:
                    self._start()

    def check(self) -> None:
        """Notice processes that have ended or never reported, so that others can be asked for."""
        with self._lock:
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
        # In a thread, as nobody answers it when the acceptor has just gone; closing the listener then ends it.
        threading.Thread(target=self._knock, name="pynomaly-knock", daemon=True).start()
        self._acceptor.join(timeout=2.0)
        with self._lock:
            if self._server is not None:
                self._server.close()
            for process in self._processes.values():
                process.kill()
                process.wait()
            self._processes = {}
        self._listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        # The group of its own keeps Ctrl-C in the terminal away from it: the parent decides what happens then.
        new_group = 0x200  # Windows' CREATE_NEW_PROCESS_GROUP
        windows = sys.platform == "win32"
        apart: dict[str, Any] = {"creationflags": new_group} if windows else {"process_group": 0}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and a constant
                [get_executable() or sys.executable, "-c", BOOTSTRAP],
                stdin=subprocess.PIPE, stdout=log, stderr=log, env=os.environ | _ONE_THREAD, **apart,
            )  # fmt: skip
        token = next(self._tokens)
        self._processes[token] = process
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin as pipe:
            pipe.write(pickle.dumps(list(sys.path)) + pickle.dumps(replace(self._config, token=token)))

    def _fork(self, server: Connection) -> None:
        with contextlib.suppress(OSError):  # a server that died is noticed by `check`
            server.send(Surroundings.here(**_ONE_THREAD))

    def _knock(self) -> None:
        """Wake the acceptor, which then sees that it is over."""
        with contextlib.suppress(OSError, EOFError, AuthenticationError):
            Client(self._config.address, authkey=self._authkey).close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                channel = self._listener.accept()
                kind, pid, token = channel.recv()
            except (OSError, EOFError, AuthenticationError):
                continue  # killed while it reported, or the call that wakes us at the end
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
            self._failures = 0
            late = self._stale > 0
            if late:
                self._stale -= 1
            else:
                del self._asked[:1]
        if late:
            WorkerProcess(channel, pid).kill()
        else:
            self._on_worker(WorkerProcess(channel, pid))


class Shelf:
    """Keeps one launcher whose server is up: the next pool gets its workers in milliseconds, not in seconds.

    Args:
        seconds: How long a launcher nobody asks for is kept.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: Launcher | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def take(self, start: str, preload: tuple[str, ...], on_worker: Callable[[WorkerProcess], None]) -> Launcher:
        """The kept launcher if it was started in the same circumstances, else a new one."""
        with self._lock:
            kept, self._kept = self._kept, None
            if self._timer is not None:
                self._timer.cancel()
        if kept is not None and kept.circumstances == _circumstances(start, preload) and kept.reusable:
            kept.serve(on_worker)
            return kept
        if kept is not None:
            kept.close()
        return Launcher(start, preload, on_worker)

    def give_back(self, launcher: Launcher) -> None:
        """Keep a launcher, or close it when it is of no use or another is kept already."""
        with self._lock:
            keep = self._kept is None and launcher.reusable
            if keep:
                launcher.rest()
                self._kept = launcher
                self._timer = threading.Timer(self._seconds, self.clear)
                self._timer.daemon = True
                self._timer.start()
        if not keep:
            launcher.close()

    def clear(self) -> None:
        """Close what is kept."""
        with self._lock:
            kept, self._kept = self._kept, None
            if self._timer is not None:
                self._timer.cancel()
        if kept is not None and kept.circumstances[0] == os.getpid():
            kept.close()


SHELF = Shelf(seconds=60.0)
atexit.register(SHELF.clear)


def _circumstances(start: str, preload: tuple[str, ...]) -> tuple[object, ...]:
    """What a server was started with and cannot change: it serves only who asks for the same."""
    return (os.getpid(), start, preload)


def _address(folder: Path) -> Any:
    if sys.platform == "win32":
        return None
    path = str(folder / "s")
    return path if len(path) < 100 else ("localhost", 0)  # the system's limit on socket names is 104 to 108 bytes
