"""How many rows are labelled for what the threshold is to serve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pynomaly_auto._targets import Costs, OwnMetric, parse_target
from pynomaly_auto.deciding import Probabilities, decide
from pynomaly_auto.deciding._serving import serve
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.records import FloatArray
from pynomaly_auto.settings import Settings


def falling(n: int = 400) -> FloatArray:
    return np.linspace(0.95, 0.001, n) ** 8


def recall_of(anomalous: Any, flagged: Any) -> float:
    return float((anomalous & flagged).sum() / max(anomalous.sum(), 1))


def gain(anomalous: Any, flagged: Any) -> float:
    """What a flagged row brings: 1 for an anomaly, -1 for a false alarm."""
    return float((flagged * (2 * anomalous - 1)).sum())


def test_costs_label_what_is_cheaper_to_look_at() -> None:
    p = falling()
    served = serve(p, Costs(false_alarm=1, miss=4), seed=0)
    assert served.count == int((p > 0.2).sum())
    best = min(range(len(p) + 1), key=lambda k: Costs(false_alarm=1, miss=4).value(p, np.arange(len(p)) < k))
    assert served.count == best
    assert served.reason.evidence["expected_cost"] < served.reason.evidence["cost_of_none"]


def test_what_a_hit_and_a_passed_row_cost_counts_too() -> None:
    assert Costs(false_alarm=5, miss=20, hit=5).cutoff == pytest.approx(0.25)
    assert Costs(false_alarm=1, miss=1, hit=-1, passed=-1).cutoff == 0.5


def test_costs_never_label_nearly_all_rows() -> None:
    p = np.full(1000, 0.05)
    served = serve(p, Costs(false_alarm=1, miss=1000), seed=0)
    assert served.count == 250
    assert served.reason.evidence["cheaper"] == 1000
    assert "tells too little" in served.reason.text


def test_costs_may_label_nothing() -> None:
    served = serve(falling() / 10, Costs(false_alarm=1, miss=1), seed=0)
    assert served.count == 0
    assert "none is to be labelled" in served.reason.text


def test_a_function_is_served_as_well_as_the_costs_that_it_means() -> None:
    p = falling()
    wanted = serve(p, Costs(false_alarm=1, miss=1, hit=-1, passed=0), seed=0).count
    count = serve(p, parse_target(gain), seed=0).count
    assert abs(count - int((p > 0.5).sum())) <= 0.1 * len(p)
    assert count < wanted
    assert serve(p, parse_target(gain), seed=0).count == count


def test_a_function_that_wants_everything_gets_no_more_than_a_quarter() -> None:
    assert serve(falling(), parse_target(recall_of), seed=0).count == 100


def test_a_function_without_a_value_is_told_of() -> None:
    served = serve(falling(), OwnMetric(name="m.f", function=lambda t, f: float("nan")), seed=0)
    assert (served.count, served.reason.code) == (round(float(falling().sum())), "DEC-040")
    lost = serve(falling(), OwnMetric(name="m.f"), seed=0)
    assert (lost.count, lost.reason.code) == (served.count, "DEC-040")


def test_so_many_rows_are_labelled_also_where_there_are_fewer() -> None:
    assert serve(falling(), "precision_at_30", seed=0).count == 30
    assert serve(falling(20), "precision_at_30", seed=0).count == 20


@pytest.mark.parametrize("learned", [True, False])
@pytest.mark.parametrize("contamination", ["auto", 0.1])
def test_the_verdict_serves_them_whatever_is_known(learned: bool, contamination: float | str) -> None:
    rng = np.random.default_rng(0)
    scores = rng.gamma(1.0, size=500)
    members = np.column_stack([scores, rng.permutation(scores)])
    known = Probabilities(values=np.clip(scores / 10, 0, 1)) if learned else None

    def labelled(target: Any, **more: Any) -> int:
        settings = Settings(target_metric=target, contamination=contamination, random_state=0, **more)
        return int((decide(scores, members, settings, probabilities=known).labels == -1).sum())

    assert labelled("precision_at_12") == 12
    assert labelled({"false_alarm": 1, "miss": 3}) <= labelled({"false_alarm": 1, "miss": 30}) <= 125
    assert labelled({"false_alarm": 1, "miss": 30}, alert_budget=5) == 5
    assert 0 < labelled(recall_of) <= 125


def test_where_all_rows_are_normal_no_target_is_served() -> None:
    scores = np.random.default_rng(0).normal(size=100)
    settings = Settings(target_metric="precision_at_3", novelty=True)
    verdict = decide(scores, scores[:, None], settings)
    assert int((verdict.labels == -1).sum()) == 5
    assert [r.code for r in verdict.reasons if r.subject == "target_metric"] == ["DEC-040"]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("Precision@20", "precision_at_20"), ("precision at 20", "precision_at_20"), ("AUC", "roc_auc"),
        ([[0, 1], [9, 0]], Costs(false_alarm=1, miss=9)), (np.array([[0, 1], [9, 0]]), Costs(false_alarm=1, miss=9)),
        ("miss=9,false_alarm=1", Costs(false_alarm=1, miss=9)), (None, None),
        ({"function": "a.b"}, OwnMetric(name="a.b")),
    ],
)  # fmt: skip
def test_targets_are_read_in_many_forms_and_stored_as_plain_values(given: Any, read: Any) -> None:
    settings = Settings(target_metric=given)
    assert settings.target_metric == read
    assert Settings.from_mapping(settings.to_dict()).target_metric == read


@pytest.mark.parametrize(
    "given",
    [
        "precision_at_k", "precision@0", {"false_alarm": 1}, {"false_alarm": 0, "miss": 1}, [[1, 2], [3]], [1, 2], 5,
        True, "miss=a, false_alarm=1", lambda a: 1, lambda a, b: "x", {"false_alarm": float("nan"), "miss": 1},
        {"false_alarm": 1, "miss": 1, "hit": 2}, {}, "=", b"f1", [["a", "b"], ["c", "d"]],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_before_the_run(given: Any) -> None:
    with pytest.raises(SettingError, match="target_metric"):
        Settings(target_metric=given)
    with pytest.raises(UnknownNameError, match="false_alarm"):
        Settings(target_metric={"false_alarms": 1, "miss": 2})
