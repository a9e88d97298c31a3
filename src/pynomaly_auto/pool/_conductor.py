"""Ray Tune's side of the executor: an actor that runs the tuner and knows the jobs.

`ray.tune.Tuner` asks a searcher for trials, places each on a node with the resources it needs, starts it again where
its node was lost, and reports. A trial asks for its job when it has been placed: so all are warm before the first job
comes, and no job waits for a place. That all of it lives in an actor keeps Tune's threads,
signal handlers, environment variables and messages out of the user's process, and makes a cluster that is reached
through Ray Client (``ray://``) no other case.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import cloudpickle

from pynomaly_auto._scratch import Scratch
from pynomaly_auto.pool._bench import Terms, Work, silence
from pynomaly_auto.pool._cluster import line
from pynomaly_auto.pool._jobs import Outcome, OutcomeStatus
from pynomaly_auto.pool._tuner import run_tuner

_LOST = "the nodes or the processes it ran on were lost, twice"
_POLL_SECONDS = 20.0  # how long one question of a worker's is kept open
_UP_SECONDS = 10.0  # how long a trial that is over waits for those that are being placed
_MOST_FAILURES = 3  # trials in a row whose worker has not even asked for a job before nothing more is tried
_TUNE = {
    # Results of trials go their own way: no files of theirs, no table, no snapshot to restore from, as the journal of
    # the search is kept elsewhere (docs/decisions/0027).
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "TUNE_GLOBAL_CHECKPOINT_S": "86400", "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0", "RAY_CHDIR_TO_TRIAL_DIR": "0", "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1", "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "86400",
}  # fmt: skip


@dataclass
class _Trial:
    """One trial of Ray Tune's, from when it was asked for until it is over."""

    gpu: bool
    since: float
    up: bool = False
    job: int | None = None


@dataclass(frozen=True, kw_only=True)
class Room:
    """What the cluster has room for.

    Args:
        workers: Trials at a time.
        with_gpu: How many of them may use a GPU.
        bundles: What a trial takes, in Ray's words: of one without a GPU, of one with.
    """

    workers: int
    with_gpu: int
    bundles: tuple[dict[str, float], dict[str, float]]


