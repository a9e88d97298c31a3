"""``python -m benchmarks.speed``: import, profile, zero-configuration runs and new rows, in their own processes.

Prints seconds, peak memory of the whole process tree, and ratios to the peer measured in the same run. Nothing is a
test: machines are noisy.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
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
SIZES = ((1_000, 10), (10_000, 20), (1_000_000, 20))


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One process: seconds of what was measured, peak memory of its tree in MB, a note, or why there is no figure."""

    seconds: float | None
    peak_mb: float
    problem: str = ""
    note: str = ""


def run(code: str, timeout: float) -> Measured:
    """Run code in a fresh interpreter and watch the memory of its process tree."""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _kill(process.pid)
        process.communicate()
        return Measured(seconds=None, peak_mb=peak[0], problem=f"killed after {timeout:.0f} s")
    watcher.join()
    if process.returncode != 0:
        return Measured(seconds=None, peak_mb=peak[0], problem=(err.strip().splitlines() or ["died"])[-1][:160])
    said = json.loads(out.strip().splitlines()[-1])
    return Measured(seconds=said["seconds"], peak_mb=peak[0], note=said.get("note", ""))


def _watch(pid: int, peak: list[float]) -> None:
    try:
        parent = psutil.Process(pid)
        while parent.is_running() and parent.status() != psutil.STATUS_ZOMBIE:
            peak[0] = max(peak[0], sum(_unique_mb(p) for p in (parent, *parent.children(recursive=True))))
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
    parser.add_argument("--only", choices=("import", "profile", "run", "score"))
    options = parser.parse_args()
    if options.only in (None, "import"):
        imports(options.repeats)
    if options.only in (None, "profile"):
        for n, d in ((1_000, 10), (1_000_000, 50)):
            print(f"profile {n:>9,} x {d}: {run(_PROFILE.format(n=n, d=d), 300).seconds} s of CPU", flush=True)
    if options.only in (None, "run"):
        for n, d in SIZES:
            for name, code, limit in (("ours", _OURS, 200.0), ("ADEngine", _PEER, options.peer_timeout)):
                m = run(code.format(n=n, d=d), limit)
                figure = f"{m.seconds:8.1f} s" if m.seconds is not None else f"no figure: {m.problem}"
                print(
                    f"zero-config {n:>9,} x {d}  {name:9s} {figure}   peak {m.peak_mb:6.0f} MB   {m.note}", flush=True
                )
    if options.only in (None, "score"):
        subprocess.run([sys.executable, "-m", "benchmarks._scoring"], check=True)


if __name__ == "__main__":
    main()
