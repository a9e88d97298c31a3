"""What goes into the pool and what comes out of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypeAlias

import numpy as np

from pynomaly_auto.errors import StorageError

OutcomeStatus: TypeAlias = Literal["completed", "failed", "timeout", "memory", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One function call to be made in a worker process.

    Args:
        function: Pickled by reference where it can be imported, by value where it lives in ``__main__``.
        args: Its arguments; large arrays go through `Pool.share`.
        timeout: Seconds after which the worker is killed; None: never.
        key: Comes back with the outcome.
        gpu: Whether it uses a GPU where there is one; for who gives them out.
        memory: Bytes by which its worker is expected to grow: it waits until there is so much room, or nothing runs.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    timeout: float | None = None
    key: Any = None
    gpu: bool = False
    memory: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one job.

    Args:
        key: The job's.
        value: What the function returned; None unless completed.
        error: Why it did not complete, in one line.
        seconds: Wall-clock seconds in the worker.
        memory_mb: Growth of the worker's resident memory at its peak, in MB.
    """

    key: Any
    status: OutcomeStatus
    value: Any = field(default=None, repr=False)
    error: str | None = None
    seconds: float = 0.0
    memory_mb: float = 0.0


@dataclass(frozen=True)
class SharedArray:
    """An array that all workers read from one memory-mapped file."""

    path: str

    def load(self) -> np.ndarray[Any, Any]:
        """The array, read-only, without reading what is not looked at."""
        return np.asarray(np.load(self.path, mmap_mode="r"))

    @classmethod
    def save(cls, array: np.ndarray[Any, Any], path: Path) -> SharedArray:
        """Write the array to ``path`` and return the handle.

        Raises:
            StorageError: There is no room, or the folder cannot be written to.
        """
        try:
            np.save(path, np.ascontiguousarray(array))
        except OSError as error:
            with contextlib.suppress(OSError):  # the folder may be none
                path.unlink(missing_ok=True)
            why = error.strerror or f"no room ({error})"  # numpy says how many bytes were asked for and written
            raise StorageError(
                f"{array.nbytes:,} bytes cannot be written to the temporary folder: {why}.",
                where=str(path.parent), fix="Set TMPDIR to a folder that can be written, with room.",
            ) from None  # fmt: skip
        return cls(str(path))


class Executor(Protocol):
    """What carries out jobs: the local `Pool`, or `RayExecutor`."""

    workers: int

    @property
    def pending(self) -> int:
        """Jobs whose outcome was not collected yet."""
        ...

    def share(self, array: np.ndarray[Any, Any]) -> Any:
        """Make an array readable by workers through the handle's ``load()``."""
        ...

    def submit(self, job: Job) -> None:
        """Queue a job."""
        ...

    def collect(self, timeout: float | None = None) -> Outcome | None:
        """The next outcome."""
        ...

    def cancel(self) -> list[Outcome]:
        """Kill what runs and return what was not collected yet."""
        ...

    def close(self) -> None:
        """End it; what runs is killed."""
        ...

    def needed(self) -> AbstractContextManager[None]:
        """Within it, nothing that finished for want of workers is told as that."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a worker sends back: an outcome without its key."""

    status: OutcomeStatus
    value: Any = None
    error: str | None = None
    seconds: float = 0.0
    memory_mb: float = 0.0
