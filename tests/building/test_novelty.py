from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from pynomaly_auto.building import Plan, build, restate
from pynomaly_auto.building.measuring._held_out import fit_held_out, prepare_held_out, split
from pynomaly_auto.building.measuring._parts import read_part
from pynomaly_auto.building.tasks._sources import find_tasks
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import InvalidInputError, StorageError
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.scoring import roc_auc

PLAN = Plan(workers=1, detectors=("hbos", "knn_mean"), configurations=0, limit=2, protocol="novelty")


def test_half_of_the_normal_rows_train_and_no_anomaly_does():
    y = np.array([0, 1] * 30 + [0] * 41)
    train, judged = split(y, seed=0)
    assert len(train) == (y == 0).sum() // 2
    assert not y[train].any()
    assert np.array_equal(np.sort(np.concatenate([train, judged])), np.arange(len(y)))
    assert np.array_equal(train, split(y, seed=0)[0])
    assert not np.array_equal(train, split(y, seed=1)[0])


def test_what_is_judged_is_not_seen_before(folder, tmp_path):
    task = next(t for t in find_tasks([folder]) if t.name == "set0")
    prepared = prepare_held_out(task, "novelty", 120, 0, str(tmp_path))
    X, y = np.asarray(prepared.X.load()), np.asarray(prepared.labels.load())
    n = prepared.n_rows
    assert len(X) == n + len(y)
    assert prepared.n_judged == len(y)
    assert np.abs(X[:n].mean(axis=0)).max() < 1e-6  # encoded by the training rows alone
    assert X[n:][y == 1].mean() > 3
    scores = fit_held_out(DETECTORS["knn_mean"], {}, prepared.X, 0, n)
    assert scores.dtype == np.float32
    assert roc_auc(y, scores[n:]) > 0.99


def test_too_few_normal_rows(tmp_path):
    X, y = np.arange(60.0)[:, None], np.array([0] * 30 + [1] * 30)
    np.savez(tmp_path / "few.npz", X=X, y=y)
    with pytest.raises(InvalidInputError, match="15 normal rows"):
        prepare_held_out(find_tasks([tmp_path])[0], "novelty", 100, 0, str(tmp_path))


def test_a_base_of_the_other_protocol(folder, tmp_path):
    out = tmp_path / "kb"
    build(folder, out, PLAN)
    base = KnowledgeBase.open(out)
    assert set(base.tasks["protocol"]) == {"novelty"}
    assert set(base.results["status"]) == {"completed"}
    assert base.results["roc_auc"].min() > 0.8
    assert base.results["st_agreement"].notna().all()
    assert not {"scores", "train_scores"} & set(base.results.columns)
    views = {json.loads(p).get("view") for p in base.results["params"]}
    assert views == {None, "ranks", "whitened"}  # the portfolio's members are measured beside the defaults
    parts = sorted(tmp_path.glob("kb.parts/*.parquet"))
    record, table = read_part(parts[0])
    assert {len(s) for s in table["scores"]} == {record["n_judged"]}
    assert {len(s) for s in table["train_scores"]} == {record["n_rows"]}
    assert restate(tmp_path / "kb.parts") == 2
    assert read_part(parts[0])[1].equals(table)
    with pytest.raises(StorageError, match="another protocol"):
        build(folder, out, replace(PLAN, protocol="contaminated"))
