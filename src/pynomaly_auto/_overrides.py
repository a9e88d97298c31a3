"""Decisions taken by hand: what they say, why, since when and until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from pynomaly_auto._checks import names, one_line, params_of, words
from pynomaly_auto.errors import SettingError, UnknownNameError, shown


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

    def __post_init__(self) -> None:
        for kind in ("include", "exclude", "force"):
            object.__setattr__(self, kind, names(kind, getattr(self, kind)))
        object.__setattr__(self, "params", params_of(self.params))
        object.__setattr__(self, "reason", words(self.reason))
        for name in ("id", "made_at", "until", "cleared_at"):
            object.__setattr__(self, name, one_line(name, getattr(self, name)))
        if self.until is not None:
            _moment(self.until)

    def in_force(self, now: datetime | None = None) -> bool:
        """Whether it counts at that time (None: now)."""
        if self.cleared_at is not None:
            return False
        return self.until is None or _moment(self.until) > (now or datetime.now(UTC))

    def named(self, kind: str) -> tuple[str, ...]:
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
            raise SettingError(f"{shown(values)} is no override.", where="overrides", fix="Make it with override().")
        for name in values:
            if name not in known:
                raise UnknownNameError.of("field of an override", str(name), known)
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What the user decides by hand, with the reason that goes into the record.

    Args:
        include: Only these detectors are candidates (empty: all).
        exclude: These detectors are never candidates.
        force: These detectors are tried and kept whatever the ranking says, with a share of the ensemble's score: at
            least 20 % each (of more than three, 60 % together).
        params: Detector name to parameter values that replace defaults and are not tuned. Such a detector has at least
            10 % of the ensemble's score (of more than three, 30 % together), as nothing is known of it.
        reason: Why, in the user's words.
        history: Decisions taken one by one, each with an id and perhaps an end; those in force count as well.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    force: tuple[str, ...] = ()
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    reason: str = "asked for by the user"
    history: tuple[Override, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.history, (list, tuple)):
            raise SettingError(f"history is {shown(self.history)}.", where="overrides", fix="Give a list of overrides.")
        history = (h if isinstance(h, Override) else Override.from_dict(h) for h in self.history)
        object.__setattr__(self, "history", tuple(history))
        for name in ("include", "exclude", "force"):
            object.__setattr__(self, name, names(name, getattr(self, name)))
        object.__setattr__(self, "params", params_of(self.params))
        object.__setattr__(self, "reason", words(self.reason))
        clash = set(self.exclude) & (set(self.force) | set(self.include))
        if clash:
            raise SettingError(
                f"{', '.join(sorted(clash))} both excluded and asked for.",
                where="overrides",
                fix="Drop one of the two.",
            )

    def in_force(self) -> Overrides:
        """What counts now: all that is said here, and by those of the history that are neither cleared nor over."""
        now = tuple(h for h in self.history if h.in_force())
        lists = {
            kind: tuple(dict.fromkeys((*getattr(self, kind), *(n for h in now for n in h.named(kind)))))
            for kind in ("include", "exclude", "force")
        }
        params = dict(self.params)
        for one in now:
            params |= one.params
        return Overrides(**lists, params=params, reason=self.reason, history=now)

    def why(self, kind: str, name: str) -> str:
        """Why a detector is named under ``"include"``, ``"exclude"``, ``"force"`` or ``"params"``."""
        named = [h.reason for h in self.history if name in h.named(kind)]
        return named[-1] if named else self.reason

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "include": list(self.include), "exclude": list(self.exclude), "force": list(self.force),
            "params": {name: dict(given) for name, given in self.params.items()}, "reason": self.reason,
            "history": [one.to_dict() for one in self.history],
        }  # fmt: skip


def end_of(until: Any) -> str | None:
    """When an override ends, in UTC: from a date and time, or its ISO 8601 text; without a zone, local time.

    Raises:
        SettingError: It is no time, or lies in the past.
    """
    if until is None:
        return None
    moment = _moment(until)
    if moment <= datetime.now(UTC):
        raise SettingError(f"until is {shown(until)}, which is past.", where="override", fix="Give a time to come.")
    return moment.isoformat()


def now_text() -> str:
    """The time, to the second, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _moment(until: Any) -> datetime:
    """A date and time, or its ISO 8601 text, in UTC; without a zone it is local time."""
    try:
        return (until if isinstance(until, datetime) else datetime.fromisoformat(until)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        fix = "Give a datetime, or a text such as '2026-12-31T18:00'."
        raise SettingError(f"until is {shown(until)}.", where="override", fix=fix) from None
