"""Saving and loading: all or nothing, and nothing that was not verified first."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto._version import __version__
from pynomaly_auto.errors import StorageError, UntrustedError
from pynomaly_auto.records import Reason
from pynomaly_auto.storing._manifest import (
    MANIFEST,
    FileEntry,
    Manifest,
    check_name,
    list_files,
    read_manifest,
    sha256_of,
    verify_files,
    write_manifest,
)

# Packages whose change of version may change what a saved detector does.
_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "pyod", "lightgbm", "skops", "isotree", "torch")


@dataclass(frozen=True, kw_only=True, eq=False)
class SavedParts:
    """What is to be saved; storing knows nothing of what it means.

    Args:
        kind: What it is, for example ``"detector"``.
        columns: Name and kind of every column of the table.
        json: Name to a document of plain values.
        arrays: Name to named arrays of numbers or text (no objects).
        folders: Name to a function that writes whatever it likes into the empty folder it is given.
        needs_trust: Folder to the types in it that only a trusting user may load.
    """

    kind: str
    columns: tuple[tuple[str, str], ...] = ()
    json: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, Mapping[str, np.ndarray[Any, Any]]] = field(default_factory=dict)
    folders: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)
    needs_trust: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class LoadedParts:
    """What was saved, verified.

    Args:
        folders: Name to the folder that a codec wrote and may now read.
        reasons: Which packages have another version now.
    """

    manifest: Manifest
    json: Mapping[str, Any]
    arrays: Mapping[str, Mapping[str, np.ndarray[Any, Any]]]
    folders: Mapping[str, Path]
    reasons: tuple[Reason, ...] = ()


def save(folder: str | Path, parts: SavedParts) -> Manifest:
    """Write the parts into a directory: either all of it is there afterwards, or what was there before.

    Args:
        folder: Where; it may exist when it is empty or was written by this function.
        parts: What.

    Raises:
        StorageError: The place holds something else, cannot be written to, or a part cannot be stored.
    """
    folder = Path(folder)
    for names in (parts.json, parts.arrays, parts.folders):
        for name in names:
            check_name(name)
    _check_replaceable(folder)
    work = folder.with_name(f".{folder.name}.saving-{os.getpid()}-{os.urandom(4).hex()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()
        manifest = _write_parts(work, parts)
        _swap(work, folder)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError(
            f"cannot save to {str(folder)!r}: {error.strerror or error}.",
            fix="Choose a place that exists and that you may write to.",
        ) from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


def load(folder: str | Path, *, trusted: bool | Collection[str] = False) -> LoadedParts:
    """Verify a saved directory and read its parts.

    A manifest proves that nothing was damaged or exchanged by accident, not who wrote it: the codecs that read the
    sub-folders must still refuse what they do not know.

    Args:
        folder: A directory written by `save`.
        trusted: True, or the names of the types that may be loaded although loading them could run code.

    Raises:
        StorageError: It is no saved directory, of an unknown format, or a file is missing, extra or altered.
        UntrustedError: It holds types that need trust which was not given.
    """
    folder = Path(folder)
    manifest = read_manifest(folder)
    found = verify_files(folder, manifest)
    _check_trust(manifest, trusted)
    for name in (*manifest.json, *manifest.arrays, *manifest.folders):
        check_name(name)
    documents = {name: _read_json(found, f"json/{name}.json", folder) for name in manifest.json}
    arrays = {name: _read_arrays(found, f"arrays/{name}.npz", folder) for name in manifest.arrays}
    folders = {name: folder / "parts" / name for name in manifest.folders}
    return LoadedParts(
        manifest=manifest,
        json=documents,
        arrays=arrays,
        folders=folders,
        reasons=manifest.differences(current_versions()),
    )


def current_versions() -> dict[str, str]:
    """Versions of everything installed here that a saved detector may depend on."""
    return {"pynomaly_auto": __version__, **_optional.versions(_PACKAGES)}


def _check_replaceable(folder: Path) -> None:
    """An existing folder may be replaced only when it is ours or empty: a typing error must not cost anyone's data."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise StorageError(f"{str(folder)!r} exists and is no folder.", fix="Choose another name.")
    if folder.is_dir() and any(folder.iterdir()):
        try:
            read_manifest(folder)
        except StorageError:
            raise StorageError(
                f"{str(folder)!r} exists and holds something else.", fix="Choose a new or an empty folder."
            ) from None


