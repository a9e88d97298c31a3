"""The few things asked of MLflow, by its client alone: no fluent state, no active run, nothing printed."""

from __future__ import annotations

import contextlib
import errno
import getpass
import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from pynomaly_auto._scratch import Scratch
from pynomaly_auto._version import __version__
from pynomaly_auto.tracking._items import ChildRun, Metric, Param, Tag

LOADER = "pynomaly_auto.mlflow_flavor"
_TRIES, _BETWEEN = 3, 1.0  # to open a store while another program makes its tables; seconds in between
_LOCKED = 20.0  # seconds to wait for another writer
_TURN = 120.0  # seconds to wait for another process that makes the tables: a minute on a busy machine
_BATCH = 100  # parameters or tags per request (mlflow.utils.validation.MAX_PARAMS_TAGS_PER_BATCH)

# MLflow's page shows an experiment as one of language models unless told what it is.
_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}


@dataclass(frozen=True, kw_only=True)
class RunHandle:
    """Where a run lives in the store."""

    experiment_id: str
    run_id: str


class MlflowStore:
    """One tracking store, opened.

    Args:
        uri: An MLflow tracking URI.
        artifact_root: Where a new experiment's artifacts go; None: where the server says.
    """

    def __init__(self, uri: str, artifact_root: str | None) -> None:
        from mlflow.tracking import MlflowClient

        self._artifact_root = artifact_root
        database = database_of(uri)
        if database is None:
            self._client: Any = MlflowClient(tracking_uri=uri)
            return
        database.parent.mkdir(parents=True, exist_ok=True)
        if _is_empty(database):
            with _alone(database):
                if _is_empty(database):  # still: nobody has made the tables meanwhile
                    _make_tables(database)
        for left in reversed(range(_TRIES)):
            try:
                self._client = MlflowClient(tracking_uri=_as_read(uri))
                self._client.search_experiments(max_results=1)  # the first request opens it
                _remove_stray(uri, database)
                return
            except Exception:  # whatever it raises when a program of somebody else's makes the tables just now
                if not left:
                    raise
                time.sleep(_BETWEEN)

    def start(self, experiment: str, name: str | None, tags: Sequence[Tag], started: int) -> RunHandle:
        """Create the run in its experiment, which is made when it is missing; ``started`` in milliseconds."""
        experiment_id = self._experiment(experiment)
        values = {"mlflow.source.name": "pynomaly_auto", "mlflow.source.type": "LOCAL", **_user()}
        values |= {t.key: t.value for t in tags}
        run = self._client.create_run(experiment_id, start_time=started, run_name=name, tags=values)
        return RunHandle(experiment_id=experiment_id, run_id=run.info.run_id)

    def log(self, run: RunHandle, items: Iterable[Param | Metric | Tag]) -> None:
        """Log parameters, metrics and tags in as few requests as the limits allow."""
        from mlflow import entities

        now, rest = _now(), iter(items)
        while batch := list(islice(rest, _BATCH)):
            self._client.log_batch(
                run.run_id,
                metrics=[entities.Metric(m.key, m.value, now, m.step) for m in batch if isinstance(m, Metric)],
                params=[entities.Param(p.key, p.value) for p in batch if isinstance(p, Param)],
                tags=[entities.RunTag(t.key, t.value) for t in batch if isinstance(t, Tag)],
            )

    def child(self, parent: RunHandle, item: ChildRun, ended: int) -> None:
        """Log one finished child run; ``ended`` in milliseconds since the epoch."""
        tags = (*item.tags, Tag(key="mlflow.parentRunId", value=parent.run_id))
        values = {t.key: t.value for t in tags}
        run = self._client.create_run(
            parent.experiment_id, start_time=ended - round(1000 * item.seconds), run_name=item.name, tags=values
        )
        handle = RunHandle(experiment_id=parent.experiment_id, run_id=run.info.run_id)
        self.log(handle, (*item.params, *item.metrics))
        self._client.set_terminated(handle.run_id, item.status, ended)

    def text(self, run: RunHandle, path: str, text: str) -> None:
        """Log a text as an artifact."""
        self._client.log_text(run.run_id, text, path)

    def file(self, run: RunHandle, path: Path) -> None:
        """Log a file, or all of a folder, as artifacts."""
        if path.is_dir():
            self._client.log_artifacts(run.run_id, str(path), path.name)
        else:
            self._client.log_artifact(run.run_id, str(path))

    def model(self, run: RunHandle, saved: Path) -> str:
        """Log a saved detector as a model of the run and return its URI.

        The model is our own file plus MLflow's description of it, which names our loader: no pickle anywhere.
        """
        import mlflow.pyfunc
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        logged = self._client.create_logged_model(
            run.experiment_id, name="model", source_run_id=run.run_id, model_type="anomaly detector"
        )
        described = Model(run_id=run.run_id, model_id=logged.model_id, artifact_path=logged.artifact_location)
        with Scratch() as scratch:
            target = scratch.path / "model"
            mlflow.pyfunc.save_model(
                str(target),
                loader_module=LOADER,
                data_path=str(saved),
                pip_requirements=[f"pynomaly-auto=={__version__}"],
                mlflow_model=described,
            )
            self._client.log_model_artifacts(logged.model_id, str(target))
        self._client.finalize_logged_model(logged.model_id, "READY")
        self._client.log_outputs(run.run_id, [LoggedModelOutput(logged.model_id, 0)])
        return f"models:/{logged.model_id}"

    def end(self, run: RunHandle, status: str) -> None:
        """Close the run as FINISHED, FAILED or KILLED."""
        self._client.set_terminated(run.run_id, status, _now())

    def _experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name, self._artifact_root, _EXPERIMENT_TAGS))
            except MlflowException:
                # Another process may have made it in between; if not, the error stands.
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage != "active":
            raise ValueError(f"experiment {name!r} is deleted in the store; restore it or choose another name")
        return str(found.experiment_id)


