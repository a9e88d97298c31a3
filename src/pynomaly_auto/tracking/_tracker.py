"""The tracker a run holds: start it early, tell it trials, finish it; it never raises and never holds a run up."""

from __future__ import annotations

import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pynomaly_auto._saying import say
from pynomaly_auto._scratch import Scratch
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Reason, Result, Trial
from pynomaly_auto.tracking import _process
from pynomaly_auto.tracking._items import child_run, encode, log_items
from pynomaly_auto.tracking._mlflow import database_of, uri_of

DEFAULT_EXPERIMENT = "pynomaly_auto"
_BARE_URIS = ("databricks", "databricks-uc", "uc")


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """Where a run is recorded, as far as it is known.

    Args:
        uri: The tracking URI; None when tracking is off.
        experiment: Name of the experiment.
        run_id: MLflow's id of the run; None as long as the store has not answered.
        model_uri: What `mlflow.pyfunc.load_model` takes; None when no model was logged.
        status: ``"pending"``: the writing goes on in the background; ``"recorded"``; ``"incomplete"``: see the
            problems; ``"off"``.
        problems: What could not be recorded, and why.
    """

    uri: str | None
    experiment: str
    experiment_id: str | None = None
    run_id: str | None = None
    model_uri: str | None = None
    status: Literal["pending", "recorded", "incomplete", "off"] = "pending"
    problems: tuple[Reason, ...] = ()


class NullTracker:
    """Tracking is off: everything is accepted, nothing is kept."""

    info = TrackedRun(uri=None, experiment=DEFAULT_EXPERIMENT, status="off")
    problems: tuple[Reason, ...] = ()

    def start(self) -> None:
        """Do nothing."""

    def trial(self, trial: Trial) -> None:
        """Do nothing."""

    def finish(
        self,
        result: Result,
        files: Mapping[str, Path] | None = None,
        *,
        model: Path | None = None,
        timeout: float = 5.0,
    ) -> TrackedRun:
        """Do nothing."""
        return self.info

    def abort(self, error: str, *, killed: bool = False, timeout: float = 1.0) -> TrackedRun:
        """Do nothing."""
        return self.info


