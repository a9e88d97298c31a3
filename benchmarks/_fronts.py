"""Fronts of smaller models: how much of the space of objectives several ways to search dominate at equal trials."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._knowledge import Bases
from benchmarks._statistics import Names, bootstrap_mean, compare
from benchmarks._store import Line
from benchmarks._text import interval, markdown, probability, record
from pynomaly_auto import AutonomousDetector
from pynomaly_auto.building import Task, load_rows
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.engine._smaller import Candidate, Rows, Samples, member_megabytes, row_milliseconds
from pynomaly_auto.engine._surveying import READ_MS, TRIALS
from pynomaly_auto.ensembling import Agreeing, Subset, agreement, explore, steps, unbeaten
from pynomaly_auto.records import FloatArray

OURS, RANDOM = "ours", "random subsets"
CHAIN, NSGA, NSGA_BEGUN, TPE = "one member then two", "NSGA-II", "NSGA-II from ours' start", "TPE"
WAYS = (OURS, RANDOM, CHAIN, NSGA, NSGA_BEGUN, TPE)
_SEEDS = {OURS: 3, RANDOM: 3}
_MOST = 24  # members of a random subset
_WORST = 0.5  # agreement from which on a model dominates anything
_SMALLEST_MB = 0.05


def collect(task: Task, folder: Path, bases: Bases, *, max_rows: int, budget: float) -> Path:
    """Fit one table, and keep what its members say of resampled rows; what is there already is left.

    Raises:
        PynomalyError: The table cannot be used, or nothing could be fitted.
    """
    path = folder / f"{task.suite}__{task.name}.npz"
    if path.is_file():
        return path
    base = bases.base(task.group)
    os.environ["PYNOMALY_KNOWLEDGE_BASE"] = base.path
    loaded = load_rows(task, max_rows=max_rows, seed=0)
    detector = AutonomousDetector(time_budget=budget, tracking=False, random_state=0, verbose=0, n_jobs=1)
    model = detector.fit(loaded.frame)._model
    samples, members = Samples.of(model, taught=2_000, choice=1_000), model.ensemble.record.members
    arrays: dict[str, Any] = {
        "names": np.array([member.name for member in members]), "group": np.array(task.group),
        "sizes": [member_megabytes(one) for one in model.ensemble.detectors], "kb": np.array(base.name),
        "knows": base.knows, "whole_ms": row_milliseconds(model, samples.held_out.X),
    }  # fmt: skip
    for name in ("taught", "choice", "held_out"):
        rows = getattr(samples, name)
        arrays |= {f"{name}_inputs": rows.inputs.astype(np.float32), f"{name}_scores": rows.scores}
    folder.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft.npz")
    np.savez_compressed(draft, **arrays)
    draft.replace(path)
    return path


@dataclass(frozen=True, kw_only=True, eq=False)
class Members:
    """What the members of one table say of resampled rows, and what each costs.

    Args:
        latency: Declared milliseconds of a row, of each.
        sizes: Megabytes, of each.
    """

    suite: str
    table: str
    group: str
    taught: Rows = field(repr=False)
    choice: Rows = field(repr=False)
    held_out: Rows = field(repr=False)
    latency: FloatArray = field(repr=False)
    sizes: FloatArray = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Members:
        """What `collect` has kept."""
        with np.load(path, allow_pickle=False) as kept:
            parts = {
                name: Rows(
                    X=np.empty((len(kept[f"{name}_scores"]), 0)), scores=kept[f"{name}_scores"],
                    inputs=np.nan_to_num(kept[f"{name}_inputs"].astype(np.float64), posinf=1e3),
                )
                for name in ("taught", "choice", "held_out")
            }  # fmt: skip
            suite, _, table = path.stem.partition("__")
            return cls(
                suite=suite, table=table, group=str(kept["group"]), sizes=np.asarray(kept["sizes"], dtype=np.float64),
                latency=np.array([_declared(str(name)) for name in kept["names"]]), **parts,
            )  # fmt: skip


def _declared(name: str) -> float:
    found = re.fullmatch(r"(\w+)(?: \((\w+)\))?", name)
    if found is None or found[1] not in DETECTORS:
        return 0.15
    return DETECTORS[found[1]].row_ms({"view": found[2]} if found[2] else {})


class _Space:
    """The objectives of subsets of one table's members, each from 0, the best there can be, to 1."""

    def __init__(self, members: Members) -> None:
        self.members = members
        self.fit = Agreeing.of(members.taught.inputs, members.taught.scores)
        ends = [
            (READ_MS + members.latency.min(), READ_MS + members.latency.sum()),
            (_SMALLEST_MB + members.sizes.min(), _SMALLEST_MB + members.sizes.sum()),
        ]
        self.low, self.high = np.log(np.array(ends).T)
        self.known: dict[Subset, tuple[FloatArray, FloatArray]] = {}

    def measure(self, subset: Sequence[int]) -> list[float]:
        """What a way to search sees: costs on the rows to choose by."""
        return [float(value) for value in self._both(tuple(sorted(subset)))[0]]

    def dominated(self, tried: Sequence[Subset]) -> tuple[float, int]:
        """Hypervolume of what was found, agreement being on rows that nothing was chosen by; and how many points."""
        found = sorted({tuple(sorted(one)) for one in tried})
        seen = np.array([self._both(one)[0] for one in found])
        kept = unbeaten(seen)
        held = np.array([self._both(found[i])[1] for i in kept])
        return hypervolume(held, np.array([_WORST, 1.0, 1.0])), len(kept)

    def _both(self, subset: Subset) -> tuple[FloatArray, FloatArray]:
        if subset not in self.known:
            candidate = Candidate.summed(self.fit.step(subset), self.members.taught)
            chosen = candidate.heard()[0]
            spent = [READ_MS + self.members.latency[chosen].sum(), _SMALLEST_MB + self.members.sizes[chosen].sum()]
            costs = (np.log(spent) - self.low) / (self.high - self.low)
            rows = (self.members.choice, self.members.held_out)
            each = [np.array([1.0 - agreement(candidate.scores(r), r.scores), *costs]) for r in rows]
            self.known[subset] = (each[0], each[1])
        return self.known[subset]


