"""A checkpoint: the folder in which a run is journalled, so that it can go on after its process was killed.

============================ =========================================================================
in the folder
============================ =========================================================================
``lock``                     held by the process that works on the run; a killed one does not keep it
``run.pynomaly``             what is to be done: settings, seed, table, labels; written first, once
``trials/000000.pynomaly`` … one trial that has ended, in the order in which they did
``attempts.json``            when each attempt began, and how many seconds it has used
``studies.log``              the trials as Optuna's journal, for its visualisations and dashboard
``result.pynomaly``          the fitted detector, as `save` writes it: the run is finished
============================ =========================================================================

Everything is data, each file with a checksum and written under another name first: a kill leaves it whole or not there.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pynomaly_auto._deadline import Deadline
from pynomaly_auto._version import __version__
from pynomaly_auto.engine._fitted import Fitted
from pynomaly_auto.engine._storage import save
from pynomaly_auto.engine._stored_run import Asked, Opened, StoredRun, difference, read_run, same_table, write_run
from pynomaly_auto.engine._stored_table import encoded_digest
from pynomaly_auto.engine._stored_trials import read_trial, write_trial
from pynomaly_auto.errors import PynomalyError, SettingError, StorageError, shown
from pynomaly_auto.records import Reason
from pynomaly_auto.settings import Settings
from pynomaly_auto.tuning import Journalled

RESUME = "AutonomousDetector.resume() or `pynomaly auto resume`"  # as messages name it
LOCK, RUN, TRIALS, ATTEMPTS, STUDIES, RESULT = (
    "lock", "run.pynomaly", "trials", "attempts.json", "studies.log", "result.pynomaly",
)  # fmt: skip
_BEGIN = "call fit(X, checkpoint=...) or `pynomaly auto detect --checkpoint` again"
_OURS = frozenset({LOCK, RUN, TRIALS, ATTEMPTS, STUDIES, RESULT})
_LEFT = re.compile(r"\.(run\.pynomaly|result\.pynomaly|attempts\.json|\d{6}\.pynomaly)\.saving-\d+-[0-9a-f]{8}")
_TRIAL = re.compile(r"\d{6}\.pynomaly")
_BEAT = 1.0  # seconds between two notes of how long an attempt has taken
# However much of a time budget earlier attempts have used, one has this much: what follows the search is done again.
_LEAST_SECONDS, _LEAST_SHARE = 5.0, 0.1
_MOST_TEXT = 1 << 20  # bytes of the attempts' file; one line of it has about a hundred


class Checkpoint:
    """A folder that a run is journalled in, locked for this process; made by `held`.

    Args:
        folder: The folder.
        stored: The run that is in it; None: none yet.
        trials: Those that earlier attempts have journalled.
    """

    def __init__(self, folder: Path, stored: StoredRun | None, trials: tuple[Journalled, ...]) -> None:
        self.folder, self.stored, self.trials = folder, stored, trials
        self.reasons: tuple[Reason, ...] = ()
        self.warnings: tuple[Reason, ...] = ()
        self._known = {t.configuration.key for t in trials}
        self._next = 1 + max((int(p.stem) for p in _trial_files(folder)), default=-1)
        self._attempts = _attempts(folder)
        self._deadline, self._spent, self._beaten = Deadline(None), 0.0, -math.inf
        self._silent = False

    @property
    def _run(self) -> str:
        return "" if self.stored is None else self.stored.name

    @property
    def finished(self) -> Path | None:
        """File of the finished run's detector, where there is one."""
        path = self.folder / RESULT
        return path if path.is_file() else None

    @property
    def studies(self) -> Path | None:
        """File for Optuna's journal of all trials."""
        return self.folder / STUDIES

    def begin(self, asked: Asked, opened: Opened, deadline: Deadline, *, seeded: bool) -> Settings:
        """Begin an attempt: at a new run, which is written down, or at the one that is in the folder.

        Args:
            asked: What is asked for now.
            opened: The table.
            deadline: The clock of this attempt; what earlier ones have used is gone.
            seeded: Whether the seed was asked for, and not drawn.

        Returns:
            The settings to go on with: as asked for, with the seed that the run began with.

        Raises:
            SettingError: The run in the folder has other settings.
            StorageError: It is about another table, or the folder cannot be written to.
        """
        self._deadline = deadline
        if self.stored is None:
            self.stored = write_run(self.folder / RUN, asked, opened)
            settings = asked.settings
        else:
            settings = self._going_on(self.stored, asked, opened, seeded=seeded)
        if self.stored.table is None:
            self.warnings += (_not_held(self.stored.unheld),)
        _make_folder(self.folder / TRIALS)
        self._attempts.append({"begun": _now(), "version": __version__, "trials": len(self.trials), "seconds": 0.0})
        self.beat()
        return settings

    def note(self, trial: Journalled) -> None:
        """Write a trial down, for good; one whose configuration is there already is not written again."""
        if trial.configuration.key in self._known or self._silent:
            return
        try:
            write_trial(self.folder / TRIALS / f"{self._next:06d}.pynomaly", trial, self._run)
        except StorageError as error:
            self._give_up(error)
            return
        self._known.add(trial.configuration.key)
        self._next += 1
        self.beat()

    def beat(self) -> None:
        """Note how many seconds this attempt has used; no more than once a second."""
        now = time.monotonic()
        if now - self._beaten < _BEAT or self._silent:
            return
        self._beaten = now
        self._attempts[-1]["seconds"] = round(self._deadline.elapsed() - self._spent, 3)
        try:
            _replace(self.folder / ATTEMPTS, json.dumps(self._attempts).encode())
        except OSError as error:
            self._give_up(error)

    def trouble(self, error: Exception) -> None:
        """Say that Optuna's journal could not be written."""
        text = f"The journal for Optuna's visualisations is incomplete: {_why(error)}"
        self.warnings += (Reason(code="ENG-004", subject="checkpoint", text=text),)

    def _give_up(self, error: Exception) -> None:
        self._silent = True
        text = f"From here on no trial was journalled: {_why(error)} After a kill the run goes on from what was before."
        self.warnings += (Reason(code="ENG-004", subject="checkpoint", text=text),)

    def finish(self, fitted: Fitted, warn: Callable[[tuple[Reason, ...]], None]) -> None:
        """Keep the fitted detector; from now on the run is finished, unless the user has interrupted it."""
        if fitted.result.search.interrupted:
            return
        try:
            save(fitted, self.folder / RESULT, run=self._run)
        except PynomalyError as error:
            text = f"The result was not kept: {error.what} resume() makes it again from the journalled trials."
            warn((Reason(code="ENG-005", subject="checkpoint", text=text),))

    def _going_on(self, run: StoredRun, asked: Asked, opened: Opened, *, seeded: bool) -> Settings:
        where = str(self.folder)
        wanted = asked.settings if seeded else asked.settings.with_(random_state=None)
        if (name := difference(run, wanted)) is not None:
            before, now = (s.to_dict()[name] for s in (run.asked.settings, asked.settings))
            raise SettingError(
                f"the run in the checkpoint has {name}={shown(before)}, and {shown(now)} is asked for.", where=where,
                fix=f"Give another folder, or go on with the run as it is by {RESUME}.",
            )  # fmt: skip
        if not same_table(run, opened):
            raise StorageError(
                "the checkpoint is of another table, other labels or other groups.", where=where,
                fix="Give another folder, or the table that the run began with.",
            )  # fmt: skip
        if run.encoded != encoded_digest(opened.dataset):
            raise StorageError(
                "the table is read in another way than when the run began.", where=where,
                fix=f"Install the packages that were installed then ({_said(run.versions)}), or start the run anew.",
            )  # fmt: skip
        used = sum(_seconds_of(attempt) for attempt in self._attempts)
        if (budget := self._deadline.seconds) is not None:
            least = min(budget, max(_LEAST_SECONDS, _LEAST_SHARE * budget))
            self._spent = min(used, budget - least)
            self._deadline.spend(self._spent)
        self.reasons += (_resumed(run, len(self.trials), len(self._attempts) + 1, used, self._spent),)
        return asked.settings.with_(random_state=run.asked.settings.random_state)


