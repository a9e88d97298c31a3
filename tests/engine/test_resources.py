"""A machine that cannot carry a run says so before it starts, and one that carries a smaller one gets that."""

from __future__ import annotations

import importlib
import io
import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from pynomaly_auto import _machine, _optional
from pynomaly_auto.engine import _resources
from pynomaly_auto.errors import ResourceError
from tests.engine.conftest import quick


def test_too_little_memory_is_an_error_before_it_starts(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_resources, "free_memory", lambda: 100_000_000)
    monkeypatch.setattr("pynomaly_auto.engine._pipeline.open_executor", None)
    with pytest.raises(ResourceError, match=r"100 MB of memory are free.*tracking=False"):
        quick(tracking=None).fit(table)
    with pytest.raises(ResourceError, match="more memory or fewer rows"):
        quick(tracking=False).fit(table)


def test_little_memory_is_a_smaller_plan(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_resources, "free_memory", lambda: 300_000_000)
    result = quick(n_trials=1, n_jobs=8).fit(table).result_
    assert result.settings["n_jobs"] == 2
    (told,) = [r for r in result.reasons if r.code == "SET-020"]
    assert told.text == "2 of 8 workers: there is memory for no more"
    assert told.evidence == {"workers": 2, "asked": 8, "free_mb": 300}


def test_a_memory_limit_is_one_of_the_whole_run(table: pd.DataFrame) -> None:
    result = quick(n_trials=3, n_jobs=4, memory_limit="400MB", tracking=False).fit(table).result_
    (told,) = [r for r in result.reasons if r.code == "SET-020"]
    assert told.text == "2 of 4 workers: memory_limit leaves them 400 MB"
    assert told.evidence == {"workers": 2, "asked": 4, "limit_mb": 400, "room_mb": 400}
    assert result.settings["n_jobs"] == 2
    few = quick(n_trials=3, n_jobs=1, memory_limit="400MB", tracking=False).fit(table).result_
    assert np.array_equal(few.verdict.scores, result.verdict.scores)


def test_a_memory_limit_below_the_table_is_refused() -> None:
    table = np.random.default_rng(0).normal(size=(20_000, 20))
    with pytest.raises(ResourceError, match=r"memory_limit is 20 MB, and 20,000 rows of 20 features need about 39 MB"):
        quick(memory_limit="20MB").fit(table)


def test_a_compute_budget_is_a_share_of_cores_and_memory(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_resources, "whole_memory", lambda: 1_000_000_000)
    for name in ("pynomaly_auto.engine._resources", "pynomaly_auto.settings"):
        monkeypatch.setattr(f"{name}.usable_cores", lambda: 4)
    result = quick(n_trials=2, compute_budget="50%", n_jobs=None, tracking=False).fit(table).result_
    (told,) = [r for r in result.reasons if r.code == "SET-022"]
    assert told.text == "50% of the machine: 2 of 4 cores, 500 MB of memory."
    assert (result.settings["n_jobs"], result.settings["memory_limit"]) == (2, 500_000_000)
    given = quick(n_trials=2, compute_budget=0.5, n_jobs=1, memory_limit="300MB", tracking=False).fit(table).result_
    assert (given.settings["n_jobs"], given.settings["memory_limit"]) == (1, 300_000_000)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"compute_budget": 1e-12}, "compute_budget comes to"),
        ({"compute_budget": 1e-300}, "compute_budget comes to"),
        ({"compute_budget": 0.99, "memory_limit": "50kB"}, "memory_limit is 0.05 MB"),
    ],
)
def test_the_limit_that_is_too_small_is_named(table: pd.DataFrame, limits: dict[str, Any], told: str) -> None:
    with pytest.raises(ResourceError, match=told):
        quick(tracking=False, **limits).fit(table)


def test_too_few_processes_is_an_error_before_it_starts(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_resources, "free_processes", lambda: 5)
    with pytest.raises(ResourceError, match=r"only 5 more processes.*ulimit -u"):
        quick().fit(table)


def test_limits_on_processes_are_counted(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "proc/self").mkdir(parents=True)
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert _machine.free_processes(tmp_path) is None
    (group / "pids.max").write_text("max\n")
    assert _machine.free_processes(tmp_path) is None
    (group / "pids.max").write_text("100\n")
    (group / "pids.current").write_text("70\n")
    assert _machine.free_processes(tmp_path) == 30
    monkeypatch.setattr(os, "getuid", lambda: psutil.Process().uids().real or 4_000_000)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (25, 25))
    monkeypatch.setattr(_machine, "_threads_of", lambda _: 20)
    assert _machine.free_processes(tmp_path) == 5
    monkeypatch.undo()
    assert _machine._threads_of(psutil.Process().uids().real) >= 1


@pytest.mark.parametrize(
    ("module", "error", "remedy"),
    [
        ("lightgbm", OSError("libgomp.so.1: cannot open shared object file: No such file or directory"), "libgomp1"),
        ("pyarrow", ImportError("libarrow.so.2000: undefined symbol: x"), "install 'pyarrow' again"),
    ],
)
def test_a_library_that_cannot_be_loaded_is_one_error_at_once(
    module: str, error: Exception, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.import_module

    def load(name: str, package: str | None = None) -> Any:
        if name == module:
            raise error
        return real(name, package)

    def open_library(path: str) -> None:
        load(Path(path).parents[1].name)

    monkeypatch.setattr(_optional.importlib, "import_module", load)
    monkeypatch.setattr(_optional.ctypes, "CDLL", open_library)
    with pytest.raises(ResourceError, match=module) as caught:
        quick().fit(np.ones((50, 2)))
    assert remedy in str(caught.value)
    assert str(error) in str(caught.value)


def test_a_run_needs_no_working_folder(table: pd.DataFrame, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    try:
        assert len(quick(n_trials=2, tracking=False).fit(table).result_.search.completed) == 2
    finally:
        monkeypatch.chdir(tmp_path)


def test_a_run_needs_no_streams(table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under pythonw, or in a service."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert quick(n_trials=1, verbose=2).fit(table).result_.labels.shape == (len(table),)
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    monkeypatch.setattr(sys, "stderr", closed)
    assert quick(n_trials=1, verbose=2).fit(table).result_.labels.shape == (len(table),)


def test_without_docstrings_a_run_is_refused_at_once() -> None:
    """Under -OO lightgbm cannot be imported, and the conditional models would be left out."""
    code = "import numpy as np; from pynomaly_auto import AutonomousDetector as A; A().fit(np.eye(30))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-OO", "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert "ResourceError: 'lightgbm' cannot be loaded under python -OO. Run with -O" in done.stderr