def _write_parts(work: Path, parts: SavedParts) -> Manifest:
    for name, value in parts.json.items():
        path = work / "json" / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        try:
            path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), encoding="utf-8")
        except (TypeError, ValueError) as error:
            raise StorageError(f"part {name!r} is not made of plain values: {error}.") from None
    for name, bundle in parts.arrays.items():
        path = work / "arrays" / f"{name}.npz"
        path.parent.mkdir(exist_ok=True)
        for key, array in bundle.items():
            if np.asarray(array).dtype.hasobject:
                raise StorageError(f"array {key!r} of part {name!r} holds objects.", fix="Convert it to text first.")
        # Entries are written one by one because savez takes names as keyword arguments, where "file" is taken.
        _write_npz(path, bundle)
    for name, write in parts.folders.items():
        target = work / "parts" / name
        target.mkdir(parents=True)
        write(target)
    manifest = Manifest(
        kind=parts.kind,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=current_versions(),
        columns=tuple(parts.columns),
        json=tuple(parts.json),
        arrays=tuple(parts.arrays),
        folders=tuple(parts.folders),
        needs_trust={k: tuple(v) for k, v in parts.needs_trust.items() if v},
    )
    files = tuple(
        FileEntry(path=name, size=path.stat().st_size, sha256=sha256_of(path))
        for name, path in list_files(work).items()
    )
    manifest = replace(manifest, files=files)
    write_manifest(work, manifest)
    return manifest


def _swap(work: Path, folder: Path) -> None:
    """Put the new folder in place of the old one; when that fails the old one comes back."""
    if not folder.exists():
        work.rename(folder)
        return
    old = work.with_name(f"{work.name}-old")
    folder.rename(old)
    try:
        work.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _check_trust(manifest: Manifest, trusted: bool | Collection[str]) -> None:
    if trusted is True:
        return
    allowed = set() if trusted is False else {trusted} if isinstance(trusted, str) else set(trusted)
    for part, types in manifest.needs_trust.items():
        unknown = sorted(set(types) - allowed)
        if unknown:
            raise UntrustedError(
                f"part {part!r} holds {', '.join(unknown)}, and loading that could run code.",
                fix="If you know where the folder comes from, pass trusted=True or trusted=[those names].",
            )


def _read_json(found: Mapping[str, Path], name: str, folder: Path) -> Any:
    try:
        return json.loads(_path(found, name, folder).read_text(encoding="utf-8"))
    except ValueError as error:
        raise StorageError(f"{name!r} is damaged: {error}.", where=str(folder)) from None


def _read_arrays(found: Mapping[str, Path], name: str, folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    import zipfile

    out: dict[str, np.ndarray[Any, Any]] = {}
    try:
        with zipfile.ZipFile(_path(found, name, folder)) as archive:
            for entry in archive.namelist():
                buffer = io.BytesIO(archive.read(entry))
                out[entry.removesuffix(".npy")] = np.lib.format.read_array(buffer, allow_pickle=False)
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise StorageError(f"{name!r} is damaged: {error}.", where=str(folder)) from None
    return out


def _write_npz(path: Path, bundle: Mapping[str, np.ndarray[Any, Any]]) -> None:
    import zipfile

    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for key, array in bundle.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asarray(array), allow_pickle=False)
            archive.writestr(f"{key}.npy", buffer.getbuffer())


def _path(found: Mapping[str, Path], name: str, folder: Path) -> Path:
    if name not in found:
        raise StorageError(f"{name!r} is named in {MANIFEST} but not there.", where=str(folder))
    return found[name]
