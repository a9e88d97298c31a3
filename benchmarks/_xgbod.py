"""XGBOD, by PyOD's detectors and its boosted trees, beside ours in `benchmarks.labels`."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import clone

from pynomaly_auto.records import FloatArray, IntArray

AVAILABLE = importlib.util.find_spec("xgboost") is not None


class Xgbod:
    """PyOD's XGBOD (Zhao and Hryniewicki, IJCNN 2018), its detectors fitted on all rows, its trees on labelled ones.

    PyOD's own `fit` takes labelled rows alone. With few of them its detectors would know next to nothing, and the
    paper fits them without labels: here they see every row, as ours does.

    Args:
        columns: The encoded columns; shape (n_rows, n_features).
    """

    def __init__(self, columns: np.ndarray[Any, Any]) -> None:
        self.columns = np.asarray(columns, dtype=np.float64)

    @cached_property
    def _fitted(self) -> Any:
        from pyod.models.xgbod import XGBOD

        whatever = np.arange(len(self.columns)) % 2  # the detectors do not look at it, and the trees are grown anew
        with _quiet():
            return XGBOD(random_state=0).fit(self.columns, whatever)

    def scores(self, labelled: IntArray, target: FloatArray) -> FloatArray:
        """Probability of every row of being an anomaly, learned from the labelled ones; shape (n_rows,)."""
        inputs = self._fitted.X_train_new_
        with _quiet():
            trees = clone(self._fitted.clf_).fit(inputs[labelled], target.astype(np.int64))
            return np.asarray(trees.predict_proba(inputs)[:, 1], dtype=np.float64)


@contextlib.contextmanager
def _quiet() -> Any:
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stderr(io.StringIO()),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
