"""ECOD and COPOD: how far in the tails of the features' empirical distributions a row lies.

The distributions are stored, so a new row is ranked among the training rows and not, as in the authors' code, among
the rows it happens to be scored with.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pynomaly_auto.detectors.estimators._scales import blocks, places
from pynomaly_auto.detectors.estimators._sharing import once
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value, check_parts

if TYPE_CHECKING:
    from pynomaly_auto.records import FloatArray

_BLOCK_CELLS = 200_000
_EXACT = 4096  # up to so many rows every value is kept
_ENDS = 512  # beyond, so many at each end are, where a tail probability is most sensitive


class _EmpiricalTails(Stored):
    """Negative log tail probabilities of each feature, left and right, and the side its tail is on."""

    layout: ClassVar = {
        "n_rows_": Value(kind=int, least=1),
        "starts_": Array(shape=("d + 1",), dtype=np.int64),
        "values_": Array(shape=("values",)),
        "below_": Array(shape=("values",)),
        "upto_": Array(shape=("values",)),
        "skew_sign_": Array(shape=("d",)),
    }

    def fit(self, X: FloatArray) -> None:
        n = len(X)
        keep = np.arange(n)
        if n > _EXACT:
            middle = np.linspace(_ENDS, n - 1 - _ENDS, _EXACT - 2 * _ENDS).astype(np.int64)
            keep = np.concatenate([np.arange(_ENDS), middle, np.arange(n - _ENDS, n)])
        values, below, upto = [], [], []
        for column in X.T:
            ordered = np.sort(column)
            knots = np.unique(ordered[keep])
            values.append(knots)
            below.append(np.searchsorted(ordered, knots, side="left"))
            upto.append(np.searchsorted(ordered, knots, side="right"))
        self.n_rows_ = n
        self.starts_ = np.cumsum([0, *(len(v) for v in values)])
        self.values_ = np.concatenate(values)
        self.below_ = np.concatenate(below).astype(np.float64)
        self.upto_ = np.concatenate(upto).astype(np.float64)
        self.skew_sign_ = np.array([_skew_sign(column) for column in X.T])

    def check(self) -> None:
        """Every feature has its values, in order."""
        check_parts(self.starts_, self.values_)

    def rows_beyond(self, X: FloatArray, *, fitted: bool) -> tuple[FloatArray, FloatArray]:
        """How many rows lie as far to the left, and to the right, as every value, at least one; shapes as ``X``.

        Args:
            X: The values; shape (n_rows, n_features).
            fitted: The values are those fitted on; a new value is counted as one more row, as a fitted one counts
                itself.
        """
        return once(("tails", self.digest, fitted), X, partial(self._rows_beyond, X, fitted=fitted))

    def _rows_beyond(self, X: FloatArray, *, fitted: bool) -> tuple[FloatArray, FloatArray]:
        starts, counts = self.starts_[:-1], np.diff(self.starts_)
        after = places(self.values_, self.starts_, X, side="left")
        at = starts + np.minimum(after, counts - 1)
        before = starts + np.maximum(after - 1, 0)
        here, last = self.values_.take(at), self.values_.take(before)
        low = np.where(after > 0, self.upto_.take(before), 0.0)
        high = np.where(after < counts, self.below_.take(at), float(self.n_rows_))
        step = here - last  # zero beyond the ends, where low equals high
        between = low + (high - low) * np.clip((X - last) / np.where(step > 0, step, 1.0), 0.0, 1.0)
        extra = 0.0 if fitted else 1.0
        left, right = between + extra, self.n_rows_ - between + extra
        exact = np.flatnonzero(here == X)
        if len(exact):
            same = at.take(exact)
            left.reshape(-1)[exact] = self.upto_.take(same) + extra
            right.reshape(-1)[exact] = self.n_rows_ - self.below_.take(same) + extra
        return np.maximum(left, 1.0, out=left), np.maximum(right, 1.0, out=right)

    def log_total(self, *, fitted: bool) -> float:
        """Logarithm of the number of rows that a value is ranked among."""
        return float(np.log(self.n_rows_ + (not fitted)))


def _skew_sign(column: FloatArray) -> float:
    centred = column - column.mean()
    centred /= np.abs(centred).max() or 1.0  # cubes of large values would overflow
    return float(np.sign((centred**3).mean()))


class ECOD(Stored):
    """Sum over the features of the negative log tail probability (Li et al., 2022).

    A feature counts by the larger of its two tails, as in the authors' code.
    """

    layout: ClassVar = {"tails_": Part(kind=_EmpiricalTails)}

    def fit(self, X: FloatArray) -> ECOD:
        """Learn the distribution of each feature of ``X``, shape (n_rows, n_features)."""
        self.tails_ = _EmpiricalTails()
        self.tails_.fit(X)
        self.decision_scores_ = self._score(X, fitted=True)
        return self

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Score new rows; shape (n_rows,)."""
        return self._score(X, fitted=False)

    def _score(self, X: FloatArray, *, fitted: bool) -> FloatArray:
        scores, total = np.empty(len(X)), self.tails_.log_total(fitted=fitted)
        for part in blocks(len(X), _BLOCK_CELLS // X.shape[1] + 1):
            scores[part] = self._features(*self.tails_.rows_beyond(X[part], fitted=fitted), total).sum(axis=1)
        return scores

    def _features(self, left: FloatArray, right: FloatArray, total: float) -> FloatArray:
        return np.asarray(total - np.log(np.minimum(left, right)))


class COPOD(ECOD):
    """Tail probability under the empirical copula (Li et al., 2020).

    A feature counts by the tail on the side of its skewness, or by the mean of both tails if that is larger.
    """

    def _features(self, left: FloatArray, right: FloatArray, total: float) -> FloatArray:
        left, right = total - np.log(left), total - np.log(right)
        return np.maximum(np.where(self.tails_.skew_sign_ > 0, right, left), (left + right) / 2)
