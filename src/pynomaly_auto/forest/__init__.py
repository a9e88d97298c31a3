"""Sums of trees as plain arrays: checked when made, scored by numpy, stored as data."""

from pynomaly_auto.forest._forest import Forest, joined
from pynomaly_auto.forest._layout import Layout, breadth_first
from pynomaly_auto.forest._lightgbm import from_lightgbm_text
from pynomaly_auto.forest._planes import PlaneForest

__all__ = ["Forest", "Layout", "PlaneForest", "breadth_first", "from_lightgbm_text", "joined"]
