from __future__ import annotations

import numpy as np
import pytest

from benchmarks import anytime
from benchmarks._knowledge import Bases
from benchmarks._peers import chosen_runs
from benchmarks._running import Plan
from pynomaly_auto.building import Task
from tests.benchmarks.test_quality import made_line

METHODS = ("iforest", "adengine_consensus_raw", "adengine_consensus_standardised")


def made_plan(size):
    runs = chosen_runs("ours,iforest,adengine_raw,adengine_standardised")
    return Plan(runs=runs, bases=Bases(None), budgets=(2.0, 8.0), max_rows=size)


@pytest.fixture
def lines():
    out = []
    for size in (500, 2000):
        for i in range(4):
            for method, auc, seconds in (
                ("ours@2", 0.7, 2.0),
                ("ours@8", 0.8, 7.0),
                *((m, 0.75, 0.5) for m in METHODS),
            ):
                out.append(made_line(f"t{i}", method, auc=auc, seconds=seconds, max_rows=size))
            out.append(made_line(f"t{i}", "adengine_best_raw", max_rows=size))
    return out


def test_report_draws_the_curve_and_says_what_is_reached(lines, tmp_path):
    text = anytime.report(lines, [made_plan(500), made_plan(2000)], tmp_path)
    assert "| 4 of 500 rows | pynomaly_auto, 2 s | 2.0 | .700 (.700 to .700) |" in text
    assert "2,000 rows: PyOD IForest (0.50 s) is reached by “pynomaly_auto, 8 s” (7.0 s)" in text
    assert (tmp_path / "anytime.svg").is_file()


def test_nothing_measured_is_said(lines):
    with pytest.raises(SystemExit, match="no table yet"):
        anytime.report(lines[2:5], [made_plan(500)], None)


def test_only_tables_with_enough_rows_are_taken(tmp_path):
    tasks = []
    for rows in (100, 700, 600):
        np.savez(tmp_path / f"{rows}.npz", X=np.zeros((rows, 2)), y=np.arange(rows) % 2)
        path = tmp_path / f"{rows}.npz"
        tasks.append(Task(name=str(rows), suite="s", group="", domain="", source="", licence="", path=path))
    tasks.append(Task(name="gone", suite="s", group="", domain="", source="", licence="", path=tmp_path / "gone.npz"))
    assert [t.name for t in anytime.large_enough(tasks, 600, 5)] == ["700", "600"]
    assert [t.name for t in anytime.large_enough(tasks, 600, 1)] == ["700"]