class Tracker:
    """Records one run. All of it happens in another process; only `finish` and `abort` wait, and not for long.

    Args:
        tracking: None: what ``MLFLOW_TRACKING_URI`` says, else ``mlruns/mlflow.db`` in the working directory; an
            MLflow URI; or a folder, or a ``.db`` file, for a SQLite store of its own.
        experiment_name: None: ``"pynomaly_auto"``.
        run_name: None: MLflow invents one.
        tags: Further tags of the run.
    """

    def __init__(
        self,
        tracking: str | Path | None = None,
        experiment_name: str | None = None,
        *,
        run_name: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._info = TrackedRun(uri=None, experiment=experiment_name or DEFAULT_EXPERIMENT)
        self._artifact_root: str | None = None
        self._wrong: str | None = None  # why nothing can be recorded, known before anything is tried
        try:
            uri, self._artifact_root = resolve(tracking)
            self._info = replace(self._info, uri=uri)
        except StorageError as error:
            self._wrong = str(error)
        self._name, self._tags = run_name, dict(tags or {})
        self._key = uuid.uuid4().hex
        self._process: _process.RecorderProcess | None = None
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._trials: list[int] = []
        self._on_loss: Callable[[tuple[Reason, ...]], None] = lambda _: None

    @property
    def info(self) -> TrackedRun:
        """What is known so far; changes while the recording goes on."""
        with self._guard:
            return self._info

    @property
    def problems(self) -> tuple[Reason, ...]:
        """What could not be recorded, and why."""
        return self.info.problems

    def start(self) -> None:
        """Begin to open the store and create the run, and return at once."""
        try:
            if self._wrong is None:
                self._process = _process.recorder()
        except (OSError, RuntimeError) as error:  # RuntimeError: no thread to feed it
            self._wrong = f"no process could be started ({error})."
        if self._process is None:
            self._problem("TRK-001", f"Nothing is recorded: {self._wrong}")
            self._end(complete=False, model_uri=None)
            return
        self._process.open(self._key, self._hear)
        self._send(
            do="start",
            uri=self._info.uri,
            artifact_root=self._artifact_root,
            experiment=self._info.experiment,
            name=self._name,
            tags=self._tags,
        )

    def trial(self, trial: Trial) -> None:
        """Record one trial, as soon as it has ended, as a child run."""
        self._trials.append(trial.number)
        self._send(do="trial", item=encode(child_run(trial)))

    def finish(
        self,
        result: Result,
        files: Mapping[str, Path] | None = None,
        *,
        model: Path | None = None,
        timeout: float = 5.0,
    ) -> TrackedRun:
        """Record the result and close the run.

        Args:
            result: What the run found.
            files: Artifact name to an existing file or folder; copied, so they may be deleted afterwards.
            model: A saved detector's file, logged as an MLflow model.
            timeout: Seconds to wait; what is not written by then goes on in the background, which is no problem. A
                record that is lost later is said on standard error, and to whom `tell_losses` has named.

        Returns:
            Where the run is recorded. Whatever went wrong is among its ``problems``; nothing is raised.
        """
        status = "KILLED" if result.search.interrupted else "FINISHED"
        try:
            folder = _stage(result, files or {}, model, owner=None if self._process is None else self._process.pid)
        except (OSError, ValueError, TypeError) as error:
            # A full disk or a value nobody foresaw: the run is closed as failed, the result is safe.
            self._problem("TRK-003", f"The result could not be prepared for recording: {error}.")
            return self.abort(str(error), timeout=timeout)
        if not self._send(do="finish", status=status, folder=str(folder), trials=self._trials):
            shutil.rmtree(folder, ignore_errors=True)
        return self._wait(timeout)

    def abort(self, error: str, *, killed: bool = False, timeout: float = 1.0) -> TrackedRun:
        """Close the run without a result.

        Args:
            error: Why.
            killed: The user ended it (KILLED), not an error (FAILED).
            timeout: Seconds to wait.
        """
        self._send(do="abort", status="KILLED" if killed else "FAILED", error=error[:1000])
        return self._wait(timeout)

    def tell_losses(self, listener: Callable[[tuple[Reason, ...]], None]) -> None:
        """Have it called, from any thread, with the problems of a record that ends incomplete; at once if it has."""
        with self._guard:
            self._on_loss = listener
            lost = self._info.status == "incomplete"
        if lost:
            listener(self.problems)

    def _send(self, **message: Any) -> bool:
        if self._process is None or self._ended.is_set():
            return False
        self._process.send({"run": self._key, "time": time.time_ns() // 1_000_000, **message})
        return True

    def _wait(self, timeout: float) -> TrackedRun:
        if self._process is not None:
            self._ended.wait(max(timeout, 0.0))
        return self.info

    def _hear(self, event: Mapping[str, Any]) -> None:
        """Called from the thread that listens to the recorder."""
        kind = event["event"]
        if kind == "started":
            with self._guard:
                self._info = replace(self._info, experiment_id=event["experiment_id"], run_id=event["run_id"])
        elif kind == "problem":
            code = "TRK-001" if self.info.run_id is None else "TRK-003"
            self._problem(code, f"Could not record {event['text']}.")
        else:
            self._end(complete=event["complete"], model_uri=event["model_uri"])

    def _end(self, *, complete: bool, model_uri: str | None) -> None:
        with self._guard:
            good = complete and self._info.run_id is not None and not self._info.problems
            self._info = replace(self._info, status="recorded" if good else "incomplete", model_uri=model_uri)
            info, on_loss = self._info, self._on_loss
        if not good:
            self._say(info)
            on_loss(info.problems)
        self._ended.set()

    @staticmethod
    def _say(info: TrackedRun) -> None:
        why = info.problems[0].text.rstrip(".") if info.problems else "the recorder gave no reason"
        much = "in full" if info.run_id else "at all"
        say(
            f"pynomaly_auto: the run was not recorded {much} in {info.uri or 'the local store'}: {why}. The result "
            "itself is complete; check the tracking URI, or turn recording off by tracking=False."
        )

    def _problem(self, code: str, text: str) -> None:
        reason = Reason(code=code, subject="MLflow", text=text, evidence={"uri": self._info.uri})
        with self._guard:
            self._info = replace(self._info, problems=(*self._info.problems, reason))


def open_tracker(
    tracking: bool | str | Path | None,
    experiment_name: str | None = None,
    *,
    run_name: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> Tracker | NullTracker:
    """Make the tracker that a setting asks for: False turns it off, anything else is a place (see `Tracker`)."""
    if isinstance(tracking, bool):
        return NullTracker() if not tracking else Tracker(None, experiment_name, run_name=run_name, tags=tags)
    return Tracker(tracking, experiment_name, run_name=run_name, tags=tags)


def resolve(tracking: str | Path | None) -> tuple[str, str | None]:
    """Turn the setting into an MLflow URI and the place for a new experiment's artifacts.

    Relative paths are made absolute here, because the recorder may have started in another directory.

    Raises:
        StorageError: The working directory is needed and no longer exists.
    """
    try:
        return _resolved(tracking)
    except FileNotFoundError:
        raise StorageError("the working directory no longer exists.", fix="Change to one that does.") from None


def _resolved(tracking: str | Path | None) -> tuple[str, str | None]:
    if tracking is None:
        from_environment = os.environ.get("MLFLOW_TRACKING_URI")
        if from_environment:
            if ":" in from_environment or from_environment in _BARE_URIS:
                return _sqlite(from_environment)
            return str(Path(from_environment).absolute()), None
        tracking = Path("mlruns")
    text = str(tracking)
    if isinstance(tracking, str) and (text in _BARE_URIS or "://" in text or text.startswith("file:")):
        return _sqlite(text)
    path = Path(text).expanduser().absolute()
    return _stored_in(path if path.suffix in {".db", ".sqlite"} else path / "mlflow.db")


def _sqlite(uri: str) -> tuple[str, str | None]:
    """A SQLite URI gets an absolute path and artifacts beside it, every other URI is left as it is."""
    database = database_of(uri)
    return (uri, None) if database is None else _stored_in(database.absolute())


def _stored_in(database: Path) -> tuple[str, str]:
    return uri_of(database), (database.parent / "artifacts").as_uri()


def _stage(result: Result, files: Mapping[str, Path], model: Path | None, *, owner: int | None = None) -> Path:
    """Put everything to be recorded into a folder of the recorder's, which it deletes when it is done."""
    folder = Scratch(owner).path
    try:
        with (folder / "items.jsonl").open("w", encoding="utf-8") as stream:
            stream.writelines(encode(item) + "\n" for item in log_items(result))
        (folder / "files").mkdir()
        for name, path in files.items():
            _copy(path, folder / "files" / Path(name).name)
        if model is not None:
            (folder / "model").mkdir()
            _copy(model, folder / "model" / model.name)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a folder, by hard links where the file system can: models may be large."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link)
    else:
        _link(str(source), str(target))


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
