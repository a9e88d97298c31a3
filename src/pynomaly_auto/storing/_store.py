"""Saving and loading: all or nothing, data only, and nothing unpacked that was not verified first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto._version import __version__
from pynomaly_auto.errors import SettingError, StorageError
from pynomaly_auto.records import Reason, State
from pynomaly_auto.storing._file import check_replaceable, read_file, write_file
from pynomaly_auto.storing._manifest import RATIO, Entry, Manifest, most_document, most_unpacked
from pynomaly_auto.storing._packing import (
    JSON_TYPE,
    array_of,
    array_to_bytes,
    json_of,
    json_to_bytes,
    pack,
    type_of,
    unpack,
)

# Packages whose change of version may change what a saved detector does.
_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "lightgbm", "isotree", "torch")

Key: TypeAlias = bytes | str | None


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedParts:
    """What is to be saved; storing knows nothing of what it means.

    Args:
        kind: What it is, for example ``"detector"``.
        columns: Name and kind of every column of the table.
        parts: Name to arrays and plain values. Arrays of the same content are stored once, whoever holds them.
    """

    kind: str
    columns: tuple[tuple[str, str], ...] = ()
    parts: Mapping[str, State] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedParts:
    """What was saved, verified; equal arrays are one read-only object.

    Args:
        reasons: Which packages have another version now, and whether a signature was left unchecked.
    """

    manifest: Manifest
    parts: Mapping[str, State]
    reasons: tuple[Reason, ...] = ()

    def part(self, name: str) -> State:
        """One part.

        Raises:
            StorageError: There is none of that name.
        """
        if name not in self.parts:
            raise StorageError(f"the part {name!r} is missing.")
        return self.parts[name]


def save(path: str | Path, parts: SavedParts, *, key: Key = None) -> Manifest:
    """Write the parts into one file: either all of it is there afterwards, or what was there before.

    Args:
        path: Where; an existing file is replaced when it was written by this function.
        parts: What.
        key: Signs the file; whoever loads it with the same key knows that nobody else has written it.

    Raises:
        StorageError: The place holds something else, cannot be written to, or a part cannot be stored.
        SettingError: The key is none.
    """
    path, secret = Path(path), _secret(key)
    packer = _Packer()
    for name, state in parts.parts.items():
        packer.add(name, state)
    entries, pieces = packer.packed()
    manifest = Manifest(
        kind=parts.kind,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=current_versions(),
        columns=tuple(parts.columns),
        entries=entries,
    )
    manifest.check(sum(map(len, pieces)))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        check_replaceable(path)
        write_file(path, json_to_bytes(manifest.to_dict()), pieces, secret)
    except (OSError, ValueError) as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"cannot save to {str(path)!r}: {getattr(error, 'strerror', None) or error}.",
            fix="Choose a place that exists and that you may write to.",
        ) from None
    return manifest


def load(path: str | Path, *, key: Key = None) -> LoadedParts:
    """Verify a saved file and read its parts.

    Without a key this proves that nothing was damaged by accident, not who wrote the file: whoever takes the parts
    must check what is in them. Nothing in them can run.

    Args:
        path: A file written by `save`.
        key: What it must have been signed with.

    Raises:
        StorageError: It is no saved file, of an unknown format, altered, larger than it may be, or not signed with
            the key.
        SettingError: The key is none.
    """
    path = Path(path)
    content = read_file(path, _secret(key))
    try:
        manifest = Manifest.from_dict(json_of(content.manifest), len(content.parts))
        parts = _unpacked(manifest, content.parts)
    except StorageError as error:
        raise StorageError(error.what, where=str(path), fix="Do not use it; save the detector again.") from None
    reasons = manifest.differences(current_versions())
    if content.signed and key is None:
        text = "The file is signed; its signature was not checked, as no key was given."
        reasons += (Reason(code="STO-002", subject="signature", text=text),)
    return LoadedParts(manifest=manifest, parts=parts, reasons=reasons)


def current_versions() -> dict[str, str]:
    """Versions of everything installed here that a saved detector may depend on."""
    return {"pynomaly_auto": __version__, **_optional.versions(_PACKAGES)}


class _Packer:
    """Collects arrays, each content once."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, tuple[int, ...], bytes], int] = {}
        self._known: dict[int, tuple[int, Any]] = {}
        self._arrays: list[tuple[str, tuple[int, ...], bytes, int]] = []
        self._texts: list[bytes] = []

    def add(self, part: str, state: State) -> None:
        """Take a part: its values and, for its arrays, the numbers of their entries."""
        arrays = {name: self._place(part, name, array) for name, array in state.arrays.items()}
        try:
            text = json_to_bytes({"arrays": arrays, "values": dict(state.values)})
        except StorageError as error:
            raise StorageError(error.what, where=f"part {part!r}") from None
        self._texts.append(json_to_bytes(part) + b":" + text)

    def packed(self) -> tuple[tuple[Entry, ...], list[bytes]]:
        """What the file's entries are, and their bytes."""
        document = b"{" + b",".join(self._texts) + b"}"
        every = [(JSON_TYPE, (len(document),), document, 1), *self._arrays]
        packed = [pack(raw, itemsize) for _, _, raw, itemsize in every]
        unpacked = sum(len(raw) for _, _, raw, _ in every)
        if unpacked > most_unpacked(sum(len(stored) for _, stored in packed)):
            # A reader refuses what packs too well to be true, so that is stored as it is.
            packed = [
                found if len(raw) <= RATIO * len(found[1]) else ("raw", raw)
                for found, (_, _, raw, _) in zip(packed, every, strict=True)
            ]
        if len(document) > most_document(len(packed[0][1])):
            packed[0] = ("raw", document)
        entries = tuple(
            Entry(type=kind, shape=shape, codec=codec, stored=len(stored))
            for (kind, shape, _, _), (codec, stored) in zip(every, packed, strict=True)
        )
        return entries, [stored for _, stored in packed]

    def _place(self, part: str, name: str, array: np.ndarray[Any, Any]) -> int:
        array = np.asarray(array)
        if id(array) in self._known:
            return self._known[id(array)][0]
        kind = type_of(array)
        if kind is None:
            raise StorageError(f"the array {name!r} of {part!r} has type {array.dtype}, which cannot be stored.")
        raw = array_to_bytes(array)
        found = (kind, array.shape, hashlib.sha256(raw).digest())
        if found not in self._places:
            self._arrays.append((kind, array.shape, raw, array.dtype.itemsize))
            self._places[found] = len(self._arrays)  # the document is number 0
        # Kept with the array, so that no other can take its identity meanwhile.
        self._known[id(array)] = (self._places[found], array)
        return self._places[found]


