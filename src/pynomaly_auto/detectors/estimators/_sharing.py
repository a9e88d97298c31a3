"""What detectors make of the same rows, made once: the rows in a view, their nearest neighbours.

Members of an ensemble that score the same rows share by `sharing`: for as long as these rows lie in memory. Trials that
one process runs one after the other share by `remembering`: what was made is known by what the rows hold.
"""

from __future__ import annotations

from collections import OrderedDict
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


_REMEMBERED = 4  # things: as many as there are views
_remembered: OrderedDict[Hashable, Any] = OrderedDict()
_remembers: ContextVar[bool] = ContextVar("remembers", default=False)


@contextmanager
def remembering() -> Iterator[None]:
    """Let what is fitted within, in this thread, find what others have made before; for processes of one thread."""
    token = _remembers.set(True)
    try:
        yield
    finally:
        _remembers.reset(token)


def is_remembering() -> bool:
    """Whether what is made is kept for others."""
    return _remembers.get()


def recall(key: Hashable, make: Callable[[], T], enough: Callable[[T], bool]) -> T:
    """What was made under that key not long ago, made if need be, or again if it is not enough.

    Args:
        key: What is made, and of what: equal keys must give equal results.
        make: Makes it.
        enough: Whether what is there will do; else it is made again and replaces it.
    """
    if not _remembers.get():
        return make()
    found = _remembered.pop(key, None)
    if found is None or not enough(found):
        found = make()
    _remembered[key] = found
    while len(_remembered) > _REMEMBERED:
        _remembered.popitem(last=False)
    made: T = found
    return made
