"""How many rows are flagged: alert budgets, equal rows, new rows labelled as fitting labelled them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.errors import SettingError
from pynomaly_auto.records import FloatArray
from pynomaly_auto.reporting import write_results
from tests.engine.conftest import quick


def flagged(labels: Any) -> int:
    return int((np.asarray(labels) == -1).sum())


def dated(n: int = 200) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    frame.iloc[[5, 6, 7, 110]] += 8.0
    frame["at"] = pd.Timestamp("2026-03-01 22:00", tz="Europe/Berlin") + pd.to_timedelta(np.arange(n), unit="h")
    return frame


def day_of(frame: pd.DataFrame) -> Any:
    return frame["at"].dt.date.astype(str)


@pytest.mark.parametrize("text", [False, True])
def test_no_day_has_more_flagged_rows_than_its_budget(text: bool) -> None:
    frame = dated()
    days = day_of(frame)
    if text:
        frame["at"] = frame["at"].dt.tz_localize(None).dt.strftime("%d.%m.%Y %H:%M")
    result = quick(alert_budget="2/day", contamination=0.1).fit(frame).result_
    counts = days[result.labels == -1].value_counts()
    assert counts.max() == 2
    assert any(r.code == "DEC-036" and "2 rows in any day" in r.text for r in result.reasons)


def test_time_may_be_the_index() -> None:
    frame = dated().set_index("at")
    result = quick(alert_budget="3 per week", contamination=0.1).fit(frame).result_
    weeks = pd.Series(frame.index.tz_localize(None)).dt.to_period("W")[result.labels == -1]
    assert weeks.value_counts().max() == 3


def test_a_budget_per_period_needs_dates() -> None:
    with pytest.raises(SettingError, match="no column of the table holds dates"):
        quick(alert_budget="2/day").fit(dated().drop(columns="at"))


def test_a_budget_of_rows_is_kept_with_any_target() -> None:
    frame = dated().drop(columns="at")
    for metric in (None, "f1", "recall"):
        assert flagged(quick(alert_budget=3, target_metric=metric).fit(frame).result_.labels) <= 3
    assert flagged(quick(alert_budget=0.01, novelty=True).fit(frame).result_.labels) <= 2


def copies(kind: str) -> tuple[Any, FloatArray]:
    """A table most of whose rows are copies, and the number of the distinct row each is."""
    rng = np.random.default_rng(3)
    which = np.repeat(np.arange(60), 5) if kind == "fives" else np.append(np.zeros(299, dtype=np.int64), 1)
    rows = rng.normal(size=(which.max() + 1, 4))
    rows[-1] += 9.0
    return rows[which], which


@pytest.mark.parametrize("kind", ["fives", "all but one"])
@pytest.mark.parametrize("changes", [{}, {"contamination": 0.05}, {"target_metric": "f1"}])
def test_equal_rows_get_equal_scores_and_labels(kind: str, changes: dict[str, Any]) -> None:
    X, which = copies(kind)
    detector = quick(**changes).fit(X)
    result = detector.result_
    for values in (result.verdict.scores, result.labels, result.scores):
        assert all(len(np.unique(values[which == w])) == 1 for w in np.unique(which))
    assert result.labels[-1] == -1
    if kind == "all but one":
        assert flagged(result.labels) == 1
    np.testing.assert_array_equal(detector.predict(X), result.labels)
    np.testing.assert_array_equal(detector.predict(X[-1:]), [-1])


def test_rows_that_differ_only_in_what_is_left_out_are_labelled_as_fitting_labelled_them() -> None:
    X = copies("fives")[0]
    frame = pd.DataFrame(X, columns=list("abcd")).assign(id=[f"u{i:05d}" for i in range(len(X))])
    detector = quick().fit(frame)
    for contamination in (0.03, 0.11, 0.27):
        detector.set_contamination(contamination)
        np.testing.assert_array_equal(detector.predict(frame), detector.result_.labels)
        np.testing.assert_array_equal(-detector.score_samples(frame), detector.result_.verdict.scores)
        assert flagged(detector.result_.labels) <= round(contamination * len(frame))


def test_the_confidence_of_a_label_is_its_probability() -> None:
    frame = dated()
    detector = quick().fit(frame)
    p, label = detector.anomaly_score(frame), detector.predict(frame)
    assert flagged(label) > 0
    np.testing.assert_allclose(detector.confidence(frame), np.where(label == -1, p, 1 - p))
    np.testing.assert_allclose(detector.confidence(frame), detector.result_.confidence)
    table = detector.result_.anomalies
    np.testing.assert_array_equal(table["score"], table["confidence"])


@pytest.mark.parametrize("odd", [10**400, "a\ud800"], ids=["huge", "surrogate"])
def test_odd_cells_names_and_labels_come_through_to_every_output(odd: Any, tmp_path: Path) -> None:
    frame = dated(120).drop(columns="at")
    frame["x"] = pd.Series([odd if i % 3 else i % 7 for i in range(120)], dtype=object)
    if isinstance(odd, str):
        frame.columns = pd.Index(["a\udc00", "b", "c", "x"], dtype=object)
        frame.index = pd.Index([f"r{i}\ud800" for i in range(120)], dtype=object)
    detector = quick(contamination=0.05).fit(frame)
    write_results(detector.result_, tmp_path)
    assert len(detector.explain(frame, rows=[5])) >= 4
    assert len(detector.explain(frame, rows=[])) == 0
    assert detector.result_.explanations[0].contributions
    detector.result_.summary().encode("utf-8")
