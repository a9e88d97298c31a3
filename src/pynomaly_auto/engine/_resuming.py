"""Carrying out a run, with or without a checkpoint, and going on with one."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from pynomaly_auto.dataset import Table
from pynomaly_auto.engine._checkpoint import RESUME, Checkpoint, held
from pynomaly_auto.engine._configuration import check_function
from pynomaly_auto.engine._heeding import Given, Said
from pynomaly_auto.engine._pipeline import run
from pynomaly_auto.engine._recording import record
from pynomaly_auto.engine._storage import plain_params, run_of
from pynomaly_auto.engine._stored_run import Asked, StoredRun
from pynomaly_auto.errors import SettingError, StorageError
from pynomaly_auto.pool import workers_ahead
from pynomaly_auto.records import Reason


def carry_out(detector: Any, table: Any, asked: Asked, said: Said, folder: Path | None) -> None:
    """Fit a detector to a table, and record the run.

    Args:
        detector: The estimator.
        table: The user's.
        asked: What is asked for.
        said: What the user says of the rows.
        folder: Of the checkpoint; None: none.

    Raises:
        StorageError: The folder is in use, of another table, or the run in it is finished.
    """
    with nullcontext() if folder is None else held(folder, make=True) as checkpoint:
        if checkpoint is not None:
            if checkpoint.finished is not None:
                raise StorageError(
                    "the run in the checkpoint is finished.", where=str(folder),
                    fix=f"Load its result by {RESUME}, or give another folder.",
                )  # fmt: skip
            asked = replace(
                asked,
                params=plain_params(asked.params, asked.settings.to_dict()),
                label_column=said.labels if isinstance(said.labels, str) else None,
                label_coding=said.coding,
            )
        _run(detector, table, asked, said, checkpoint)


@dataclass(frozen=True, kw_only=True, eq=False)
class Resumed:
    """What a run that goes on comes to.

    Args:
        detector: Fitted.
        table: The table of the run, without a column of labels; None: the folder does not hold it.
    """

    detector: Any
    table: Table | None = field(repr=False)


def go_on(kind: Any, folder: Path, table: Any) -> Resumed:
    """A detector of a class, by the run in a folder.

    Args:
        kind: The estimator's class.
        folder: Of the checkpoint.
        table: The table it began with; None: that is in the folder.
    """
    with held(folder, make=False) as checkpoint:
        assert checkpoint.stored is not None
        if checkpoint.finished is not None:
            loaded = _loaded(kind, checkpoint.finished, checkpoint.stored.name, len(checkpoint.trials))
            return Resumed(detector=loaded, table=checkpoint.stored.table)
        detector = _made(kind, checkpoint.stored.asked, folder)
        stored = checkpoint.stored
        check_function(stored.asked.settings.target_metric, "Give it again: fit(X, checkpoint=directory) goes on too.")
        if table is None and stored.table is None:
            raise SettingError(
                "the checkpoint does not hold the table, as fit() has warned (ENG-006).", where="X",
                fix="Give the table that fit was given: resume(directory, X).",
            )  # fmt: skip
        with workers_ahead(stored.asked.settings.backend):
            opened, given = (stored.table, stored.given) if table is None else _again(table, stored)
            _run(detector, opened, stored.asked, given, checkpoint)
    return Resumed(detector=detector, table=opened)


def _run(detector: Any, table: Any, asked: Asked, said: Said | Given, checkpoint: Checkpoint | None) -> None:
    done = run(table, asked, owner=type(detector).__name__, said=said, checkpoint=checkpoint)
    detector._adopt(done.model, done.result)
    warn = partial(detector._warn, done.result)
    record(detector._fitted_now(), done, warn)
    if checkpoint is not None:
        checkpoint.finish(detector._fitted_now(), warn)


def _again(table: Any, stored: StoredRun) -> tuple[Any, Given]:
    """A table given again, without the column of labels that its run has left out."""
    from pynomaly_auto.dataset import open_table, read_labels

    opened = open_table(table)
    if stored.asked.label_column is not None and stored.asked.label_column in opened.names:
        opened, _ = read_labels(stored.asked.label_column, opened, stored.asked.label_coding)
    return opened, stored.given


def _made(kind: Any, asked: Asked, folder: Path) -> Any:
    if unknown := set(asked.params) - set(kind._get_param_names()):
        raise StorageError(f"a detector has no parameter {min(unknown)!r}.", where=str(folder))
    return kind(**asked.params)


def _loaded(kind: Any, path: Path, run: str, trials: int) -> Any:
    try:
        if run_of(path) != run:
            raise StorageError("it is the result of another run.")
        detector = kind.load(path)
    except StorageError as error:
        fix = "Remove this file, and the result is made again from the trials."
        raise StorageError(error.what, where=str(path), fix=fix) from None
    text = "The run had finished: its result was loaded, and nothing was done again."
    reason = Reason(code="ENG-003", subject="checkpoint", text=text, evidence={"trials": trials})
    detector.result_ = replace(detector.result_, data_reasons=(*detector.result_.data_reasons, reason))
    return detector
