"""Forests as parts of fitted estimators: how they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynomaly_auto.detectors.estimators._stored import Sizes, Stored
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest, PlaneForest
from pynomaly_auto.records import State

_MOST_PARTS = 1_000
_PLANES, _AXES = "planes", "axes"
_KINDS: dict[str, type[Forest | PlaneForest]] = {_AXES: Forest, _PLANES: PlaneForest}


@dataclass(frozen=True, kw_only=True)
class Trees:
    """The field of a forest.

    Args:
        columns: Name of the size that its features are as many as, times `times`.
        times: Name of another size; empty: none.
        empty: There may be no tree.
    """

    columns: str = "d"
    times: str = ""
    empty: bool = False

    def write(self, name: str, held: Any) -> State:
        """Its arrays, under its name."""
        kind = _AXES if isinstance(held, Forest) else _PLANES
        state: State = held.to_state()
        return (State(values={"kind": kind}) | state).within(name)

    def read(self, name: str, state: State, sizes: Sizes) -> Forest | PlaneForest:
        """The forest again."""
        part = state.part(name)
        kind = part.value("kind", str)
        if kind not in _KINDS:
            raise StorageError(f"the value '{name}.kind' is {kind!r}.")
        made = _KINDS[kind].from_state(part)
        times = sizes[self.times] if self.times else 1
        wanted = sizes.setdefault(self.columns, made.n_features // times) * times
        if made.n_features != wanted or made.n_features < 1:
            raise StorageError(f"the forest {name!r} is over {made.n_features} features, not {wanted}.")
        if not made.n_trees and not self.empty:
            raise StorageError(f"the forest {name!r} has no trees.")
        return made


@dataclass(frozen=True, kw_only=True)
class Several:
    """The field of a list of parts of one class, whose sizes are those of the whole.

    Args:
        kind: Their class.
    """

    kind: type[Stored]

    def write(self, name: str, held: Sequence[Stored]) -> State:
        """Their data, under its name and their numbers."""
        out = State(values={f"{name}.count": len(held)})
        for i, part in enumerate(held):
            out = out | part.to_state().within(f"{name}.{i}")
        return out

    def read(self, name: str, state: State, sizes: Sizes) -> list[Stored]:
        """The parts again."""
        count = state.value(f"{name}.count", int)
        if not 1 <= count <= _MOST_PARTS:
            raise StorageError(f"the value '{name}.count' is {count!r}.")
        return [self.kind.read_state(state.part(f"{name}.{i}"), sizes) for i in range(count)]
