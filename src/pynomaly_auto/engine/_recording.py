"""The last step of a run: report and model go to MLflow, and whatever goes wrong there never costs the result."""

from __future__ import annotations

import copy
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pynomaly_auto.engine._pipeline import Run
from pynomaly_auto.engine._storage import SUFFIX, save
from pynomaly_auto.records import Reason
from pynomaly_auto.reporting import write_report
from pynomaly_auto.tracking import NullTracker, Tracker

if TYPE_CHECKING:
    from pynomaly_auto.engine._detector import AutonomousDetector

# Without a time budget a slow store is waited for this long; what is not written by then goes on in the background.
_PATIENCE = 20.0
# A run may end 10 % and 2 s after its budget; recording takes no more than about half of that.
_OVERRUN = 0.05
_LEAST = 0.7


def record(detector: AutonomousDetector, run: Run) -> None:
    """Hand the finished run to its tracker; problems become warnings of the result."""
    if isinstance(run.tracker, NullTracker):
        return
    spare = _LEAST + _OVERRUN * (run.deadline.seconds or 0.0)
    recording = _Recording(copy.copy(detector), run.tracker, end=time.monotonic() + spare + run.deadline.remaining())
    recording.start()
    recording.join(min(_PATIENCE, spare + run.deadline.remaining()))
    warnings = recording.warnings
    detector.result_ = replace(run.result, warnings=run.result.warnings + warnings)


class _Recording(threading.Thread):
    """Writes report and model and hands them over; not a daemon, so that a program that ends waits for it.

    A thread, because writing a large model takes seconds that ``fit`` may not have.

    Args:
        detector: A copy, so that moving the cut meanwhile does not change what is recorded.
        tracker: Where to.
        end: When the caller stops waiting, on the monotonic clock.
    """

    def __init__(self, detector: AutonomousDetector, tracker: Tracker, *, end: float) -> None:
        super().__init__(name="pynomaly-recording")
        self._detector, self._tracker, self._end = detector, tracker, end
        self._problems: list[Reason] = []
        self._handed_over = False  # the tracker has said itself what is not recorded yet

    @property
    def warnings(self) -> tuple[Reason, ...]:
        """What could not be recorded so far."""
        found = (*self._problems, *self._tracker.problems)
        if self._handed_over or not self.is_alive():
            return found
        text = "Not all was recorded in time; the rest is being written in the background."
        return (*found, Reason(code="TRK-002", subject="MLflow", text=text))

    def run(self) -> None:
        """The thread's life."""
        with tempfile.TemporaryDirectory(prefix="pynomaly-") as folder:
            files: dict[str, Path] = {}
            model: Path | None = None
            try:
                files["report.html"] = write_report(self._detector.result_, Path(folder) / "report.html")
                model = save(self._detector, Path(folder) / f"model{SUFFIX}")
            except Exception as error:  # the one place: no trouble with a report or a model may cost the record
                text = f"Not recorded in full: {error}"
                self._problems.append(Reason(code="TRK-010", subject="artifacts", text=text))
            left = max(0.0, min(_PATIENCE, self._end - time.monotonic()))
            self._tracker.finish(self._detector.result_, files, model=model, timeout=left)
            self._handed_over = True
