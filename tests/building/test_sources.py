from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.building import find_tasks, load_rows, load_task, read_labelled
from pynomaly_auto.errors import InvalidInputError, StorageError

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("PYNOMALY_META_DATASETS", ROOT.parent / "shared" / "meta_datasets"))


def test_plain_folder(folder):
    tasks = find_tasks([folder])
    assert {t.name for t in tasks} == {"set0", "set1", "mixed", "text"}
    for task in tasks:
        table, y = load_task(task, max_rows=1000, seed=0)
        assert len(table) == len(y)
        assert y.sum() == 8
        assert "label" not in table.columns


def test_index(indexed):
    tasks = {t.name: t for t in find_tasks([indexed])}
    assert set(tasks) == {
        "oddbench_odd", "number__high", "number__low", "number__both",
        "kinds__rare", "kinds__downsampled", "kinds__rest",
    }  # fmt: skip
    assert tasks["oddbench_odd"].domain == "Science"
    assert tasks["number__high"].group == "g2"
    assert list(tasks)[:2] == ["oddbench_odd", "number__high"]  # suites take turns


def test_recipes(indexed):
    tasks = {t.name: t for t in find_tasks([indexed])}
    source = pd.read_parquet(indexed / "number.parquet")
    table, y = load_task(tasks["number__high"], max_rows=1000, seed=0)
    assert y.mean() == pytest.approx(0.05)
    assert list(table.columns) == ["a", "b"]
    assert source["target"][y == 1].min() >= source["target"][y == 0].max()
    _, y = load_task(tasks["number__low"], max_rows=1000, seed=0)
    assert source["target"][y == 1].max() <= source["target"][y == 0].min()
    table, y = load_task(tasks["kinds__rare"], max_rows=1000, seed=0)
    assert (len(y), y.sum()) == (400, 20)
    table, y = load_task(tasks["kinds__downsampled"], max_rows=1000, seed=0)
    assert y.mean() == pytest.approx(0.05, abs=0.005)
    again, _ = load_task(tasks["kinds__downsampled"], max_rows=1000, seed=0)
    pd.testing.assert_frame_equal(table, again)


# Positions in the source, at max_rows=60 and seed=3: what is measured under a task's name must stay true of it.
PINNED = {
    "kinds__downsampled": ([257, 278, 297, 341, 352, 355, 372, 378], 10131),
    "kinds__rare": ([381, 382, 383, 390, 394, 395, 396, 397], 13137),
    "number__high": ([133, 219, 225, 295, 348, 369, 372, 390], 13225),
    "number__low": ([61, 103, 108, 126, 138, 148, 277, 360], 11404),
}


@pytest.mark.parametrize("name", PINNED)
def test_measured_tasks_keep_their_rows(indexed, name):
    task = next(t for t in find_tasks([indexed]) if t.name == name)
    source = pd.read_parquet(task.path)["a"].to_numpy()
    table, y = load_task(task, max_rows=60, seed=3)
    rows = np.array([int(np.flatnonzero(source == value)[0]) for value in table["a"]])
    assert (rows[y == 1].tolist(), int(rows.sum())) == PINNED[name]


def test_cap_keeps_shares(tmp_path):
    y = np.zeros(5000, dtype=int)
    y[:500] = 1
    np.savez(tmp_path / "big.npz", X=np.arange(5000.0).reshape(-1, 1), y=y)
    _, capped = load_task(find_tasks([tmp_path / "big.npz"])[0], max_rows=1000, seed=0)
    assert (len(capped), capped.sum()) == (1000, 100)


