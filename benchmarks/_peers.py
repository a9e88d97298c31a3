"""The methods that are run end to end: ours, PyOD's ADEngine, and three strong single detectors of PyOD."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._measuring import Answer, Ready, judge, load
from pynomaly_auto.records import FloatArray

OURS = "ours"
PEER_LIMIT = 120.0  # seconds, after which a peer is killed and counted as failed


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How methods are run.

    Args:
        budget: Seconds that ours gets.
        workers: Processes of ours.
        base: Folder of the knowledge base ours uses; empty: none.
        seed: Seed of every method.
    """

    budget: float = 60.0
    workers: int = 2
    base: str = ""
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Run:
    """One fit, of which one or more methods' answers come.

    Args:
        answer: The fit; a method that has none of its own is given as the reason why.
        methods: What it answers for.
        titles: Their names for people.
        warm: What a session does once and is not timed: starting processes, importing late.
    """

    answer: Callable[[Ready, Choice], Mapping[str, Answer | str]]
    methods: tuple[str, ...]
    titles: tuple[str, ...]
    warm: Callable[[Choice], None] | None = None


def perform(name: str, path: str, choice: Choice) -> dict[str, dict[str, Any]]:
    """Run one fit on a prepared table and judge its answers (runs in a worker).

    Returns:
        Method to what was measured, or to ``{"error": …}``.
    """
    ready, run = load(path), RUNS[name]
    if run.warm is not None:
        run.warm(choice)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = run.answer(ready, choice)
    seconds = round(time.perf_counter() - start, 3)
    out: dict[str, dict[str, Any]] = {}
    for method, answer in answers.items():
        try:
            found = {"error": answer} if isinstance(answer, str) else judge(ready.y, answer)
        except ValueError as error:
            found = {"error": str(error)}
        out[method] = found | {"seconds": seconds}
    return out


def tidy() -> None:
    """End the worker processes ours has kept and remove their folder (runs in a worker, before it is killed)."""
    from pynomaly_auto.pool._launchers import LAUNCHERS

    LAUNCHERS.clear()


def _warm(choice: Choice) -> None:
    """Start the worker processes, which a session keeps for a minute, by one fit of next to nothing."""
    from pynomaly_auto import AutonomousDetector

    os.environ["PYNOMALY_KNOWLEDGE_BASE"] = choice.base
    X = np.random.default_rng(0).normal(size=(60, 2))
    AutonomousDetector(
        n_trials=1, time_budget=60.0, n_jobs=choice.workers, tracking=False, random_state=0, verbose=0
    ).fit(X)


def _ours(ready: Ready, choice: Choice) -> Mapping[str, Answer | str]:
    """Default settings but for the budget."""
    from pynomaly_auto import AutonomousDetector

    os.environ["PYNOMALY_KNOWLEDGE_BASE"] = choice.base
    detector = AutonomousDetector(
        time_budget=choice.budget, n_jobs=choice.workers, tracking=False, random_state=choice.seed, verbose=0
    )
    result = detector.fit(ready.frame).result_
    verdict = result.verdict
    return {
        OURS: Answer(
            scores=verdict.scores,
            labels=(verdict.labels == -1).astype(np.int64),
            contamination=verdict.contamination,
            probabilities=verdict.probabilities,
            members=tuple(member.detector for member in result.ensemble.members),
            expectation=verdict.expectation,
        )
    }


def _matrix(ready: Ready, view: str) -> FloatArray:
    if view == "raw":
        return ready.raw
    if ready.standardised is None:
        raise ValueError("the table could not be standardised")
    return ready.standardised


def _investigation(view: str) -> Callable[[Ready, Choice], Mapping[str, Answer | str]]:
    """ADEngine's full way: its detectors' consensus, and the one it holds to be the best."""

    def answer(ready: Ready, choice: Choice) -> Mapping[str, Answer | str]:
        from pyod.utils.ad_engine import ADEngine

        state = ADEngine(random_state=choice.seed).investigate(_matrix(ready, view), data_type="tabular")
        if state.consensus is None:
            raise RuntimeError("all of ADEngine's detectors failed")
        names = tuple(str(r["detector_name"]) for r in state.results if r["status"] == "success")
        together = Answer(
            scores=np.asarray(state.consensus["scores"]), labels=np.asarray(state.consensus["labels"]), members=names
        )
        best = state.results[state.analysis["best_detector_index"]]
        alone: Answer | str = "ADEngine names no best detector"
        if best["status"] == "success":
            alone = Answer(
                scores=np.asarray(best["scores_train"]),
                labels=np.asarray(best["labels_train"]),
                members=(str(best["detector_name"]),),
            )
        return {f"adengine_consensus_{view}": together, f"adengine_best_{view}": alone}

    return answer


