"""Is any suite worse than with the code of another checkout, by more than its noise?

    git worktree add ../before ef63f15
    python -m benchmarks.regression --against ../before     # a killed run continues
    python -m benchmarks.regression report                  # docs/benchmarks.md from what is measured

A fixed, seeded sample of every shared suite is fitted by both, each in a process of its own with its own source and its
own shipped knowledge base, on the same rows and with a budget in trials, so that the clock decides nothing. Both bases
have seen these tables: the figures compare the two, and say nothing of quality on unseen tables. The exit status is 1
when a suite is worse in ROC-AUC or average precision by more than the 97.5 % quantile of Student's t allows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks._page import PAGE, write_part
from benchmarks._store import Line, Store, read
from benchmarks._tables import SUITES, sampled, shared_tasks
from benchmarks._text import markdown, number
from pynomaly_auto.building import Task, load_task
from pynomaly_auto.records import FloatArray, IntArray
from pynomaly_auto.scoring import average_precision, roc_auc

STORE = Path("benchmarks/results/regression.jsonl")
HERE = Path(__file__).resolve().parents[1]
MEASURES = {"roc_auc": "ROC-AUC", "ap": "AP"}
SETTINGS = {"n_trials": 70, "time_budget": None, "tracking": False, "random_state": 0, "verbose": 0}
_LIMIT = 1800.0  # seconds of one fit on a busy machine
# What both versions have had from the start: anything newer would compare something else.
_CHILD = """
import json, pickle, sys, time
from pynomaly_auto import AutonomousDetector
told = sys.stdout
sys.stdout = sys.stderr
if __name__ == "__main__":
    for asked in sys.stdin:
        settings, path = json.loads(asked)
        with open(path, "rb") as file:
            frame = pickle.load(file)
        began = time.process_time()
        try:
            detector = AutonomousDetector(**settings).fit(frame)
            answer = {"scores": detector.result_.verdict.scores.tolist(), "members": len(detector.ensemble_.members)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(answer), file=told, flush=True)
