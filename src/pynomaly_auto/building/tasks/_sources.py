"""Where tasks come from: folders of labelled tables, and the tasks made of tables that have no labels."""

from __future__ import annotations

import itertools
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from pynomaly_auto.building.tasks._recipes import Recipe, cap, make, recipes
from pynomaly_auto.building.tasks._suites import INDEX, NOT_STATED, TableFacts, read_registry, table_facts
from pynomaly_auto.building.tasks._variants import parse_variant, parse_variants
from pynomaly_auto.errors import InvalidInputError, StorageError
from pynomaly_auto.records import IntArray

BoolArray: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]

LABEL = "label"
_BAR = "|"  # between the names of a row's wrong columns
_SUFFIXES = (".npz", ".parquet", ".csv")


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
        variant: What is done to the task it was made of, as `parse_variant` reads it; ``""``: nothing.
        wrong: Name of the column that says which columns of a row are wrong; it is no part of the table.
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
    variant: str = ""
    wrong: str = ""

    @property
    def origin(self) -> str:
        """Name of the task it is a variant of; its own, where it is none."""
        return self.name.removesuffix(f"@{self.variant}") if self.variant else self.name


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
    read_registry(registry)  # a registry that cannot be read is a mistake, whether or not a source needs it
    tasks: list[Task] = []
    for source in sources:
        if (source / INDEX).is_file():
            found = _indexed(source, registry)
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


def variants_of(tasks: Sequence[Task], variants: Iterable[str]) -> list[Task]:
    """Variants of tasks, tasks taking turns: ``<task>@<variant>``, of the same group.

    Args:
        tasks: Tasks that are no variants themselves.
        variants: What is done to each: ``share=0.02``, ``noise=0.5``, or several joined by ``+``.

    Raises:
        SettingError: A variant cannot be read.
    """
    texts = [variant.text for variant in parse_variants(variants)]
    return [replace(task, name=f"{task.name}@{text}", variant=text) for text in texts for task in tasks]


@dataclass(frozen=True, kw_only=True, eq=False)
class Loaded:
    """A task's table, with all that is known of its rows and cells.

    Args:
        frame: The table without its label; shape (n_rows, n_columns).
        y: 1 for an anomaly, 0 for a normal row; shape (n_rows,).
        rows: Position of each row in the file; shape (n_rows,).
        wrong: Which cells are wrong, shape (n_rows, n_columns); None where nothing says so.
    """

    frame: pd.DataFrame
    y: IntArray
    rows: IntArray
    wrong: BoolArray | None = None


def load_task(task: Task, *, max_rows: int, seed: int) -> tuple[pd.DataFrame, IntArray]:
    """Read a task's table and labels, capped by dropping rows at random within each class.

    A variant that corrupts keeps the rows and labels of the task it was made of.

    Returns:
        The table without its label, and 1 for an anomaly, 0 for a normal row, shape (n_rows,).

    Raises:
        StorageError: The file cannot be read.
        InvalidInputError: It has no usable labels, or cannot be made into the variant.
    """
    loaded = load_rows(task, max_rows=max_rows, seed=seed)
    return loaded.frame, loaded.y


def load_rows(task: Task, *, max_rows: int, seed: int) -> Loaded:
    """The same rows as `load_task` takes, with their positions and their wrong cells.

    Raises:
        StorageError: The file cannot be read.
        InvalidInputError: It has no usable labels, or cannot be made into the variant.
    """
    table, target = read_labelled(task.path, task.target)
    wrong = _wrong_cells(task, table)
    table = table.drop(columns=task.wrong) if task.wrong else table
    rng = np.random.default_rng([seed, *task.origin.encode()])
    rows, labels = make(task.recipe, target, rng)
    variant, own = (parse_variant(task.variant) if task.variant else None), rng
    if variant is not None:
        own = np.random.default_rng([seed, *task.name.encode()])
        kept = variant.thinned(labels, own)
        rows, labels = rows[kept], labels[kept]
    chosen = cap(labels, max_rows, rng)
    rows, y = rows[chosen], labels[chosen].astype(np.int64)
    if y.sum() < 1 or y.sum() == len(y):
        raise InvalidInputError(f"{task.name} has rows of one class only.")
    frame = table.iloc[rows].reset_index(drop=True)
    if variant is not None:
        frame = variant.corrupted(frame, y, own)
    return Loaded(frame=frame, y=y, rows=rows, wrong=None if wrong is None else wrong[rows])


def _wrong_cells(task: Task, table: pd.DataFrame) -> BoolArray | None:
    """The cells that a column of names, joined by bars, calls wrong."""
    if not task.wrong:
        return None
    if task.wrong not in table.columns:
        raise InvalidInputError(f"{task.path.name} has no column {task.wrong!r} that says which cells are wrong.")
    columns = [str(column) for column in table.columns if column != task.wrong]
    out = np.zeros((len(table), len(columns)), dtype=bool)
    for row, names in enumerate(table[task.wrong].fillna("").map(str)):
        for name in filter(None, names.split(_BAR)):
            if name not in columns:
                raise InvalidInputError(f"{task.path.name} calls the column {name!r} wrong, which it does not have.")
            out[row, columns.index(name)] = True
    return out


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
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, pd.errors.ParserError) as error:
        # numpy's advice, to load what it cannot read as pickled objects, is none of ours.
        why = "it is no npz file of plain arrays" if "pickle" in str(error) else str(error).rstrip(".")
        raise StorageError(f"{path.name!r} cannot be read: {why}.") from None
    if label not in table.columns:
        raise InvalidInputError(
            f"{path.name} has no column {label!r}.", fix=f"Its columns: {', '.join(map(str, table.columns[:12]))}."
        )
    return table.drop(columns=label), table[label]


def _indexed(folder: Path, registry: Path | None) -> list[Task]:
    known = [facts for facts in table_facts(folder, registry=registry) if not facts.skipped]
    return [task for facts in known for task in _made(facts)]


def _made(facts: TableFacts) -> list[Task]:
    """The tasks of one table."""
    task = Task(
        name=facts.name, suite=facts.suite, group=facts.group, domain=facts.domain, source=facts.source,
        licence=facts.licence, path=facts.path, wrong=facts.wrong,
    )  # fmt: skip
    # A target called that, of no kind, is no target: an index may name the column of labels.
    if not facts.target or (facts.target == LABEL and not facts.target_kind):
        return [task]
    values = pd.read_parquet(facts.path, columns=[facts.target])[facts.target]
    found = recipes(values, facts.target_kind)
    return [replace(task, name=f"{facts.name}__{recipe}", recipe=recipe, target=facts.target) for recipe in found]


def _plain(path: Path, suite: str, label: str) -> Task:
    name = re.sub(r"[^\w.-]+", "_", path.stem)
    return Task(
        name=name, suite=suite, group=name, domain="", source=f"file {path.name}", licence=NOT_STATED, path=path,
        target=label,
    )  # fmt: skip
