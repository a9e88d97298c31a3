from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from pynomaly_auto.building import Plan, add, build, restate
from pynomaly_auto.building.measuring._configurations import configurations, draw
from pynomaly_auto.building.measuring._measure import Measured, finish, fit, prepare
from pynomaly_auto.building.measuring._parts import mark, read_part, slug, write_part
from pynomaly_auto.building.tasks._sources import find_tasks
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import InvalidInputError, SettingError, StorageError, UnknownNameError
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.records import Configuration

PLAN = Plan(workers=1, detectors=("hbos", "knn_mean"), configurations=1)


def test_build_continue_and_add(folder, tmp_path, monkeypatch):
    out, seen = tmp_path / "kb", []
    (folder / "broken.npz").write_bytes(b"nothing")
    first = build(folder, out, PLAN, on_task=seen.append)
    assert {p.task: p.status for p in seen} == {
        "broken": "failed", "mixed": "measured", "set0": "measured", "set1": "measured", "text": "measured",
    }  # fmt: skip
    assert [p.done for p in seen] == [1, 2, 3, 4, 5]
    base = KnowledgeBase.open(out)
    assert first.n_tasks == 4
    assert set(base.results["status"]) == {"completed"}
    assert base.results["roc_auc"].min() > 0.8
    assert {"mf_", "st_"} <= {c[:3] for c in [*base.tasks.columns, *base.results.columns]}
    assert base.results["st_agreement"].notna().all()
    # Nothing is measured twice: no process is started any more.
    monkeypatch.setattr(Plan, "executor", None)
    (folder / "broken.npz").unlink()
    seen.clear()
    again = build(folder, out, PLAN, on_task=seen.append)
    assert {p.status for p in seen} == {"known"}
    assert again.files == first.files
    monkeypatch.undo()
    # A detector that came since is measured alone.
    more = build(folder, out, Plan(workers=1, detectors=("hbos", "knn_mean", "ecod"), configurations=1, limit=1))
    assert more.n_tasks == 1
    assert set(more.detectors) == {"hbos", "knn_mean", "ecod"}
    # A user's own table joins what is known.
    mine = tmp_path / "mine.csv"
    pd.read_csv(folder / "text.csv").rename(columns={"label": "fraud"}).to_csv(mine, index=False)
    grown = add(out, mine, Plan(workers=1, detectors=("hbos",), configurations=0, label="fraud"))
    assert grown.n_tasks == 2
    assert "mine" in set(KnowledgeBase.open(out).tasks["task"])
    assert KnowledgeBase.open(out).verify() == []


def test_failures_are_results(folder, tmp_path):
    task = next(t for t in find_tasks([folder]) if t.name == "set0")
    prepared = prepare(task, "contaminated", 100, 0, str(tmp_path))
    assert prepared.n_rows == 100
    scores = fit(DETECTORS["hbos"], {}, prepared.X, 0)
    assert scores.dtype == np.float32
    part = tmp_path / "part.parquet"

    def measured(detector, status, values=None):
        c = Configuration(detector=detector)
        return Measured(configuration=c, status=status, seconds=1.0, memory_mb=1.0, error=status, scores=values)

    assert (
        finish(task, prepared, [measured("hbos", "completed", scores), measured("lof", "timeout")], str(part), 0) == 2
    )
    assert finish(task, prepared, [measured("gan", "failed")], str(part), 0) == 3
    record, table = read_part(part)
    assert record["task"] == "set0"
    assert list(table["status"]) == ["completed", "timeout", "failed"]
    assert list(table["roc_auc"].notna()) == [True, False, False]
    assert len(table["scores"].iloc[0]) == 100
    stated = table["st_agreement"]
    write_part(part, record, table.assign(st_agreement=7.0))
    assert restate(tmp_path) == 1
    assert read_part(part)[1]["st_agreement"].equals(stated)
    nothing = tmp_path / "nothing.parquet"
    finish(task, prepared, [measured("lof", "memory")], str(nothing), 0)
    assert read_part(nothing)[1]["roc_auc"].isna().all()


def test_damaged_part(tmp_path):
    (tmp_path / "p.parquet").write_bytes(b"nothing")
    with pytest.raises(StorageError, match=r"p\.parquet"):
        read_part(tmp_path / "p.parquet")


def test_detectors_that_do_not_apply(tmp_path):
    y = np.zeros(60, dtype=int)
    y[:8] = 1
    np.savez(tmp_path / "one.npz", X=np.random.default_rng(0).normal(size=(60, 1)) + 4.0 * y[:, None], y=y)
    spec = next(s for s in DETECTORS.values() if s.capabilities.min_features > 1)
    plan = Plan(workers=1, detectors=("hbos", spec.name), configurations=0)
    build(tmp_path / "one.npz", tmp_path / "kb", plan)
    results = KnowledgeBase.open(tmp_path / "kb").results
    assert dict(zip(results["detector"], results["status"], strict=True))[spec.name] == "not_applicable"


def test_nothing_measured(tmp_path):
    pd.DataFrame({"a": [1.0, 2.0], "label": [0, 0]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InvalidInputError, match="no task"):
        build(tmp_path / "t.parquet", tmp_path / "kb", PLAN)


def test_unwritable(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        build(folder, tmp_path / "kb", Plan(parts=tmp_path / "file" / "parts"))


@pytest.mark.parametrize(
    "changes", [{"workers": 0}, {"limit": 0}, {"max_rows": 3}, {"fit_timeout": 0}, {"seed": -1}, {"protocol": "clean"}]
)
def test_plan_is_checked(changes):
    with pytest.raises(SettingError, match="build plan"):
        Plan(**changes)


def test_configurations_are_the_same_everywhere():
    first, again = (configurations(["knn_mean", "hbos", "grubbs"], 3, 0) for _ in range(2))
    assert first == again
    assert [mark(c) for c in first[:3]] == [("knn_mean", "default"), ("hbos", "default"), ("grubbs", "default")]
    assert {c.detector for c in first[3:]} <= {"knn_mean", "hbos"}
    assert any(c.detector == "knn_mean" for c in first[3:])
    assert configurations(["knn_mean"], 3, 1)[1:] != configurations(["knn_mean"], 3, 0)[1:]
    with pytest.raises(UnknownNameError):
        configurations(["knn_men"], 1, 0)


def test_draws_lie_inside():
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert draw(CategoricalDistribution(("a", None)), rng) in ("a", None)
        assert draw(IntDistribution(2, 10, step=4), rng) in (2, 6, 10)
        assert 1e-3 <= draw(FloatDistribution(1e-3, 1.0, log=True), rng) <= 1.0
        assert draw(FloatDistribution(0.0, 1.0, step=0.5), rng) in (0.0, 0.5, 1.0)
    with pytest.raises(TypeError):
        draw(BaseDistribution(), rng)


def test_names_become_different_files():
    assert slug("a/b") != slug("a_b")
    assert "/" not in slug("a/b")
