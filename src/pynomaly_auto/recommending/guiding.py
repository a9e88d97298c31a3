"""Guided set-up: from a glance at the data, priorities and constraints to the settings one would use, with reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import SettingError, UnknownNameError
from pynomaly_auto.presets import PRESETS
from pynomaly_auto.records import Guidance, Profile, Reason
from pynomaly_auto.settings import Settings

CONSTRAINTS = (
    "max_training_time", "max_memory", "interpretable", "max_models", "contamination", "domain", "preset",
    "excluded_algorithms", "n_jobs", "deterministic",
)  # fmt: skip
_OPAQUE = 0.3  # interpretability up to which a detector counts as opaque
_TRIALS = 40  # where repeatable results are asked for: enough for the members of a table of some thousand rows


class _Decide(Protocol):
    def __call__(
        self, name: str, value: object, text: str, evidence: Mapping[str, Any], *, asked: bool = True
    ) -> None: ...


def guide(
    profile: Profile | None, priorities: Mapping[str, Any] | None = None, constraints: Mapping[str, Any] | None = None
) -> Guidance:
    """Derive settings from what is known of a table and what its owner wants.

    Args:
        profile: Of the table or a preview of it; None: nothing is known of it yet.
        priorities: Weights of ``accuracy``, ``speed`` and ``interpretability``: numbers, or ``"low"``, ``"medium"``,
            ``"high"``; what is not named counts as ``"medium"``.
        constraints: Any of ``max_training_time`` (seconds), ``max_memory`` (bytes or text such as ``"2GB"``),
            ``interpretable`` (bool), ``max_models``, ``contamination``, ``domain``, ``preset``,
            ``excluded_algorithms`` (names), ``n_jobs``, ``deterministic`` (bool).

    Returns:
        The settings, one reason per value decided, and which of them nobody asked for.

    Raises:
        UnknownNameError: A constraint, priority, preset or detector is unknown.
        SettingError: A value lies outside what it may be.
    """
    limits = dict(constraints or {})
    for name in limits:
        if name not in CONSTRAINTS:
            raise UnknownNameError.of("constraint", str(name), CONSTRAINTS)
    values: dict[str, Any] = {}
    reasons: list[Reason] = []
    suggested: set[str] = set()

    def decide(name: str, value: object, text: str, evidence: Mapping[str, Any], *, asked: bool = True) -> None:
        values[name] = value
        (suggested.discard if asked else suggested.add)(name)
        reasons.append(Reason(code="GUI-001", subject=name, text=text, evidence=evidence))

    _from_preset(limits, decide)
    _from_priorities(priorities or {}, limits, values, decide)
    _from_limits(profile, limits, decide)
    if profile is not None:
        _from_data(profile, limits, decide)
    if "overrides" not in values and limits.get("interpretable"):
        _without_opaque(limits, decide)
    elif limits.get("excluded_algorithms"):
        excluded = _names(limits["excluded_algorithms"])
        decide(
            "overrides",
            {"exclude": excluded, "reason": "excluded by a constraint"},
            f"{', '.join(excluded)} excluded, as asked for",
            {"excluded": len(excluded)},
        )
    settings = Settings.from_mapping(values, where="guided setup")
    return Guidance(settings=settings, reasons=tuple(reasons), suggested=frozenset(suggested))


def _from_preset(limits: Mapping[str, Any], decide: _Decide) -> None:
    name = limits.get("preset")
    if name is not None:
        preset = PRESETS[str(name)]
        for key, value in preset.values.items():
            text = next((r.text for r in preset.reasons if r.subject == key), f"taken from the preset {preset.title}")
            decide(key, value, text, {"preset": preset.name}, asked=False)
        text = f"starts from the preset {preset.title}"
        decide("preset", preset.name, text, {"preset": preset.name}, asked=False)
    if limits.get("domain") is not None:
        decide("domain", str(limits["domain"]), "as asked for", {})


def _from_priorities(
    given: Mapping[str, Any], limits: Mapping[str, Any], values: Mapping[str, Any], decide: _Decide
) -> None:
    interpretable = bool(limits.get("interpretable"))
    if not given and not interpretable:
        return
    words = {"low": 0.5, "medium": 1.0, "high": 2.0}
    usual = {"accuracy": 0.6, "speed": 0.2, "interpretability": 0.2}
    start = {**usual, **values.get("priorities", {})}
    weights: dict[str, float] = {}
    for name in given:
        if name not in usual:
            raise UnknownNameError.of("priority", str(name), usual)
    for name, weight in start.items():
        value = given.get(name, "medium")
        if isinstance(value, str):
            if value not in words:
                raise UnknownNameError.of("weight of a priority", value, words)
            weights[name] = weight * words[value]
        elif isinstance(value, (int, float, np.number)) and not isinstance(value, bool):
            weights[name] = float(value)
        else:
            raise SettingError(f"priority {name} is {value!r}.", fix="Use a weight, or 'low', 'medium' or 'high'.")
    if interpretable:
        weights["interpretability"] = max(weights["interpretability"], 0.4 * sum(weights.values()))
    said = ", ".join(f"{k} {v}" for k, v in given.items()) or "interpretable results asked for"
    decide("priorities", weights, f"weights from: {said}", {k: round(v, 3) for k, v in weights.items()})


def _from_limits(profile: Profile | None, limits: Mapping[str, Any], decide: _Decide) -> None:
    fixed = bool(limits.get("deterministic"))
    if limits.get("max_training_time") is not None:
        decide("time_budget", limits["max_training_time"], "the longest training time allowed", {})
    elif fixed:
        decide("time_budget", None, "no clock, as repeatable results were asked for", {})
    elif profile is not None:
        # Enough for some dozen fits of a near-linear detector: a floor for small tables, a ceiling for patience.
        seconds = float(min(600.0, max(30.0, 3e-5 * profile.size.rows * max(profile.size.features, 10) ** 0.5)))
        rounded = float(round(seconds / 10) * 10)
        decide(
            "time_budget",
            rounded,
            f"{rounded:.0f} s let some dozen models be fitted on {profile.size.rows:,} rows",
            {"seconds": rounded, "rows": profile.size.rows, "features": profile.size.features},
            asked=False,
        )
    if limits.get("contamination") is not None:
        decide("contamination", limits["contamination"], "as asked for", {})
    if limits.get("max_memory") is not None:
        decide("memory_limit", limits["max_memory"], "the most memory allowed to the run", {})
    if limits.get("max_models") is not None:
        decide("max_models", limits["max_models"], "the most members allowed", {})
    elif limits.get("interpretable"):
        decide("max_models", 3, "few members keep the combined score explicable", {})
    if limits.get("n_jobs") is not None:
        decide("n_jobs", limits["n_jobs"], "as asked for", {})
    if fixed:
        decide("random_state", 0, "a fixed seed, as repeatable results were asked for", {})
        decide("n_trials", _TRIALS, "a fixed number of trials does not depend on the clock", {})


def _from_data(profile: Profile, limits: Mapping[str, Any], decide: _Decide) -> None:
    if "preset" in limits:
        return
    share = profile.hints.share_estimate
    evidence = {"share_estimate": round(share, 4)}
    if limits.get("contamination") is None:
        text = f"estimated from the scores; raw distances hint at {share:.1%}"
        decide("contamination", "auto", text, evidence, asked=False)
        text = "none: as many rows are labelled as anomalies are expected; f1, precision or recall would move it"
        decide("target_metric", None, text, {}, asked=False)


def _without_opaque(limits: Mapping[str, Any], decide: _Decide) -> None:
    asked = _names(limits.get("excluded_algorithms", ()))
    opaque = [name for name, spec in DETECTORS.items() if spec.capabilities.interpretability < _OPAQUE]
    excluded = list(dict.fromkeys([*asked, *opaque]))
    if excluded:
        decide(
            "overrides",
            {"exclude": excluded, "reason": "interpretable results were asked for"},
            f"{', '.join(excluded)} left out: their scores cannot be read off",
            {"excluded": len(excluded)},
        )


def _names(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else list(value)
    for name in names:
        DETECTORS[name]  # raises with the nearest known names
    return names
