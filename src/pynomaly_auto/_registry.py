"""Catalogues of declared things (detectors, meta-features, rules, presets): lazy, ordered, open to third parties."""

from __future__ import annotations

import importlib
import inspect
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, TypeVar

from pynomaly_auto.errors import PynomalyError, SettingError, UnknownNameError


class Named(Protocol):
    """Anything that says its own name."""

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T]):
    """A mapping from name to declared item, filled when first looked at.

    The listed modules are imported in order; importing them registers what they declare. Entry points of the group are
    loaded after them, so a third party's item is found like one of ours but can never replace it. One that cannot be
    loaded is left out with a warning. Filled means filled to the end: a filling that was broken off starts again.

    Args:
        kind: What the items are, for messages: ``"detector"``.
        modules: Full names of the modules that declare our own items.
        group: The entry-point group third parties use.
        make: Makes an item that nobody has declared of its name, or None; such items are found by name and not listed.
    """

    def __init__(
        self, kind: str, modules: tuple[str, ...], group: str, make: Callable[[str], T | None] | None = None
    ) -> None:
        self.kind = kind
        self._modules = modules
        self._group = group
        self._make = make
        self._items: dict[str, T] = {}
        self._declared: dict[str, dict[str, Any] | None] = {}  # by which execution of which module
        self._loaded = False
        self._filling = threading.local()

    def add(self, item: T) -> T:
        """Register one item and return it, so that it can be used as a decorator's tail.

        Raises:
            SettingError: The name is taken by something else.
        """
        declaring = _declaring_module()
        if self._items.get(item.name, item) != item and not _executed_anew(declaring, self._declared.get(item.name)):
            raise SettingError(f"{self.kind} {item.name!r} is registered twice.", fix="Choose another name.")
        self._items[item.name] = item
        self._declared[item.name] = declaring
        return item

    def remove(self, name: str) -> None:
        """Take one item out again (for tests and notebooks)."""
        self._items.pop(name, None)
        self._declared.pop(name, None)

    def __getitem__(self, name: str) -> T:
        self._load()
        known = isinstance(name, str)  # what else a damaged file may hold need not even be hashable
        if known and name not in self._items and (made := self._made(name)) is not None:
            return made
        if not known or name not in self._items:
            raise UnknownNameError.of(self.kind, name, self._items)
        return self._items[name]

    def __contains__(self, name: object) -> bool:
        # Mapping's default relies on KeyError, which __getitem__ turns into our own error.
        self._load()
        if not isinstance(name, str):
            return False
        try:
            return name in self._items or self._made(name) is not None
        except PynomalyError:
            return False

    def _made(self, name: str) -> T | None:
        return None if self._make is None else self._make(name)

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(tuple(self._items))

    def __len__(self) -> int:
        self._load()
        return len(self._items)

    def _load(self) -> None:
        # No lock of our own: a thread that comes second waits in `import_module` for the import of the first, and
        # holding a lock over imports would deadlock with a third that is importing one of the modules by itself.
        if self._loaded or getattr(self._filling, "here", False):
            return
        self._filling.here = True  # a module that looks into the registry while it declares sees what is there so far
        try:
            for module in self._modules:
                importlib.import_module(module)
            for point in entry_points(group=self._group):
                self._load_foreign(point)
        finally:
            self._filling.here = False
        self._loaded = True

    def _load_foreign(self, point: EntryPoint) -> None:
        try:
            found = point.load()
            for item in found if isinstance(found, (tuple, list)) else (found,):
                self.add(item)
        except Exception as problem:  # whatever a third party's module raises must not cost what others declare
            package = point.dist.name if point.dist is not None else point.value
            warnings.warn(
                f"the {self.kind} {point.name!r} of {package!r} is left out, as it cannot be loaded "
                f"({type(problem).__name__}: {problem}). Update or uninstall {package!r}.",
                stacklevel=2,
            )


def _declaring_module() -> dict[str, Any] | None:
    """The variables of the module whose top level is being executed by the caller; None where none is."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return None if frame is None else frame.f_globals


def _executed_anew(now: dict[str, Any] | None, before: dict[str, Any] | None) -> bool:
    """Whether both are executions of one module: the first was broken off, and Python imports it again."""
    if now is None or before is None or now is before:
        return False
    return bool(now.get("__name__") == before.get("__name__") != "__main__")
