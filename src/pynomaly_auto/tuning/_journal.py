"""What outlives the process of a search: every trial that has ended, so that a later attempt need not make it again."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pynomaly_auto._scratch import Closing
from pynomaly_auto.pool import Executor, Job, Outcome
from pynomaly_auto.records import Configuration, Step
from pynomaly_auto.tuning._objective import TrialRequest, TrialResult


@dataclass(frozen=True, kw_only=True, eq=False)
class Journalled(Step):
    """A trial that has ended, as it is journalled.

    Args:
        outcome: What came of it, without the fitted estimator: the same seed fits the same one again.
        n_rows: Rows it was fitted on.
    """

    outcome: Outcome = field(repr=False)
    n_rows: int


class Journal(Protocol):
    """Where trials are journalled; nothing that goes wrong there may cost the run."""

    @property
    def trials(self) -> tuple[Journalled, ...]:
        """Those of earlier attempts, in the order in which they ended."""
        ...

    @property
    def studies(self) -> Path | None:
        """File for Optuna's journal of all trials; None: there is to be none."""
        ...

    def note(self, trial: Journalled) -> None:
        """Write a trial down, for good; one whose configuration is there already is not written again."""
        ...

    def beat(self) -> None:
        """Say that the run is still on its way, and how far."""
        ...

    def trouble(self, error: Exception) -> None:
        """Say that something could not be written."""
        ...


class NoJournal:
    """Nothing is journalled."""

    trials: tuple[Journalled, ...] = ()
    studies: Path | None = None

    def note(self, trial: Journalled) -> None:
        """Nothing."""

    def beat(self) -> None:
        """Nothing."""

    def trouble(self, error: Exception) -> None:
        """Nothing."""


def journalled(step: Step, outcome: Outcome, n_rows: int) -> Journalled | None:
    """A trial as it is journalled; None: nothing that would hold in another attempt came of it.

    A trial that was cancelled is to be made again; so is one whose worker just died, as that may have had to do with
    what ended the run.
    """
    if not isinstance(outcome.value, TrialResult) and outcome.status not in {"timeout", "memory"}:
        return None
    if isinstance(outcome.value, TrialResult):
        outcome = replace(outcome, value=replace(outcome.value, payload=None))
    return Journalled(configuration=step.configuration, role=step.role, outcome=outcome, n_rows=n_rows)


def fitting(trials: Iterable[Journalled], n_rows: int) -> tuple[Journalled, ...]:
    """Those made on so many rows: others are of another sample, and cannot be compared."""

    def fits(trial: Journalled) -> bool:
        scores = getattr(trial.outcome.value, "scores", None)
        return trial.n_rows == n_rows and (scores is None or scores.shape == (n_rows,))

    return tuple(t for t in trials if fits(t))


class Replaying(Closing):
    """An executor that does not carry out again what an earlier attempt has.

    To whoever submits, nothing else differs: the search asks what it would have asked, and goes on by itself where the
    journal ends.

    Args:
        inner: Carries out the rest.
        trials: What is known; of two with one configuration the later one counts.
    """

    def __init__(self, inner: Executor, trials: Iterable[Journalled]) -> None:
        self._inner = inner
        self._known = {t.configuration.key: t.outcome for t in trials}
        self._ready: list[Outcome] = []
        self.workers = inner.workers

    @property
    def pending(self) -> int:
        """Jobs whose outcome was not collected yet."""
        return self._inner.pending + len(self._ready)

    def share(self, array: np.ndarray[Any, Any]) -> Any:
        """Make an array readable by workers through the handle's ``load()``."""
        return self._inner.share(array)

    def submit(self, job: Job) -> None:
        """Queue a job, or take what is known to come of it."""
        request: TrialRequest = job.args[0]
        outcome = self._known.get(Configuration(detector=request.spec.name, params=request.params).key)
        if outcome is None:
            self._inner.submit(job)
        else:
            self._ready.append(replace(outcome, key=job.key))

    def collect(self, timeout: float | None = None) -> Outcome | None:
        """The next outcome, those known first."""
        return self._ready.pop(0) if self._ready else self._inner.collect(timeout=timeout)

    def cancel(self) -> list[Outcome]:
        """Kill what runs and return what was not collected yet."""
        ready, self._ready = self._ready, []
        return ready + self._inner.cancel()

    def close(self) -> None:
        """End it; what runs is killed."""
        self._inner.close()

    def needed(self) -> AbstractContextManager[None]:
        """Within it, nothing that finished for want of workers is told as that."""
        return self._inner.needed()
