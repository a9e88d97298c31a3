"""The manifest: what a saved file holds, by whom it was written, and how each part of it is packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Reason, plain, restore
from pynomaly_auto.storing._packing import JSON_TYPE, Codec, array_size

MOST_ENTRIES = 100_000

# What unpacking may take: some memory that any machine has, and so many times the size of the file.
_FREE = 64 << 20
RATIO = 32
# A document becomes Python objects of twenty times its size.
_FREE_JSON = 16 << 20
_RATIO_JSON = 16


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One array, or the document that says which array is whose.

    Args:
        type: Name of the items' type; ``"json"``: the document.
        shape: Of the array; of the document, its bytes.
        codec: How it is packed.
        stored: Bytes it takes in the file.
    """

    type: str
    shape: tuple[int, ...]
    codec: Codec
    stored: int

    @property
    def size(self) -> int:
        """Bytes it takes when it is unpacked.

        Raises:
            StorageError: There can be no such array.
        """
        if self.type == JSON_TYPE:
            return array_size("u1", self.shape)
        return array_size(self.type, self.shape)


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a saved file holds.

    Args:
        kind: What was saved, for example ``"detector"``.
        created: When, in ISO 8601, UTC.
        versions: Package to version at the time of saving.
        columns: Name and kind of every column of the table, in order.
        entries: The document, then every array, in the order of the file and without gaps.
    """

    kind: str
    created: str
    versions: Mapping[str, str]
    columns: tuple[tuple[str, str], ...] = ()
    entries: tuple[Entry, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        out: dict[str, Any] = {name: plain(getattr(self, name)) for name in self.__dataclass_fields__}
        return out

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], available: int) -> Manifest:
        """The inverse of `to_dict`.

        Args:
            values: Plain values.
            available: Bytes that follow the manifest in the file.

        Raises:
            StorageError: Something is missing, of another type, or larger than the file can hold.
        """
        entries = values.get("entries") if isinstance(values, Mapping) else None
        if isinstance(entries, list) and len(entries) > MOST_ENTRIES:
            raise StorageError(f"it announces {len(entries)} parts, more than {MOST_ENTRIES}.")
        made = restore(cls, values)
        made.check(available)
        return made

    def check(self, available: int) -> None:
        """Hold what is announced against the size of the file, before anything is unpacked.

        Raises:
            StorageError: It does not fit.
        """
        if not self.entries or self.entries[0].type != JSON_TYPE:
            raise StorageError("it has no document.")
        if any(entry.type == JSON_TYPE for entry in self.entries[1:]):
            raise StorageError("it has more than one document.")
        if any(entry.stored < 0 for entry in self.entries):
            raise StorageError("a part has a negative size.")
        if len(self.entries[0].shape) != 1:
            raise StorageError("its document is no text.")
        stored = sum(entry.stored for entry in self.entries)
        if stored != available:
            raise StorageError(f"its parts are announced to take {stored} bytes, and {available} are there.")
        document = self.entries[0]
        if document.size > (most := most_document(document.stored)):
            raise StorageError(f"its document would take {document.size} bytes, more than {most}.")
        unpacked = sum(entry.size for entry in self.entries)
        if unpacked > (most := most_unpacked(available)):
            raise StorageError(
                f"it would take {unpacked} bytes unpacked, and {most} are the most for a file of this size."
            )

    def differences(self, versions: Mapping[str, str]) -> tuple[Reason, ...]:
        """One reason per package whose version is another now than when this was saved.

        Args:
            versions: Package to version now.
        """
        return tuple(
            Reason(
                code="STO-001",
                subject=name,
                text=f"Saved with {name} {then}, loaded with {versions[name]}: scores may differ slightly.",
                evidence={"saved_with": then, "loaded_with": versions[name]},
            )
            for name, then in self.versions.items()
            if name in versions and versions[name] != then
        )


def most_unpacked(stored: int) -> int:
    """Bytes that unpacking so many stored ones may take."""
    return _FREE + RATIO * stored


def most_document(stored: int) -> int:
    """Bytes that unpacking a document of so many stored ones may take."""
    return _FREE_JSON + _RATIO_JSON * stored
