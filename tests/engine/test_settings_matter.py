"""Every setting changes something in the result, or its documentation says that it does not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.records import Result
from pynomaly_auto.settings import Settings

Told = Callable[[Result], Any]


def labels(result: Result) -> Any:
    return result.labels.tolist()


def scores(result: Result) -> Any:
    return result.verdict.scores.tolist()


def trials(result: Result) -> Any:
    return [(t.detector, dict(t.params)) for t in result.search.trials]


def ranking(result: Result) -> Any:
    return [(c.detector, c.selected, round(c.score, 9)) for c in result.ranking.candidates]


# A setting, the value it is changed to, and what of the result it must change.
CHANGES: dict[str, tuple[Any, Told]] = {
    "preset": ("quality_control", ranking),
    "time_budget": (1.0, trials),
    "n_trials": (2, trials),
    "contamination": (0.2, labels),
    "target_metric": ("recall", labels),
    "alert_budget": (1, labels),
    "max_models": (1, lambda result: len(result.ensemble.members)),
    "memory_limit": ("70MB", ranking),  # an isolation forest is expected to take more than a quarter of it
    "novelty": (True, labels),
    "random_state": (1, scores),
    "priorities": ({"speed": 1.0}, ranking),
    "overrides": ({"exclude": ["hbos"]}, ranking),
    "domain": ("healthcare", ranking),
    "geometry": ("plain", scores),
    "cells": ("off", scores),
    "emphasis": ({"lof": 2.0}, scores),
    "expect": ({"x0": "high"}, scores),
    "rules": (["x0 > 1"], scores),
    "column_weights": ({"x0": 0.0}, scores),
    "objectives": (["quality", "latency"], lambda result: result.front is None),
}
WITHOUT = (
    "n_jobs", "compute_budget", "backend", "address", "resources_per_trial", "device", "tracking", "experiment_name",
    "verbose",
)  # fmt: skip
STATED = "nothing in the result"


def rows(*, several_kinds: bool = False) -> Any:
    X = np.random.default_rng(5).normal(size=(120, 4))
    X[:6] *= 4.0
    return pd.DataFrame(X, columns=list("abcd")).assign(shop=list("xyz") * 40) if several_kinds else X


@cache
def base(*, several_kinds: bool = False) -> Result:
    return _run(rows(several_kinds=several_kinds))


def _run(table: Any = None, **changed: Any) -> Result:
    values = {"n_trials": 8, "random_state": 0, "tracking": False, "verbose": 0, "memory_limit": "1GB"}
    if changed.get("time_budget"):
        values["n_trials"] = 10_000
    return (
        AutonomousDetector(config=values | changed, tracking=False, verbose=0)
        .fit(rows() if table is None else table)
        .result_
    )


@pytest.mark.parametrize("name", [f.name for f in fields(Settings) if f.name != "reading"])
def test_it_changes_something_or_says_that_it_does_not(name: str) -> None:
    if name in WITHOUT:
        assert STATED in _documented(name)
    else:
        value, told = CHANGES[name]
        several = name in (
            "geometry",
            "cells",
            "emphasis",
        )  # tables of numbers have one geometry, and nobody looks at their cells
        assert told(_run(rows(several_kinds=several), **{name: value})) != told(base(several_kinds=several))


@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.AmbiguousReadingWarning")
def test_how_texts_are_written_is_read_as_told() -> None:
    values = np.random.default_rng(5).normal(size=(120, 2))
    days = [f"{1 + i % 12:02}/{1 + i * 5 % 7:02}/2024" for i in range(120)]
    table = pd.DataFrame({"v": days, "a": values[:, 0], "b": values[:, 1]})
    config = {"n_trials": 2, "random_state": 0}
    quiet: Any = {"tracking": False, "verbose": 0}
    default = AutonomousDetector(config=config, **quiet).fit(table)
    told = AutonomousDetector(config={**config, "reading": {"dates": {"v": "dmy"}}}, **quiet).fit(table)
    assert scores(default.result_) != scores(told.result_)
    assert "the day first, from 120 of 120 dates, as told" in str(told.result_.reasons)
    assert any(reason.code == "DAT-040" for reason in default.result_.reasons)


def test_the_metrics_of_the_threshold_move_it_and_those_of_the_order_do_not() -> None:
    flagged = {m: int((_run(target_metric=m).labels == -1).sum()) for m in ("precision", "f1", "recall")}
    assert flagged["precision"] <= flagged["f1"] <= flagged["recall"]
    assert flagged["precision"] < flagged["recall"]
    for metric in ("roc_auc", "average_precision"):
        assert labels(_run(target_metric=metric)) == labels(base())


def _documented(name: str) -> str:
    """What the docstring says of a setting, in one line."""
    found = re.search(rf"^    {name}: (.*?)(?=^    \w|\Z)", inspect.getdoc(Settings) or "", re.MULTILINE | re.DOTALL)
    assert found is not None
    return " ".join(found[1].split())
