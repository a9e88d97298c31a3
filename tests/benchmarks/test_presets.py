"""The benchmark of presets: which tables belong to which, one small fit beside the default, and the table it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import presets
from benchmarks._mixed_tables import Source
from benchmarks._store import Store
from meta_datasets.synthetic import DOMAINS
from pynomaly_auto.presets import PRESETS

LINE = {
    "table": "t", "suite": "domains", "kind": "payments", "trials": 2, "max_rows": 9, "rows": 100, "found": 2,
    "rho": 1.0, "recall_2": 0.5, "ap": 0.25, "share": 0.04, "labelled": 4, "right": 1,
}  # fmt: skip


def test_every_preset_named_exists_and_its_tables_do() -> None:
    assert set(presets.GENERATED) | {"general", "data_quality"} == set(PRESETS)
    assert set(presets.REAL) <= set(presets.GENERATED)
    assert {kind for kinds in presets.GENERATED.values() for kind in kinds} <= {*DOMAINS, "transactions"}
    found = presets.tables(["fraud_detection"], seeds=2, real=False)
    assert sorted({source.kind for source in found}) == ["claims", "payments", "transactions"]
    assert len(found) == 6
    assert presets.of_domain(found[0], presets.GENERATED) == ["fraud_detection", "financial_markets"]


def test_the_report_shows_each_beside_the_default() -> None:
    ours = LINE | {"preset": "fraud_detection", "recall_2": 0.75, "labelled": 2, "rho": 0.9}
    text = presets.presets_report([LINE | {"preset": presets.DEFAULT}, ours])
    assert "| fraud_detection | payments | 1 | .750 (.500) | .250 (.250) | .500 (.250) |" in text
    assert text.endswith("| .020 | .900 |")
    assert "log_analysis" not in text


def test_one_table_is_measured_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = Source(suite="transactions", name="transactions_s0", group="g", kind="transactions", seed=0)
    store = Store(tmp_path / "lines.jsonl")
    for _ in range(2):
        presets.measure(source, ["financial_markets"], store, trials=2, max_rows=400)
    default, preset = store.lines
    assert (default["preset"], preset["preset"]) == (presets.DEFAULT, "financial_markets")
    assert preset["rho"] == pytest.approx(1.0)
    assert preset["recall_2"] == default["recall_2"]
    assert capsys.readouterr().out.count("labelled") == 2
