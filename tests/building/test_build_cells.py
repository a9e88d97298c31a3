"""Measuring tables of several kinds of columns, and putting what was learned of them into a base."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.building import Plan, build_cells
from pynomaly_auto.building import _build_cells as building
from pynomaly_auto.building._assemble import put_models
from pynomaly_auto.building.learning._train import Learned
from pynomaly_auto.building.measuring import _cells as measuring
from pynomaly_auto.building.measuring._cell_parts import read_cell_task, read_raw_scores, write_cell_task
from pynomaly_auto.building.measuring._cells import measure_cells, measure_part
from pynomaly_auto.building.tasks._sources import find_tasks
from pynomaly_auto.errors import InvalidInputError, StorageError
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.models import Fusion

FEW = ("hbos", "ecod", "copod", "zscore", "iqr", "pca", "knn_mean")


def labelled(folder: Path, name: str = "payments") -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"city": rng.choice(["Boston", "Denver"], 120), "amount": rng.normal(50, 5, 120).round(2), "label": 0}
    )
    frame.loc[3, ["city", "label"]] = ["Bostn", 1]
    frame.loc[9, ["amount", "label"]] = [5e4, 1]
    path = folder / f"{name}.parquet"
    frame.to_parquet(path)
    return path


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    base = KnowledgeBase.shipped()
    assert base is not None
    assert base.fusion is not None
    return replace(base.fusion, members=FEW)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    shipped = KnowledgeBase.shipped()
    assert shipped is not None
    return Path(shutil.copytree(shipped.path, tmp_path / "base"))


def test_what_is_measured_comes_back_from_its_file(tmp_path: Path, fusion: Fusion) -> None:
    task = find_tasks([labelled(tmp_path)])[0]
    made = measure_cells(task, fusion, max_rows=1000, seed=0)
    assert set(made.scores.members) == set(FEW)
    assert made.layout.row_bits(made.bits, "misspelling").argmax() == 3
    write_cell_task(tmp_path / "part.npz", made)
    again = read_cell_task(tmp_path / "part.npz")
    np.testing.assert_array_equal(again.scores.final, made.scores.final)
    np.testing.assert_allclose(again.bits, made.bits, rtol=1e-6)
    assert (again.layout, again.kinds, again.group) == (made.layout, made.kinds, made.group)


def test_a_damaged_part_is_told(tmp_path: Path) -> None:
    (tmp_path / "part.npz").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(StorageError, match="damaged"):
        read_cell_task(tmp_path / "part.npz")


def test_models_are_put_beside_the_others(base: Path) -> None:
    before = KnowledgeBase.open(base)
    text = (base / "models" / "cell_judge_mean.txt").read_text(encoding="utf-8")
    features = before.manifest.models["cell_judge"].features
    put_models(base, {"cell_judge": Learned(files={}, boosters={"other": text}, features=features, validation={})})
    after = KnowledgeBase.open(base)  # every checksum holds
    assert set(after.manifest.models) == set(before.manifest.models)
    assert after.manifest.models["cell_judge"].files == {"other": "models/cell_judge_other.txt"}
    assert not (base / "models" / "cell_judge_mean.txt").exists()


def test_too_few_tables_leave_the_base_as_it_is(
    base: Path, tmp_path: Path, fusion: Fusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KnowledgeBase, "fusion", fusion)
    said = []
    before = (base / "manifest.json").read_bytes()
    plan = Plan(parts=tmp_path / "parts", workers=1)
    with pytest.raises(InvalidInputError, match="too few"):
        build_cells(base, labelled(tmp_path), plan, on_task=said.append)
    assert (base / "manifest.json").read_bytes() == before
    assert [p.status for p in said] == ["measured"]
    assert (tmp_path / "parts").is_dir()
    monkeypatch.setattr(building, "Job", lambda *a, **k: pytest.fail("it was measured before"))
    with pytest.raises(InvalidInputError, match="too few"):
        build_cells(base, tmp_path / "payments.parquet", plan, on_task=said.append)
    assert [p.status for p in said] == ["measured", "known"]


def test_members_are_not_fitted_again_to_the_same_table(
    tmp_path: Path, fusion: Fusion, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = find_tasks([labelled(tmp_path)])[0]
    path = tmp_path / "parts" / "payments.npz"
    measure_part(task, fusion, path, 1000, 0)
    before = read_cell_task(path)
    monkeypatch.setattr(measuring, "fit_detector", lambda *a, **k: pytest.fail("it was fitted before"))
    measure_part(task, fusion, path, 1000, 0)
    np.testing.assert_array_equal(read_cell_task(path).scores.final, before.scores.final)
    assert read_raw_scores(tmp_path / "parts" / "scores" / "payments.npz", "of another table").scores == {}


def test_tables_of_numbers_alone_are_left_out(tmp_path: Path, fusion: Fusion) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": rng.normal(size=60), "label": [1] * 3 + [0] * 57})
    frame.to_parquet(tmp_path / "numbers.parquet")
    with pytest.raises(InvalidInputError, match="numbers alone"):
        measure_cells(find_tasks([tmp_path / "numbers.parquet"])[0], fusion, max_rows=1000, seed=0)


def test_rows_with_times_stay_neighbours(tmp_path: Path) -> None:
    frame = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=400, freq="h"), "label": 0})
    frame.loc[::10, "label"] = 1
    frame.to_parquet(tmp_path / "log.parquet")
    task = find_tasks([tmp_path / "log.parquet"])[0]
    assert set(np.diff(measuring._loaded(task, 100, 0).rows)) == {1}
    frame["label"] = 0
    frame.loc[[0, 200, 399], "label"] = 1  # no run holds them all
    frame.to_parquet(tmp_path / "log.parquet")
    assert measuring._loaded(task, 100, 0).y.sum() == 3


def test_of_tasks_with_the_same_cells_the_first_is_taken(tmp_path: Path) -> None:
    tasks = find_tasks([labelled(tmp_path)])
    twice = [*tasks, replace(tasks[0], name="again")]
    assert building._one_each(twice) == tasks
