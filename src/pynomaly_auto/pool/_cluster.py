"""The connection to a Ray cluster: one that is there, or one of our own on this machine that leaves nothing behind."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import socket
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from pynomaly_auto._machine import usable_cores
from pynomaly_auto._optional import require
from pynomaly_auto._scratch import abandoned, mark, sweep
from pynomaly_auto.errors import ResourceError

_OUR_OWN = "local"  # Ray's word for a cluster that is started for this process alone
_FIX = "Give address=None for a cluster of this machine's own, or see docs/ray.md."
_GONE_SECONDS = 5.0  # that workers of our own cluster get to be gone after Ray has ended
_REACH_SECONDS = 5.0  # within which a cluster has to take a connection: Ray itself goes on asking for 15 minutes
# Nothing is reported to Ray's makers unless the user has said so. Who gets no GPU is seen to by ourselves (`Bench`).
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
# Of something that takes connections and is no cluster Ray asks once, which is 40 seconds, and not twenty times.
_ONCE = {"RAY_gcs_server_port_wait_time_s": "1"}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where trials run on Ray, and what each takes of it.

    Args:
        address: As `ray.init` takes it; None: that in ``RAY_ADDRESS``, else one of our own on this machine.
        resources: What one trial takes: ``"cpu"``, ``"gpu"`` (of trials that use one), or any resource of Ray's.
        needs_gpu: Whether a cluster without a GPU is an error, and not one where trials do without.
    """

    address: str | None = None
    resources: Mapping[str, float] = field(default_factory=lambda: {"cpu": 1.0})
    needs_gpu: bool = False

    @property
    def elsewhere(self) -> bool:
        """Whether it is a cluster that was there before, most likely of other machines."""
        return (self.address or os.environ.get("RAY_ADDRESS") or _OUR_OWN) != _OUR_OWN

    @property
    def cores(self) -> float:
        """Cores of one trial."""
        return float(self.resources.get("cpu", 1.0))

    def of_trial(self, *, gpu: bool) -> dict[str, float]:
        """What a trial takes, in Ray's words."""
        named = {"cpu": "CPU", "gpu": "GPU"}
        wanted = {"cpu": self.cores, **{n: float(v) for n, v in self.resources.items() if n != "gpu" or gpu}}
        return {named.get(name, name): value for name, value in wanted.items() if value}


class Connection:
    """Ray, connected; what was started or connected here ends here.

    Args:
        cluster: Which.
        workers: Trials at a time; None: as many as the cluster has room for.

    Raises:
        MissingExtraError: Ray is not installed.
        ResourceError: No such cluster answers, or none of its nodes can hold a trial.

    Attributes:
        workers: Trials at a time.
        has_gpu: Whether any node of the cluster has one, as Ray counts.
        with_gpu: How many of these may use a GPU.
    """

    def __init__(self, cluster: Cluster, workers: int | None) -> None:
        self.ray = require("ray")
        self._session: Path | None = None
        self._ours = not self.ray.is_initialized()
        if not self._ours:
            self._check_same(cluster.address)
        else:
            self._connect(cluster.address or os.environ.get("RAY_ADDRESS") or _OUR_OWN, workers, cluster)
        try:
            nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
            room, with_gpu = _rooms(nodes, cluster)
        except BaseException:
            self.close()
            raise
        self.has_gpu = any(node.get("GPU", 0.0) > 0 for node in nodes)
        self.with_gpu = min(with_gpu, room if workers is None else workers)
        self.workers = room if workers is None else max(1, min(workers, room))

    def _connect(self, address: str, workers: int | None, cluster: Cluster) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if address == _OUR_OWN:
            options["include_dashboard"] = False
            options["num_cpus"] = usable_cores() if workers is None else math.ceil(workers * cluster.cores)
        else:
            self._reach(address)
        try:
            with _quiet({} if address == _OUR_OWN else _ONCE):
                self.ray.init(address=address, **options)
        except Exception as error:  # Ray raises whatever its layers raise, of four kinds at least
            self._abandon()
            raise _unreachable(address, line(error)) from None
        except BaseException:
            self._abandon()
            raise
        if address == _OUR_OWN:
            with contextlib.suppress(Exception):  # private, so it may go: then the folder stays, as with any use of Ray
                self._session = Path(self.ray._private.worker._global_node.get_session_dir_path())
                mark(self._session)
                sweep_sessions(self._session.parent)

    def _reach(self, address: str) -> None:
        """See that something takes connections there.

        Raises:
            ResourceError: Nothing does.
        """
        at = address.removeprefix("ray://")
        if address == "auto":
            with contextlib.suppress(Exception):  # private; where it finds nothing, Ray itself says so at once
                at = self.ray._private.services.canonicalize_bootstrap_address_or_die("auto") or at
        host, colon, port = at.rpartition(":")
        if not (colon and port.isdecimal()):
            return  # Ray says what is wrong with it, at once
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_SECONDS).close()
        except (OSError, OverflowError, ValueError) as error:
            raise _unreachable(address, f"{at} takes no connection: {line(error)}") from None

    def _check_same(self, address: str | None) -> None:
        """See that Ray is not connected to another cluster than the one asked for, as far as that can be told.

        Raises:
            ResourceError: It is.
        """
        there = str(self.ray.get_runtime_context().gcs_address)
        if address in (None, "auto") or address.startswith("ray://"):
            return
        host, _, port = address.rpartition(":")
        with contextlib.suppress(OSError, UnicodeError):
            host = socket.gethostbyname(host.strip("[]"))
        if port != there.rpartition(":")[2] or not (host.startswith("127.") or host == there.rpartition(":")[0]):
            raise ResourceError(
                f"address is {address!r}, and Ray is connected to {there} already.",
                fix="Give no address, or call ray.shutdown() before.",
            )

    def _abandon(self) -> None:
        with contextlib.suppress(Exception):
            self.ray.shutdown()

    def close(self) -> None:
        """End what was begun here: a cluster of our own is ended and its files are removed."""
        if not self._ours:
            return
        self._ours = False
        workers = [] if self._session is None else _workers_here()
        with _quiet({}):
            self.ray.shutdown()
        if self._session is None:
            return
        psutil.wait_procs(workers, timeout=_GONE_SECONDS)
        sweep(Path(tempfile.gettempdir()))  # what those have left that were too busy to end by themselves
        shutil.rmtree(self._session, ignore_errors=True)
        latest = self._session.parent / "session_latest"
        with contextlib.suppress(OSError):
            if latest.is_symlink() and not latest.exists():
                latest.unlink()
            self._session.parent.rmdir()  # which is refused while there is anything in it


