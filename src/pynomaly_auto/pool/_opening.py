"""Where jobs run: on this machine, or on Ray."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from pynomaly_auto._machine import usable_cores
from pynomaly_auto.pool._cluster import Cluster
from pynomaly_auto.pool._jobs import Executor
from pynomaly_auto.pool._launchers import LAUNCHERS
from pynomaly_auto.pool._pool import PRELOAD, START, Pool
from pynomaly_auto.pool._ray import RayExecutor


def workers_ahead(backend: str) -> AbstractContextManager[None]:
    """Let local workers get ready before there is a pool, which is to be opened within; see `open_executor`."""
    return LAUNCHERS.ahead(START, PRELOAD) if backend == "local" else nullcontext()


def open_executor(
    backend: str,
    workers: int | None,
    *,
    memory_limit: int | None = None,
    preload: tuple[str, ...] = PRELOAD,
    cluster: Cluster | None = None,
) -> Executor:
    """The one place that chooses; there is no local pool beside Ray.

    Args:
        backend: ``"local"`` or ``"ray"``.
        workers: Jobs at a time; None: one per usable core, or as many as the cluster holds.
        memory_limit: Most bytes by which local workers may grow during their jobs, all together, or each one on Ray;
            None: most of what is free.
        preload: Modules imported once, before workers are forked.
        cluster: Which cluster of Ray's, and what a job takes of it; None: as `Cluster` has it.

    Raises:
        MissingExtraError: The backend is Ray and Ray is not installed.
        ResourceError: No thread can be started, or no such cluster answers.
    """
    if backend == "ray":
        return RayExecutor(workers, cluster, memory_limit, preload=preload)
    return Pool(workers or usable_cores(), memory_limit, preload=preload)
