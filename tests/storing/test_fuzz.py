"""The short form of the fuzz test; ``python -m tests.storing.fuzz --seconds 600`` is the long one."""

from __future__ import annotations

import pickle
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.errors import StorageError, UntrustedError
from tests.storing import fuzz
from tests.storing.forging import Forged


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fuzz.make(tmp_path_factory.mktemp("fuzz") / "model.pynomaly", n_trials=10)


def test_damaged_and_crafted_files_are_refused_or_harmless(saved: Path) -> None:
    found = fuzz.run(saved, seconds=10)
    assert not found.bad, str(found)
    assert found.cases >= 5  # hundreds on an idle machine
    assert found.outcomes["refused"] >= found.outcomes["loaded"]


def test_it_notices_what_must_not_be(saved: Path, tmp_path: Path) -> None:
    """A child that ends is told with the number of its case."""
    broken = tmp_path / "broken"
    broken.write_bytes(saved.read_bytes()[:50])  # the child itself fails on it
    found = fuzz.run(broken, seconds=5, first=7, most=1)
    assert list(found.bad) == [7]
    assert "ended with status 1" in found.bad[7]


def test_no_payload_is_ever_looked_into(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack on the old format: whatever a member is exchanged for, nothing in it is called."""
    monkeypatch.chdir(tmp_path)
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("schema.json", '{"__class__": "MethodNode", "__module__": "os", "__loader__": "MethodNode"}')
    for number, content in enumerate((fuzz.payload(), archive.getvalue())):
        forged = Forged.of(saved)
        document = forged.document
        member = next(name for name in document if name.startswith("member"))
        forged.pieces.append(content)
        entry = {"type": "u1", "shape": [len(content)], "codec": "raw", "stored": len(content)}
        forged.manifest["entries"].append(entry)
        place = len(forged.pieces) - 1
        own = document[member]["values"]
        for name in ("cloudpickle", "estimator.skops", "pickle", *list(document[member]["arrays"])):
            document[member]["arrays"][name] = place
        for kind in ("sklearn.svm.OneClassSVM", "pynomaly_auto.detectors.Knn", 5):
            document[member]["values"] = own | {"type": kind}
            path = forged.set_document(document).write(tmp_path / f"crafted {number}")
            for trusted in (False, (), "another.Type"):
                with pytest.raises(UntrustedError if isinstance(kind, str) else StorageError):
                    AutonomousDetector.load(path, trusted=trusted)
    assert not (tmp_path / fuzz.MARKER).exists()
    pickle.loads(fuzz.payload()).close()  # what it would have done
    assert (tmp_path / fuzz.MARKER).exists()


def test_arrays_of_a_loaded_detector_are_shared_and_read_only(saved: Path) -> None:
    detector = AutonomousDetector.load(saved)
    reference = detector._model.reference.X
    assert not reference.flags.writeable
    assert np.shares_memory(detector._model.ensemble.fused.around.rows, reference)
