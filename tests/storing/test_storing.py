"""Saved files: whole, verified, never unpacked when something does not fit."""

from __future__ import annotations

import json
import os
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pynomaly_auto.errors import SettingError, StorageError
from pynomaly_auto.records import State
from pynomaly_auto.storing import Manifest, SavedParts, _file, _manifest, _store, load, save
from tests.storing.forging import PREFIX, Forged

SHARED = np.arange(1000.0).reshape(-1, 10)


def parts(**changes: Any) -> SavedParts:
    values = {
        "kind": "detector",
        "columns": (("amount", "numeric"), ("größe", "categorical")),
        "parts": {
            "settings": State(values={"a": [1, None, "ü\ud800"], "empty": {}}),
            "one": State(arrays={"file": SHARED, "labels": np.array(["a", "bü"])}, values={"k": 0.5}),
            "two": State(arrays={"same": SHARED.copy(), "flags": np.array([True, False])}),
        },
    }
    return SavedParts(**{**values, **changes})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save(tmp_path / "model", parts())
    return tmp_path / "model"


def test_round_trip(saved: Path):
    loaded = load(saved)
    assert loaded.part("settings").values == {"a": [1, None, "ü\ud800"], "empty": {}}
    np.testing.assert_array_equal(loaded.part("one").arrays["file"], SHARED)
    assert loaded.part("one").arrays["labels"].tolist() == ["a", "bü"]
    assert loaded.part("one").values == {"k": 0.5}
    assert loaded.manifest.columns == (("amount", "numeric"), ("größe", "categorical"))
    assert loaded.manifest.versions["numpy"] == np.__version__
    assert loaded.reasons == ()
    assert [p.name for p in saved.parent.iterdir()] == ["model"]
    with pytest.raises(StorageError, match="'three' is missing"):
        loaded.part("three")


@pytest.mark.parametrize(
    "array",
    [
        np.array([], dtype=np.float64), np.zeros((0, 5)), np.array(3.0), np.zeros(100_000), np.arange(7, dtype=">i4"),
        np.asfortranarray(np.random.default_rng(0).normal(size=(300, 4))), np.array([1.5, np.nan, np.inf, -0.0]),
        np.array(["2024-01-01", "NaT"], dtype="M8[ns]"), np.array([5, 7], dtype="m8[D]"), np.float16([1, 2]),
        np.random.default_rng(0).integers(0, 9, size=(50, 3, 2), dtype=np.uint8), np.array([True] * 400),
        np.arange(500, dtype=np.uint64), np.array(["", "long text"] * 200),
    ],
    ids=lambda a: f"{a.dtype}{a.shape}",
)  # fmt: skip
def test_every_kind_of_array(array: Any, tmp_path: Path):
    save(tmp_path / "m", parts(parts={"p": State(arrays={"a": array})}))
    back = load(tmp_path / "m").part("p").arrays["a"]
    assert back.shape == array.shape
    assert back.dtype == array.dtype.newbyteorder("<")
    assert back.tobytes() == np.ascontiguousarray(array, dtype=back.dtype).tobytes()
    assert not back.flags.writeable


def test_equal_arrays_are_stored_once_and_are_one_object(saved: Path):
    loaded = load(saved)
    assert loaded.part("one").arrays["file"] is loaded.part("two").arrays["same"]
    assert len(loaded.manifest.entries) == 4  # the document, and three arrays
    noise = np.random.default_rng(0).normal(size=5000)
    save(saved, parts(parts={str(i): State(arrays={"a": noise.copy()}) for i in range(20)}))
    assert saved.stat().st_size < 1.2 * noise.nbytes


def test_what_compresses_well_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """More than a reader unpacks of so small a file: such arrays and documents are stored as they are."""
    monkeypatch.setattr(_manifest, "_FREE", 1 << 16)
    monkeypatch.setattr(_manifest, "_FREE_JSON", 1 << 16)
    zeros = {str(i): np.full(1 << 14, float(i)) for i in range(4)}
    save(tmp_path / "m", parts(parts={"p": State(arrays=zeros, values={"text": "x" * (1 << 17)})}))
    back = load(tmp_path / "m").part("p")
    assert back.arrays["3"][-1] == 3.0
    assert len(back.values["text"]) == 1 << 17


