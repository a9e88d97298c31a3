"""Fitted estimators as data: each class declares what its scoring needs, and is made again from that after checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import State

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.records import FloatArray, IntArray

Sizes = dict[str, int]


class Field(Protocol):
    """One attribute of a fitted estimator: how it is written, and how it is read and checked."""

    def write(self, name: str, held: Any) -> State:
        """The attribute as data."""
        ...

    def read(self, name: str, state: State, sizes: Sizes) -> Any:
        """The attribute again.

        Args:
            name: Its name.
            state: Of the estimator.
            sizes: Name to size of what is known so far; a name met first is learnt, met again it must agree.

        Raises:
            StorageError: It is missing or not what it should be.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Array:
    """An array.

    Args:
        shape: A number, or the name of a size that several arrays share (or that "plus a number", as in
            ``"d + 1"``), for each dimension.
        dtype: Its exact type.
        below: Name of a size that every entry is a position in.
        positive: Every entry is above zero.
        empty: There may be nothing in it.
        alternative: Another shape that it may have.
    """

    shape: tuple[str | int, ...]
    dtype: type[np.generic] = np.float64
    below: str | None = None
    positive: bool = False
    empty: bool = False
    alternative: tuple[str | int, ...] = ()

    def write(self, name: str, held: Any) -> State:
        """The array, in the order of its rows."""
        return State(arrays={name: np.ascontiguousarray(held, dtype=self.dtype)})

    def read(self, name: str, state: State, sizes: Sizes) -> np.ndarray[Any, Any]:
        """The array again, its shape, its type and what it may hold checked."""
        wanted = np.dtype(self.dtype)
        found = state.array(name, kind=wanted.kind)
        if found.dtype != wanted:
            raise StorageError(f"the array {name!r} has type {found.dtype}, not {wanted}.")
        self._check_shape(name, found.shape, sizes)
        if wanted.kind == "f" and not np.isfinite(found).all():
            raise StorageError(f"the array {name!r} holds numbers that are not finite.")
        if self.positive and not (found > 0).all():
            raise StorageError(f"the array {name!r} holds numbers that are not above zero.")
        if self.below is not None and found.size and not 0 <= found.min() <= found.max() < sizes[self.below]:
            raise StorageError(f"the array {name!r} holds positions outside of 0 to {sizes[self.below] - 1}.")
        return np.ascontiguousarray(found)

    def _check_shape(self, name: str, found: tuple[int, ...], sizes: Sizes) -> None:
        wanted = self.alternative if len(found) == len(self.alternative) else self.shape
        if len(found) != len(wanted):
            raise StorageError(f"the array {name!r} has {len(found)} dimensions, not {len(self.shape)}.")
        for size, expected in zip(found, wanted, strict=True):
            base, _, more = str(expected).partition(" + ")
            extra = int(more or 0)
            known = expected if isinstance(expected, int) else sizes.setdefault(base, size - extra) + extra
            if size != known or known < extra + (not self.empty):
                raise StorageError(f"the array {name!r} has shape {found}: {size} does not fit.")


