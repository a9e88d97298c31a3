"""The registry of detectors; apart from the package's front so that family modules can register with it."""

from pynomaly_auto._registry import Registry
from pynomaly_auto.detectors._pyod import spec_of
from pynomaly_auto.detectors._spec import DetectorSpec

_FAMILIES = ("statistical", "proximity", "linear", "trees", "regression", "neural", "categorical")

DETECTORS: Registry[DetectorSpec] = Registry(
    kind="detector",
    modules=tuple(f"pynomaly_auto.detectors.{family}" for family in _FAMILIES),
    group="pynomaly_auto.detectors",
    make=spec_of,
)
