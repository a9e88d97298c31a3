"""One decision taken by hand: what it says, why, since when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from pynomaly_auto.errors import SettingError, UnknownNameError


@dataclass(frozen=True, kw_only=True)
class Override:
    """One decision taken by hand; `AutonomousDetector.override` makes it, `clear_override` ends it.

    Args:
        id: By which it can be cleared: ``"override-1"``.
        include: Only these detectors are candidates.
        exclude: These are none.
        force: These are tried, and have a share of the score.
        params: Detector name to parameter values that are not to be tuned.
        reason: Why, in the user's words.
        made_at: When it was taken, ISO 8601 in UTC.
        until: When it ends by itself, ISO 8601 in UTC; None: not.
        cleared_at: When it was cleared; None: it was not.
    """

    id: str
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    force: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str
    made_at: str
    until: str | None = None
    cleared_at: str | None = None

    def in_force(self, now: datetime | None = None) -> bool:
        """Whether it counts at that time (None: now)."""
        if self.cleared_at is not None:
            return False
        return self.until is None or _parsed(self.until) > (now or datetime.now(UTC))

    def names(self, kind: str) -> tuple[str, ...]:
        """The detectors it names under ``"include"``, ``"exclude"``, ``"force"`` or ``"params"``."""
        return tuple(getattr(self, kind))

    def to_dict(self) -> dict[str, Any]:
        """Plain values only, without what is not there."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values |= {kind: list(values[kind]) for kind in ("include", "exclude", "force")}
        values["params"] = {name: dict(given) for name, given in self.params.items()}
        return {name: value for name, value in values.items() if value}

    @classmethod
    def from_dict(cls, values: Any) -> Override:
        """The inverse of `to_dict`.

        Raises:
            SettingError: It is no mapping, or lacks its id, reason or time.
            UnknownNameError: A key is none of its fields.
        """
        known = {f.name for f in fields(cls)}
        if not isinstance(values, Mapping) or not {"id", "reason", "made_at"} <= set(values):
            raise SettingError(f"{values!r} is no override.", where="overrides", fix="Make it with override().")
        for name in values:
            if name not in known:
                raise UnknownNameError.of("field of an override", str(name), known)
        lists = {kind: tuple(values.get(kind, ())) for kind in ("include", "exclude", "force")}
        return cls(**{**values, **lists})


def end_of(until: Any) -> str | None:
    """When an override ends, in UTC: from a date and time, or its ISO 8601 text; without a zone, local time.

    Raises:
        SettingError: It is no time, or lies in the past.
    """
    if until is None:
        return None
    try:
        moment = until if isinstance(until, datetime) else _parsed(until)
        moment = moment.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        fix = "Give a datetime, or a text such as '2026-12-31T18:00'."
        raise SettingError(f"until is {until!r}.", where="override", fix=fix) from None
    if moment <= datetime.now(UTC):
        raise SettingError(f"until is {until}, which is past.", where="override", fix="Give a time to come.")
    return moment.isoformat()


def now_text() -> str:
    """The time, to the second, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _parsed(text: Any) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