def test_only_what_is_ours_is_replaced(saved: Path, tmp_path: Path):
    save(saved, parts(parts={"other": State()}))
    assert list(load(saved).parts) == ["other"]
    (tmp_path / "thesis.txt").write_text("years of work")
    (tmp_path / "link").symlink_to(saved)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, why in (("thesis.txt", "something else"), ("folder", "is a folder"), ("link", "no file"),
                      ("pipe", "no file")):  # fmt: skip
        with pytest.raises(StorageError, match=why):
            save(tmp_path / name, parts())
    (tmp_path / "folder" / "manifest.json").write_text("{}")
    with pytest.raises(StorageError, match="folder that an older release saved to"):
        save(tmp_path / "folder", parts())
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("nowhere", "there is no file"),
        ("folder", "is no file"),
        ("old", "saved by an older release.*Fit and save"),
        ("pipe", "is no file"),
        ("empty", "not written by pynomaly_auto"),
        ("text", "not written by pynomaly_auto"),
        ("short", "ends too early"),
        ("file/model", "cannot read"),
        ("nu\0ll", "cannot read"),
    ],
)
def test_what_is_no_saved_file(place: str, message: str, tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text('{"format": "pynomaly_auto", "format_version": 1}')
    os.mkfifo(tmp_path / "pipe")
    for name, content in (("empty", ""), ("text", "hello"), ("short", "PYNOMALY"), ("file", "x")):
        (tmp_path / name).write_text(content)
    with pytest.raises(StorageError, match=message):
        load(tmp_path / place)


def test_a_huge_file_of_another_kind_is_not_read(tmp_path: Path):
    with (tmp_path / "disk.img").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(StorageError, match="not written by pynomaly_auto"):
        load(tmp_path / "disk.img")


def test_every_altered_byte_is_noticed(saved: Path):
    data = saved.read_bytes()
    for at in (*range(PREFIX), *range(PREFIX, len(data), 37), len(data) - 1):
        saved.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises(StorageError):
            load(saved)
    for cut in (1, 100, len(data) - PREFIX):
        saved.write_bytes(data[:-cut])
        with pytest.raises(StorageError):
            load(saved)
    saved.write_bytes(data + b"x")
    with pytest.raises(StorageError):
        load(saved)


def entry(number: int, **changes: Any) -> Any:
    return lambda f: f.manifest["entries"][number].update(changes)


def document(change: Any) -> Any:
    def apply(forged: Forged) -> None:
        held = forged.document
        change(held)
        forged.set_document(held)

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.head.update(version=4), "format version 4, this release reads 3"),
        (lambda f: f.head.update(signed=7), "altered"),
        (lambda f: f.head.update(length=10**12), "manifest is announced to take"),
        (lambda f: setattr(f, "text", b"{"), "damaged"),
        (lambda f: setattr(f, "text", b"\xff\xfe\xff"), "damaged"),
        (lambda f: setattr(f, "text", b"[]"), "instead of a mapping"),
        (lambda f: setattr(f, "text", b"[" * 100_000), "nested more than"),
        (lambda f: setattr(f, "text", b'{"kind": NaN}'), "no finite number"),
        (lambda f: f.manifest.update(kind=3), r"Manifest\.kind is a whole number instead of text"),
        (lambda f: f.manifest.pop("versions"), r"Manifest\.versions is missing"),
        (lambda f: f.manifest.update(versions={"numpy": 2}), "versions"),
        (lambda f: f.manifest.update(columns=[["a"]]), "a list of 2"),
        (lambda f: f.manifest.update(entries=[]), "no document"),
        (lambda f: f.manifest.update(entries=[{}] * 200_000), "announces 200000 parts"),
        (lambda f: f.manifest["entries"].reverse(), "no document"),
        (entry(1, type="json"), "more than one document"),
        (entry(0, shape=[1, 2]), "no text"),
        (entry(1, stored=-5), "negative size"),
        (entry(1, stored=10**30), "announced to take"),
        (entry(1, stored=1e999), "no finite number"),
        (entry(1, stored=5.0), "instead of a whole number"),
        (entry(1, stored=True), "instead of a whole number"),
        (entry(1, codec="pickle"), "one of 'raw'"),
        (entry(1, codec="raw"), "another size"),
        (entry(1, type="O"), "'O' are not stored"),
        (entry(1, type="f16"), "not stored"),
        (entry(1, type="f8,i4"), "not stored"),
        (entry(1, shape=[-1, 10]), "cannot have the shape"),
        (entry(1, shape=[10**15]), "cannot have the shape"),
        (entry(1, shape=[2**39, 2**39, 0]), "cannot have the shape"),
        (entry(1, shape=[1] * 20), "cannot have the shape"),
        (entry(1, shape=[2**32]), "bytes unpacked"),
        (entry(1, shape=[999]), "another size"),
        (entry(1, shape=[1001]), "another size"),
        (lambda f: f.set_entry(1, b"no deflate at all"), "is damaged"),
        (lambda f: f.set_entry(3, b"\2\1"), "truth values"),
        (lambda f: f.set_entry(2, b"\xff" * 16), "no letter"),
        (lambda f: f.set_document(b"{"), "damaged"),
        (lambda f: f.set_document([]), "no mapping"),
        (lambda f: f.set_document(b'{"a": {"arrays": {}, "values": {"x": 1e999}}}'), "no finite number"),
        (lambda f: f.set_document(b'{"a": ' + b"9" * 5000 + b"}"), "damaged"),
        (lambda f: f.set_document(b'{"a": ' + b'{"b":' * 90 + b"1" + b"}" * 91), "nested"),
        (document(lambda d: d.update(one=5)), "'one' is no mapping"),
        (document(lambda d: d["one"].pop("arrays")), "no arrays"),
        (document(lambda d: d["one"].update(values=[])), "no values"),
        (document(lambda d: d["one"]["arrays"].update(file=0)), "names an array 0"),
        (document(lambda d: d["one"]["arrays"].update(file=4)), "names an array 4"),
        (document(lambda d: d["one"]["arrays"].update(file=-1)), "names an array -1"),
        (document(lambda d: d["one"]["arrays"].update(file="../../etc/passwd")), "which is not there"),
        (document(lambda d: d["one"]["arrays"].update(file=True)), "names an array True"),
    ],
)  # fmt: skip
def test_forged_files_with_a_fitting_checksum(saved: Path, change: Any, message: str):
    forged = Forged.of(saved)
    change(forged)
    forged.write(saved)
    with pytest.raises(StorageError, match=message) as error:
        load(saved)
    assert "model" in str(error.value)


