"""The build: tasks × configurations through the pool, one part file per finished task, then the knowledge base."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pynomaly_auto._machine import usable_cores
from pynomaly_auto._scratch import Scratch
from pynomaly_auto.building._assemble import Tables, assemble, described, parts_tables, union
from pynomaly_auto.building._plan import Plan, Progress
from pynomaly_auto.building.learning._designs import design_tables
from pynomaly_auto.building.learning._fuse import FEWEST_GROUPS, VIEWED, fusion_members, learn_fusion
from pynomaly_auto.building.learning._train import Learned
from pynomaly_auto.building.measuring._configurations import configurations, prescribed
from pynomaly_auto.building.measuring._held_out import fit_held_out, prepare_held_out
from pynomaly_auto.building.measuring._measure import Measured, Prepared, finish, fit, prepare
from pynomaly_auto.building.measuring._parts import mark, read_part, slug
from pynomaly_auto.building.tasks._sources import Task, find_tasks, variants_of
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import InvalidInputError, NotApplicableError, StorageError
from pynomaly_auto.knowledge import KnowledgeBase, Manifest
from pynomaly_auto.pool import Executor, Job, Outcome
from pynomaly_auto.records import Configuration
from pynomaly_auto.regimes import CONTAMINATED, Judged

_PREPARE_TIMEOUT = 300.0  # seconds; judged: a guard against tables that hang, not a limit on ordinary ones
_PREPARING: Mapping[Judged, Callable[..., Prepared]] = {
    "rows fitted on": prepare,
    "held-out rows": prepare_held_out,
}


# Models that are learned from rows, which a base does not hold.
_OF_ROWS = ("fusion", "calibrator", "gains", "cell_judge", "cell_fusion", "cell_calibrator")


def part_of(parts: Path, task: Task) -> Path:
    """The part file of a task."""
    return parts / f"{slug(task.name)}.parquet"


@dataclass(kw_only=True)
class _Open:
    """A task under way."""

    task: Task
    todo: list[Configuration]
    started: float
    prepared: Prepared | None = None
    waiting: int = 0
    measured: list[Measured] = field(default_factory=list)


def build(
    sources: Path | Iterable[Path],
    out: Path,
    plan: Plan | None = None,
    *,
    on_task: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Measure detectors on labelled tables and write a knowledge base.

    A build that was killed continues: tasks whose part file is there are not measured again, and detectors or
    configurations that came since are measured alone.

    Args:
        sources: Folders or files of labelled tables, as `find_tasks` takes them.
        out: Folder of the knowledge base; made if needed, its files replaced at the end.
        plan: What to measure and how.
        on_task: Called whenever a task came to its end.

    Raises:
        StorageError: A source cannot be read, or nothing can be written.
        InvalidInputError: No task could be measured.
        UnknownNameError: A detector is unknown.
    """
    plan = plan or Plan()
    tasks = _tasks(sources, plan)
    parts = (plan.parts or out.with_name(out.name + ".parts")).absolute()
    finished = _measure_all(tasks, parts, plan, on_task)
    measured, results = parts_tables(finished)
    tables = Tables(tasks=described(measured, tasks), results=results)
    # Where no base is asked, nothing would use what is learned.
    learned = _learn_rows(tasks, parts, plan) if plan.regime.asks_knowledge_base else {}
    return assemble(tables, out, seed=plan.seed, max_rows=plan.max_rows, learned=learned)


def _learn_rows(tasks: Sequence[Task], parts: Path, plan: Plan) -> dict[str, Learned]:
    """The models over rows: the learned fusion and its calibration."""
    members = fusion_members(VIEWED)
    files = {task.name: part_of(parts, task) for task in tasks}
    there = {name: path for name, path in files.items() if path.is_file()}
    if len({t.group for t in tasks if t.name in there}) < FEWEST_GROUPS:
        return {}
    with plan.executor() as pool:
        designs = design_tables(tasks, there, members, pool, max_rows=plan.max_rows, seed=plan.seed)
    return learn_fusion(designs, members, seed=plan.seed)


