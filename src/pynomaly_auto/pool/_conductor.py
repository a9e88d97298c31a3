"""Ray Tune's side of the executor: an actor that runs the tuner and knows the jobs.

`ray.tune.Tuner` asks a searcher what to try, places each trial on a node with the resources it needs, starts it again
where its node was lost, and reports. The searcher here hands out what was submitted. That all of it lives in an actor
keeps Tune's threads, signal handlers, environment variables and messages out of the user's process, and makes a
cluster that is reached through Ray Client (``ray://``) no other case.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import cloudpickle

from pynomaly_auto._scratch import Scratch
from pynomaly_auto.pool._bench import Bench, Terms, Work, silence
from pynomaly_auto.pool._cluster import line
from pynomaly_auto.pool._jobs import Outcome

_LOST = "the node or the process it ran on was lost"
_WATCH_SECONDS = 20.0  # how long one question after cancellation is kept open
_TUNE = {
    # Results of trials go their own way: no files of theirs, no table, no snapshot to restore from, as the journal of
    # the search is kept elsewhere (docs/decisions/0027).
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "TUNE_GLOBAL_CHECKPOINT_S": "86400", "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0", "RAY_CHDIR_TO_TRIAL_DIR": "0", "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1", "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "86400",
}  # fmt: skip


class Conductor:
    """Knows the jobs, and runs the tuner in a thread.

    Args:
        workers: Trials at a time.
        bundles: What a trial takes, in Ray's words: of one without a GPU, of one with.
        terms: Of all trials.
    """

    def __init__(self, workers: int, bundles: tuple[dict[str, float], dict[str, float]], terms: Terms) -> None:
        silence()
        os.environ.update(_TUNE, TUNE_MAX_PENDING_TRIALS_PG=str(workers))
        self._workers, self._bundles, self._terms = workers, bundles, terms
        self._changed = threading.Condition()
        self._works: dict[int, Work] = {}  # not settled yet
        self._waiting: deque[int] = deque()
        self._running: dict[str, int] = {}
        self._outcomes: deque[tuple[int, bytes]] = deque()
        self._ended = 0
        self._turn = 0
        self._finishing = False
        self._broken: str | None = None
        self._thread = threading.Thread(target=self._conduct, daemon=True)
        self._thread.start()

    # --- for the user's process

    def submit(self, number: int, work: Work) -> None:
        """Queue a job."""
        with self._changed:
            self._works[number] = work
            self._waiting.append(number)
            if self._broken is not None:
                self._settle_all("failed", self._broken)
            self._changed.notify_all()

    def collect(self, after: int, timeout: float) -> tuple[int, bytes] | None:
        """The first outcome with a running number above ``after``; those up to it have arrived and are forgotten."""
        end = time.monotonic() + timeout
        with self._changed:
            while self._outcomes and self._outcomes[0][0] <= after:
                self._outcomes.popleft()
            while not self._outcomes and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
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
            self._turn += 1
            self._finishing = True
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def broken(self) -> str | None:
        """Why nothing can be carried out, or None."""
        return self._broken

    # --- for workers

    def work(self, number: int) -> Work | None:
        """A job; None: it is not wanted any more."""
        with self._changed:
            work = self._works.get(number)
            return None if work is None else Work(**{**work.__dict__, "turn": self._turn})

    def cancelled(self, turn: int) -> bool:
        """Whether jobs were cancelled since; answered as soon as they are, and after a while in any case."""
        end = time.monotonic() + _WATCH_SECONDS
        with self._changed:
            while self._turn == turn and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._turn != turn

    def deliver(self, number: int, outcome: bytes) -> None:
        """What became of a job; it counts once."""
        with self._changed:
            if self._works.pop(number, None) is not None:
                self._ended += 1
                self._outcomes.append((self._ended, outcome))
                self._changed.notify_all()

    # --- for the tuner

    def hand_out(self, trial: str) -> dict[str, Any] | str | None:
        """The next job's configuration; None: none now; an empty text: never again.

        With nothing under way it waits, as the tuner would look again after a second only.
        """
        with self._changed:
            while not self._finishing:
                if len(self._running) >= self._workers:
                    return None
                while self._waiting:
                    number = self._waiting.popleft()
                    if number in self._works:
                        self._running[trial] = number
                        return {"job": number, "gpu": self._works[number].gpu}
                if self._running:
                    return None
                self._changed.wait()
            return ""

    def trial_ended(self, trial: str) -> None:
        """A trial is over; one that has not delivered was lost."""
        with self._changed:
            number = self._running.pop(trial, -1)
            if number in self._works:
                self._settle(number, "failed", _LOST)
            self._changed.notify_all()

    def _settle_all(self, status: Any, error: str | None) -> None:
        waiting = set(self._waiting)
        self._waiting.clear()
        for number in list(self._works):
            why = "cancelled before it started" if number in waiting else "cancelled while it ran"
            self._settle(number, status, error or why)

    def _settle(self, number: int, status: Any, error: str) -> None:
        self.deliver(number, bytes(cloudpickle.dumps(Outcome(key=number, status=status, error=error))))

    def _conduct(self) -> None:
        try:
            with Scratch() as scratch:
                _tune(self, str(scratch.path), self._bundles, self._terms)
        except BaseException as error:
            with self._changed:
                self._broken = f"Ray Tune ended: {line(error)}"
                self._settle_all("failed", self._broken)
                self._changed.notify_all()


def _tune(
    conductor: Conductor, storage: str, bundles: tuple[Mapping[str, float], Mapping[str, float]], terms: Terms
) -> None:
    """Run the tuner until the conductor says that no more jobs will come."""
    from ray import tune

    tuner = tune.Tuner(
        tune.with_resources(
            _trainable(), lambda config: tune.PlacementGroupFactory([dict(bundles[bool(config["gpu"])])])
        ),
        param_space={"terms": asdict(terms)},
        tune_config=tune.TuneConfig(search_alg=_searcher(conductor), num_samples=-1, reuse_actors=True),
        run_config=tune.RunConfig(
            name="trials",
            storage_path=storage,
            verbose=0,
            # A job's own failure is its outcome; what fails for Tune has lost its node, and is tried once more.
            failure_config=tune.FailureConfig(max_failures=1),
        ),
    )
    tuner.fit()


def _searcher(conductor: Conductor) -> Any:
    """A searcher that suggests what was submitted."""
    from ray.tune.search import Searcher

    class Submitted(Searcher):  # type: ignore[misc]
        def suggest(self, trial_id: str) -> Any:
            said = conductor.hand_out(trial_id)
            return Searcher.FINISHED if said == "" else said

        def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
            conductor.trial_ended(trial_id)

        def set_search_properties(self, metric: Any, mode: Any, config: Any, **spec: Any) -> bool:
            return True  # there is no space to search here: what to try is decided by who submits

        # The tuner copies and stores its searcher, for a restoration that never comes.
        def save(self, checkpoint_path: str) -> None: ...

        def restore(self, checkpoint_path: str) -> None: ...

        def save_to_dir(self, *_: Any, **__: Any) -> None: ...

        def __deepcopy__(self, _: Any) -> Any:
            return self

        def __reduce__(self) -> tuple[Any, ...]:
            return (str, ("what was submitted",))

    return Submitted()


def _trainable() -> Any:
    """What Ray Tune starts on a node for a trial, and reuses for the next."""
    from ray import tune

    class Trial(tune.Trainable):  # type: ignore[misc]
        def setup(self, config: dict[str, Any]) -> None:
            self.bench = Bench(Terms(**config["terms"]))

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            return True

        def step(self) -> dict[str, Any]:
            return {**self.bench.carry_out(self.config["job"]), "done": True}

        def cleanup(self) -> None:
            with contextlib.suppress(Exception):
                self.bench.close()

    return Trial
