"""What the user decides by hand, checked and obeyed; every such decision is a reason of its own."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

from pynomaly_auto._checks import is_number, is_whole
from pynomaly_auto.detectors import DETECTORS, VIEW, VIEWS, DetectorSpec
from pynomaly_auto.errors import SettingError, UnknownNameError, shown
from pynomaly_auto.recommending._judged import Judged, changed
from pynomaly_auto.records import Reason, Scalar
from pynomaly_auto.settings import Overrides, Settings


def check_overrides(overrides: Overrides) -> None:
    """Check the names of detectors and of their parameters, and of the values what can be told without a table.

    Raises:
        UnknownNameError: A name is unknown.
        SettingError: No detector can have such a value.
    """
    o = overrides
    for name in (*o.include, *o.exclude, *o.force, *o.params):
        DETECTORS[name]  # raises with the nearest known names
    for name, given in o.params.items():
        known = _parameters(DETECTORS[name])
        for parameter, value in given.items():
            if known is not None and parameter not in known:
                raise UnknownNameError.of(f"parameter of {name}", str(parameter), known)
            if parameter == VIEW and DETECTORS[name].viewable and value not in VIEWS:
                raise UnknownNameError.of("view", str(value), VIEWS)
            _check_value(DETECTORS[name], parameter, value)
        _try_building(DETECTORS[name], given)
        _check_forecast(DETECTORS[name], given)


def _check_value(spec: DetectorSpec, parameter: str, value: Any) -> None:
    """A value within what the detector declares; else what counts something is above zero where it is a number."""
    limit = spec.limits.get(parameter)
    if limit is not None:
        if not limit.allows(value):
            what = f"{parameter} of {spec.name} is {shown(value)}."
            raise SettingError(what, where="override", fix=f"Give {limit}.")
        return
    declared: Any = spec.space.get(parameter)
    low, high = (getattr(declared, end, 0) for end in ("low", "high"))
    if not (is_whole(low) and low >= 1 and isinstance(value, Real)):
        return
    if value == spec.defaults.get(parameter):  # histograms take 0 for "as many as the rows suggest"
        return
    if not is_number(value) or value <= 0:
        raise SettingError(
            f"{parameter} of {spec.name} is {shown(value)}.",
            where="override",
            fix=f"Give a number above zero; {low} to {high} are tried without one.",
        )


def _check_forecast(spec: DetectorSpec, params: Mapping[str, Any]) -> None:
    """Before anything is fitted, the ranking asks what a fit with these values costs."""
    try:
        spec.seconds(1_000, 10, params)
    except Exception as error:  # a text where a number belongs, or any object in a third party's formula
        raise SettingError(
            f"{spec.name} does not take {shown(dict(params))}: {type(error).__name__}.",
            where="override",
            fix=f"Its defaults are {dict(spec.defaults)!r}.",
        ) from None


def _try_building(spec: DetectorSpec, params: Mapping[str, Any]) -> None:
    """A detector says itself which words it does not know, and which names where its signature takes any."""
    if not spec.installed:
        return
    try:
        spec.build(params, seed=0)
    except UnknownNameError:
        raise
    except SettingError as error:
        raise SettingError(f"{spec.name}: {error.what}", where="override", fix=error.fix) from None
    except Exception:  # a third party's constructor may fail in any way; its trial will tell
        return


def _parameters(spec: DetectorSpec) -> frozenset[str] | None:
    """Names of the parameters a detector takes; None: it does not say."""
    declared = {*spec.defaults, *spec.space, *((VIEW,) if spec.viewable else ())}
    if not spec.installed:
        return frozenset(declared)
    module, _, attribute = spec.target.partition(":")
    try:
        accepted = inspect.signature(getattr(importlib.import_module(module), attribute)).parameters.values()
    except (ImportError, AttributeError, TypeError, ValueError):  # compiled, or not to be had: its trial will tell
        return None
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in accepted):
        return None
    return frozenset(declared | {p.name for p in accepted})


def overridden(judged: Judged, settings: Settings) -> Judged:
    """Apply what the user decided by hand; every such decision is a reason of its own."""
    o, name = settings.overrides, judged.candidate.detector
    changes: dict[str, object] = {}
    reasons: list[Reason] = []

    def because(code: str, kind: str, text: str, **evidence: Scalar) -> None:
        why = o.why(kind, name)
        evidence |= {"by": "user", "reason": why}
        reasons.append(Reason(code=code, subject=name, text=f"{text}: {why}", evidence=evidence))

    if name in o.exclude:
        changes["selected"] = False
        because("REC-031", "exclude", "excluded")
    elif o.include and name not in {*o.include, *o.force}:
        changes["selected"] = False
        because("REC-032", "include", f"left out, only {', '.join(o.include)} asked for")
    elif name in o.force:
        changes["selected"] = not judged.impossible
        because("REC-033", "force", "forced, but it cannot be fitted here" if judged.impossible else "forced")
    if name in o.params:
        fixed = dict(o.params[name])
        changes["params"] = fixed
        # Fixed parameters are not tuned: whatever was transferred keeps only what the user left open.
        # The learned fusion knows nothing with such parameters, so no view is worth trying.
        starts = (step for step in judged.further if step.role == "warm start")
        fixing = tuple(replace(step, configuration=step.configuration.fixing(fixed)) for step in starts)
        judged = replace(judged, further=fixing)
        said = ", ".join(f"{k}={v}" for k, v in fixed.items())
        because("REC-034", "params", f"parameters fixed ({said})", params=said)
    if not reasons:
        return judged
    return changed(judged, tuple(reasons), **changes)


def asked_for(overrides: Overrides) -> tuple[Reason, ...]:
    """What was decided by hand, by kind and by why."""
    reasons = []
    for kind in ("include", "exclude", "force", "params"):
        groups: dict[str, list[str]] = {}
        for name in getattr(overrides, kind):
            groups.setdefault(overrides.why(kind, name), []).append(name)
        for why, names in groups.items():
            text = f"{kind}: {', '.join(names)} ({why})"
            ids = [h.id for h in overrides.history if set(h.named(kind)) & set(names)]
            evidence = {"by": "user", "reason": why, "detectors": ", ".join(names), "ids": ", ".join(ids)}
            reasons.append(Reason(code="REC-030", subject="overrides", text=text, evidence=evidence))
    return tuple(reasons)
