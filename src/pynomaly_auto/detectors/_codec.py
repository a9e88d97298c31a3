"""Fitted detectors on disk, without pickle: skops, isotree's own format, or PyTorch weights with plain arrays.

A folder holds ``detector.json`` (which detector, which codec, library versions, checksums) and the codec's files.
Nothing is handed to a library before its checksum is right.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pynomaly_auto import _optional
from pynomaly_auto.detectors._fitted import FittedDetector
from pynomaly_auto.detectors._scaling import Scaling
from pynomaly_auto.detectors._views import VIEW, VIEWS, Viewed
from pynomaly_auto.errors import PynomalyError, StorageError, UntrustedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pynomaly_auto.detectors._spec import DetectorSpec

_FORMAT = 1
_MANIFEST = "detector.json"
_PACKAGES = ("numpy", "scipy", "scikit-learn", "pyod", "lightgbm", "isotree", "torch", "skops")

# What skops may make without being asked, beyond its own list. Whole packages would be too much: a class such as
# numpy.memmap opens files when it is made. Ours and PyOD's models are plain holders of state, and so are estimators.
_TRUSTED_MODULES = ("pynomaly_auto.detectors.", "pyod.models.")
_TRUSTED_INTERNALS = (
    "sklearn.metrics._dist_metrics.",
    "sklearn.neighbors._ball_tree.",
    "sklearn.neighbors._kd_tree.",
    "sklearn.tree._tree.Tree",
    "scipy.spatial._ckdtree.cKDTree",
    "scipy.spatial._kdtree.KDTree",
    "scipy.stats._kde.gaussian_kde",
)


def dump(fitted: FittedDetector, folder: Path) -> None:
    """Write a fitted detector into a folder, which is made if need be.

    Raises:
        StorageError: The folder cannot be written, or the detector's state cannot be stored by its codec.
    """
    codec = fitted.spec.codec
    with _reported(f"{fitted.spec.name} cannot be stored", folder):
        folder.mkdir(parents=True, exist_ok=True)
        files = _DUMP[codec](fitted.estimator, folder)
        manifest = {
            "format": _FORMAT,
            "name": fitted.spec.name,
            "codec": codec,
            "versions": _optional.versions(_PACKAGES),
            "files": {name: _checksum(folder / name) for name in files},
        }
        (folder / _MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True), encoding="utf-8")


def load(
    spec: DetectorSpec, params: Mapping[str, Any], folder: Path, *, trusted: bool | Sequence[str] = False
) -> FittedDetector:
    """Read what `dump` wrote.

    Args:
        spec: The detector's declaration.
        params: The parameters it was built with, without the defaults.
        folder: Where it lies.
        trusted: Full names of types that may be made though they are none of ours (a third party's estimator);
            True: whatever the files ask for.

    Raises:
        StorageError: Something is missing, damaged, of another detector, or of incompatible library versions.
        UntrustedError: The files ask for types that nobody has said to trust; the message names them.
    """
    manifest = _manifest(spec, folder)
    kept, installed = manifest["versions"], _optional.versions(_PACKAGES)
    changed = [f"{name} {old} (now {installed.get(name)})" for name, old in kept.items() if installed.get(name) != old]
    note = f" It was saved with {', '.join(changed)}." if changed else ""
    with _reported(f"{spec.name} cannot be loaded.{note}", folder):
        if spec.codec == "isotree":
            _check_isotree(kept.get("isotree"), installed.get("isotree"))
        return FittedDetector(spec, params, _LOAD[spec.codec](spec, params, folder, trusted))


@contextmanager
def _reported(what: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except PynomalyError:
        raise
    except Exception as error:  # whatever a library says of state it cannot write or no longer reads is one outcome
        raise StorageError(f"{what} {type(error).__name__}: {error}.", where=str(folder)) from error


def _manifest(spec: DetectorSpec, folder: Path) -> dict[str, Any]:
    again = "Save the model again, or restore the folder from a copy."
    path = folder / _MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        files, _ = dict(manifest["files"]), dict(manifest["versions"])
        found = (manifest["name"], manifest["codec"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{_MANIFEST} is missing or damaged: {error}.", where=str(folder), fix=again) from error
    if manifest.get("format") != _FORMAT:
        raise StorageError(
            f"format {manifest.get('format')!r} is not {_FORMAT}.",
            where=str(path),
            fix="Load it with the version of pynomaly-auto that saved it.",
        )
    if found != (spec.name, spec.codec):
        raise StorageError(f"{found[0]} ({found[1]}) is stored, not {spec.name} ({spec.codec}).", where=str(path))
    if set(files) != _FILES[spec.codec]:
        raise StorageError(f"{sorted(files)} are not the files of {spec.codec}.", where=str(path), fix=again)
    for name, checksum in files.items():
        try:
            right = _checksum(folder / name) == checksum
        except OSError as error:
            raise StorageError(f"{name} cannot be read: {error}.", where=str(folder), fix=again) from error
        if not right:
            raise StorageError(f"{name} is damaged: its checksum is wrong.", where=str(folder), fix=again)
    return dict(manifest)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dump_skops(estimator: Any, folder: Path) -> list[str]:
    import skops.io

    skops.io.dump(estimator, folder / "estimator.skops", compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    return ["estimator.skops"]


def _load_skops(spec: DetectorSpec, params: Mapping[str, Any], folder: Path, trusted: bool | Sequence[str]) -> Any:
    import skops.io

    path = folder / "estimator.skops"
    asked = skops.io.get_untrusted_types(file=path)
    if trusted is not True:
        allowed = {trusted} if isinstance(trusted, str) else set(trusted or ())
        strangers = [name for name in asked if name not in allowed and not _ours(name)]
        if strangers:
            raise UntrustedError(
                f"{spec.name} holds types that nobody has said to trust: {', '.join(strangers)}.",
                where=str(path),
                fix=f"If you know where the file comes from, load it with trusted={strangers!r}.",
            )
    estimator = skops.io.load(path, trusted=asked)
    module, _, attribute = spec.target.partition(":")
    viewed = params.get(VIEW, spec.defaults.get(VIEW, VIEWS[0])) != VIEWS[0]
    kind = getattr(importlib.import_module(module), attribute)
    found = estimator.estimator if viewed and isinstance(estimator, Viewed) else estimator
    if viewed and found is estimator:
        raise StorageError(f"a {type(found).__name__} is stored, not a view.", where=str(path))
    # A target may also be a function that makes the estimator; then there is no type to hold it to.
    if isinstance(kind, type) and not isinstance(found, kind):
        raise StorageError(f"a {type(found).__name__} is stored, not a {kind.__name__}.", where=str(path))
    return estimator


def _ours(name: str) -> bool:
    """Whether a type's full name is that of a plain holder of state in one of our dependencies."""
    if name.startswith(_TRUSTED_INTERNALS):
        return True
    module, _, attribute = name.rpartition(".")
    if not name.startswith((*_TRUSTED_MODULES, "sklearn.")):
        return False
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError):
        return False
    if not isinstance(kind, type) or kind.__module__ != module:
        return False
    from sklearn.base import BaseEstimator

    return name.startswith(_TRUSTED_MODULES) or issubclass(kind, BaseEstimator)


