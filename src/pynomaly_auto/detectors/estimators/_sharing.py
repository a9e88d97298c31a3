"""What the members of an ensemble make of the same rows, made once: the rows in a view, their nearest neighbours."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray

T = TypeVar("T")


class Shared:
    """Results about some rows, for as long as these are scored. Threads may share one; rows must not change meanwhile.

    Nothing is ever forgotten: keep it for a block of rows (`SHARED_ROWS`) and no longer.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._slots: dict[Hashable, _Slot] = {}

    def once(self, key: Hashable, X: FloatArray, make: Callable[[], T], enough: Callable[[T], bool]) -> T:
        """What was made of the rows ``X`` under that key, made if need be, or again if it is not enough."""
        memory = (X.__array_interface__["data"][0], X.shape, X.strides)
        with self._lock:
            # The rows are kept, or others could come to lie in the same place.
            slot = self._slots.setdefault((key, memory), _Slot(X))
        with slot.lock:
            if slot.made is None or not enough(slot.made):
                slot.made = make()
            made: T = slot.made
            return made


class _Slot:
    def __init__(self, rows: FloatArray) -> None:
        self.rows, self.lock = rows, Lock()
        self.made: Any = None


_active: ContextVar[Shared | None] = ContextVar("shared", default=None)


@contextmanager
def sharing(shared: Shared | None) -> Iterator[None]:
    """Let what is scored within, in this thread, share its results."""
    token = _active.set(shared)
    try:
        yield
    finally:
        _active.reset(token)


def once(key: Hashable, X: FloatArray, make: Callable[[], T], enough: Callable[[T], bool] = lambda made: True) -> T:
    """Make something of the rows ``X``, or take what another member has made of them.

    Args:
        key: What is made, and with what: equal keys must give equal results.
        X: The rows.
        make: Makes it.
        enough: Whether what is there will do; else it is made again and replaces it.
    """
    shared = _active.get()
    return make() if shared is None else shared.once(key, X, make, enough)
