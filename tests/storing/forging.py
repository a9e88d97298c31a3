"""What somebody with a hex editor and this source can do to a saved file: take it apart, change it, seal it again."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pynomaly_auto.storing import FORMAT_VERSION
from pynomaly_auto.storing._packing import array_size, unpack

HEAD = struct.Struct("<8sIIQ")
PREFIX = HEAD.size + 64


@dataclass
class Forged:
    """A file in pieces that may be changed; `write` computes the checksum anew."""

    manifest: dict[str, Any]
    pieces: list[bytes]
    head: dict[str, Any] = field(default_factory=dict)
    text: bytes | None = None  # the manifest's bytes, where they are to be no JSON

    @classmethod
    def of(cls, path: Path) -> Forged:
        data = path.read_bytes()
        length = HEAD.unpack_from(data)[3]
        manifest = json.loads(data[PREFIX : PREFIX + length])
        pieces, start = [], PREFIX + length
        for entry in manifest["entries"]:
            pieces.append(data[start : start + entry["stored"]])
            start += entry["stored"]
        return cls(manifest, pieces)

    @property
    def document(self) -> dict[str, Any]:
        """The parts' values, and which arrays are theirs."""
        entry = self.manifest["entries"][0]
        return json.loads(unpack(self.pieces[0], entry["codec"], entry["shape"][0], 1))

    def set_document(self, document: Any) -> Forged:
        """Put another document in, or its bytes."""
        raw = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.set_entry(0, raw, type="json", shape=[len(raw)], codec="raw")

    def set_entry(self, number: int, raw: bytes, **changes: Any) -> Forged:
        """Put other bytes in for an entry, and tell what is said of them."""
        self.pieces[number] = raw
        self.manifest["entries"][number] |= {"stored": len(raw), **changes}
        return self

    def array(self, number: int) -> Any:
        """An entry's array; it may be changed without changing the file."""
        entry = self.manifest["entries"][number]
        kind, shape = entry["type"], tuple(entry["shape"])
        raw = unpack(self.pieces[number], entry["codec"], array_size(kind, shape), np.dtype(kind).itemsize)
        return np.frombuffer(bytearray(raw), dtype=kind).reshape(shape)

    def write(self, path: Path) -> Path:
        """Write it with a checksum that fits."""
        path.write_bytes(self.sealed())
        return path

    def sealed(self) -> bytes:
        """Its bytes, with a checksum that fits."""
        manifest = self.text if self.text is not None else json.dumps(self.manifest).encode()
        body = manifest + b"".join(self.pieces)
        head = {"magic": b"PYNOMALY", "version": FORMAT_VERSION, "signed": 0, "length": len(manifest)} | self.head
        start = HEAD.pack(*head.values())
        return start + hashlib.sha256(start + body).digest() + bytes(32) + body