def _dump_isotree(estimator: Any, folder: Path) -> list[str]:
    getattr(estimator, "forest_", estimator).export_model(str(folder / "forest.isotree"))
    return ["forest.isotree"]


def _load_isotree(spec: DetectorSpec, params: Mapping[str, Any], folder: Path, trusted: bool | Sequence[str]) -> Any:
    isotree = _optional.require("isotree")
    forest = isotree.IsolationForest.import_model(str(folder / "forest.isotree"))
    forest.set_params(nthreads=1)
    estimator = spec.build(params, seed=0)  # the seed has done its work; only the forest scores
    if isinstance(estimator, isotree.IsolationForest):
        return forest
    estimator.forest_ = forest
    return estimator


def _check_isotree(saved: str | None, installed: str | None) -> None:
    """Refuse a forest of a newer isotree: reading it would crash the process instead of failing."""
    if saved is None or installed is None or _ordered(saved) > _ordered(installed):
        raise StorageError(
            f"the forest was saved by isotree {saved}, and isotree {installed} cannot read it.",
            fix=f"Install isotree {saved} or later.",
        )


def _ordered(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", release)[:4])


def _dump_torch(estimator: Any, folder: Path) -> list[str]:
    torch = _optional.require("torch")
    scaling = estimator.scaling_
    (folder / "config.json").write_text(json.dumps(estimator.config(), sort_keys=True), encoding="utf-8")
    np.savez(folder / "scaling.npz", centre=scaling.centre, scale=scaling.scale, varies=scaling.varies)
    torch.save(estimator.network_.state_dict(), folder / "weights.pt")
    return ["config.json", "scaling.npz", "weights.pt"]


def _load_torch(spec: DetectorSpec, params: Mapping[str, Any], folder: Path, trusted: bool | Sequence[str]) -> Any:
    torch = _optional.require("torch")
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    scaling = Scaling.__new__(Scaling)
    with np.load(folder / "scaling.npz", allow_pickle=False) as arrays:
        scaling.centre, scaling.scale, scaling.varies = arrays["centre"], arrays["scale"], arrays["varies"]
    state = torch.load(folder / "weights.pt", map_location="cpu", weights_only=True)
    return spec.build(config, seed=int(config["random_state"])).restore(scaling, state)


_Loader = Callable[["DetectorSpec", Mapping[str, Any], Path, "bool | Sequence[str]"], Any]

_FILES = {
    "skops": {"estimator.skops"},
    "isotree": {"forest.isotree"},
    "torch": {"config.json", "scaling.npz", "weights.pt"},
}
_DUMP: dict[str, Callable[[Any, Path], list[str]]] = {
    "skops": _dump_skops,
    "isotree": _dump_isotree,
    "torch": _dump_torch,
}
_LOAD: dict[str, _Loader] = {"skops": _load_skops, "isotree": _load_isotree, "torch": _load_torch}
