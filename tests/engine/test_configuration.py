"""Where settings come from, who wins, and that each is accounted for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine import configuration_toml
from pynomaly_auto.engine._configuration import resolve
from pynomaly_auto.errors import SettingError, StorageError, UnknownNameError
from pynomaly_auto.presets import PRESETS
from pynomaly_auto.records import Guidance, Reason
from pynomaly_auto.settings import Overrides, Settings
from tests.engine.conftest import quick

X = np.random.default_rng(0).normal(size=(60, 3))
SAID: dict[str, Any] = {"contamination": 0.1, "max_models": 2, "overrides": {"include": ["zscore", "hbos"]}}
TOML = 'contamination = 0.1\nmax_models = 2\n[overrides]\ninclude = ["zscore", "hbos"]\n'
YAML = "contamination: 0.1\nmax_models: 2\noverrides:\n  include: [zscore, hbos]\n"


def settings_of(**kw: Any) -> tuple[Settings, dict[str, str]]:
    settings, reasons = resolve(AutonomousDetector(**kw).get_params(deep=False))
    return settings, {r.subject: r.text for r in reasons if r.code == "SET-001"}


@pytest.mark.parametrize("kind", ["mapping", "settings", "guidance", "toml", "yaml", "yml", "path as text"])
def test_every_form_of_configuration(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"config.{ {'path as text': 'toml'}.get(kind, kind) }".replace(" ", "")
    file.write_text(YAML if kind in ("yaml", "yml") else TOML)
    guidance = AutonomousDetector(config=SAID).guided_setup()
    forms: dict[str, Any] = {"mapping": SAID, "settings": Settings.from_mapping(SAID), "guidance": guidance}
    config = forms.get(kind, str(file) if kind == "path as text" else file)
    settings = settings_of(config=config)[0]
    assert settings.overrides.include == ("zscore", "hbos")
    assert settings.contamination == 0.1
    assert settings.max_models == 2
    result = quick(n_trials=2, config=config).fit(X).result_
    assert (result.labels == -1).sum() == 6
    assert {t.detector for t in result.search.trials} == {"zscore", "hbos"}


def test_guidance_as_toml_says_the_same(tmp_path: Path) -> None:
    guidance = AutonomousDetector(preset="fraud_detection", config=SAID).guided_setup(
        X, priorities={"speed": 1.0}, constraints={"max_training_time": 7}
    )
    file = tmp_path / "guided.toml"
    file.write_text(configuration_toml(guidance), encoding="utf-8")
    assert Settings.from_file(file) == guidance.settings
    assert guidance.settings.time_budget == 7


AWKWARD = {
    "contamination": 0.0123456,
    "experiment_name": 'a "quoted" \\ name = [x] # no comment',
    "overrides": {
        "exclude": ["lof"],
        "params": {"pca": {"n_components": 0.1 + 0.2, "whiten": False, "sizes": [1, 2]}, "knn_mean": {"k": 5}},
        "reason": "two\nlines,\t'''both''' \"\"\"odd\"\"\" \x7f\u2028\\",
    },
}


def test_no_value_is_changed_by_its_way_through_toml(tmp_path: Path) -> None:
    settings = Settings.from_mapping(AWKWARD)
    reason = Reason(code="GUI-001", subject="overrides", text="because\nof # this\x7f\x00", evidence={})
    file = tmp_path / "guided.toml"
    file.write_text(configuration_toml(Guidance(settings=settings, reasons=(reason,))), encoding="utf-8")
    assert Settings.from_file(file) == settings


def test_what_toml_has_no_word_for_is_refused() -> None:
    settings = Settings(overrides=Overrides(params={"pca": {"n_components": None}}))
    with pytest.raises(SettingError, match=r"overrides\.params\.pca\.n_components is None"):
        configuration_toml(Guidance(settings=settings))


def test_keyword_beats_configuration_beats_preset() -> None:
    preset = dict(PRESETS["network_security"].values)
    assert settings_of(preset="network_security")[0].target_metric == preset["target_metric"]
    config = {"target_metric": "precision", "max_models": 3}
    settings, said = settings_of(preset="network_security", config=config)
    assert settings.target_metric == "precision"
    assert "'precision' by config" in said["target_metric"]
    settings, said = settings_of(preset="network_security", config=config, target_metric="f1")
    assert settings.target_metric == "f1"
    assert settings.max_models == 3
    assert "'f1' by keyword" in said["target_metric"]
    assert "by config" in said["max_models"]


def test_a_preset_named_by_the_configuration() -> None:
    settings, _ = settings_of(config={"preset": "network_security"})
    assert settings.preset == "network_security"
    assert settings.target_metric == PRESETS["network_security"].values["target_metric"]
    assert settings_of(preset="general", config={"preset": "network_security"})[0].preset == "general"


def test_a_number_of_trials_needs_no_clock_unless_one_is_given() -> None:
    assert settings_of(n_trials=5)[0].time_budget is None
    assert settings_of(n_trials=5, time_budget=9)[0].time_budget == 9
    assert settings_of(n_trials=5, config={"time_budget": 9})[0].time_budget == 9
    assert settings_of(config={"n_trials": 5})[0].time_budget is None


def test_the_record_says_who_set_what() -> None:
    reasons = quick(n_trials=2, max_models=1).fit(X).result_.reasons
    said = {r.subject: r for r in reasons if r.code == "SET-001"}
    assert said["max_models"].evidence["origin"] == "keyword"
    assert "1" in said["max_models"].text


@pytest.mark.parametrize(
    ("config", "suggestion"),
    [
        ({"time_bugdet": 3}, "time_budget"),
        ({"overrides": {"exclud": ["lof"]}}, "exclude"),
        ({"overrides": {"exclude": ["lot"]}}, "lof"),
        ({"overrides": {"force": ["iforst"]}}, "iforest"),
        ({"overrides": {"include": ["hbso"]}}, "hbos"),
        ({"overrides": {"params": {"zscor": {}}}}, "zscore"),
        ({"priorities": {"sped": 1.0}}, "speed"),
        ({"preset": "fraud"}, "fraud_detection"),
    ],
)
def test_unknown_names_come_with_a_suggestion(config: dict[str, Any], suggestion: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=suggestion):
        quick(config=config).fit(X)


def test_an_unknown_key_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("time_bugdet: 3\n")
    with pytest.raises(UnknownNameError, match=r"mine\.yaml.*'time_budget'"):
        quick(config=file).fit(X)
    for name, text in (("a.toml", "x ="), ("a.yaml", "- 1"), ("a.yml", "a: ["), ("a.ini", "a=1")):
        (tmp_path / name).write_text(text)
        with pytest.raises(StorageError, match=name.replace(".", r"\.")):
            quick(config=tmp_path / name).fit(X)


def test_override_adds_to_a_configuration_of_any_kind(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(TOML)
    for config in (SAID, Settings.from_mapping(SAID), file, str(file)):
        detector = quick(n_trials=2, config=config).override(exclude="lof", force="zscore", reason="audit")
        overrides = settings_of(config=detector.config)[0].overrides
        assert (overrides.include, overrides.exclude, overrides.force) == (("zscore", "hbos"), ("lof",), ("zscore",))
        assert "zscore" in {m.detector for m in detector.fit(X).ensemble_.members}
        assert any("audit" in r.text for r in detector.result_.reasons)


def test_what_a_trial_takes_is_the_configurations_where_no_keyword_says_so() -> None:
    config = {"backend": "ray", "resources_per_trial": {"cpu": 2}}
    settings, _ = resolve({**AutonomousDetector().get_params(), "config": config})
    assert settings.resources_per_trial == {"cpu": 2.0}
