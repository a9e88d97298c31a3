"""Density estimators: a Gaussian mixture that will not explain anomalies away, and a kernel density."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._accelerator import accelerator
from pynomaly_auto.detectors.estimators._points import Points
from pynomaly_auto.detectors.estimators._scales import blocks, median_scale, one_of
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value
from pynomaly_auto.errors import StorageError

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray

_BLOCK_CELLS = 100_000


class GaussianMixture(Stored):
    """Negative log density of a mixture of few Gaussians.

    Components that hold hardly any rows are left out of the density: what they have modelled are the anomalies.

    Args:
        n_components: Most components; fewer where the rows are few.
        covariance_type: ``"full"`` (falls back to ``"diag"`` where the rows are too few) or ``"diag"``.
        min_share: Smallest share of the rows a component must hold, relative to an equal share.
        reg_covar: Added to the variances of the robustly scaled features.
        random_state: Seed of the first assignment.
    """

    layout: ClassVar = {
        "median_": Array(shape=("d",)),
        "scale_": Array(shape=("d",), positive=True),
        "log_weights_": Array(shape=("components",)),
        "means_": Array(shape=("components", "d")),
        "factors_": Array(shape=("components", "d", "d"), alternative=("components", "d")),
    }

    def __init__(
        self,
        n_components: int = 2,
        covariance_type: str = "full",
        min_share: float = 0.2,
        reg_covar: float = 1e-3,
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = one_of("covariance_type", covariance_type, ("full", "diag"))
        self.min_share = min_share
        self.reg_covar = reg_covar
        self.random_state = random_state

    def fit(self, X: FloatArray) -> GaussianMixture:
        """Fit the mixture to ``X``, shape (n_rows, n_features)."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture as Mixture

        self.median_, self.scale_ = median_scale(X)
        Z = self._scaled(X)
        n, d = Z.shape
        count = max(1, min(self.n_components, n // 10))
        kind = self.covariance_type if n >= 5 * count * d else "diag"
        mixture = Mixture(
            count, covariance_type=kind, reg_covar=self.reg_covar, random_state=self.random_state, max_iter=50
        )
        with warnings.catch_warnings():
            # Neither fewer distinct rows than components nor an early stop spoils a density.
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(Z)
        held = mixture.weights_ >= self.min_share / count
        self.log_weights_ = np.log(mixture.weights_[held])
        self.means_ = mixture.means_[held]
        # Diagonal factors are kept as such: d numbers a component instead of d².
        self.factors_ = mixture.precisions_cholesky_[held]
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Negative log density of rows; shape (n_rows,)."""
        Z = self._scaled(X)
        logs = np.empty((len(Z), len(self.means_)))
        flat = self.factors_.ndim == 2
        diagonals = self.factors_ if flat else np.diagonal(self.factors_, axis1=1, axis2=2)
        for i, (mean, factor) in enumerate(zip(self.means_, self.factors_, strict=True)):
            away = (Z - mean) * factor if flat else (Z - mean) @ factor
            logs[:, i] = -0.5 * np.einsum("ij,ij->i", away, away)
        logs += self.log_weights_ + np.log(diagonals).sum(axis=1)
        scores: FloatArray = -np.logaddexp.reduce(logs, axis=1)
        return scores

    def check(self) -> None:
        """The factors' diagonals have a logarithm."""
        diagonals = self.factors_ if self.factors_.ndim == 2 else np.diagonal(self.factors_, axis1=1, axis2=2)
        if not (diagonals > 0).all():
            raise StorageError("the array 'factors_' holds a diagonal that is not above zero.")

    def _scaled(self, X: FloatArray) -> FloatArray:
        # Beyond 1e4 robust deviations a squared distance adds nothing to the ranking but overflow in the covariances.
        return np.clip((X - self.median_) / self.scale_, -1e4, 1e4)


class KernelDensity(Stored):
    """Negative log of a Gaussian kernel density; a fitted row does not support itself.

    Args:
        bandwidth: In multiples of Scott's rule; anomalies show better when smoothed more than it asks for.
    """

    layout: ClassVar = {
        "median_": Array(shape=("d",)),
        "width_": Value(least=1e-300),
        "points_": Part(kind=Points),
    }

    def __init__(self, bandwidth: float = 3.0) -> None:
        self.bandwidth = bandwidth

    def fit(self, X: FloatArray) -> KernelDensity:
        """Keep ``X``, shape (n_rows, n_features), and choose the width of the kernel."""
        n, d = X.shape
        self.median_, scale = median_scale(X)
        self.width_ = float(self.bandwidth * np.sqrt((scale**2).mean()) * n ** (-1.0 / (d + 4)))
        self.points_ = Points(X - self.median_)
        self.decision_scores_ = self._score(self.points_.rows, fitted=True)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        return self._score(X - self.median_, fitted=False)

    def _score(self, Z: FloatArray, *, fitted: bool) -> FloatArray:
        unit = accelerator()
        swift = None if unit is None else unit.densities(self.points_, Z, self.width_, themselves=fitted)
        if swift is not None:
            return swift
        scores = np.empty(len(Z))
        n = len(self.points_)
        for part in blocks(len(Z), _BLOCK_CELLS // n + 1):
            far = self.points_.squares(Z[part], scratch=True)
            if fitted:
                far[np.arange(len(far)), np.arange(part.start, part.stop)] = np.inf
            nearest = far.min(axis=1)
            far -= nearest[:, None]
            far *= -0.5 / self.width_**2
            mass = np.exp(far, out=far).sum(axis=1)
            scores[part] = 0.5 * nearest / self.width_**2 - np.log(mass / (n - fitted))
        return scores