def test_whole_numbers_that_nothing_can_hold_are_refused():
    with pytest.raises(StorageError, match="'scale' is 1000"):
        State(values={"scale": 10**400}).value("scale", (int, float))
    assert State(values={"scale": -(2**63)}).value("scale", int) == -(2**63)


def test_a_text_without_end_is_refused_in_no_time(saved: Path):
    Forged.of(saved).set_document(b'{"a": "' + b'\\"' * 60_000).write(saved)
    start = time.process_time()
    with pytest.raises(StorageError, match="damaged"):
        load(saved)
    assert time.process_time() - start < 2  # 40 s when every quote was tried as the beginning of a text


@pytest.mark.parametrize("announced", ["right", "wrong"])
def test_bombs_are_refused_without_unpacking(saved: Path, announced: str):
    """4 GB of zeros in 4 MB, announced as what they are or as 8 kB."""
    maker = zlib.compressobj(9)
    bomb = maker.compress(b"") + 256 * (maker.compress(bytes(1 << 24)) + maker.flush(zlib.Z_FULL_FLUSH))
    shape = [1 << 29] if announced == "right" else [1000]
    Forged.of(saved).set_entry(1, bomb, shape=shape, codec="deflated").write(saved)
    tracemalloc.start()
    with pytest.raises(StorageError, match="unpacked" if announced == "right" else "another size"):
        load(saved)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6 * len(bomb) + (4 << 20)


