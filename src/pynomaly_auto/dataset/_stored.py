"""What an encoder learned, as data and back: everything is checked before a table is encoded with it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pynomaly_auto._conventions import is_format
from pynomaly_auto.dataset._leanings import Leanings
from pynomaly_auto.dataset._parts import (
    LETTERS,
    PERIODS,
    TEXT_TRAITS,
    AmountPart,
    CyclePart,
    FlagPart,
    LevelPart,
    NumberPart,
    Part,
    TextPart,
)
from pynomaly_auto.dataset._rarity import FormPart, RepeatPart
from pynomaly_auto.dataset._table import Array
from pynomaly_auto.dataset._zones import is_zone
from pynomaly_auto.dataset.reading import PARSES, Reading
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Column, Reason, restore

STATE_VERSION = 4
_FARTHEST = 1100  # powers of two that a float can have

_KINDS: tuple[type[Any], ...] = (NumberPart, AmountPart, FlagPart, LevelPart, CyclePart, TextPart, RepeatPart, FormPart)
_PARTS: Mapping[str, type[Any]] = {kind.kind: kind for kind in _KINDS}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How one column is read and encoded.

    Args:
        reading: How its cells are read to be encoded.
        parts: What encodes them; none: the column is left out.
        original: How its cells are read to be looked at one by one, where it is left out as well.
    """

    reading: Reading
    parts: tuple[Part, ...]
    original: Reading


@dataclass(frozen=True, kw_only=True)
class _StoredPlan:
    reading: Reading
    parts: tuple[dict[str, Any], ...]
    original: Reading