def _unpacked(manifest: Manifest, content: memoryview) -> dict[str, State]:
    start = 0
    made: list[Any] = []
    for entry in manifest.entries:
        packed = bytes(content[start : start + entry.stored])
        start += entry.stored
        if entry.type == JSON_TYPE:
            made.append(json_of(unpack(packed, entry.codec, entry.size, 1)))
            continue
        itemsize = np.dtype(f"<{entry.type}").itemsize
        made.append(array_of(unpack(packed, entry.codec, entry.size, itemsize), entry.type, entry.shape))
    document, arrays = made[0], made
    if not isinstance(document, dict):
        raise StorageError("its document is no mapping.")
    return {name: _state(name, part, arrays) for name, part in document.items()}


def _state(name: str, part: Any, arrays: list[Any]) -> State:
    if not isinstance(part, dict):
        raise StorageError(f"the part {name!r} is no mapping.")
    places, values = part.get("arrays"), part.get("values")
    if not isinstance(places, dict) or not isinstance(values, dict):
        raise StorageError(f"the part {name!r} has no arrays or no values.")
    for place in places.values():
        if not isinstance(place, int) or isinstance(place, bool) or not 1 <= place < len(arrays):
            raise StorageError(f"the part {name!r} names an array {place!r}, which is not there.")
    return State(arrays={key: arrays[place] for key, place in places.items()}, values=values)


def _secret(key: Key) -> bytes | None:
    if key is None:
        return None
    if not isinstance(key, (bytes, str)) or not key:
        raise SettingError("it is neither bytes nor text, or empty.", where="key", fix="Give a secret of your own.")
    return key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