@contextmanager
def held(folder: Path, *, make: bool) -> Iterator[Checkpoint]:
    """Lock a folder for this process, and read what is in it.

    Args:
        folder: The folder.
        make: Whether a run may begin there; else there must be one.

    Raises:
        StorageError: Another process works on it, it holds something else, or is damaged; or there is no run in it.
    """
    with _locked(folder, make=make):
        try:
            made = _opened(folder, make=make)
        except (OSError, ValueError) as error:
            if isinstance(error, StorageError):
                raise
            raise _unusable(folder, error) from None
        yield made


def _opened(folder: Path, *, make: bool) -> Checkpoint:
    _sweep(folder)
    stored = read_run(folder / RUN) if (folder / RUN).exists() else None
    if stored is None and not make:
        raise StorageError(
            "no run has begun in it.", where=str(folder),
            fix=f"The process was killed before it had written down its table: {_BEGIN}.",
        )  # fmt: skip
    trials = () if stored is None else tuple(read_trial(p, stored.name) for p in sorted(_trial_files(folder)))
    return Checkpoint(folder, stored, trials)


def _unusable(folder: Path, error: Exception) -> StorageError:
    other = isinstance(error, (FileExistsError, NotADirectoryError))
    told = "it is no folder" if other else getattr(error, "strerror", None) or error
    return StorageError(
        f"the checkpoint {str(folder)!r} cannot be used: {told}.", fix="Give a folder you may write to."
    )


