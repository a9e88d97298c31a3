"""Progress: a bar where somebody looks, lines where asked for, else not a byte."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from tests.engine.conftest import quick

CODE = """
import numpy as np
from pynomaly_auto import AutonomousDetector
X = np.random.default_rng(0).normal(size=(100, 3))
detector = AutonomousDetector(n_trials=3, tracking={tracking}, random_state=0, verbose={verbose}).fit(X)
"""


def script(folder: Path, verbose: int, tracking: str = "False") -> tuple[str, str]:
    code = CODE.format(verbose=verbose, tracking=tracking)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout, done.stderr


def test_not_a_byte_where_nobody_looks(tmp_path: Path) -> None:
    assert script(tmp_path, 1, "None") == ("", "")
    assert script(tmp_path, 0) == ("", "")


def test_a_line_per_trial(tmp_path: Path) -> None:
    out, err = script(tmp_path, 2)
    assert out == ""
    assert len(err.splitlines()) == 3
    assert all(line.startswith("trial ") and line.endswith(" s") for line in err.splitlines())


def test_the_bar_shows_stage_trials_best_and_time_left(
    table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pynomaly_auto.engine._progress.somebody_looks", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    quick(verbose=1, time_budget=30, n_trials=4).fit(table)
    shown = "".join(capsys.readouterr())
    for expected in ("tuning", "of 4 trials", "best 0.", "s left"):
        assert expected in shown
    quick(verbose=0).fit(table)
    assert "".join(capsys.readouterr()) == ""


def test_in_a_notebook(tmp_path: Path) -> None:
    code = CODE.format(verbose=1, tracking="False")
    cells = [nbformat.v4.new_code_cell(code), nbformat.v4.new_code_cell("detector.result_")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = [o.output_type for c in notebook.cells for o in c.outputs]
    assert "error" not in kinds
    assert "text/html" in notebook.cells[1].outputs[-1]["data"]
    assert not any(o.get("name") == "stderr" for c in notebook.cells for o in c.outputs)
