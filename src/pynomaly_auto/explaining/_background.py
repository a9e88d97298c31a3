"""The normal rows that an explained row is compared with, and the user's columns as groups of encoded features."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pynomaly_auto.records import Dataset, FloatArray, IntArray

Score: TypeAlias = Callable[[FloatArray], FloatArray]

_POOL = 1000  # rows looked at for background
_NORMAL_SHARE = 0.7  # of those, the ones with the lowest scores are taken as normal
_FAR = 9.0  # squared distance in one column beyond which a row is simply far: else one wild column decides who is near
_UNRELATED = 0.02  # weight of a column that says nothing about the one exchanged, where 1 is one that says all
_NEIGHBOURS = 20  # rows that say what would be usual beside the other columns, for choosing columns


@dataclass(frozen=True, kw_only=True, eq=False)
class Background:
    """Normal rows of the training table.

    Args:
        rows: Their positions in the training table; shape (n_background,).
        X: Encoded; shape (n_background, n_features).
        scores: Shape (n_background,).
        columns: Positions of the user's columns that have features; shape (n_columns,).
        group: For each feature, its place in ``columns``; shape (n_features,).
        scale: Spread of each feature among the background rows, never 0; shape (n_features,).
        relation: Squared correlation between columns (of their most correlated features); (n_columns, n_columns).
    """

    rows: IntArray
    X: FloatArray
    scores: FloatArray
    columns: IntArray
    group: IntArray
    scale: FloatArray
    relation: FloatArray

    @property
    def n_columns(self) -> int:
        """Number of the user's columns that can be explained by."""
        return len(self.columns)

    def distances(self, x: FloatArray) -> FloatArray:
        """Squared distance of one row to each background row, by column, capped; (n_background, n_columns)."""
        squared = ((self.X - x) / self.scale) ** 2
        return np.minimum(self._by_column(squared), _FAR)

    def neighbours(self, distances: FloatArray, columns: IntArray, k: int) -> IntArray:
        """The ``k`` background rows nearest in all other columns, for each of ``columns``; (len(columns), k).

        Columns count by how much they say about the one exchanged, so that its new values fit what they depend on.
        """
        weights = self.relation[:, columns] + _UNRELATED
        weights[columns, np.arange(len(columns))] = 0.0
        others = distances @ weights
        k = min(k, len(self.X))
        return np.argsort(others, axis=0, kind="stable")[:k].T.astype(np.int64)

    def unusual(self, x: FloatArray, most: int) -> IntArray:
        """The columns worth looking at, at most ``most``, in order of position."""
        if self.n_columns <= most:
            return np.arange(self.n_columns)
        return np.sort(np.argsort(-self.surprise(x), kind="stable")[:most])

    def surprise(self, x: FloatArray) -> FloatArray:
        """How unusual a row's columns are, in squared deviations; shape (n_columns,).

        The larger of two tests: how far the value lies out among all background rows, and how far from its value in
        the rows nearest in the other columns, which sees what only breaks a dependency.
        """
        distances = self.distances(x)
        near = np.argsort(distances.sum(axis=1), kind="stable")[:_NEIGHBOURS]
        marginal = self._by_column((((x - np.median(self.X, axis=0)) / self.scale) ** 2)[None, :])[0]
        residual = self._by_column((((x - np.median(self.X[near], axis=0)) / self.scale) ** 2)[None, :])[0]
        return np.asarray(np.maximum(marginal, residual), dtype=np.float64)

    def _by_column(self, values: FloatArray) -> FloatArray:
        """Sum over each column's features."""
        out = np.zeros((len(values), self.n_columns))
        for feature, place in enumerate(self.group):
            out[:, place] += values[:, feature]
        return out


def make_background(score: Score, dataset: Dataset, seed: int) -> Background:
    """Draw rows of the training table and keep those with low scores.

    Args:
        score: Combined score of encoded rows.
        dataset: The training table.
        seed: Seed of the rows drawn.
    """
    rng = np.random.default_rng(seed)
    table, n = dataset.rows, dataset.n_rows
    drawn = np.arange(n) if n <= _POOL else np.sort(rng.choice(n, _POOL, replace=False))
    scores = np.asarray(score(table[drawn]), dtype=np.float64)
    kept = np.sort(np.argsort(scores, kind="stable")[: max(1, int(np.ceil(_NORMAL_SHARE * len(drawn))))])
    X = table[drawn[kept]]
    columns, group = np.unique(np.asarray(dataset.row_sources, dtype=np.int64), return_inverse=True)
    scale = X.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    return Background(
        rows=drawn[kept].astype(np.int64),
        X=X,
        scores=scores[kept],
        columns=columns,
        group=group.astype(np.int64),
        scale=scale,
        relation=_relation((X - X.mean(axis=0)) / scale, group, len(columns)),
    )


def _relation(standardised: FloatArray, group: IntArray, n_columns: int) -> FloatArray:
    squared = (standardised.T @ standardised / len(standardised)) ** 2
    out = np.zeros((n_columns, n_columns))
    np.maximum.at(out, (group[:, None], group[None, :]), np.minimum(squared, 1.0))
    return out
