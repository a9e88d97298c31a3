"""The file: a few fixed bytes, the manifest, and its parts one after another; a checksum and a signature over all.

====== ===== ==========================================================================
offset bytes
====== ===== ==========================================================================
0      8     ``PYNOMALY``
8      4     version of this layout
12     4     1 where the file is signed, else 0
16     8     bytes of the manifest
24     32    SHA-256 of the 24 bytes before it and of all that follows the signature
56     32    HMAC-SHA256 of the same; zeros: not signed
88           the manifest, as JSON; then its parts in its order, without gaps
====== ===== ==========================================================================

Numbers are little-endian. Nothing has an offset, a name or a path of its own, so nothing can lie outside, overlap, or
be there twice.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pynomaly_auto._machine import free_memory
from pynomaly_auto.errors import StorageError

MAGIC = b"PYNOMALY"
# Raised when an older release could no longer read what this one writes. Version 1 was a folder.
FORMAT_VERSION = 3

_HEAD = struct.Struct("<8sIIQ")
_DIGEST = hashlib.sha256().digest_size
_PREFIX = _HEAD.size + 2 * _DIGEST
_UNSIGNED = bytes(_DIGEST)
_MOST_MANIFEST = 32 << 20
_OLD_MANIFEST = "manifest.json"

_SAVE_AGAIN = "Restore the file from a copy, or save the detector again."


@dataclass(frozen=True, kw_only=True, eq=False)
class Content:
    """What a file holds, whole and unaltered.

    Args:
        manifest: JSON.
        parts: All parts, one after another.
        signed: Whether it bears a signature.
    """

    manifest: bytes
    parts: memoryview
    signed: bool


def write_file(path: Path, manifest: bytes, parts: Sequence[bytes], key: bytes | None) -> None:
    """Write a file that replaces what was there only when all of it is on the disk.

    Raises:
        OSError: It cannot be written.
    """
    head = _HEAD.pack(MAGIC, FORMAT_VERSION, int(key is not None), len(manifest))
    pieces = (head, manifest, *parts)
    signature = _UNSIGNED if key is None else _over(hmac.new(key, digestmod=hashlib.sha256), pieces)
    work = path.with_name(f".{path.name[:64]}.saving-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with work.open("xb") as stream:
            stream.writelines((head, _over(hashlib.sha256(), pieces), signature, *pieces[1:]))
            stream.flush()
            os.fsync(stream.fileno())
        work.replace(path)
    finally:
        work.unlink(missing_ok=True)


def read_file(path: Path, key: bytes | None = None) -> Content:
    """Read a file, and check that it is one, whole, unaltered and, with a key, signed with that key.

    Raises:
        StorageError: It is not.
    """
    where = str(path)
    data = _read(path)
    if len(data) < _PREFIX:
        raise StorageError("it ends too early.", where=where, fix=_SAVE_AGAIN)
    _, version, signed, length = _HEAD.unpack_from(data)
    if version != FORMAT_VERSION:
        raise StorageError(
            f"it has format version {version}, this release reads {FORMAT_VERSION}.",
            where=where,
            fix="Save the detector again with the installed version, or install the version that wrote it.",
        )
    rest = memoryview(data)[_PREFIX:]
    digest, signature = data[_HEAD.size : _HEAD.size + _DIGEST], data[_HEAD.size + _DIGEST : _PREFIX]
    pieces = (data[: _HEAD.size], rest)
    whole = hmac.compare_digest(_over(hashlib.sha256(), pieces), digest)
    if not whole or signed not in (0, 1) or (not signed and signature != _UNSIGNED):
        raise StorageError("it has been altered since it was saved.", where=where, fix=_SAVE_AGAIN)
    if key is not None:
        _check_signature(key, pieces, signature if signed else None, where)
    if length > min(len(rest), _MOST_MANIFEST):
        raise StorageError(f"its manifest is announced to take {length} bytes.", where=where, fix=_SAVE_AGAIN)
    return Content(manifest=bytes(rest[:length]), parts=rest[length:], signed=bool(signed))


def check_replaceable(path: Path) -> None:
    """An existing file may be replaced only when it is ours: a typing error must not cost anyone's data.

    Raises:
        StorageError: There is something else.
    """
    other = "Choose another name."
    if path.is_dir():
        old = " that an older release saved to" if (path / _OLD_MANIFEST).is_file() else ""
        raise StorageError(f"{str(path)!r} is a folder{old}; a detector is one file.", fix=other)
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise StorageError(f"{str(path)!r} exists and is no file.", fix=other)
    if path.is_file():
        with path.open("rb") as stream:
            ours = stream.read(len(MAGIC)) == MAGIC
        if not ours:
            raise StorageError(f"{str(path)!r} exists and holds something else.", fix=other)


def _read(path: Path) -> bytes:
    """A regular file that begins as ours do; of any other no more than that is read, whatever its size."""
    where = str(path)
    try:
        found = path.stat()
        kind = found.st_mode
        if stat.S_ISREG(kind):
            with path.open("rb") as stream:
                if stream.read(len(MAGIC)) == MAGIC:
                    _check_room(found.st_size, where)
                    return MAGIC + stream.read()
            raise StorageError(f"{where!r} was not written by pynomaly_auto.", fix="Give a file written by save().")
    except StorageError:
        raise
    except FileNotFoundError:
        raise StorageError(f"there is no file {where!r}.", fix="Give a file written by save().") from None
    except (OSError, ValueError, MemoryError) as error:  # a name with a null character is a ValueError
        raise StorageError(f"cannot read {where!r}: {getattr(error, 'strerror', None) or error}.") from None
    if stat.S_ISDIR(kind) and (path / _OLD_MANIFEST).is_file():
        raise StorageError(
            f"{where!r} was saved by an older release, as a folder; such folders are no longer read.",
            fix="Fit and save the detector again.",
        )
    raise StorageError(f"{where!r} is no file.", fix="Give a file written by save().")


def _check_room(size: int, where: str) -> None:
    """Refuse what cannot be held, before any of it is read: a file of holes may be of any size.

    Raises:
        StorageError: There is not so much memory.
    """
    if size > (free := free_memory()):
        raise StorageError(
            f"{where!r} takes {size:,} bytes, and {free:,} bytes of memory are free.",
            fix="Check that save() wrote it, or load it where there is more memory.",
        )


def _over(digest: Any, pieces: Sequence[bytes | memoryview]) -> bytes:
    """Feed all pieces to a hash or an HMAC."""
    for piece in pieces:
        digest.update(piece)
    return bytes(digest.digest())


def _check_signature(key: bytes, pieces: Sequence[bytes | memoryview], signature: bytes | None, where: str) -> None:
    if signature is None:
        raise StorageError(
            "it is not signed, and a key was given.", where=where, fix="Load it without a key if you know its origin."
        )
    if not hmac.compare_digest(_over(hmac.new(key, digestmod=hashlib.sha256), pieces), signature):
        raise StorageError(
            "its signature does not fit the key.", where=where, fix="Give the key it was saved with, or do not use it."
        )
