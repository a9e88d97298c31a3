"""Smoothing over nearest neighbours: anomalies of one cause lie together, and a lone high score is often noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pynomaly_auto._machine import in_threads, parts
from pynomaly_auto.dataset import EqualRows
from pynomaly_auto.detectors import DETECTORS, NeighbourSearch
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import FloatArray, State

NEIGHBOURS = 9  # chosen on held-out groups, as the share is (decision 0008)
SHARE = 0.2  # of the neighbours' mean in a smoothed score
FEWEST_ROWS = 50  # below, nine neighbours are no neighbourhood
WIDEST = 100  # features beyond which a few rows are everybody's neighbours (hubs), and smoothing does harm
_CHUNK = 10_000  # rows looked up at a time
_COPIED = 250_000  # rows copied at a time


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Training rows, or a sample of many, with their scores before smoothing.

    Args:
        rows: Encoded; shape (n_reference, n_features).
        scores: Shape (n_reference,).
    """

    rows: FloatArray
    scores: FloatArray

    def __post_init__(self) -> None:
        # Equally distant rows are told apart: which are neighbours must not hang on rounding.
        object.__setattr__(self, "_search", NeighbourSearch(self.rows, part_ties=True))

    @classmethod
    def of(cls, X: FloatArray, scores: FloatArray, *, seed: int) -> tuple[Neighbourhood | None, FloatArray]:
        """Build it on the training rows.

        Args:
            X: Encoded training rows; shape (n_rows, n_features).
            scores: Their scores; shape (n_rows,).
            seed: Seed of the rows sampled where they are many.

        Returns:
            The neighbourhood and the smoothed scores of the training rows, each leaving itself out, equal ones of
            equal rows; None and the scores as they are where the rows are too few or too wide.
        """
        n = len(X)
        if n < FEWEST_ROWS or X.shape[1] > WIDEST:
            return None, scores
        size = DETECTORS["knn"].reference_size(n)
        chosen = np.arange(n)
        if size < n:
            chosen = np.sort(np.random.default_rng(seed).choice(n, size, replace=False))
        made = cls(np.ascontiguousarray(X[chosen], dtype=np.float64), np.ascontiguousarray(scores[chosen]))
        out = np.empty(n)
        positions = made.search.query_self(NEIGHBOURS)[1]
        out[chosen] = smoothed(scores[chosen], made.scores[positions])
        others = np.ones(n, dtype=bool)
        others[chosen] = False
        left = np.flatnonzero(others)
        for part in parts(len(left), _COPIED):  # the others are nearly the whole table
            out[left[part]] = made.smooth(X[left[part]], scores[left[part]])
        return made, EqualRows.of(X).mean(out)

    @property
    def search(self) -> NeighbourSearch:
        """The index over the rows."""
        found: NeighbourSearch = self._search  # type: ignore[attr-defined]
        return found

    def smooth(self, X: FloatArray, scores: FloatArray) -> FloatArray:
        """Smooth the scores of new rows; shape (n_rows,)."""

        def drawn(part: slice) -> FloatArray:
            positions = self.search.query(np.asarray(X[part], dtype=np.float64), NEIGHBOURS)[1]
            return smoothed(scores[part], self.scores[positions])

        return np.concatenate(in_threads(drawn, parts(len(X), _CHUNK)) or [np.empty(0)])

    def to_state(self) -> State:
        """What makes it again."""
        return State(arrays={"rows": self.rows, "scores": self.scores})

    @classmethod
    def from_state(cls, state: State, n_features: int) -> Neighbourhood:
        """Make it again from what `to_state` gave.

        Args:
            state: From `to_state`.
            n_features: Columns its rows must have.

        Raises:
            StorageError: Something is missing, or does not fit.
        """
        rows, scores = state.array("rows", ndim=2), state.array("scores", ndim=1)
        fits = rows.shape == (len(scores), n_features) and len(scores) >= FEWEST_ROWS
        if not fits or not np.isfinite(rows).all() or not np.isfinite(scores).all():
            raise StorageError("the rows to smooth over do not fit, or are not finite.")
        return cls(np.asarray(rows, dtype=np.float64), np.asarray(scores, dtype=np.float64))


def smoothed(own: FloatArray, around: FloatArray) -> FloatArray:
    """A row's score drawn towards its neighbours'.

    Args:
        own: Shape (n_rows,).
        around: The neighbours' scores; shape (n_rows, n_neighbours).
    """
    return np.asarray((1.0 - SHARE) * own + SHARE * np.ascontiguousarray(around).mean(axis=1), dtype=np.float64)
