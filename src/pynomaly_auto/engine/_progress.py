"""The progress bar: stage, trials, best so far, time left; silent where nobody looks."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

from pynomaly_auto._deadline import Deadline
from pynomaly_auto._saying import is_terminal, say
from pynomaly_auto.records import Trial
from pynomaly_auto.settings import Settings


class Progress:
    """Shows how far a run is, in a terminal or a notebook.

    Args:
        settings: ``verbose`` 0: silent; 1: a bar when somebody looks; 2: a line per trial wherever the output goes.
        deadline: The clock of the run.
    """

    def __init__(self, settings: Settings, deadline: Deadline) -> None:
        self._settings = settings
        self._deadline = deadline
        self._bar: Any = None
        self._task: Any = None
        self._stage = ""
        self._trials = 0
        self._best: float | None = None

    def __enter__(self) -> Self:
        if self._settings.verbose >= 1 and somebody_looks():
            from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[note]}"),
            )
            self._bar = Progress(*columns, transient=True, refresh_per_second=4)
            self._bar.start()
            self._task = self._bar.add_task("starting", total=self._total(), note="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def stage(self, name: str) -> None:
        """A stage begins."""
        self._stage = name
        self._show()

    def trial(self, trial: Trial) -> None:
        """A trial ended."""
        self._trials += 1
        if trial.quality is not None:
            self._best = max(trial.quality, self._best or 0.0)
        if self._settings.verbose >= 2:
            quality = "" if trial.quality is None else f" quality {trial.quality:.3f}"
            say(f"trial {trial.number} {trial.detector} {trial.status}{quality} {trial.seconds:.2f} s")
        self._show()

    def _total(self) -> float:
        return float(self._settings.n_trials or self._deadline.seconds or 1.0)

    def _show(self) -> None:
        if self._bar is None:
            return
        trials = self._settings.n_trials
        done = self._trials if trials else self._deadline.elapsed()
        best = "" if self._best is None else f"  best {self._best:.3f}"
        left = "" if self._deadline.seconds is None else f"  {self._deadline.remaining():.0f} s left"
        note = f"{self._trials}{f' of {trials}' if trials else ''} trials{best}{left}"
        self._bar.update(self._task, description=self._stage, completed=min(done, self._total()), note=note)


def somebody_looks() -> bool:
    """Whether output goes to a terminal or a notebook."""
    if sys.stderr is not None and is_terminal(sys.stdout):
        return True
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and type(shell).__name__ == "ZMQInteractiveShell"