def _workers_here() -> list[psutil.Process]:
    """Processes of a cluster that is this process's own, but for Ray's own ones."""
    with contextlib.suppress(psutil.Error):
        daemons = [p for p in psutil.Process().children() if p.name() == "raylet"]
        return [p for daemon in daemons for p in daemon.children(recursive=True)]
    return []


def sweep_sessions(place: Path) -> None:
    """Remove what clusters of our own have left that were killed with their process; nobody else's."""
    for session in place.glob("session_2*"):
        if not session.is_symlink() and abandoned(session):
            shutil.rmtree(session, ignore_errors=True)


def _unreachable(address: str, why: str) -> ResourceError:
    return ResourceError(f"no Ray cluster at {address!r}: {why}.", fix=_FIX)


def _rooms(nodes: list[dict[str, float]], cluster: Cluster) -> tuple[int, int]:
    """How many trials the nodes hold at once: of any, of those that use a GPU.

    Raises:
        ResourceError: Not a single one, or none that uses a GPU, and one is needed.
    """
    plain, wanted = cluster.of_trial(gpu=False), cluster.of_trial(gpu=True)
    room, with_gpu = _room(nodes, plain), _room(nodes, wanted) if "GPU" in wanted else 0
    if room < 1 or (cluster.needs_gpu and with_gpu < 1):
        wanted = plain if room < 1 else wanted
        most = {name: max((n.get(name, 0.0) for n in nodes), default=0.0) for name in wanted}
        without = ", or device='cpu'" if "GPU" in wanted else ""
        raise ResourceError(
            f"no node of the cluster can hold a trial of {_said(wanted)}: the most that one has is {_said(most)}.",
            fix=f"Ask for less of it by resources_per_trial (of a file: resources_per_part){without}.",
        )
    return room, with_gpu


def _room(nodes: list[dict[str, float]], wanted: Mapping[str, float]) -> int:
    def held(node: dict[str, float]) -> int:
        return int(min((node.get(name, 0.0) / value + 1e-9 for name, value in wanted.items()), default=1.0))

    return sum(map(held, nodes))


def line(error: BaseException) -> str:
    """What Ray says, in one line that is not too long."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:400].rstrip(".")


def _said(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in resources.items())


@contextlib.contextmanager
def _quiet(more: Mapping[str, str]) -> Iterator[None]:
    """Ray's start tells of its future and of its security on standard error; nobody has asked."""
    logger, wanted = logging.getLogger("ray"), {**_ENVIRONMENT, **more}
    level, before = logger.level, {name: os.environ.get(name) for name in wanted}
    for name, value in wanted.items():
        os.environ.setdefault(name, value)
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        for name, was in before.items():
            if was is None:
                os.environ.pop(name, None)