class Conductor:
    """Knows the jobs, and runs the tuner in a thread.

    Args:
        room: What there is room for.
        terms: Of all trials.
    """

    def __init__(self, room: Room, terms: Terms) -> None:
        silence()
        os.environ.update(_TUNE, TUNE_MAX_PENDING_TRIALS_PG=str(room.workers))
        self._room, self._terms = room, terms
        self._changed = threading.Condition(threading.RLock())
        self._works: dict[int, Work] = {}  # not settled yet
        self._waiting: deque[int] = deque()
        self._lost: set[int] = set()  # once
        self._trials: dict[str, _Trial] = {}
        self._outcomes: deque[tuple[int, bytes]] = deque()
        self._ended = self._turn = self._failures = 0
        self._patient, self._finishing, self._placed = True, False, False
        self._broken: str | None = None
        self._thread = threading.Thread(target=self._conduct, daemon=True)
        self._thread.start()

    # For the user's process.

    def submit(self, number: int, work: Work) -> None:
        """Queue a job."""
        with self._changed:
            self._works[number] = work if self._room.with_gpu else replace(work, gpu=False)
            self._waiting.append(number)
            if self._broken is not None:
                self._settle_all("failed", self._broken)
            self._changed.notify_all()

    def collect(self, after: int, timeout: float) -> tuple[int, bytes] | None:
        """The first outcome with a running number above ``after``; those up to it have arrived and are forgotten."""
        with self._changed:
            while self._outcomes and self._outcomes[0][0] <= after:
                self._outcomes.popleft()
            self._wait(timeout, lambda: bool(self._outcomes))
            return self._outcomes[0] if self._outcomes else None

    def cancel(self) -> None:
        """Settle all that is not; what runs is ended by its worker."""
        with self._changed:
            self._turn += 1
            self._settle_all("cancelled", None)
            self._changed.notify_all()

    def finish(self, timeout: float) -> bool:
        """Let the tuner come to its end; whether it has."""
        with self._changed:
            self._finishing = True
            self.cancel()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def broken(self) -> str | None:
        """Why nothing was carried out, or None."""
        if self._broken is None and not self._placed:
            return "no worker of the cluster was up by then, as it is busy or others hold what it has"
        return self._broken

    # For workers.

    def work(self, name: str) -> tuple[int, Work] | bool:
        """A trial's job; True: it is to ask again, False: there is none for it and it is over."""
        with self._changed:
            trial = self._trials.get(name)
            if trial is None:
                return False
            trial.up, self._placed, self._failures = True, True, 0
            self._patient = self._patient or all(t.up for t in self._trials.values())
            self._changed.notify_all()
            if trial.job is None:
                self._wait(_POLL_SECONDS, lambda: self._finishing or self._dismissed(trial) or self._next(trial))
            if trial.job is None:
                return not self._finishing and not self._dismissed(trial)
            work = self._works.get(trial.job)
            return False if work is None else (trial.job, replace(work, turn=self._turn))

    def cancelled(self, turn: int) -> bool:
        """Whether jobs were cancelled since; answered as soon as they are, and after a while in any case."""
        with self._changed:
            self._wait(_POLL_SECONDS, lambda: self._turn != turn)
            return self._turn != turn

    def deliver(self, number: int, outcome: bytes) -> None:
        """What became of a job; it counts once."""
        with self._changed:
            if self._works.pop(number, None) is not None:
                self._ended += 1
                self._outcomes.append((self._ended, outcome))
                self._changed.notify_all()

    def may_end(self) -> bool:
        """Wait for the trials that are being placed: Tune would give one of them this one's place, and start anew.

        Returns:
            Whether no more jobs will come.
        """
        with self._changed:
            if self._patient:

                def settled() -> bool:
                    return self._finishing or all(t.up for t in self._trials.values())

                since = max((t.since for t in self._trials.values() if not t.up), default=0.0)
                self._wait(since + _UP_SECONDS - time.monotonic(), settled)
                self._patient = settled()
            return self._finishing

    # For the tuner.

    def hand_out(self, name: str) -> dict[str, Any] | str | None:
        """A trial's configuration; None: none now; an empty text: never again."""
        with self._changed:
            if self._finishing or self._broken is not None:
                return ""
            if len(self._trials) >= self._room.workers:
                return None
            held, short = self._trials_of(gpu=True), self._short_of(gpu=False)
            gpu = held < self._room.with_gpu and self._short_of(gpu=True) and not (short and held)
            if not gpu and not short and self._blocked(gpu=True):
                return None  # an idle trial is not to take the very place that one with a GPU waits for
            self._trials[name] = _Trial(gpu=gpu, since=time.monotonic())
            return {"gpu": gpu}

    def trial_lost(self, name: str) -> None:
        """A trial's node or process is gone, and Tune starts it again: its job goes to whoever is free first."""
        with self._changed:
            trial = self._trials.get(name)
            if trial is not None:
                self._put_back(trial)
                trial.up, trial.job, trial.since = False, None, time.monotonic()

    def trial_ended(self, name: str, *, error: str | None = None) -> None:
        """A trial is over, or was lost once more and is given up."""
        with self._changed:
            trial = self._trials.pop(name, None)
            if trial is not None:
                self._put_back(trial)
            if error is not None and trial is not None and not trial.up:
                self._failures += 1
                if self._failures >= _MOST_FAILURES:
                    self._broken = f"workers of the cluster cannot start: {error}"
                    self._settle_all("failed", self._broken)
            self._changed.notify_all()

    def only_waiting(self) -> bool:
        """Whether no more jobs will come, and what is left of the trials waits for places that it may never get."""
        with self._changed:
            return self._finishing and not any(t.up for t in self._trials.values())

    def _put_back(self, trial: _Trial) -> None:
        """Let a job that was lost with its trial be tried once more, at most."""
        if trial.job in self._works:
            if trial.job in self._lost:
                self._settle(trial.job, "failed", _LOST)
            else:
                self._lost.add(trial.job)
                self._waiting.appendleft(trial.job)
        self._changed.notify_all()

    def _next(self, trial: _Trial) -> bool:
        """Give a trial the first job of its kind; whether there was one."""
        for number in self._waiting:
            if number in self._works and self._works[number].gpu == trial.gpu:
                self._waiting.remove(number)
                trial.job = number
                return True
        return False

    def _dismissed(self, trial: _Trial) -> bool:
        """Whether an idle trial is to make room for one of the other kind."""
        if trial.job is not None or self._short_of(gpu=trial.gpu):
            return False
        full = len(self._trials) >= self._room.workers
        return self._blocked(gpu=not trial.gpu) or (full and self._wants_more(gpu=not trial.gpu))

    def _wants_more(self, *, gpu: bool) -> bool:
        """Whether one more trial of a kind would have something to do."""
        return self._short_of(gpu=gpu) and (not gpu or self._trials_of(gpu=True) < self._room.with_gpu)

    def _blocked(self, *, gpu: bool) -> bool:
        """Whether a trial of a kind has been waiting for a place so long that others may be in its way."""
        late = time.monotonic() - _UP_SECONDS
        return any(t.gpu == gpu and not t.up and t.since < late for t in self._trials.values())

    def _short_of(self, *, gpu: bool) -> bool:
        waiting = sum(self._works[n].gpu == gpu for n in self._waiting if n in self._works)
        return waiting > sum(t.gpu == gpu and t.job is None for t in self._trials.values())

    def _trials_of(self, *, gpu: bool) -> int:
        return sum(t.gpu == gpu for t in self._trials.values())

    def _wait(self, timeout: float, until: Callable[[], bool]) -> None:
        """Wait, holding the lock only in between, until something is so."""
        end = time.monotonic() + timeout
        while not until() and (left := end - time.monotonic()) > 0:
            self._changed.wait(left)

    def _settle_all(self, status: OutcomeStatus, error: str | None) -> None:
        waiting = set(self._waiting)
        self._waiting.clear()
        for number in list(self._works):
            why = "cancelled before it started" if number in waiting else "cancelled while it ran"
            self._settle(number, status, error or why)

    def _settle(self, number: int, status: OutcomeStatus, error: str) -> None:
        self.deliver(number, bytes(cloudpickle.dumps(Outcome(key=number, status=status, error=error))))

    def _conduct(self) -> None:
        error: BaseException | None = None
        try:
            with Scratch() as scratch:
                run_tuner(self, str(scratch.path), self._room.bundles, self._terms)
        except BaseException as problem:
            error = problem
        with self._changed:
            if not self._finishing:
                self._broken = self._broken or f"Ray Tune ended: {'' if error is None else line(error)}"
                self._settle_all("failed", self._broken)
            self._changed.notify_all()
