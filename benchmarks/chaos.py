"""``python -m benchmarks.chaos``: detectors that misbehave, runs that are killed, and what journalling costs.

``kills``: a run with a checkpoint is killed (-9, its whole process group) at random moments and resumed, until so many
kills were made; each result must equal an uninterrupted run's to the last bit, no process may stay behind, and no
unfinished file. ``detectors``: every way in which a detector of a third party may fail, in one run under a time budget.
``cost``: the same run with and without a checkpoint.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

_RUN = """
import sys, numpy as np
from pathlib import Path
from pynomaly_auto import AutonomousDetector
folder, out, backend = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
X = np.random.default_rng(0).normal(size=(3000, 8)); X[:30] += 4
if (folder / "run.pynomaly").exists():
    detector = AutonomousDetector.resume(folder)
else:
    config = {"overrides": {"include": ["hbos", "iforest", "knn_mean", "zscore", "lof", "ecod"]}}
    detector = AutonomousDetector(
        n_trials=40, random_state=0, tracking=False, verbose=0, n_jobs=2, backend=backend, config=config, max_models=4)
    detector = detector.fit(X, checkpoint=folder) if sys.argv[1] != "none" else detector.fit(X)
result = detector.result_
members = [(m.configuration.key, float(m.weight)) for m in result.ensemble.members]
draft = out.with_suffix(".draft.npz")
np.savez(draft, scores=result.verdict.scores, threshold=result.verdict.threshold,
         probabilities=result.verdict.probabilities, labels=result.labels,
         members=np.array([str(m) for m in members]), fresh=detector.score_samples(X[:50] + 0.1))
draft.replace(out)
"""


def started(folder: str, out: Path, backend: str) -> subprocess.Popen[bytes]:
    """A run in a process group of its own, begun or resumed in a folder; ``"none"``: without a checkpoint."""
    command = [sys.executable, "-c", _RUN, folder, str(out), backend]
    return subprocess.Popen(command, start_new_session=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})


def differences(one: Path, other: Path) -> list[str]:
    """Names of what differs between two results, to the last bit."""
    with np.load(one) as a, np.load(other) as b:
        return [name for name in a.files if not np.array_equal(a[name], b[name])]


def killed(process: subprocess.Popen[bytes], after: float) -> bool:
    """Kill a run's process group after so many seconds, and see that nothing of it stays; False: it had ended."""
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        pass
    family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(family, timeout=10)
    left = [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    if left:
        raise SystemExit(f"{len(left)} processes stayed behind.")
    return True


def kills(count: int, backend: str, seed: int = 0) -> list[str]:
    """Kill and resume until so many kills were made.

    Returns:
        One line per run: how often it was killed, when, and in what its result differs.
    """
    rng, lines, made = random.Random(seed), list[str](), 0
    with tempfile.TemporaryDirectory() as place:
        whole = Path(place) / "whole.npz"
        for _ in range(2):  # the first one also fills the caches of the disk
            begun = time.monotonic()
            if started("none", whole, backend).wait() != 0:
                raise SystemExit("the uninterrupted run failed.")
            lasts = time.monotonic() - begun
        while made < count:
            number, moments = len(lines), list[float]()
            folder, out = Path(place) / f"run{number}", Path(place) / f"out{number}.npz"
            while made < count and len(moments) < 4:
                moment = rng.uniform(0.2, lasts)
                if not killed(started(str(folder), out, backend), moment):
                    break
                moments.append(moment)
                made += 1
            if not out.exists() and started(str(folder), out, backend).wait() != 0:
                raise SystemExit(f"resuming failed after kills at {moments}.")
            left = [p.name for p in folder.rglob("*") if ".saving-" in p.name]
            told = ", ".join(f"{m:.2f}" for m in moments)
            differing = ", ".join([*differences(whole, out), *left]) or "nothing"
            lines.append(f"{len(moments)} kills (s: {told}) of a run of {lasts:.1f} s; differs in: {differing}")
    return lines


def detectors(backend: str, budget: float) -> str:
    """One run with every bad detector: how long it took, what it said, and what stayed behind.

    On Ray the budget has to last for the cluster's start, too, and for that of its workers.
    """
    from pynomaly_auto import AutonomousDetector
    from pynomaly_auto.pool._launchers import LAUNCHERS
    from tests.engine.foreign import BAD, registered

    X = np.random.default_rng(0).normal(size=(200, 3))
    X[4] = 9.0
    with registered("distance", *BAD), tempfile.TemporaryDirectory() as place, _temporary() as scraps:
        config = {"overrides": {"include": ["zscore", "distance", *BAD], "force": list(BAD)}}
        begun = time.monotonic()
        detector = AutonomousDetector(
            time_budget=budget, memory_limit="200MB", tracking=False, random_state=0, verbose=0, backend=backend,
            config=config,
        )  # fmt: skip
        detector.fit(X, checkpoint=Path(place) / "run")
        took = time.monotonic() - begun
        left = [p.name for p in Path(place).rglob("*") if ".saving-" in p.name]
        LAUNCHERS.clear()  # which is kept for the next run of this process
        _, alive = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=10)
        left += [p.name for p in scraps.iterdir()]
    right = bool(detector.predict(X)[4] == -1)
    statuses = {t.detector: t.status for t in detector.trials_}
    most = 1.1 * budget + 2
    stayed = f"files left: {left}; processes left: {len(alive)}"
    return f"{took:.1f} s of at most {most:.1f} s; right answer: {right}; {stayed}; {statuses}"


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    """A folder that is this process's folder for temporary files meanwhile."""
    before = os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory() as place:
        os.environ["TMPDIR"], tempfile.tempdir = place, None
        try:
            yield Path(place)
        finally:
            tempfile.tempdir = None
            del os.environ["TMPDIR"]
            if before is not None:
                os.environ["TMPDIR"] = before


def cost(repeats: int, backend: str) -> str:
    """Median seconds of a whole process without and with a checkpoint, taken in turn."""
    took: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as place:
        for i in range(repeats):
            for journals in (False, True):
                folder = str(Path(place) / f"run{i}") if journals else "none"
                begun = time.monotonic()
                if started(folder, Path(place) / "out.npz", backend).wait() != 0:
                    raise SystemExit("a run failed.")
                took[journals].append(time.monotonic() - begun)
    without, journalled = (statistics.median(took[k]) for k in (False, True))
    return f"without {without:.2f} s, with {journalled:.2f} s: ratio {journalled / without:.3f} (median of {repeats})"


def main() -> None:
    """Carry out what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", default=["kills", "detectors", "cost"])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--backend", default="local")
    parser.add_argument("--budget", type=float, help="seconds for the bad detectors [default: 10, on Ray 40]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if "kills" in given.what:
        for line in kills(given.kills, given.backend, given.seed):
            print(line, flush=True)
    if "detectors" in given.what:
        print(detectors(given.backend, given.budget or (10.0 if given.backend == "local" else 40.0)), flush=True)
    if "cost" in given.what:
        print(cost(given.repeats, given.backend), flush=True)


if __name__ == "__main__":
    main()
