"""What a cell detector is stored as, where it has a part for each of some columns, or several one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import State, Stateful

Part = TypeVar("Part", bound=Stateful)


class Storable(Protocol):
    """What can be told as data."""

    def to_state(self) -> State:
        """As data."""
        ...


def by_column(parts: Mapping[int, Storable], *, name: str = "columns", each: str = "column") -> State:
    """Parts of columns as data.

    Args:
        parts: Position of a column to its part.
        name: What the list of the positions is called.
        each: What each part is called, before its position.
    """
    out = State(values={name: list(parts)})
    for i, part in parts.items():
        out = out | part.to_state().within(f"{each}{i}")
    return out


def read_by_column(kind: type[Part], state: State, *, name: str = "columns", each: str = "column") -> dict[int, Part]:
    """The inverse of `by_column`.

    Args:
        kind: What the parts are.
        state: What they are among.
        name: What the list of the positions is called.
        each: What each part is called.

    Raises:
        StorageError: Something is missing or does not fit.
    """
    return {i: kind.from_state(state.part(f"{each}{i}")) for i in positions(state.value(name, list))}


def one_by_one(parts: Sequence[Storable], *, name: str, each: str) -> State:
    """Parts in their order as data.

    Args:
        parts: The parts.
        name: What their number is called.
        each: What each is called, before its place.
    """
    out = State(values={name: len(parts)})
    for i, part in enumerate(parts):
        out = out | part.to_state().within(f"{each}{i}")
    return out


def read_one_by_one(state: State, *, name: str, each: str) -> list[State]:
    """The states that `one_by_one` was given, in their order.

    Raises:
        StorageError: Their number is missing.
    """
    return [state.part(f"{each}{i}") for i in range(state.value(name, int))]


def positions(found: list[Any]) -> list[int]:
    """Positions of columns out of a state.

    Raises:
        StorageError: They are no positions.
    """
    if not all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in found):
        raise StorageError(f"{found[:5]} are no positions of columns.")
    return found
