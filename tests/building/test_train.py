from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from pynomaly_auto.building import _assemble
from pynomaly_auto.building._assemble import Tables, assemble, detector_facts, union
from pynomaly_auto.building.learning._train import _correlation, _shrinkage, train
from pynomaly_auto.errors import StorageError


@pytest.fixture(scope="module")
def tables():
    spec = importlib.util.spec_from_file_location("synthetic", Path(__file__).parents[1] / "knowledge" / "synthetic.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.tables(60, seed=1)


@pytest.fixture(scope="module")
def learned(tables):
    tasks, results = tables
    facts = detector_facts(results, dict.fromkeys(results["detector"], "trees"))
    return train(tasks, results, facts, seed=0)


def test_interval_covers_unseen_groups(learned):
    assert 0.8 <= learned["quality"].validation["coverage"] <= 0.98


def test_models_beat_the_constant(learned):
    for name in ("quality", "fitted"):
        figures = learned[name].validation
        assert figures["mae"] < figures["mae_constant"]
        assert figures["correlation"] > 0.4
        assert figures["correlation_within_tasks"] > 0.2


def test_same_tables_same_models(tables, learned):
    tasks, results = tables
    facts = detector_facts(results, dict.fromkeys(results["detector"], "trees"))
    assert train(tasks, results, facts, seed=0)["fitted"] == learned["fitted"]


def test_means_do_not_favour_detectors_that_fail_on_hard_tables(tables):
    _, results = tables
    hard = results["task"] == "t000"
    worse = results.assign(
        roc_auc=np.where(hard, 0.3, results["roc_auc"]),
        status=np.where(hard & (results["detector"] == "lof"), "failed", results["status"]),
    )
    before, after = detector_facts(results, {})["lof"], detector_facts(worse, {})["lof"]
    assert after.mean == pytest.approx(before.mean, abs=0.02)
    assert after.family == "unknown"


def test_newer_results_replace_older(tables):
    tasks, results = tables
    part = (tasks.head(1).assign(domain="new"), results[results["task"] == "t000"].head(2))
    merged = union(Tables(*tables), Tables(*part))
    assert len(merged.tasks) == len(tasks)
    assert (merged.tasks["domain"] == "new").sum() == 1
    assert (merged.results["task"] == "t000").sum() == 2


def test_predictions_that_do_not_hold_are_shrunk():
    y = np.array([1.0, -1.0, 2.0])
    assert _shrinkage(y, y) == pytest.approx(1)
    assert _shrinkage(y, 2 * y) == pytest.approx(0.5)
    assert _shrinkage(y, -y) == 0.0


def test_constant_has_no_correlation():
    assert _correlation(np.ones(3), np.arange(3.0)) is None


def test_unwritable_and_unversioned(tables, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        assemble(tables, tmp_path / "file" / "kb", seed=0, max_rows=1)
    monkeypatch.setattr(_assemble, "_PACKAGES", ("numpy", "no-such-package"))
    assert set(_assemble._versions()) == {"numpy", "pynomaly-auto"}


def test_stale_models_go(tables, tmp_path):
    tasks, results = tables
    out = tmp_path / "kb"
    (out / "models").mkdir(parents=True)
    (out / "models" / "old.txt").write_text("")
    few = tasks.head(2)
    assemble((few, results[results["task"].isin(few["task"])]), out, seed=0, max_rows=1)
    assert not (out / "models" / "old.txt").exists()
    assert not list(tmp_path.glob(".kb-*"))
