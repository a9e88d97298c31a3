"""What people may say of several objectives, in all its forms."""

from __future__ import annotations

import doctest

import pytest

from pynomaly_auto import _objectives
from pynomaly_auto._objectives import parse_objectives
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.settings import Settings

DOCUMENTS = {
    "primary": {"metric": "f1_score", "weight": 0.6},
    "secondary": [
        {"metric": "precision", "weight": 0.2},
        {"metric": "recall", "weight": 0.1},
        {"metric": "training_time", "weight": 0.05, "minimize": True},
        {"metric": "memory_usage", "weight": 0.05, "minimize": True},
    ],
}


def test_the_examples_hold():
    assert doctest.testmod(_objectives).failed == 0


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (None, None),
        (["quality", "latency"], {"quality": 0.5, "latency": 0.5}),
        (("quality", "model size"), {"quality": 0.5, "size": 0.5}),
        ({"quality": 3, "latency": 1, "size": 0}, {"quality": 0.75, "latency": 0.25}),
        ({"quality": 1e308, "latency": 1e308}, {"quality": 0.5, "latency": 0.5}),
        ("quality=3, latency", {"quality": 0.75, "latency": 0.25}),
        ({"optimization_objectives": {"primary": "quality", "secondary": "latency"}}, {"quality": 0.5, "latency": 0.5}),
        (DOCUMENTS, {"f1": 0.6, "precision": 0.2, "recall": 0.1, "fit_time": 0.05, "size": 0.05}),
    ],
)
def test_every_form_is_read(said, meant):
    assert parse_objectives(said) == (meant if meant is None else pytest.approx(meant))


@pytest.mark.parametrize(
    ("said", "error", "told"),
    [
        (["quality", "latencyy"], UnknownNameError, "Did you mean 'latency'"),
        (["quality", 3], UnknownNameError, "unknown objective 3"),
        (["quality", "latency", "scoring_time"], SettingError, "named twice"),
        (["quality"], SettingError, "no choice"),
        ([], SettingError, "no choice"),
        ("", SettingError, "no choice"),
        (["latency", "size"], SettingError, "how right"),
        ({"quality": -1, "latency": 1}, SettingError, "at least 0"),
        ({"quality": float("nan"), "latency": 1}, SettingError, "at least 0"),
        ({"quality": True, "latency": 1}, SettingError, "at least 0"),
        ({"quality": "much", "latency": 1}, SettingError, "at least 0"),
        ({"quality": 1e-320, "latency": 1e308}, SettingError, "no choice"),
        ("quality=much,latency", SettingError, "a weight"),
        (3, SettingError, "Give names"),
        ({"quality", "latency"}, SettingError, "Give names"),
        ({"primary": {"metric": "f1", "wieght": 1}}, UnknownNameError, "weight"),
        ({"primary": {"weight": 1}}, SettingError, "names no metric"),
        ({"primary": "f1", "tertiary": "size"}, UnknownNameError, "tertiary"),
        ({"primary": "quality", "secondary": [{"metric": "size", "minimize": False}]}, SettingError, "smaller"),
        ({"primary": {"metric": "f1", "minimize": True}, "secondary": ["size"]}, SettingError, "larger"),
    ],
)
def test_nonsense_is_refused_with_what_to_do(said, error, told):
    with pytest.raises(error, match=told):
        parse_objectives(said)


def test_what_was_read_is_read_again_to_the_last_bit():
    weights = Settings(objectives={"quality": 0.7, "latency": 0.2, "size": 0.1 + 0.2}).objectives
    assert Settings.from_mapping(Settings(objectives=weights).to_dict()).objectives == weights


def test_settings_take_the_words_of_the_documents():
    assert set(Settings.from_mapping({"optimization_objectives": DOCUMENTS}).objectives) == {
        "f1", "precision", "recall", "fit_time", "size",
    }  # fmt: skip
