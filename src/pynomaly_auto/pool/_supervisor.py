"""The thread that hands out jobs, watches time and memory, and replaces what dies."""

from __future__ import annotations

import contextlib
import pickle
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.connection import wait

from pynomaly_auto.pool._jobs import Answer, Job, Outcome, OutcomeStatus
from pynomaly_auto.pool._launchers import LAUNCHERS
from pynomaly_auto.pool._launching import Launcher, WorkerProcess
from pynomaly_auto.pool._worker import RECEIVED, describe

_TICK = 0.05  # seconds between two looks at time and memory while something runs
_IDLE = 0.5  # seconds between two looks while nothing runs


@dataclass(frozen=True)
class _Asked:
    """A job as it waits; alone, where there was no room for it beside others."""

    job: Job
    payload: bytes
    alone: bool = False


@dataclass
class _Busy:
    """A job in a worker."""

    asked: _Asked
    started: float
    baseline: int
    peak: int
    now: int
    begun: bool = False

    @property
    def job(self) -> Job:
        return self.asked.job

    @property
    def grown_mb(self) -> float:
        return max(0, self.peak - self.baseline) / 1e6

    @property
    def claims(self) -> float:
        """Bytes that are to be left to it."""
        return max(self.job.memory, self.now - self.baseline)


class Supervisor(threading.Thread):
    """Owns the workers; all its state is touched by its own thread only, everything else comes through the inbox.

    Args:
        workers: How many processes to keep.
        memory_limit: Most bytes by which workers may grow during their jobs, all together. A job is begun where it is
            expected to fit beside those that run. Where they outgrow the limit together, the youngest is begun again
            when it can be alone; only who outgrows it alone has failed, so that outcomes do not hang on ``workers``.
        done: Where outcomes go.
        mend: Called now and then, to put back what jobs need and somebody has removed.
    """

    def __init__(
        self, workers: int, memory_limit: float, done: queue.SimpleQueue[Outcome], mend: Callable[[], None]
    ) -> None:
        super().__init__(name="pynomaly-supervisor", daemon=True)
        self._size = workers
        self._memory_limit = memory_limit
        self._done = done
        self._mend = mend
        # Not asked of the thread, which lives on for a while as the cache's watch.
        self.ended = threading.Event()
        self._inbox: queue.SimpleQueue[tuple[Job, bytes] | WorkerProcess | str] = queue.SimpleQueue()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._waiting: deque[_Asked] = deque()
        self._workers: dict[WorkerProcess, _Busy | None] = {}
        self._stopping = False
        self._launcher: Launcher | None = None

    @property
    def broken(self) -> str | None:
        """Why there are no workers and will be none, or None."""
        return None if self._launcher is None or self._workers else self._launcher.broken

    def begin(self, launcher: Launcher) -> None:
        """Start working with the processes ``launcher`` starts."""
        self._launcher = launcher
        try:
            self.start()
        except RuntimeError:  # no thread to be had
            launcher.close()
            raise

    def abandon(self) -> None:
        """Close its ear: it has come to its end, or will never run."""
        self._bell.close()
        self._ear.close()

    def post(self, message: tuple[Job, bytes] | WorkerProcess | str) -> None:
        """Hand over a job, a new worker, or the word ``"cancel"`` or ``"stop"``; from any thread."""
        self._inbox.put(message)
        # Full: it will wake anyway; closed: it is over anyway.
        with contextlib.suppress(OSError):
            self._bell.send(b"!")

    def run(self) -> None:
        """The thread's life."""
        assert self._launcher is not None
        try:
            while True:
                self._read_inbox()
                if self._stopping:
                    break
                self._launcher.check()
                self._mend()
                self._refill(self._launcher)
                self._hand_out()
                self._wait()
                self._watch()
        finally:
            self.flush()
            turn = LAUNCHERS.give_back(self._launcher)
            self.flush()  # late reports, made while the launcher closed
            self.abandon()
            self.ended.set()
            LAUNCHERS.watch(turn)

    def flush(self) -> None:
        """Cancel everything and kill all workers; once the thread has ended, from any other."""
        self._read_inbox()
        self._cancel()
        for worker in list(self._workers):
            self._drop(worker)

    def _read_inbox(self) -> None:
        while True:
            try:
                message = self._inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(message, WorkerProcess):
                self._workers[message] = None
            elif isinstance(message, tuple):
                self._waiting.append(_Asked(*message))
            elif message == "cancel":
                self._cancel()
            else:
                self._stopping = True

    def _refill(self, launcher: Launcher) -> None:
        if launcher.broken is not None and not self._workers:
            while self._waiting:
                job = self._waiting.popleft().job
                self._done.put(Outcome(key=job.key, status="failed", error=launcher.broken))
            return
        for _ in range(self._size - len(self._workers) - launcher.pending):
            launcher.ask()

    def _hand_out(self) -> None:
        for worker in [w for w, busy in self._workers.items() if busy is None]:
            asked = self._fitting()
            if asked is None:
                return
            self._waiting.remove(asked)
            resident = worker.resident()
            try:
                worker.channel.send_bytes(asked.payload)
            except OSError:  # it died while idle: not this job's fault
                self._waiting.appendleft(asked)
                self._drop(worker)
                continue
            self._workers[worker] = _Busy(asked, time.monotonic(), resident, resident, resident)

    def _fitting(self) -> _Asked | None:
        """The first of those that wait for which there is room."""
        running = [busy for busy in self._workers.values() if busy is not None]
        if not self._waiting:
            return None
        if not running:
            return self._waiting[0]
        if self._waiting[0].alone or any(busy.asked.alone for busy in running):
            return None  # nothing new is begun, or who is to be alone would wait for ever
        room = self._memory_limit - sum(busy.claims for busy in running)
        return next((asked for asked in self._waiting if not asked.alone and asked.job.memory <= room), None)

    def _wait(self) -> None:
        busy = any(b is not None for b in self._workers.values())
        starting = bool(self._waiting)
        ready = wait([self._ear, *(w.channel for w in self._workers)], timeout=_TICK if busy or starting else _IDLE)
        if self._ear in ready:
            self._ear.recv(4096)
        for worker in [w for w in self._workers if w.channel in ready]:
            self._receive(worker)

    def _receive(self, worker: WorkerProcess) -> None:
        busy = self._workers[worker]
        try:
            data = worker.channel.recv_bytes()
        except (EOFError, OSError):
            self._lose(worker)
            return
        if busy is None:
            return
        if data == RECEIVED:
            busy.begun = True
            return
        self._workers[worker] = None
        try:
            answer: Answer = pickle.loads(data)  # noqa: S301 - bytes of our own worker, over an authenticated channel
        except Exception as problem:  # whatever a foreign object raises when unpickled
            answer = Answer(status="failed", error=f"the result cannot be read: {describe(problem)}")
        self._done.put(
            Outcome(
                key=busy.job.key, status=answer.status, value=answer.value, error=answer.error,
                seconds=answer.seconds, memory_mb=max(answer.memory_mb, busy.grown_mb),
            )
        )  # fmt: skip

    def _watch(self) -> None:
        now = time.monotonic()
        for worker, busy in list(self._workers.items()):
            if busy is None:
                continue
            busy.now = worker.resident()
            busy.peak = max(busy.peak, busy.now)
            limit = busy.job.timeout
            if limit is not None and now - busy.started > limit:
                self._end(worker, "timeout", f"killed after {limit:.1f} s")
            elif busy.peak - busy.baseline > self._memory_limit:
                self._end(worker, "memory", f"killed: grew by {busy.grown_mb:.0f} MB")
            elif not worker.alive():  # its end of the channel may be held open by a process it started
                self._lose(worker)
        self._make_room()

    def _make_room(self) -> None:
        """Put off the youngest of the jobs that outgrow the limit together, until they do not."""
        running = {worker: busy for worker, busy in self._workers.items() if busy is not None}
        while len(running) > 1 and sum(b.now - b.baseline for b in running.values()) > self._memory_limit:
            worker = max(running, key=lambda w: running[w].started)
            busy = running.pop(worker)
            self._drop(worker)
            self._waiting.appendleft(replace(busy.asked, alone=True))

    def _lose(self, worker: WorkerProcess) -> None:
        busy = self._workers[worker]
        if busy is not None and busy.begun:
            self._end(worker, "failed", "the worker process died")
            return
        self._drop(worker)
        if busy is not None:
            self._waiting.appendleft(busy.asked)

    def _end(self, worker: WorkerProcess, status: OutcomeStatus, error: str) -> None:
        busy = self._workers[worker]
        self._drop(worker)
        if busy is not None:
            seconds = time.monotonic() - busy.started
            self._done.put(
                Outcome(key=busy.job.key, status=status, error=error, seconds=seconds, memory_mb=busy.grown_mb)
            )

    def _drop(self, worker: WorkerProcess) -> None:
        del self._workers[worker]
        worker.kill()
        if self._launcher is not None:
            self._launcher.make_room()

    def _cancel(self) -> None:
        while self._waiting:
            job = self._waiting.popleft().job
            self._done.put(Outcome(key=job.key, status="cancelled", error="cancelled before it started"))
        for worker, busy in list(self._workers.items()):
            if busy is not None:
                self._end(worker, "cancelled", "cancelled while it ran")
