from __future__ import annotations

import pytest

from pynomaly_auto.detectors import DETECTORS, Capabilities, Cost, DetectorSpec
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.recommending import guide
from pynomaly_auto.records import AnomalyHints, Distributions, Patterns, Profile, Quality, Size


@pytest.fixture(autouse=True)
def catalogue(monkeypatch):
    def spec(name, interpretability):
        return DetectorSpec(
            name=name,
            title=name,
            family="trees",
            target="collections:OrderedDict",
            paper="none",
            summary="made up",
            cost=Cost(unit=1.0),
            capabilities=Capabilities(interpretability=interpretability),
        )

    monkeypatch.setattr(DETECTORS, "_items", {"gan": spec("gan", 0.1), "zscore": spec("zscore", 0.9)})
    monkeypatch.setattr(DETECTORS, "_loaded", True)


def profile_of(rows=2000, share=0.05):
    return Profile(
        size=Size(rows=rows, columns=5, features=5, category="medium", dimensionality="low"),
        types={"numeric": 5},
        quality=Quality(missing=0, duplicates=0, outliers=0, noise=0, consistency=1),
        distributions=Distributions(gaussian=0, skewed=0, uniform=0, heavy_tailed=0, discrete=0),
        patterns=Patterns(
            max_correlation=0, mean_correlation=0, correlated_pairs=0, clusters=1, cluster_separation=0, temporal=False
        ),
        complexity="simple",
        hints=AnomalyHints(share_estimate=share, global_share=0, local_share=0, tail_heaviness=0),
        meta_features={},
        seconds={},
        sampled_rows=rows,
    )


def told(guidance):
    return guidance.settings, guidance.reasons


def test_what_was_not_asked_for_is_told_apart():
    assert guide(profile_of()).suggested == {"time_budget", "contamination", "target_metric"}
    asked = guide(profile_of(), None, {"max_training_time": 5, "contamination": 0.1})
    assert asked.suggested == frozenset()
    assert "priorities" not in guide(None, {"speed": "low"}, {"preset": "fraud_detection"}).suggested


@pytest.mark.parametrize("profile", [None, profile_of()])
def test_a_contamination_is_kept_with_and_without_a_preview(profile):
    settings, reasons = told(guide(profile, None, {"contamination": 0.07}))
    assert settings.contamination == 0.07
    assert "contamination" in {r.subject for r in reasons}


def test_deterministic_leaves_no_clock_but_one_that_is_asked_for():
    settings, reasons = told(guide(profile_of(), None, {"deterministic": True}))
    assert (settings.time_budget, settings.n_trials, settings.random_state) == (None, 40, 0)
    assert "time_budget" in {r.subject for r in reasons}
    assert guide(None, None, {"deterministic": True, "max_training_time": 9}).settings.time_budget == 9


def test_defaults_have_reasons():
    settings, reasons = told(guide(profile_of()))
    assert settings.time_budget == 30
    assert settings.target_metric is None  # a glance at the data does not move the threshold
    assert settings.contamination == "auto"
    assert {r.subject for r in reasons} == {"time_budget", "contamination", "target_metric"}
    assert guide(profile_of(rows=10**8)).settings.time_budget == 600


def test_constraints():
    settings, reasons = told(
        guide(
            profile_of(),
            {"speed": "high", "accuracy": 0.5},
            {
                "max_training_time": 12,
                "max_memory": "1GB",
                "max_models": 2,
                "contamination": 0.1,
                "domain": "finance",
                "n_jobs": 1,
                "deterministic": True,
                "excluded_algorithms": "gan",
            },
        )
    )
    assert settings.time_budget == 12
    assert settings.memory_limit == 10**9
    assert settings.max_models == 2
    assert settings.contamination == 0.1
    assert settings.n_trials == 40
    assert settings.random_state == 0
    assert settings.overrides.exclude == ("gan",)
    assert settings.priorities["speed"] == pytest.approx(0.4 / 1.1)
    assert {"domain", "overrides", "n_jobs"} <= {r.subject for r in reasons}


def test_interpretable():
    settings, reasons = told(guide(profile_of(), None, {"interpretable": True}))
    assert settings.overrides.exclude == ("gan",)
    assert settings.max_models == 3
    assert settings.priorities["interpretability"] > 0.25
    assert any("read off" in r.text for r in reasons)


def test_preset():
    settings, reasons = told(guide(profile_of(), {"speed": "low"}, {"preset": "fraud_detection"}))
    assert settings.preset == "fraud_detection"
    assert settings.alert_budget == 0.01
    assert settings.emphasis["burst"] > 0
    assert settings.priorities["speed"] < 0.25
    assert any("1 %" in r.text for r in reasons)


@pytest.mark.parametrize(
    ("priorities", "constraints", "error"),
    [
        ({}, {"max_trainingtime": 1}, UnknownNameError),
        ({"sped": 1}, {}, UnknownNameError),
        ({"speed": "hgh"}, {}, UnknownNameError),
        ({"speed": None}, {}, SettingError),
        ({}, {"excluded_algorithms": ["nothing"]}, UnknownNameError),
        ({}, {"preset": "nothing"}, UnknownNameError),
    ],
)
def test_mistakes(priorities, constraints, error):
    with pytest.raises(error):
        guide(profile_of(), priorities, constraints)
