"""Launchers whose server is up, kept for the next pool, or started before there is one."""

from __future__ import annotations

import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator

from pynomaly_auto.pool._launching import Launcher, WorkerProcess


class LauncherCache:
    """Keeps one launcher whose server is up: the next pool gets its workers in milliseconds, not in seconds.

    Args:
        seconds: How long a launcher nobody asks for is kept.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: Launcher | None = None
        self._turn = 0
        self._changed = threading.Condition()
        self._inherited: list[Launcher] = []

    def take(self, start: str, preload: tuple[str, ...], on_worker: Callable[[WorkerProcess], None]) -> Launcher:
        """The kept launcher if it was started in the same circumstances, else a new one."""
        kept = self._remove()
        if kept is not None and kept.circumstances == (start, preload) and kept.reusable:
            kept.serve(on_worker)
            return kept
        if kept is not None:
            kept.close()
        return Launcher(start, preload, on_worker)

    @contextlib.contextmanager
    def ahead(self, start: str, preload: tuple[str, ...]) -> Iterator[None]:
        """Let a server import what it needs while the caller still does the same; for a pool that is opened within."""
        launcher, turn = None, self._turn
        # Whatever is refused here is told when the pool is opened.
        with contextlib.suppress(RuntimeError, OSError):
            if self._kept is None and start == "forkserver":
                launcher = Launcher(start, preload, _unasked)
                launcher.begin()
        with self._changed:
            late = self._kept is not None  # another thread has done the same
            if not late:
                self._kept = launcher
        if late and launcher is not None:
            launcher.close()
        try:
            yield
        finally:
            with self._changed:
                unused = launcher is not None and self._kept is launcher and self._turn == turn
                if unused:
                    self._kept = None
            if unused and launcher is not None:
                launcher.close()

    def give_back(self, launcher: Launcher) -> int:
        """Keep a launcher, or close it when it is of no use or another is kept already; the number is for `watch`."""
        with self._changed:
            keep = self._kept is None and launcher.reusable
            if keep:
                launcher.rest()
                self._kept = launcher
                self._turn += 1
            turn = self._turn
        if not keep:
            launcher.close()
        return turn

    def watch(self, turn: int) -> None:
        """Wait until somebody takes what was given back then, and close it when nobody does.

        The thread that gave it back waits here: a timer would be a new thread, and none can be started at exit.
        """
        end = time.monotonic() + self._seconds
        changed = self._changed
        with changed:
            while self._kept is not None and self._turn == turn and (left := end - time.monotonic()) > 0:
                changed.wait(left)
            due = self._turn == turn
        if due:
            self.clear()

    def clear(self) -> None:
        """Close what is kept."""
        kept = self._remove()
        if kept is not None:
            kept.close()

    def _remove(self) -> Launcher | None:
        with self._changed:
            kept, self._kept = self._kept, None
            self._changed.notify_all()
        return kept

    def forget(self) -> None:
        """A forked child has no say in the processes, the socket and the folder of its parent."""
        if self._kept is not None:
            self._inherited.append(self._kept)  # collecting it would complain about processes that still run
        self._kept, self._changed = None, threading.Condition()


LAUNCHERS = LauncherCache(seconds=60.0)  # a minute: a notebook's next fit is warm, an idle process keeps nothing
atexit.register(LAUNCHERS.clear)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LAUNCHERS.forget)


def _unasked(worker: WorkerProcess) -> None:
    """Nobody has asked for a worker yet."""
    worker.kill()
