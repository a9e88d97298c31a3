"""Which tables are measured: the shared ones, or any folder of labelled tables."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pynomaly_auto.building import Task, find_tasks

SUITES = ("adbench", "adbench_embeddings", "oddbench", "ovrbench", "uci", "mixed")
SUFFIXES = (".npz", ".parquet", ".csv")
_INDEX = "index.csv"


def home() -> Path:
    """Where the shared tables are.

    Raises:
        SystemExit: They are not there; a benchmark without them has nothing to say.
    """
    path = Path(os.environ.get("PYNOMALY_META_DATASETS", "../shared/meta_datasets"))
    if not (path / _INDEX).is_file():
        raise SystemExit(f"No shared tables at {path}: set PYNOMALY_META_DATASETS to the folder with index.csv.")
    return path


def shared_tasks(suites: Iterable[str] = SUITES) -> list[Task]:
    """All tasks of some of the shared suites.

    Raises:
        SystemExit: The shared tables are not there, or a suite is unknown.
    """
    wanted, tasks = list(suites), find_tasks([home()])
    known = sorted({task.suite for task in tasks})
    if unknown := [suite for suite in wanted if suite not in known]:
        raise SystemExit(f"Unknown suite {', '.join(unknown)}. Known: {', '.join(known)}.")
    return [task for task in tasks if task.suite in wanted]


def sampled(tasks: Iterable[Task], count: int | None, *, seed: int = 0) -> list[Task]:
    """A fixed random sample of at most ``count`` tasks per suite, suites taking turns.

    A larger sample of the same seed holds the smaller one, and any beginning of the list is a fair sample.
    """
    by_suite: dict[str, list[Task]] = {}
    for task in sorted(tasks, key=lambda t: (t.suite, t.name)):
        by_suite.setdefault(task.suite, []).append(task)
    chosen = []
    for suite, members in by_suite.items():
        order = np.random.default_rng([seed, *suite.encode()]).permutation(len(members))
        chosen.append([members[i] for i in order[:count]])
    turns = itertools.zip_longest(*chosen)
    return [task for turn in turns for task in turn if task is not None]


def folder_tasks(folder: Path, label: str) -> list[Task]:
    """The npz, parquet and CSV tables of a folder; its subfolders are the suites.

    A folder whose ``index.csv`` has the columns of the shared one is read by it, groups and made tasks included.

    Raises:
        SystemExit: The folder does not exist or holds no table.
    """
    if not folder.is_dir():
        raise SystemExit(f"{folder} is no folder: give one that holds npz (X, y), parquet or CSV tables.")
    if _is_index(folder / _INDEX):
        return find_tasks([folder], label=label)
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    if not files:
        raise SystemExit(f"{folder} holds no .npz (X, y), .parquet or .csv table, nor do its subfolders.")
    return [_task(path, folder, label) for path in files]


def _task(path: Path, folder: Path, label: str) -> Task:
    inside = path.relative_to(folder)
    suite = inside.parts[0] if len(inside.parts) > 1 else folder.resolve().name
    name = re.sub(r"\s+", "_", inside.as_posix())
    return Task(
        name=name, suite=suite, group=name, domain="", source=f"file {path.name}", licence="not stated", path=path,
        target=label,
    )  # fmt: skip


def _is_index(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        columns = set(pd.read_csv(path, nrows=0).columns)
    except (OSError, ValueError):
        return False
    return {"name", "modality", "group", "path", "source"} <= columns


def pools(suites: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Title to suites: every suite, OddBench and OvRBench also together."""
    found = sorted(set(suites), key=lambda s: (SUITES.index(s) if s in SUITES else len(SUITES), s))
    out: dict[str, tuple[str, ...]] = {}
    for suite in found:
        out[suite] = (suite,)
        if suite == "ovrbench" and "oddbench" in found:
            out["oddbench + ovrbench"] = ("oddbench", "ovrbench")
    return out
