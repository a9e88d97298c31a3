"""The manifest: what a saved directory holds, by whom it was written, and the checksum of every file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Reason

MANIFEST = "manifest.json"
FORMAT = "pynomaly_auto"
# Raised when an older release could no longer read what this one writes; reading older versions stays possible.
FORMAT_VERSION = 1
_READABLE = frozenset({1})

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_HOW_TO = "Save the detector again with the installed version, or install the version that wrote it."


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """One file: its path inside the directory (with forward slashes), its bytes and their SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a saved directory holds.

    Args:
        kind: What was saved, for example ``"detector"``.
        created: When, in ISO 8601, UTC.
        versions: Package to version at the time of saving.
        columns: Name and kind of every column of the table, in order.
        json: Names of the JSON documents.
        arrays: Names of the bundles of arrays.
        folders: Names of the sub-folders that codecs wrote.
        needs_trust: Sub-folder to the types in it that only a trusting user may load.
        files: Every file but the manifest itself.
        format_version: Version of this layout.
    """

    kind: str
    created: str
    versions: Mapping[str, str]
    columns: tuple[tuple[str, str], ...] = ()
    json: tuple[str, ...] = ()
    arrays: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    needs_trust: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[FileEntry, ...] = ()
    format_version: int = FORMAT_VERSION

    def to_dict(self) -> dict[str, Any]:
        """Plain values only."""
        out = {f.name: getattr(self, f.name) for f in fields(self)}
        out["columns"] = [list(c) for c in self.columns]
        out["needs_trust"] = {k: list(v) for k, v in self.needs_trust.items()}
        out["files"] = [{"path": f.path, "size": f.size, "sha256": f.sha256} for f in self.files]
        return {
            k: list(v) if isinstance(v, tuple) else dict(v) if isinstance(v, Mapping) else v for k, v in out.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Manifest:
        """The inverse of `to_dict`; raises KeyError, TypeError or ValueError on anything malformed."""
        texts = {name: tuple(_text(v) for v in values[name]) for name in ("json", "arrays", "folders")}
        return cls(
            kind=_text(values["kind"]),
            created=_text(values["created"]),
            versions={_text(k): _text(v) for k, v in values["versions"].items()},
            columns=tuple((_text(name), _text(kind)) for name, kind in values["columns"]),
            needs_trust={_text(k): tuple(_text(t) for t in v) for k, v in values["needs_trust"].items()},
            files=tuple(
                FileEntry(path=_text(f["path"]), size=int(f["size"]), sha256=_text(f["sha256"]))
                for f in values["files"]
            ),
            format_version=int(values["format_version"]),
            **texts,
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


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest with a checksum of its own."""
    body = manifest.to_dict()
    document = {"format": FORMAT, **body, "checksum": _checksum(body)}
    (folder / MANIFEST).write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")


def read_manifest(folder: str | Path) -> Manifest:
    """Read a saved directory's manifest, without loading anything else.

    Raises:
        StorageError: There is none, it is damaged, or its format version is unknown here.
    """
    folder = Path(folder)
    where = str(folder)
    try:
        document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StorageError(f"{where!r} holds no {MANIFEST}.", fix="Give a folder written by save().") from None
    except OSError as error:
        raise StorageError(f"cannot read {where!r}: {error.strerror or error}.") from None
    except ValueError as error:  # bad JSON and bad UTF-8 alike
        raise StorageError(f"{MANIFEST} is damaged: {error}.", where=where) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StorageError(f"{MANIFEST} was not written by pynomaly_auto.", where=where)
    version = document.get("format_version")
    if version not in _READABLE:
        raise StorageError(
            f"it has format version {version!r}, this release reads {', '.join(map(str, sorted(_READABLE)))}.",
            where=where,
            fix=_HOW_TO,
        )
    body = {k: v for k, v in document.items() if k not in {"format", "checksum"}}
    if document.get("checksum") != _checksum(body):
        raise StorageError(f"{MANIFEST} has been altered: its checksum does not fit.", where=where)
    try:
        return Manifest.from_dict(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"{MANIFEST} is damaged: {type(error).__name__}: {error}.", where=where) from None


def list_files(folder: Path) -> dict[str, Path]:
    """Every file below the folder but the manifest, by its path with forward slashes.

    Raises:
        StorageError: There is a link or something else that is neither file nor folder.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise StorageError(f"{name!r} is neither a file nor a folder.", where=str(folder))
        if path.is_file() and name != MANIFEST:
            found[name] = path
    return found


def verify_files(folder: Path, manifest: Manifest) -> dict[str, Path]:
    """Compare what lies in the folder with the manifest; paths only ever come from walking the folder.

    Raises:
        StorageError: A file is missing, extra or altered; the message names it.
    """
    where = str(folder)
    found = list_files(folder)
    listed = {f.path: f for f in manifest.files}
    for title, names in (("missing", listed.keys() - found.keys()), ("not in the manifest", found.keys() - listed)):
        if names:
            raise StorageError(f"{', '.join(map(repr, sorted(names)[:5]))} {title}.", where=where, fix=_restore())
    for name, path in found.items():
        entry = listed[name]
        if path.stat().st_size != entry.size or sha256_of(path) != entry.sha256:
            raise StorageError(f"{name!r} has been altered since it was saved.", where=where, fix=_restore())
    return found


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_name(name: str) -> str:
    """Return the name of a part when it is safe as a file name.

    Raises:
        StorageError: It is not.
    """
    if not _NAME.fullmatch(name) or PurePosixPath(name).name != name or name.endswith("."):
        raise StorageError(f"{name!r} cannot be the name of a part.", fix="Use letters, digits, '_', '-' and '.'.")
    return name


def _checksum(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _restore() -> str:
    return "Restore the folder from a copy, or save the detector again."
