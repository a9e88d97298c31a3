"""From what the user said, in whatever form, to one validated `Settings`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pynomaly_auto._checks import one_line
from pynomaly_auto.errors import SettingError, shown
from pynomaly_auto.presets import PRESETS
from pynomaly_auto.records import Guidance, Reason
from pynomaly_auto.settings import Overrides, Settings, read_mapping

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
    config = read_config(given.get("config"))
    explicit = {k: v for k, v in given.items() if k != "config" and not _same(v, getattr(_DEFAULTS, k))}
    name = one_line("preset", explicit.get("preset", config.get("preset")))
    preset = None if name is None else PRESETS[name]
    values = {**(dict(preset.values) if preset else {}), **config, **explicit}
    if values.get("n_trials") is not None and "time_budget" not in values:
        values["time_budget"] = None  # a budget in trials is not cut short by the default clock
    source = given.get("config")
    where = str(source) if isinstance(source, (str, Path)) else "config" if config else "settings"
    settings = Settings.from_mapping(values, where=where)
    reasons = [] if preset is None else list(preset.reasons)
    for origin, mapping in (("config", config), ("keyword", explicit)):
        reasons += [
            Reason(code="SET-001", subject=key, text=f"set to {value!r} by {origin}.", evidence={"origin": origin})
            for key, value in mapping.items()
            if key not in {"overrides", "preset"}
        ]
    return settings, tuple(reasons)


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
    """Turn a ``config`` argument into what it says: a `Settings`, a mapping, or the path of a TOML / YAML file."""
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


def with_overrides(config: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as `config`, with decisions taken by hand added to those it has."""
    merged = read_config(config)
    before = merged.get("overrides", {})
    now = Overrides(**before) if isinstance(before, Mapping) else before
    values: dict[str, Any] = {
        "include": now.include,
        "exclude": now.exclude,
        "force": now.force,
        "params": now.params,
        "reason": now.reason,
    }
    added = {k: v for k, v in changes.items() if v}
    for key in ("include", "exclude", "force"):
        new = (added[key],) if isinstance(added.get(key), str) else tuple(added.get(key, ()))
        values[key] = tuple(dict.fromkeys((*values[key], *new)))
    values["params"] = {**values["params"], **added.get("params", {})}
    values["reason"] = added.get("reason", values["reason"])
    Overrides(**values)  # say now what is wrong with it, not when fitting
    return {**merged, "overrides": values}


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
