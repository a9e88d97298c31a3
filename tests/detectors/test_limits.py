"""What a detector declares to take is what it takes: every value within is fitted, and none outside is tried."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution

from pynomaly_auto.detectors import DETECTORS, Limit, fit_detector

X = np.random.default_rng(0).normal(size=(120, 4)) @ np.diag([1.0, 2.0, 1.0, 0.5])
X[7] = 9.0
OWN = [name for name, spec in DETECTORS.items() if spec.target.startswith("pynomaly_auto.")]
# Enough to see that a value is taken, and no more.
FAST = {
    "epochs": 1, "n_estimators": 5, "ntrees": 5, "n_representations": 2, "n_projections": 5, "max_targets": 2,
    "max_iter": 5,
}  # fmt: skip


def tried(limit: Limit) -> list[Any]:
    """Both ends of a limit, or what lies just inside of them, something large and every word."""
    if not limit.numbers:
        return list(limit.words)
    if limit.share:
        values: list[Any] = [1e-3, 1.0, 1, 7]
    elif limit.whole:
        values = [int(limit.low or 0), int(limit.low or 0) + 1, 7]
    else:
        low = -5.0 if limit.low is None else limit.low + 1e-6 * limit.open_low
        values = [low, 50.0 if limit.high is None else limit.high - 1e-6 * limit.open_high]
    return [*([[value, 3] for value in values] if limit.several else values), *limit.words]


@pytest.mark.parametrize("name", OWN)
def test_every_number_has_a_limit(name: str) -> None:
    spec = DETECTORS[name]
    numbers = {p for p, value in spec.defaults.items() if isinstance(value, (int, float)) and p != "view"}
    numbers |= {p for p, declared in spec.space.items() if not isinstance(declared, CategoricalDistribution)}
    assert numbers <= set(spec.limits)
    for parameter, limit in spec.limits.items():
        assert parameter not in spec.defaults or limit.allows(spec.defaults[parameter])
        ends: Any = spec.space.get(parameter)
        for value in () if ends is None else getattr(ends, "choices", None) or (ends.low, ends.high):
            assert limit.allows(value), (parameter, value)


@pytest.mark.parametrize("name", OWN)
def test_what_is_allowed_is_fitted(name: str) -> None:
    spec = DETECTORS[name]
    if not spec.installed:
        pytest.skip(f"needs {spec.extra}")
    takes = {*spec.defaults, *spec.space, *spec.limits}
    fast = {parameter: value for parameter, value in FAST.items() if parameter in takes}
    for parameter, limit in spec.limits.items():
        for value in tried(limit):
            assert limit.allows(value)
            fitted, scores = fit_detector(spec, {**fast, parameter: value}, X, seed=0)
            assert np.isfinite(scores).all(), (parameter, value)
            assert np.isfinite(fitted.score(X[:20] + 2.5)).all(), (parameter, value)


@pytest.mark.parametrize(
    ("limit", "refused", "said"),
    [
        (Limit(low=1, whole=True), [0, -1, 1.5, 2.0, True, None, "2", math.nan], "a whole number of at least 1"),
        (Limit(low=0, high=1, open_low=True), [0, 1.1, math.inf, "auto"], "a number in (0, 1]"),
        (Limit(low=0, high=1, open_high=True), [-0.1, 1, 1j], "a number in [0, 1)"),
        (Limit(low=0, open_low=True, words=("auto",)), [0, "car", None], "a number above 0 or 'auto'"),
        (Limit(share=True, words=(None,)), [0, 1.5, -2, 0.0, ""],
         "a share in (0, 1], a whole number of at least 1 or None"),
        (Limit(low=1, whole=True, several=True), [3, [0], "ab", [2.5]], "whole numbers of at least 1"),
        (Limit(words=("a", False), numbers=False), ["b", 0, 1, True], "'a' or False"),
        (Limit(), ["1", None, math.nan], "a number"),
    ],
)  # fmt: skip
def test_what_lies_outside_is_refused_and_said(limit: Limit, refused: list[Any], said: str) -> None:
    assert not any(limit.allows(value) for value in refused)
    assert str(limit) == said
