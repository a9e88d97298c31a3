"""Stored detectors: identical scores, nothing trusted unasked, every damage named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, Cost, DetectorSpec, FittedDetector, fit_detector
from pynomaly_auto.detectors._codec import _ours, dump, load
from pynomaly_auto.errors import StorageError, UntrustedError

X = np.random.default_rng(0).normal(size=(60, 4))

STAND_INS = {"KNN": "pyod.models.knn:KNN", "LOF": "pyod.models.lof:LOF", "HBOS": "pyod.models.hbos:HBOS"}


class Stranger:
    """A third party's estimator."""

    def fit(self, rows: np.ndarray) -> Stranger:
        self.centre = rows.mean(axis=0)
        return self

    def decision_function(self, rows: np.ndarray) -> np.ndarray:
        return np.abs(rows - self.centre).sum(axis=1)


def spec_of(name: str, target: str) -> DetectorSpec:
    return DetectorSpec(
        name=name, title=name, family="proximity", target=target, paper="-", summary="-", cost=Cost(unit=0.1)
    )


@pytest.mark.parametrize("name", list(DETECTORS))
def test_every_detector_scores_the_same_after_a_round_trip(name: str, tmp_path: Path) -> None:
    spec = DETECTORS[name]
    fitted, _ = fit_detector(spec, {}, X, seed=3)
    new = np.vstack([X[:10] + 0.1, np.full((1, 4), 9.0)])
    before = fitted.score(new)
    dump(fitted, tmp_path / "deep" / name)
    again = load(spec, fitted.params, tmp_path / "deep" / name)
    np.testing.assert_array_equal(again.score(new), before)
    assert again.spec is spec


@pytest.mark.parametrize("name", STAND_INS)
def test_pyod_models_are_stored_without_asking(name: str, tmp_path: Path) -> None:
    spec = spec_of(name, STAND_INS[name])
    fitted, _ = fit_detector(spec, {}, X, seed=0)
    dump(fitted, tmp_path)
    np.testing.assert_array_equal(load(spec, {}, tmp_path).score(X), fitted.score(X))


def test_a_bare_isotree_forest_is_stored_too(tmp_path: Path) -> None:
    pytest.importorskip("isotree")
    spec = DetectorSpec(
        name="raw", title="raw", family="trees", target="isotree:IsolationForest", paper="-", summary="-",
        cost=Cost(unit=0.1), defaults={"ntrees": 5, "nthreads": 1}, train_scores=None, extra="isotree", codec="isotree",
    )  # fmt: skip
    fitted, _ = fit_detector(spec, {}, X, seed=0)
    dump(fitted, tmp_path)
    np.testing.assert_array_equal(load(spec, {}, tmp_path).score(X), fitted.score(X))