def add(
    base: Path,
    tables: Path | Iterable[Path],
    plan: Plan | None = None,
    *,
    on_task: Callable[[Progress], None] | None = None,
) -> Manifest:
    """Measure detectors on a user's own labelled tables and add them to a knowledge base.

    Tasks the base knows under the same name are replaced; models and manifest are made anew.

    Args:
        base: Folder of an intact knowledge base; nothing is changed in it before everything is measured.
        tables: Labelled tables, as `find_tasks` takes them.
        plan: What to measure and how; its ``parts`` are temporary unless given.
        on_task: Called whenever a task came to its end.

    Raises:
        StorageError: The base is damaged, a table cannot be read, or nothing can be written.
        InvalidInputError: None of the tables could be measured.
    """
    plan = plan or Plan()
    known = KnowledgeBase.open(base)
    tasks = _tasks(tables, plan)
    with Scratch() as scratch:
        finished = _measure_all(tasks, (plan.parts or scratch.path).absolute(), plan, on_task)
        merged = union(Tables(tasks=known.tasks, results=known.results), parts_tables(finished))
    # Rows of the base's tables are not in it: what was learned from them stays as it is.
    kept = {name: _carried(known, name) for name in _OF_ROWS if name in known.manifest.models}
    return assemble(merged, base, seed=known.manifest.seed, max_rows=known.manifest.max_rows, learned=kept)


def _carried(base: KnowledgeBase, name: str) -> Learned:
    card = base.manifest.models[name]
    texts = {role: (base.path / file).read_text(encoding="utf-8") for role, file in card.files.items()}
    return Learned.of(card, texts)


def _tasks(sources: Path | Iterable[Path], plan: Plan) -> list[Task]:
    found = find_tasks(_paths(sources), label=plan.label, registry=plan.registry)
    tasks = [t for t in found if not plan.suites or t.suite in plan.suites][: plan.limit]
    # After the tasks themselves: a build that is stopped early has those.
    return tasks + variants_of(tasks, plan.variants)


def _paths(sources: Path | Iterable[Path]) -> list[Path]:
    # Workers need not run where we do.
    return [Path(p).absolute() for p in ([sources] if isinstance(sources, (str, Path)) else sources)]


def _measure_all(tasks: list[Task], parts: Path, plan: Plan, on_task: Callable[[Progress], None] | None) -> list[Path]:
    """Measure all that a plan asks for."""
    names = plan.detectors or tuple(name for name, spec in DETECTORS.items() if spec.installed)
    drawn = configurations(names, plan.configurations, plan.seed)
    return measure_all(tasks, parts, plan, list(dict.fromkeys((*drawn, *prescribed(plan.regime, names)))), on_task)


def measure_all(
    tasks: list[Task],
    parts: Path,
    plan: Plan,
    wanted: list[Configuration],
    on_task: Callable[[Progress], None] | None = None,
) -> list[Path]:
    """Bring every task to its end; the part files of those that could be measured.

    Args:
        tasks: What is measured on.
        parts: Folder of the part files; made if needed.
        plan: How; what to measure is said by ``wanted`` instead.
        wanted: What is measured.
        on_task: Called whenever a task came to its end.

    Raises:
        StorageError: The parts cannot be written.
        InvalidInputError: No task could be measured.
    """
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{str(parts)!r} cannot be written: {error.strerror}.") from None
    run = _Run(tasks, parts, replace(plan, workers=plan.workers or usable_cores()), wanted)
    for progress in run.steps():
        if on_task is not None:
            on_task(progress)
    if not run.finished:
        raise InvalidInputError("no task could be measured.", fix="See the messages of the single tasks.")
    return sorted(run.finished)


