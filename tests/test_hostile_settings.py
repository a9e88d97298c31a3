"""Whatever a setting is given: it takes what it can be, or one of our errors says that it cannot."""

from __future__ import annotations

import dataclasses
import decimal
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine._configuration import resolve
from pynomaly_auto.errors import PynomalyError, SettingError
from pynomaly_auto.settings import Overrides, Settings


class Incomparable:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Incomparable()"


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")

    __str__ = __repr__


class Untrue:
    def __eq__(self, other: object) -> Any:
        return self

    def __bool__(self) -> bool:
        raise ValueError("neither true nor false")

    __hash__ = None  # type: ignore[assignment]


HOSTILE: dict[str, Any] = {
    "array": np.arange(3),
    "one number in an array": np.array(3),
    "empty array": np.empty(0),
    "array of objects": np.array([None, "a"], dtype=object),
    "series": pd.Series([1.0, 2.0]),
    "frame": pd.DataFrame({"a": [1]}),
    "complex": 1 + 2j,
    "numpy complex": np.complex64(1),
    "function": len,
    "class": dict,
    "lambda": lambda: 1,
    "object": object(),
    "incomparable": Incomparable(),
    "unspeakable": Unspeakable(),
    "untrue": Untrue(),
    "list": [1, 2],
    "empty list": [],
    "tuple": (1, "a"),
    "set": {1, 2},
    "mapping": {"a": 1},
    "mapping with odd keys": {(1, 2): 3, None: 1},
    "nested": [[["a"]]],
    "bytes": b"auto",
    "surrogate": "\ud800",
    "huge text": "x" * 10_000,
    "line breaks": "a\nb\0c",
    "huge integer": 10**400,
    "minus huge": -(10**400),
    "nan": float("nan"),
    "infinity": float("inf"),
    "minus infinity": -np.inf,
    "decimal": decimal.Decimal("0.1"),
    "signalling nan": decimal.Decimal("sNaN"),
    "numpy nan": np.float32("nan"),
    "missing": pd.NA,
    "no time": pd.NaT,
    "ellipsis": ...,
    "not implemented": NotImplemented,
    "exception": ValueError("x"),
    "iterator": iter([1]),
    "range": range(3),
    "slice": slice(1),
    "memory": memoryview(b"a"),
    "date": pd.Timestamp("2024-01-01"),
    "true": True,
    "numpy true": np.True_,
    "negative": -3,
    "fraction": 2.5,
}  # fmt: skip
NAMES = [f.name for f in dataclasses.fields(Settings)]


def _taken(make: Callable[[Any], Any], value: Any) -> Any:
    """What is made of a value; an error of ours with a message that can be read where it is refused."""
    try:
        return make(value)
    except PynomalyError as error:
        return error


def _sound(found: Any) -> bool:
    """Whether it is a readable error, or holds nothing but what a record may hold, all the way down."""
    if isinstance(found, PynomalyError):
        return 10 < len(str(found)) < 2_000
    if dataclasses.is_dataclass(found):
        return all(_sound(getattr(found, f.name)) for f in dataclasses.fields(found))
    if isinstance(found, dict):
        return all(isinstance(key, str) and _sound(value) for key, value in found.items())
    if isinstance(found, (tuple, list)):
        return all(map(_sound, found))
    return found is None or type(found) in (bool, int, float, str) or isinstance(found, PurePath)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("label", HOSTILE)
def test_a_setting_takes_a_value_or_refuses_it(name: str, label: str) -> None:
    assert _sound(_taken(lambda value: Settings.from_mapping({name: value}), HOSTILE[label]))


@pytest.mark.parametrize("name", AutonomousDetector().get_params(deep=False))
@pytest.mark.parametrize("label", HOSTILE)
def test_a_keyword_takes_a_value_or_refuses_it(name: str, label: str) -> None:
    def resolved(value: Any) -> Settings:
        return resolve(AutonomousDetector(**{name: value}).get_params(deep=False))[0]

    assert _sound(_taken(resolved, HOSTILE[label]))


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Overrides)])
@pytest.mark.parametrize("label", HOSTILE)
def test_overrides_take_a_value_or_refuse_it(name: str, label: str) -> None:
    assert _sound(_taken(lambda value: Overrides(**{name: value}), HOSTILE[label]))
    assert _sound(_taken(lambda value: Overrides(params={"pca": {"n_components": value}}), HOSTILE[label]))


@pytest.mark.parametrize(
    "values",
    [
        {"verbose": len}, {"novelty": "yes"}, {"experiment_name": 3}, {"n_trials": 10**400}, {"time_budget": 1e12},
        {"domain": "a\nb"}, {"preset": ["general"]}, {"tracking": True}, {"contamination": np.array([0.1])},
    ],
)  # fmt: skip
def test_what_nobody_can_mean_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(SettingError, match=next(iter(values))):
        Settings(**values)


def test_numpys_numbers_are_numbers() -> None:
    settings = Settings(n_trials=np.int64(3), contamination=np.float32(0.25), novelty=np.True_, verbose=True)  # type: ignore[arg-type]
    assert settings == Settings(n_trials=3, contamination=0.25, novelty=True, verbose=1)
    assert _sound(settings)
