"""Planted tables as files: what the command writes is what the build reads."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from meta_datasets import planted as writing
from meta_datasets.planted import PlantedPlan, main, write
from pynomaly_auto.building import find_tasks, load_rows
from pynomaly_auto.errors import SettingError


def source(folder: Path, n: int = 700) -> Path:
    rng = np.random.default_rng(0)
    kind = rng.choice(["bread", "book", "bike"], n)
    frame = pd.DataFrame(
        {
            "kind": kind,
            "shop|floor": np.where(rng.random(n) < 0.97, kind, rng.choice(["bread", "book", "bike"], n)),
            "price": np.where(kind == "bread", 3.0, np.where(kind == "book", 15.0, 800.0)) * rng.uniform(0.8, 1.2, n),
            "label": (rng.random(n) < 0.05).astype(int),
        }
    )  # fmt: skip
    path = folder / "orders.parquet"
    frame.to_parquet(path)
    return path


def test_what_is_written_is_read_with_its_wrong_cells_and_its_group(tmp_path: Path) -> None:
    found = source(tmp_path)
    plan = PlantedPlan(rates=(0.02, 0.05), each=2, max_rows=500)
    names = [name for name, told in write([found], tmp_path / "out", plan) if told == "written"]
    assert names == ["planted_orders_0", "planted_orders_1"]
    tasks = find_tasks([tmp_path / "out"])
    assert [(t.suite, t.group, t.wrong) for t in tasks] == [("planted", "orders", "wrong")] * 2
    shares = []
    for task in tasks:
        loaded = load_rows(task, max_rows=10_000, seed=0)
        assert loaded.wrong is not None
        assert (loaded.wrong.any(axis=1) == (loaded.y == 1)).all()
        assert list(loaded.frame.columns) == ["kind", "shop/floor", "price"]
        assert len(loaded.frame) == 500
        shares.append(loaded.y.mean())
    assert shares[0] < 0.03 < shares[1]  # rates take turns


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = source(tmp_path)
    assert [told for _, told in write([found], tmp_path / "out")] == ["written"]
    monkeypatch.setattr(writing, "planted", lambda *a, **k: pytest.fail("it was planted before"))
    assert [told for _, told in write([found], tmp_path / "out")] == ["known"]


def test_tables_with_no_room_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pd.DataFrame({"x": np.arange(400.0), "label": 0}).assign(label=[1] * 9 + [0] * 391).to_parquet(
        tmp_path / "plain.parquet"
    )
    source(tmp_path, n=200)
    assert main([str(tmp_path), "-o", str(tmp_path / "out")]) == 0
    said = capsys.readouterr().out
    assert "0 columns that are no numbers are too few" in said
    assert "ordinary rows are too few" in said
    assert main([str(tmp_path / "nowhere"), "-o", str(tmp_path / "out")]) == 2


def test_text_of_dirty_tables_is_read() -> None:
    read = writing._read
    assert read(pd.Series(["1", "2.5", "", None])).tolist()[:2] == [1.0, 2.5]
    assert pd.api.types.is_datetime64_any_dtype(read(pd.Series(["2024-03-01", "2024-03-02 10:00"])))
    assert read(pd.Series(["a", "b"])).tolist() == ["a", "b"]


def test_plans_that_cannot_be_carried_out() -> None:
    with pytest.raises(SettingError, match="cannot be carried out"):
        PlantedPlan(rates=())
