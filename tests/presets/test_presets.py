from __future__ import annotations

import importlib.resources

import pytest

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.engine._configuration import resolve
from pynomaly_auto.errors import PynomalyError, SettingError, StorageError, UnknownNameError
from pynomaly_auto.presets import PRESETS, Preset, load_preset
from pynomaly_auto.presets._shipped import NAMES
from pynomaly_auto.settings import Settings


def test_all_files_are_listed():
    folder = importlib.resources.files("pynomaly_auto.presets")
    files = {p.name.removesuffix(".toml") for p in folder.iterdir() if p.name.endswith(".toml")}
    assert files == set(NAMES) == set(PRESETS)


@pytest.mark.parametrize("name", NAMES)
def test_presets_hold_what_they_say(name):
    preset = PRESETS[name]
    assert preset.title
    assert preset.description.endswith(".")
    assert preset.sources
    assert {r.subject for r in preset.reasons} == set(preset.values) - {"domain"}
    assert not set(preset.preferred) & set(preset.discouraged)
    assert preset.to_dict()["name"] == name


@pytest.mark.parametrize("name", NAMES)
def test_detectors_named_exist(name):
    preset = PRESETS[name]
    for detector in (*preset.preferred, *preset.discouraged):
        assert detector in DETECTORS


@pytest.mark.parametrize("name", NAMES)
def test_no_two_say_the_same(name):
    others = [PRESETS[other].values for other in NAMES if other != name]
    assert {k: v for k, v in PRESETS[name].values.items() if k != "domain"} not in [
        {k: v for k, v in values.items() if k != "domain"} for values in others
    ]


@pytest.mark.parametrize("name", NAMES)
def test_no_preset_may_flag_absurdly_many_rows(name):
    if name not in ("general", "data_quality"):
        assert PRESETS[name].values["alert_budget"] <= 0.05
        assert "contamination" not in PRESETS[name].values


@pytest.mark.parametrize("name", NAMES)
def test_what_it_emphasises_exists(name):
    settings = Settings.from_mapping(PRESETS[name].values)
    assert resolve({"config": settings})[0].emphasis == settings.emphasis


def test_a_preset_that_changes_nothing_says_so():
    default = Settings()
    silent = {name for name in NAMES if Settings.from_mapping(PRESETS[name].values) == default}
    assert silent == {name for name in NAMES if "changes nothing" in PRESETS[name].description} == {"general"}
    alone = {name for name in NAMES if "Changes the threshold alone" in PRESETS[name].description}
    assert alone == {"financial_markets"}
    assert not {"emphasis", "cells", "geometry"} & set(PRESETS["financial_markets"].values)


def test_unknown_name_suggests():
    with pytest.raises(UnknownNameError, match="fraud_detection"):
        PRESETS["fraud_detecton"]


def test_a_preset_may_hold_an_alert_budget(tmp_path):
    path = tmp_path / "watch.toml"
    path.write_text(
        'title = "T"\ndescription = "D."\n[values]\nalert_budget = "20 per day"\n[reasons]\nalert_budget = "R."'
    )
    preset = load_preset(path)
    assert Settings.from_mapping(preset.values).alert_budget == "20/day"
    with pytest.raises(SettingError, match="alert_budget"):
        Preset(name="x", title="X", description="x", values={"alert_budget": "20/decade"})


def test_values_are_checked():
    with pytest.raises(SettingError):
        Preset(name="x", title="X", description="x", values={"contamination": 3})
    with pytest.raises(SettingError, match="another"):
        Preset(name="x", title="X", description="x", values={"preset": "general"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "cannot be read"),
        ('title = "T"', "no description"),
        ('title = "T"\ndescription = "D"\nstrange = 1', "unknown strange"),
    ],
)
def test_bad_files(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(StorageError, match=message):
        load_preset(path)
    with pytest.raises(PynomalyError):
        load_preset(tmp_path / "missing.toml")


def test_own_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "T"\ndescription = "D"\n[values]\nmax_models = 3\n[reasons]\nmax_models = "few"\n')
    preset = load_preset(str(path))
    assert preset.name == "mine"
    assert preset.values["max_models"] == 3
    assert str(preset.reasons[0]) == "PRE-001 max_models: few"