class _Run:
    """The state of one build: which tasks are under way, and what the pool is busy with."""

    def __init__(self, tasks: list[Task], parts: Path, plan: Plan, wanted: list[Configuration]) -> None:
        self.tasks, self.parts, self.plan, self.wanted = tasks, parts, plan, wanted
        self.finished: list[Path] = []
        self.open: dict[str, _Open] = {}
        self.done = 0

    def steps(self) -> Iterator[Progress]:
        """Run to the end, one item per task that came to its end."""
        queue = iter(self.tasks)
        more = True
        workers = self.plan.workers or 1
        # What all nodes of a cluster are to read lies beside the parts, which they all see.
        shared = self.parts if self.plan.backend == "ray" else None
        with Scratch(place=shared) as scratch:
            pool: Executor | None = None  # no process is started when everything is known already
            try:
                while more or self.open:
                    # Just enough tasks are open to keep every worker busy, so that parts get finished early.
                    while more and (pool is None or pool.pending < 2 * workers) and len(self.open) < 2 * workers:
                        task = next(queue, None)
                        if task is None:
                            more = False
                            break
                        todo = self._todo(task)
                        if not todo:
                            yield self._end(task, "known", 0.0, "measured before")
                            continue
                        pool = pool or self.plan.executor()
                        self._begin(task, todo, pool, str(scratch.path))
                    if pool is None or not self.open:
                        continue
                    outcome = pool.collect()
                    assert outcome is not None  # open tasks always have something pending
                    ended = self._advance(outcome, pool)
                    if ended is not None:
                        yield ended
            finally:
                if pool is not None:
                    pool.close()

    def _part(self, task: Task) -> Path:
        return part_of(self.parts, task)

    def _todo(self, task: Task) -> list[Configuration]:
        part = self._part(task)
        if not part.is_file():
            return self.wanted
        record, known = read_part(part)
        if record.get("protocol", CONTAMINATED.name) != self.plan.protocol:
            raise StorageError(
                f"part {part.name!r} was measured by another protocol than {self.plan.protocol!r}.",
                fix="Give each protocol its own folder of parts.",
            )
        have = set(zip(known["detector"], known["config"], strict=True))
        return [c for c in self.wanted if mark(c) not in have]

    def _begin(self, task: Task, todo: list[Configuration], pool: Executor, folder: str) -> None:
        self.open[task.name] = _Open(task=task, todo=todo, started=time.monotonic())
        pool.submit(
            Job(
                function=_PREPARING[self.plan.regime.judged],
                args=(task, self.plan.protocol, self.plan.max_rows, self.plan.seed, folder),
                timeout=_PREPARE_TIMEOUT,
                key=(task.name, "prepare", None),
            )
        )

    def _advance(self, outcome: Outcome, pool: Executor) -> Progress | None:
        name, stage, configuration = outcome.key
        state = self.open[name]
        if stage == "prepare":
            if outcome.status != "completed":
                return self._fail(state, outcome)
            state.prepared = outcome.value
            self._submit_fits(state, pool)
        elif stage == "fit":
            state.waiting -= 1
            state.measured.append(
                Measured(
                    configuration=configuration,
                    status=outcome.status,
                    seconds=outcome.seconds,
                    memory_mb=outcome.memory_mb,
                    error=outcome.error,
                    scores=outcome.value,
                )
            )
        else:
            return self._fail(state, outcome) if outcome.status != "completed" else self._complete(state)
        if state.waiting == 0:
            # In the order wanted, not in that of completion: the same build gives the same file.
            position = {c: i for i, c in enumerate(state.todo)}
            measured = sorted(state.measured, key=lambda m: position[m.configuration])
            args = (state.task, state.prepared, measured, str(self._part(state.task)), self.plan.seed)
            pool.submit(Job(function=finish, args=args, timeout=_PREPARE_TIMEOUT, key=(name, "finish", None)))
        return None

    def _submit_fits(self, state: _Open, pool: Executor) -> None:
        prepared = state.prepared
        assert prepared is not None
        for c in state.todo:
            spec = DETECTORS[c.detector]
            try:
                spec.check_applies(prepared.n_rows, prepared.n_features)
            except NotApplicableError as error:
                state.measured.append(
                    Measured(configuration=c, status="not_applicable", seconds=0.0, memory_mb=0.0, error=str(error))
                )
                continue
            state.waiting += 1
            args: tuple[Any, ...] = (spec, dict(c.params), prepared.X, self.plan.seed)
            function: Callable[..., Any] = fit
            if prepared.n_judged is not None:
                function, args = fit_held_out, (*args, prepared.n_rows)
            pool.submit(
                Job(function=function, args=args, timeout=self.plan.fit_timeout, key=(state.task.name, "fit", c))
            )

    def _complete(self, state: _Open) -> Progress:
        ok = sum(m.status == "completed" for m in state.measured)
        self._forget(state)
        seconds = time.monotonic() - state.started
        return self._end(state.task, "measured", seconds, f"{ok} of {len(state.measured)} fits completed")

    def _fail(self, state: _Open, outcome: Outcome) -> Progress:
        self._forget(state)
        return self._end(state.task, "failed", time.monotonic() - state.started, outcome.error or outcome.status)

    def _forget(self, state: _Open) -> None:
        del self.open[state.task.name]
        if state.prepared is not None:
            for array in (state.prepared.X, state.prepared.labels):
                Path(array.path).unlink(missing_ok=True)

    def _end(self, task: Task, status: str, seconds: float, text: str) -> Progress:
        self.done += 1
        if status != "failed":
            self.finished.append(self._part(task))
        return Progress(
            task=task.name, status=status, done=self.done, total=len(self.tasks), seconds=seconds, text=text
        )
