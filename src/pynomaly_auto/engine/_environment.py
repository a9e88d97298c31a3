"""What is installed, known and recorded where: the answers behind ``pynomaly status``."""

from __future__ import annotations

import os

from pynomaly_auto import _optional
from pynomaly_auto._machine import usable_cores
from pynomaly_auto._version import __version__
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.errors import StorageError
from pynomaly_auto.knowledge import KnowledgeBase

_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "pyod", "lightgbm", "optuna", "mlflow", "isotree", "torch")


def versions() -> dict[str, str]:
    """Versions of ourselves and of the packages that results depend on."""
    return {"pynomaly-auto": __version__, **_optional.versions(_PACKAGES)}


def environment() -> dict[str, str]:
    """Facts about this installation, name to text."""
    missing = sorted({s.extra for s in DETECTORS.values() if s.extra and not s.installed})
    ready = sum(s.installed for s in DETECTORS.values())
    facts = dict(versions())
    facts["cores"] = str(usable_cores())
    facts["detectors"] = f"{ready} of {len(DETECTORS)}" + (f" (missing: {', '.join(missing)})" if missing else "")
    facts["knowledge base"] = _knowledge()
    facts["tracking"] = os.environ.get("MLFLOW_TRACKING_URI", "local store in ./mlruns")
    facts |= {f"extra {name}": text for name, text in _optional.extras().items()}
    return facts


def _knowledge() -> str:
    try:
        base = KnowledgeBase.shipped()
    except StorageError as error:
        return f"damaged: {error}"
    if base is None:
        return "none: rules alone rank the detectors"
    info = base.info()
    return ", ".join(f"{info[key]} {key}" for key in ("tasks", "results", "detectors") if key in info)
