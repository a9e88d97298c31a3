"""From what the user said, in whatever form, to one validated `Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pynomaly_auto._checks import one_line
from pynomaly_auto._overrides import Override, end_of, now_text
from pynomaly_auto._targets import OwnMetric, Target, parse_target
from pynomaly_auto._wording import Worded
from pynomaly_auto.cells import CELL_DETECTORS
from pynomaly_auto.detectors import DETECTORS, VIEWS
from pynomaly_auto.errors import SettingError, UnknownNameError, shown
from pynomaly_auto.presets import PRESETS
from pynomaly_auto.recommending import check_overrides
from pynomaly_auto.records import Guidance, Reason
from pynomaly_auto.settings import Overrides, Settings, read_mapping, read_words

_DEFAULTS = Settings()


def resolve(given: Mapping[str, Any]) -> tuple[Settings, tuple[Reason, ...]]:
    """Merge preset, configuration and keywords; the later in this order wins where it says something.

    Args:
        given: The estimator's parameters, ``config`` among them.

    Returns:
        The settings, and why they are what they are.

    Raises:
        SettingError: A value lies outside what it may be, or a name is unknown.
        StorageError: The configuration file cannot be read.
    """
    source = given.get("config")
    where = str(source) if isinstance(source, (str, Path)) else "settings" if source is None else "config"
    words = read_words(_said(source), where)
    config = words.values
    explicit = {k: v for k, v in given.items() if k != "config" and not _same(v, getattr(_DEFAULTS, k))}
    name = one_line("preset", explicit.get("preset", config.get("preset")))
    preset = None if name is None else PRESETS[name]
    values = {**(dict(preset.values) if preset else {}), **config, **explicit}
    if values.get("n_trials") is not None and "time_budget" not in values:
        values["time_budget"] = None  # a budget in trials is not cut short by the default clock
    settings = Settings.from_mapping(values, where=where)
    settings = settings.with_(overrides=settings.overrides.in_force())
    _check_emphasis(settings.emphasis)
    check_function(settings.target_metric)
    reasons = [] if preset is None else list(preset.reasons)
    for origin, mapping in (("config", config), ("keyword", explicit)):
        reasons += [
            Reason(
                code="SET-001",
                subject=key,
                text=f"set to {_worded(value)} by {origin}.",
                evidence={"origin": origin, "value": value if isinstance(value, str) else _worded(value)},
            )
            for key, value in mapping.items()
            if key not in {"overrides", "preset"}
        ]
    return settings, (*reasons, *_about(words))


def _worded(value: Any) -> str:
    """A value as reasons tell it: of a function its name, as where it lies in memory is another in each run."""
    target = parse_target(value) if callable(value) else value
    return str(target) if isinstance(target, OwnMetric) else repr(value)


def check_function(target: Target | None, fix: str = "Give it again: set_params(target_metric=...).") -> None:
    """Refuse a function of which only the name is known.

    Args:
        target: What the threshold is to serve.
        fix: What to do about it.

    Raises:
        SettingError: The function was not stored, and not given again.
    """
    if isinstance(target, OwnMetric) and target.function is None:
        raise SettingError(
            f"the function {target.name} was not stored with the detector.", where="target_metric", fix=fix
        )


def _check_emphasis(emphasis: Mapping[str, float]) -> None:
    """Refuse names of what is neither a cell detector nor a member.

    Raises:
        UnknownNameError: There is no such detector, or no such view.
    """
    for name in emphasis:
        if name in CELL_DETECTORS:
            continue
        detector, between, view = name.partition(":")
        if detector not in DETECTORS:
            raise UnknownNameError.of("cell detector or member", name, [*CELL_DETECTORS, *DETECTORS])
        if between and view not in VIEWS:
            raise UnknownNameError.of("view", view, VIEWS)


def _about(words: Worded) -> tuple[Reason, ...]:
    """Which words of the documents became which settings, and which said what is always so."""
    became = (
        Reason(code="SET-002", subject=setting, text=f"set to {value!r}, as the configuration says {word}.",
               evidence={"word": word, "value": str(value)})
        for word, setting, value in words.became
    )  # fmt: skip
    needless = (
        Reason(code="SET-003", subject=word, text=f"{word}={value!r} needs no setting.", evidence={"value": str(value)})
        for word, value in words.needless
    )
    return (*became, *needless)


def _same(value: Any, default: Any) -> bool:
    try:
        return bool(value == default)
    except Exception:  # what a user's object says when compared is no answer; what it may be is checked later
        return False


def given_by_hand(given: Mapping[str, Any]) -> frozenset[str]:
    """The settings that a keyword or the configuration gives; what a preset says is not among them."""
    explicit = {k for k, v in given.items() if k != "config" and not _same(v, getattr(_DEFAULTS, k))}
    return frozenset({*read_config(given.get("config")), *explicit} - {"preset"})


def read_config(config: Any) -> dict[str, Any]:
    """Turn a ``config`` argument into our settings: a `Settings`, a mapping, or the path of a TOML / YAML file."""
    where = str(config) if isinstance(config, (str, Path)) else "config"
    return read_words(_said(config), where).values


def _said(config: Any) -> dict[str, Any]:
    """What a ``config`` argument says, in its own words."""
    if config is None:
        return {}
    if isinstance(config, Guidance):
        config = config.settings
    if isinstance(config, Settings):
        return {k: v for k, v in config.to_dict().items() if v != _DEFAULTS.to_dict()[k]}
    if isinstance(config, Mapping):
        return dict(config)
    if isinstance(config, (str, Path)):
        return read_mapping(config)
    raise SettingError(
        f"config is {shown(config)}.", fix="Give Settings, a Guidance, a mapping, or the path of a TOML or YAML file."
    )


def with_override(config: Any, changes: Mapping[str, Any], *, reason: str, until: Any = None) -> dict[str, Any]:
    """A configuration as `config`, with one more decision taken by hand, checked now and not only when fitting.

    Raises:
        UnknownNameError: A detector or a parameter of one is unknown.
        SettingError: It says nothing, contradicts another one in force, or ends in the past.
    """
    merged = read_config(config)
    before = _overrides_of(merged)
    given = {kind: value for kind, value in changes.items() if value is not None}
    one = Override(
        id=f"override-{len(before.history) + 1}", **given, reason=reason, made_at=now_text(), until=end_of(until)
    )
    if not any(one.named(kind) for kind in ("include", "exclude", "force", "params")):
        raise SettingError("it decides nothing.", where="override", fix="Give include, exclude, force or params.")
    now = replace(before, history=(*before.history, one))
    check_overrides(now.in_force())
    return _with_history(merged, now)


def without_override(config: Any, name: str) -> tuple[dict[str, Any], bool]:
    """A configuration as `config`, with one decision cleared, and whether it was in force until now.

    Raises:
        UnknownNameError: There is no such decision.
    """
    merged = read_config(config)
    before = _overrides_of(merged)
    known = {one.id: one for one in before.history}
    if name not in known:
        raise UnknownNameError.of("override", name, known)
    if not known[name].in_force():
        return merged, False
    ended = tuple(replace(h, cleared_at=now_text()) if h.id == name else h for h in before.history)
    return _with_history(merged, replace(before, history=ended)), True


def override_history(config: Any) -> tuple[Override, ...]:
    """Every decision taken by hand, one by one, those that are cleared or over among them."""
    return _overrides_of(read_config(config)).history


def _overrides_of(config: Mapping[str, Any]) -> Overrides:
    return Settings.from_mapping({"overrides": config.get("overrides", {})}).overrides


def _with_history(config: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """The configuration with those overrides, as plain values, so that it can be stored."""
    return {**config, "overrides": overrides.to_dict()}


def guided_by(settings: Settings, reasons: tuple[Reason, ...], by_hand: frozenset[str], guided: Guidance) -> Guidance:
    """Settings and what a guide makes of them: one value and one reason per setting.

    What was set by hand outweighs what the preset says or a glance at the data suggests, but not what is asked for now.
    """
    why = tuple(r for r in guided.reasons if r.subject not in by_hand & guided.suggested)
    told = {r.subject for r in why}
    merged = {**read_config(settings), **{k: v for k, v in guided.settings.to_dict().items() if k in told}}
    before = tuple(r for r in reasons if r.subject not in told)
    return Guidance(
        settings=Settings.from_mapping(merged), reasons=before + _last_of_each(why), suggested=guided.suggested
    )


def _last_of_each(reasons: tuple[Reason, ...]) -> tuple[Reason, ...]:
    return tuple({r.subject: r for r in reasons}.values())
