"""Where tasks come from: folders of labelled tables, and how anomaly tasks are made of tables that have none."""

from __future__ import annotations

import itertools
import re
import tomllib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.errors import InvalidInputError, StorageError
from pynomaly_auto.records import IntArray

Recipe: TypeAlias = Literal["labels", "rare", "downsampled", "high", "low"]

LABEL = "label"
_INDEX = "index.csv"
_SUFFIXES = (".npz", ".parquet", ".csv")
_SHARE = 0.05  # of anomalies in tasks that are made
_FEWEST = 8  # anomalies a task needs for its metrics to say anything
_FEWEST_NORMAL = 40
_RARE = 0.2


@dataclass(frozen=True, kw_only=True)
class Task:
    """One labelled table, or one way of making one.

    Args:
        name: Unique over all sources.
        suite: The collection it belongs to.
        group: Tables of one group come from one origin and never stand on both sides of a split.
        domain: Field of application, or ``""``.
        source: Where it comes from, in words.
        licence: Its licence, or ``"not stated"``.
        path: The file.
        recipe: How labels come about: a label column, or a target of which anomalies are made.
        target: Name of the label or target column.
    """

    name: str
    suite: str
    group: str
    domain: str
    source: str
    licence: str
    path: Path
    recipe: Recipe = "labels"
    target: str = LABEL


def find_tasks(sources: Iterable[Path], *, label: str = LABEL, registry: Path | None = None) -> list[Task]:
    """List the tasks of folders and files, suites taking turns, so that any beginning of the list is a fair sample.

    Args:
        sources: Folders with an ``index.csv`` as the shared meta data sets have it, folders of npz (``X``, ``y``),
            parquet or CSV tables with a label column, or single such files.
        label: Name of the label column where no index names one.
        registry: TOML file that says more of the suites an index holds; None: the repository's, where it is.

    Raises:
        StorageError: A source does not exist or holds no table.
        InvalidInputError: Two tasks have the same name.
    """
    suites = _registry(registry)
    tasks: list[Task] = []
    for source in sources:
        if (source / _INDEX).is_file():
            found = _indexed(source, suites)
        elif source.is_dir():
            files = sorted(p for p in source.rglob("*") if p.suffix in _SUFFIXES)
            found = [_plain(p, source.name, label) for p in files]
        elif source.is_file():
            found = [_plain(source, source.parent.name, label)]
        else:
            raise StorageError(f"{str(source)!r} does not exist.", fix="Give a folder or a file of labelled tables.")
        if not found:
            raise StorageError(f"{str(source)!r} holds no npz, parquet or CSV table.")
        tasks += found
    seen: set[str] = set()
    for task in tasks:
        if task.name in seen:
            raise InvalidInputError(f"two tables are called {task.name!r}.", fix="Rename one of the files.")
        seen.add(task.name)
    by_suite: dict[str, list[Task]] = {}
    for task in tasks:
        by_suite.setdefault(task.suite, []).append(task)
    turns = itertools.zip_longest(*by_suite.values())
    return [task for turn in turns for task in turn if task is not None]


def load_task(task: Task, *, max_rows: int, seed: int) -> tuple[pd.DataFrame, IntArray]:
    """Read a task's table and labels, capped by dropping rows at random within each class.

    Returns:
        The table without its label, and 1 for an anomaly, 0 for a normal row, shape (n_rows,).

    Raises:
        StorageError: The file cannot be read.
        InvalidInputError: It has no usable labels.
    """
    table, target = read_labelled(task.path, task.target)
    rng = np.random.default_rng([seed, *task.name.encode()])
    rows, labels = _make(task.recipe, target, rng)
    chosen = _cap(labels, max_rows, rng)
    y = labels[chosen].astype(np.int64)
    if y.sum() < 1 or y.sum() == len(y):
        raise InvalidInputError(f"{task.name} has rows of one class only.")
    return table.iloc[rows[chosen]].reset_index(drop=True), y


def read_labelled(path: Path, label: str) -> tuple[pd.DataFrame, pd.Series[Any]]:
    """Read an npz (``X``, ``y``), parquet or CSV table and split off its label or target.

    Raises:
        StorageError: The file cannot be read.
        InvalidInputError: It lacks the label.
    """
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                X, y = np.asarray(arrays["X"]), np.asarray(arrays["y"]).reshape(-1)
            table = pd.DataFrame(X, columns=[f"x{i}" for i in range(X.shape[1])])
            return table, pd.Series(y, name=LABEL)
        table = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except KeyError as error:
        raise InvalidInputError(f"{path.name} lacks the array {error}.", fix="Save it with arrays X and y.") from None
    except (OSError, ValueError, zipfile.BadZipFile, pd.errors.ParserError) as error:
        raise StorageError(f"{path.name!r} cannot be read: {error}.") from None
    if label not in table.columns:
        raise InvalidInputError(
            f"{path.name} has no column {label!r}.", fix=f"Its columns: {', '.join(map(str, table.columns[:12]))}."
        )
    return table.drop(columns=label), table[label]


