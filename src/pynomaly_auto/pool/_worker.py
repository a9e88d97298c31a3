"""What runs in the other processes: the server that forks workers, and the worker's loop.

The processes are started with nothing but a command line and a configuration on standard input. They never see the
user's ``__main__``, so plain scripts, notebooks and ``python - <<EOF`` work without a guard.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import pickle
import signal
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

import cloudpickle
import psutil

from pynomaly_auto._machine import release_memory
from pynomaly_auto.pool._jobs import Answer

# Read from standard input before anything of ours can be imported; the path comes first, so that it can be.
BOOTSTRAP = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    "config = pickle.load(sys.stdin.buffer); "
    "from pynomaly_auto.pool._worker import main; main(config)"
)

RECEIVED = b"received"  # sent before a job is begun: whoever dies without it has not been killed by the job

REFUSED = "refused"  # the system has allowed no further process

_MOST_WRITTEN = 2**30  # bytes per file: a job that writes without end must not fill the disk
_FIRST_TO_GO = "800"  # of 1000; the parent, which holds what was found so far, has 0

_CLEAR_REFS = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, kw_only=True)
class Config:
    """What a started process needs to know.

    Args:
        address: Where the pool listens.
        authkey: The secret both sides prove to know.
        preload: Modules imported before forking.
        serves: Whether the process forks workers (or is one).
        token: Comes back with the report, so that the parent knows which process it started has come up.
    """

    address: Any
    authkey: bytes
    preload: tuple[str, ...]
    serves: bool
    token: int = 0


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a worker takes over from the parent at the moment it is asked for, however old the server is.

    Args:
        environment: Environment variables.
        path: Where modules are looked for.
        folder: Working directory; empty when it has been removed.
    """

    environment: dict[str, str]
    path: tuple[str, ...]
    folder: str

    @classmethod
    def here(cls, **changes: str) -> Surroundings:
        """Those of this process."""
        try:
            folder = str(Path.cwd())
        except OSError:
            folder = ""
        return cls(environment={**os.environ, **changes}, path=tuple(sys.path), folder=folder)

    def enter(self) -> None:
        """Make them those of this process."""
        os.environ.clear()
        os.environ.update(self.environment)
        sys.path[:] = self.path
        if self.folder:
            with contextlib.suppress(OSError):
                os.chdir(self.folder)


def main(config: Config) -> None:
    """Entry point of a started process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # nobody reads them here, and our own reasons say what happened
    if config.serves:
        serve(config, fork_worker)
    else:
        _restrain()
        run_worker(config)


def serve(config: Config, fork: Callable[[Config, Connection, Surroundings], None]) -> None:
    """Import the heavy modules once, then fork one worker per request, until the pool is gone."""
    for module in config.preload:
        # Importing early only saves time: a module that is missing or broken will say so in the job that needs it.
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the pages shared with the workers
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system reaps them: no zombies
    with contextlib.suppress(EOFError, OSError), Client(config.address, authkey=config.authkey) as channel:
        channel.send(("server", os.getpid(), config.token))
        while True:
            surroundings = channel.recv()
            try:
                fork(config, channel, surroundings)
            except OSError:  # no more processes for this user or in this container
                channel.send(REFUSED)


def fork_worker(config: Config, channel: Connection, surroundings: Surroundings) -> None:
    """Fork; the child becomes a worker and never returns."""
    if os.fork():
        return
    status = 1
    try:
        channel.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)  # its own group: killed together with whatever it starts
        _die_with_parent()
        _restrain()
        surroundings.enter()
        run_worker(config)
        status = 0
    finally:
        os._exit(status)


def run_worker(config: Config) -> None:
    """Answer jobs until the pool is gone."""
    with contextlib.suppress(EOFError, OSError), Client(config.address, authkey=config.authkey) as channel:
        channel.send(("worker", os.getpid(), config.token))
        while True:
            payload = channel.recv_bytes()
            channel.send_bytes(RECEIVED)
            said = answer(payload)
            del payload
            channel.send_bytes(said)
            del said
            release_memory()  # or every worker keeps what its largest job has needed


def answer(payload: bytes) -> bytes:
    """Run one pickled job and pickle what became of it."""
    baseline = _resident_mb()
    measured = _reset_peak()
    started = time.perf_counter()
    value, status, error = None, "completed", None
    try:
        function, args = pickle.loads(payload)  # noqa: S301 - bytes of our own parent, over an authenticated channel
        value = function(*args)
    except MemoryError as problem:
        status, error = "memory", f"MemoryError: {problem}"
    except (Exception, SystemExit) as problem:  # the one place where any failure of a job becomes its outcome
        status, error = "failed", describe(problem)
    seconds = time.perf_counter() - started
    grown = max(0.0, (_peak_mb() if measured else _resident_mb()) - baseline)
    common: dict[str, Any] = {"seconds": seconds, "memory_mb": grown}
    try:
        return bytes(cloudpickle.dumps(Answer(status=status, value=value, error=error, **common)))  # type: ignore[arg-type]
    except Exception as problem:  # whatever a foreign object raises when pickled
        text = f"the result cannot be sent back: {describe(problem)}"
        return bytes(cloudpickle.dumps(Answer(status="failed", error=text, **common)))


def describe(problem: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {text}"[:500] if text else type(problem).__name__


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def _reset_peak() -> bool:
    try:
        _CLEAR_REFS.write_text("5")  # Linux: resets the high-water mark of resident memory
    except OSError:
        return False
    return True


def _peak_mb() -> float:
    for line in _STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return float(line.split()[1]) * 1024 / 1e6
    return _resident_mb()


def _restrain() -> None:
    """Bound what a job may do to the machine: nobody reads what it prints, and it is the first to go without memory."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(silence, stream)
    os.close(silence)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    if sys.platform != "win32":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
        if most == resource.RLIM_INFINITY or most > _MOST_WRITTEN:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # an OSError instead of the end
            resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_WRITTEN, most))


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
