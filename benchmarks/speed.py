"""``python -m benchmarks.speed``: import, profile, zero-configuration runs, feedback, new rows, in own processes.

Prints seconds, seconds of the processor and peak memory of the whole process tree, and ratios to the peer measured in
the same run. Nothing is a test: machines are noisy.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

_IMPORT = "import time; t = time.perf_counter(); {code}; print(time.perf_counter() - t)"
_PROFILE = """
import json, time, numpy as np
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.profiling import profile
X = np.random.default_rng(0).normal(size=({n}, {d}))
dataset = TableEncoder().fit(X).encode(X)
start = time.process_time()
found = profile(dataset, seed=0)
print(json.dumps({{"seconds": time.process_time() - start}}))
"""
_DATA = """
import json, time, warnings, numpy as np
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=({n}, {d}))
bad = rng.choice({n}, {n} // 50, replace=False)
X[bad] += rng.normal(scale=4.0, size=(len(bad), {d}))
start = time.perf_counter()
"""
_OURS = (
    _DATA
    + """
from pynomaly_auto import AutonomousDetector
detector = AutonomousDetector(tracking=False, random_state=0, verbose=0).fit(X)
seconds = time.perf_counter() - start
note = f"{{len(detector.result_.search.completed)}} trials; {{len(detector.ensemble_.members)}} members"
print(json.dumps({{"seconds": seconds, "note": note}}))
"""
)
_PEER = (
    _DATA
    + """
from pyod.utils.ad_engine import ADEngine
state = ADEngine(random_state=0).investigate(X, data_type="tabular")
if state.consensus is None:
    raise SystemExit("all of ADEngine's detectors failed")
print(json.dumps({{"seconds": time.perf_counter() - start}}))
"""
)
# Employees, parcels and their times: what has entities, times, categories, amounts and names.
_MIXED = """
import json, time, warnings
warnings.simplefilter("ignore")
import pandas as pd
from meta_datasets.synthetic.business import business

def made(seed, n):
    first, second = (business(domain, seed, rows=n).frame for domain in ("payroll", "shipments"))
    rows = min(len(first), len(second), n)
    return pd.concat([first.iloc[:rows], second.iloc[:rows].reset_index(drop=True)], axis=1).iloc[:, :{d}]

frame, fresh = made(0, {n}), made(1, 2_000)
start = time.perf_counter()
from pynomaly_auto import AutonomousDetector
detector = AutonomousDetector(tracking=False, random_state=0, verbose=0).fit(frame)
seconds = time.perf_counter() - start
took = []
for i in range(50):
    row = fresh.iloc[[i * 31]]
    begin = time.perf_counter()
    detector.predict(row)
    took.append(time.perf_counter() - begin)
note = f"{{frame.shape[0]:,}} x {{frame.shape[1]}}; one new row {{1e3 * sorted(took)[25]:.0f}} ms; "
note += f"{{len(detector.ensemble_.members)}} members"
print(json.dumps({{"seconds": seconds, "note": note}}))
"""
# What an analyst waits for: rows to look at, and the answer after saying what they are.
_FEEDBACK = (
    _DATA
    + """
from pynomaly_auto import AutonomousDetector
detector = AutonomousDetector(tracking=False, random_state=0, verbose=0).fit(X)
truth, asking, hearing = np.isin(np.arange(len(X)), bad).astype(int), [], []
for round in range(5):
    begin = time.perf_counter()
    detector.query(50)
    asking.append(time.perf_counter() - begin)
    rows = detector.query(20)
    begin = time.perf_counter()
    detector.feedback(rows, truth[rows.index])
    hearing.append(time.perf_counter() - begin)
told = [", ".join(f"{{s:.2f}}" for s in some) for some in (asking, hearing)]
note = f"query(50), 5 times: {{told[0]}} s; feedback of 20 rows, 5 times: {{told[1]}} s; "
note += f"{{len(detector.ensemble_.members)}} members"
print(json.dumps({{"seconds": sorted(hearing)[2], "note": note}}))
"""
)
SIZES = ((1_000, 10), (10_000, 20), (1_000_000, 20))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One process and all that it started.

    Args:
        seconds: Of what was measured.
        peak_mb: Most memory of the tree, in MB.
        processor: Seconds of the processor, imports included, as far as looking ten times a second sees them.
        problem: Why there is no figure.
    """

    seconds: float | None
    peak_mb: float
    processor: float = 0.0
    problem: str = ""
    note: str = ""


def run(code: str, timeout: float) -> Measured:
    """Run code in a fresh interpreter and watch the memory of its process tree."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    seen = _Seen()
    watcher = threading.Thread(target=_watch, args=(process.pid, seen), daemon=True)
    watcher.start()
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process.pid)
        process.communicate()
        return Measured(
            seconds=None, peak_mb=seen.peak_mb, processor=seen.processor, problem=f"killed after {timeout:.0f} s"
        )
    watcher.join()
    if process.returncode != 0:
        return Measured(
            seconds=None,
            peak_mb=seen.peak_mb,
            processor=seen.processor,
            problem=(err.strip().splitlines() or ["died"])[-1][:160],
        )
    said = json.loads(out.strip().splitlines()[-1])
    return Measured(seconds=said["seconds"], peak_mb=seen.peak_mb, processor=seen.processor, note=said.get("note", ""))


class _Seen:
    """What was seen of a process tree."""

    def __init__(self) -> None:
        self.peak_mb, self.spent = 0.0, dict[int, float]()

    @property
    def processor(self) -> float:
        return sum(self.spent.values())


def _watch(pid: int, seen: _Seen) -> None:
    try:
        parent = psutil.Process(pid)
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            tree = (parent, *parent.children(recursive=True))
            seen.peak_mb = max(seen.peak_mb, sum(_unique_mb(p) for p in tree))
            for process in tree:
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    seen.spent[process.pid] = float(times.user + times.system)
            time.sleep(0.1)
    except psutil.NoSuchProcess:
        return


def _unique_mb(process: psutil.Process) -> float:
    """Proportional set size where the system tells (pages shared by processes counted once), else resident size."""
    try:
        memory = process.memory_full_info()
        return float(getattr(memory, "pss", memory.rss)) / 1e6
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0


def _kill(pid: int) -> None:
    for child in (*psutil.Process(pid).children(recursive=True), psutil.Process(pid)):
        child.kill()


def imports(repeats: int) -> None:
    """Import times, best of several fresh interpreters."""
    ways = {
        "import pynomaly_auto": "import pynomaly_auto",
        "from pynomaly_auto import AutonomousDetector": "from pynomaly_auto import AutonomousDetector",
        "scikit-learn's base classes alone: sklearn.base": "import sklearn.base",
        "peer: from pyod.models.iforest import IForest": "from pyod.models.iforest import IForest",
    }
    best = {}
    for name, code in ways.items():
        command = [sys.executable, "-c", _IMPORT.format(code=code)]
        best[name] = min(float(subprocess.check_output(command, text=True)) for _ in range(repeats))
    peer = list(best.values())[-1]
    for name, seconds in best.items():
        print(f"{name:50s} {seconds:7.3f} s   {seconds / peer:5.2f} x peer")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peer-timeout", type=float, default=300.0)
    parser.add_argument("--ours", action="store_true", help="default runs of ours alone, without the largest")
    parser.add_argument("--only", choices=("import", "profile", "run", "mixed", "score", "feedback"))
    options = parser.parse_args()
    if options.only in (None, "import"):
        imports(options.repeats)
    if options.only in (None, "profile"):
        for n, d in ((1_000, 10), (1_000_000, 50)):
            print(f"profile {n:>9,} x {d}: {run(_PROFILE.format(n=n, d=d), 300).seconds:.2f} s of CPU", flush=True)
    if options.only in (None, "run"):
        ways = (("ours", _OURS, 200.0), ("ADEngine", _PEER, options.peer_timeout))
        for n, d in SIZES[:2] if options.ours else SIZES:
            for name, code, limit in ways[: 1 if options.ours else 2]:
                m = run(code.format(n=n, d=d), limit)
                figure = f"{m.seconds:8.1f} s" if m.seconds is not None else f"no figure: {m.problem}"
                spent = f"{m.processor:7.1f} s of CPU   peak {m.peak_mb:6.0f} MB"
                print(f"zero-config {n:>9,} x {d}  {name:9s} {figure}   {spent}   {m.note}", flush=True)
    if options.only in (None, "mixed"):
        m = run(_MIXED.format(n=100_000, d=20), 300.0)
        figure = f"{m.seconds:8.1f} s" if m.seconds is not None else f"no figure: {m.problem}"
        print(f"several kinds of columns  ours {figure}   peak {m.peak_mb:6.0f} MB   {m.note}", flush=True)
    if options.only in (None, "feedback"):
        m = run(_FEEDBACK.format(n=100_000, d=20), 300.0)
        figure = f"{m.seconds:5.2f} s" if m.seconds is not None else f"no figure: {m.problem}"
        print(f"feedback of 20 rows, 100,000 x 20  {figure}   {m.note}", flush=True)
    if options.only in (None, "score"):
        subprocess.run([sys.executable, "-m", "benchmarks._scoring"], check=True)


if __name__ == "__main__":
    main()
