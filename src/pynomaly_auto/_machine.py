"""What this process may use of the machine: cores, memory and processes, within the limits of the container it runs in.

The limits are those of Linux control groups, version 1 and 2: of the group the process is in and of all above it, as
each holds for what is below. Everything is read from files below a root folder, so that tests bring their own.
"""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import psutil
from threadpoolctl import threadpool_limits

T = TypeVar("T")
R = TypeVar("R")

_ROOT = Path("/")
_UNCOUNTED = 1000  # a limit on processes so far away is none
# Where version 2 is found: by itself, or beside version 1.
_UNIFIED = ("sys/fs/cgroup", "sys/fs/cgroup/unified")


def usable_cores(root: Path = _ROOT) -> int:
    """Cores this process may use: its affinity, at most the control groups' quota rounded up, at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cores, *(math.ceil(quota) for quota in _quotas(root))]))


def free_memory(root: Path = _ROOT) -> int:
    """Bytes this process may still take: what the system has left, at most what the control groups leave."""
    return max(0, min([psutil.virtual_memory().available, *_rooms(root)]))


def whole_memory(root: Path = _ROOT) -> int:
    """Bytes of memory of the machine, or of the container this process runs in."""
    limits = (most for folder in _groups(root, "memory") for name in ("memory.max", "memory.limit_in_bytes")
              if (most := _number(" ".join(_words(folder / name)))) >= 0)  # fmt: skip
    return min([psutil.virtual_memory().total, *limits])


class OneThread:
    """Within it the numerical libraries use one thread each, until the last of those within has left.

    threadpoolctl puts back what it found: of two threads that overlap, the second would find one thread, and leave the
    process with that for good. Looking for the libraries takes 10 ms, so who enters while others are within looks only
    where modules were imported since, which may have loaded another.
    """

    def __init__(self) -> None:
        self._lock, self._within, self._modules = threading.Lock(), 0, 0
        self._limits: list[threadpool_limits] = []

    def __enter__(self) -> None:
        with self._lock:
            if not self._within or len(sys.modules) != self._modules:
                self._limits.append(threadpool_limits(1))
                self._modules = len(sys.modules)
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            while not self._within and self._limits:
                self._limits.pop().restore_original_limits()


ONE_THREAD = OneThread()


def in_threads(work: Callable[[T], R], things: Iterable[T], *, together: bool = True) -> list[R]:
    """Do the same with several things in as many threads as there are cores, for what is done in compiled code.

    Args:
        work: What is done; nothing of it may hang on what was done before.
        things: With what.
        together: Whether to; else one after the other, in this thread.

    Returns:
        What came of each, in their order; the first exception of any is raised.
    """
    queue = list(things)
    n_threads = min(len(queue), usable_cores()) if together else 1
    if n_threads <= 1:
        return [work(thing) for thing in queue]
    with ONE_THREAD, ThreadPoolExecutor(n_threads) as threads:
        return list(threads.map(work, queue))


def parts(n_rows: int, size: int) -> list[slice]:
    """Rows cut into parts of so many, the last of what is left."""
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def release_memory() -> None:
    """Give memory that was freed back to the system, where the C library keeps it for later (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def free_processes(root: Path = _ROOT) -> int | None:
    """Processes and threads this user may still start; None: so many that nobody need count them."""
    free = list(_pids(root))
    if sys.platform != "win32" and os.getuid() != 0:  # the system excepts its administrator
        import resource

        most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        if 0 <= most < _UNCOUNTED:
            free.append(max(0, most - _threads_of(os.getuid())))
    return min(free) if free and min(free) < _UNCOUNTED else None


def _threads_of(user: int) -> int:
    """All threads of the user's processes, as the limit counts them."""
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == user:
                count += process.num_threads()
    return count


def _pids(root: Path) -> Iterator[int]:
    """What each limit on the number of processes leaves."""
    for folder in _groups(root, "pids"):
        most, used = (_number(" ".join(_words(folder / name))) for name in ("pids.max", "pids.current"))
        if most >= 0:
            yield max(0, most - used)


def _quotas(root: Path) -> Iterator[float]:
    """Each limit on processor time, in cores."""
    for folder in _groups(root, "cpu"):
        quota, period = _words(folder / "cpu.max"), "100000"
        if not quota:
            quota, period = _words(folder / "cpu.cfs_quota_us"), (_words(folder / "cpu.cfs_period_us") or ["0"])[0]
        elif len(quota) == 2:
            period = quota[1]
        if quota and (share := _number(quota[0])) > 0 and (whole := _number(period)) > 0:
            yield share / whole


def _rooms(root: Path) -> Iterator[int]:
    """What each limit on memory leaves; file pages that are not in use go first and so count as free."""
    for folder in _groups(root, "memory"):
        for limit, usage, idle in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most = _number(" ".join(_words(folder / limit)))
            if most >= 0:
                statistics = dict(line.split()[:2] for line in _lines(folder / "memory.stat") if " " in line)
                used = _number(" ".join(_words(folder / usage))) - max(0, _number(statistics.get(idle, "")))
                yield most - max(0, used)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """The folders of the control groups that this process is in, the innermost first."""
    for line in _lines(root / "proc/self/cgroup"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers:
            tops = [root / place for place in _UNIFIED]
        elif controller in controllers.split(","):
            tops = [root / "sys/fs/cgroup" / controller]
        else:
            continue
        # A container is often told the host's path, while all it sees is its own group, at the top: what is not there
        # has no limit to read. One outside of what it sees begins with "..".
        parts = [] if ".." in path.split("/") else [part for part in path.split("/") if part]
        for top in tops:
            for depth in range(len(parts), -1, -1):
                yield top.joinpath(*parts[:depth])


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _words(path: Path) -> list[str]:
    return " ".join(_lines(path)).split()


def _number(text: str) -> int:
    """A number of such a file; -1 for anything else, such as ``max``."""
    return int(text) if text.isdigit() else -1
