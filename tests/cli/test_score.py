"""New rows from the command line: judged by a saved detector, compared with labels, with a status for pipelines."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.cli import app
from pynomaly_auto.cli._show import Limit
from pynomaly_auto.errors import SettingError, StorageError, UnknownNameError
from tests.engine.conftest import quick

RNG = np.random.default_rng(0)


def rows(n: int) -> pd.DataFrame:
    frame = pd.DataFrame(RNG.normal(size=(n, 3)), columns=["a", "b", "c"])
    frame["shop"] = RNG.choice(["x", "y"], n)
    frame.insert(0, "key", [f"k{i}" for i in range(n)])
    frame["truth"] = 0
    frame.loc[[3, 4], ["a", "truth"]] = [40.0, 1]
    return frame


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    detector = quick(contamination=0.05, config={"overrides": {"include": ["hbos", "zscore"]}}).fit(
        rows(120).drop(columns=["key", "truth"])
    )
    return detector.save(tmp_path_factory.mktemp("saved") / "model")


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new.csv"
    rows(50).to_csv(path, index=False)
    return path


def run(*arguments: str | Path, status: int = 0) -> str:
    outcome = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == status, outcome.output
    return outcome.output


def test_new_rows_are_judged_listed_and_compared(model: Path, new: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = run("auto", "score", "-m", model, "-d", new, "-o", out, "--drop", "key", "--labels", "truth")
    assert re.match(r"\d+ of 50 rows flagged \(\d+\.\d\d%\); about \d+\.\d of them are expected to be real\.", text)
    assert "flagged rows are anomalies" in text
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert sorted(p.name for p in out.iterdir()) == ["anomalies.csv", "evaluation.json", "scores.parquet"]
    planted = pd.read_csv(out / "anomalies.csv").query("row in (3, 4)")
    assert planted["a"].tolist() == [40.0, 40.0]
    assert planted["top_features"].str.startswith("a").all()
    scores = pd.read_parquet(out / "scores.parquet")
    table = pd.read_csv(new)[["a", "b", "c", "shop"]]
    detector = AutonomousDetector.load(model)
    np.testing.assert_array_equal(scores["score"], detector.anomaly_score(table))
    np.testing.assert_array_equal(scores["label"], detector.predict(table))
    evaluated = json.loads((out / "evaluation.json").read_text())
    assert evaluated["recall"] == 1.0
    assert evaluated["n_anomalies"] == 2


def test_what_is_new_is_told_once_and_quiet_is_quiet(model: Path, tmp_path: Path) -> None:
    frame = rows(20).drop(columns=["key", "truth"]).assign(shop="never seen before")
    frame.to_csv(tmp_path / "n.csv", index=False)
    outcome = CliRunner().invoke(
        app, ["auto", "score", "-m", str(model), "-d", str(tmp_path / "n.csv"), "-o", str(tmp_path / "o"), "-q"]
    )
    assert outcome.exit_code == 0
    assert outcome.stdout == ""
    assert len(outcome.stderr.splitlines()) == 1
    assert outcome.stderr.startswith("Warning: values never seen in fit: 'shop' holds categories never seen")


@pytest.mark.parametrize(("limit", "status"), [("1", 3), ("0", 3), ("1%", 3), ("0.02", 3), ("25", 0), ("50%", 0)])
def test_too_many_anomalies_are_a_status(model: Path, new: Path, tmp_path: Path, limit: str, status: int) -> None:
    out = tmp_path / "out"
    arguments = ("auto", "score", "-m", model, "-d", new, "-o", out, "--drop", "key", "--drop", "truth", "--no-explain")
    text = run(*arguments, "--fail-above", limit, status=status)
    assert (f"rows are flagged, more than {limit}." in text) == (status == 3)
    assert (out / "anomalies.csv").exists()  # written either way


@pytest.mark.parametrize("text", ["", "many", "-1", "1.5", "150%", "nan", "inf", "1e400"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(SettingError, match="--fail-above"):
        Limit(text)


def test_a_run_is_compared_and_limited_as_well(new: Path, tmp_path: Path) -> None:
    text = run(
        "auto", "detect", "-d", new, "-o", tmp_path / "r", "--drop", "key", "--labels", "truth", "--fail-above", "1",
        "--contamination", "0.1", "--n-trials", "2", "--random-state", "0", "--tracking", "off", status=3,
    )  # fmt: skip
    assert "of 5 flagged rows are anomalies" in text
    assert json.loads((tmp_path / "r" / "evaluation.json").read_text())["n_rows"] == 50
    listed = pd.read_csv(tmp_path / "r" / "anomalies.csv")
    assert "a" in listed
    assert "truth" not in listed


def test_columns_in_another_order_are_the_same_rows(model: Path, new: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(new)
    turned = tmp_path / "turned.csv"
    frame[frame.columns[::-1]].to_csv(turned, index=False)
    for name, path in (("one", new), ("other", turned)):
        run("auto", "score", "-m", model, "-d", path, "-o", tmp_path / name, "--drop", "key", "--drop", "truth")
    one, other = (pd.read_parquet(tmp_path / name / "scores.parquet") for name in ("one", "other"))
    pd.testing.assert_frame_equal(one, other)


def test_labels_are_a_column_that_is_there(model: Path, new: Path) -> None:
    with pytest.raises(UnknownNameError, match="'truth'"):
        run("auto", "score", "-m", model, "-d", new, "--labels", "thruth")


def test_a_model_is_signed_and_checked_with_a_secret_in_a_file(new: Path, tmp_path: Path) -> None:
    key, out = tmp_path / "key", tmp_path / "out"
    key.write_bytes(b"open sesame\r\n")
    chosen = ["--drop", "key", "--drop", "truth", "--n-trials", "2", "--random-state", "0", "--tracking", "off"]
    run("auto", "detect", "-d", new, "-o", out, *chosen, "--save-model", "--key-file", key, "-q")
    model = out / "model.pynomaly"
    AutonomousDetector.load(model, key="open sesame")
    judge = ["auto", "score", "-m", model, "-d", new, "-o", out, "--drop", "key", "--drop", "truth", "-q"]
    assert run(*judge, "--key-file", key) == ""
    assert "its signature was not checked, as no key was given. Give --key-file" in run(*judge)
    key.write_text("open barley")
    with pytest.raises(StorageError, match="its signature does not fit the key"):
        run(*judge, "--key-file", key)
    for secret, said in ((b"\n", "is empty"), (b"x" * 70_000, "is too long for a secret")):
        key.write_bytes(secret)
        with pytest.raises(SettingError, match=said):
            run(*judge, "--key-file", key)
    with pytest.raises(StorageError, match=r"cannot read .*Is a directory"):
        run(*judge, "--key-file", tmp_path)
    assert "command line" in " ".join(run("auto", "score", "--help").split())
