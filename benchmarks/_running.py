"""Runs methods on tables, one fit at a time in a process that can be killed, and keeps every outcome."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks._knowledge import Base, Bases
from benchmarks._measuring import prepare
from benchmarks._peers import OURS, PEER_LIMIT, RUNS, Choice, perform, tidy
from benchmarks._store import Line, Store
from pynomaly_auto.building import Task
from pynomaly_auto.pool import Job, Outcome, Pool
from pynomaly_auto.pool._pool import PRELOAD

FILE = "file"  # stands for the method where the table itself cannot be used
_READ_LIMIT = 300.0
# Imported before anything is timed, for all methods alike.
_PYOD = (
    "abod",
    "cblof",
    "cof",
    "copod",
    "ecod",
    "gmm",
    "hbos",
    "iforest",
    "inne",
    "kde",
    "knn",
    "loda",
    "lof",
    "mcd",
    "ocsvm",
    "pca",
)
_PRELOAD = (*PRELOAD, "pyod.utils.ad_engine", *(f"pyod.models.{name}" for name in _PYOD))
_Fit: TypeAlias = tuple[str, Choice, Base | None]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run.

    Args:
        runs: Names of `_peers.RUNS`.
        budgets: Seconds ours gets, one run for each; the largest is the one that is compared.
        max_rows: Larger tables are sampled down to that many rows, by class.
        workers: Processes of ours.
        seed: Seed of samples and methods.
        bases: Which knowledge base ours uses.
    """

    runs: tuple[str, ...]
    bases: Bases
    budgets: tuple[float, ...] = (60.0,)
    max_rows: int = 5000
    workers: int = 2
    seed: int = 0

    def fits(self) -> list[tuple[str, Choice]]:
        """Every run with its settings, the knowledge base left open."""
        common = Choice(workers=self.workers, seed=self.seed)
        out: list[tuple[str, Choice]] = []
        for run in self.runs:
            out += [(run, replace(common, budget=b)) for b in self.budgets] if run == OURS else [(run, common)]
        return out


def method_key(method: str, choice: Choice) -> str:
    """Name of a method in the store; ours is told apart by its budget."""
    return f"{OURS}@{choice.budget:g}" if method == OURS else method


def measure(tasks: Sequence[Task], plan: Plan, store: Store, *, quiet: bool = False) -> None:
    """Bring every run on every task to its end; what the store has already is not run again.

    A run that raises, dies or exceeds its time (120 s for peers, the budget and a minute and a half for ours) is an
    outcome too.
    """
    known = {_identity(line) for line in store.lines}
    # One process at a time: nothing else may compete for the machine while a method is timed.
    with tempfile.TemporaryDirectory(prefix="pynomaly-bench-") as folder, Pool(1, preload=_PRELOAD) as pool:
        for number, task in enumerate(tasks, start=1):
            base = plan.bases.base(task.group) if OURS in plan.runs else None
            todo = [
                (run, choice, base)
                for run, choice in plan.fits()
                if any(_identity(_line(task, plan, m, choice, base)) not in known for m in RUNS[run].methods)
            ]
            if not todo or _identity(_line(task, plan, FILE, Choice(), None)) in known:
                continue
            told = []
            for line in _measure_one(pool, str(Path(folder) / "table.pickle"), task, plan, todo):
                store.add(line)
                told.append(_told(line))
            if not quiet:
                print(f"[{number}/{len(tasks)}] {task.suite} {task.name}: {', '.join(told)}", file=sys.stderr)
        one_job(pool, tidy, (), _READ_LIMIT)


def _measure_one(pool: Pool, path: str, task: Task, plan: Plan, todo: Sequence[_Fit]) -> Iterator[Line]:
    """Prepare one table and run what is to do on it; the lines to keep."""
    ready = one_job(pool, prepare, (task, plan.max_rows, plan.seed, path), _READ_LIMIT)
    if ready.status != "completed":
        yield _line(task, plan, FILE, Choice(), None) | {"error": reason_of(ready)}
        return
    for run, choice, base in todo:
        if run == OURS and base is not None:
            choice = replace(choice, base=base.path)
        limit = 1.1 * choice.budget + 92.0 if run == OURS else PEER_LIMIT
        outcome = one_job(pool, perform, (run, path, choice), limit)
        answers: Mapping[str, Any] = outcome.value if outcome.status == "completed" else {}
        for method in RUNS[run].methods:
            failed = {"error": reason_of(outcome), "seconds": outcome.seconds}
            line = _line(task, plan, method, choice, base) | ready.value | answers.get(method, failed)
            yield line | {"done": time.strftime("%Y-%m-%d")}
    Path(path).unlink(missing_ok=True)


def _told(line: Line) -> str:
    if line["method"] == FILE:
        return f"cannot be used: {line['error']}"
    figure = f"{line['roc_auc']:.3f}/{line['ap']:.3f}" if "roc_auc" in line else f"failed ({line['error'][:60]})"
    return f"{line['method']} {figure} {line['seconds']:.1f}s"


def one_job(pool: Pool, function: Any, args: tuple[Any, ...], limit: float) -> Outcome:
    """What becomes of one call, which may take so many seconds."""
    return pool.run([Job(function=function, args=args, timeout=limit)])[0]


def reason_of(outcome: Outcome) -> str:
    """Why a call did not come to its end, in one line."""
    if outcome.status == "timeout":
        return f"killed after {outcome.seconds:.0f} s"
    return f"{outcome.error or outcome.status}"[:200]


def _line(task: Task, plan: Plan, method: str, choice: Choice, base: Base | None) -> Line:
    line: Line = {
        "suite": task.suite, "table": task.name, "group": task.group, "domain": task.domain,
        "method": method_key(method, choice), "max_rows": plan.max_rows, "seed": plan.seed,
    }  # fmt: skip
    if method == OURS:
        line |= {"workers": plan.workers} | (base.facts() if base is not None else {})
    return line


def _identity(line: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must be alike for a measurement to stand for another: a base built anew is measured anew."""
    keys = ("suite", "table", "method", "max_rows", "seed", "workers", "base", "base_created")
    return tuple(line.get(key) for key in keys)


def current(lines: Iterable[Line], plan: Plan) -> list[Line]:
    """The last measurement of each of a plan's methods on each table, and the tables that could not be used."""
    wanted = {FILE} | {method_key(m, choice) for run, choice in plan.fits() for m in RUNS[run].methods}
    out: dict[tuple[str, str, str], Line] = {}
    for line in lines:
        if line["method"] in wanted and line["max_rows"] == plan.max_rows and line["seed"] == plan.seed:
            out[line["suite"], line["table"], line["method"]] = line
    return list(out.values())