def test_a_document_may_not_be_a_bomb_either(saved: Path):
    raw = b'{"a": {"arrays": {}, "values": {"x": [' + b"[]," * 20_000_000 + b"[]]}}}"
    Forged.of(saved).set_entry(0, zlib.compress(raw, 9), shape=[len(raw)], codec="deflated").write(saved)
    with pytest.raises(StorageError, match="document would take"):
        load(saved)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (State(values={"a": float("nan")}), "part 'bad'"),
        (State(values={"a": object()}), "plain values"),
        (State(values={"a": float("inf")}), "plain values"),
        (State(arrays={"x": np.array([{}], dtype=object)}), "'x' of 'bad' has type object"),
        (State(arrays={"x": np.zeros(2, dtype="f8,i4")}), "cannot be stored"),
        (State(arrays={"x": np.zeros(2, dtype=complex)}), "cannot be stored"),
    ],
)
def test_what_cannot_be_stored_leaves_nothing_behind(tmp_path: Path, state: State, message: str):
    with pytest.raises(StorageError, match=message):
        save(tmp_path / "m", parts(parts={"bad": state}))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_earlier_file(saved: Path, monkeypatch: pytest.MonkeyPatch):
    before = saved.read_bytes()

    def stubborn(self: Path, target: Path) -> Path:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "replace", stubborn)
    with pytest.raises(StorageError, match="Input/output error"):
        save(saved, parts())
    monkeypatch.undo()
    monkeypatch.setattr(_file.os, "fsync", lambda descriptor: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(StorageError, match="No space left"):
        save(saved, parts())
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == ["model"]


def test_unwritable_places(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for place in ("file/model", "nu\0ll", "n" * 300):
        with pytest.raises(StorageError, match="cannot save"):
            save(tmp_path / place, parts())
    save(tmp_path / ("long" * 60), parts())  # the name of the file beside is shorter


def test_signed(tmp_path: Path):
    path = tmp_path / "m"
    for key in ("secret", b"\0\xff" * 100):
        save(path, parts(), key=key)
        assert load(path, key=key).reasons == ()
        (reason,) = load(path).reasons
        assert (reason.code, "not checked" in reason.text) == ("STO-002", True)
        with pytest.raises(StorageError, match="does not fit the key"):
            load(path, key="other")
    forged = Forged.of(path)
    forged.manifest["kind"] = "another"
    data = forged.write(tmp_path / "forged").read_bytes()
    with pytest.raises(StorageError, match="not signed, and a key"):
        load(tmp_path / "forged", key="secret")
    # The old signature on the new content.
    forged.head["signed"] = 1
    data = forged.write(tmp_path / "forged").read_bytes()
    signature = path.read_bytes()[56:PREFIX]
    (tmp_path / "forged").write_bytes(data[:56] + signature + data[PREFIX:])
    assert load(tmp_path / "forged").manifest.kind == "another"
    with pytest.raises(StorageError, match="does not fit the key"):
        load(tmp_path / "forged", key="secret")


@pytest.mark.parametrize("key", ["", b"", 5, ["a"]])
def test_what_is_no_key(key: Any, tmp_path: Path):
    with pytest.raises(SettingError, match="key"):
        save(tmp_path / "m", parts(), key=key)
    assert not (tmp_path / "m").exists()


def test_other_versions_are_reported(saved: Path):
    forged = Forged.of(saved)
    forged.manifest["versions"] = {"numpy": "1.0", "gone": "3"}
    (reason,) = load(forged.write(saved)).reasons
    assert reason.code == "STO-001"
    assert "numpy 1.0" in reason.text
    assert _store.current_versions()["pynomaly_auto"]


def test_the_manifest_says_what_is_there(saved: Path):
    values = json.loads(json.dumps(load(saved).manifest.to_dict()))
    available = sum(e["stored"] for e in values["entries"])
    assert Manifest.from_dict(values, available) == load(saved).manifest


def test_a_file_of_holes_larger_than_memory_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "holes"
    with path.open("wb") as stream:
        stream.write(b"PYNOMALY")
        stream.truncate(1 << 42)
    with pytest.raises(StorageError, match="bytes of memory are free"):
        load(path)
