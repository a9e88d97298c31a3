"""One journalled trial in a file: what was tried, how it ended, and its scores."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, get_args

import numpy as np

from pynomaly_auto import storing
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import PynomalyError, StorageError
from pynomaly_auto.pool import Outcome, OutcomeStatus
from pynomaly_auto.records import Configuration, Reason, Role, State, TrialStatus, plain
from pynomaly_auto.tuning import Journalled, TrialResult

KIND = "trial"
_REMOVE = "Remove this file, and the trial is made again."


def write_trial(path: Path, trial: Journalled, run: str) -> None:
    """Write a trial into a file of its own: either all of it is there afterwards, or nothing.

    Args:
        path: The file.
        trial: The trial.
        run: Name of the run that it belongs to.

    Raises:
        StorageError: The file cannot be written.
    """
    outcome = trial.outcome
    result: TrialResult | None = outcome.value
    values: dict[str, Any] = {
        "detector": trial.detector, "params": plain(dict(trial.params)), "role": trial.role, "rows": trial.n_rows,
        "outcome": outcome.status, "outcome_error": _text(outcome.error), "outcome_seconds": outcome.seconds,
        "memory_mb": outcome.memory_mb, "run": run,
    }  # fmt: skip
    arrays = {}
    if result is not None:
        values |= {"status": result.status, "error": _text(result.error), "seconds": result.seconds,
                   "reasons": [r.to_dict() for r in result.reasons]}  # fmt: skip
        if result.scores is not None:
            arrays["scores"] = np.asarray(result.scores, dtype=np.float64)
    parts = {"trial": State(values=values, arrays=arrays)}
    storing.save(path, storing.SavedParts(kind=KIND, parts=parts))


def read_trial(path: Path, run: str) -> Journalled:
    """Read what `write_trial` wrote.

    Raises:
        StorageError: It is damaged, belongs to another run, or needs a detector that is not there.
    """
    try:
        loaded = storing.load(path)
        if loaded.manifest.kind != KIND:
            raise StorageError(f"it holds a {loaded.manifest.kind}, not a trial.")
        state = loaded.part("trial")
        if state.value("run", str) != run:
            raise StorageError("it is a trial of another run.")
        return _trial(state)
    except PynomalyError as error:
        raise StorageError(error.what, where=str(path), fix=_REMOVE) from None
    except (TypeError, ValueError, AttributeError) as error:  # of a reason that is none
        raise StorageError(f"its reasons cannot be read: {error}.", where=str(path), fix=_REMOVE) from None


def _trial(state: State) -> Journalled:
    name, role = state.value("detector", str), state.value("role", str)
    if name not in DETECTORS or role not in get_args(Role):
        raise StorageError(f"there is no detector {name!r}, or no such role.")
    status, value = state.value("outcome", str), None
    if status not in get_args(OutcomeStatus):
        raise StorageError(f"no trial ends as {status!r}.")
    if "status" in state.values:
        value = _result(state)
    outcome = Outcome(
        key=None, status=status, value=value, error=state.value("outcome_error", (str, type(None))),
        seconds=_amount(state, "outcome_seconds"), memory_mb=_amount(state, "memory_mb"),
    )  # fmt: skip
    configuration = Configuration(detector=name, params=state.value("params", dict))
    return Journalled(configuration=configuration, role=role, outcome=outcome, n_rows=state.value("rows", int))


def _result(state: State) -> TrialResult:
    status, scores = state.value("status", str), None
    if status not in get_args(TrialStatus):
        raise StorageError(f"no trial ends as {status!r}.")
    if status == "completed":
        scores = state.array("scores", kind="f", ndim=1)
        if scores.dtype != np.float64 or not np.isfinite(scores).all():
            raise StorageError("there are scores that are no finite numbers.")
        scores = scores.copy()  # what a worker sends may be written to
    error, seconds = state.value("error", (str, type(None))), _amount(state, "seconds")
    reasons = tuple(Reason.from_dict(r) for r in state.value("reasons", list)) if "reasons" in state.values else ()
    return TrialResult(status=status, error=error, scores=scores, seconds=seconds, reasons=reasons)


def _amount(state: State, name: str) -> float:
    found = float(state.value(name, (int, float)))
    if not (math.isfinite(found) and found >= 0):
        raise StorageError(f"the value {name!r} is {found}.")
    return found


def _text(error: str | None) -> str | None:
    return None if error is None else str(error)
