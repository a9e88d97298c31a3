"""Sums of trees as plain arrays: grown and checked, scored by numpy, stored as data."""

from pynomaly_auto.forest._forest import Forest, joined
from pynomaly_auto.forest._growing import Growing, expected_length, isolation, side_by_side, single
from pynomaly_auto.forest._layout import Layout, breadth_first
from pynomaly_auto.forest._lightgbm import from_lightgbm_text
from pynomaly_auto.forest._planes import PlaneForest
from pynomaly_auto.forest._sklearn import from_sklearn_trees

__all__ = [
    "Forest", "Growing", "Layout", "PlaneForest", "breadth_first", "expected_length", "from_lightgbm_text",
    "from_sklearn_trees", "isolation",
    "joined", "side_by_side", "single",
]  # fmt: skip
