"""The registry of cell detectors; apart from the room's front so that the modules that declare them can use it."""

from pynomaly_auto._registry import Registry
from pynomaly_auto.cells._spec import CellSpec

CELL_DETECTORS: Registry[CellSpec] = Registry(
    kind="cell detector",
    modules=("pynomaly_auto.cells.written", "pynomaly_auto.cells.context"),
    group="pynomaly_auto.cell_detectors",
)
