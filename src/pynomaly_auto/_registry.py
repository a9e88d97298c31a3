"""Catalogues of declared things (detectors, meta-features, rules, presets): lazy, ordered, open to third parties."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from importlib.metadata import entry_points
from typing import Protocol, TypeVar

from pynomaly_auto.errors import SettingError, UnknownNameError


class Named(Protocol):
    """Anything that says its own name."""

    @property
    def name(self) -> str:
        """The name it is registered under."""
        ...


T = TypeVar("T", bound=Named)


class Registry(Mapping[str, T]):
    """A mapping from name to declared item, filled when first looked at.

    The listed modules are imported once, in order; importing them registers what they declare. Entry points of the
    group are loaded after them, so a third party's item is found like one of ours but can never replace it.

    Args:
        kind: What the items are, for messages: ``"detector"``.
        modules: Full names of the modules that declare our own items.
        group: The entry-point group third parties use.
    """

    def __init__(self, kind: str, modules: tuple[str, ...], group: str) -> None:
        self.kind = kind
        self._modules = modules
        self._group = group
        self._items: dict[str, T] = {}
        self._loaded = False

    def add(self, item: T) -> T:
        """Register one item and return it, so that it can be used as a decorator's tail.

        Raises:
            SettingError: The name is taken by something else.
        """
        if self._items.get(item.name, item) != item:
            raise SettingError(f"{self.kind} {item.name!r} is registered twice.", fix="Choose another name.")
        self._items[item.name] = item
        return item

    def remove(self, name: str) -> None:
        """Take one item out again (for tests and notebooks)."""
        self._items.pop(name, None)

    def __getitem__(self, name: str) -> T:
        self._load()
        try:
            return self._items[name]
        except KeyError:
            raise UnknownNameError.of(self.kind, name, self._items) from None

    def __contains__(self, name: object) -> bool:
        # Mapping's default relies on KeyError, which __getitem__ turns into our own error.
        self._load()
        return name in self._items

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(tuple(self._items))

    def __len__(self) -> int:
        self._load()
        return len(self._items)

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        for module in self._modules:
            importlib.import_module(module)
        for point in entry_points(group=self._group):
            found = point.load()
            for item in found if isinstance(found, (tuple, list)) else (found,):
                self.add(item)
