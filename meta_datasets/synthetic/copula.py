"""Gaussian copula with empirical marginals: each column as it is, dependence as one correlation of normal scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, rankdata

from meta_datasets.synthetic._columns import Columns
from pynomaly_auto.records import FloatArray


@dataclass(frozen=True, kw_only=True, eq=False)
class Copula:
    """A fitted Gaussian copula.

    Args:
        columns: What it was fitted to.
        root: Lower triangular root of the correlation, shape (n_columns, n_columns).
    """

    columns: Columns
    root: FloatArray

    @classmethod
    def fit(cls, columns: Columns, rng: np.random.Generator) -> Copula:
        """Fit to a table's normal rows; the correlation is shrunk towards independence where rows are few."""
        X = columns.values
        n, d = X.shape
        # Ties are spread at random within their own interval, as the marginals are later read back through it.
        jitter = rng.permuted(np.tile(np.arange(n)[:, None], d), axis=0)
        ranks = np.column_stack([np.argsort(np.lexsort((jitter[:, j], X[:, j]))) + 1 for j in range(d)])
        correlation = np.corrcoef(norm.ppf(ranks / (n + 1)), rowvar=False).reshape(d, d)
        shrunk = (1 - (weight := d / (d + n))) * correlation + weight * np.eye(d)
        return cls(columns=columns, root=np.linalg.cholesky(shrunk + 1e-9 * np.eye(d)))

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw rows, shape (n, n_columns)."""
        z = rng.normal(size=(n, self.root.shape[0])) @ self.root.T
        return quantiles(self.columns, norm.cdf(z))


def quantiles(columns: Columns, u: FloatArray) -> FloatArray:
    """Values of the columns' own distributions at levels ``u`` in [0, 1], shape (n_rows, n_columns)."""
    return np.column_stack([quantile(columns, j, u[:, j]) for j in range(u.shape[1])])


def quantile(columns: Columns, j: int, u: FloatArray) -> FloatArray:
    """Values of one column's own distribution, shape (n_rows,): between the values seen, if it is continuous."""
    if columns.levels[j] is None:
        return np.asarray(np.quantile(columns.values[:, j], u, method="linear"))
    return np.asarray(np.quantile(columns.values[:, j], u, method="inverted_cdf"))


def normal_scores(columns: Columns, j: int, values: FloatArray) -> FloatArray:
    """Where values lie in one column's own distribution, on the scale of a standard normal one, shape (n_rows,)."""
    seen = np.sort(columns.values[:, j])
    below = np.searchsorted(seen, values, "left") + np.searchsorted(seen, values, "right")
    return np.asarray(norm.ppf(np.clip(below / 2, 0.5, len(seen) - 0.5) / len(seen)))


def dependence(X: FloatArray) -> float:
    """The greatest absolute rank correlation between two columns; 0 where fewer than two vary."""
    X = X[:, np.ptp(X, axis=0) > 0]
    if X.shape[1] < 2:
        return 0.0
    correlation = np.abs(np.corrcoef(rankdata(X, axis=0), rowvar=False))
    np.fill_diagonal(correlation, 0.0)
    return float(correlation.max())
