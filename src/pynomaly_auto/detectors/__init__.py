"""The catalogue of detectors: one `DetectorSpec` literal per detector, and the adapter that runs any of them."""

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._fitted import FittedDetector, fit_detector
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec

__all__ = ["DETECTORS", "Capabilities", "Cost", "DetectorSpec", "FittedDetector", "fit_detector"]
