"""Optional packages: imported where they are used, with one clear error when missing."""

from __future__ import annotations

import ctypes
import functools
import importlib
import importlib.metadata
import importlib.util
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from pynomaly_auto.errors import MissingExtraError, ResourceError

# Which extra brings which packages, and what they add; the one place that knows.
_EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "forests": (("isotree",), "the strongest tree detectors (compiled from source)"),
    "deep": (("torch",), "the neural detectors (large: with CUDA's libraries several GB)"),
    "explain": (("shap", "lime"), "explanations by SHAP and LIME"),
    "ray": (("ray",), "trials on a cluster"),
    "plots": (("matplotlib",), "pictures"),
    "excel": (("python_calamine",), "reading Excel files"),
    "timeseries": (("statsmodels", "prophet"), "models of time series"),
    "pyod": (("pyod",), "any detector of PyOD by name"),
}
_EXTRA_OF = {package: extra for extra, (packages, _) in _EXTRAS.items() for package in packages}

# What every run needs, down to the compiled code: a slim image may lack a system library of one of them.
_CORE = ("numpy", "scipy.linalg", "pandas", "pyarrow", "sklearn.cluster", "optuna")
_COMPILED = ("lightgbm", "lib/lib_lightgbm*")  # workers alone import it: here its library is loaded and no more
_REMEDIES = {
    "libgomp": "Install it: apt-get install libgomp1 (Debian, Ubuntu), dnf install libgomp (Fedora, RHEL), "
    "apk add libgomp (Alpine).",
    "libomp": "Install it: brew install libomp.",
}


def check_core() -> None:
    """Import what every run needs, so that a run does not fail in its last seconds.

    Raises:
        ResourceError: One of them cannot be loaded; the message says why and what to do.
    """
    if sys.flags.optimize > 1:
        raise ResourceError("'lightgbm' cannot be loaded under python -OO.", fix="Run with -O, or without either.")
    for module in (*_CORE, _COMPILED[0]):
        package = module.partition(".")[0]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _load(module)
        except (ImportError, OSError) as error:
            reinstall = f"Install the library it names, or install {package!r} again."
            fix = next((text for name, text in _REMEDIES.items() if name in str(error)), reinstall)
            raise ResourceError(f"{package!r}, which every run needs, cannot be loaded: {error}.", fix=fix) from None


def _load(module: str) -> None:
    package, pattern = _COMPILED
    spec = importlib.util.find_spec(package) if module == package else None
    library = None if spec is None or spec.origin is None else next(Path(spec.origin).parent.glob(pattern), None)
    if library is None:
        importlib.import_module(module)
    else:
        ctypes.CDLL(str(library))


def require(module: str) -> ModuleType:
    """Import an optional module.

    Raises:
        MissingExtraError: The package is not installed; the message names the extra that brings it.
    """
    package = module.partition(".")[0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what a package says of its own imports is not the user's to mend
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != package:
            raise  # the package is there; something it needs is broken, and hiding that would mislead
        raise missing(package) from None


def missing(package: str) -> MissingExtraError:
    """The error that says which extra brings ``package``."""
    extra = _EXTRA_OF.get(package, package)
    return MissingExtraError(
        f"{package!r} is not installed.", fix=f"Install it with: pip install 'pynomaly-auto[{extra}]'"
    )


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of those of the distributions that are installed."""
    found = {name: _version(name) for name in packages}
    return {name: version for name, version in found.items() if version is not None}


@functools.cache
def _version(package: str) -> str | None:
    """Looked up once: it means reading the package's metadata from disk."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def available(package: str) -> bool:
    """Whether a package could be imported, without importing it."""
    return importlib.util.find_spec(package) is not None


def extras() -> dict[str, str]:
    """Each extra, with what it adds and whether it is there."""
    return {
        name: f"adds {adds}" + ("" if all(map(available, packages)) else f"; pip install 'pynomaly-auto[{name}]'")
        for name, (packages, adds) in _EXTRAS.items()
    }