@contextmanager
def _locked(folder: Path, *, make: bool) -> Iterator[None]:
    try:
        _check_folder(folder, make=make)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
    except (OSError, ValueError) as error:  # a name with a null character is a ValueError
        if isinstance(error, StorageError):
            raise
        raise _unusable(folder, error) from None
    try:
        if not stat.S_ISREG(os.fstat(lock).st_mode):
            raise StorageError("its lock is no file.", where=str(folder), fix="Give another folder.")
        _lock(lock, folder)
        yield
    finally:
        os.close(lock)


def _lock(lock: int, folder: Path) -> None:
    """Lock an open file until it is closed, which the system does for a process that is killed."""
    try:
        if os.name == "nt":  # pragma: no cover - Windows
            import msvcrt

            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if not isinstance(error, (BlockingIOError, PermissionError)):
            raise
        raise StorageError(
            "another run is at work in the checkpoint.", where=str(folder),
            fix="Wait for it, or give another folder.",
        ) from None  # fmt: skip


def _check_folder(folder: Path, *, make: bool) -> None:
    """Refuse a folder that holds something else, before anything is written into it."""
    where = str(folder)
    if not folder.exists() and not make:
        fix = f"Give the folder that the run was given; where it was killed before it made one, {_BEGIN}."
        raise StorageError(f"there is no folder {where!r}.", fix=fix)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    others = sorted(p.name for p in folder.iterdir() if p.name not in _OURS and not _LEFT.fullmatch(p.name))
    if others and not (folder / RUN).exists():
        raise StorageError(
            f"the folder {where!r} holds something else, such as {others[0]!r}.", fix="Give a new or empty folder."
        )


def _make_folder(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)


def _sweep(folder: Path) -> None:
    """Remove what was being written when a process was killed."""
    for place in (folder, folder / TRIALS):
        if place.is_dir():
            for path in place.iterdir():
                if _LEFT.fullmatch(path.name):
                    path.unlink(missing_ok=True)


def _trial_files(folder: Path) -> list[Path]:
    place = folder / TRIALS
    return [p for p in place.iterdir() if _TRIAL.fullmatch(p.name)] if place.is_dir() else []


def _attempts(folder: Path) -> list[dict[str, Any]]:
    """The attempts so far; what cannot be read counts as none, as only the time that was used hangs on it."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        with (folder / ATTEMPTS).open("rb") as file:
            found = json.loads(file.read(_MOST_TEXT))
        if isinstance(found, list):
            return [attempt for attempt in found if isinstance(attempt, dict)]
    return []


def _seconds_of(attempt: dict[str, Any]) -> float:
    seconds = attempt.get("seconds")
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 <= seconds < 1e9:
        return float(seconds)
    return 0.0


def _replace(path: Path, content: bytes) -> None:
    work = path.with_name(f".{path.name}.saving-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        work.write_bytes(content)
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _why(error: Exception) -> str:
    """What went wrong, as a sentence; what our own errors advise is about other things than a journal."""
    if isinstance(error, PynomalyError):
        return error.what
    return f"{getattr(error, 'strerror', None) or error}."


def _said(versions: Any) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _resumed(run: StoredRun, trials: int, attempt: int, used: float, spent: float) -> Reason:
    count = "1 trial was" if trials == 1 else f"{trials} trials were"
    text = f"Attempt {attempt}, at {_now()}, by version {__version__}: {count} taken from the journal."
    evidence: dict[str, Any] = {
        "trials": trials, "attempt": attempt, "begun_by": run.version, "seconds_used": round(used, 1),
        "seconds_counted": round(spent, 1),
    }  # fmt: skip
    return Reason(code="ENG-002", subject="checkpoint", text=text, evidence=evidence)


def _not_held(why: str) -> Reason:
    text = f"The table is not in the checkpoint: {why} After a kill resume(directory, X) needs it again."
    return Reason(code="ENG-006", subject="checkpoint", text=text)
