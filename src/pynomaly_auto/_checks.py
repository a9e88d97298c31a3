"""What a setting's value may be, whatever is given: each check returns plain values or says what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from pynomaly_auto.errors import SettingError, shown

# True is an int to Python, and never what a user meant by a number.
_BOOLEANS: tuple[type, ...] = (bool,)
_LONGEST_TEXT = 1_000  # characters of a setting that is a name


def is_whole(value: Any) -> bool:
    """Whether it is a whole number of any type, but for True and False."""
    return isinstance(value, Integral) and not isinstance(value, _BOOLEANS)


def is_number(value: Any) -> bool:
    """Whether it is a real number within the range of floats."""
    if not isinstance(value, Real) or isinstance(value, _BOOLEANS):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def one_line(name: str, value: Any) -> str | None:
    """A setting that is one line of text, or None.

    Raises:
        SettingError: It is something else.
    """
    if value is None:
        return None
    if isinstance(value, str) and value.isprintable() and len(value) <= _LONGEST_TEXT:
        return str(value)
    raise SettingError(f"{name} is {shown(value)}.", fix="Give one line of text, or None.")


def words(value: Any) -> str:
    """Text of any length and number of lines, in characters that a file can hold."""
    if not isinstance(value, str):
        raise SettingError(f"the reason of an override is {shown(value)}.", fix="Give it in words.")
    return value.encode("utf-8", "replace").decode()


def flag(name: str, value: Any) -> bool:
    """A setting that is true or false."""
    if type(value).__name__ in ("bool", "bool_"):  # Python's and numpy's, which is not imported for this
        return bool(value)
    raise SettingError(f"{name} is {shown(value)}.", fix="Give True or False.")


def names(key: str, value: Any) -> tuple[str, ...]:
    """Names of detectors: one, or several in any container that keeps or has no order."""
    if value is None:
        return ()
    given = (value,) if isinstance(value, str) else value
    ordered = sorted(given, key=str) if isinstance(given, (set, frozenset)) else given
    if isinstance(ordered, Iterable) and not isinstance(ordered, (Mapping, bytes)):
        found = _iterated(ordered)
        if all(isinstance(name, str) for name in found):
            return tuple(str(name) for name in found)
    raise SettingError(f"{key} is {shown(value)}.", where="overrides", fix="Give names of detectors.")


def _iterated(values: Iterable[Any]) -> list[Any]:
    try:
        return list(values)
    except Exception:  # a user's object may raise anything, as a zero-dimensional array does
        return [None]


def path_of(value: Any) -> Path:
    """The path of a file or folder; ``~`` at its beginning is the user's own folder.

    Raises:
        SettingError: It is none.
    """
    try:
        if value == "":  # which pathlib takes for the folder one is in
            raise TypeError
        return _at_home(Path(value))
    except TypeError:
        raise SettingError(
            f"the path is {shown(value)}.", where="path", fix="Give it as text or as a pathlib.Path."
        ) from None


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError:  # there is no such user, and so it is a name like any other
        return path


def trust(value: Any) -> bool | tuple[str, ...]:
    """Whether pickles of third parties' types may be loaded: all, none, or those of some types.

    Raises:
        SettingError: It is neither true nor false, nor names.
    """
    if type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    given = (value,) if isinstance(value, str) else value
    if isinstance(given, (list, tuple, set, frozenset)) and all(isinstance(name, str) for name in given):
        return tuple(sorted(given))
    fix = "Give True, False, or the full names of the types, as the error names them."
    raise SettingError(f"trusted is {shown(value)}.", where="trusted", fix=fix)


def params_of(value: Any) -> dict[str, dict[str, Any]]:
    """Detector to the values of its parameters, plain all the way down."""
    params = {} if value is None else value
    if isinstance(params, Mapping) and all(
        isinstance(detector, str) and isinstance(chosen, Mapping) and all(isinstance(name, str) for name in chosen)
        for detector, chosen in params.items()
    ):
        return {str(d): {str(name): _plain(name, v) for name, v in chosen.items()} for d, chosen in params.items()}
    raise SettingError(
        f"params is {shown(value)}.", where="overrides", fix="Give a mapping from detector to {parameter: value}."
    )


def _plain(name: str, value: Any) -> Any:
    """A parameter's value as records and files hold it: numbers, text, truth values, None, and lists of these."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if type(value).__name__ == "bool_":
        return bool(value)
    if is_whole(value):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(name, v) for v in value)
    raise SettingError(f"parameter {name} is {shown(value)}.", where="overrides", fix="Give a number, text or list.")
