"""Where a trial of Ray Tune's is carried out: in a local pool of one worker, beside the actor that Ray has placed.

Ray cannot end a trial that hangs in compiled code, nor hold it to a limit of memory; the local pool can, in
milliseconds, and the actor lives on for the next trial. So a trial ends on a cluster as it ends on this machine: same
limits, same words, same measures.
"""

from __future__ import annotations

import math
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np

from pynomaly_auto._machine import free_memory, usable_cores
from pynomaly_auto._optional import require
from pynomaly_auto._scratch import Scratch
from pynomaly_auto.pool._jobs import Job, Outcome
from pynomaly_auto.pool._launchers import LAUNCHERS
from pynomaly_auto.pool._pool import Pool

_TICK = 0.1  # seconds between two looks at whether the job is still wanted
_MEMORY_SHARE = 0.8  # of what is free, of all trials of a node together; as in the local pool

_HERE: list[Path] = []  # where this worker finds tables


@dataclass(frozen=True)
class RayTable:
    """An array in Ray's object store, which a worker reads from its node's copy."""

    key: str

    def load(self) -> np.ndarray[Any, Any]:
        """The array, read-only, without reading what is not looked at."""
        return np.asarray(np.load(_HERE[-1] / f"{self.key}.npy", mmap_mode="r"))


@dataclass(frozen=True, kw_only=True)
class Work:
    """One job on its way to a worker.

    Args:
        payload: The function and its arguments, pickled.
        tables: Key of each table it reads to a list that holds Ray's reference to it.
        timeout: Seconds after which it is ended.
        gpu: Whether it uses a GPU.
        turn: How often jobs had been cancelled when it was handed in.
    """

    payload: bytes
    tables: Mapping[str, list[Any]]
    timeout: float | None
    gpu: bool
    turn: int = 0


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What holds for all trials of a search.

    Args:
        desk: Name of the actor that knows the jobs.
        cores: Cores of one trial.
        memory_limit: Most bytes by which a trial may grow; None: a fair share of what its node has free.
        preload: Modules that workers import beforehand.
        path: Where the user's process looks for modules; tried last, as a node may have none of them.
        hides_gpu: Whether a trial that Ray gives no GPU is to see none.
    """

    desk: str
    cores: float
    memory_limit: int | None
    preload: tuple[str, ...]
    path: tuple[str, ...] = ()
    hides_gpu: bool = False


class Bench:
    """The one worker of an actor, and the tables it has needed so far.

    Args:
        terms: Of all trials.
    """

    def __init__(self, terms: Terms) -> None:
        import sys

        silence()
        self._ray = require("ray")
        self._desk = self._ray.get_actor(terms.desk)
        sys.path.extend(p for p in terms.path if p not in sys.path)
        if terms.hides_gpu and not self._ray.get_gpu_ids():  # whether Ray does it is a setting of the cluster's
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        limit = terms.memory_limit
        if limit is None:
            limit = int(_MEMORY_SHARE * free_memory() / max(1, math.floor(usable_cores() / max(terms.cores, 0.1))))
        self._memory_limit, self._preload = limit, terms.preload
        self._scratch: Scratch | None = None
        self._pool: Pool | None = None
        self._open()  # its worker gets ready while there is no job yet
        self._watch: tuple[int, Any] | None = None

    def carry_out(self, trial: str) -> dict[str, Any]:
        """Carry out a trial's job and hand in what became of it; returned is what Ray Tune records of it."""
        given: tuple[int, Work] | bool = True
        while given is True:
            given = self._ray.get(self._desk.work.remote(trial))
        if given is False:  # no job is left for it, and most likely none for the actor
            self.close()
            return {"status": "none", "seconds": 0.0, "memory_mb": 0.0}
        number, work = given
        pool, folder = self._open(), self._lay_out(work.tables)
        pool.submit(Job(function=_call, args=(folder, work.payload), timeout=work.timeout, key=number))
        while (outcome := pool.collect(timeout=_TICK)) is None:
            if self._unwanted(work.turn):
                outcome = pool.cancel()[0]
                break
        self._ray.get(self._desk.deliver.remote(number, _packed(outcome)))
        if self._ray.get(self._desk.may_end.remote()):
            self.close()
        return {"status": outcome.status, "seconds": outcome.seconds, "memory_mb": outcome.memory_mb}

    def close(self) -> None:
        """End the worker and remove the tables; another job would have them again."""
        if self._scratch is not None:
            self._scratch.close()
        if self._pool is not None:
            self._pool.close()
            LAUNCHERS.clear()  # kept for the next pool, of which there is none: Ray ends the actor without its exit
        self._scratch = self._pool = None

    def _open(self) -> Pool:
        if self._pool is None:
            self._pool = Pool(1, self._memory_limit, preload=self._preload)
        return self._pool

    def _lay_out(self, tables: Mapping[str, list[Any]]) -> Path:
        """Write what the worker is to map, where it is not there already."""
        if self._scratch is None:
            self._scratch = Scratch()
        folder = self._scratch.path
        for key, (reference,) in tables.items():
            path = folder / f"{key}.npy"
            if not path.exists():
                np.save(path, self._ray.get(reference))
        return folder

    def _unwanted(self, turn: int) -> bool:
        if self._watch is None or self._watch[0] != turn:
            self._watch = (turn, self._desk.cancelled.remote(turn))
        if not self._ray.wait([self._watch[1]], timeout=0)[0]:
            return False
        reference, self._watch = self._watch[1], None
        try:
            return bool(self._ray.get(reference))
        except self._ray.exceptions.RayError:  # who has asked is gone
            return True


def silence() -> None:
    """Send what this process prints nowhere: Ray would show it to the user, who cannot tell where it comes from."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _call(folder: Path, payload: bytes) -> Any:
    """In the worker: the function with its arguments, whose tables are found in the folder."""
    _HERE[:] = [folder]
    function, args = _unpacked(payload)
    return function(*args)


def _unpacked(payload: bytes) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    loaded: tuple[Callable[..., Any], tuple[Any, ...]] = pickle.loads(payload)  # noqa: S301 - of our own parent
    return loaded


def _packed(outcome: Outcome) -> bytes:
    return bytes(cloudpickle.dumps(outcome))
