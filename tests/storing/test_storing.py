"""Saved directories: whole, verified, never loaded when something does not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pynomaly_auto.errors import StorageError, UntrustedError
from pynomaly_auto.storing import Manifest, SavedParts, _manifest, _store, load, read_manifest, save


def parts(**changes) -> SavedParts:
    def write(folder: Path) -> None:
        (folder / "sub").mkdir()
        (folder / "sub" / "forest.bin").write_bytes(b"trees")

    values = {
        "kind": "detector",
        "columns": (("amount", "numeric"), ("größe", "categorical")),
        "json": {"settings": {"a": [1, None, "ü"]}},
        "arrays": {"scores": {"file": np.arange(5.0), "labels": np.array(["a", "b"])}},
        "folders": {"member-0": write},
    }
    return SavedParts(**{**values, **changes})


def rewrite(folder: Path, *, checksum: bool = True, **changes) -> None:
    """Forge the manifest; with a fitting checksum unless told otherwise."""
    document = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    document.update(changes)
    if checksum:
        body = {k: v for k, v in document.items() if k not in {"format", "checksum"}}
        document["checksum"] = _manifest._checksum(body)
    (folder / "manifest.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(tmp_path / "model", parts())
    return tmp_path / "model"


def test_round_trip(saved: Path):
    loaded = load(saved)
    assert loaded.json == {"settings": {"a": [1, None, "ü"]}}
    np.testing.assert_array_equal(loaded.arrays["scores"]["file"], np.arange(5.0))
    assert loaded.arrays["scores"]["labels"].tolist() == ["a", "b"]
    assert (loaded.folders["member-0"] / "sub" / "forest.bin").read_bytes() == b"trees"
    assert loaded.manifest.columns == (("amount", "numeric"), ("größe", "categorical"))
    assert loaded.manifest.versions["numpy"] == np.__version__
    assert loaded.reasons == ()
    assert Manifest.from_dict(loaded.manifest.to_dict()) == loaded.manifest
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


def test_empty_parts_are_fine(tmp_path: Path):
    save(tmp_path / "m", SavedParts(kind="empty"))
    assert load(tmp_path / "m").manifest.kind == "empty"


def test_ours_and_empty_folders_are_replaced(saved: Path):
    save(saved, parts(json={"other": 1}))
    assert load(saved).json == {"other": 1}
    empty = saved.parent / "empty"
    empty.mkdir()
    save(empty, parts())
    assert sorted(p.name for p in saved.parent.iterdir()) == ["empty", "model"]


def test_what_is_not_ours_is_never_replaced(tmp_path: Path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("years of work")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "thesis")
    for name, why in (("thesis", "something else"), ("file", "no folder"), ("link", "no folder")):
        with pytest.raises(StorageError, match=why):
            save(tmp_path / name, parts())
    assert (tmp_path / "thesis" / "chapter1.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: (f / "json" / "settings.json").unlink(), r"'json/settings.json' missing"),
        (lambda f: (f / "extra.txt").write_text("x"), r"'extra.txt' not in the manifest"),
        (lambda f: (f / "parts/member-0/sub/forest.bin").write_bytes(b"treez"), r"forest.bin' has been altered"),
        (lambda f: (f / "parts/member-0/sub/forest.bin").write_bytes(b"more trees"), r"forest.bin' has been altered"),
        (lambda f: (f / "manifest.json").unlink(), "holds no manifest"),
        (lambda f: (f / "manifest.json").write_text("{"), "damaged"),
        (lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe\xff"), "damaged"),
        (lambda f: (f / "manifest.json").write_text("[]"), "not written by pynomaly_auto"),
        (lambda f: (f / "link").symlink_to("/etc/hostname"), "neither a file nor a folder"),
        (lambda f: rewrite(f, format_version=99), "format version 99, this release reads 1"),
        (lambda f: rewrite(f, checksum=False, kind="other"), "altered: its checksum"),
        (lambda f: rewrite(f, kind=3), "damaged: TypeError"),
        (lambda f: rewrite(f, files=[{"path": "x"}]), "damaged: KeyError"),
        (lambda f: rewrite(f, folders=["../../etc"]), "cannot be the name of a part"),
        (lambda f: rewrite(f, json=["nothing"]), "named in manifest.json but not there"),
    ],
)
def test_damage_is_found_before_anything_is_loaded(saved: Path, change, message: str):
    change(saved)
    with pytest.raises(StorageError, match=message):
        load(saved)


def test_paths_outside_are_missing_files_never_read(saved: Path):
    entries = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))["files"]
    rewrite(saved, files=[*entries, {"path": "../../secret", "size": 1, "sha256": "0"}])
    with pytest.raises(StorageError, match="secret' missing"):
        load(saved)


@pytest.mark.parametrize(("name", "content"), [("json/settings.json", b"{"), ("arrays/scores.npz", b"no zip")])
def test_broken_content_with_fitting_checksums(saved: Path, name: str, content: bytes):
    (saved / name).write_bytes(content)
    document = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    for entry in document["files"]:
        if entry["path"] == name:
            entry.update(size=len(content), sha256=_manifest.sha256_of(saved / name))
    rewrite(saved, files=document["files"])
    with pytest.raises(StorageError, match="is damaged"):
        load(saved)


def test_pickled_arrays_are_refused_both_ways(tmp_path: Path, saved: Path):
    with pytest.raises(StorageError, match="holds objects"):
        save(tmp_path / "m", parts(arrays={"a": {"x": np.array([{}], dtype=object)}}))
    np.savez(saved / "arrays" / "scores.npz", x=np.array([{}], dtype=object))
    document = json.loads((saved / "manifest.json").read_text(encoding="utf-8"))
    for entry in document["files"]:
        path = saved / entry["path"]
        entry.update(size=path.stat().st_size, sha256=_manifest.sha256_of(path))
    rewrite(saved, files=document["files"])
    with pytest.raises(StorageError, match="is damaged"):
        load(saved)


@pytest.mark.parametrize(
    "bad",
    [
        {"json": {"../x": 1}},
        {"json": {"a": float("nan")}},
        {"json": {"a": object()}},
        {"folders": {"a/b": lambda f: None}},
        {"arrays": {"": {}}},
        {"json": {"a.": 1}},
    ],
)
def test_what_cannot_be_stored_leaves_nothing_behind(tmp_path: Path, bad):
    with pytest.raises(StorageError):
        save(tmp_path / "m", parts(**bad))
    assert list(tmp_path.iterdir()) == []


def test_a_failing_codec_leaves_the_old_folder(saved: Path):
    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("codec broke")

    with pytest.raises(ValueError, match="codec broke"):
        save(saved, parts(folders={"m": fail}))
    assert load(saved).json
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


def test_when_the_new_folder_cannot_be_put_in_place_the_old_comes_back(saved: Path, monkeypatch: pytest.MonkeyPatch):
    rename = Path.rename

    def stubborn(self: Path, target: Path) -> Path:
        if ".saving-" in self.name and not self.name.endswith("-old"):
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", stubborn)
    with pytest.raises(StorageError, match="Input/output error"):
        save(saved, parts(json={"new": 1}))
    monkeypatch.undo()
    assert "settings" in load(saved).json


def test_unwritable_places(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StorageError, match="cannot save"):
        save(tmp_path / "file" / "model", parts())
    with pytest.raises(StorageError, match="cannot read"):
        read_manifest(tmp_path / "file")


def test_trust_is_asked_for(tmp_path: Path):
    save(tmp_path / "m", parts(needs_trust={"member-0": ("torch.nn.Linear", "my.Type"), "none": ()}))
    with pytest.raises(UntrustedError, match=r"my\.Type, torch\.nn\.Linear"):
        load(tmp_path / "m")
    with pytest.raises(UntrustedError, match=r"holds my\.Type,"):
        load(tmp_path / "m", trusted="torch.nn.Linear")
    assert load(tmp_path / "m", trusted=["torch.nn.Linear", "my.Type"]).folders
    assert load(tmp_path / "m", trusted=True).folders


def test_other_versions_are_reported(saved: Path):
    rewrite(saved, versions={"numpy": "1.0", "gone": "3"})
    (reason,) = load(saved).reasons
    assert reason.code == "STO-001"
    assert "numpy 1.0" in reason.text
    assert _store.current_versions()["pynomaly_auto"]
