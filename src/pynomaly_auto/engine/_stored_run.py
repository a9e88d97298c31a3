"""What a run was asked to do, as data: the settings, the table, what is said of its rows."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from pynomaly_auto import storing
from pynomaly_auto._version import __version__
from pynomaly_auto.dataset import Table, TableEncoder
from pynomaly_auto.engine._heeding import Given
from pynomaly_auto.engine._stored_table import (
    digest_of,
    encoded_digest,
    is_plain,
    table_from_state,
    table_to_state,
)
from pynomaly_auto.errors import PynomalyError, StorageError
from pynomaly_auto.records import Dataset, Labels, Reason, State, plain
from pynomaly_auto.settings import Settings

KIND = "checkpoint"
_ANEW = "Start the run anew in another folder."
# What changes nothing in the result, or only how far a run gets: an attempt may differ in it.
_FREE = frozenset(
    {
        "n_jobs", "backend", "address", "resources_per_trial", "memory_limit", "compute_budget", "verbose", "tracking",
        "experiment_name",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Asked:
    """Who asked for a run, and for what.

    Args:
        params: The estimator's parameters; of a configuration object or file, what it says.
        settings: What they come to, the seed drawn.
        reasons: Why the settings are what they are.
        label_column: The column of the table that said what rows are; None: none did.
        label_coding: How it did.
    """

    params: Mapping[str, Any]
    settings: Settings
    reasons: tuple[Reason, ...]
    label_column: str | None = None
    label_coding: str = "anomaly=1"


@dataclass(frozen=True, kw_only=True, eq=False)
class StoredRun:
    """A run as its checkpoint has it.

    Args:
        asked: What it is to do.
        table: The table, without a column of labels; None: it could not be held as data.
        given: What is known of its rows.
        table_digest: Tells the table, and what is known of its rows, from others.
        encoded: Tells the encoded rows from others.
        unheld: Why the table is not there.
        name: Tells what belongs to the run from files of another one.
        version: Of the library that began it.
        versions: Of the packages that its results depend on.
    """

    asked: Asked
    table: Table | None = field(repr=False)
    given: Given = field(repr=False)
    table_digest: str
    encoded: str
    name: str
    version: str
    versions: Mapping[str, str] = field(default_factory=dict)
    unheld: str = "it has cells of kinds that no file holds."


@dataclass(frozen=True, kw_only=True, eq=False)
class Opened:
    """A table as a run takes it.

    Args:
        table: Opened, without a column of labels.
        given: What is known of its rows.
        encoder: Fitted on it.
        dataset: Encoded.
    """

    table: Table
    given: Given
    encoder: TableEncoder
    dataset: Dataset


def write_run(path: Path, asked: Asked, opened: Opened) -> StoredRun:
    """Write down what a run is to do, before it does anything.

    Raises:
        StorageError: The file cannot be written.
    """
    state, given = table_to_state(opened.table), _given_state(opened.given)
    run = StoredRun(
        asked=asked,
        table=opened.table if _is_held(state, opened) else None,
        given=opened.given,
        table_digest=digest_of(state, given),
        encoded=encoded_digest(opened.dataset),
        name=os.urandom(16).hex(),
        version=__version__,
    )
    values = {
        "params": plain(dict(asked.params)), "settings": plain(asked.settings.to_dict()),
        "reasons": [r.to_dict() for r in asked.reasons], "table_digest": run.table_digest, "encoded": run.encoded,
        "label_column": asked.label_column, "label_coding": asked.label_coding, "name": run.name,
    }  # fmt: skip
    parts = {"asked": State(values=values), "given": given}
    if run.table is not None:
        try:
            storing.save(path, storing.SavedParts(kind=KIND, parts=parts | {"table": state}))
            return run
        except StorageError as error:  # it may have more columns, or take more room, than a file holds
            run = replace(run, table=None, unheld=error.what)
    storing.save(path, storing.SavedParts(kind=KIND, parts=parts))
    return run


def read_run(path: Path) -> StoredRun:
    """Read what `write_run` wrote.

    Raises:
        StorageError: It is missing, damaged, or of another kind or version.
    """
    try:
        loaded = storing.load(path)
    except StorageError as error:  # what to do about a saved detector is no help here
        raise StorageError(error.what, where=str(path), fix=_ANEW) from None
    try:
        return _read(loaded)
    except StorageError as error:
        raise StorageError(error.what, where=str(path), fix=error.fix or _ANEW) from None
    except (PynomalyError, ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError) as error:
        # What our own records, numpy and pandas say of values that cannot be.
        raise StorageError(f"it is damaged: {error}.", where=str(path), fix=_ANEW) from None


def difference(run: StoredRun, settings: Settings) -> str | None:
    """Name of the first setting in which an attempt differs from the run it is to go on with."""
    before, now = run.asked.settings.to_dict(), settings.to_dict()
    free = _FREE if settings.random_state is not None else _FREE | {"random_state"}
    return next((name for name in before if name not in free and plain(before[name]) != plain(now[name])), None)


def same_table(run: StoredRun, opened: Opened) -> bool:
    """Whether a table, and what is known of its rows, are those of the run."""
    if run.table is opened.table:
        return True
    return run.table_digest == digest_of(table_to_state(opened.table), _given_state(opened.given))


def _read(loaded: storing.LoadedParts) -> StoredRun:
    if loaded.manifest.kind != KIND:
        raise StorageError(f"it holds a {loaded.manifest.kind}, not a run.")
    versions = dict(loaded.manifest.versions)
    version = str(versions.get("pynomaly_auto"))
    if version != __version__:
        raise StorageError(
            f"the run was begun by version {version}, and this is {__version__}: it could not go on as it began.",
            fix=f"Install pynomaly-auto {version}, or start the run anew in another folder.",
        )
    state = loaded.part("asked")
    asked = Asked(
        params=state.value("params", dict),
        settings=Settings.from_mapping(state.value("settings", dict)),
        reasons=tuple(Reason.from_dict(r) for r in state.value("reasons", list)),
        label_column=state.value("label_column", (str, type(None))),
        label_coding=state.value("label_coding", str),
    )
    if asked.settings.random_state is None:
        raise StorageError("the run has no seed.")
    table = table_from_state(loaded.part("table")) if "table" in loaded.parts else None
    given = _given(loaded.part("given"))
    if table is not None and len(given.labels.values) != table.n_rows:
        raise StorageError("there are labels for more or fewer rows.")
    return StoredRun(
        asked=asked, table=table, given=given, version=version, versions=versions,
        table_digest=state.value("table_digest", str), encoded=state.value("encoded", str),
        name=state.value("name", str),
    )  # fmt: skip


def _is_held(state: State, opened: Opened) -> bool:
    """Whether the stored table is, for all that counts, the given one: where its cells are odd, that is tried."""
    if is_plain(opened.table):
        return True
    encoder = opened.encoder.unfitted()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # which the first reading has given
            table = table_from_state(state)
            return encoded_digest(encoder.fit(table).encode(table)) == encoded_digest(opened.dataset)
    except Exception:  # the cells are of kinds nobody has foreseen: so it is not
        return False


def _given_state(given: Given) -> State:
    state = State(
        arrays={"labels": given.labels.values}, values={"warnings": [r.to_dict() for r in given.warnings]}
    )  # fmt: skip
    return state if given.groups is None else replace(state, arrays={**state.arrays, "groups": given.groups})


def _given(state: State) -> Given:
    labels = state.array("labels", kind="i", ndim=1)
    groups = state.array("groups", kind="i", ndim=1) if "groups" in state.arrays else None
    if not np.isin(labels, (-1, 0, 1)).all() or (groups is not None and len(groups) != len(labels)):
        raise StorageError("the labels or groups are none.")
    return Given(
        labels=Labels(values=labels.astype(np.int8)),
        groups=None if groups is None else groups.astype(np.int64),
        warnings=tuple(Reason.from_dict(r) for r in state.value("warnings", list)),
    )
