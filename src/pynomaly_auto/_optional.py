"""Optional packages: imported where they are used, with one clear error when missing."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Iterable
from types import ModuleType

from pynomaly_auto.errors import MissingExtraError

# Which extra brings which package; the one place that knows.
_EXTRA_OF = {
    "isotree": "forests",
    "torch": "deep",
    "statsmodels": "timeseries",
    "prophet": "timeseries",
    "ray": "ray",
    "shap": "explain",
    "lime": "explain",
    "matplotlib": "plots",
    "python_calamine": "excel",
}


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
