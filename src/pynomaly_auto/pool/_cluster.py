"""The connection to a Ray cluster: one that is there, or one of our own on this machine that leaves nothing behind."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import shutil
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pynomaly_auto._machine import usable_cores
from pynomaly_auto._optional import require
from pynomaly_auto.errors import ResourceError

_OUR_OWN = "local"  # Ray's word for a cluster that is started for this process alone
_FIX = "Give address=None for a cluster of this machine's own, or see docs/ray.md."
# Nothing is reported to Ray's makers unless the user has said so; the other two only spare a warning.
_ENVIRONMENT = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where trials run on Ray, and what each takes of it.

    Args:
        address: As `ray.init` takes it; None: that in ``RAY_ADDRESS``, else one of our own on this machine.
        resources: What one trial takes: ``"cpu"``, ``"gpu"`` (of trials that use one), or any resource of Ray's.
    """

    address: str | None = None
    resources: Mapping[str, float] = field(default_factory=lambda: {"cpu": 1.0})

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
    """

    def __init__(self, cluster: Cluster, workers: int | None) -> None:
        self.ray = require("ray")
        self._session: Path | None = None
        self._ours = not self.ray.is_initialized()
        if self._ours:
            with _quiet():
                self._connect(cluster.address or os.environ.get("RAY_ADDRESS") or _OUR_OWN, workers, cluster)
        try:
            room = self._room(cluster)
        except ResourceError:
            self.close()
            raise
        self.workers = room if workers is None else max(1, min(workers, room))

    def _connect(self, address: str, workers: int | None, cluster: Cluster) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if address == _OUR_OWN:
            options["include_dashboard"] = False
            options["num_cpus"] = usable_cores() if workers is None else math.ceil(workers * cluster.cores)
        try:
            self.ray.init(address=address, **options)
        except Exception as error:  # Ray raises whatever its layers raise, of four kinds at least
            self._abandon()
            raise ResourceError(f"no Ray cluster at {address!r}: {line(error)}.", fix=_FIX) from None
        if address == _OUR_OWN:
            with contextlib.suppress(Exception):  # private, so it may go: then the folder stays, as with any use of Ray
                self._session = Path(self.ray._private.worker._global_node.get_session_dir_path())

    def _abandon(self) -> None:
        with contextlib.suppress(Exception):
            self.ray.shutdown()

    def _room(self, cluster: Cluster) -> int:
        """How many trials the cluster holds at once.

        Raises:
            ResourceError: Not a single one.
        """
        wanted = cluster.of_trial(gpu=False)
        nodes = [node["Resources"] for node in self.ray.nodes() if node["Alive"]]
        room = sum(
            int(min((node.get(name, 0.0) / value for name, value in wanted.items()), default=1.0)) for node in nodes
        )
        if room < 1:
            most = {name: max((n.get(name, 0.0) for n in nodes), default=0.0) for name in wanted}
            raise ResourceError(
                f"no node of the cluster can hold a trial of {_said(wanted)}: the most that one has is {_said(most)}.",
                fix="Give smaller resources_per_trial.",
            )
        return room

    @property
    def has_gpu(self) -> bool:
        """Whether any node has one."""
        return bool(self.ray.cluster_resources().get("GPU", 0.0))

    def close(self) -> None:
        """End what was begun here: a cluster of our own is ended and its files are removed."""
        if not self._ours:
            return
        self._ours = False
        with _quiet():
            self.ray.shutdown()
        if self._session is not None:
            shutil.rmtree(self._session, ignore_errors=True)
            latest = self._session.parent / "session_latest"
            with contextlib.suppress(OSError):
                if latest.is_symlink() and not latest.exists():
                    latest.unlink()


def line(error: BaseException) -> str:
    """What Ray says, in one line that is not too long."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}"[:400].rstrip(".")


def _said(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in resources.items())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Ray's start tells of its future and of its security on standard error; nobody has asked."""
    logger = logging.getLogger("ray")
    level, before = logger.level, {name: os.environ.get(name) for name in _ENVIRONMENT}
    for name, value in _ENVIRONMENT.items():
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
