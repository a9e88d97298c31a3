"""The mapping from result to log items: everything in it, all of it acceptable to MLflow."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from pynomaly_auto.records import OddCell
from pynomaly_auto.tracking import ChildRun, Metric, Param, Tag, Text, log_items
from pynomaly_auto.tracking._items import MAX_KEY, MAX_PARAM, child_run, clean_key, cut, decode, encode
from tests.factories import make_result


def of(kind, items):
    return [i for i in items if isinstance(i, kind)]


def test_everything_is_there():
    result = make_result()
    items = list(log_items(result))
    params = {p.key: p.value for p in of(Param, items)}
    metrics = {m.key for m in of(Metric, items)}
    assert params["settings.time_budget"] == "60.0"
    assert params["table.rows"] == "500"
    assert {"anomalies", "contamination", "seconds.tune", "profile.quality.missing"} <= metrics
    assert "meta_features.meta_feature_03" in metrics
    assert {"version.numpy", "mlflow.note.content"} <= {t.key for t in of(Tag, items)}
    texts = {t.path: t.text for t in of(Text, items)}
    assert set(texts) == {
        "profile.json", "ranking.json", "ensemble.json", "reasons.json", "reasons.csv", "leaderboard.csv",
        "weights.csv", "columns.csv", "anomalies.csv",
    }  # fmt: skip
    assert len(json.loads(texts["reasons.json"])) == len(result.reasons)
    assert params["members"].split(", ") == [m.name for m in result.ensemble.members]
    children = of(ChildRun, items)
    assert [c.number for c in children] == [t.number for t in result.search.trials]
    assert {c.status for c in children} == {"FINISHED", "FAILED"}


def test_odd_cells_are_a_file_of_their_own():
    cell = OddCell(
        row=3, label="r3", column="city", value="Zurihc", expected="Zurich", bits=12.3456,
        detectors=("misspelling",), text="'Zurihc' in city is rare",
    )  # fmt: skip
    texts = {t.path: t.text for t in of(Text, log_items(replace(make_result(), cells=(cell,))))}
    head, line = texts["cells.csv"].splitlines()
    assert head == "position,row,column,value,expected,bits,text"
    assert line == "3,r3,city,Zurihc,Zurich,12.35,'Zurihc' in city is rare"


@pytest.mark.parametrize("kwargs", [{}, {"trials": 0, "anomalies": 0}, {"cold": True, "interrupted": True}])
def test_what_is_logged_is_acceptable(kwargs):
    items = list(log_items(make_result(column_names=["<ü>", "a" * 600], **kwargs)))
    keys = [p.key for p in of(Param, items)]
    assert len(keys) == len(set(keys))
    assert all(len(p.key) <= MAX_KEY and len(p.value) <= MAX_PARAM for p in of(Param, items))
    assert all(math.isfinite(m.value) for m in of(Metric, items))
    assert [decode(encode(i)) for i in items] == items


def test_best_quality_only_rises():
    best = [m for m in of(Metric, log_items(make_result())) if m.key == "best_quality"]
    assert [m.value for m in best] == sorted(m.value for m in best)
    assert [m.step for m in best] == sorted(m.step for m in best)


def test_child_run_of_a_bad_trial():
    trial = make_result().search.trials[8]
    trial = replace(
        trial,
        quality=float("nan"),
        statistics={"inf": math.inf},
        configuration=replace(trial.configuration, params={"a:b": 1, "a?b": "x" * 9000, "detector": 2}),
        error="e" * 9000,
    )
    child = child_run(trial)
    assert child.status == "FAILED"
    assert [p.key for p in child.params] == ["detector", "a_b", "a_b_2"]
    assert len(child.params[2].value) == MAX_PARAM
    assert {m.key for m in child.metrics} == {"seconds", "memory_mb", "rows"}
    assert child_run(replace(trial, status="cancelled")).status == "KILLED"


def test_keys_and_values():
    assert clean_key("/../a//./b c") == "a/b c"
    assert clean_key("..") == "_"
    assert len(clean_key("k" * 999)) == MAX_KEY
    assert cut({"a": (1, float("inf"))}, 100) == '{"a": [1, null]}'
    assert cut("abcdef", 4) == "abc…"
