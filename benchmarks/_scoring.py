"""What it costs to score new rows with a fitted model, on one core: one at a time and 100,000 at once.

The model is the default one of the demo's table (WDBC). Beside it stand PyOD's isolation forest, and those of the
model's members that PyOD has, each with PyOD's defaults. Seconds of the processor are told beside those of the clock,
which on a busy machine are several times as many; how busy it was is told first. Peers that are slow are asked for
fewer calls and rows. All of it takes about two minutes.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from meta_datasets.demo import tumours

Spent: TypeAlias = np.ndarray[Any, Any]  # seconds of the processor and of the clock

CALLS = 200  # of one row
MANY, WIDTH = 100_000, 20
_PEER_CALLS = 50
_MEMBER_CALLS, _MEMBER_ROWS = 3, 200
_SECONDS = 180.0  # at most; a fit is settled long before on a machine that does nothing else
PYOD = {
    "abod": "abod:ABOD", "cblof": "cblof:CBLOF", "copod": "copod:COPOD", "ecod": "ecod:ECOD", "gmm": "gmm:GMM",
    "hbos": "hbos:HBOS", "iforest": "iforest:IForest", "inne": "inne:INNE", "kde": "kde:KDE", "knn": "knn:KNN",
    "knn_mean": "knn:KNN", "knn_median": "knn:KNN", "loda": "loda:LODA", "lof": "lof:LOF", "mcd": "mcd:MCD",
    "ocsvm": "ocsvm:OCSVM", "pca": "pca:PCA", "sampling": "sampling:Sampling",
}  # fmt: skip


def main() -> None:
    """Print all figures."""
    warnings.simplefilter("ignore")
    if hasattr(os, "getloadavg"):
        busy = [f"{load:.1f}" for load in os.getloadavg()]
        print(f"{os.cpu_count()} cores; processes that wanted one in the last 1, 5, 15 minutes: {', '.join(busy)}")
    table, _ = tumours()
    wide = _model(table)
    narrow = _model(table.iloc[:, :WIDTH])
    if hasattr(os, "sched_setaffinity"):  # fitted on all cores, measured on one
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    few, many = _new(table, CALLS), _new(table.iloc[:, :WIDTH], MANY)
    print(f"WDBC default model: {len(wide.ensemble_.members)} members; one core, {CALLS} new rows one at a time")
    _line("ours: judge(row)", _each(wide.judge, few, CALLS))
    for milliseconds in (10, 3):
        small = wide.compact(latency_ms=milliseconds)
        _line(f"ours: compact(latency_ms={milliseconds}), {len(small.ensemble_.members)} members",
              _each(small.judge, few, CALLS))  # fmt: skip
        lost = small.ensemble_.compaction
        print(
            f"    rank correlation {lost.rank_correlation:.3f}, of the rows either flags both flag {lost.overlap:.0%}"
        )
    forest = _fitted("iforest", table)
    _line("PyOD: IForest", _each(forest.decision_function, few, _PEER_CALLS))
    members = _members(wide, table)
    _line(
        f"PyOD: its {len(members)} of these members",
        np.sum([_each(m.decision_function, few, _MEMBER_CALLS) for m in members], axis=0),
    )
    together, alone = wide.judge(few).scores, [wide.judge(few.iloc[[i]]).scores[0] for i in range(CALLS)]
    print(f"  largest difference of a score alone and in a batch: {np.abs(together - alone).max():.1e}")
    print(f"{MANY:,} x {WIDTH} new rows at once, {len(narrow.ensemble_.members)} members")
    _line("ours: judge(rows)", _once(narrow.judge, many))
    _line("PyOD: IForest", _once(_fitted("iforest", table.iloc[:, :WIDTH]).decision_function, many))
    members = _members(narrow, table.iloc[:, :WIDTH])
    part = np.sum([_once(member.decision_function, many[:_MEMBER_ROWS]) for member in members], axis=0)
    _line(f"PyOD: its {len(members)} of these members, from {_MEMBER_ROWS:,} rows", part * MANY / _MEMBER_ROWS)


def _model(table: pd.DataFrame) -> Any:
    from pynomaly_auto import AutonomousDetector

    return AutonomousDetector(tracking=False, random_state=0, verbose=0, time_budget=_SECONDS).fit(table)


def _new(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Rows like the table's, none of them in it."""
    rng = np.random.default_rng(0)
    drawn = table.iloc[rng.integers(0, len(table), count)].reset_index(drop=True)
    return drawn * (1 + 0.05 * rng.normal(size=drawn.shape))


def _fitted(name: str, table: pd.DataFrame) -> Any:
    module, _, kind = PYOD[name].partition(":")
    return getattr(import_module(f"pyod.models.{module}"), kind)().fit(table.to_numpy())


def _members(detector: Any, table: pd.DataFrame) -> Sequence[Any]:
    names = [m.detector for m in detector.ensemble_.members if m.detector in PYOD]
    fitted = {name: _fitted(name, table) for name in sorted(set(names))}  # once, though several views have one
    return [fitted[name] for name in names]


def _each(score: Callable[[Any], Any], rows: pd.DataFrame, calls: int) -> Spent:
    """Of one row, the median."""
    return np.median([_once(score, rows.iloc[[i]]) for i in range(calls)], axis=0)


def _once(score: Callable[[Any], Any], rows: pd.DataFrame) -> Spent:
    given = rows.to_numpy() if getattr(score, "__name__", "") == "decision_function" else rows
    clock, processor = time.perf_counter(), time.process_time()
    score(given)
    return np.array([time.process_time() - processor, time.perf_counter() - clock])


def _line(what: str, spent: Spent) -> None:
    processor, clock = spent * 1e3
    print(f"  {what:56s} {processor:12,.1f} ms of CPU {clock:12,.1f} ms", flush=True)


if __name__ == "__main__":
    main()
