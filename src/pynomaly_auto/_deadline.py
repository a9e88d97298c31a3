"""The clock of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from pynomaly_auto._budget import STARTING_SHARE

_WAITING_SINCE: ContextVar[float | None] = ContextVar("waiting since", default=None)


@contextmanager
def waiting_since(moment: float) -> Iterator[None]:
    """Let the time budget of runs inside count from a moment of the monotonic clock; an outer one's stays.

    Somebody waits for imports, and on the command line for the start of the program and the reading of the table, too.
    """
    token = _WAITING_SINCE.set(moment if _WAITING_SINCE.get() is None else _WAITING_SINCE.get())
    try:
        yield
    finally:
        _WAITING_SINCE.reset(token)


class Deadline:
    """A point in time that the stages of one run share; None never comes.

    It counts from when somebody began to wait for the run (`waiting_since`), else from now. ``waited`` says how many
    seconds ago that was, all of them, though no more than half of the budget is taken off for it.
    """

    def __init__(self, seconds: float | None) -> None:
        now, since = time.monotonic(), _WAITING_SINCE.get()
        # However long starting took, half of the time is left for the run itself.
        most = math.inf if seconds is None else STARTING_SHARE * seconds
        self.seconds = seconds
        self.waited = 0.0 if since is None else max(now - since, 0.0)
        self.started = now if since is None else now - min(max(now - since, 0.0), most)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def remaining(self) -> float:
        """Seconds left, never negative; infinite without a limit."""
        return math.inf if self.seconds is None else max(0.0, self.seconds - self.elapsed())

    def spend(self, seconds: float) -> None:
        """Let so much more of the time be gone, as earlier attempts at the same run have used it."""
        self.started -= seconds

    def reserving(self, seconds: float) -> Deadline:
        """The same clock for what must leave that many seconds to what follows."""
        earlier = Deadline(None if self.seconds is None else max(0.0, self.seconds - seconds))
        earlier.started = self.started
        return earlier
