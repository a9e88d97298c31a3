"""Files larger than memory: read, judged and written block by block, with the answers of a table in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from typer.testing import CliRunner

from pynomaly_auto.cli import app
from pynomaly_auto.dataset import RowsOnDisk
from pynomaly_auto.engine import judge_blocks, judge_file
from pynomaly_auto.errors import InvalidInputError, PynomalyError, SettingError, StorageError, UnknownNameError
from tests.engine.conftest import quick


@pytest.fixture(scope="module")
def big() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(2_500, 3)), columns=["a", "b", "c"])
    frame.iloc[::100] += 6.0
    frame["kind"] = rng.choice(["x", "y"], len(frame))
    frame.loc[7, "b"] = np.nan
    return frame


@pytest.fixture(scope="module")
def path(big: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("big") / "big.parquet"
    big.to_parquet(path, row_group_size=700)
    return path


def test_blocks_are_the_rows_of_the_file(big: pd.DataFrame, path: Path) -> None:
    source = RowsOnDisk(path)
    assert (source.n_rows, source.columns) == (2_500, ("a", "b", "c", "kind"))
    starts, frames = zip(*source.blocks(400), strict=True)
    assert list(starts) == np.cumsum([0, *map(len, frames[:-1])]).tolist()
    assert max(map(len, frames)) <= 400
    pd.testing.assert_frame_equal(pd.concat(frames, ignore_index=True), big)


def test_a_sample_is_seeded_and_knows_where_its_rows_were(big: pd.DataFrame, path: Path) -> None:
    source = RowsOnDisk(path)
    drawn = source.sample(300, seed=1)
    assert len(drawn) == drawn.index.nunique() == 300
    pd.testing.assert_frame_equal(drawn, big.loc[drawn.index])
    pd.testing.assert_frame_equal(drawn, source.sample(300, seed=1))
    assert not drawn.index.equals(source.sample(300, seed=2).index)
    assert len(source.sample(10**6, seed=0)) == 2_500


@pytest.mark.parametrize("size", [0, 1, -5, 2.5, "many", None, True])
def test_no_number_of_rows_is_an_error(path: Path, size: Any) -> None:
    with pytest.raises(SettingError, match="sample is"):
        RowsOnDisk(path).sample(size, seed=0)


def test_what_is_no_such_file_is_a_clear_error(tmp_path: Path, path: Path) -> None:
    for name, content in (
        ("text.csv", b"a,b\n1,2\n"),
        ("empty.parquet", b""),
        ("cut.parquet", path.read_bytes()[:900]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StorageError, match="cannot be read as Parquet"):
            RowsOnDisk(tmp_path / name)
    with pytest.raises(StorageError):
        RowsOnDisk(tmp_path / "none.parquet")
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "norows.parquet")
    with pytest.raises(InvalidInputError, match="no rows"):
        RowsOnDisk(tmp_path / "norows.parquet")
    damaged = bytearray(path.read_bytes())
    damaged[200:8_000] = b"\xff" * 7_800
    (tmp_path / "damaged.parquet").write_bytes(damaged)
    with pytest.raises(StorageError, match="cannot be read as Parquet"):
        list(RowsOnDisk(tmp_path / "damaged.parquet").blocks())


def test_all_rows_are_judged_as_in_memory(big: pd.DataFrame, path: Path, tmp_path: Path) -> None:
    detector = quick(n_trials=4, tracking=False).fit(RowsOnDisk(path).sample(500, seed=0))
    judged = detector.judge(big)
    out = np.concatenate([said.scores for _, _, said in judge_blocks(detector, RowsOnDisk(path), size=333)])
    assert np.array_equal(out, judged.scores)
    found = judge_file(detector, path, tmp_path / "out")
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    assert np.array_equal(scores["score"], judged.probabilities)
    assert np.array_equal(scores["label"], judged.labels)
    assert np.array_equal(scores["row"], np.arange(2_500))
    anomalies = pd.read_csv(tmp_path / "out" / "anomalies.csv")
    assert list(anomalies["position"]) == list(np.flatnonzero(judged.labels == -1)[
        np.argsort(-judged.scores[judged.labels == -1], kind="stable")])  # fmt: skip
    assert (found.rows, found.flagged) == (2_500, len(anomalies))
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["anomalies.csv", "scores.parquet"]


def test_an_error_on_the_way_leaves_nothing_behind(path: Path, tmp_path: Path) -> None:
    detector = quick(n_trials=2, tracking=False).fit(RowsOnDisk(path).sample(300, seed=0)[["a", "b"]])
    with pytest.raises(PynomalyError):
        judge_file(detector, path, tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(UnknownNameError, match="kind"):
        judge_file(detector, path, tmp_path, drop=["kin"])
    assert judge_file(detector, path, tmp_path, drop=["kind", "c"]).rows == 2_500


def test_what_cannot_be_judged_is_refused_before_there_is_a_folder(path: Path, tmp_path: Path) -> None:
    for detector, error in ((None, SettingError), ("model.pynomaly", SettingError), (quick(), NotFittedError)):
        with pytest.raises(error):
            judge_file(detector, path, tmp_path / "out")  # type: ignore[arg-type]
        with pytest.raises(error):
            next(judge_blocks(detector, path))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
    with pytest.raises(SettingError, match="seed is -1"):
        RowsOnDisk(path).sample(10, seed=-1)


def test_a_path_and_a_single_column_to_drop_are_taken(path: Path) -> None:
    detector = quick(n_trials=2, tracking=False).fit(RowsOnDisk(path).sample(300, seed=0)[["a", "b", "c"]])
    assert sum(len(rows) for _, rows, _ in judge_blocks(detector, path, drop="kind", size=999)) == 2_500


def test_blocks_without_anomalies_write_one_head(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RowsOnDisk.blocks, "__defaults__", (200,))
    detector = quick(n_trials=3, tracking=False).fit(RowsOnDisk(path).sample(500, seed=0))
    found = judge_file(detector, path, tmp_path)
    lines = (tmp_path / "anomalies.csv").read_text().splitlines()
    assert len(lines) == found.flagged + 1
    assert sum(line.startswith("position,") for line in lines) == 1


def test_the_command_line_fits_on_a_sample(path: Path, tmp_path: Path) -> None:
    command = ["auto", "detect", "-d", str(path), "-o", str(tmp_path), "--sample", "400", "--n-trials", "3"]
    done = CliRunner().invoke(app, [*command, "--tracking", "off", "--random-state", "0", "--n-jobs", "1"])
    assert done.exit_code == 0, done.output
    assert "of all 2,500 rows flagged" in " ".join(done.output.split())
    assert len(pd.read_parquet(tmp_path / "scores.parquet")) == 2_500
    refused = CliRunner().invoke(app, [*command, "--labels", "kind"])
    assert refused.exit_code != 0
    assert isinstance(refused.exception, (SettingError, SystemExit))


def test_who_ends_the_run_early_has_no_results_of_the_sample_alone(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise StorageError("the disk is full.")

    monkeypatch.setattr("pynomaly_auto.engine.judge_file", fail)
    command = ["auto", "detect", "-d", str(path), "-o", str(tmp_path), "--sample", "400", "--n-trials", "2"]
    done = CliRunner().invoke(app, [*command, "--tracking", "off", "--n-jobs", "1", "-q"])
    assert done.exit_code != 0
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cells.csv") == ["report.html", "result.json"]
