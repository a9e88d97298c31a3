"""Inputs of every model, aligned by name: a base may know inputs that we lack, and lack ones that we have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pynomaly_auto.records import FloatArray


def aligned(
    features: Sequence[str], values: Mapping[str, FloatArray | float], n_rows: int, dtype: Any = np.float64
) -> np.ndarray[Any, Any]:
    """A design matrix: inputs in the order of their names; what is not there is NaN.

    Args:
        features: Names of the inputs.
        values: Name to an array of shape (n_rows,), or to one number for all rows.
        n_rows: Rows.
        dtype: Of the matrix.

    Returns:
        Shape (n_rows, n_features).
    """
    out = np.full((n_rows, len(features)), np.nan, dtype=dtype)
    for j, name in enumerate(features):
        if name in values:
            out[:, j] = values[name]
    return out
