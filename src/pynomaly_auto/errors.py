"""Every error this library raises and every warning it gives on purpose: what was wrong, where, and what to do."""

from __future__ import annotations

import difflib
import sys
import warnings
from collections.abc import Iterable

_SHOWN = 100  # most characters of a value in a message
_NEAR = 0.6  # below, as cpu_cores to preset, a suggestion sends people astray; difflib's own


def shown(value: object) -> str:
    """A value as messages show it: one short line, also where its own ``repr`` fails.

    >>> shown("a"), shown([1, 2])
    ("'a'", '[1, 2]')
    """
    try:
        text = " ".join(repr(value).split())
    except Exception:  # an object of the user's may do anything; numbers of thousands of digits have no text
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class PynomalyError(Exception):
    """Base of all our errors.

    Args:
        what: What was wrong, in one sentence, with the offending value.
        where: The parameter, column, file or stage concerned.
        fix: What the user can do about it.
    """

    def __init__(self, what: str, *, where: str | None = None, fix: str | None = None) -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(what)

    def __str__(self) -> str:
        what = self.what
        if self.where:
            end = "." if what.endswith(".") else ""
            what = f"{what.removesuffix('.')} (in {self.where}){end}"
        return f"{what} {self.fix}" if self.fix else what

    def __reduce__(self) -> tuple[object, ...]:
        # Keyword arguments do not survive the default pickling of exceptions, and ours cross process borders.
        return (_rebuild, (type(self), self.what, self.where, self.fix))


def _rebuild(kind: type[PynomalyError], what: str, where: str | None, fix: str | None) -> PynomalyError:
    return kind(what, where=where, fix=fix)


class InvalidInputError(PynomalyError, ValueError):
    """The data given cannot be used: empty, ragged, unreadable, of the wrong shape or content."""


class InvalidTypeError(InvalidInputError, TypeError):
    """An object of a kind that is no table at all, or cells that hold neither numbers nor text."""


class SchemaError(InvalidInputError):
    """New rows do not have the columns of the rows fitted on."""


class SettingError(PynomalyError, ValueError):
    """A setting lies outside what it may be."""


class UnknownNameError(SettingError):
    """A detector, preset, metric or similar that nobody has registered."""

    @classmethod
    def of(cls, kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
        """Make the error with the nearest known names as a suggestion.

        Args:
            kind: What the name should have named, for example ``"detector"``.
            name: The name given.
            known: All names that would have been right.
        """
        names = sorted(known)
        asked = name.lower() if isinstance(name, str) and len(name) <= _SHOWN else ""
        near = difflib.get_close_matches(asked, names, n=3, cutoff=_NEAR)
        fix = f"Known: {', '.join(names)}." if names else "There is none so far."
        if near:
            fix = f"Did you mean {' or '.join(repr(n) for n in near)}?"
        return cls(f"unknown {kind} {shown(name)}.", fix=fix)


class MissingExtraError(PynomalyError, ImportError):
    """A feature needs a package that belongs to an optional extra."""


class NotApplicableError(PynomalyError):
    """A detector, meta-feature or rule does not apply to this table: an outcome, recorded with its reason."""


class DetectorError(PynomalyError, RuntimeError):
    """A detector failed on data it should have handled."""


class NothingFinishedError(PynomalyError, RuntimeError):
    """Not one trial completed, so there is nothing to combine."""


class ResourceError(PynomalyError, RuntimeError):
    """The machine gives too little memory or too few processes, or lacks a library that one of our packages needs."""


class StorageError(PynomalyError, OSError):
    """A file or directory cannot be read or written, or does not hold what it should."""


class UntrustedError(StorageError):
    """Loading would run code that the user has not said to trust."""


class PynomalyWarning(UserWarning):
    """Base of all our warnings."""


class UnseenValuesWarning(PynomalyWarning):
    """Rows to be judged hold what no row fitted on held: a new category, or a column without a value."""


class AmbiguousReadingWarning(PynomalyWarning):
    """Texts can be read in two ways, and nothing in the table tells which is meant: both are named."""


def warn(message: str, category: type[PynomalyWarning]) -> None:
    """Give a warning at the place in the user's code from which the library was called."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith(__package__ or ""):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
