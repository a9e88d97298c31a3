"""Gaussian mixture: rows in clusters, each with its own correlation."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from meta_datasets.synthetic._columns import Columns
from pynomaly_auto.records import FloatArray, IntArray

_COMPONENTS = (1, 2, 3, 5)
_MOST_ROWS = 1000  # fitted to
_ROWS_PER_PARAMETER = 3  # below that, covariances are diagonal


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """A fitted mixture; means and roots on the scale of standardised columns.

    Args:
        columns: What it was fitted to.
        centre: Means of the columns, shape (n_columns,).
        spread: Standard deviations of the columns, 0 for a constant one, shape (n_columns,).
        weights: Shares of the components, shape (n_components,).
        means: Shape (n_components, n_columns).
        roots: Lower triangular roots of the covariances, shape (n_components, n_columns, n_columns).
    """

    columns: Columns
    centre: FloatArray
    spread: FloatArray
    weights: FloatArray
    means: FloatArray
    roots: FloatArray

    @classmethod
    def fit(cls, columns: Columns, rng: np.random.Generator) -> Mixture:
        """Fit 1, 2, 3 or 5 components to a table's normal rows, as many as the Bayesian information criterion likes."""
        X = columns.values
        if len(X) > _MOST_ROWS:
            X = X[rng.choice(len(X), _MOST_ROWS, replace=False)]
        n, d = X.shape
        centre, spread = X.mean(axis=0), X.std(axis=0)
        Z = (X - centre) / np.where(spread > 0, spread, 1.0)
        best, least = None, np.inf
        for k in _COMPONENTS:
            if k > 1 and n < 20 * k:
                break
            full = n >= _ROWS_PER_PARAMETER * k * d
            model = GaussianMixture(
                k, covariance_type="full" if full else "diag", reg_covar=1e-3, max_iter=50,
                random_state=int(rng.integers(2**31)),
            )  # fmt: skip
            with warnings.catch_warnings():
                # An early end of the fit is still a fit, and good enough to draw from.
                warnings.simplefilter("ignore", ConvergenceWarning)
                model.fit(Z)
            if (criterion := model.bic(Z)) < least:
                best, least = model, criterion
        assert best is not None  # one component is always fitted
        covariances = best.covariances_ if best.covariance_type == "full" else [np.diag(c) for c in best.covariances_]
        roots = np.array([np.linalg.cholesky(c) for c in covariances])
        return cls(
            columns=columns, centre=centre, spread=spread, weights=best.weights_, means=best.means_, roots=roots
        )  # fmt: skip

    def sample(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Draw rows, shape (n, n_columns)."""
        return self.around(self.components(n, rng), rng)

    def components(self, n: int, rng: np.random.Generator) -> IntArray:
        """Draw the components of rows, shape (n,)."""
        return rng.choice(len(self.weights), n, p=self.weights / self.weights.sum())

    def around(self, components: IntArray, rng: np.random.Generator, inflation: float = 1.0) -> FloatArray:
        """Draw rows around components.

        Args:
            components: Component of each row, shape (n,).
            rng: Source of the draw.
            inflation: What covariances are multiplied by.
        """
        noise = rng.normal(size=(len(components), self.means.shape[1]))
        Z = self.means[components] + np.sqrt(inflation) * np.einsum("nij,nj->ni", self.roots[components], noise)
        return self.columns.snap(self.centre + Z * self.spread)
