"""``python -m meta_datasets.planted SOURCES -o DIR`` writes real tables with planted anomalies, to learn from.

Into ordinary rows of labelled tables of several kinds of columns, as `meta_datasets.synthetic.planted` does it, at
several rates. What is written has the form of the shared folders: parquet files with ``label`` and ``wrong``, and an
index; groups are those of the source. A run that was killed continues where it was.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from meta_datasets.synthetic import Planted, planted
from pynomaly_auto.building import Task, find_tasks, load_rows
from pynomaly_auto.errors import InvalidInputError, PynomalyError, SettingError, StorageError

MODALITY = "planted"
FEWEST_ROWS = 300  # ordinary ones
FEWEST_TEXTS = 2  # columns that are no numbers; fewer leave little that could depend on each other
RATES = (0.01, 0.02, 0.05)
_BAR = "|"
_READ = 0.98  # share of a text column's cells that must be numbers, or dates, to be planted in as such
_LONGEST_DATE = 30  # characters
_YEAR = r"\d{4}"
_HEADER = (
    "name", "modality", "group", "path", "n_samples", "n_features", "anomaly_fraction", "source", "domain",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class PlantedPlan:
    """What is written.

    Args:
        rates: Shares of planted rows; tables take turns.
        each: Versions of each table, of different rates and seeds.
        max_rows: Longer tables are cut to so many rows that follow each other: histories stay whole.
        seed: Of everything random.
        suites: Only tables of these suites; empty: all.
    """

    rates: tuple[float, ...] = RATES
    each: int = 1
    max_rows: int = 1500
    seed: int = 1
    suites: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.rates or self.each < 1 or self.max_rows < FEWEST_ROWS or self.seed < 0:
            raise SettingError(
                f"{self!r} cannot be carried out.",
                where="plan of planted tables",
                fix=f"At least one rate and one version of each table, max_rows from {FEWEST_ROWS}, seed from 0.",
            )


def write(sources: Iterable[Path], out: Path, plan: PlantedPlan | None = None) -> Iterator[tuple[str, str]]:
    """Write planted tables, one after another; those that the index of the folder knows are not made again.

    Args:
        sources: Labelled tables, as `pynomaly_auto.building.find_tasks` takes them; of the tables of wrong cells one
            of each group is taken, as the others are the same rows.
        out: Folder written to, made if needed.
        plan: At which rates, and how large.

    Yields:
        Name of a table and what became of it: ``"written"``, ``"known"``, or why nothing was planted.

    Raises:
        StorageError: A source cannot be read, or nothing can be written.
    """
    plan = plan or PlantedPlan()
    index, folder = out / "index.csv", out / MODALITY
    try:
        folder.mkdir(parents=True, exist_ok=True)
        known = _known(index)
        for turn, (task, version) in enumerate(itertools.product(_usable(sources, plan), range(plan.each))):
            rate = plan.rates[turn % len(plan.rates)]
            name = f"{MODALITY}_{task.name}_{version}"
            if name in known:
                yield name, "known"
                continue
            try:
                made = planted(_ordinary(task, plan), plan.seed + version, rate, name=name)
                path = f"{MODALITY}/{name}.parquet"
                _keep(made, out / path)
            except PynomalyError as error:
                yield name, error.what
                continue
            _append(index, _row(task, name, path, made))
            yield name, "written"
    except OSError as error:
        raise StorageError(f"{str(out)!r} cannot be written: {error.strerror}.") from None


def _known(index: Path) -> set[str]:
    """Names of the tables that are there."""
    if not index.is_file():
        return set()
    with index.open(newline="", encoding="utf-8") as file:
        return {row["name"] for row in csv.DictReader(file)}


def _usable(sources: Iterable[Path], plan: PlantedPlan) -> list[Task]:
    """One task of each file, and one file of each group of tables whose wrong cells are known."""
    found: dict[Any, Task] = {}
    for task in sorted(find_tasks(sources), key=lambda t: t.name):
        if task.suite == MODALITY or task.path.suffix != ".parquet" or (plan.suites and task.suite not in plan.suites):
            continue
        found.setdefault((task.suite, task.group) if task.wrong else task.path, task)
    return list(found.values())


def _ordinary(task: Task, plan: PlantedPlan) -> pd.DataFrame:
    """The ordinary rows of a table, at most so many that follow each other, numbers and dates read from text."""
    loaded = load_rows(task, max_rows=sys.maxsize, seed=plan.seed)
    frame = loaded.frame.iloc[np.flatnonzero(loaded.y == 0)].reset_index(drop=True)
    if len(frame) < FEWEST_ROWS:
        raise InvalidInputError(f"{len(frame)} ordinary rows are too few to plant in.")
    if len(frame) > plan.max_rows:
        rng = np.random.default_rng([plan.seed, *task.name.encode()])
        first = int(rng.integers(len(frame) - plan.max_rows))
        frame = frame.iloc[first : first + plan.max_rows].reset_index(drop=True)
    frame = frame.set_axis([str(column).replace(_BAR, "/") for column in frame.columns], axis=1)
    frame = frame.apply(_read) if task.wrong else frame
    texts = sum(not pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes)
    if texts < FEWEST_TEXTS:
        raise InvalidInputError(f"{texts} columns that are no numbers are too few.")
    return frame


def _read(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column of text as numbers or dates, where nearly all cells are such."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    told: pd.Series[Any] = column.map(str, na_action="ignore")
    told = told.where(told != "")
    count = max(int(told.notna().sum()), 1)
    numbers: pd.Series[Any] = pd.to_numeric(told, errors="coerce")
    if numbers.notna().sum() >= _READ * count:
        return numbers
    text = told.dropna()
    if len(text) and text.str.len().max() < _LONGEST_DATE and text.str.contains(_YEAR).mean() >= _READ:
        moments: pd.Series[Any] = pd.to_datetime(told, errors="coerce", format="mixed")
        if moments.notna().sum() >= _READ * count:
            return moments
    return told


def _keep(made: Planted, path: Path) -> None:
    """The table as parquet, in one step."""
    # A column may hold values of several types once values were exchanged: text holds them all.
    frame = made.frame.apply(lambda c: c.map(str, na_action="ignore") if c.dtype == object else c)
    wrong = [_BAR.join(names) for names in made.columns]
    draft = path.with_name(f".{path.name}.tmp")
    frame.assign(label=made.y.astype(np.int8), wrong=wrong).to_parquet(draft, index=False)
    draft.replace(path)


def _row(task: Task, name: str, path: str, made: Planted) -> Sequence[Any]:
    kinds = ", ".join(f"{made.kinds.count(k)} {k}" for k in sorted(set(made.kinds) - {""}))
    n, width = made.frame.shape
    told = f"planted into ordinary rows of {task.name}: {kinds}"
    return (name, MODALITY, task.group, path, n, width, round(float(made.y.mean()), 5), told, task.domain)


def _append(index: Path, row: Sequence[Any]) -> None:
    new = not index.is_file()
    with index.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([_HEADER, row] if new else [row])


def main(arguments: list[str]) -> int:
    """Write; the exit status says whether that went well."""
    plan = PlantedPlan()
    parser = argparse.ArgumentParser(prog="python -m meta_datasets.planted", description=__doc__)
    parser.add_argument("sources", nargs="+", type=Path, metavar="SOURCE", help="folder or file of labelled tables")
    parser.add_argument("-o", "--output", required=True, type=Path, help="folder written to")
    parser.add_argument("--rates", nargs="+", type=float, default=plan.rates, help="of planted rows %(default)s")
    parser.add_argument("--each", type=int, default=plan.each, help="versions of each table [%(default)s]")
    parser.add_argument("--max-rows", type=int, default=plan.max_rows, help="of the longest [%(default)s]")
    parser.add_argument("--seed", type=int, default=plan.seed, help="of everything random [%(default)s]")
    parser.add_argument("--suite", action="append", default=[], help="only this suite of the index (repeatable)")
    options = parser.parse_args(arguments)
    count = 0
    try:
        plan = PlantedPlan(
            rates=tuple(options.rates), each=options.each, max_rows=options.max_rows, seed=options.seed,
            suites=tuple(options.suite),
        )  # fmt: skip
        for name, told in write(options.sources, options.output, plan):
            count += told in {"written", "known"}
            print(f"{name}: {told}", flush=True)
    except PynomalyError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    print(f"{count} tables and their index are in {options.output}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
