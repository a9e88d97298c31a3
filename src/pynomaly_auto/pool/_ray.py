"""Jobs as trials of Ray Tune: what the local pool does, on the nodes of a cluster."""

from __future__ import annotations

import contextlib
import itertools
import pickle
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cloudpickle
import numpy as np

from pynomaly_auto._scratch import Closing
from pynomaly_auto.errors import NothingFinishedError, ResourceError
from pynomaly_auto.pool._bench import RayTable, Terms, Work
from pynomaly_auto.pool._cluster import Cluster, Connection, line
from pynomaly_auto.pool._conductor import Conductor, Room
from pynomaly_auto.pool._jobs import Job, Outcome
from pynomaly_auto.pool._pool import PRELOAD
from pynomaly_auto.pool._worker import describe

_SLICE = 5.0  # seconds of one question after outcomes
_FINISH = 10.0  # seconds that workers get to remove what they have written
_MORE_THREADS = 32  # of the conductor, beside three for each trial under way


class RayExecutor(Closing):
    """A pool whose jobs are trials of `ray.tune.Tuner`.

    Each is carried out by a local pool of one worker beside the actor that Ray has placed: what raises, hangs (also in
    C code), outgrows its memory or takes its process down costs only itself, as on this machine. A job whose node was
    lost is tried once more elsewhere. Arrays go to the object store once, and to a node once for each of its actors.
    Paths among the arguments must mean the same on all nodes.

    Args:
        workers: Trials at a time, at most what the cluster holds; None: as many as that.
        cluster: Which cluster, and what a trial takes of it.
        memory_limit: Most bytes by which a worker may grow during one job; None: a fair share of what its node has.
        preload: Modules that workers import beforehand.

    Raises:
        MissingExtraError: Ray is not installed.
        ResourceError: No such cluster answers, or none of its nodes can hold a trial.
    """

    def __init__(
        self,
        workers: int | None,
        cluster: Cluster | None = None,
        memory_limit: int | None = None,
        *,
        preload: tuple[str, ...] = PRELOAD,
    ) -> None:
        cluster = cluster or Cluster()
        self._connection = Connection(cluster, workers)
        self._ray, self.workers = self._connection.ray, self._connection.workers
        try:
            self._conductor = self._conducting(cluster, memory_limit, preload)
        except BaseException:
            self._connection.close()
            raise
        self._numbers = itertools.count()
        self._keys: dict[int, Any] = {}
        self._tables: dict[str, Any] = {}
        self._arrived = 0
        self._early: list[Outcome] = []
        self._broken: str | None = None
        self._closed = self._interrupted = False

    def _conducting(self, cluster: Cluster, memory_limit: int | None, preload: tuple[str, ...]) -> Any:
        """The actor that runs the tuner."""
        desk = f"pynomaly-{uuid.uuid4().hex}"
        terms = Terms(
            desk=desk, cores=cluster.cores, memory_limit=memory_limit, preload=preload,
            path=tuple(filter(None, sys.path)), hides_gpu=self._connection.has_gpu,
        )  # fmt: skip
        room = Room(
            workers=self.workers, with_gpu=self._connection.with_gpu,
            bundles=(cluster.of_trial(gpu=False), cluster.of_trial(gpu=self._connection.with_gpu > 0)),
        )  # fmt: skip
        actor = self._ray.remote(num_cpus=0, max_concurrency=3 * self.workers + _MORE_THREADS)(Conductor)
        return actor.options(name=desk, scheduling_strategy=self._at_hand()).remote(room, terms)

    def _at_hand(self) -> Any:
        """On the node of this process, and nowhere else: what holds the search is not to hang on one more node."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return NodeAffinitySchedulingStrategy(self._ray.get_runtime_context().get_node_id(), soft=False)

    @property
    def pending(self) -> int:
        """Jobs whose outcome was not collected yet."""
        return len(self._keys) + len(self._early)

    def share(self, array: np.ndarray[Any, Any]) -> RayTable:
        """Put an array into the object store."""
        key = uuid.uuid4().hex
        self._tables[key] = self._ray.put(np.ascontiguousarray(array))
        return RayTable(key)

    def submit(self, job: Job) -> None:
        """Queue a job; one that cannot be pickled fails like any other."""
        try:
            payload, used = _pickled(job)
        except Exception as problem:  # whatever a foreign object raises when pickled
            error = f"the job cannot be sent: {describe(problem)}"
            self._early.append(Outcome(key=job.key, status="failed", error=error))
            return
        number = next(self._numbers)
        self._keys[number] = job.key
        tables = {key: [self._tables[key]] for key in used if key in self._tables}
        work = Work(payload=payload, tables=tables, timeout=job.timeout, gpu=job.gpu)
        self._tell(self._conductor.submit.remote(number, work))

    def collect(self, timeout: float | None = None) -> Outcome | None:
        """The next outcome; None when nothing is pending or ``timeout`` seconds have passed."""
        if self._early:
            return self._early.pop(0)
        end = None if timeout is None else time.monotonic() + timeout
        while self._keys:
            left = _SLICE if end is None else max(0.0, min(_SLICE, end - time.monotonic()))
            said = self._ask(self._conductor.collect.remote(self._arrived, left))
            if self._early:  # it is gone, and all that was pending with it
                return self._early.pop(0)
            if said is not None:
                self._arrived, packed = said
                outcome = _unpacked(packed)
                if outcome.key in self._keys:
                    return replace(outcome, key=self._keys.pop(outcome.key))
            elif end is not None and time.monotonic() >= end:
                return None
        return None

    def cancel(self) -> list[Outcome]:
        """End what runs, drop what waits, and return the outcomes not collected yet, finished ones included."""
        if self._keys:
            self._ask(self._conductor.cancel.remote())
        outcomes = []
        while (outcome := self.collect(timeout=_SLICE)) is not None:
            outcomes.append(outcome)
        self._keys.clear()
        return outcomes

    def close(self) -> None:
        """End what runs, and the cluster if it is our own."""
        if self._closed:
            return
        self._closed = True
        try:
            with contextlib.suppress(Exception):  # whatever is gone already
                self._ray.get(self._conductor.finish.remote(_FINISH), timeout=_FINISH + 1)
            with contextlib.suppress(Exception):
                self._ray.kill(self._conductor)
        finally:
            self._tables.clear()
            self._connection.close()

    @contextlib.contextmanager
    def needed(self) -> Iterator[None]:
        """Within it, nothing that finished for want of workers is told as that.

        Raises:
            ResourceError: Nothing finished, and the cluster did not carry anything out.
        """
        try:
            yield
        except NothingFinishedError:
            if self._interrupted:
                raise
            broken = self._broken or self._ask(self._conductor.broken.remote())
            if broken is None:
                raise
            raise ResourceError(f"nothing could be tried: {broken}.", fix="See docs/ray.md.") from None

    def _tell(self, reference: Any) -> None:
        self._ask(reference)

    def _ask(self, reference: Any) -> Any:
        """The conductor's answer; None when it is gone, and then everything pending has failed."""
        try:
            return self._ray.get(reference)
        except KeyboardInterrupt:
            self._interrupted = True
            raise
        except self._ray.exceptions.RayError as error:
            self._broken = line(error)
            self._early += [Outcome(key=key, status="failed", error=self._broken) for key in self._keys.values()]
            self._keys.clear()
            return None


class _Packing(cloudpickle.Pickler):  # type: ignore[misc]
    """Pickles a job and notes which tables it reads."""

    def __init__(self, file: Any) -> None:
        super().__init__(file)
        self.used: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, RayTable):
            self.used.add(obj.key)
        return super().reducer_override(obj)


def _pickled(job: Job) -> tuple[bytes, set[str]]:
    import io

    file = io.BytesIO()
    packing = _Packing(file)
    packing.dump((job.function, job.args))
    return file.getvalue(), packing.used


def _unpacked(packed: bytes) -> Outcome:
    outcome: Outcome = pickle.loads(packed)  # noqa: S301 - of our own worker
    return outcome
