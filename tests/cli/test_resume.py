"""``detect --checkpoint`` and ``resume``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["pynomaly", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_resume_writes_what_detect_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).normal(size=(150, 3))
    X[3] = 9.0
    pd.DataFrame(X, columns=list("abc")).to_csv("data.csv", index=False)
    detect = ("auto", "detect", "-d", "data.csv", "-o", "out", "--tracking", "off", "--n-trials", "3", "-q")
    assert run(monkeypatch, *detect, "--random-state", "1", "--checkpoint", "run") == 0
    assert run(monkeypatch, *detect, "--random-state", "1", "--checkpoint", "run") == 2  # finished
    assert run(monkeypatch, "auto", "resume", "run", "-o", "loaded", "-q") == 0
    Path("run/result.pynomaly").unlink()
    assert run(monkeypatch, "auto", "resume", "run", "-o", "again", "--save-model") == 0
    names = sorted(p.name for p in Path("out").iterdir())
    for other in ("loaded", "again"):
        assert sorted(p.name for p in Path(other).iterdir() if p.name != "model.pynomaly") == names
        pd.testing.assert_frame_equal(pd.read_parquet("out/scores.parquet"), pd.read_parquet(f"{other}/scores.parquet"))
        assert Path("out/anomalies.csv").read_text() == Path(f"{other}/anomalies.csv").read_text()
    assert run(monkeypatch, "auto", "resume", "nowhere") == 2
