"""A thin estimator around the encoder passes scikit-learn's own checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import check_is_fitted

from pynomaly_auto.dataset import TableEncoder


class Farness(OutlierMixin, BaseEstimator):
    """Distance from the middle of the encoded table."""

    def fit(self, X: Any, y: Any = None) -> Farness:
        self.encoder_ = TableEncoder(owner="Farness").fit(X)
        self.n_features_in_ = self.encoder_.n_features_in_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(self.encoder_, "feature_names_in_"):
            self.feature_names_in_ = self.encoder_.feature_names_in_
        self.offset_ = float(np.quantile(self._farness(X), 0.1))
        return self

    def score_samples(self, X: Any) -> Any:
        check_is_fitted(self)
        return self._farness(X)

    def decision_function(self, X: Any) -> Any:
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> Any:
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _farness(self, X: Any) -> Any:
        # Added column by column: numpy's and BLAS' own sums depend on how many rows there are.
        return -sum(np.square(column) for column in self.encoder_.encode(X).X.T)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags


def test_check_estimator() -> None:
    results = check_estimator(Farness(), on_skip=None, on_fail=None)
    failed = {r["check_name"]: str(r["exception"]) for r in results if r["status"] == "failed"}
    skipped = {r["check_name"] for r in results if r["status"] == "skipped"}
    assert failed == {}
    assert skipped <= {"check_array_api_input"}
