"""What a fitted part is stored as: named arrays and plain values, and nothing that could run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

import numpy as np

from pynomaly_auto.errors import StorageError, shown

SEPARATOR = "."
_LARGEST = 1 << 64


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """Named arrays of numbers or text, and named JSON values, from which a class of ours makes a fitted part again.

    Args:
        arrays: Name to array; never of objects.
        values: Name to what JSON can hold.
    """

    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict)

    def within(self, name: str) -> State:
        """The same under a name, to be joined with others; `part` takes it out again.

        >>> State(values={"k": 3}).within("inner").values
        {'inner.k': 3}
        """
        start = name + SEPARATOR
        return State(
            arrays={start + k: v for k, v in self.arrays.items()}, values={start + k: v for k, v in self.values.items()}
        )

    def part(self, name: str) -> State:
        """What `within` was given under that name.

        >>> State(values={"inner.k": 3, "other": 1}).part("inner").values
        {'k': 3}
        """
        start = name + SEPARATOR
        return State(
            arrays={k.removeprefix(start): v for k, v in self.arrays.items() if k.startswith(start)},
            values={k.removeprefix(start): v for k, v in self.values.items() if k.startswith(start)},
        )

    def __or__(self, other: State) -> State:
        return State(arrays={**self.arrays, **other.arrays}, values={**self.values, **other.values})

    def array(self, name: str, *, kind: str = "f", ndim: int | None = None) -> np.ndarray[Any, Any]:
        """One array, of a kind that is checked.

        Args:
            name: Its name.
            kind: Letters of the numpy kinds that are allowed, such as ``"f"`` or ``"iu"``.
            ndim: Number of dimensions; None: any.

        Raises:
            StorageError: It is missing, or of another kind or shape.
        """
        found = self.arrays.get(name)
        if found is None:
            raise StorageError(f"the array {name!r} is missing.")
        if found.dtype.kind not in kind or (ndim is not None and found.ndim != ndim):
            raise StorageError(f"the array {name!r} has type {found.dtype} and shape {found.shape}.")
        return found

    def value(self, name: str, kind: type | tuple[type, ...]) -> Any:
        """One value, of a kind that is checked.

        Raises:
            StorageError: It is missing or of another kind.
        """
        if name not in self.values:
            raise StorageError(f"the value {name!r} is missing.")
        found = self.values[name]
        kinds = kind if isinstance(kind, tuple) else (kind,)
        # JSON has whole numbers that neither a float nor an array can hold.
        huge = isinstance(found, int) and abs(found) >= _LARGEST
        if not isinstance(found, kinds) or (isinstance(found, bool) and bool not in kinds) or huge:
            raise StorageError(f"the value {name!r} is {shown(found)}.")
        return found


class Stateful(Protocol):
    """What can be stored as data."""

    def to_state(self) -> State:
        """Its arrays and values."""
        ...

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing or of another kind.
        """
        ...
