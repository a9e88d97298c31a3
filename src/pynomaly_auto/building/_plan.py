"""What a build is asked for, and what it tells of its progress."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pynomaly_auto._machine import usable_cores
from pynomaly_auto.building.tasks._sources import LABEL
from pynomaly_auto.building.tasks._variants import parse_variants
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.pool import Executor, open_executor
from pynomaly_auto.regimes import CONTAMINATED, REGIMES, Regime
from pynomaly_auto.settings import BACKENDS

_PRELOAD = (
    "numpy", "scipy.stats", "pandas", "pyarrow.parquet", "sklearn.ensemble", "sklearn.neighbors", "sklearn.covariance",
    "sklearn.mixture", "sklearn.decomposition", "sklearn.svm", "sklearn.cluster",
    "pynomaly_auto.building.measuring._measure", "pynomaly_auto.detectors.statistical",
    "pynomaly_auto.detectors.proximity",
    "pynomaly_auto.detectors.linear", "pynomaly_auto.detectors.trees", "pynomaly_auto.detectors.regression",
    "pynomaly_auto.detectors.neural",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How a knowledge base is measured.

    Args:
        workers: Worker processes; None: one per usable core.
        backend: ``"local"``, or ``"ray"``: on the cluster Ray is connected to, whose nodes must all see the sources
            and the folder of parts.
        detectors: Names; empty: all that are installed.
        max_rows: Larger tables are cut down to that many rows, by class.
        limit: At most that many tasks; None: all.
        suites: Only these suites; empty: all.
        seed: Seed of everything random.
        fit_timeout: Seconds after which one fit is killed and recorded as such.
        configurations: Points of the search space measured for each strong detector besides its defaults.
        label: Name of the label column in tables that no index describes.
        parts: Folder of the finished tasks' part files; None: beside the knowledge base, ``<its name>.parts``.
        registry: TOML file that describes the suites; None: the repository's, where it is.
        variants: Measured besides each task, as `variants_of` takes them; ``limit`` counts the tasks without them.
        protocol: Name of the regime measured. ``"contaminated"``: the rows fitted on are judged. ``"novelty"``: half of
            the normal rows are fitted on, the other half and the anomalies are judged.
    """

    workers: int | None = None
    backend: str = "local"
    detectors: tuple[str, ...] = ()
    max_rows: int = 2000
    limit: int | None = None
    suites: tuple[str, ...] = ()
    seed: int = 0
    fit_timeout: float = 60.0
    configurations: int = 2
    label: str = LABEL
    parts: Path | None = None
    registry: Path | None = None
    variants: tuple[str, ...] = ()
    protocol: str = CONTAMINATED.name

    def __post_init__(self) -> None:
        for name in ("workers", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SettingError(f"{name} is {value!r}.", where="build plan", fix="Give at least 1, or None.")
        if self.protocol not in REGIMES:
            raise SettingError(
                f"protocol is {self.protocol!r}.", where="build plan", fix=f"Use one of {', '.join(REGIMES)}."
            )
        if self.max_rows < 50 or self.fit_timeout <= 0 or self.configurations < 0 or self.seed < 0:
            raise SettingError(
                f"{self!r} cannot be carried out.",
                where="build plan",
                fix="max_rows from 50, fit_timeout above 0, configurations and seed from 0.",
            )
        if self.backend not in BACKENDS:
            raise UnknownNameError.of("backend", self.backend, BACKENDS)
        parse_variants(self.variants)

    @property
    def regime(self) -> Regime:
        """How the training rows are taken."""
        return REGIMES[self.protocol]

    def executor(self) -> Executor:
        """Where fits run.

        Raises:
            MissingExtraError: The backend is Ray and Ray is not installed.
        """
        workers = self.workers or usable_cores()
        return open_executor(self.backend, workers, preload=_PRELOAD)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """One task came to its end.

    Args:
        status: ``"measured"``, ``"known"`` (its part was there already) or ``"failed"`` (it cannot be used).
        done: Tasks at their end so far.
        total: Tasks of this build.
        text: For a person.
    """

    task: str
    status: str
    done: int
    total: int
    seconds: float
    text: str
