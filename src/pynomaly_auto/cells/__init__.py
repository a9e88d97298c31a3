"""Cell detectors: what is odd about single cells of a table, in bits, and what they should have held."""

from pynomaly_auto.cells._catalogue import CELL_DETECTORS
from pynomaly_auto.cells._model import CellModel, look
from pynomaly_auto.cells._spec import TELLING_KINDS, Beside, CellDetector, CellSpec, Contextual

__all__ = [
    "CELL_DETECTORS", "TELLING_KINDS", "Beside", "CellDetector", "CellModel", "CellSpec", "Contextual", "look",
]  # fmt: skip
