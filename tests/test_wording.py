"""The documents' words for settings: those that mean one of ours become it, the others are one error with a way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine._configuration import read_config, resolve
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.settings import Settings

# In the words and the layout of the documents' autonomous_config.yml; the figures are ours.
KNOWN = """
autonomous_mode:
  enabled: true
  auto_preprocessing: true
  auto_hyperparameter_tuning: true
  target_metrics:
    primary: f1_score
    optimization_direction: maximize
  time_budget: 900
  compute_budget: 1.0
  memory_limit: 2GB
  cpu_cores: -1
  gpu_enabled: true
  algorithm_constraints:
    excluded_algorithms: [IsolationForest, LOF]
    interpretability_weight: 0.25
    speed_weight: 0.25
  adaptation:
    enabled: false
"""


def settings_of(config: Any) -> tuple[Settings, dict[str, str]]:
    settings, reasons = resolve(AutonomousDetector(config=config).get_params(deep=False))
    return settings, {r.subject: r.text for r in reasons if r.code in ("SET-002", "SET-003")}


@pytest.mark.parametrize("nested", [True, False])
def test_what_means_a_setting_becomes_it_and_is_said(nested: bool, tmp_path: Path) -> None:
    file = tmp_path / "autonomous_config.yml"
    lines = KNOWN.splitlines()
    file.write_text(KNOWN if nested else "\n".join([lines[1], *(line.removeprefix("  ") for line in lines[2:])]))
    if not nested:  # as the documents are printed, where a page break has lost the indentation
        file.write_text(file.read_text().replace("enabled: true\nauto_pre", "auto_pre"))
    settings, said = settings_of(file)
    assert (settings.target_metric, settings.time_budget, settings.n_jobs) == ("f1", 900, -1)
    assert settings.memory_limit == 2_000_000_000
    assert settings.overrides.exclude == ("iforest", "lof")
    assert settings.priorities == {"accuracy": 0.5, "speed": 0.25, "interpretability": 0.25}
    assert said["n_jobs"] == "set to -1, as the configuration says cpu_cores."
    assert said["device"] == "set to 'auto', as the configuration says gpu_enabled."
    assert {"priorities", "overrides", "target_metric", "adaptation"} <= set(said)
    assert settings.compute_budget == 1.0
    assert Settings.from_file(file).n_jobs == -1
    assert read_config(file)["n_jobs"] == -1


@pytest.mark.parametrize(
    ("config", "setting", "value"),
    [
        ({"constraints": {"max_training_time": 7, "max_memory": "1GB"}}, "time_budget", 7),
        ({"optimization": {"method": "bayesian", "n_trials": 9, "parallel_trials": 2}}, "n_trials", 9),
        ({"ensemble": {"enabled": True, "max_models": 5, "combination_method": "weighted_voting"}}, "max_models", 5),
        ({"testing_profile": {"name": "monthly", "anomaly_detection": {"contamination_rate": 0.02}}},
         "contamination", 0.02),
        ({"domain_context": {"domain": "finance", "use_case": "fraud_detection"}}, "preset", "fraud_detection"),
        ({"target_metrics": "recall"}, "target_metric", "recall"),
        ({"cpu_cores": 2, "n_jobs": 2}, "n_jobs", 2),
        ({"resource_constraints": {"gpu_enabled": False}}, "device", "cpu"),
        ({"gpu_enabled": True}, "device", "auto"),
    ],
)  # fmt: skip
def test_groups_of_the_documents_are_read(config: dict[str, Any], setting: str, value: Any) -> None:
    assert getattr(settings_of(config)[0], setting) == value


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"adaptation": {"enabled": True}, "gpu_enabled": False, "preferred_families": ["trees"]},
         r"2 of its words have no setting here \(in config\)\. Take them out\. adaptation: .*include="),
        ({"target_metrics": {"primary": "f1", "minimum_threshold": 0.8}}, r"minimum_threshold: .*evaluate\(X, y\)"),
        ({"auto_algorithm_selection": False}, r"override\(include="),
        ({"autonomous_mode": False}, "autonomous_mode=False: leave it out"),
        ({"ensemble": {"enabled": False}}, "max_models=1"),
        ({"cpu_cores": 2, "n_jobs": 1}, "cpu_cores and n_jobs both mean n_jobs, and differ"),
        ({"cpu_cores": "many"}, "n_jobs is 'many'"),
        ({"excluded_algorithms": {"lof": 1}}, "excluded_algorithms is"),
        ({"gpu_enabled": "yes"}, "gpu_enabled is 'yes'.*true or false"),
        ({"gpu_enabled": True, "device": "cpu"}, "both mean device, and differ|device and gpu_enabled|gpu_enabled and"),
        ({"speed_weight": 3}, "Give shares from 0 to 1"),
    ],
)  # fmt: skip
def test_what_means_none_is_one_error_that_says_what_there_is(config: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        settings_of(config)
    with pytest.raises(SettingError):
        Settings.from_mapping(config)


def test_a_far_fetched_suggestion_is_none() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown setting 'cpu_course' .*Known: address, alert_budget"):
        settings_of({"cpu_course": 2})
