"""Rows that were fitted on are recognised again, so that predicting them gives what fitting gave.

A neighbour search scores a training row without itself, but would count it as its own nearest neighbour when the row
comes back as a new one. scikit-learn's convention (``fit_predict(X)`` equals ``fit(X).predict(X)``) therefore needs a
memory of the rows: 16 bytes each.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pynomaly_auto.dataset import fingerprints
from pynomaly_auto.records import FloatArray


class SeenRows:
    """Fingerprints of the training rows with their scores.

    Args:
        fingerprints: Sorted; shape (n_rows,), uint64.
        scores: The row's combined score, in the same order; shape (n_rows,).
    """

    def __init__(self, fingerprints: np.ndarray[Any, np.dtype[np.uint64]], scores: FloatArray) -> None:
        self.fingerprints = fingerprints
        self.scores = scores

    @classmethod
    def known_as(cls, prints: np.ndarray[Any, np.dtype[np.uint64]], scores: FloatArray) -> SeenRows:
        """Remember rows by their fingerprints, in any order, and their scores; shapes (n_rows,)."""
        order = np.argsort(prints, kind="stable")
        return cls(prints[order], np.asarray(scores, dtype=np.float64)[order])

    @classmethod
    def none(cls) -> SeenRows:
        """Remember nothing: where the rows to be judged are never training rows (`Regime.remembers_rows`)."""
        return cls(np.empty(0, dtype=np.uint64), np.empty(0))

    def scores_of(self, prints: np.ndarray[Any, np.dtype[np.uint64]]) -> FloatArray:
        """The scores of rows that all have been seen, by their fingerprints; shape (n_rows,)."""
        return self.scores[np.searchsorted(self.fingerprints, prints)]

    def recall(self, X: FloatArray) -> tuple[np.ndarray[Any, np.dtype[np.bool_]], FloatArray]:
        """Which rows were seen, shape (n_rows,), and the scores of those, shape (n_seen,)."""
        if not len(self.fingerprints):
            return np.zeros(len(X), dtype=bool), np.empty(0)
        prints = fingerprints(X)
        place = np.minimum(np.searchsorted(self.fingerprints, prints), len(self.fingerprints) - 1)
        seen = self.fingerprints[place] == prints
        return seen, self.scores[place[seen]]
