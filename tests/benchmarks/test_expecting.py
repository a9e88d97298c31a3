"""What the benchmark of things known beforehand plants and reports."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.expecting import planted, report


def test_high_values_are_planted_and_low_ones_are_harmless() -> None:
    frame = pd.DataFrame({"v": np.random.default_rng(0).normal(size=1000).round(2), "w": [1, 2] * 500})
    case = planted("generated", "one", frame)
    assert case is not None
    assert case.y.sum() == 10
    values = case.frame["v"].to_numpy()
    assert values[case.y == 1].min() > frame["v"].max() - 1
    assert (values < frame["v"].min()).sum() >= 5
    assert planted("generated", "none", frame[["w"]]) is None


def test_only_tables_measured_both_ways_are_compared() -> None:
    lines = [
        {"suite": "planted", "table": "a", "variant": "without", "ap": 0.1},
        {"suite": "planted", "table": "a", "variant": "expect", "ap": 0.3},
        {"suite": "planted", "table": "b", "variant": "without", "ap": 0.9},
    ]
    assert "| planted | expect | 1 | 0.100 | 0.300 | +0.200 | 1 / 0 |" in report(lines)