"""


class Fitter:
    """A process that fits tables with the code of one checkout; started when first asked, and again after it died.

    Args:
        checkout: Its root, with ``src`` and a knowledge base.
        workers: Processes it fits with.
    """

    def __init__(self, checkout: Path, workers: int) -> None:
        self.checkout, self.code = checkout, code_of(checkout)
        self._settings = {**SETTINGS, "n_jobs": workers}
        self._process: subprocess.Popen[str] | None = None

    def scores(self, path: Path) -> Mapping[str, Any]:
        """``scores`` and ``members``, or the ``error``, of the frame pickled at ``path``."""
        process = self._process = self._process or self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        timer = threading.Timer(_LIMIT, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps([self._settings, str(path)]) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if line:
                return dict(json.loads(line))
        except OSError:  # it has died
            pass
        finally:
            timer.cancel()
        self.close()
        return {"error": "died, or took too long"}

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _started(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(self.checkout / "src")}
        environment.pop("PYNOMALY_KNOWLEDGE_BASE", None)
        return subprocess.Popen(
            [sys.executable, "-c", _CHILD], cwd=self.checkout, env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip


def code_of(checkout: Path) -> str:
    """Digest of everything that can change a score: the source and the knowledge base's own checksums.

    Raises:
        SystemExit: It is no checkout of this project.
    """
    manifest = checkout / "knowledge_base" / "manifest.json"
    sources = sorted((checkout / "src" / "pynomaly_auto").rglob("*.py"))
    if not sources or not manifest.is_file():
        raise SystemExit(f"{checkout} is no checkout: it lacks src/pynomaly_auto or knowledge_base/manifest.json.")
    found = hashlib.sha256()
    for path in (*sources, manifest):
        found.update(path.relative_to(checkout).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def measure(tasks: Sequence[Task], fitters: Sequence[Fitter], store: Store, max_rows: int) -> None:
    """Fit every table by every code that the store does not hold it for; what failed before is tried again."""
    for i, task in enumerate(tasks, start=1):
        done = (line for line in store.lines if line["max_rows"] == max_rows and "error" not in line)
        known = {(line["suite"], line["table"], line["code"]) for line in done}
        todo = [f for f in fitters if (task.suite, task.name, f.code) not in known]
        if not todo:
            continue
        with _pickled(task, max_rows) as (path, y):
            for fitter in todo:
                began = time.monotonic()
                line: Line = {
                    "suite": task.suite, "table": task.name, "group": task.group, "code": fitter.code,
                    "max_rows": max_rows, "rows": len(y), **_judged(y, fitter.scores(path)),
                    "seconds": time.monotonic() - began,
                }  # fmt: skip
                store.add(line)
                told = line.get("error") or f"{line['roc_auc']:.3f}/{line['ap']:.3f}, {line['members']} members"
                seconds = f"{line['seconds']:.0f} s"
                print(f"[{i}/{len(tasks)}] {task.suite} {task.name} {fitter.code}: {told}, {seconds}", file=sys.stderr)


@contextmanager
def _pickled(task: Task, max_rows: int) -> Iterator[tuple[Path, IntArray]]:
    frame, y = load_task(task, max_rows=max_rows, seed=0)
    with tempfile.TemporaryDirectory(prefix="pynomaly-bench-") as folder:
        path = Path(folder) / "table.pickle"
        path.write_bytes(pickle.dumps(frame))
        yield path, y


def _judged(y: IntArray, answer: Mapping[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        return {"error": answer["error"]}
    scores = np.asarray(answer["scores"], dtype=np.float64)
    return {"roc_auc": roc_auc(y, scores), "ap": average_precision(y, scores), "members": answer["members"]}


def report(lines: Sequence[Line], before: str, after: str, max_rows: int) -> tuple[str, list[str]]:
    """A table per suite and for all, and where the later code is worse by more than its noise."""
    sides = [
        {(line["suite"], line["table"]): line for line in lines if (line["code"], line["max_rows"]) == (code, max_rows)}
        for code in (before, after)
    ]
    both = [key for key in sides[0] if key in sides[1]]
    fitted = [key for key in both if not any("error" in side[key] for side in sides)]
    if not fitted:
        raise SystemExit("There is no table yet that both have fitted.")
    suites = sorted({suite for suite, _ in fitted}, key=lambda s: (SUITES.index(s) if s in SUITES else len(SUITES), s))
    rows, worse = [], []
    for title, members in (*((s, (s,)) for s in suites), ("all", tuple(suites))):
        keys = [key for key in fitted if key[0] in members]
        row = [title, str(len(keys))]
        for measure_name, name in MEASURES.items():
            old, new = (np.array([side[key][measure_name] for key in keys], dtype=np.float64) for side in sides)
            difference, error, beyond = paired(new - old)
            row += [number(float(old.mean())), number(float(new.mean()))]
            row.append(f"{number(difference, signed=True)} ± {number(error)}")
            if beyond:
                worse.append(f"{title} in {name}")
        rows.append(row)
    head = ["suite", "tables"]
    for name in MEASURES.values():
        head += [f"{name} before", "after", "difference ± its standard error"]
    failed = [
        f"{key[1]} {when} ({side[key]['error']})"
        for key in both
        for when, side in zip(("before", "after"), sides, strict=True)
        if "error" in side[key]
    ]
    said = [markdown(head, rows), f"Worse by more than its noise: {', '.join(worse) or 'none'}."]
    said.append(f"Not fitted, and left out: {'; '.join(failed) or 'none'}.")
    return "\n\n".join(said), worse


def paired(differences: FloatArray) -> tuple[float, float, bool]:
    """Mean difference, its standard error, and whether it is below zero by more than chance explains (one-sided).

    Args:
        differences: One per table, later minus earlier; shape (n_tables,).
    """
    n, mean = len(differences), float(differences.mean())
    if n < 2:
        return mean, float("nan"), False
    error = float(differences.std(ddof=1) / np.sqrt(n))
    return mean, error, mean < -float(stats.t.ppf(0.975, n - 1)) * error


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is missing and print; the exit status says whether a suite got worse."""
    options = _options(arguments)
    if options.mode == "report":
        lines = read(options.store)
        # The pair that was measured last: an earlier code's lines stay in the file.
        codes = list(dict.fromkeys(line["code"] for line in reversed(lines)))[:2]
        if len(codes) < 2:
            raise SystemExit(f"{options.store} does not hold two versions yet: run it with --against first.")
        after, before = codes
        text, worse = report(lines, before, after, options.max_rows)
        write_part(options.page, "regression", text)
    else:
        if options.against is None:
            raise SystemExit("Give --against, the root of a checkout of the earlier version.")
        fitters = [Fitter(root.resolve(), options.workers) for root in (options.against, HERE)]
        tasks = sampled(shared_tasks(options.suites.split(",")), options.sample)
        store = Store(options.store)
        try:
            measure(tasks, fitters, store, options.max_rows)
        finally:
            for fitter in fitters:
                fitter.close()
        text, worse = report(store.lines, fitters[0].code, fitters[1].code, options.max_rows)
    print(text)
    return int(bool(worse))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("mode", nargs="?", choices=("measure", "report"), default="measure")
    add("--against", type=Path, help="root of a checkout of the earlier version")
    add("--suites", default=",".join(SUITES), help="shared suites, by comma")
    add("--sample", type=int, default=7, help="tables per suite")
    add("--max-rows", type=int, default=800, help="larger tables are sampled")
    add("--workers", type=int, default=2, help="processes of each fit; changes no score")
    add("--store", type=Path, default=STORE)
    add("--page", type=Path, default=PAGE)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
