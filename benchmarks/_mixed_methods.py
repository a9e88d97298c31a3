"""The methods of `benchmarks.mixed`: PyOD's on numbers alone and on a sensible encoding, a fixed mean, and ours."""

from __future__ import annotations

import os
import pickle
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from benchmarks._mixed_judging import Cells, Flags, judged
from benchmarks._mixed_tables import MixedTable, Source, load
from benchmarks._sensible import numbers_only, sensible
from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import FloatArray
from pynomaly_auto.scoring import tail_ranks

VIEWS = {"numbers": "numbers only", "encoded": "sensible encoding"}
OURS = ("ours", "ours_quality")
_EXPLAINED = 50  # rows whose explanation is looked at, at most


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How methods are run.

    Args:
        seed: Of every method.
        budget: Seconds that ours gets.
        workers: Processes of ours.
        base: Folder of the knowledge base ours uses; None: the one it finds.
    """

    seed: int = 0
    budget: float = 30.0
    workers: int = 2
    base: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready:
    """A table and the two matrices of the peers.

    Args:
        table: As it is.
        numbers: None where it has no numeric column.
        encoded: The sensible encoding.
    """

    table: MixedTable
    numbers: FloatArray | None
    encoded: FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Answer:
    """What a method says.

    Args:
        scores: Higher = more anomalous, shape (n_rows,).
        cells: What it says of cells, where it does.
        named: Row to the column named first in its explanation.
        flags: Which rows it labels; None: PyOD's methods label as many as they are told to.
        seconds: Spent before this answer was asked for: a mean's detectors were run already.
    """

    scores: FloatArray
    cells: Cells | None = None
    named: Mapping[int, str] = field(default_factory=dict)
    flags: Flags | None = None
    seconds: float = 0.0


Scorer: TypeAlias = Callable[[FloatArray, int], FloatArray]


def prepare(source: Source, max_rows: int, seed: int, path: str) -> dict[str, Any]:
    """Load a table, encode it both ways and write it to ``path`` (runs in a worker).

    Returns:
        Its facts.
    """
    table = load(source, max_rows=max_rows, seed=seed)
    for old in Path(path).parent.glob(f"{Path(path).name}.*"):
        old.unlink()
    ready = Ready(table=table, numbers=numbers_only(table.frame), encoded=sensible(table.frame))
    Path(path).write_bytes(pickle.dumps(ready))
    return {
        "rows": len(table.y),
        "columns": table.frame.shape[1],
        "features": ready.encoded.shape[1],
        "found": int(table.y.sum()),
    }


def perform(method: str, path: str, choice: Choice) -> dict[str, Any]:
    """Run one method on a prepared table and judge it (runs in a worker).

    Returns:
        ``line``: what is kept; ``scores``: by row; ``rows``, ``y``.

    Raises:
        InvalidInputError: The method has no answer on this table.
    """
    ready = pickle.loads(Path(path).read_bytes())
    assert isinstance(ready, Ready)
    if choice.base is not None:
        os.environ["PYNOMALY_KNOWLEDGE_BASE"] = choice.base
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = _OURS[method](ready.table, choice) if method in OURS else _peer(method, ready, Path(path), choice.seed)
    seconds = round(time.perf_counter() - start + answer.seconds, 3)
    if answer.scores.shape != ready.table.y.shape or not np.isfinite(answer.scores).all():
        raise InvalidInputError("the scores are not one finite number per row.")
    line = judged(ready.table, answer.scores, cells=answer.cells, named=answer.named, flags=answer.flags)
    return {
        "line": line | {"seconds": seconds},
        "scores": answer.scores.astype(np.float32),
        "rows": ready.table.rows,
        "y": ready.table.y,
    }


def _peer(method: str, ready: Ready, path: Path, seed: int) -> Answer:
    name, view = method.rsplit("_", 1)
    X = ready.numbers if view == "numbers" else ready.encoded
    if X is None:
        raise InvalidInputError("the table has no numeric column.")
    if name == "mean":
        parts = [_scored(f"{part}_{view}", X, path, seed) for part in _MEANT]
        ranks = [tail_ranks(scores) for scores, _ in parts]
        return Answer(scores=np.asarray(np.mean(ranks, axis=0)), seconds=sum(earlier for _, earlier in parts))
    return Answer(scores=_scored(method, X, path, seed)[0])


def _scored(method: str, X: FloatArray, path: Path, seed: int) -> tuple[FloatArray, float]:
    """A detector's scores and what they took before now, kept beside the prepared table for the mean."""
    kept = path.with_name(f"{path.name}.{method}.npz")
    if kept.is_file():
        with np.load(kept) as stored:
            return np.asarray(stored["scores"], dtype=np.float64), float(stored["seconds"])
    start = time.perf_counter()
    scores = np.asarray(_PEERS[method.rsplit("_", 1)[0]](X, seed), dtype=np.float64)
    np.savez(kept, scores=scores, seconds=time.perf_counter() - start)
    return scores, 0.0


def _knn5(X: FloatArray, _: int) -> FloatArray:
    from pyod.models.knn import KNN

    return np.asarray(KNN(n_neighbors=5).fit(X).decision_scores_)