def hypervolume(points: FloatArray, worst: FloatArray) -> float:
    """Volume that points dominate below the worst one, each objective the lower the better; by slices.

    >>> hypervolume(np.array([[0.0, 0.5], [0.5, 0.0]]), np.array([1.0, 1.0]))
    0.75
    """
    points = points[(points < worst).all(axis=1)]
    if not len(points):
        return 0.0
    if points.shape[1] == 1:
        return float(worst[0] - points.min())
    points = points[np.argsort(points[:, 0], kind="stable")]
    ends = np.append(points[1:, 0], worst[0])
    slices = [
        (end - one[0]) * hypervolume(points[: i + 1, 1:], worst[1:])
        for i, (one, end) in enumerate(zip(points, ends, strict=True))
        if end > one[0]
    ]
    return float(sum(slices))


def searched(members: Members, ways: Sequence[str] = WAYS, n_trials: int = TRIALS) -> Iterator[Line]:
    """Hypervolume by each way to search one table's members.

    Args:
        members: Of the table.
        ways: Which of `WAYS`.
        n_trials: Subsets that each may measure.
    """
    space, n = _Space(members), len(members.latency)
    chain = [s.chosen for s in steps(members.taught.inputs, members.taught.scores, members.latency.tolist(), np.inf)]
    find: Mapping[str, Callable[[int], Sequence[Subset]]] = {
        OURS: lambda seed: list(explore(n, space.measure, chain, n_trials=n_trials, seed=seed)),
        RANDOM: lambda seed: _at_random(n, n_trials, seed),
        CHAIN: lambda seed: chain[:n_trials],
        NSGA: lambda seed: _by_optuna(space, n, n_trials, "NSGAIISampler", ()),
        NSGA_BEGUN: lambda seed: _by_optuna(space, n, n_trials, "NSGAIISampler", chain),
        TPE: lambda seed: _by_optuna(space, n, n_trials, "TPESampler", ()),
    }
    for way in ways:
        for seed in range(_SEEDS.get(way, 1)):
            volume, points = space.dominated(find[way](seed))
            yield {
                "part": "front", "suite": members.suite, "table": members.table, "group": members.group, "way": way,
                "seed": seed, "trials": n_trials, "members": n, "hypervolume": volume, "points": points,
            }  # fmt: skip