@dataclass(frozen=True, kw_only=True, eq=False)
class Learned:
    """All that an encoder learned.

    Args:
        watches_constants: Whether a column with one value is watched for others.
        owner: Class name of the estimator in whose name messages speak.
        names: Of the columns.
        labelled: Whether the table had names at all.
        named: Whether all of them were text.
        features: Name of each encoded feature.
        sources: Position of the column each feature came from.
        columns: What became of each column.
        reasons: Why.
        plans: How each column, or each main direction of a projected table, is encoded.
        components: Main directions, shape (n_directions, n_columns); None: the table is not projected.
        leanings: What was known of columns beforehand.
    """

    watches_constants: bool
    owner: str
    names: tuple[str, ...]
    labelled: bool
    named: bool
    features: tuple[str, ...]
    sources: tuple[int, ...]
    columns: tuple[Column, ...]
    reasons: tuple[Reason, ...]
    plans: tuple[Plan, ...]
    components: Array | None
    leanings: Leanings = field(default_factory=Leanings)

    def to_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """As what JSON holds and as arrays."""
        arrays: dict[str, Array] = {} if self.components is None else {"components": self.components}
        plans = []
        for i, plan in enumerate(self.plans):
            parts = []
            for j, part in enumerate(plan.parts):
                values, more = part_to_state(part, f"{i}.{j}")
                parts.append(values)
                arrays |= more
            read = {"reading": dataclasses.asdict(plan.reading), "original": dataclasses.asdict(plan.original)}
            plans.append({**read, "parts": parts})
        return {
            "version": STATE_VERSION,
            "watches_constants": self.watches_constants,
            "owner": self.owner,
            "names": list(self.names),
            "labelled": self.labelled,
            "named": self.named,
            "features": list(self.features),
            "sources": list(self.sources),
            "columns": [{**dataclasses.asdict(c), "features": list(c.features)} for c in self.columns],
            "reasons": [reason.to_dict() for reason in self.reasons],
            "plans": plans,
            "leanings": {name: dict(known) for name, known in vars(self.leanings).items()},
        }, arrays

    @classmethod
    def from_state(cls, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> Learned:
        """The inverse of `to_state`.

        Raises:
            StorageError: It is incomplete, does not fit, or is of a version this one does not know.
        """
        if values.get("version") != STATE_VERSION:
            raise StorageError(
                f"the encoder was saved in format {values.get('version')!r}; this version reads {STATE_VERSION}.",
                fix="Load it with the version of pynomaly_auto that saved it.",
            )
        try:
            stored = restore(_StoredPlans, values).plans
            plans = tuple(_plan(plan, arrays, i) for i, plan in enumerate(stored))
            made = restore(cls, values, plans=plans, components=arrays.get("components"))
            made.check()
        except StorageError as error:
            raise StorageError(f"the saved encoder is damaged: {error.what}", fix="Save it again.") from None
        return made

    def check(self) -> None:
        """Compare its parts with one another.

        Raises:
            StorageError: They do not fit.
        """
        width = sum(len(part.features) for plan in self.plans for part in plan.parts)
        _require(width == len(self.features) == len(self.sources) > 0, "the features differ in number")
        _require(len(set(self.names)) == len(self.names) == len(self.columns), "the columns differ in number")
        _require(all(0 <= source < len(self.names) for source in self.sources), "a feature comes from no column")
        n_plans = len(self.names)
        if self.components is not None:
            n_plans = len(self.components)
            _require_array(self.components, (n_plans, len(self.names)), "components")
        _require(len(self.plans) == n_plans, "the columns and their plans differ in number")
        self.leanings.check(len(self.names))


@dataclass(frozen=True, kw_only=True)
class _StoredPlans:
    plans: tuple[_StoredPlan, ...]


def part_to_state(part: Any, key: str) -> tuple[dict[str, Any], dict[str, Array]]:
    """A part as plain values and arrays, the arrays under names that begin with ``key``."""
    fields = {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}
    arrays = {f"{key}.{name}": value for name, value in fields.items() if isinstance(value, np.ndarray)}
    values = {
        name: list(v) if isinstance(v, tuple) else v for name, v in fields.items() if f"{key}.{name}" not in arrays
    }
    return {"part": part.kind, **values}, arrays


def part_from_state(values: Mapping[str, Any], arrays: Mapping[str, Array], key: str) -> Part:
    """The inverse of `part_to_state`.

    Raises:
        StorageError: The part is of a kind this version does not know, some of it is missing, or it does not fit.
    """
    name = values.get("part")
    kind = _PARTS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise StorageError(f"unknown encoding {name!r}.")
    held = {f.name for f in dataclasses.fields(kind)}
    given = {name: arrays[f"{key}.{name}"] for name in held if f"{key}.{name}" in arrays}
    made: Part = restore(kind, values, **given)
    _check_part(made)
    return made


def _plan(stored: _StoredPlan, arrays: Mapping[str, Array], number: int) -> Plan:
    for reading in (stored.reading, stored.original):
        known = reading.parse in PARSES.get(reading.form, ("",))
        known = known or (reading.form == "time" and is_format(reading.parse))
        _require(known, f"cells cannot be read as {reading.parse!r}")
        _require(reading.zone is None or is_zone(reading.zone), f"there is no time zone {reading.zone!r}")
    parts = tuple(part_from_state(part, arrays, f"{number}.{j}") for j, part in enumerate(stored.parts))
    return Plan(reading=stored.reading, parts=parts, original=stored.original)


def _check_part(part: Part) -> None:
    if isinstance(part, NumberPart):
        scale: tuple[float, ...] = (part.centre, part.spread, part.fill, part.below, part.above)
        fits = all(map(math.isfinite, scale)) and part.spread != 0 and abs(part.exponent) <= _FARTHEST
        _require(fits, f"{part.feature!r} has no scale")
    elif isinstance(part, AmountPart):
        scale = (part.unit, part.centre, part.spread, part.fill, part.below, part.above)
        fits = all(map(math.isfinite, scale)) and part.spread != 0 and part.unit > 0
        _require(fits, f"{part.feature!r} has no scale")
    elif isinstance(part, RepeatPart):
        n = part.repeated.size if isinstance(part.repeated, np.ndarray) else 0
        _require_array(part.repeated, (max(n, 1),), "values")
        _require(bool((np.diff(part.repeated) > 0).all()), "the values are in no order")
        _require_array(part.table, (n + 2,), "rarities")
    elif isinstance(part, FormPart):
        _require_array(part.table, (len(part.forms) + 2,), "rarities")
    elif isinstance(part, FlagPart):
        _require(math.isfinite(part.share) and math.isfinite(part.spread) and part.spread != 0, "a flag has no scale")
    elif isinstance(part, LevelPart):
        _require_array(part.table, (len(part.levels) + 2, len(part.features)), "levels")
    elif isinstance(part, CyclePart):
        _require(part.zone is None or is_zone(part.zone), f"there is no time zone {part.zone!r}")
        _require(len(part.features) == 2, "a point on a circle has two coordinates")
        _require_array(part.table, (PERIODS[part.unit] + 1, 2), "cycle")
    elif isinstance(part, TextPart):
        traits = len(TEXT_TRAITS)
        _require(len(part.features) == traits, "a text has other traits")
        _require_array(part.surprise, (LETTERS, LETTERS), "surprise")
        _require_array(part.centres, (traits,), "centres")
        _require_array(part.spreads, (traits,), "spreads")
        _require(bool((part.spreads != 0).all()), "a trait has no scale")


def _require_array(array: Any, shape: tuple[int, ...], name: str) -> None:
    fits = isinstance(array, np.ndarray) and array.dtype == np.float64 and array.shape == shape
    _require(fits and bool(np.isfinite(array).all()), f"the array of {name} does not fit")


def _require(fits: bool, otherwise: str) -> None:
    if not fits:
        raise StorageError(f"{otherwise}.")
