"""The catalogue of detectors: one `DetectorSpec` literal per detector, and the adapter that runs any of them."""

from pynomaly_auto._registry import Registry
from pynomaly_auto.detectors._fitted import FittedDetector, fit_detector
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec

_FAMILIES = ("statistical", "proximity", "linear", "trees", "regression", "neural")

DETECTORS: Registry[DetectorSpec] = Registry(
    kind="detector",
    modules=tuple(f"pynomaly_auto.detectors.{family}" for family in _FAMILIES),
    group="pynomaly_auto.detectors",
)

__all__ = ["DETECTORS", "Capabilities", "Cost", "DetectorSpec", "FittedDetector", "fit_detector"]
