"""Temporary folders whose names say whose they are: only the owner removes its own; what a killed one left is swept.

An owner is a process on a machine: its number and when it started, within one host and one space of process numbers,
as containers may share a temporary directory.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import shutil
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from pynomaly_auto.errors import StorageError

_NAME = re.compile(r"pynomaly-(?P<realm>[0-9a-f]{8})-(?P<pid>\d+)-(?P<started>\d+)-\w+")
_STARTED = 19  # position in /proc/PID/stat after the name of the program, which may hold anything


class Closing(ABC):
    """What is closed at the end of a with-block."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Scratch(Closing):
    """A private temporary folder. It is made anew when somebody else has removed it, such as a cleaner of old files.

    Args:
        owner: Number of the process that it belongs to; None: this one.
        place: Where it is made; None: the system's temporary folder.
    """

    def __init__(self, owner: int | None = None, place: Path | None = None) -> None:
        self._maker = os.getpid()
        self._path = _make(self._maker if owner is None else owner, place)

    @property
    def vanished(self) -> bool:
        """Whether it has been removed behind our back."""
        return not self._path.is_dir()

    @property
    def path(self) -> Path:
        """Where it is.

        Raises:
            StorageError: It has vanished and cannot be made again.
        """
        if self.vanished:
            try:
                self._path.mkdir(mode=0o700, parents=True)  # never one that somebody else put there meanwhile
            except OSError as error:
                raise _none(error) from None
        return self._path

    def close(self) -> None:
        """Remove it, unless this is a forked child of the process that made it."""
        if os.getpid() == self._maker:
            shutil.rmtree(self._path, ignore_errors=True)


def mark(folder: Path) -> None:
    """Mark a folder that somebody else has named as this process's; see `abandoned`."""
    with contextlib.suppress(OSError):
        (folder / f"{_owned(os.getpid())}mark").touch(mode=0o600)


def abandoned(folder: Path) -> bool:
    """Whether a folder is marked as that of a process that is gone."""
    with contextlib.suppress(OSError):
        return any(_is_abandoned(path.name) for path in folder.iterdir())
    return False


def sweep(place: Path) -> None:
    """Remove the folders of processes that are gone; never another user's, nor what another machine may be using."""
    me = os.getuid() if hasattr(os, "getuid") else None
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if not _is_abandoned(entry.name):
                continue
            with contextlib.suppress(OSError):
                foreign = me is not None and entry.stat(follow_symlinks=False).st_uid != me
                if entry.is_dir(follow_symlinks=False) and not foreign:
                    shutil.rmtree(entry.path, ignore_errors=True)


def _is_abandoned(name: str) -> bool:
    named = _NAME.fullmatch(name)
    return named is not None and named["realm"] == _realm() and not _runs(int(named["pid"]), int(named["started"]))


def _owned(owner: int) -> str:
    """How the names of what a process owns begin."""
    return f"pynomaly-{_realm()}-{owner}-{_started(owner) or 0}-"


def _make(owner: int, place: Path | None) -> Path:
    try:
        place = place or Path(tempfile.gettempdir())
        place.mkdir(parents=True, exist_ok=True)  # it was there when the process began
        _sweep_once(place)
        return Path(tempfile.mkdtemp(prefix=_owned(owner), dir=place))
    except OSError as error:
        raise _none(error) from None


def _none(error: OSError) -> StorageError:
    fix = "Set TMPDIR to a folder that can be written, with room."
    return StorageError(f"no temporary folder can be made: {error}.", fix=fix)


@functools.cache
def _sweep_once(place: Path) -> None:
    sweep(place)


@functools.cache
def _realm() -> str:
    """Where process numbers mean the same."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return hashlib.sha256(f"{platform.node()} {space}".encode()).hexdigest()[:8]


def _runs(pid: int, started: int) -> bool:
    """Whether that process still runs; where that cannot be told, it does."""
    if _started(os.getpid()) is None or started == 0:
        return psutil.pid_exists(pid)
    return _started(pid) == started


def _started(pid: int) -> int | None:
    """When a process started, on a clock of the machine's own; None where there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *facts = text.rpartition(")")[2].split()
        return None if state in ("Z", "X") else int(facts[_STARTED - 1])
    except (OSError, ValueError, IndexError):
        pass
    try:
        return int(psutil.Process(pid).create_time())
    except psutil.Error:
        return None