def test_mistakes(tmp_path, folder):
    with pytest.raises(StorageError, match="does not exist"):
        find_tasks([tmp_path / "nowhere"])
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StorageError, match="holds no"):
        find_tasks([empty])
    with pytest.raises(InvalidInputError, match="set0"):
        find_tasks([folder, folder / "set0.npz"])
    with pytest.raises(StorageError, match="registry"):
        find_tasks([folder], registry=tmp_path / "nowhere.toml")
    bad = tmp_path / "bad.toml"
    bad.write_text("[")
    with pytest.raises(StorageError, match="TOML"):
        find_tasks([folder], registry=bad)
    with pytest.raises(InvalidInputError, match="no column 'outlier'"):
        read_labelled(folder / "mixed.parquet", "outlier")
    np.savez(tmp_path / "only_x.npz", X=np.ones((3, 1)))
    with pytest.raises(InvalidInputError, match="lacks the array"):
        read_labelled(tmp_path / "only_x.npz", "label")
    (tmp_path / "broken.npz").write_bytes(b"nothing")
    with pytest.raises(StorageError, match="cannot be read"):
        read_labelled(tmp_path / "broken.npz", "label")


@pytest.fixture
def dirty(tmp_path):
    """A table with wrong cells, which its index lists twice."""
    words = [f"w{i % 5}" for i in range(60)]
    wrong = ["a|b", "b", *[""] * 57, None]
    frame = pd.DataFrame({"a": words, "b": words, "c": "1", "label": [1, 1] + [0] * 58, "wrong": wrong})
    frame.to_parquet(tmp_path / "errors.parquet")
    row = ["errors", "dirty", "g", "errors.parquet", "made", "label", "", "typos"]
    head = ["name", "modality", "group", "path", "source", "target", "target_kind", "domain"]
    pd.DataFrame([row, row], columns=head).to_csv(tmp_path / "index.csv", index=False)
    return tmp_path


def test_wrong_cells(dirty):
    (task,) = find_tasks([dirty])
    assert (task.suite, task.domain, task.recipe, task.wrong) == ("dirty", "typos", "labels", "wrong")
    loaded = load_rows(task, max_rows=100, seed=0)
    assert list(loaded.frame.columns) == ["a", "b", "c"]
    assert np.argwhere(loaded.wrong).tolist() == [[0, 0], [0, 1], [1, 1]]
    part = load_rows(task, max_rows=30, seed=0)
    assert len(part.rows) == 30
    np.testing.assert_array_equal(part.wrong, loaded.wrong[part.rows])
    pd.testing.assert_frame_equal(part.frame, loaded.frame.iloc[part.rows].reset_index(drop=True))
    frame, y = load_task(task, max_rows=30, seed=0)
    pd.testing.assert_frame_equal(frame, part.frame)
    np.testing.assert_array_equal(y, part.y)


def test_mistakes_about_wrong_cells(dirty):
    (task,) = find_tasks([dirty])
    frame = pd.read_parquet(task.path)
    frame.assign(wrong=["z"] + [""] * 59).to_parquet(task.path)
    with pytest.raises(InvalidInputError, match="'z' wrong"):
        load_task(task, max_rows=100, seed=0)
    frame.drop(columns="wrong").to_parquet(task.path)
    with pytest.raises(InvalidInputError, match="no column 'wrong'"):
        load_task(task, max_rows=100, seed=0)


@pytest.mark.parametrize(("labels", "message"), [([0, 2, 1], "not 0 and 1"), ([0, 0, 0], "one class")])
def test_bad_labels(tmp_path, labels, message):
    pd.DataFrame({"a": [1.0, 2.0, 3.0], "label": labels}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InvalidInputError, match=message):
        load_task(find_tasks([tmp_path])[0], max_rows=100, seed=0)


@pytest.mark.shared_data
def test_shared_data_sets_all_become_tasks():
    if not (SHARED / "index.csv").is_file():
        pytest.skip(f"no shared meta data sets in {SHARED} (set PYNOMALY_META_DATASETS)")
    tasks = find_tasks([SHARED])
    assert len(tasks) > 1000
    assert {"adbench", "adbench_embeddings", "oddbench", "ovrbench", "mixed", "uci"} == {t.suite for t in tasks}
    assert sum(t.suite == "uci" for t in tasks) >= 417
