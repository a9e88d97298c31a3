"""Where bytes come from: a file as it is, or what is packed in it."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pynomaly_auto.errors import InvalidInputError, StorageError

# What packs one file each, by its first bytes.
_PACKERS: Mapping[bytes, tuple[str, Callable[[Any], Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
}
_PACKED_ENDINGS = (".gz", ".bz2", ".xz", ".zip", ".gzip")
_HEAD = 4096


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file to be read.

    Args:
        file: The file on disk, for messages.
        name: Its name; of a packed file: of what is in it.
        packed: What it is packed in; empty: it lies there as it is.
        opener: Opens its bytes anew.
        head: The first of them.
        names: Of an archive that is a format of its own: what is in it.
    """

    file: Path
    name: str
    packed: str
    opener: Callable[[], IO[bytes]]
    head: bytes
    names: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """The extension that tells what it should hold."""
        return Path(self.name).suffix.lower()

    @property
    def where(self) -> str:
        """The file on disk, for messages."""
        return str(self.file)

    def handle(self) -> Any:
        """What libraries read tables from: the path, or the unpacked bytes."""
        if not self.packed:
            return self.file
        with self.opener() as stream:
            return io.BytesIO(stream.read())


def source_of(file: Path, extensions: tuple[str, ...]) -> Source:
    """Open a file and what it is packed in.

    Args:
        file: The file.
        extensions: Extensions of files that hold a table.

    Raises:
        StorageError: It is not there, a directory, cannot be opened or unpacked, or holds several files or none.
        InvalidInputError: It is empty.
    """
    known = f"Known extensions: {', '.join(extensions)}."
    if file.is_dir():
        raise StorageError(f"{file.name} is a directory, not a file.", where=str(file), fix=known)
    try:
        with file.open("rb") as stream:
            head = stream.read(_HEAD)
    except FileNotFoundError:
        raise StorageError(f"{file.name} does not exist.", where=str(file), fix="Check the path.") from None
    except OSError as error:
        raise StorageError(f"{file.name} cannot be opened: {error.strerror}.", where=str(file)) from error
    if not head.strip():
        raise InvalidInputError(f"{file.name} is empty.", where=str(file), fix="Give a file with data.")
    for magic, (packer, opens) in _PACKERS.items():
        if head.startswith(magic):
            name = file.stem if file.suffix.lower() in _PACKED_ENDINGS else file.name
            return _unpacked(file, name, packer, lambda opens=opens: opens(file))  # type: ignore[misc]
    if head.startswith(b"PK\x03\x04"):
        return _archive(file, head, extensions)
    return Source(file=file, name=file.name, packed="", opener=lambda: file.open("rb"), head=head)


def _unpacked(file: Path, name: str, packer: str, opener: Callable[[], IO[bytes]]) -> Source:
    try:
        with opener() as stream:
            head = stream.read(_HEAD)
    except (
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise StorageError(
            f"{file.name} cannot be unpacked as {packer}: {error}.", where=str(file), fix="Write the file anew."
        ) from error
    if not head.strip():
        raise InvalidInputError(f"{file.name} holds an empty file.", where=str(file), fix="Give a file with data.")
    if not Path(name).suffix and packer != "zip":
        name += ".csv"
    return Source(file=file, name=name, packed=packer, opener=opener, head=head)


def _archive(file: Path, head: bytes, extensions: tuple[str, ...]) -> Source:
    try:
        with zipfile.ZipFile(file) as archive:
            names = tuple(info.filename for info in archive.infolist() if not info.is_dir())
    except zipfile.BadZipFile:
        names = ()
    own = any(name.endswith(".npy") for name in names) or {"mimetype", "[Content_Types].xml"} & set(names)
    if own or not names:
        return Source(file=file, name=file.name, packed="", opener=lambda: file.open("rb"), head=head, names=names)
    tables = [n for n in names if Path(n).suffix.lower() in extensions and not n.startswith("__MACOSX/")]
    if len(tables) != 1:
        held = ", ".join((tables or list(names))[:5])
        what = "no file of a kind that is read" if not tables else f"{len(tables)} tables"
        raise StorageError(f"{file.name} holds {what}: {held}.", where=str(file), fix="Unpack the one you mean.")

    def opener() -> IO[bytes]:
        with zipfile.ZipFile(file) as opened:
            return io.BytesIO(opened.read(tables[0]))

    return _unpacked(file, Path(tables[0]).name, "zip", opener)
