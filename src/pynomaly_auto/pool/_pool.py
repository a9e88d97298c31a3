"""The pool as its users see it."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import queue
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from pynomaly_auto._machine import free_memory
from pynomaly_auto._scratch import Closing, Scratch
from pynomaly_auto.errors import NothingFinishedError, ResourceError, SettingError, StorageError
from pynomaly_auto.pool._jobs import Job, Outcome, SharedArray
from pynomaly_auto.pool._launchers import LAUNCHERS
from pynomaly_auto.pool._mapping import mapped_file
from pynomaly_auto.pool._supervisor import Supervisor
from pynomaly_auto.pool._worker import describe

STARTS = ("forkserver", "spawn")

# What nearly every job needs: imported once by the server, shared by all workers.
PRELOAD = (
    "numpy", "scipy.stats", "scipy.spatial", "pandas", "sklearn.neighbors", "sklearn.covariance",
    "sklearn.mixture", "sklearn.decomposition", "sklearn.svm", "sklearn.cluster", "sklearn.kernel_approximation",
    "pynomaly_auto.detectors", "pynomaly_auto.detectors.statistical",
    "pynomaly_auto.detectors.proximity", "pynomaly_auto.detectors.linear", "pynomaly_auto.detectors.trees",
    "pynomaly_auto.detectors.regression", "pynomaly_auto.detectors.neural", "pynomaly_auto.tuning._objective",
)  # fmt: skip

START = "forkserver" if sys.platform.startswith("linux") else "spawn"

MORE_PROCESSES = "Allow this user more processes and threads (ulimit -u; in a container its limit of pids)."

FREE_SHARE = 0.8  # of free memory that workers may take where nothing else is said
_SLICE = 0.2  # seconds; waiting in slices lets Ctrl-C through where a lock cannot be interrupted (Windows)


class Pool(Closing):
    """Worker processes that can be killed.

    A job that raises, hangs (also in C code), outgrows its memory or takes its process down costs only itself; the
    worker is replaced in milliseconds. Processes start in the background when the pool is made; jobs queue until then.
    The user's ``__main__`` is never imported. Ctrl-C reaches the parent only.

    Args:
        workers: How many processes.
        memory_limit: Most bytes by which workers may grow during their jobs, all together; None: most of what is free.
        start: ``"forkserver"`` or ``"spawn"``; None: the former where forking is safe (Linux), else the latter.
        preload: Modules imported once, before workers are forked.

    Raises:
        SettingError: ``workers`` or ``start`` is not what it may be.
        ResourceError: No thread can be started.
        StorageError: No temporary folder can be made.
    """

    def __init__(
        self,
        workers: int,
        memory_limit: int | None = None,
        *,
        start: str | None = None,
        preload: tuple[str, ...] = PRELOAD,
    ) -> None:
        start = start or START
        if workers < 1 or start not in STARTS:
            raise SettingError(f"a pool of {workers!r} workers started by {start!r}.", fix=f"Use one of {STARTS}.")
        self.workers = workers
        self.memory_limit = memory_limit if memory_limit is not None else int(FREE_SHARE * free_memory())
        self.pending = 0
        self._owner = os.getpid()
        self._done: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._scratch = Scratch()
        # Mapped, so readable even when the file has been removed; and in which folder it was.
        self._shared: dict[Path, tuple[np.ndarray[Any, Any], Scratch]] = {}
        self._supervisor = Supervisor(workers, self.memory_limit, self._done, self._mend)
        try:
            self._supervisor.begin(LAUNCHERS.take(start, preload, self._supervisor.post))
        except RuntimeError as error:  # Python's word for a thread that cannot be started
            self._supervisor.abandon()
            self._scratch.close()
            raise ResourceError(f"no worker processes can be used: {error}.", fix=MORE_PROCESSES) from None
        self._closed = False
        atexit.register(self.close)

    def share(self, array: np.ndarray[Any, Any]) -> SharedArray:
        """Write an array to the pool's private folder, where workers map it; removed when the pool closes.

        One that a `Mapping` made lies in a file already.

        Raises:
            StorageError: There is no room for it.
        """
        if (mapped := mapped_file(array)) is not None:
            handle, folder = mapped
            self._shared[Path(handle.path)] = array, folder
            return handle
        path = self._scratch.path / f"{next(self._numbers)}.npy"
        handle = SharedArray.save(array, path)
        self._shared[path] = handle.load(), self._scratch
        return handle

    def submit(self, job: Job) -> None:
        """Queue a job; its outcome comes out of `collect`. A job that cannot be pickled fails like any other.

        Raises:
            SettingError: The pool is closed, or this is a forked child of the process whose it is.
        """
        if os.getpid() != self._owner:
            raise SettingError("the pool belongs to the process that this one was forked from.", fix="Make another.")
        if self._closed:
            raise SettingError("the pool is closed.", fix="Submit jobs inside its with-block.")
        self.pending += 1
        try:
            payload = cloudpickle.dumps((job.function, job.args))
        except Exception as problem:  # whatever a foreign object raises when pickled
            error = f"the job cannot be sent: {describe(problem)}"
            self._done.put(Outcome(key=job.key, status="failed", error=error))
            return
        self._supervisor.post((job, payload))

    def collect(self, timeout: float | None = None) -> Outcome | None:
        """The next outcome, in order of completion; None when nothing is pending or ``timeout`` seconds have passed."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.pending:
            left = _SLICE if end is None else min(_SLICE, end - time.monotonic())
            try:
                outcome = self._done.get(timeout=max(left, 0.0))
            except queue.Empty:
                if self._supervisor.ended.is_set():  # posted to it after its end: comes out as cancelled
                    self._supervisor.flush()
                if end is not None and time.monotonic() >= end:
                    return None
                continue
            self.pending -= 1
            return outcome
        return None

    def run(self, jobs: Iterable[Job], on_done: Callable[[Outcome], None] | None = None) -> list[Outcome]:
        """Run jobs to their end; outcomes in the order of the jobs. The pool must have nothing else pending.

        Args:
            jobs: What to run; their keys come back in the outcomes.
            on_done: Called with each outcome as it comes.

        Raises:
            KeyboardInterrupt: After what was running has been killed.
        """
        known = list(jobs)
        for position, job in enumerate(known):
            self.submit(replace(job, key=(position, job.key)))
        outcomes: dict[int, Outcome] = {}
        try:
            while (outcome := self.collect()) is not None:
                position, key = outcome.key
                outcomes[position] = Outcome(**{**outcome.__dict__, "key": key})
                if on_done is not None:
                    on_done(outcomes[position])
        except KeyboardInterrupt:
            self.cancel()
            raise
        return [outcomes[i] for i in range(len(known))]

    @property
    def broken(self) -> str | None:
        """Why no job can be carried out, or None."""
        return self._supervisor.broken

    @contextlib.contextmanager
    def needed(self) -> Iterator[None]:
        """Within it, nothing that finished for want of workers is told as that.

        Raises:
            ResourceError: Nothing finished, and there were no workers.
        """
        try:
            yield
        except NothingFinishedError:
            if self.broken is None:
                raise
            raise ResourceError(f"nothing could be tried: {self.broken}.", fix=MORE_PROCESSES) from None

    def cancel(self) -> list[Outcome]:
        """Kill what runs, drop what waits, and return the outcomes not collected yet, finished ones included."""
        self._supervisor.post("cancel")
        outcomes = []
        while (outcome := self.collect(timeout=5.0)) is not None:
            outcomes.append(outcome)
        self.pending = 0
        return outcomes

    def close(self) -> None:
        """Kill all processes and remove the shared arrays; what is pending comes out of `collect` as cancelled."""
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        atexit.unregister(self.close)
        self._supervisor.post("stop")
        self._supervisor.ended.wait(timeout=10.0)
        self._shared.clear()
        self._scratch.close()

    def _mend(self) -> None:
        """Write the shared arrays again that somebody has removed, such as a cleaner of old files."""
        for path, (array, folder) in tuple(self._shared.items()):
            if not path.exists():
                with contextlib.suppress(OSError, StorageError):  # jobs that need it say so
                    SharedArray.save(array, folder.path / path.name)