def _at_random(n: int, n_trials: int, seed: int) -> list[Subset]:
    """Subsets of every size alike on a logarithmic scale."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(n_trials):
        size = int(np.clip(round(float(np.exp(rng.uniform(0.0, np.log(_MOST))))), 1, min(_MOST, n)))
        out.append(tuple(int(i) for i in rng.choice(n, size, replace=False)))
    return out


def _by_optuna(space: _Space, n: int, n_trials: int, sampler: str, starts: Sequence[Subset]) -> list[Subset]:
    """Optuna's samplers, a member in or out a parameter each."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    more = {"population_size": 24} if sampler == "NSGAIISampler" else {}
    study = optuna.create_study(directions=["minimize"] * 3, sampler=getattr(optuna.samplers, sampler)(seed=0, **more))
    for start in starts[:n_trials]:
        study.enqueue_trial({str(i): i in start for i in range(n)})
    out: list[Subset] = []
    for _ in range(n_trials):
        trial = study.ask()
        subset = tuple(i for i in range(n) if trial.suggest_categorical(str(i), [False, True]))
        subset = subset or (int(np.argmin(space.members.latency)),)
        out.append(subset)
        study.tell(trial, space.measure(subset))
    return out


def front_report(lines: Sequence[Line]) -> str:
    """A row a way: mean hypervolume, ours less it and random subsets less it, with p over groups."""
    tables = sorted({(line["suite"], line["table"]) for line in lines})
    groups = np.array([next(k["group"] for k in lines if (k["suite"], k["table"]) == one) for one in tables])
    found = {way: _means(lines, way, tables) for way in WAYS}
    rows = []
    for way, values in found.items():
        if not np.isfinite(values).any():
            continue
        own, by_chance = compare(found[OURS], values, groups), compare(values, found[RANDOM], groups)
        rows.append([
            way, interval(bootstrap_mean(values, groups)), *_told(own, way == OURS), *_told(by_chance, way == RANDOM),
        ])  # fmt: skip
    heads = ["way", "hypervolume", "ours less it", "won / tied / lost", "p", "it less random", "won / tied / lost", "p"]
    note = f"{len(tables)} tables of {len(set(groups))} groups, {_by_suite(tables)}."
    return f"{markdown(heads, rows)}\n\n{note}"


def _told(one: Any, same: bool) -> list[str]:
    return ["", "", ""] if same else [interval(one.difference, signed=True), record(one), probability(one.p)]


def _means(lines: Sequence[Line], way: str, tables: Sequence[tuple[str, str]]) -> FloatArray:
    """Of each table over the seeds; NaN where it was not searched so."""
    by: dict[tuple[str, str], list[float]] = {}
    for line in lines:
        if line["way"] == way:
            by.setdefault((line["suite"], line["table"]), []).append(line["hypervolume"])
    return np.array([float(np.mean(by[one])) if one in by else np.nan for one in tables])


def _by_suite(tables: Sequence[tuple[str, str]]) -> str:
    suites: Names = np.array([suite for suite, _ in tables])
    return ", ".join(f"{int((suites == one).sum())} of {one}" for one in sorted(set(suites.tolist())))
