"""Options by which people say what they know."""

from __future__ import annotations

import pytest

from pynomaly_auto.cli._known import known
from pynomaly_auto.errors import SettingError


def test_what_options_say() -> None:
    said = known(["a=b=high"], ["a = > 3"], ["b > 3"], ["a=2", "c=0"])
    assert said["expect"] == {"a=b": "high"}
    assert said["rules"] == {"a = > 3": "anomaly", "b > 3": "normal"}
    assert said["column_weights"] == {"a": 2.0, "c": 0.0}
    assert known(None, None, None, None) == {"expect": None, "rules": None, "column_weights": None}


@pytest.mark.parametrize("given", [["a"], ["=high"], ["a=high", "a=low"]])
def test_what_says_nothing_of_a_column(given: list[str]) -> None:
    with pytest.raises(SettingError, match="--expect"):
        known(given, None, None, None)


def test_a_weight_that_is_no_number_and_a_rule_that_is_both() -> None:
    with pytest.raises(SettingError, match="weight of 'a'"):
        known(None, None, None, ["a=much"])
    with pytest.raises(SettingError, match="is both"):
        known(None, ["a > 3"], ["a > 3"], None)
