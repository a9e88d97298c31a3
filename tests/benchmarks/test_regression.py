"""Two versions beside each other: what is measured is kept, what differs by chance is called so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import regression
from benchmarks._store import Store
from pynomaly_auto.building import Task
from tests.benchmarks.conftest import labelled

ROOT = Path(regression.__file__).resolve().parents[1]


def lines(code: str, quality: dict[str, list[float]]) -> list[dict[str, object]]:
    return [
        {"suite": suite, "table": f"t{i}", "code": code, "max_rows": 800, "roc_auc": value, "ap": value / 2}
        for suite, values in quality.items()
        for i, value in enumerate(values)
    ]


def test_a_suite_that_got_worse_is_named_and_noise_is_not() -> None:
    before = {"uci": [0.7, 0.8, 0.9, 0.6], "mixed": [0.7, 0.8, 0.9]}
    after = {"uci": [0.69, 0.78, 0.89, 0.585], "mixed": [0.6, 0.85, 0.93]}
    text, worse = regression.report([*lines("a", before), *lines("b", after)], "a", "b", 800)
    assert worse == ["uci in ROC-AUC", "uci in AP"]
    assert "| uci | 4 | .750 | .736 | −.014 ± .002 |" in text
    assert "| all | 7 |" in text
    failed = {"suite": "uci", "table": "t9", "max_rows": 800}
    both = [{**failed, "code": "a", "error": "died"}, {**failed, "code": "b", "roc_auc": 1.0, "ap": 1.0}]
    text, _ = regression.report([*lines("a", before), *lines("b", after), *both], "a", "b", 800)
    assert "left out: t9 before (died)." in text
    assert regression.paired(np.zeros(3)) == (0.0, 0.0, False)


def test_a_table_is_fitted_by_another_checkout_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = labelled(80, 0)
    np.savez(tmp_path / "one.npz", X=X, y=y)
    path = tmp_path / "one.npz"
    task = Task(name="one", suite="s", group="g", domain="", source="", licence="", path=path)
    monkeypatch.setitem(regression.SETTINGS, "n_trials", 2)
    store, fitter = Store(tmp_path / "store.jsonl"), regression.Fitter(ROOT, 1)
    try:
        for _ in range(2):
            regression.measure([task], [fitter], store, 60)
    finally:
        fitter.close()
    (line,) = Store(tmp_path / "store.jsonl").lines
    assert (line["rows"], line["code"], "error" in line) == (60, regression.code_of(ROOT), False)
    assert line["roc_auc"] > 0.9
    with pytest.raises(SystemExit, match="no checkout"):
        regression.code_of(tmp_path)
