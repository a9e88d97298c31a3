"""What a preset is, how it is read, and how it meets the user's own settings."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pynomaly_auto._checks import path_of
from pynomaly_auto.errors import SettingError, StorageError
from pynomaly_auto.records import Reason, plain
from pynomaly_auto.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings a field of application starts from.

    Args:
        name: What users call it, in snake case.
        title: Its name for people.
        description: What it is for, in one or two sentences.
        values: Setting to value, as `Settings.from_mapping` takes them.
        preferred: Detectors the field does well with; the ranking favours them.
        discouraged: Detectors the field does badly with; the ranking disfavours them.
        sources: What the preset rests on.
        reasons: Why each value is what it is.
    """

    name: str
    title: str
    description: str
    values: Mapping[str, Any] = field(default_factory=dict)
    preferred: tuple[str, ...] = ()
    discouraged: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()

    def __post_init__(self) -> None:
        if "preset" in self.values:
            raise SettingError("a preset cannot name another.", where=f"preset {self.name}", fix="Drop 'preset'.")
        Settings.from_mapping(self.values, where=f"preset {self.name}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}


def load_preset(path: str | Path | Traversable, *, name: str | None = None) -> Preset:
    """Read a preset from a TOML file.

    The file has ``title``, ``description``, optionally ``preferred``, ``discouraged`` and ``sources``, a table
    ``[values]`` of settings and a table ``[reasons]`` with a sentence for each of them.

    Args:
        path: The file.
        name: Its name; None: the file's, without the ending.

    Raises:
        StorageError: The file cannot be read or lacks something.
        SettingError: A value lies outside what it may be.
    """
    file = path if isinstance(path, Traversable) else path_of(path)
    called = name or file.name.removesuffix(".toml")
    try:
        body = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StorageError(f"preset file {file.name!r} cannot be read: {error}.") from None
    known = {"title", "description", "values", "reasons", "preferred", "discouraged", "sources"}
    strange, lacking = set(body) - known, {"title", "description"} - set(body)
    if strange or lacking:
        what = f"has no {', '.join(sorted(lacking))}" if lacking else f"has unknown {', '.join(sorted(strange))}"
        raise StorageError(f"preset file {file.name!r} {what}.", fix=f"It may hold {', '.join(sorted(known))}.")
    values = body.get("values", {})
    return Preset(
        name=called,
        title=body["title"],
        description=body["description"],
        values=values,
        preferred=tuple(body.get("preferred", ())),
        discouraged=tuple(body.get("discouraged", ())),
        sources=tuple(body.get("sources", ())),
        reasons=tuple(
            Reason(code="PRE-001", subject=key, text=text, evidence={"preset": called, "value": str(values.get(key))})
            for key, text in body.get("reasons", {}).items()
        ),
    )
