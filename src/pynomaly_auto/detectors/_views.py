"""Views of the encoded rows: the same detector sees other anomalies when the space it measures in is another.

Every detector that is fitted by ``fit`` and scores by ``decision_function`` takes a parameter ``view``. A view is
learned from the rows fitted on and applied row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy.special import ndtri

from pynomaly_auto.detectors._scales import one_of

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray

VIEW = "view"
_KNOTS = 2048  # most values a feature's distribution is kept as
_FLAT = 1e-9
_WIDE = 1000  # features beyond which principal directions are learned from as many rows


class View(Protocol):
    """A map of rows, learned from rows."""

    def fit(self, X: FloatArray) -> View:
        """Learn from ``X``, shape (n_rows, n_features)."""
        ...

    def apply(self, X: FloatArray) -> FloatArray:
        """Rows as this view shows them; shape (n_rows, n_seen)."""
        ...


class NormalScores:
    """Each feature by the normal quantile of its rank, so that no feature's tail or scale rules the distances.

    Between the values fitted on ranks are interpolated; beyond them a value goes on by its distance from the nearest
    in standard deviations. Each feature is brought to unit variance, as ties can make it smaller.
    """

    def fit(self, X: FloatArray) -> NormalScores:
        """Learn the features' distributions from ``X``, shape (n_rows, n_features)."""
        self.values_: list[FloatArray] = []
        self.scores_: list[FloatArray] = []
        self.spread_ = np.maximum(X.std(axis=0), _FLAT)
        for column in X.T:
            values, counts = np.unique(column, return_counts=True)
            scores = ndtri((np.cumsum(counts) - counts / 2) / len(column))
            deviation = float(np.sqrt(np.average(scores**2, weights=counts) - np.average(scores, weights=counts) ** 2))
            if len(values) > _KNOTS:
                kept = np.linspace(0, len(values) - 1, _KNOTS).astype(int)
                values, scores = values[kept], scores[kept]
            self.values_.append(values)
            self.scores_.append(scores / deviation if deviation > _FLAT else scores)
        return self

    def apply(self, X: FloatArray) -> FloatArray:
        """Normal scores of rows; shape as ``X``."""
        out = np.empty(X.shape)
        for j, (values, scores) in enumerate(zip(self.values_, self.scores_, strict=True)):
            column = X[:, j]
            if len(values) < 2:  # a constant: what departs from it is told by how far
                out[:, j] = column - values[0]
                continue
            past = np.maximum(column - values[-1], 0.0) - np.maximum(values[0] - column, 0.0)
            out[:, j] = np.interp(column, values, scores) + past / self.spread_[j]
        return out


class Whitened:
    """Principal directions at equal variance, so that a departure from what the features have in common counts.

    Args:
        ridge: Added to every direction's variance, as a share of their mean: directions of hardly any variance would
            only magnify noise.
    """

    def __init__(self, ridge: float = 0.05) -> None:
        self.ridge = ridge

    def fit(self, X: FloatArray) -> Whitened:
        """Learn the directions from ``X``, shape (n_rows, n_features)."""
        self.centre_ = X.mean(axis=0)
        Z = X - self.centre_
        mean = float((Z**2).sum(axis=1).mean()) / X.shape[1]
        if X.shape[1] > _WIDE:
            rows = np.linspace(0, len(Z) - 1, min(len(Z), _WIDE)).astype(int)
            _, lengths, directions = np.linalg.svd(Z[rows], full_matrices=False)
            variances, self.directions_ = lengths**2 / len(rows), directions.T
        else:
            variances, self.directions_ = np.linalg.eigh(Z.T @ Z / len(Z))
        least = self.ridge * mean if mean > 0 else 1.0
        self.scale_ = 1.0 / np.sqrt(least)
        self.shrink_ = self.scale_ - 1.0 / np.sqrt(np.maximum(variances, 0.0) + least)
        return self

    def apply(self, X: FloatArray) -> FloatArray:
        """Whitened rows, turned back into the features' directions; shape as ``X``."""
        Z = X - self.centre_
        whitened: FloatArray = self.scale_ * Z - ((Z @ self.directions_) * self.shrink_) @ self.directions_.T
        return whitened


class Combined:
    """The rows as they are, their normal scores and their whitened form, side by side."""

    def fit(self, X: FloatArray) -> Combined:
        """Learn both views from ``X``, shape (n_rows, n_features)."""
        self.views_: list[Any] = [NormalScores().fit(X), Whitened(0.3).fit(X)]
        return self

    def apply(self, X: FloatArray) -> FloatArray:
        """All three; shape (n_rows, 3 · n_features)."""
        return np.hstack([X, *(view.apply(X) for view in self.views_)])


_VIEWS: dict[str, type[Any]] = {"normal_scores": NormalScores, "whitened": Whitened, "combined": Combined}
VIEWS = tuple(_VIEWS)


class Viewed:
    """An estimator that is fitted on, and scores, a view of the rows.

    Args:
        view: Name of the view.
        estimator: Fitted by ``fit``, scoring by ``decision_function``.
        train_scores: Its attribute with the scores of the rows fitted on, or None.
    """

    def __init__(self, view: str, estimator: Any, train_scores: str | None) -> None:
        self.view = one_of(VIEW, view, VIEWS)
        self.estimator = estimator
        self.train_scores = train_scores

    def fit(self, X: FloatArray) -> Viewed:
        """Learn the view, then fit the estimator; shape (n_rows, n_features)."""
        self.view_ = _VIEWS[self.view]().fit(X)
        self.estimator.fit(self.view_.apply(X))
        own = None if self.train_scores is None else getattr(self.estimator, self.train_scores, None)
        if own is not None and self.train_scores is not None:
            setattr(self, self.train_scores, own)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """The estimator's score of rows; shape (n_rows,)."""
        scores: FloatArray = self.estimator.decision_function(self.view_.apply(X))
        return scores