class TestTrust:
    @pytest.fixture
    def stored(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[DetectorSpec, Path, str]:
        import sys
        import types

        module = types.ModuleType("strangers_package")
        module.Stranger = Stranger
        monkeypatch.setitem(sys.modules, "strangers_package", module)
        monkeypatch.setattr(Stranger, "__module__", "strangers_package")
        spec = spec_of("stranger", "strangers_package:Stranger")
        dump(FittedDetector(spec, {}, Stranger().fit(X)), tmp_path)
        return spec, tmp_path, "strangers_package.Stranger"

    def test_a_strangers_type_is_refused_and_named(self, stored: tuple[DetectorSpec, Path, str]) -> None:
        spec, folder, name = stored
        for trusted in (False, (), ["something.Else"]):
            with pytest.raises(UntrustedError, match=name):
                load(spec, {}, folder, trusted=trusted)

    def test_it_is_loaded_when_the_user_says_so(self, stored: tuple[DetectorSpec, Path, str]) -> None:
        spec, folder, name = stored
        for trusted in (True, [name], name):
            assert load(spec, {}, folder, trusted=trusted).score(X).shape == (60,)

    @pytest.mark.parametrize(
        "name",
        [
            "builtins.exec",
            "os.system",
            "numpy.memmap",
            "sklearn.utils.Bunch",  # no estimator
            "sklearn.datasets._base.load_iris",  # no class
            "sklearn.no_such_module.Thing",
            "pyod.models.knn.BaseDetector",  # not where it is defined
            "pyod.models.knn.NoSuchThing",
            "pynomaly_auto.detectors._codec.dump",
        ],
    )
    def test_functions_and_plain_library_types_are_not_ours(self, name: str) -> None:
        assert not _ours(name)

    @pytest.mark.parametrize(
        "name",
        [
            "pyod.models.knn.KNN",
            "sklearn.tree._tree.Tree",
            "sklearn.svm._classes.OneClassSVM",
            "pynomaly_auto.detectors._scaling.Scaling",
        ],
    )
    def test_holders_of_state_are_ours(self, name: str) -> None:
        assert _ours(name)


class TestDamage:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        dump(fit_detector(DETECTORS["pca"], {}, X, seed=0)[0], tmp_path)
        return tmp_path

    def refused(self, folder: Path, match: str, name: str = "pca") -> None:
        with pytest.raises(StorageError, match=match):
            load(DETECTORS[name], {}, folder)

    def edit(self, folder: Path, **changes: object) -> None:
        path = folder / "detector.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    def test_no_folder(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "nowhere", "missing or damaged")

    @pytest.mark.parametrize("text", ["{", "[]", '{"files": 3}', '{"files": {}, "versions": {}}'])
    def test_a_broken_manifest(self, folder: Path, text: str) -> None:
        (folder / "detector.json").write_text(text)
        self.refused(folder, "missing or damaged")

    def test_another_format(self, folder: Path) -> None:
        self.edit(folder, format=99)
        self.refused(folder, "format 99")

    def test_another_detector(self, folder: Path) -> None:
        self.refused(folder, "pca .* is stored, not ica", name="ica")

    def test_other_files(self, folder: Path) -> None:
        self.edit(folder, files={"../estimator.skops": "0"})
        self.refused(folder, "are not the files")

    def test_a_missing_file(self, folder: Path) -> None:
        (folder / "estimator.skops").unlink()
        self.refused(folder, "cannot be read")

    def test_a_changed_file(self, folder: Path) -> None:
        path = folder / "estimator.skops"
        path.write_bytes(path.read_bytes()[:-9])
        self.refused(folder, "checksum")

    def test_an_unreadable_file_with_the_right_checksum_names_the_versions(self, folder: Path) -> None:
        import hashlib

        (folder / "estimator.skops").write_bytes(b"no zip")
        manifest = json.loads((folder / "detector.json").read_text())
        self.edit(
            folder,
            files={"estimator.skops": hashlib.sha256(b"no zip").hexdigest()},
            versions={**manifest["versions"], "scikit-learn": "0.1"},
        )
        self.refused(folder, r"saved with scikit-learn 0\.1")

    def test_an_estimator_of_another_kind(self, folder: Path, tmp_path: Path) -> None:
        other = fit_detector(DETECTORS["loda"], {}, X, seed=0)[0]
        dump(FittedDetector(DETECTORS["pca"], {}, other.estimator), tmp_path / "swapped")
        self.refused(tmp_path / "swapped", "a Loda is stored")

    def test_a_forest_of_a_newer_isotree_is_refused_before_it_is_read(self, tmp_path: Path) -> None:
        pytest.importorskip("isotree")
        dump(fit_detector(DETECTORS["fair_cut_forest"], {"ntrees": 5}, X, seed=0)[0], tmp_path)
        self.edit(tmp_path, versions={"isotree": "99.0"})
        self.refused(tmp_path, r"isotree 99\.0", name="fair_cut_forest")

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        with pytest.raises(StorageError, match="cannot be stored"):
            dump(fit_detector(DETECTORS["pca"], {}, X, seed=0)[0], tmp_path / "file" / "pca")

    def test_state_that_skops_cannot_store(self, tmp_path: Path) -> None:

        estimator = Stranger().fit(X)
        estimator.extra = (value for value in (1, 2))
        with pytest.raises(StorageError, match="cannot be stored"):
            dump(FittedDetector(spec_of("odd", "a:B"), {}, estimator), tmp_path)

    def test_versions_of_packages_that_are_not_there_are_left_out(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pynomaly_auto.detectors._codec._PACKAGES", ("numpy", "no-such-package"))
        dump(fit_detector(DETECTORS["pca"], {}, X, seed=0)[0], tmp_path)
        assert list(json.loads((tmp_path / "detector.json").read_text())["versions"]) == ["numpy"]