def _knn100(X: FloatArray, _: int) -> FloatArray:
    from pyod.models.knn import KNN

    return np.asarray(KNN(n_neighbors=min(100, len(X) // 2), method="mean").fit(X).decision_scores_)


def _lof(X: FloatArray, _: int) -> FloatArray:
    from pyod.models.lof import LOF

    return np.asarray(LOF().fit(X).decision_scores_)


def _iforest(X: FloatArray, seed: int) -> FloatArray:
    from pyod.models.iforest import IForest

    return np.asarray(IForest(random_state=seed).fit(X).decision_scores_)


def _ecod(X: FloatArray, _: int) -> FloatArray:
    from pyod.models.ecod import ECOD

    return np.asarray(ECOD().fit(X).decision_scores_)


def adengine(X: FloatArray, seed: int) -> FloatArray:
    """Consensus scores of PyOD's ADEngine; shape (n_rows,)."""
    from pyod.utils.ad_engine import ADEngine

    state = ADEngine(random_state=seed).investigate(X, data_type="tabular")
    if state.consensus is None:
        raise InvalidInputError("all of ADEngine's detectors failed.")
    return np.asarray(state.consensus["scores"], dtype=np.float64)


_PEERS: Mapping[str, Scorer] = {
    "knn5": _knn5,
    "knn100": _knn100,
    "lof": _lof,
    "iforest": _iforest,
    "ecod": _ecod,
    "adengine": adengine,
}
_MEANT = ("knn100", "iforest", "lof")
_NAMES = {
    "knn5": "kNN, k = 5",
    "knn100": "kNN, k = 100, mean",
    "lof": "LOF",
    "iforest": "IForest",
    "ecod": "ECOD",
    "mean": "mean of kNN-100, IForest, LOF",
    "adengine": "ADEngine",
}
# The fixed mean is a peer on the sensible encoding alone.
PEERS = tuple(
    f"{name}_{view}" for view in ("encoded", "numbers") for name in _NAMES if (name, view) != ("mean", "numbers")
)
METHODS = (*OURS, *PEERS)
TITLES = {"ours": "pynomaly_auto", "ours_quality": "pynomaly_auto, for data quality"} | {
    f"{name}_{view}": f"{title}; {told}" for view, told in VIEWS.items() for name, title in _NAMES.items()
}


def _default(table: MixedTable, choice: Choice) -> Answer:
    from pynomaly_auto import AutonomousDetector

    return _fitted(AutonomousDetector(**_settings(choice)), table)


def _quality(table: MixedTable, choice: Choice) -> Answer:
    from pynomaly_auto import AutonomousDetector

    return _fitted(AutonomousDetector.for_data_quality(**_settings(choice)), table)


def _settings(choice: Choice) -> dict[str, Any]:
    return {
        "time_budget": choice.budget,
        "n_jobs": choice.workers,
        "tracking": False,
        "random_state": choice.seed,
        "verbose": 0,
    }


def _fitted(detector: Any, table: MixedTable) -> Answer:
    """Fit, and ask for the cells and for the columns named first of the planted rows that were found."""
    result = detector.fit(table.frame).result_
    scores = np.asarray(result.verdict.scores, dtype=np.float64)
    named: dict[int, str] = {}
    if table.wrong is not None:
        first = np.argsort(-scores, kind="stable")[: 2 * int(table.y.sum())]
        found = [int(row) for row in first if table.y[row] == 1][:_EXPLAINED]
        told = detector.explain(table.frame, rows=found) if found else None
        if told is not None and len(told):
            order = told.sort_values("contribution", ascending=False, kind="stable").groupby("position").first()
            named = {int(row): str(column) for row, column in order["column"].items()}
    flags = Flags(labels=np.asarray(result.labels), told=result.verdict.expectation)
    return Answer(scores=scores, cells=_cells(detector, table), named=named, flags=flags)


def _cells(detector: Any, table: MixedTable) -> Cells | None:
    """What is said of the table's cells; None where nobody looks at them."""
    try:
        evidence = detector.cell_evidence(table.frame)
    except InvalidInputError:
        return None
    if evidence.bits.shape != table.frame.shape:
        return None
    return Cells(bits=np.asarray(evidence.bits, dtype=np.float64), expected=evidence.expected.at)


_OURS: Mapping[str, Callable[[MixedTable, Choice], Answer]] = {"ours": _default, "ours_quality": _quality}


def chosen(names: str) -> tuple[str, ...]:
    """Methods named on a command line; ``peers`` stands for all but ours, ``fast`` for peers without ADEngine.

    Raises:
        SystemExit: A name is unknown.
    """
    groups = {
        "peers": PEERS,
        "encoded": tuple(m for m in PEERS if m.endswith("_encoded") and not m.startswith("adengine")),
        "fast": tuple(m for m in PEERS if not m.startswith("adengine")),
        "all": METHODS,
    }
    out: list[str] = []
    for name in (n.strip() for n in names.split(",") if n.strip()):
        both = tuple(m for m in PEERS if m.rsplit("_", 1)[0] == name)
        found = groups.get(name, (name,) if name in METHODS else both)
        if not found:
            raise SystemExit(f"Unknown method {name!r}. Known: {', '.join((*METHODS, *groups))}.")
        out += [m for m in found if m not in out]
    return tuple(out)
