"""The last step of a run: report and model go to MLflow, and whatever goes wrong there never costs the result."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from pynomaly_auto import _budget
from pynomaly_auto._scratch import Scratch
from pynomaly_auto.engine._fitted import Fitted
from pynomaly_auto.engine._pipeline import Run
from pynomaly_auto.engine._storage import SUFFIX, save
from pynomaly_auto.records import Reason
from pynomaly_auto.reporting import write_report
from pynomaly_auto.tracking import NullTracker, Tracker

Warn: TypeAlias = Callable[[tuple[Reason, ...]], None]


def record(fitted: Fitted, run: Run, warn: Warn) -> None:
    """Hand the finished run to its tracker.

    Args:
        fitted: What is recorded.
        run: Whose tracker and clock.
        warn: Called with problems, also with those met later.
    """
    if isinstance(run.tracker, NullTracker):
        return
    spare = _budget.recording_seconds(run.deadline.seconds)
    recording = _Recording(fitted, run.tracker, end=time.monotonic() + spare + run.deadline.remaining())
    try:
        recording.start()
    except RuntimeError:  # no thread to be had: the record is worth the time
        recording.run()
    else:
        recording.join(min(_budget.RECORDING_MOST, spare + run.deadline.remaining()))
    warn(recording.problems)
    recording.tell(warn)


class _Recording(threading.Thread):
    """Writes report and model and hands them over; not a daemon, so that a program that ends waits for it.

    A thread, because writing a large model takes seconds that ``fit`` may not have.

    Args:
        fitted: What is recorded.
        tracker: Where to.
        end: When the caller stops waiting, on the monotonic clock.
    """

    def __init__(self, fitted: Fitted, tracker: Tracker, *, end: float) -> None:
        super().__init__(name="pynomaly-recording")
        self._fitted, self._tracker, self._end = fitted, tracker, end
        self._problems: list[Reason] = []
        self._listener: Warn = lambda _: None

    @property
    def problems(self) -> tuple[Reason, ...]:
        """What could not be recorded so far; that something is still being written is none."""
        return (*self._problems, *self._tracker.problems)

    def tell(self, listener: Warn) -> None:
        """Have it called with what is lost from now on."""
        self._listener = listener
        self._tracker.tell_losses(listener)

    def run(self) -> None:
        """The thread's life."""
        with Scratch() as scratch:
            files: dict[str, Path] = {}
            model: Path | None = None
            try:
                files["report.html"] = write_report(self._fitted.result, scratch.path / "report.html")
                model = save(self._fitted, scratch.path / f"model{SUFFIX}")
            except Exception as error:  # the one place: no trouble with a report or a model may cost the record
                text = f"Not recorded in full: {error}"
                self._problems.append(Reason(code="TRK-010", subject="artifacts", text=text))
                self._listener(self.problems)
            left = max(0.0, min(_budget.RECORDING_MOST, self._end - time.monotonic()))
            self._tracker.finish(self._fitted.result, files, model=model, timeout=left)
