"""Curves over labels: who is asked, who judges, and what is printed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import _label_curves
from benchmarks._label_curves import ADENGINE, LIGHTGBM, OURS, POSITIVE, QUERIED, RANDOM, XGBOD, curve
from benchmarks._label_report import label_report
from benchmarks._label_runs import Run
from pynomaly_auto.records import Calibration
from pynomaly_auto.supervising import Rows


class Peer:
    """In the place of XGBOD, which needs xgboost."""

    def __init__(self, columns):
        self.columns = columns

    def scores(self, labelled, target):
        return self.columns[:, 1] - self.columns[labelled[target == 0], 1].mean()


@pytest.fixture(scope="module")
def points():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 4)).astype(np.float32)
    y = (np.arange(400) < 40).astype(np.int64)
    X[:40, 1] += 3
    scores = np.abs(X).sum(axis=1).astype(np.float64)
    calibration = Calibration(knots=np.sort(scores), values=np.linspace(0.01, 0.5, 400), single_point=False)
    rows = Rows(
        inputs=np.column_stack([X, scores]).astype(np.float32), n_columns=4, scores=scores, calibration=calibration,
        share=0.1,
    )  # fmt: skip
    run = Run(suite="uci", table="made", group="made", y=y, rows=rows, columns=X, base="none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_label_curves, "COUNTS", (5, 30))
        patch.setattr(_label_curves._xgbod, "AVAILABLE", True)
        patch.setattr(_label_curves, "Xgbod", Peer)
        return list(curve(run, seed=0))


def test_every_method_has_its_points(points):
    found = {(p.arm, p.labels, p.method) for p in points}
    assert {("none", "0", OURS), ("none", "0", ADENGINE)} < found
    assert {
        (arm, count, method) for arm in (QUERIED, RANDOM) for count in ("5", "30") for method in (OURS, LIGHTGBM, XGBOD)
    } < found
    assert (RANDOM, "all", OURS) in found
    assert all(0 <= p.ap <= 1 for p in points)


def test_labels_help_and_all_labels_most(points):
    of = {(p.arm, p.labels, p.method): p for p in points}
    before, asked, every = of["none", "0", OURS], of[QUERIED, "30", OURS], of[RANDOM, "all", OURS]
    assert every.ap > before.ap + 0.1
    assert asked.ap > before.ap
    assert asked.anomalies > of[RANDOM, "30", OURS].anomalies
    assert every.anomalies == 20  # half of them judge


def test_the_report_tells_each_suite_and_compares(points):
    lines = [
        {"suite": "uci", "table": name, "group": name, "seed": 0, **vars(point)} for name in "abc" for point in points
    ]
    text = label_report(lines)
    assert "**uci**, 3 tables" in text
    row = next(line for line in text.splitlines() if line.startswith("| ours, the anomalies"))
    assert row.split("|")[3:5] == ["  ", "  "]  # nothing is told where nothing was measured
    assert "itself with rows at random" in text
    assert "| XGBOD, rows at random |" in text
    assert next(line for line in text.splitlines() if line.startswith("| ADEngine")).split("|")[2].strip()
    assert POSITIVE not in text
    assert "ours on rows at random, less | 1% | 5% | 1%, anomalies alone" in text
    assert "all of them" not in text
    both = label_report(lines + [line | {"suite": "adbench"} for line in lines])
    assert "**all of them**, 6 tables" in both
