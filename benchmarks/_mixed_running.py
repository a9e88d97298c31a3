"""Runs the methods of `benchmarks.mixed` on its tables, one at a time in a process that can be killed."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._knowledge import Base, Bases
from benchmarks._mixed_methods import OURS, Choice, perform, prepare
from benchmarks._mixed_tables import Source
from benchmarks._running import FILE, one_job, reason_of
from benchmarks._store import Line, Store
from pynomaly_auto.pool import Outcome, Pool
from pynomaly_auto.pool._pool import PRELOAD

_READ_LIMIT = 300.0
_BEYOND_BUDGET = 60.0  # seconds that ours may take beyond its budget, with explanations
_PRELOAD = (*PRELOAD, *(f"pyod.models.{name}" for name in ("ecod", "iforest", "knn", "lof")), "pyod.utils.ad_engine")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run.

    Args:
        methods: Names of `_mixed_methods.METHODS`.
        choice: How they are run.
        max_rows: Larger tables are sampled down to that many rows, by class.
        limit: Seconds for one method on one table; ours gets its budget and a minute where that is more.
        scores: Folder for every method's scores, one file a table; None: they are not kept.
        bases: Which knowledge base ours uses for a group.
    """

    methods: tuple[str, ...]
    choice: Choice
    max_rows: int = 4000
    limit: float = 120.0
    scores: Path | None = None
    bases: Bases = field(default_factory=lambda: Bases(None))

    def choice_for(self, source: Source) -> Choice:
        """How methods are run on one table."""
        return self.choice if self.bases.template is None else replace(self.choice, base=self._base(source).path)

    def _base(self, source: Source) -> Base:
        return self.bases.base(source.group)

    def base_facts(self, source: Source) -> Line:
        """What a line says of the base: its name, and whether it was built from tables of the group."""
        base = self._base(source)
        return {"base": base.name, "base_knows_group": base.knows}

    def seconds(self, method: str) -> float:
        """Time limit of a method."""
        return max(self.limit, self.choice.budget + _BEYOND_BUDGET) if method in OURS else self.limit


def measure(tables: Sequence[Source], plan: Plan, store: Store) -> None:
    """Bring every method on every table to its end; what the store has already is not run again."""
    known = {_identity(line) for line in store.lines}
    with tempfile.TemporaryDirectory(prefix="pynomaly-mixed-") as folder, Pool(1, preload=_PRELOAD) as pool:
        path = str(Path(folder) / "table.pickle")
        for number, source in enumerate(tables, start=1):
            todo = [m for m in plan.methods if _identity(_line(source, plan, m)) not in known]
            if not todo or _identity(_line(source, plan, FILE)) in known:
                continue
            ready = one_job(pool, prepare, (source, plan.max_rows, plan.choice.seed, path), _READ_LIMIT)
            if ready.status != "completed":
                store.add(_line(source, plan, FILE) | {"error": reason_of(ready)})
                print(f"[{number}/{len(tables)}] {source.name}: {reason_of(ready)}", file=sys.stderr, flush=True)
                continue
            told = []
            for method in todo:
                outcome = one_job(pool, perform, (method, path, plan.choice_for(source)), plan.seconds(method))
                line = _line(source, plan, method) | ready.value | _kept(outcome, source, plan, method)
                store.add(line)
                told.append(f"{method} {line['ap']:.3f}" if "ap" in line else f"{method} failed")
            print(
                f"[{number}/{len(tables)}] {source.suite} {source.name}: {', '.join(told)}", file=sys.stderr, flush=True
            )


def _kept(outcome: Outcome, source: Source, plan: Plan, method: str) -> Mapping[str, Any]:
    """What the store gets of an outcome; scores go to the folder."""
    if outcome.status != "completed":
        return {"error": reason_of(outcome), "seconds": outcome.seconds}
    if plan.scores is not None:
        keep_scores(plan.scores, source, method, outcome.value)
    return {**outcome.value["line"], "done": time.strftime("%Y-%m-%d")}


def keep_scores(folder: Path, source: Source, method: str, value: Mapping[str, Any]) -> None:
    """Add a method's scores to a table's file: ``rows``, ``y``, ``group``, ``kind`` and one array a method.

    Scores of other rows than these are dropped: a file is of one sample.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{source.suite}__{source.name}.npz"
    arrays: dict[str, Any] = {}
    if path.is_file():
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if not np.array_equal(arrays["rows"], value["rows"]):
            arrays = {}
    arrays |= {"rows": value["rows"], "y": value["y"], method: value["scores"]}
    arrays |= {"group": np.array(source.group), "kind": np.array(source.kind)}
    draft = path.with_name(f".{path.name}")
    with draft.open("wb") as file:
        np.savez_compressed(file, **arrays)
    draft.replace(path)


def current(lines: Iterable[Line], plan: Plan) -> list[Line]:
    """The last measurement of each method on each table with a plan's rows and seed."""
    out: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        if line["max_rows"] == plan.max_rows and line["seed"] == plan.choice.seed:
            out[line["suite"], line["table"], line["method"]] = line
    return list(out.values())


def _line(source: Source, plan: Plan, method: str) -> Line:
    line: Line = {
        "suite": source.suite, "table": source.name, "group": source.group, "kind": source.kind,
        "method": method, "max_rows": plan.max_rows, "seed": plan.choice.seed,
    }  # fmt: skip
    return line | ({"budget": plan.choice.budget, **plan.base_facts(source)} if method in OURS else {})


def _identity(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must be alike for a measurement to stand for another."""
    return tuple(line.get(key) for key in ("suite", "table", "method", "max_rows", "seed", "budget", "base"))