@dataclass(frozen=True, kw_only=True)
class Value:
    """A number, a truth or a text.

    Args:
        kind: Its type.
        least: Smallest number allowed.
        most: Largest number allowed, or the name of the size that it may reach.
        among: The texts allowed.
    """

    kind: type = float
    least: float | None = None
    most: float | str | None = None
    among: Sequence[str] = ()

    def write(self, name: str, held: Any) -> State:
        """The value as JSON has it."""
        return State(values={name: self.kind(held)})

    def read(self, name: str, state: State, sizes: Sizes) -> Any:
        """The value again, checked."""
        found = state.value(name, (int, float) if self.kind is float else self.kind)
        most = sizes[self.most] if isinstance(self.most, str) else self.most
        wrong = (
            (self.kind in {int, float} and not np.isfinite(float(found)))
            or (self.least is not None and found < self.least)
            or (most is not None and found > most)
            or (self.among and found not in self.among)
        )
        if wrong:
            raise StorageError(f"the value {name!r} is {found!r}.")
        return self.kind(found)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Something with data of its own, whose sizes are those of the whole.

    Args:
        kind: Its class.
        renamed: Its name of a size to the whole's name of it; the others are called the same.
    """

    kind: type[Stored]
    renamed: Mapping[str, str] = field(default_factory=dict)

    def write(self, name: str, held: Any) -> State:
        """Its data, under its name."""
        state: State = held.to_state()
        return state.within(name)

    def read(self, name: str, state: State, sizes: Sizes) -> Stored:
        """The part again."""
        own = {mine: sizes[whole] for mine, whole in self.renamed.items() if whole in sizes}
        shared = {size: known for size, known in sizes.items() if size not in self.renamed}
        inner = {**shared, **own}
        made = self.kind.read_state(state.part(name), inner)
        sizes.update({self.renamed.get(size, size): known for size, known in inner.items()})
        return made


class Stored:
    """A fitted estimator that is data: `layout` names the attributes that scoring needs, in the order they are read.

    What comes out of `from_state` scores as what went in, to the bit; it has learnt all it ever will, and its settings
    for fitting are gone.
    """

    layout: ClassVar[Mapping[str, Field]]
    _digest: bytes = b""

    def __getstate__(self) -> dict[str, Any]:
        # What starts with an underscore is made again when needed.
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    @property
    def digest(self) -> bytes:
        """Equal for equal data of one class."""
        if not self._digest:
            state = self.to_state()
            whole = blake2b(repr((type(self).__name__, sorted(state.values.items()))).encode(), digest_size=16)
            for name in sorted(state.arrays):
                whole.update(repr((name, state.arrays[name].shape)).encode())
                whole.update(state.arrays[name].data)
            self._digest = whole.digest()
        return self._digest

    def to_state(self) -> State:
        """What scoring needs, as arrays and values."""
        out = State()
        for name, kept in self.layout.items():
            out = out | kept.write(name, getattr(self, name))
        return out

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing, or not of the kind or the shape it should be.
        """
        return cls.read_state(state, {})

    @classmethod
    def read_state(cls, state: State, sizes: Sizes) -> Self:
        """The same as a part of something whose sizes are known.

        Raises:
            StorageError: Something is missing, or not of the kind or the shape it should be.
        """
        made = cls.__new__(cls)
        for name, kept in cls.layout.items():
            setattr(made, name, kept.read(name, state, sizes))
        made.check()
        return made

    def check(self) -> None:
        """Compare what `layout` cannot: called when all attributes have been read.

        Raises:
            StorageError: They do not fit together.
        """


def read(kind: Any, state: State, sizes: Sizes) -> Any:
    """Make an estimator of any class that has ``from_state``; what its sizes are to be is checked where we can.

    Args:
        kind: Its class.
        state: Its data.
        sizes: Sizes known, such as ``"d"``, the number of features.

    Raises:
        StorageError: Something is missing, or not of the kind or the shape it should be.
    """
    ours = isinstance(kind, type) and issubclass(kind, Stored)
    return kind.read_state(state, sizes) if ours else kind.from_state(state)


def check_parts(starts: IntArray, ordered: FloatArray) -> None:
    """Check that positions cut an array into parts, none empty, whose entries ascend.

    Args:
        starts: Where each part starts, and where the last ends; shape (n_parts + 1,).
        ordered: What is cut.

    Raises:
        StorageError: They do not.
    """
    if starts[0] != 0 or starts[-1] != len(ordered) or (np.diff(starts) < 1).any():
        raise StorageError(f"the positions {starts.tolist()[:5]}… do not cut {len(ordered)} values into parts.")
    falls = np.flatnonzero(np.diff(ordered) < 0) + 1
    if not np.isin(falls, starts).all():
        raise StorageError("the values of a part do not ascend.")