def _indexed(folder: Path, suites: Mapping[str, Any]) -> list[Task]:
    index = pd.read_csv(folder / _INDEX)
    index = index.astype(object).where(index.notna(), "")
    tasks = []
    for row in index.to_dict(orient="records"):
        suite, facts = _suite(str(row["name"]), str(row["modality"]), suites)
        if facts.get("skipped"):
            continue
        path = folder / str(row["path"])
        base: dict[str, Any] = {
            "suite": suite,
            "group": str(row["group"]),
            "domain": str(row.get("domain", "")),
            "source": str(row["source"]),
            "licence": str(facts.get("licence", "not stated")),
            "path": path,
        }
        if not row.get("target"):
            tasks.append(Task(name=str(row["name"]), **base))
            continue
        target = str(row["target"])
        values = pd.read_parquet(path, columns=[target])[target]
        for recipe in _recipes(values, str(row["target_kind"])):
            tasks.append(Task(name=f"{row['name']}__{recipe}", recipe=recipe, target=target, **base))
    return tasks


def _plain(path: Path, suite: str, label: str) -> Task:
    name = re.sub(r"[^\w.-]+", "_", path.stem)
    return Task(
        name=name, suite=suite, group=name, domain="", source=f"file {path.name}", licence="not stated", path=path,
        target=label,
    )  # fmt: skip


def _registry(path: Path | None) -> dict[str, Any]:
    # Four levels up from this file lies the repository, when the package runs from one.
    file = path or Path(__file__).parents[3] / "meta_datasets" / "registry.toml"
    if not file.is_file():
        if path is not None:
            raise StorageError(f"registry {str(path)!r} does not exist.")
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise StorageError(f"registry {str(file)!r} is not valid TOML: {error}.") from None


def _suite(name: str, modality: str, suites: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    for suite, facts in suites.items():
        if facts.get("modality") == modality and name.startswith(facts.get("prefix", "")):
            return suite, facts
    # Series are no tables, with or without a registry that says so.
    return modality, {"skipped": modality == "timeseries"}


def _recipes(target: pd.Series[Any], kind: str) -> tuple[Recipe, ...]:
    """Which tasks can be made of a target."""
    known = target.dropna()
    if kind == "numeric":
        enough = len(known) * _SHARE >= _FEWEST and known.nunique() > 20
        return ("high", "low") if enough else ()
    counts = known.value_counts()
    out: list[Recipe] = []
    if _rare_class(counts) is not None:
        out.append("rare")
    if _downsampled_class(counts) is not None:
        out.append("downsampled")
    return tuple(out)


def _rare_class(counts: pd.Series[Any]) -> Any:
    usable = counts[counts >= _FEWEST]
    if len(counts) < 2 or not len(usable):
        return None
    total = int(counts.sum())
    smallest = usable.index[-1]
    fits = usable.iloc[-1] <= _RARE * total and total - usable.iloc[-1] >= _FEWEST_NORMAL
    return smallest if fits else None


def _downsampled_class(counts: pd.Series[Any]) -> Any:
    if len(counts) < 2:
        return None
    rest = int(counts.sum() - counts.iloc[1])
    wanted = round(rest * _SHARE / (1 - _SHARE))
    # Nothing is drawn down where the class is that rare already.
    return counts.index[1] if wanted >= _FEWEST and counts.iloc[1] > 1.5 * wanted and rest >= _FEWEST_NORMAL else None


def _make(recipe: Recipe, target: pd.Series[Any], rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """Rows kept and their labels."""
    if recipe == "labels":
        given = pd.to_numeric(target, errors="coerce")
        if given.isna().any() or not given.isin([0, 1]).all():
            raise InvalidInputError(
                f"labels of {target.name!r} are not 0 and 1.", fix="Use 1 for an anomaly, 0 for a normal row."
            )
        return np.arange(len(target)), np.asarray(given, dtype=np.int64)
    rows: IntArray = np.flatnonzero(np.asarray(target.notna()))
    known = target.iloc[rows]
    if recipe in {"high", "low"}:
        values = np.asarray(known, dtype=np.float64)
        # Ranked, not cut at a quantile: ties must not make a tail of half of the rows.
        order = np.argsort(values if recipe == "low" else -values, kind="stable")
        labels = np.zeros(len(rows), dtype=np.int64)
        labels[order[: max(1, round(_SHARE * len(rows)))]] = 1
        return rows, labels
    counts = known.value_counts()
    chosen = _rare_class(counts) if recipe == "rare" else _downsampled_class(counts)
    found = np.asarray(known == chosen, dtype=np.int64)
    if recipe == "rare":
        return rows, found
    normal, others = np.flatnonzero(found == 0), np.flatnonzero(found == 1)
    wanted = round(len(normal) * _SHARE / (1 - _SHARE))
    kept = np.sort(np.concatenate([normal, rng.choice(others, wanted, replace=False)]))
    return rows[kept], found[kept]


def _cap(labels: IntArray, max_rows: int, rng: np.random.Generator) -> IntArray:
    """Positions kept: all, or a random part of each class that keeps their shares (and some of the anomalies)."""
    n = len(labels)
    if n <= max_rows:
        return np.arange(n)
    found, normal = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    wanted = min(len(found), max(round(max_rows * len(found) / n), min(_FEWEST, max_rows // 2)))
    parts = (rng.choice(found, wanted, replace=False), rng.choice(normal, max_rows - wanted, replace=False))
    return np.sort(np.concatenate(parts))
