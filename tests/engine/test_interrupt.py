"""Ctrl-C in the middle of a search: what is finished counts, a second one quits, and no process stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

SCRIPT = """
import numpy as np
from pynomaly_auto import AutonomousDetector
X = np.random.default_rng(0).normal(size=(3000, 8))
detector = AutonomousDetector(time_budget=60, tracking=False, random_state=0, verbose=2).fit(X)
search = detector.result_.search
assert search.interrupted and "interrupted" in search.stopped, search.stopped
assert np.isfinite(detector.score_samples(X)).all()
print("finished", len(search.completed), len(detector.ensemble_.members), flush=True)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send to another process")


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    """Start it in a group of its own, its lines on standard error in a file that can be read meanwhile."""
    with (folder / "err").open("w") as err:
        return subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=err, text=True, start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip


def wait_for(folder: Path, text: str, count: int, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        if (folder / "err").read_text().count(text) >= count:
            return
        assert process.poll() is None, (folder / "err").read_text()
        time.sleep(0.1)
    raise AssertionError("it never came that far")


def descendants(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=10)
    alive = [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    assert alive == []


def test_finished_work_is_combined(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    process = start([sys.executable, "script.py"], tmp_path)
    wait_for(tmp_path, "completed", 2, process)
    workers = descendants(process)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group gets it
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, (tmp_path / "err").read_text()
    word, completed, members = out.split()
    assert (word, int(completed) >= 2, int(members) >= 1) == ("finished", True, True)
    assert_gone(workers)


def test_before_anything_has_finished(tmp_path: Path) -> None:
    process = start([sys.executable, "-c", "import sys; sys.stderr.write('up')\n" + SCRIPT], tmp_path)
    wait_for(tmp_path, "up", 1, process)
    time.sleep(0.3)  # anywhere between the first import and the first trials
    workers = descendants(process)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    errors = (tmp_path / "err").read_text()
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors or "interrupted before any trial" in errors
    assert_gone(workers)


def test_twice_quits(tmp_path: Path) -> None:
    slow = SCRIPT.replace("from pynomaly_auto import", "import pynomaly_auto.engine._pipeline as p\n"
        "import sys, time\n"
        "def explain(*a, **k):\n    sys.stderr.write('explaining')\n    time.sleep(60)\n"
        "p.explain_rows = explain\nfrom pynomaly_auto import")  # fmt: skip
    (tmp_path / "script.py").write_text(slow)
    process = start([sys.executable, "script.py"], tmp_path)
    wait_for(tmp_path, "completed", 2, process)
    os.killpg(process.pid, signal.SIGINT)
    wait_for(tmp_path, "explaining", 1, process)
    workers = descendants(process)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in (tmp_path / "err").read_text()
    assert_gone(workers)


def test_command_line(tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(3000, 8))
    pd.DataFrame(X).add_prefix("c").to_csv(tmp_path / "data.csv", index=False)
    command = [sys.executable, "-m", "pynomaly_auto.cli", "auto", "detect", "-d", "data.csv", "-o", "out"]
    (tmp_path / "verbose.toml").write_text("verbose = 2\n")
    process = start([*command, "--config", "verbose.toml", "--tracking", "off", "--time-budget", "59"], tmp_path)
    wait_for(tmp_path, "completed", 2, process)
    workers = descendants(process)
    os.killpg(process.pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, (tmp_path / "err").read_text()
    assert "interrupted by the user" in out
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["search"]["interrupted"] is True
    assert {"anomalies.csv", "scores.parquet", "report.html"} <= {p.name for p in (tmp_path / "out").iterdir()}
    assert_gone(workers)
