"""Anomalies as failed predictions: each feature predicted from the others, the errors combined (ALSO).

The training rows are predicted out of fold. A new row is predicted by the mean of all folds' models, so what it scores
depends on nothing but itself.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.svm import LinearSVR

from pynomaly_auto.detectors.estimators._grown import Several, Trees
from pynomaly_auto.detectors.estimators._scaling import Scaling
from pynomaly_auto.detectors.estimators._stored import Array, Part, Stored, Value
from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest, from_lightgbm_text, joined

if TYPE_CHECKING:
    from typing import Self

    from pynomaly_auto.records import FloatArray, IntArray

_INPUT_LIMIT = 8.0  # predictors are cut there, so that one wild cell does not spoil the predictions of all others
_LEAST_WEIGHT = 0.05  # of a feature that cannot be predicted: its plain deviation still counts a little


class ResidualDetector(Stored, ABC):
    """Each of a bounded number of features is predicted from all others; what fails to be predicted is anomalous.

    Args:
        max_targets: Most features predicted, drawn at random among those that vary.
        n_folds: Folds of the out-of-fold predictions.
        power: Exponent of a standardised residual in the combination: 2 lets one large error rule, below 1 asks
            for many errors.
        random_state: Seed.
    """

    layout: ClassVar = {
        "scaling_": Part(kind=Scaling),
        "targets_": Array(shape=("t",), dtype=np.int64, below="d", empty=True),
        "errors_": Part(kind=Scaling, renamed={"d": "t"}),
        "weights_": Array(shape=("t",), empty=True),
        "power": Value(kind=float, least=0.0),
    }

    def __init__(self, *, max_targets: int = 20, n_folds: int = 2, power: float = 1.0, random_state: int = 0) -> None:
        self.max_targets, self.n_folds, self.power, self.random_state = max_targets, n_folds, power, random_state

    def fit(self, X: FloatArray) -> Self:
        """Fit the models on ``X``, shape (n_rows, n_features), and score its rows out of fold."""
        rng = np.random.default_rng(self.random_state)
        self.scaling_ = Scaling(X)
        actual = self.scaling_.apply(X)
        able = np.flatnonzero(self.scaling_.varies)
        self.targets_ = np.sort(rng.choice(able, min(self.max_targets, len(able)), replace=False))
        inputs = np.clip(actual, -_INPUT_LIMIT, _INPUT_LIMIT)
        fold = rng.permutation(np.arange(len(X)) % min(self.n_folds, len(X)))
        predicted = np.zeros((len(X), len(self.targets_)))
        self.models_: list[Any] = []  # of each fold
        for k in range(int(fold.max()) + 1):
            models = self._fit_fold(inputs[fold != k])
            self.models_.append(models)
            predicted[fold == k] = self._predict_fold(models, inputs[fold == k])
        residuals = actual[:, self.targets_] - predicted
        self._standardise(residuals, actual[:, self.targets_])
        self.decision_scores_ = self._combine(residuals)
        return self

    def _standardise(self, residuals: FloatArray, actual: FloatArray) -> None:
        self.errors_ = Scaling(residuals, robust=True)
        # Quartiles of a feature that is nearly always the same say nothing of its errors: keep a floor of the spread.
        floor = np.maximum(0.1 * residuals.std(axis=0), 1e-3)
        self.errors_.scale = np.maximum(self.errors_.scale, floor)
        unexplained = np.sqrt(np.square(residuals).sum(axis=0) / np.maximum(np.square(actual).sum(axis=0), 1e-12))
        weights = np.maximum(1.0 - np.minimum(unexplained, 1.0), _LEAST_WEIGHT)
        self.weights_ = weights / max(float(weights.sum()), 1e-12)

    def _combine(self, residuals: FloatArray) -> FloatArray:
        standardised = np.abs(self.errors_.apply(residuals))
        return np.asarray((standardised**self.power * self.weights_).sum(axis=1))

    def decision_function(self, X: FloatArray) -> FloatArray:
        """Weighted mean of the powers of the standardised residuals; shape (n_rows,)."""
        actual = self.scaling_.apply(X)
        inputs = np.clip(actual, -_INPUT_LIMIT, _INPUT_LIMIT)
        predicted = np.mean([self._predict_fold(models, inputs) for models in self.models_], axis=0)
        return self._combine(actual[:, self.targets_] - predicted)

    @abstractmethod
    def _fit_fold(self, inputs: FloatArray) -> Any:
        """The models of all targets, fitted on these scaled rows."""

    @abstractmethod
    def _predict_fold(self, models: Any, inputs: FloatArray) -> FloatArray:
        """Their predictions for these scaled rows; shape (n_rows, n_targets)."""

    def _others(self, n_features: int) -> IntArray:
        """Columns that predict each target; shape (n_targets, n_features - 1)."""
        columns = np.arange(n_features)
        others = [columns[columns != j] for j in self.targets_]
        return np.array(others, dtype=np.int64).reshape(len(self.targets_), n_features - 1)


class BoostedFold(Stored):
    """The boosted trees of one fold.

    Args:
        forest: The trees of all targets, one target after another, over the columns of the table.
        counts: How many trees each target has; shape (n_targets,).
        average: Whether a target is predicted by the mean of its trees.
    """

    layout: ClassVar = {
        "forest": Trees(empty=True),
        "counts": Array(shape=("t",), dtype=np.int64, positive=True, empty=True),
        "average": Value(kind=bool),
    }

    def __init__(self, forest: Forest, counts: IntArray, *, average: bool) -> None:
        self.forest, self.counts, self.average = forest, counts, average

    def check(self) -> None:
        """Every tree is of a target."""
        if (self.counts > self.forest.n_trees).any() or self.counts.sum() != self.forest.n_trees:
            raise StorageError(f"{self.forest.n_trees} trees, but {self.counts.sum()} of targets.")

    def predict(self, inputs: FloatArray) -> FloatArray:
        """Of all targets; shape (n_rows, n_targets)."""
        sums = self.forest.sums(inputs, self.counts)
        return sums / self.counts if self.average else sums


class BoostedResiduals(ResidualDetector):
    """Residuals of LightGBM models: gradient boosting, or LightGBM's random forests.

    LightGBM grows the trees; they are kept and predict as plain arrays.

    Args:
        boosting: ``"gbdt"`` or ``"rf"``.
        n_estimators: Trees per model.
        learning_rate: Shrinkage (gradient boosting only).
        num_leaves: Most leaves of a tree.
        feature_fraction: Share of the predictors per tree, in (0, 1].
        **combining: ``max_targets``, ``n_folds``, ``power`` and ``random_state``, see `ResidualDetector`.
    """

    layout: ClassVar = {**ResidualDetector.layout, "models_": Several(kind=BoostedFold)}

    def __init__(
        self,
        *,
        boosting: str = "gbdt",
        n_estimators: int = 40,
        learning_rate: float = 0.15,
        num_leaves: int = 15,
        feature_fraction: float = 0.8,
        **combining: Any,
    ) -> None:
        super().__init__(**combining)
        self.boosting, self.n_estimators, self.learning_rate = boosting, n_estimators, learning_rate
        self.num_leaves, self.feature_fraction = num_leaves, feature_fraction

    def _settings(self, n_rows: int) -> dict[str, Any]:
        forest = {"bagging_freq": 1, "bagging_fraction": 0.632} if self.boosting == "rf" else {}
        return {
            "objective": "regression_l2",
            "boosting": self.boosting,
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "feature_fraction": self.feature_fraction,
            "min_data_in_leaf": max(1, min(10, n_rows // 10)),
            "max_bin": 63,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "seed": self.random_state,
            "verbosity": -1,
            **forest,
        }

    def _fit_fold(self, inputs: FloatArray) -> BoostedFold:
        import lightgbm as lgb  # here, so that listing the catalogue stays light

        settings = self._settings(len(inputs))
        models = []
        for j, others in zip(self.targets_, self._others(inputs.shape[1]), strict=True):
            rows = lgb.Dataset(inputs[:, others], label=inputs[:, j], params={"verbosity": -1}, free_raw_data=True)
            text = lgb.train(settings, rows, num_boost_round=self.n_estimators).model_to_string()
            models.append(from_lightgbm_text(text).over(others, inputs.shape[1]))
        counts = np.array([model.n_trees for model in models], dtype=np.int64)
        return BoostedFold(joined(models, inputs.shape[1]), counts, average=self.boosting == "rf")

    def _predict_fold(self, models: BoostedFold, inputs: FloatArray) -> FloatArray:
        return models.predict(inputs)


class KernelFold(Stored):
    """The regressions of one fold.

    Args:
        landmarks: Rows that span the map; shape (n_landmarks, n_features).
        coefficients: Of each target; shape (n_targets, n_landmarks).
        intercepts: Of each target; shape (n_targets,).
    """

    layout: ClassVar = {
        "landmarks": Array(shape=("l", "d")),
        "coefficients": Array(shape=("t", "l"), empty=True),
        "intercepts": Array(shape=("t",), empty=True),
    }

    def __init__(self, landmarks: FloatArray, coefficients: FloatArray, intercepts: FloatArray) -> None:
        self.landmarks, self.coefficients, self.intercepts = landmarks, coefficients, intercepts


class KernelResiduals(ResidualDetector):
    """Residuals of support vector regressions on a Nyström map of an RBF kernel.

    The map of one target leaves its own column out, which takes one subtraction from the distances on all columns.

    Args:
        C: Inverse strength of the regularisation.
        epsilon: Half width of the tube without loss, in standard deviations.
        gamma: Kernel width as a multiple of 1 / n_features, on standardised columns.
        n_landmarks: Rows that span the map.
        **combining: ``max_targets``, ``n_folds``, ``power`` and ``random_state``, see `ResidualDetector`.
    """

    layout: ClassVar = {
        **ResidualDetector.layout,
        "gamma": Value(kind=float, least=0.0),
        "models_": Several(kind=KernelFold),
    }

    def __init__(
        self,
        *,
        C: float = 1.0,
        epsilon: float = 0.1,
        gamma: float = 1.0,
        n_landmarks: int = 100,
        **combining: Any,
    ) -> None:
        super().__init__(**combining)
        self.C, self.epsilon, self.gamma, self.n_landmarks = C, epsilon, gamma, n_landmarks

    def _fit_fold(self, inputs: FloatArray) -> KernelFold:
        rng = np.random.default_rng(self.random_state)
        landmarks = inputs[np.sort(rng.choice(len(inputs), min(self.n_landmarks, len(inputs)), replace=False))]
        model = KernelFold(landmarks, np.empty((len(self.targets_), len(landmarks))), np.empty(len(self.targets_)))
        for place, (j, distances) in enumerate(self._distances(inputs, landmarks)):
            kernel = self._kernel(landmarks, landmarks, j)
            values, vectors = np.linalg.eigh(kernel)
            whitening = vectors / np.sqrt(np.maximum(values, 1e-6 * len(landmarks)))
            # Squared loss outside the tube: the primal is smooth, and Newton's method is fast and needs no seed.
            machine = LinearSVR(
                C=self.C, epsilon=self.epsilon, loss="squared_epsilon_insensitive", dual=False, max_iter=200
            )
            with warnings.catch_warnings():
                # Stopped early, it is a little more regularised; the residuals are measured out of fold all the same.
                warnings.simplefilter("ignore", ConvergenceWarning)
                machine.fit(np.exp(-self._width(inputs) * distances) @ whitening, inputs[:, j])
            model.coefficients[place] = whitening @ machine.coef_
            model.intercepts[place] = float(machine.intercept_[0])
        return model

    def _predict_fold(self, models: KernelFold, inputs: FloatArray) -> FloatArray:
        predicted = np.zeros((len(inputs), len(self.targets_)))
        for place, (_, distances) in enumerate(self._distances(inputs, models.landmarks)):
            kernel = np.exp(-self._width(inputs) * distances)
            predicted[:, place] = kernel @ models.coefficients[place] + models.intercepts[place]
        return predicted

    def _width(self, inputs: FloatArray) -> float:
        return float(self.gamma / max(inputs.shape[1] - 1, 1))

    def _kernel(self, left: FloatArray, right: FloatArray, j: int) -> FloatArray:
        return np.asarray(
            np.exp(-self._width(left) * _squared_distances(np.delete(left, j, 1), np.delete(right, j, 1)))
        )

    def _distances(self, inputs: FloatArray, landmarks: FloatArray) -> Any:
        """Each target and the squared distances to the landmarks on all other columns."""
        everywhere = _squared_distances(inputs, landmarks)
        for j in self.targets_:
            yield j, np.maximum(everywhere - np.square(inputs[:, [j]] - landmarks[:, j]), 0.0)


def _squared_distances(left: FloatArray, right: FloatArray) -> FloatArray:
    products = left @ right.T
    return np.asarray(np.maximum(np.square(left).sum(1)[:, None] + np.square(right).sum(1) - 2 * products, 0.0))
