"""From real tables to generated ones: which table, prior and anomalies come together, and what is written of them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from meta_datasets.synthetic._columns import Columns, read_columns
from meta_datasets.synthetic.anomalies import KINDS, Difficulty
from meta_datasets.synthetic.causal import CausalModel
from meta_datasets.synthetic.copula import Copula
from meta_datasets.synthetic.mixture import Mixture
from pynomaly_auto.building import Task, find_tasks, load_task
from pynomaly_auto.errors import InvalidInputError, NotApplicableError, SettingError, StorageError
from pynomaly_auto.records import FloatArray, IntArray

MODALITY = "synthetic"
FEWEST_ROWS = 300
_FEWEST_ANOMALIES = 8
_SHARES = (0.01, 0.15)
_TWO_KINDS = 0.25  # of the tables hold anomalies of two kinds
_TRIES = 5  # sources looked at for each table wanted, as some cannot be fitted to
_HEADER = (
    "name", "modality", "group", "path", "n_samples", "n_features", "anomaly_fraction", "source", "target",
    "target_kind", "domain",
)  # fmt: skip


class Prior(Protocol):
    """What normal rows are drawn from."""

    @classmethod
    def fit(cls, columns: Columns, rng: np.random.Generator) -> Prior:
        """Fit to a table's normal rows."""

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw rows, shape (n, n_columns)."""


PRIORS: Mapping[str, type[Prior]] = {"copula": Copula, "mixture": Mixture, "causal": CausalModel}


@dataclass(frozen=True, kw_only=True)
class SyntheticPlan:
    """What is generated.

    Args:
        tables: How many.
        max_rows: Rows of the largest; sizes are spread evenly on a log scale from 300.
        seed: Seed of everything random.
    """

    tables: int = 200
    max_rows: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.tables < 1 or self.max_rows < FEWEST_ROWS or self.seed < 0:
            raise SettingError(
                f"{self!r} cannot be carried out.",
                where="synthetic plan",
                fix=f"tables from 1, max_rows from {FEWEST_ROWS}, seed from 0.",
            )


@dataclass(frozen=True, kw_only=True)
class Generated:
    """One generated table.

    Args:
        name: Unique within a seed.
        group: That of the real table it was fitted to.
        domain: That of the real table.
        source: How it was made, and of what.
        X: Single precision with NaN for missing cells, shape (n_rows, n_columns).
        y: 1 for an anomaly, shape (n_rows,).
    """

    name: str
    group: str
    domain: str
    source: str
    X: np.ndarray[tuple[int, int], np.dtype[np.float32]] = field(repr=False)
    y: np.ndarray[tuple[int], np.dtype[np.int8]] = field(repr=False)


def generate(sources: Iterable[Path], plan: SyntheticPlan | None = None) -> Iterator[Generated]:
    """Generate tables, real groups taking turns; the same sources and plan give the same tables.

    Args:
        sources: Labelled tables, as `pynomaly_auto.building.find_tasks` takes them; generated ones are left out.
        plan: How many, and how large.

    Raises:
        StorageError: A source cannot be read.
        InvalidInputError: Not one of the sources can be fitted to.
    """
    plan = plan or SyntheticPlan()
    groups: dict[str, list[Task]] = {}
    for task in find_tasks(sources):
        if task.suite != MODALITY:
            groups.setdefault(task.group, []).append(task)
    order = np.random.default_rng([plan.seed]).permutation(sorted(groups))
    made, reason = 0, "there is none that is not generated itself"
    for turn in range(_TRIES * plan.tables if len(order) else 0):
        if made == plan.tables:
            return
        tasks = groups[str(order[turn % len(order)])]
        rng = np.random.default_rng([plan.seed, turn])
        try:
            yield _table(tasks[int(rng.integers(len(tasks)))], f"{MODALITY}_s{plan.seed}_{made:04d}", plan, rng)
        except InvalidInputError as error:
            reason = str(error)
            continue
        made += 1
    if not made:
        raise InvalidInputError(f"no source can be fitted to: {reason}", fix="Give tables with more normal rows.")


def write(tables: Iterable[Generated], out: Path) -> int:
    """Write tables as npz files with an index, as the shared meta data sets have them.

    Args:
        tables: What `generate` gives.
        out: Folder, made if needed; its index is replaced.

    Returns:
        Number of tables.

    Raises:
        StorageError: Nothing can be written there.
    """
    rows = []
    try:
        (out / MODALITY).mkdir(parents=True, exist_ok=True)
        for table in tables:
            path = f"{MODALITY}/{table.name}.npz"
            np.savez_compressed(out / path, X=table.X, y=table.y)
            n, d = table.X.shape
            share = round(float(table.y.mean()), 5)
            rows.append(
                (table.name, MODALITY, table.group, path, n, d, share, table.source, "", "", table.domain)
            )  # fmt: skip
        with (out / "index.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([_HEADER, *rows])
    except StorageError:
        raise  # a source's, which says itself what is wrong
    except OSError as error:
        raise StorageError(f"{str(out)!r} cannot be written: {error.strerror}.") from None
    return len(rows)


def _table(task: Task, name: str, plan: SyntheticPlan, rng: np.random.Generator) -> Generated:
    """One table fitted to one task."""
    real, labels = load_task(task, max_rows=plan.max_rows, seed=plan.seed)
    columns = read_columns(real[labels == 0], rng)
    prior = str(rng.choice(list(PRIORS)))
    n = round(float(np.exp(rng.uniform(np.log(FEWEST_ROWS), np.log(plan.max_rows)))))
    found = max(_FEWEST_ANOMALIES, round(n * float(np.exp(rng.uniform(*np.log(_SHARES))))))
    X = PRIORS[prior].fit(columns, rng).sample(n - found, rng)
    normal = Columns(values=X, levels=columns.levels, missing=columns.missing)
    anomalies, kinds = _anomalies(normal, found, rng)
    X, y = _shuffled(X, anomalies, rng)
    X[rng.random(X.shape) < columns.missing] = np.nan
    return Generated(
        name=f"{name}_{prior}_{'_'.join(kinds)}",
        group=task.group,
        domain=task.domain,
        source=f"generated: {prior} fitted to normal rows of {task.name}, {' and '.join(kinds)} anomalies",
        X=X.astype(np.float32),
        y=y.astype(np.int8),
    )


def _anomalies(normal: Columns, n: int, rng: np.random.Generator) -> tuple[FloatArray, list[str]]:
    """Anomalies of one kind, or of two; kinds that do not apply are passed over."""
    wanted = 2 if rng.random() < _TWO_KINDS else 1
    parts: dict[str, FloatArray] = {}
    for kind in map(str, rng.permutation(list(KINDS))):
        if len(parts) == wanted:
            break
        # Halves of an odd number: the first kind takes what is over.
        count = n - n // 2 if wanted == 2 and not parts else n // wanted
        try:
            parts[kind] = KINDS[kind](normal, count, Difficulty.drawn(rng), rng)
        except NotApplicableError:
            continue
    return np.vstack(list(parts.values())), list(parts)


def _shuffled(X: FloatArray, anomalies: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    order = rng.permutation(len(X) + len(anomalies))
    labels = np.repeat(np.array([0, 1], dtype=np.int64), [len(X), len(anomalies)])
    return np.vstack([X, anomalies])[order], labels[order]
