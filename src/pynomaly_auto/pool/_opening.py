"""Where jobs run: on this machine, or on Ray."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from pynomaly_auto.pool._jobs import Executor
from pynomaly_auto.pool._launchers import LAUNCHERS
from pynomaly_auto.pool._pool import PRELOAD, START, Pool
from pynomaly_auto.pool._ray import RayExecutor


def workers_ahead(backend: str) -> AbstractContextManager[None]:
    """Let local workers get ready before there is a pool, which is to be opened within; see `open_executor`."""
    return LAUNCHERS.ahead(START, PRELOAD) if backend == "local" else nullcontext()


def open_executor(
    backend: str, workers: int, *, memory_limit: int | None = None, preload: tuple[str, ...] = PRELOAD
) -> Executor:
    """The one place that chooses; there is no local pool beside Ray.

    Args:
        backend: ``"local"`` or ``"ray"``.
        workers: Jobs at a time.
        memory_limit: Most bytes by which local workers may grow, all together; None: most of what is free. On Ray
            it is Ray's monitor that watches memory.
        preload: Modules imported once, before local workers are forked.

    Raises:
        MissingExtraError: The backend is Ray and Ray is not installed.
        ResourceError: No thread can be started.
    """
    return RayExecutor(workers) if backend == "ray" else Pool(workers, memory_limit, preload=preload)