def database_of(uri: str) -> Path | None:
    """The file of a SQLite store, None for any other; such a URI is percent-encoded.

    >>> str(database_of("sqlite:////data/a%2520b/mlflow.db")), database_of("http://server")
    ('/data/a%20b/mlflow.db', None)
    """
    if not uri.startswith("sqlite:///") or uri.startswith("sqlite:///:"):
        return None
    return Path(unquote(uri.removeprefix("sqlite:///").partition("?")[0]))


def uri_of(database: Path) -> str:
    """The inverse of `database_of`."""
    path = database.as_posix()
    for sign in "%?#":  # they mean something in a URI
        path = path.replace(sign, f"%{ord(sign):02X}")
    return f"sqlite:///{path}"


def _as_read(uri: str) -> str:
    """The URI as the installed SQLAlchemy reads it: up to 2.0 it takes a path of SQLite as it stands."""
    from sqlalchemy.engine import make_url

    decodes = make_url("sqlite:////%2541").database == "/%41"
    return uri if decodes else unquote(uri)


def _remove_stray(uri: str, database: Path) -> None:
    """Remove the empty folder that MLflow makes where it takes the percent-encoded path for the real one."""
    taken = Path(uri.removeprefix("sqlite:///").partition("?")[0]).parent
    if taken != database.parent:
        with contextlib.suppress(OSError):  # ends at the first that is not empty
            for folder in (taken, *taken.parents):
                folder.rmdir()


def _is_empty(database: Path) -> bool:
    """Whether the store has no tables yet; MLflow would try for half a minute to open what cannot be opened.

    Raises:
        OSError: The file cannot be written, or is no database.
    """
    try:
        with contextlib.closing(sqlite3.connect(database, timeout=_LOCKED)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
            return not connection.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.Error as error:
        raise OSError(f"{database}: {error}") from None


def _make_tables(database: Path) -> None:
    """Make them elsewhere and put them there in one step: broken off half-way, a store could not be used any more."""
    from mlflow.tracking import MlflowClient

    with Scratch() as scratch:
        draft = scratch.path / "store.db"
        MlflowClient(tracking_uri=_as_read(uri_of(draft))).search_experiments(max_results=1)
        with (
            contextlib.closing(sqlite3.connect(draft)) as made,
            contextlib.closing(sqlite3.connect(database)) as target,
        ):
            made.backup(target)


@contextlib.contextmanager
def _alone(database: Path) -> Iterator[None]:
    """Only one process at a time makes the tables of a new store: several break each other's migrations."""
    path = database.with_name(f"{database.name}.lock")
    try:
        file = path.open("ab")
    except OSError:
        yield  # a folder that can only be read has its tables already, or cannot be used anyway
        return
    with file:
        end = time.monotonic() + _TURN
        while not _locked(file.fileno()) and time.monotonic() < end:
            time.sleep(0.1)
        yield  # closing the file gives the lock back


def _locked(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        # A file system without locks is used without; on Windows, this is how a taken lock looks.
        return sys.platform != "win32" or error.errno != errno.EACCES
    return True


def _user() -> dict[str, str]:
    try:
        return {"mlflow.user": getpass.getuser()}
    except (OSError, KeyError, ImportError):
        return {}  # a container's user need not have a name


def _now() -> int:
    return time.time_ns() // 1_000_000
