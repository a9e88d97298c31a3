"""The catalogue of reason codes: each stage declares its own in a table of its room."""

from __future__ import annotations

from dataclasses import dataclass

from pynomaly_auto._registry import Registry

_ROOMS = (
    "dataset",
    "cells",
    "presets",
    "engine",
    "profiling",
    "recommending",
    "tuning",
    "ensembling",
    "supervising",
    "asking",
    "deciding",
    "ruling",
    "tracking",
    "storing",
)


@dataclass(frozen=True)
class ReasonCode:
    """What a code means: one meaning each, whatever the words of the single reason.

    Args:
        code: Stage, then number: ``"ENS-001"``.
        title: What it is about, in a few words.
        says: What a reason of this code says.
        do: What a user can do about it, or that there is nothing to do.
    """

    code: str
    title: str
    says: str
    do: str = "Nothing."

    @property
    def name(self) -> str:
        """The code: what it is registered under."""
        return self.code


CODES: Registry[ReasonCode] = Registry(
    kind="reason code",
    modules=tuple(f"pynomaly_auto.{room}._codes" for room in _ROOMS),
    group="pynomaly_auto.reason_codes",
)


def declare(*codes: ReasonCode) -> None:
    """Register a stage's table of codes."""
    for code in codes:
        CODES.add(code)
