"""Fronts of smaller models and families tuned without labels: what is measured, and what is printed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import _tuned_families, tuning
from benchmarks._fronts import CHAIN, NSGA_BEGUN, OURS, RANDOM, Members, front_report, hypervolume, searched
from benchmarks._page import begin, end
from benchmarks._store import write
from benchmarks._tuned_families import family_report, tuned
from pynomaly_auto.building import find_tasks
from pynomaly_auto.engine._smaller import Rows


@pytest.fixture(scope="module")
def members():
    rng = np.random.default_rng(0)

    def rows(n):
        inputs = rng.exponential(size=(n, 12))
        scores = inputs @ np.linspace(0.0, 1.0, 12)
        return Rows(X=np.empty((n, 0)), inputs=inputs, scores=scores)

    return Members(
        suite="uci", table="made", group="made", taught=rows(300), choice=rows(200), held_out=rows(200),
        latency=rng.uniform(0.02, 0.5, 12), sizes=rng.uniform(0.001, 1.0, 12),
    )  # fmt: skip


def test_hypervolume_of_boxes():
    assert hypervolume(np.array([[0.5, 0.5, 0.5]]), np.ones(3)) == pytest.approx(0.125)
    assert hypervolume(np.array([[0.0, 0.5], [0.5, 0.0], [0.6, 0.6]]), np.ones(2)) == pytest.approx(0.75)
    assert hypervolume(np.array([[2.0, 0.0]]), np.ones(2)) == 0.0
    grid = np.random.default_rng(0).random((100_000, 3))
    points = np.random.default_rng(1).random((6, 3))
    share = float((grid[:, None, :] >= points[None]).all(axis=2).any(axis=1).mean())
    assert hypervolume(points, np.ones(3)) == pytest.approx(share, abs=0.01)


def test_ways_measure_as_many_and_ours_finds_more_than_chance(members):
    lines = list(searched(members, (OURS, RANDOM, CHAIN, NSGA_BEGUN), n_trials=24))
    mean = {way: np.mean([line["hypervolume"] for line in lines if line["way"] == way]) for way in (OURS, RANDOM)}
    assert mean[OURS] > mean[RANDOM] > 0
    assert {line["trials"] for line in lines} == {24}
    text = front_report([line | {"table": name, "group": name} for name in "abc" for line in lines])
    assert "3 tables of 3 groups, 3 of uci." in text
    assert text.splitlines()[2].startswith("| ours | ")


@pytest.mark.filterwarnings("ignore")
def test_families_are_tuned_and_compared(folder, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(_tuned_families, "TUNED", ("hbos", "knn"))
    task = next(task for task in find_tasks([folder]) if task.name.startswith("set"))
    lines = list(tuned(task, max_rows=100, trials=2))
    assert {line["detector"] for line in lines} == {"hbos", "knn"}
    assert all(line["best"] >= max(line["default"], line["tuned"]) for line in lines)
    text = family_report([line | {"table": name, "group": name} for name in "abcdef" for line in lines])
    assert "| proximity | knn | 6 |" in text
    cache, page = tmp_path / "cache.jsonl", tmp_path / "page.md"
    write(cache, lines)
    page.write_text(f"{begin('tuning')}\n{end('tuning')}\n", encoding="utf-8")
    tuning.main(["report", "--cache", str(cache), "--figures", str(tmp_path / "f.jsonl"), "--page", str(page)])
    assert "proximity" in page.read_text(encoding="utf-8")
    assert "Families tuned without labels" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="Nothing is measured"):
        tuning.main(["report", "--cache", str(tmp_path / "no"), "--figures", str(tmp_path / "none")])
