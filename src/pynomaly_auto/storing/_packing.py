"""Arrays and JSON as bytes and back: a short list of types, nothing that could run, never more than was announced."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import Any, Literal, TypeAlias

import numpy as np

from pynomaly_auto.errors import StorageError

Codec: TypeAlias = Literal["raw", "deflated", "planes"]

JSON_TYPE = "json"
_TYPES = re.compile(r"b1|[iu][1248]|f[248]|U\d{1,6}|[Mm]8\[(Y|M|W|D|h|m|s|ms|us|ns)\]")
_MOST_DIMENSIONS = 8
_DEEPEST = 64  # levels of a document; ours have about ten
_LAST_LETTER = 0x10FFFF  # of Unicode; numpy fails on what lies beyond

_LEVEL = 1  # of deflate: higher ones are three times as slow and save little on floats
_SMALL = 256  # bytes below which compressing is not worth it
_WORTH = 0.95  # share of its size that compressing must get below
_SAMPLE = 1 << 14  # bytes by which it is judged which way packs best

# One that never ends is taken whole, and nothing is tried twice: otherwise quotes without end cost the square of them.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)


def type_of(array: np.ndarray[Any, Any]) -> str | None:
    """Name of an array's type, whatever its byte order; None: of no type that is stored."""
    found = array.dtype.str[1:]
    return found if _TYPES.fullmatch(found) else None


def array_to_bytes(array: np.ndarray[Any, Any]) -> bytes:
    """An array's items in C order, little-endian."""
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()


def array_size(kind: str, shape: tuple[int, ...]) -> int:
    """Bytes of an array of a type and shape.

    Raises:
        StorageError: There can be no such array.
    """
    if not _TYPES.fullmatch(kind):
        raise StorageError(f"arrays of type {kind!r} are not stored.")
    if len(shape) > _MOST_DIMENSIONS or any(n < 0 or n >= 1 << 40 for n in shape):
        raise StorageError(f"an array cannot have the shape {shape}.")
    size = np.dtype(f"<{kind}").itemsize
    if size * math.prod(max(n, 1) for n in shape) >= 1 << 62:
        raise StorageError(f"an array cannot have the shape {shape}.")
    return size * math.prod(shape)


def array_of(raw: bytes, kind: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """The read-only array in bytes of the right number.

    Raises:
        StorageError: They hold what no array of that type holds.
    """
    array = np.frombuffer(raw, dtype=f"<{kind}").reshape(shape)
    if kind == "b1" and array.size and array.view(np.uint8).max() > 1:
        raise StorageError("an array of truth values holds others.")
    if kind[0] == "U" and len(raw) and np.frombuffer(raw, dtype="<u4").max() > _LAST_LETTER:
        raise StorageError("an array of texts holds what is no letter.")
    return array


def json_to_bytes(value: Any) -> bytes:
    """A document of plain values.

    Raises:
        StorageError: It is made of something else.
    """
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"it is not made of plain values: {error}.") from None


def json_of(raw: bytes) -> Any:
    """Read a document: finite numbers and no more levels than any of ours has.

    Raises:
        StorageError: It is damaged, or made to exhaust the reader.
    """
    letters = np.frombuffer(_STRING.sub(b"", raw), dtype=np.uint8)
    opened = np.isin(letters, (ord("["), ord("{"))).astype(np.int8)
    closed = np.isin(letters, (ord("]"), ord("}"))).astype(np.int8)
    if len(letters) and np.cumsum(opened - closed, dtype=np.int64).max() > _DEEPEST:
        raise StorageError(f"a document is nested more than {_DEEPEST} levels deep.")
    try:
        return json.loads(raw, parse_float=_finite, parse_constant=_finite)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"a document is damaged: {error}.") from None


def pack(raw: bytes, itemsize: int) -> tuple[Codec, bytes]:
    """Bytes as they are or compressed, whichever is worth it.

    Args:
        raw: What is to be stored.
        itemsize: Bytes of one item; of floats the same bytes of all items resemble each other most.
    """
    if len(raw) < _SMALL:
        return "raw", raw
    some = raw[: _SAMPLE - _SAMPLE % itemsize]
    tried: dict[Codec, bytes] = {"deflated": zlib.compress(some, _LEVEL)}
    if itemsize > 1:
        tried["planes"] = zlib.compress(_planes(some, itemsize), _LEVEL)
    codec = min(tried, key=lambda name: len(tried[name]))
    if len(tried[codec]) > _WORTH * len(some):
        return "raw", raw
    if len(some) == len(raw):
        return codec, tried[codec]
    packed = zlib.compress(_planes(raw, itemsize) if codec == "planes" else raw, _LEVEL)
    return (codec, packed) if len(packed) < len(raw) else ("raw", raw)


def unpack(packed: bytes, codec: Codec, size: int, itemsize: int) -> bytes:
    """The inverse of `pack`; no more than ``size`` bytes are ever made.

    Raises:
        StorageError: It is not what was announced.
    """
    if codec == "raw":
        if len(packed) != size:
            raise StorageError("a part has another size than announced.")
        return packed
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(packed, size)
        # The end of the stream may lie behind the last byte of the data.
        more = b"" if reader.eof else reader.decompress(reader.unconsumed_tail, 1)
    except zlib.error as error:
        raise StorageError(f"a part is damaged: {error}.") from None
    if len(raw) != size or more or not reader.eof or reader.unused_data:
        raise StorageError("a part has another size than announced.")
    return _items(raw, itemsize) if codec == "planes" else raw


def _planes(raw: bytes, itemsize: int) -> bytes:
    """The first bytes of all items, then the second ones, and so on."""
    return np.ascontiguousarray(np.frombuffer(raw, dtype=np.uint8).reshape(-1, itemsize).T).tobytes()


def _items(raw: bytes, itemsize: int) -> bytes:
    return np.ascontiguousarray(np.frombuffer(raw, dtype=np.uint8).reshape(itemsize, -1).T).tobytes()


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is no finite number")
    return value
