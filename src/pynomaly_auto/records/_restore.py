"""From plain values back to records, by their type hints: the inverse of `plain`."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Hashable, Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import numpy as np

R = TypeVar("R")


def restore(kind: type[R], values: Mapping[str, Any], **given: Any) -> R:
    """Make a record from what `plain` turned it into.

    Args:
        kind: The record's class.
        values: Its fields as plain values; unknown ones are ignored, so that a newer file still loads.
        given: Fields to take as they are (arrays are stored apart).
    """
    hints = _hints(typing.cast(Hashable, kind))
    made = {
        f.name: _value(hints[f.name], values[f.name])
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
        if f.name in values and f.name not in given
    }
    return kind(**made, **given)


@cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(hint: Any, value: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        return _value(next(a for a in arguments if a is not type(None)), value)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return restore(hint, value)
    if origin is tuple:
        inner = arguments[0] if arguments else Any
        return tuple(_value(inner, v) for v in value)
    if origin is np.ndarray:
        return np.asarray(value)
    if origin in (Mapping, dict):
        return {k: _value(arguments[1], v) for k, v in value.items()}
    if hint is float:
        return math.nan if value is None else float(value)
    return value if origin is Literal else _tupled(value)


def _tupled(value: Any) -> Any:
    """JSON knows lists only; records hold tuples."""
    return tuple(_tupled(v) for v in value) if isinstance(value, list) else value
