from __future__ import annotations

import json

import numpy as np
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.knowledge import MANIFEST, RESULTS, TASKS, KnowledgeBase, _base, read_manifest, write_manifest
from pynomaly_auto.knowledge._manifest import Manifest

NEAR = {"log_rows": 7.0, "clusters": 4.5, "noise": 0.0, "constant": 1.0, "not_in_the_base": 3.0}
FAR = {"log_rows": 60.0, "clusters": 900.0, "noise": 80.0}


def test_intact(base):
    assert base.verify() == []
    info = base.info()
    assert info["tasks"] == 40
    assert info["groups"] == 20
    assert info["status"]["failed"] == 10
    assert info["detectors"] == 7
    assert info["bytes"] > 0
    assert json.dumps(info)


@pytest.mark.parametrize("name", [TASKS, RESULTS, "models/quality_mean.txt"])
def test_damaged_file_is_named(copied, name):
    path = copied / name
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 0xFF
    path.write_bytes(bytes(body))
    with pytest.raises(StorageError, match=name):
        KnowledgeBase.open(copied)


def test_missing_file_is_named(copied):
    (copied / TASKS).unlink()
    with pytest.raises(StorageError, match=f"{TASKS} is missing"):
        KnowledgeBase.open(copied)


def test_files_outside_are_refused(copied):
    m = read_manifest(copied)
    body = {f: getattr(m, f) for f in m.__dataclass_fields__}
    write_manifest(copied, Manifest(**(body | {"files": {**m.files, "../secret": "0"}})))
    with pytest.raises(StorageError, match="outside"):
        KnowledgeBase.open(copied)


def test_tables_must_be_listed(copied):
    m = read_manifest(copied)
    body = {f: getattr(m, f) for f in m.__dataclass_fields__}
    write_manifest(copied, Manifest(**(body | {"files": {}})))
    with pytest.raises(StorageError, match="not in the manifest"):
        KnowledgeBase.open(copied)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: "{", "damaged"),
        (lambda text: "[1]", "no mapping"),
        (lambda text: text.replace('"seed": 0', '"seed": 1'), "checksum"),
        (lambda text: json.dumps({**json.loads(text), "schema": 99}), "schema 99"),
    ],
)
def test_damaged_manifest(copied, change, message):
    path = copied / MANIFEST
    path.write_text(change(path.read_text()))
    with pytest.raises(StorageError, match=message):
        KnowledgeBase.open(copied)


def test_incomplete_manifest(copied):
    from pynomaly_auto.knowledge._manifest import _digest

    body = {"schema": 1}
    (copied / MANIFEST).write_text(json.dumps(body | {"sha256": _digest(body)}))
    with pytest.raises(StorageError, match="incomplete"):
        KnowledgeBase.open(copied)


def test_no_base_there(tmp_path):
    with pytest.raises(StorageError, match="no knowledge base"):
        KnowledgeBase.open(tmp_path)


def test_unknown_manifest_keys_are_left_out(base_folder):
    values = read_manifest(base_folder).to_dict()
    values["scaling"]["from_the_future"] = 1
    again = Manifest.from_dict(values | {"from_the_future": 1})
    assert again == read_manifest(base_folder)


