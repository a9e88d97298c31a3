"""``python -m benchmarks.ray``: what Ray costs and brings: per trial, by two workers, with a node lost, on new rows.

Each part starts a cluster of its own on this machine. A trial that only waits measures the machinery, whoever else uses
the cores; one that computes measures what two cores give. The load average is printed, as it explains the rest.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.distributed import score
from pynomaly_auto.pool import Executor, Job, Pool, RayExecutor
from pynomaly_auto.records import FloatArray

MOST_OVERHEAD, LEAST_GAIN = 0.5, 1.7
_BRIEF, _TRIAL = 0.1, 1.0  # seconds of a trial


def wait(seconds: float) -> None:
    """A trial that needs no core."""
    time.sleep(seconds)


def burn(seconds: float) -> None:
    """A trial that needs a core for as long."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        np.sort(np.random.default_rng(0).normal(size=20_000))


def opened(backend: str, workers: int) -> Executor:
    """An executor whose workers are all up."""
    made: Executor = Pool(workers) if backend == "local" else RayExecutor(workers)
    for key in range(2 * workers):
        made.submit(Job(function=wait, args=(_TRIAL,), key=key))
    while made.collect() is not None:
        pass
    return made


def carried_out(executor: Executor, trial: Callable[[float], None], seconds: float, count: int) -> float:
    """Seconds until all of several equal trials are over."""
    start = time.perf_counter()
    for key in range(count):
        executor.submit(Job(function=trial, args=(seconds,), key=key))
    done = 0
    while (outcome := executor.collect()) is not None:
        assert outcome.status == "completed", outcome.error
        done += 1
    assert done == count
    return time.perf_counter() - start


def backends() -> bool:
    """Overhead per trial, and trials finished by two workers against one."""
    taken: dict[tuple[str, int, str], float] = {}
    for backend in ("local", "ray"):
        for workers in (1, 2):
            start = time.perf_counter()
            with opened(backend, workers) as executor:
                ready = time.perf_counter() - start
                taken[backend, workers, "brief"] = carried_out(executor, wait, _BRIEF, 40)
                taken[backend, workers, "wait"] = carried_out(executor, wait, _TRIAL, 12)
                taken[backend, workers, "burn"] = carried_out(executor, burn, _TRIAL, 12)
            print(
                f"{backend}, {workers} workers: all up after {ready:.1f} s, load {os.getloadavg()[0]:.1f}", flush=True
            )
    good = True
    for backend in ("local", "ray"):
        overhead = taken[backend, 1, "brief"] / 40 - _BRIEF
        gains = [taken[backend, 1, kind] / taken[backend, 2, kind] for kind in ("wait", "burn")]
        print(f"{backend}: {overhead * 1e3:.1f} ms per trial; two workers finish {gains[0]:.2f} x the trials of one "
              f"that wait {_TRIAL:g} s, {gains[1]:.2f} x of those that compute as long", flush=True)  # fmt: skip
        good = good and overhead <= MOST_OVERHEAD and gains[0] >= LEAST_GAIN
    return good


def lost_node() -> bool:
    """The same answer from three nodes, one of which is killed in the middle, as from this machine."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 12))
    X[:200] += 3.0
    given: dict[str, Any] = {"n_trials": 24, "random_state": 0, "tracking": False, "verbose": 0}
    start = time.perf_counter()
    here = AutonomousDetector(**given).fit(X)
    print(f"this machine: {time.perf_counter() - start:.1f} s", flush=True)
    return all([_killed_after(seconds, X, given, here) for seconds in (8.0, 12.0, 16.0)])  # noqa: C419 - all of them


def _killed_after(delay: float, X: FloatArray, given: dict[str, Any], here: AutonomousDetector) -> bool:
    import ray
    from ray.cluster_utils import Cluster as Nodes

    node = {"num_cpus": 1, "object_store_memory": 200 * 2**20}
    nodes = Nodes(initialize_head=True, head_node_args=node)
    others = [nodes.add_node(**node) for _ in range(2)]
    nodes.wait_for_nodes()
    ray.init(address=nodes.address, log_to_driver=False, configure_logging=False)
    mine = ray.get_runtime_context().get_node_id()  # this process ends with it
    doomed = next(n for n in others if n.node_id != mine)
    try:
        start = time.perf_counter()
        killer = threading.Timer(delay, lambda: nodes.remove_node(doomed, allow_graceful=False))
        killer.start()
        there = AutonomousDetector(**given, backend="ray").fit(X)
        seconds = time.perf_counter() - start
        killer.join()
    finally:
        ray.shutdown()
        nodes.shutdown()
    same = bool((here.result_.scores == there.result_.scores).all())
    statuses = [t.status for t in there.trials_] == [t.status for t in here.trials_]
    print(f"three nodes, one killed after {delay:g} s: {seconds:.1f} s, same scores to the last bit: {same}, "
          f"same trials: {statuses}", flush=True)  # fmt: skip
    return same and statuses


def large(n_rows: int) -> bool:
    """New rows from Parquet to Parquet, and the most memory that it takes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    X = rng.normal(size=(5_000, 20))
    X[:50] += 4.0
    names = [f"x{i}" for i in range(20)]
    detector = AutonomousDetector(n_trials=8, random_state=0, tracking=False, verbose=0).fit(
        pa.table(dict(zip(names, X.T, strict=True)))
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        with pq.ParquetWriter(path, pa.schema([(name, pa.float64()) for name in names])) as writer:
            for _ in range(0, n_rows, 100_000):
                rows = rng.normal(size=(100_000, 20))
                writer.write_table(pa.table(dict(zip(names, rows.T, strict=True))), row_group_size=100_000)
        peak = _Peak()
        start = time.perf_counter()
        with peak:
            out = score(detector, path, Path(folder) / "judged", keep=())
        seconds = time.perf_counter() - start
        found = pq.read_table(out)
        first = next(pq.ParquetFile(path).iter_batches(10_000))
        equal = bool(
            (detector.judge(pa.Table.from_batches([first])).scores == found["score"].to_numpy()[:10_000]).all()
        )
        print(f"{len(found):,} x 20 from one Parquet file of {path.stat().st_size / 1e6:,.0f} MB: {seconds:.0f} s, "
              f"{len(found) / seconds:,.0f} rows/s; largest worker {peak.largest / 1e6:,.0f} MB, all of Ray's and ours "
              f"{peak.most / 1e6:,.0f} MB; first 10,000 equal to the last bit: {equal}", flush=True)  # fmt: skip
    return equal and len(found) == n_rows


class _Peak:
    """The most memory that this process and all below it hold at once: proportional set size, every second."""

    def __init__(self) -> None:
        self.most = self.largest = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._end.wait(1.0):
            sizes = []
            for process in [me, *me.children(recursive=True)]:
                try:
                    sizes.append(process.memory_full_info().pss)
                except psutil.Error:
                    continue
            self.most, self.largest = max(self.most, sum(sizes)), max(self.largest, *sizes)


def main() -> int:
    """Measure and print; the exit status says whether the bars hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", nargs="*", choices=["backends", "lost", "large"], help="only these")
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the large table, in hundred thousands")
    given = parser.parse_args()
    wanted = given.part or ["backends", "lost", "large"]
    parts: dict[str, Callable[[], bool]] = {
        "backends": backends, "lost": lost_node, "large": lambda: large(given.rows)
    }  # fmt: skip
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    good = [parts[name]() for name in wanted]  # all of them, also after one that is not
    return 0 if all(good) else 1


if __name__ == "__main__":
    raise SystemExit(main())
