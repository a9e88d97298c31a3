"""Estimators that take a row for anomalous by its Mahalanobis distance under a robust covariance."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy import stats

from pynomaly_auto.detectors.estimators._scales import median_scale
from pynomaly_auto.detectors.estimators._stored import Array, Stored

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray, IntArray

_MOST_STEPS = 30


class _Mahalanobis(Stored, ABC):
    """A location and a whitening matrix, learned by a subclass on scaled rows."""

    layout: ClassVar = {
        "median_": Array(shape=("d",)),
        "scale_": Array(shape=("d",), positive=True),
        "location_": Array(shape=("d",)),
        "whitening_": Array(shape=("d", "d")),
    }

    def fit(self, X: FloatArray) -> _Mahalanobis:
        """Learn location and covariance from ``X``, shape (n_rows, n_features)."""
        self.median_, self.scale_ = median_scale(X)
        Z = (X - self.median_) / self.scale_
        location, values, vectors = self._estimate(Z)
        self.location_ = location
        self.whitening_ = np.ascontiguousarray(vectors / np.sqrt(values))
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Mahalanobis distance of each row; shape (n_rows,)."""
        away = ((X - self.median_) / self.scale_ - self.location_) @ self.whitening_
        distances: FloatArray = np.sqrt(np.einsum("ij,ij->i", away, away))
        return distances

    @abstractmethod
    def _estimate(self, Z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Location, eigenvalues (all positive) and eigenvectors (in columns) of the scaled rows' covariance."""


def _support(share: float | None, Z: FloatArray) -> int:
    """Rows of a support."""
    n, d = len(Z), Z.shape[1]
    wanted: float = (n + d + 1) / 2 if share is None else share * n
    return min(n, max(3, math.ceil(wanted)))


class TrimmedCovariance(_Mahalanobis):
    """Elliptic envelope: the shrunk covariance of the rows left when the farthest are trimmed.

    Trimming and estimating alternate a few times; the covariance is shrunk as Ledoit and Wolf (2004) derive, so it has
    full rank even with more features than rows. Cheaper and milder than the minimum covariance determinant.

    Args:
        support_fraction: Share of rows that stay; None: (n_rows + n_features + 1) / 2 rows, as in scikit-learn.
        n_steps: How often trimming and estimating alternate.
    """

    def __init__(self, support_fraction: float | None = 0.8, n_steps: int = 3) -> None:
        self.support_fraction = support_fraction
        self.n_steps = n_steps

    def _estimate(self, Z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        size = _support(self.support_fraction, Z)
        far = np.einsum("ij,ij->i", Z, Z)
        for _ in range(max(1, self.n_steps)):
            part = Z[_smallest(far, size)]
            location = part.mean(axis=0)
            values, vectors = np.linalg.eigh(_shrunk(part - location))
            values = _floored(values, 1e9)
            far = _distances(Z, location, values, vectors)
        return location, values, vectors


class MinimumCovarianceDeterminant(_Mahalanobis):
    """Covariance of those rows, a given share, whose covariance has the smallest determinant; then reweighted.

    The deterministic algorithm of Hubert, Rousseeuw and Verdonck (2012): concentration steps from three robust starts
    (ranks, spatial signs, the half nearest to the median) instead of hundreds of random ones. The covariance is drawn
    towards the identity just as far as its condition number demands (Boudt et al., 2020), so that collinear features
    and tables with more features than rows are no exception.

    Args:
        support_fraction: Share of rows in the support: 0.5 withstands most anomalies, 1 is the ordinary covariance;
            None: (n_rows + n_features + 1) / 2 rows, as in scikit-learn.
        condition: Largest condition number of the covariance.
    """

    def __init__(self, support_fraction: float | None = 0.75, condition: float = 1e6) -> None:
        self.support_fraction = support_fraction
        self.condition = condition

    def _estimate(self, Z: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        d = Z.shape[1]
        size = _support(self.support_fraction, Z)
        # The condition number MRCD proposes where the rows of the support are too few to estimate a covariance.
        condition = self.condition if size > 2 * d else min(50.0, self.condition)
        best: tuple[float, FloatArray] | None = None
        for start in self._starts(Z, size, condition):
            found = self._concentrate(Z, start, size, condition)
            if best is None or found[0] < best[0]:
                best = found
        assert best is not None
        far = best[1]
        # Reweighting: all rows that fit the support, judged by the distances' median as their consistent scale.
        far = far * stats.chi2.ppf(0.5, d) / max(float(np.median(far)), 1e-12)
        inside = np.flatnonzero(far <= stats.chi2.ppf(0.975, d))
        part = Z[inside if len(inside) >= size else _smallest(far, size)]
        location = part.mean(axis=0)
        return location, *_spectrum(part - location, condition)

    def _concentrate(self, Z: FloatArray, support: IntArray, size: int, condition: float) -> tuple[float, FloatArray]:
        """Log determinant and squared distances after concentration steps from a first support."""
        last = np.inf
        for _ in range(_MOST_STEPS):
            part = Z[support]
            location = part.mean(axis=0)
            values, vectors = _spectrum(part - location, condition)
            far = _distances(Z, location, values, vectors)
            determinant = float(np.log(values).sum())
            if determinant >= last - 1e-6:
                break
            last = determinant
            support = _smallest(far, size)
        return min(determinant, last), far

    def _starts(self, Z: FloatArray, size: int, condition: float) -> list[IntArray]:
        norms = np.sqrt(np.einsum("ij,ij->i", Z, Z))
        ranks = stats.norm.ppf((stats.rankdata(Z, axis=0) - 1 / 3) / (len(Z) + 1 / 3))
        signs = Z / np.maximum(norms, 1e-12)[:, None]
        starts = [_smallest(norms, size)]
        for shape in (ranks, signs):
            _, vectors = _spectrum(shape, condition)
            # Scales along the axes come from the rows themselves, robustly; the shape gives the axes only.
            location, scale = median_scale(Z @ vectors)
            turned = (Z @ vectors - location) / scale
            starts.append(_smallest(np.einsum("ij,ij->i", turned, turned), size))
        return starts


def _smallest(values: FloatArray, size: int) -> IntArray:
    # Stable, so that ties do not depend on the platform's partition.
    chosen: np.ndarray[Any, np.dtype[np.int64]] = np.sort(np.argsort(values, kind="stable")[:size])
    return chosen


def _distances(Z: FloatArray, location: FloatArray, values: FloatArray, vectors: FloatArray) -> FloatArray:
    away = (Z - location) @ (vectors / np.sqrt(values))
    squared: FloatArray = np.einsum("ij,ij->i", away, away)
    return squared


def _floored(values: FloatArray, condition: float) -> FloatArray:
    top = float(values.max(initial=0.0))
    return np.maximum(values, (top if top > 0 else 1.0) / condition)


def _spectrum(centred: FloatArray, condition: float) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues and eigenvectors of the covariance, drawn towards the identity to keep the condition number."""
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    values = np.maximum(values, 0.0)
    excess = values[-1] - condition * values[0]
    if excess > 0:
        share = excess / (excess + (condition - 1.0))
        values = (1.0 - share) * values + share
    return _floored(values, 1e12), vectors


def _shrunk(centred: FloatArray) -> FloatArray:
    """Covariance shrunk towards a multiple of the identity by Ledoit and Wolf's optimal share."""
    n, d = centred.shape
    covariance: FloatArray = centred.T @ centred / n
    mean = float(np.trace(covariance)) / d
    spread = float((covariance**2).sum())
    away = spread / d - mean**2
    norms = np.einsum("ij,ij->i", centred, centred)
    noise = (float((norms**2).mean()) - spread) / (n * d)
    share = min(max(noise, 0.0) / away, 1.0) if away > 0 else 1.0
    covariance *= 1.0 - share
    covariance[np.diag_indices(d)] += share * mean
    return covariance