def _warm_adengine(choice: Choice) -> None:
    """ADEngine imports its detectors when it uses them."""
    from pyod.utils.ad_engine import ADEngine

    ADEngine(random_state=0).investigate(np.random.default_rng(0).normal(size=(60, 2)), data_type="tabular")


def _single(view: str) -> Callable[[Ready, Choice], Mapping[str, Answer | str]]:
    """ADEngine's short way: one detector by its rules."""

    def answer(ready: Ready, choice: Choice) -> Mapping[str, Answer | str]:
        from pyod.utils.ad_engine import ADEngine

        found = ADEngine(random_state=choice.seed).detect(_matrix(ready, view), data_type="tabular")
        name = str(found["plan"].get("detector_name", ""))
        scores, labels = np.asarray(found["scores_train"]), np.asarray(found["labels_train"])
        return {f"adengine_single_{view}": Answer(scores=scores, labels=labels, members=(name,))}

    return answer


def _pyod(method: str, make: Callable[[int, int], Any]) -> Run:
    def answer(ready: Ready, choice: Choice) -> Mapping[str, Answer | str]:
        X = _matrix(ready, "standardised")
        model = make(len(X), choice.seed).fit(X)
        return {method: Answer(scores=np.asarray(model.decision_scores_), labels=np.asarray(model.labels_))}

    return Run(answer=answer, methods=(method,), titles=(_PYOD[method],))


def _iforest(_: int, seed: int) -> Any:
    from pyod.models.iforest import IForest

    return IForest(random_state=seed)


def _knn(n: int, _: int) -> Any:
    from pyod.models.knn import KNN

    return KNN(n_neighbors=min(100, n // 2), method="mean")


def _mcd(_: int, seed: int) -> Any:
    from pyod.models.mcd import MCD

    return MCD(random_state=seed)


_PYOD = {"iforest": "PyOD IForest", "knn": "PyOD kNN, k = 100, mean", "mcd": "PyOD MCD"}
RUNS: dict[str, Run] = {
    OURS: Run(answer=_ours, methods=(OURS,), titles=("pynomaly_auto",), warm=_warm),
    "iforest": _pyod("iforest", _iforest),
    "knn": _pyod("knn", _knn),
    "mcd": _pyod("mcd", _mcd),
}
for _view in ("raw", "standardised"):
    RUNS[f"adengine_{_view}"] = Run(
        answer=_investigation(_view),
        methods=(f"adengine_consensus_{_view}", f"adengine_best_{_view}"),
        titles=(f"ADEngine consensus, {_view}", f"ADEngine best, {_view}"),
        warm=_warm_adengine,
    )
    RUNS[f"adengine_single_{_view}"] = Run(
        answer=_single(_view),
        methods=(f"adengine_single_{_view}",),
        titles=(f"ADEngine single, {_view}",),
        warm=_warm_adengine,
    )
TITLES = {method: title for run in RUNS.values() for method, title in zip(run.methods, run.titles, strict=True)}


def chosen_runs(names: str) -> tuple[str, ...]:
    """Runs named on a command line: ``adengine`` stands for all of its ways.

    Raises:
        SystemExit: A name is unknown.
    """
    out: list[str] = []
    for name in (n.strip() for n in names.split(",") if n.strip()):
        found = [r for r in RUNS if r == name or (name == "adengine" and r.startswith("adengine"))]
        if not found:
            raise SystemExit(f"Unknown method {name!r}. Known: {', '.join(RUNS)}, adengine (all four ways of it).")
        out += [r for r in found if r not in out]
    if not out:
        raise SystemExit(f"No method is named. Known: {', '.join(RUNS)}.")
    return tuple(out)
