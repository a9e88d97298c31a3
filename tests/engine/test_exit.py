"""What a plain script leaves when it ends: its answer, the record, and nothing else."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

SCRIPT = """
import numpy as np
from pynomaly_auto import AutonomousDetector
X = np.random.default_rng(0).normal(size=(200, 3))
X[0] = 9.0
print(AutonomousDetector(n_trials=2, random_state=0).fit(X).predict(X)[0])
"""


def test_a_script_ends_silently_and_leaves_nothing_but_its_record(tmp_path: Path) -> None:
    work, temporary = tmp_path / "a%20b", tmp_path / "t"
    for folder in (work, temporary):
        folder.mkdir()
    (work / "script.py").write_text(SCRIPT)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLFLOW_")}
    environment |= {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=work, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr, done.returncode) == ("-1\n", "", 0)
    assert list(temporary.iterdir()) == []
    with closing(sqlite3.connect(work / "mlruns" / "mlflow.db")) as database:
        assert database.execute("select status from runs").fetchall() == [("FINISHED",)] * 3
    assert list((work / "mlruns" / "artifacts").rglob("report.html"))
