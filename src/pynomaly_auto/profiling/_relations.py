"""Linear relations between features."""

from __future__ import annotations

import numpy as np

from pynomaly_auto.records import FloatArray


def standardised(values: FloatArray, *, axis: int) -> FloatArray:
    """Values with mean 0 and standard deviation 1 along an axis; NaN where they are all the same."""
    centred = values - values.mean(axis=axis, keepdims=True)
    largest = np.abs(centred).max(axis=axis, keepdims=True)
    unit = centred / np.where(largest > 0, largest, np.nan)  # first, so that squares of tiny values do not vanish
    return np.asarray(unit / np.sqrt((unit**2).mean(axis=axis, keepdims=True)))


def correlation_matrix(columns: FloatArray) -> FloatArray:
    """Pearson's correlation of every two columns; shape (n_columns, n_columns).

    >>> correlation_matrix(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]]))
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    unit = np.nan_to_num(standardised(columns, axis=0))
    matrix = np.asarray(np.clip(unit.T @ unit / len(unit), -1.0, 1.0))
    np.fill_diagonal(matrix, 1.0)
    return matrix


def shrunk(correlations: FloatArray, n_rows: int) -> FloatArray:
    """Correlations, shrunk towards none as far as few rows demand, so that the inverse exists and means something."""
    count = len(correlations)
    share = max(0.001, min(1.0, count / n_rows) * 0.5)
    return (1.0 - share) * correlations + share * np.eye(count)


def explained_by_others(precision: FloatArray) -> FloatArray:
    """Squared multiple correlation of each feature with all others, from the inverse of their correlations."""
    return np.asarray(np.clip(1.0 - 1.0 / np.diag(precision), 0.0, 1.0))
