"""The catalogue of detectors: one `DetectorSpec` literal per detector, and the adapter that runs any of them."""

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._devices import accelerator_for, uses_gpu, wanting
from pynomaly_auto.detectors._fitted import FittedDetector, Scorer, fit_detector, score_each
from pynomaly_auto.detectors._limits import Limit
from pynomaly_auto.detectors._spec import CHUNK_ROWS, Capabilities, Cost, DetectorSpec
from pynomaly_auto.detectors.estimators._accelerator import Accelerator, accelerating
from pynomaly_auto.detectors.estimators._search import NeighbourSearch
from pynomaly_auto.detectors.estimators._sharing import Shared, remembering
from pynomaly_auto.detectors.views._views import VIEW, VIEWS

__all__ = [
    "CHUNK_ROWS", "DETECTORS", "VIEW", "VIEWS", "Accelerator", "Capabilities", "Cost", "DetectorSpec", "FittedDetector",
    "Limit", "NeighbourSearch", "Scorer", "Shared", "accelerating", "accelerator_for", "fit_detector", "remembering",
    "score_each", "uses_gpu", "wanting",
]  # fmt: skip
