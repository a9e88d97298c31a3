"""Guided settings as a TOML file that a person reads and ``config=`` takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tomlkit

from pynomaly_auto.errors import SettingError
from pynomaly_auto.records import Guidance
from pynomaly_auto.settings import Settings


def configuration_toml(guidance: Guidance) -> str:
    """Guided settings as TOML: only what differs from the defaults, exactly, with the reasons as comments.

    Raises:
        SettingError: A detector's parameter is None, for which TOML has no word.
    """
    document, default = tomlkit.document(), Settings().to_dict()
    for reason in guidance.reasons:
        line = " ".join(f"{reason.subject}: {reason.text}".split())
        document.add(tomlkit.comment("".join(c if c.isprintable() else "\ufffd" for c in line)))
    for key, value in guidance.settings.to_dict().items():
        if value is not None and value != default[key]:
            document.add(key, _item(value, key))
    return tomlkit.dumps(document)


def _item(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        table = tomlkit.table()
        for key, inner in value.items():
            if inner or not isinstance(inner, (Mapping, list)):
                table.add(key, _item(inner, f"{where}.{key}"))
        return table
    if value is None:
        raise SettingError(
            f"{where} is None, for which TOML has no word.", fix="Keep this configuration in Python, or drop it."
        )
    return str(value) if not isinstance(value, (bool, int, float, str, list, tuple)) else value