def test_shipped_by_environment(base_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("PYNOMALY_KNOWLEDGE_BASE", str(base_folder))
    first = KnowledgeBase.shipped()
    assert first is not None
    assert first is KnowledgeBase.shipped()
    monkeypatch.setenv("PYNOMALY_KNOWLEDGE_BASE", "")
    assert KnowledgeBase.shipped() is None
    monkeypatch.setenv("PYNOMALY_KNOWLEDGE_BASE", str(tmp_path))
    with pytest.raises(StorageError):
        KnowledgeBase.shipped()


def test_shipped_by_place(base_folder, monkeypatch, tmp_path):
    monkeypatch.delenv("PYNOMALY_KNOWLEDGE_BASE", raising=False)
    monkeypatch.setattr(_base, "_places", lambda: (tmp_path, base_folder))
    assert KnowledgeBase.shipped().path == base_folder
    monkeypatch.setattr(_base, "_places", lambda: (tmp_path,))
    assert KnowledgeBase.shipped() is None


def test_places_are_package_and_repository():
    inside, beside = _base._places()
    assert inside.name == "_knowledge_base"
    assert beside.name == "knowledge_base"


def test_neighbours_are_near_first(base):
    near = base.neighbours(NEAR)
    assert list(near.distances) == sorted(near.distances)
    assert near.confidence > 0.4
    nearest = base.tasks.iloc[near.tables[0]]
    assert abs(nearest["mf_clusters"] - 4.5) < 2
    far = base.neighbours(FAR)
    assert far.confidence < 0.1


def test_nothing_known_of_the_table(base):
    near = base.neighbours({"nothing": 1.0})
    assert near.tables == ()
    assert near.confidence == 0.0
    assert base.similar(near) == ()
    assert base.warm_starts(near, "lof") == ()
    found = base.predict(["lof"], {"nothing": 1.0})["lof"]
    facts = base.manifest.detectors["lof"]
    assert (found.quality, found.low, found.high) == (facts.mean, facts.low, facts.high)


def test_similar_tables_are_named(base):
    similar = base.similar(base.neighbours(NEAR))
    assert len(similar) == 5
    assert all(0 <= s.similarity <= 1 and len(s.best_detectors) == 3 for s in similar)
    assert [s.similarity for s in similar] == sorted((s.similarity for s in similar), reverse=True)


def test_warm_starts_beat_defaults(base):
    starts = base.warm_starts(base.neighbours(NEAR), "lof")
    assert starts[0].params == {"n": 0.02}
    assert starts[0].gain > 0
    assert all(s.params != {"n": -0.02} for s in starts)
    assert base.warm_starts(base.neighbours(NEAR), "knn_mean") == ()


def test_predictions(base):
    found = base.predict(["knn_mean", "iforest", "gan", "a_stranger"], NEAR)
    assert set(found) == {"knn_mean", "iforest", "gan"}
    assert all(0 <= p.low <= p.quality <= p.high <= 1 for p in found.values())
    few = base.predict(["knn_mean", "iforest"], NEAR | {"clusters": 0.3})
    # Neighbours are good where clusters are many, trees where they are few.
    assert found["knn_mean"].quality > found["iforest"].quality
    assert few["knn_mean"].quality < few["iforest"].quality
    assert base.predict(["a_stranger"], NEAR) == {}


def test_predictions_shrink_far_away(base):
    found = base.predict(["knn_mean"], FAR)["knn_mean"]
    assert found.quality == pytest.approx(base.manifest.detectors["knn_mean"].mean, abs=0.02)


def test_quality_after_fitting(base):
    predict = base.fitted_quality(NEAR)
    good, bad = predict("iforest", {"agreement": 0.85}), predict("iforest", {"agreement": 0.6})
    assert 0 <= bad < good <= 1
    assert np.isnan(predict("a_stranger", {}))


def test_base_without_models(made, tmp_path):
    from pynomaly_auto.building._assemble import assemble

    tasks, results = made.tables(4)
    assemble((tasks, results), tmp_path / "small", seed=0, max_rows=100)
    base = KnowledgeBase.open(tmp_path / "small")
    assert base.manifest.models == {}
    assert base.fitted_quality(NEAR) is None
    assert base.fusion is None
    assert base.calibrator is None
    assert base.predict(["lof"], NEAR)["lof"].quality > 0


def test_unreadable_table(base_folder, monkeypatch):
    base = KnowledgeBase(base_folder, read_manifest(base_folder))
    with pytest.raises(StorageError, match=r"nothing\.parquet"):
        base._table("nothing.parquet")
    with pytest.raises(StorageError, match=r"models/nothing\.txt"):
        base._forest("models/nothing.txt", 3)


def test_scaling_without_spread(made):
    from pynomaly_auto.models import Scaling

    tasks, _ = made.tables(6)
    space = Scaling.of(tasks)
    assert "constant" not in space.names
    assert "rare" not in space.names
    single = Scaling.of(tasks.head(1))
    assert single.names == ()
    assert single.confidence(0.0) == 0.0
    assert np.isnan(single.distances(np.empty(0), np.empty((1, 0)))).all()
