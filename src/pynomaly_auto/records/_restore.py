"""From plain values back to records, by their type hints: the inverse of `plain`, and a check of every field.

Stored records come from files that anybody may have written, so nothing is taken on trust: a field that is missing or
of another type is one clear error that says which.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np

from pynomaly_auto.errors import StorageError

R = TypeVar("R")

_PLAIN: Mapping[Any, tuple[type, ...]] = {str: (str,), int: (int,), bool: (bool,), float: (float, int)}
_NAMES: Mapping[Any, str] = {
    str: "text", int: "a whole number", bool: "true or false", float: "a number", list: "a list", dict: "a mapping",
}  # fmt: skip
_SHOWN = 60  # characters of a wrong value


def restore(kind: type[R], values: Mapping[str, Any], **given: Any) -> R:
    """Make a record from what `plain` turned it into.

    Args:
        kind: The record's class.
        values: Its fields as plain values; unknown ones are ignored, so that a newer file still loads.
        given: Fields to take as they are (arrays are stored apart).

    Raises:
        StorageError: A field is missing, or of another type than the record declares.
    """
    return _record(kind, values, kind.__name__, given)


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _record(kind: type[R], values: Any, place: str, given: Mapping[str, Any]) -> R:
    if not isinstance(values, Mapping):
        raise _wrong(place, values, "a mapping")
    hints = _hints(typing.cast(Hashable, kind))
    made: dict[str, Any] = {}
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in given:
            continue
        if field.metadata.get("flat"):
            made[field.name] = _record(hints[field.name], values, place, {})
        elif field.name in values:
            made[field.name] = _value(hints[field.name], values[field.name], f"{place}.{field.name}")
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise StorageError(f"{place}.{field.name} is missing.")
    return kind(**made, **given)


def _value(hint: Any, value: Any, place: str) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in _PLAIN:
        return _scalar(hint, value, place)
    if origin in (Union, types.UnionType):
        return _one_of(arguments, value, place)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint, value, place, {})
    if origin is tuple:
        return _tuple(arguments, value, place)
    if origin is np.ndarray:
        return _array(value, place)
    if origin in (Mapping, dict):
        if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
            raise _wrong(place, value, "a mapping")
        return {k: _value(arguments[1], v, f"{place}[{k!r}]") for k, v in value.items()}
    if origin is Literal:
        if not isinstance(value, str) or value not in arguments:
            raise _wrong(place, value, f"one of {', '.join(map(repr, arguments))}")
        return value
    return _tupled(value)


def _scalar(hint: type, value: Any, place: str) -> Any:
    if hint is float and value is None:
        return math.nan  # JSON has no other word for it
    if not isinstance(value, _PLAIN[hint]) or (isinstance(value, bool) and hint is not bool):
        raise _wrong(place, value, _NAMES[hint])
    if hint is not float:
        return value
    try:
        return float(typing.cast(float, value))
    except OverflowError:
        raise _wrong(place, value, "a number that fits") from None


def _one_of(alternatives: Sequence[Any], value: Any, place: str) -> Any:
    if value is None and type(None) in alternatives:
        return None
    wrong: StorageError | None = None
    for alternative in alternatives:
        if alternative is type(None):
            continue
        try:
            return _value(alternative, value, place)
        except StorageError as error:
            wrong = wrong or error
    raise wrong or _wrong(place, value, "nothing")


def _tuple(arguments: Sequence[Any], value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise _wrong(place, value, "a list")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_value(arguments[0], v, f"{place}[{i}]") for i, v in enumerate(value))
    if len(arguments) != len(value):
        raise _wrong(place, value, f"a list of {len(arguments)}")
    return tuple(_value(hint, v, f"{place}[{i}]") for i, (hint, v) in enumerate(zip(arguments, value, strict=True)))


def _array(value: Any, place: str) -> np.ndarray[Any, Any]:
    try:
        made = np.asarray(value)
    except ValueError:  # ragged
        raise _wrong(place, value, "an array") from None
    if made.dtype.kind not in "biufU":
        raise _wrong(place, value, "an array of numbers or text")
    return made


def _tupled(value: Any) -> Any:
    """JSON knows lists only; records hold tuples, those within parameters included."""
    if isinstance(value, Mapping):
        return {k: _tupled(v) for k, v in value.items()}
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value


def _wrong(place: str, value: Any, expected: str) -> StorageError:
    shown = repr(value)[:_SHOWN] if isinstance(value, (str, bool, float, type(None))) else _NAMES.get(type(value), "")
    return StorageError(f"{place} is {shown or f'a {type(value).__name__}'} instead of {expected}.")
