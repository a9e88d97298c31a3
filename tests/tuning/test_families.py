"""Families that are not tuned without labels, and what the reason says."""

from __future__ import annotations

import pytest
from tuning_makers import make_dataset, make_plan, make_ranking

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.records import Reason
from pynomaly_auto.tuning import _families, tune, untuned
from pynomaly_auto.tuning._families import MEASURED, Gain
from tests.golden.figures import unsupported

GOOD = ("fake_sum", "fake_max", "fake_few")


def test_every_family_of_ours_is_measured():
    assert {spec.family for spec in DETECTORS.values() if spec.own} <= set(MEASURED)
    assert all(0 <= gain.p <= 1 and gain.tables >= 6 for gain in MEASURED.values())


def test_only_a_proven_gain_is_worth_it(monkeypatch):
    found = {
        "good": Gain(tables=40, difference=0.02, p=0.01), "worse": Gain(tables=40, difference=-0.02, p=0.01),
        "luck": Gain(tables=40, difference=0.02, p=0.2),
    }  # fmt: skip
    monkeypatch.setattr(_families, "MEASURED", found)
    assert untuned("good") is None
    assert untuned("of somebody else") is None
    reason = untuned("luck")
    assert reason.code == "TUN-033"
    assert "on 40 tables" in reason.text
    assert "+0.020 (p 0.2)" in reason.text
    assert reason.evidence == {"tables": 40, "difference": 0.02, "p": 0.2}
    assert "-0.020" in untuned("worse").text
    assert [unsupported(untuned(name)) for name in ("luck", "worse")] == [[], []]


@pytest.mark.parametrize("limit", [{"n_trials": 12}, {"budget": 30.0}])
def test_what_is_not_tuned_is_tried_as_ranked_and_with_warm_starts(pool, limit):
    told = Reason(code="TUN-033", subject="any", text="Not worth it.", evidence={})
    ranking = make_ranking(*GOOD, warm_starts={"fake_max": ({"power": 1.5},)})
    search = tune(make_dataset(), ranking, make_plan(pool, untuned=lambda family: told, **limit)).search
    assert len(search.trials) == 4
    assert [r.code for r in search.reasons].count("TUN-033") == len({DETECTORS[name].family for name in GOOD})
    assert "nothing new was left" in search.stopped
