"""Which detectors with which parameters are measured: all defaults, and a few drawn points of the strong families."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto.detectors import DETECTORS, VIEW, VIEWS, DetectorSpec
from pynomaly_auto.records import Configuration
from pynomaly_auto.regimes import CONTAMINATED, Regime

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

_STRONG = 0.58  # documented strength from which more than the defaults is measured


def configurations(detectors: Sequence[str], extra: int, seed: int) -> list[Configuration]:
    """Defaults of all detectors given, their other views, then ``extra`` points of each strong one's search space.

    The points depend on the detector's name, its space and the seed alone, so that they are the same on every table
    and results of one point can be compared across tables.

    Raises:
        UnknownNameError: A detector is unknown.
    """
    specs = [DETECTORS[name] for name in detectors]
    out = [Configuration(detector=spec.name) for spec in specs]
    for spec in specs if extra else ():
        if VIEW in spec.space:
            views = (view for view in getattr(spec.space[VIEW], "choices", ()) if view != VIEWS[0])
            out += [Configuration.in_view(spec.name, view) for view in views]
    for spec in specs:
        if spec.space and CONTAMINATED.strength.get(spec.name, 0.0) >= _STRONG:
            out += _drawn(spec, extra, seed)
    return list(dict.fromkeys(out))  # a point drawn may be one of the views


def prescribed(regime: Regime, detectors: Sequence[str]) -> list[Configuration]:
    """The members that a regime names beforehand, as far as their detectors are given."""
    return [c for c in regime.members if c.detector in detectors]


def _drawn(spec: DetectorSpec, extra: int, seed: int) -> list[Configuration]:
    rng = np.random.default_rng([seed, *spec.name.encode()])
    found: dict[Configuration, None] = {}
    # A small discrete space may hold fewer points than asked for: give up after some repetitions.
    for _ in range(5 * extra):
        if len(found) == extra:
            break
        params = {name: draw(distribution, rng) for name, distribution in spec.space.items()}
        found.setdefault(Configuration(detector=spec.name, params=params))
    return list(found)


def draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    """One value of a distribution of `optuna.distributions`, uniform on its own scale."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(rng.integers(len(distribution.choices)))]
    if not isinstance(distribution, (FloatDistribution, IntDistribution)):
        raise TypeError(f"no way to draw from {type(distribution).__name__}")
    low, high = float(distribution.low), float(distribution.high)
    whole = isinstance(distribution, IntDistribution)
    value = float(np.exp(rng.uniform(np.log(low), np.log(high))) if distribution.log else rng.uniform(low, high))
    if distribution.step is not None and not distribution.log:
        value = low + distribution.step * round((value - low) / distribution.step)
    value = min(max(value, low), high)
    return round(value) if whole else value
