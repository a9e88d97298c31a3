"""The command line as a user meets it: in a process of its own where exit statuses matter."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from pynomaly_auto import __version__
from pynomaly_auto.cli import app, main
from pynomaly_auto.errors import PynomalyError

QUICK = ["--n-trials", "3", "--random-state", "0", "--tracking", "off"]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(120, 3)), columns=["a", "b", "c"])
    frame["shop"] = rng.choice(["x", "y"], 120)
    frame["label"] = 0
    frame.loc[5, "a"] = 40
    frame.loc[6, "b"] = np.nan
    path = tmp_path / "data.csv"
    frame.to_csv(path, index=False)
    return path


def call(*arguments: str | Path) -> str:
    outcome = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pynomaly_auto", *(str(a) for a in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_detect_writes_everything(csv: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    text = call("auto", "detect", "-d", csv, "-o", out, "--contamination", "0.05", "--drop", "label", "--save-model",
                "--exclude", "lof", *QUICK)  # fmt: skip
    assert "of 120 rows; 5.00% of all rows, flagged or not, are expected to be anomalies" in text.replace("\n  ", " ")
    assert "report.html, cells.csv, model.pynomaly" in text.replace("\n", " ")
    files = {"anomalies.csv", "scores.parquet", "result.json", "report.html", "model.pynomaly"}
    assert {p.name for p in out.iterdir()} >= files
    assert 5 in pd.read_csv(out / "anomalies.csv")["row"].to_numpy()
    assert len(pd.read_parquet(out / "scores.parquet")) == 120
    assert json.loads((out / "result.json").read_text())["n_rows"] == 120


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--version"], 0), (["detectors"], 0), (["nonsense"], 2), (["auto", "detect"], 2)]
)
def test_without_streams_only_the_status_speaks(
    arguments: list[str], status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under pythonw, or in a service."""
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "argv", ["pynomaly", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or 0) == status


def test_an_alert_budget_is_the_most_rows_that_are_flagged(csv: Path, tmp_path: Path) -> None:
    text = call("auto", "detect", "-d", csv, "-o", tmp_path, "--contamination", "0.2", "--alert-budget", "2%",
                "--drop", "label", *QUICK)  # fmt: skip
    assert text.startswith("2 rows flagged; ")
    assert len(pd.read_csv(tmp_path / "anomalies.csv")) == 2
    refused = process("auto", "detect", "-d", csv, "-o", tmp_path, "--alert-budget", "20/fortnight", *QUICK)
    assert refused.returncode == 2
    assert "such as '20/day'" in refused.stderr


