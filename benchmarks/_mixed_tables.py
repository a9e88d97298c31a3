"""The tables of `benchmarks.mixed`: shared ones with their cells, generated ones, real ones that are planted into."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks._tables import home
from meta_datasets.synthetic._draft import Planted
from meta_datasets.synthetic.business import DOMAINS, business
from meta_datasets.synthetic.mistakes import mistakes
from meta_datasets.synthetic.planting import planted
from meta_datasets.synthetic.transactions import transactions
from pynomaly_auto.building import Task, find_tasks, load_rows, read_labelled
from pynomaly_auto.records import IntArray

SUITES = ("dirty", "business", "mixed", "domains", "planted", "mistakes", "transactions")
SEEDS = {"domains": 5, "transactions": 10}
RATES = (0.01, 0.02, 0.05)  # of planted rows, tables taking turns
_MISTAKEN = 0.05  # of the rows get a wrong cell, as in the dirty tables
_FEWEST_ROWS = 300  # of a table that something is planted into
_TEXT_COLUMNS = 2


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a table comes from; made or read when its turn comes.

    Args:
        suite: One of `SUITES`.
        name: Unique within the suite.
        group: Tables of one group are one witness.
        kind: Of the dirty tables the kind of error, of others the domain.
        task: The shared table, where there is one.
        seed: Of what is generated or planted.
        rate: Share of planted rows.
    """

    suite: str
    name: str
    group: str
    kind: str
    task: Task | None = None
    seed: int = 0
    rate: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class MixedTable:
    """One table with what is known of its rows and cells.

    Args:
        source: Where it comes from.
        frame: As methods get it, shape (n_rows, n_columns).
        y: 1 for an anomaly, shape (n_rows,).
        rows: Position of each row in the file it was read from, or in the generated table.
        wrong: Which cells are wrong or odd, bool of shape (n_rows, n_columns); None where nothing says so.
        clean: The table before it was changed, where that is known.
        kinds: Kind of each planted row, ``""`` for others; empty where there are no kinds.
    """

    source: Source
    frame: pd.DataFrame = field(repr=False)
    y: IntArray = field(repr=False)
    rows: IntArray = field(repr=False)
    wrong: np.ndarray[Any, np.dtype[np.bool_]] | None = field(default=None, repr=False)
    clean: pd.DataFrame | None = field(default=None, repr=False)
    kinds: tuple[str, ...] = field(default=(), repr=False)


_PLANTED: Mapping[str, Callable[..., Planted]] = {"planted": planted, "mistakes": mistakes}


def mixed_home() -> Path:
    """Where the shared mixed tables are.

    Raises:
        SystemExit: They are not there.
    """
    path = Path(os.environ.get("PYNOMALY_MIXED_DATASETS", "../shared/mixed_datasets"))
    if not (path / "index.csv").is_file():
        raise SystemExit(f"No mixed tables at {path}: set PYNOMALY_MIXED_DATASETS to the folder with index.csv.")
    return path


def sources(suites: Iterable[str] = SUITES) -> list[Source]:
    """All tables of some suites, in a fixed order.

    Raises:
        SystemExit: A suite is unknown, or its shared tables are not there.
    """
    wanted = list(suites)
    if unknown := [suite for suite in wanted if suite not in SUITES]:
        raise SystemExit(f"Unknown suite {', '.join(unknown)}. Known: {', '.join(SUITES)}.")
    makers: Mapping[str, Callable[[], list[Source]]] = {
        "dirty": lambda: _shared("dirty"),
        "business": lambda: _shared("business"),
        "mixed": lambda: _shared("mixed", home()),
        "domains": _domains,
        "planted": _plantable,
        "mistakes": _mistakable,
        "transactions": _transactions,
    }
    return [source for suite in SUITES if suite in wanted for source in makers[suite]()]


