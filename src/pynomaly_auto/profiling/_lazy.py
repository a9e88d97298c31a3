"""Intermediates made once, when first asked for, each with its own cost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar, overload

from pynomaly_auto.errors import NotApplicableError

V = TypeVar("V")


class Clock:
    """CPU seconds by name, where what runs inside something else is counted for itself only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Count the CPU seconds of the block under ``name``; whatever was being measured pauses."""
        self._settle()
        self._running.append(name)
        self.seconds.setdefault(name, 0.0)
        try:
            yield
        finally:
            self._settle()
            self._running.pop()

    def _settle(self) -> None:
        now = time.process_time()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


class Measured(Protocol):
    """What can hold lazy intermediates."""

    clock: Clock
    made: dict[str, Any]


class lazy(Generic[V]):  # noqa: N801 - used as a decorator, like `property`
    """A property computed once, its CPU time counted under ``view:<name>``.

    An intermediate that does not apply is remembered as such, so that asking again costs nothing.
    """

    def __init__(self, compute: Callable[[Any], V]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, view: None, owner: type) -> lazy[V]: ...

    @overload
    def __get__(self, view: Measured, owner: type) -> V: ...

    def __get__(self, view: Measured | None, owner: type) -> lazy[V] | V:
        if view is None:
            return self
        if self.name not in view.made:
            with view.clock.measure(f"view:{self.name}"):
                try:
                    view.made[self.name] = self.compute(view)
                except NotApplicableError as error:
                    view.made[self.name] = error
        value: Any = view.made[self.name]
        if isinstance(value, NotApplicableError):
            raise NotApplicableError(value.what)
        return value  # type: ignore[no-any-return]