def test_configure_prints_what_detect_takes(csv: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    call("auto", "configure", "--dataset", csv, "--priority", "speed", "--seconds", "20", "--output", config)
    assert "time_budget = 20" in config.read_text()
    call("auto", "detect", "-d", csv, "-o", tmp_path / "r", "--config", config, "--quiet", *QUICK)
    printed = call("auto", "configure", "--preset", "fraud_detection")
    assert 'preset = "fraud_detection"' in printed


def test_configure_asks(csv: Path) -> None:
    answers = "none\nspeed\n15\n" + str(csv) + "\n"
    outcome = CliRunner().invoke(app, ["auto", "configure", "--interactive"], input=answers)
    assert outcome.exit_code == 0
    assert "time_budget = 15" in outcome.output


def test_lists(csv: Path) -> None:
    assert "numeric" in call("profile", "-d", csv)
    assert "fair_cut_forest" in call("detectors")
    assert "knn_mean" not in call("detectors", "--family", "trees")
    assert "fraud_detection" in call("presets")
    assert __version__ in call("status")
    assert __version__ in call("--version")


def test_knowledge_base_commands(csv: Path, tmp_path: Path) -> None:
    assert "tasks" in call("kb", "info")
    assert "sound" in call("kb", "verify")
    frame = pd.read_csv(csv)
    frame["label"] = (frame.index == 5).astype(int)
    frame.loc[[7, 8, 9], "label"] = 1
    source = tmp_path / "tables"
    source.mkdir()
    frame.to_parquet(source / "one.parquet")
    base = tmp_path / "base"
    chosen = ("--workers", "1", "--detector", "zscore", "--detector", "hbos", "--variant", "noise")
    assert "one@noise: measured" in call("kb", "build", source, "-o", base, *chosen)
    assert "sound" in call("kb", "verify", base)
    frame.to_csv(tmp_path / "mine.csv", index=False)
    call("kb", "add", tmp_path / "mine.csv", "--base", base)
    assert "3" in call("kb", "info", base)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["auto", "detect", "-d", "nowhere.csv"], "nowhere.csv"),
        (["auto", "detect", "-d", "DATA", "--preset", "fraud"], "fraud_detection"),
        (["auto", "detect", "-d", "DATA", "--contamination", "lots"], "contamination"),
        (["auto", "detect", "-d", "DATA", "--time-budget", "0"], "time_budget"),
        (["auto", "detect", "-d", "DATA", "--objectives", "quality,latncy"], "latency"),
        (["auto", "detect", "-d", "DATA", "--drop", "lable"], "label"),
        (["auto", "detect", "-d", "DATA", "-o", "DATA/results"], "results"),
        (["detectors", "--family", "trees2"], "trees2"),
        (["kb", "info", "nowhere"], "nowhere"),
        (["auto", "detect", "--nonsense"], "--nonsense"),
        (["auto", "detect"], "--dataset"),
        (["auto", "detect", "-d", "DATA", "--time-budget", "soon"], "--time-budget"),
        (["kb", "nonsense"], "nonsense"),
        (["auto", "detect", "-d", "DATA", "--key-file", "DATA"], "--save-model"),
        (["auto", "detect", "-d", "DATA", "--save-model", "--key-file", "nowhere.key"], "nowhere.key"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(arguments: list[str], message: str, csv: Path) -> None:
    done = process(*(a.replace("DATA", str(csv)) for a in arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_group_without_a_command_shows_its_help() -> None:
    done = process("kb")
    assert done.returncode == 2
    assert "verify" in done.stderr


def test_no_answer_ends_without_a_traceback() -> None:
    done = process("auto", "configure", "--interactive")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_the_line(width: int, csv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pynomaly_auto.cli.out._width", width)
    for command in (["kb", "info"], ["detectors"], ["presets"], ["profile", "-d", str(csv), "--meta-features"]):
        text = call(*command)
        assert max(map(len, text.splitlines())) <= width
        assert "{" not in text  # no raw dictionaries
    assert "gradient_boosting_residuals" in call("detectors")  # names are not broken


def test_a_preset_is_not_contradicted_by_a_glance_at_the_data(csv: Path) -> None:
    text = call("auto", "configure", "--preset", "fraud_detection", "-d", csv, "--priority", "speed")
    subjects = [line.split(":")[0] for line in text.splitlines() if line.startswith("#")]
    assert len(subjects) == len(set(subjects))
    assert "alert_budget = 0.01" in text


def test_a_broken_tracking_store_is_told(csv: Path, tmp_path: Path) -> None:
    text = call("auto", "detect", "-d", csv, "-o", tmp_path, "--n-trials", "1", "--tracking", "foo://x")
    assert "Warning: MLflow:" in text
    said = "pynomaly_auto: the run was not recorded at all in foo://x"
    whole = ("Results in ", said)  # paths and messages are not broken
    assert max(len(line) for line in text.splitlines() if not line.startswith(whole)) <= 80
    done = process("auto", "detect", "-d", csv, "-o", tmp_path, "--n-trials", "1", "--tracking", "foo://x", "--quiet")
    assert done.stdout == ""
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1, "it is said once"


def test_errors_reach_python_callers(csv: Path) -> None:
    with pytest.raises(PynomalyError):
        CliRunner().invoke(app, ["auto", "detect", "-d", "nowhere.csv"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "says"), [([], "Interrupted.\n"), (["--checkpoint=run"], "auto resume` goes on")]
)
def test_ctrl_c_is_said(
    arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pynomaly", *arguments])
    monkeypatch.setattr("pynomaly_auto.cli.app", lambda **_: 130)  # what typer makes of it
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert says in capsys.readouterr().err