def spread(found: Iterable[Source], count: int | None, seed: int = 0) -> list[Source]:
    """At most ``count`` tables of each suite, a fixed random choice that a larger one holds; kinds take turns."""
    if count is None:
        return list(found)
    out: list[Source] = []
    for suite, members in _by(found, lambda s: s.suite).items():
        rng = np.random.default_rng([seed, *suite.encode()])
        lines = [[part[i] for i in rng.permutation(len(part))] for part in _by(members, lambda s: s.kind).values()]
        turns = [line[i] for i in range(max(map(len, lines))) for line in lines if i < len(line)]
        out += turns[:count]
    return out


def load(source: Source, *, max_rows: int, seed: int) -> MixedTable:
    """Read or make a table, at most so many rows of it.

    Raises:
        PynomalyError: The file cannot be read, or nothing can be planted into it.
    """
    if source.suite == "transactions":
        return _of_planted(source, transactions(source.seed))
    if source.suite == "domains":
        return _of_planted(source, business(source.kind, source.seed))
    assert source.task is not None
    loaded = load_rows(source.task, max_rows=max_rows, seed=seed)
    if (plant := _PLANTED.get(source.suite)) is not None:
        normal = np.flatnonzero(loaded.y == 0)
        frame = loaded.frame.iloc[normal].reset_index(drop=True)
        return _of_planted(source, plant(frame, source.seed, source.rate, name=source.name))
    return MixedTable(source=source, frame=loaded.frame, y=loaded.y, rows=loaded.rows, wrong=loaded.wrong)


def _of_planted(source: Source, made: Planted) -> MixedTable:
    rows = np.arange(len(made.y))
    return MixedTable(
        source=source, frame=made.frame, y=made.y, rows=rows, wrong=made.wrong, clean=made.clean, kinds=made.kinds
    )


def _shared(suite: str, folder: Path | None = None) -> list[Source]:
    tasks = sorted((t for t in find_tasks([folder or mixed_home()]) if t.suite == suite), key=lambda t: t.name)
    return [Source(suite=suite, name=t.name, group=t.group, kind=t.domain, task=t) for t in tasks]


def _domains() -> list[Source]:
    seeds = range(SEEDS["domains"])
    return [Source(suite="domains", name=f"{d}_s{s}", group=d, kind=d, seed=s) for s in seeds for d in DOMAINS]


def _transactions() -> list[Source]:
    names = [(f"transactions_s{s}", s) for s in range(SEEDS["transactions"])]
    return [Source(suite="transactions", name=n, group=n, kind="transactions", seed=s) for n, s in names]


def _plantable() -> list[Source]:
    """Business tables, and the raw ones of the other folder that hold text."""
    business_tasks = [t for t in find_tasks([mixed_home()]) if t.suite == "business"]
    others = {t.path: t for t in reversed(find_tasks([home()])) if t.suite in {"mixed", "uci"} and _has_text(t)}
    tasks = sorted([*business_tasks, *others.values()], key=lambda t: t.name)
    return [
        Source(suite="planted", name=t.name, group=t.group, kind=t.suite, task=t, rate=RATES[i % len(RATES)])
        for i, t in enumerate(tasks)
    ]


def _mistakable() -> list[Source]:
    """Business tables, and the right rows of the dirty ones, one table of each origin."""
    tasks = sorted(find_tasks([mixed_home()]), key=lambda t: t.name)
    dirty = {t.group: t for t in reversed(tasks) if t.suite == "dirty"}
    chosen = [t for t in tasks if t.suite == "business" or dirty.get(t.group) is t]
    return [Source(suite="mistakes", name=t.name, group=t.group, kind=t.suite, task=t, rate=_MISTAKEN) for t in chosen]


def _has_text(task: Task) -> bool:
    frame, _ = read_labelled(task.path, task.target)
    text = sum(not pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes)
    return len(frame) >= _FEWEST_ROWS and text >= _TEXT_COLUMNS


def _by(found: Iterable[Source], key: Callable[[Source], str]) -> dict[str, list[Source]]:
    out: dict[str, list[Source]] = {}
    for source in found:
        out.setdefault(key(source), []).append(source)
    return out
