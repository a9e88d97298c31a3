"""Jobs as Ray tasks: what the local pool does, on whatever cluster Ray is connected to."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from pynomaly_auto._optional import require
from pynomaly_auto.pool._jobs import Closing, Job, Outcome, OutcomeStatus


class RayTable:
    """A shared array in Ray's object store, with the ``load()`` of the local pool's handle."""

    def __init__(self, reference: Any) -> None:
        self.reference = reference

    def load(self) -> np.ndarray[Any, Any]:
        """The array, read-only, from the nearest object store."""
        return np.asarray(require("ray").get(self.reference))


class RayExecutor(Closing):
    """A pool of Ray remote functions.

    A task that fails costs only itself; one past its timeout is cancelled by force. Memory is watched by Ray's own
    monitor, which kills tasks of a node that runs out of it. Paths among the arguments must mean the same on all nodes.

    Args:
        workers: Tasks at a time; at most what the cluster has.

    Raises:
        MissingExtraError: Ray is not installed.
    """

    def __init__(self, workers: int) -> None:
        self._ray = require("ray")
        if not self._ray.is_initialized():
            self._ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
        self.workers = max(1, min(workers, int(self._ray.cluster_resources().get("CPU", workers))))
        self._remote = self._ray.remote(num_cpus=1, max_retries=0)(_call)
        self._queued: deque[Job] = deque()
        self._running: dict[Any, tuple[Job, float]] = {}

    @property
    def pending(self) -> int:
        """Tasks whose outcome was not collected yet."""
        return len(self._running) + len(self._queued)

    def share(self, array: np.ndarray[Any, Any]) -> RayTable:
        """Put an array into the object store."""
        return RayTable(self._ray.put(np.ascontiguousarray(array)))

    def submit(self, job: Job) -> None:
        """Queue a task."""
        self._queued.append(job)
        self._start()

    def _start(self) -> None:
        # No more than there are cores for, as seconds count from here on.
        while self._queued and len(self._running) < self.workers:
            job = self._queued.popleft()
            self._running[self._remote.remote(job.function, job.args)] = (job, time.monotonic())

    def collect(self, timeout: float | None = None) -> Outcome | None:
        """The next outcome; None when nothing is pending or ``timeout`` seconds have passed."""
        end = None if timeout is None else time.monotonic() + timeout
        while self._running:
            ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=0.1)
            if ready:
                return self._outcome(ready[0])
            for reference, (job, started) in list(self._running.items()):
                if job.timeout is not None and time.monotonic() - started > job.timeout:
                    return self._drop(reference, "timeout", f"killed after {job.timeout:.1f} s")
            if end is not None and time.monotonic() >= end:
                return None
        return None

    def cancel(self) -> list[Outcome]:
        """Kill what runs; finished outcomes are returned with the cancelled ones."""
        waiting = [
            Outcome(key=job.key, status="cancelled", error="cancelled before it started") for job in self._queued
        ]
        self._queued.clear()
        running = list(self._running)
        ready = self._ray.wait(running, num_returns=len(running), timeout=0)[0] if running else []
        finished = [self._outcome(reference) for reference in ready]
        dropped = [self._drop(r, "cancelled", "cancelled while it ran") for r in list(self._running)]
        return [*finished, *dropped, *waiting]

    def close(self) -> None:
        """Kill what runs; Ray itself stays up."""
        self.cancel()

    def needed(self) -> AbstractContextManager[None]:
        """Nothing to tell: a cluster without workers is Ray's to report."""
        return nullcontext()

    def _outcome(self, reference: Any) -> Outcome:
        job, started = self._running.pop(reference)
        self._start()
        seconds = time.monotonic() - started  # of a task that did not come back; the others say it themselves
        try:
            value, seconds, memory_mb = self._ray.get(reference)
        except self._ray.exceptions.OutOfMemoryError as error:
            return Outcome(key=job.key, status="memory", error=_line(error), seconds=seconds)
        except self._ray.exceptions.RayError as error:
            return Outcome(key=job.key, status="failed", error=_line(error), seconds=seconds)
        return Outcome(key=job.key, status="completed", value=value, seconds=seconds, memory_mb=memory_mb)

    def _drop(self, reference: Any, status: OutcomeStatus, error: str) -> Outcome:
        job, started = self._running.pop(reference)
        self._ray.cancel(reference, force=True)
        self._start()
        return Outcome(key=job.key, status=status, error=error, seconds=time.monotonic() - started)


def _call(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, float, float]:
    """The function's value, the seconds it took and the MB by which the worker grew."""
    import psutil

    before, started = psutil.Process().memory_info().rss, time.perf_counter()
    value = function(*args)
    seconds = time.perf_counter() - started
    return value, seconds, max(0, psutil.Process().memory_info().rss - before) / 1e6


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:400]
