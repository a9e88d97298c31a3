from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks import held_out
from pynomaly_auto.building import Task
from pynomaly_auto.building.learning._cells import CellTask
from pynomaly_auto.building.learning._fuse import VIEWED, fusion_members
from pynomaly_auto.building.measuring._cell_parts import write_cell_task
from pynomaly_auto.cells import CELL_DETECTORS
from pynomaly_auto.ensembling import BaseScores
from pynomaly_auto.records import CellLayout


def test_a_base_that_knows_no_group_of_a_suite(tmp_path, monkeypatch):
    """What is measured and learned from holds no group of the suite, and one table of each other."""
    found = [
        Task(name=name, suite=suite, group=group, domain="", source="", licence="", path=tmp_path)
        for name, suite, group in (
            ("raw", "mixed", "g0"), ("twin", "uci", "g0"), ("a", "uci", "ga"), ("a2", "uci", "ga"), ("b", "uci", "gb"),
            ("c", "uci", "gc"),
        )
    ]  # fmt: skip
    seen = {}
    monkeypatch.setattr(held_out, "find_tasks", lambda sources: found)
    monkeypatch.setattr(held_out, "measure_all", lambda tasks, parts, plan, wanted, told: seen.update(wanted=wanted))
    monkeypatch.setattr(held_out, "part_of", lambda parts, task: found[0].path / f"{task.name}.there")
    monkeypatch.setattr(held_out, "measured", lambda tasks, parts, **_: [t.name for t in tasks])
    monkeypatch.setattr(held_out, "write_base", lambda known, groups, out: seen.update(known=known, groups=groups))
    monkeypatch.setattr(held_out, "put_models", lambda *_: None)
    monkeypatch.setattr(
        held_out, "learn_cells", lambda tasks, detectors, seed: seen.update(cells={t.group for t in tasks})
    )
    for name in ("a", "b"):  # c could not be measured
        (tmp_path / f"{name}.there").touch()
    for i in range(3):
        write_cell_task(tmp_path / "cells" / f"t{i}.npz", cell_task(i))
    out = tmp_path / "out"
    out.mkdir()
    arguments = [str(tmp_path), "--cells", str(tmp_path / "cells"), "--out", str(out)]
    held_out.main(arguments)
    assert seen["known"] == ["a", "b"]
    assert seen["groups"] == {"ga", "gb"}
    assert seen["cells"] == {"g1", "g2"}
    assert tuple(c.fusion_name for c in seen["wanted"]) == fusion_members(VIEWED)
    assert json.loads((out / "folds.json").read_text()) == {"g0": 0}
    with pytest.raises(SystemExit, match="suite 'other'"):
        held_out.main([*arguments, "--suite", "other"])
    with pytest.raises(SystemExit, match="today's cell detectors"):
        held_out.main([str(tmp_path), "--cells", str(out), "--out", str(out)])


def cell_task(number: int) -> CellTask:
    labels = np.zeros(20, dtype=np.int64)
    ranks = np.ones((20, 1))
    return CellTask(
        task=f"t{number}", suite="dirty", group=f"g{number}", labels=labels, kinds=("numeric",),
        layout=CellLayout.of({"form": [0]}, 1), bits=np.zeros((20, 1)), wrong=None,
        asked=tuple(CELL_DETECTORS),
        scores=BaseScores(final=ranks[:, 0], robust=ranks[:, 0], members=("knn",), ranks=ranks),
    )  # fmt: skip
