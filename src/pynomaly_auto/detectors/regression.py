"""Detectors that predict each feature from the others: what fails to be predicted does not follow the dependencies."""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import FloatDistribution, IntDistribution

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._limits import COUNT, NOT_NEGATIVE, POSITIVE, SHARE, Limit, one_of
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec

_ALSO = (
    "H. Paulheim, R. Meusel: A decomposition of the outlier detection problem into a set of supervised learning "
    "problems. Machine Learning 100, 2015."
)
_RESIDUALS = {"max_targets": COUNT, "n_folds": Limit(low=2, whole=True), "power": NOT_NEGATIVE}
_BOOSTED = {
    **_RESIDUALS,
    "boosting": one_of("gbdt", "rf"),
    "n_estimators": COUNT,
    "num_leaves": Limit(low=2, whole=True),
    "learning_rate": POSITIVE,
    "feature_fraction": SHARE,
}


def _work(params: Mapping[str, Any]) -> float:
    return float(params["max_targets"] * params["n_folds"] * params["n_estimators"]) / (20 * 2 * 40)


def _kernel_work(params: Mapping[str, Any]) -> float:
    return float(params["max_targets"] * params["n_folds"] * params["n_landmarks"]) / (20 * 2 * 100)


DETECTORS.add(
    DetectorSpec(
        name="random_forest_residuals",
        title="Random-forest residuals",
        family="regression",
        target="pynomaly_auto.detectors.estimators._residuals:BoostedResiduals",
        paper=_ALSO,
        summary="Rows whose values random forests do not predict from the row's other values.",
        cost=Cost(
            row_ms=0.53,
            unit=0.24,
            n_power=0.5,
            d_power=1.0,
            score_share=0.28,
            memory_mb=0.8,
            memory_base_mb=2.0,
            factor=_work,
        ),
        capabilities=Capabilities(
            min_rows=10,
            min_features=2,
            finds=frozenset({"dependency", "local"}),
            interpretability=0.6,
            deterministic=False,
        ),
        limits=_BOOSTED,
        defaults={"boosting": "rf", "n_estimators": 40, "num_leaves": 31, "max_targets": 20, "n_folds": 2},
        space={
            "n_estimators": IntDistribution(20, 100, step=20),
            "num_leaves": IntDistribution(7, 63, log=True),
            "feature_fraction": FloatDistribution(0.3, 1.0),
            "power": FloatDistribution(0.5, 2.0),
        },
        seed_parameter="random_state",
        reference_rows=5_000,
    )
)

DETECTORS.add(
    DetectorSpec(
        name="gradient_boosting_residuals",
        title="Gradient-boosting residuals",
        family="regression",
        target="pynomaly_auto.detectors.estimators._residuals:BoostedResiduals",
        paper=_ALSO,
        summary="Rows whose values boosted trees do not predict from the row's other values.",
        cost=Cost(
            row_ms=0.67,
            unit=0.2,
            n_power=0.4,
            d_power=1.0,
            score_share=0.26,
            memory_mb=0.8,
            memory_base_mb=2.0,
            factor=_work,
        ),
        capabilities=Capabilities(
            min_rows=10,
            min_features=2,
            finds=frozenset({"dependency", "local"}),
            interpretability=0.6,
            deterministic=False,
        ),
        limits=_BOOSTED,
        defaults={"boosting": "gbdt", "n_estimators": 40, "num_leaves": 15, "max_targets": 20, "n_folds": 2},
        space={
            "n_estimators": IntDistribution(20, 100, step=20),
            "learning_rate": FloatDistribution(0.03, 0.3, log=True),
            "num_leaves": IntDistribution(4, 31, log=True),
            "power": FloatDistribution(0.5, 2.0),
        },
        seed_parameter="random_state",
        reference_rows=5_000,
    )
)

DETECTORS.add(
    DetectorSpec(
        name="svr_residuals",
        title="Support-vector-regression residuals",
        family="regression",
        target="pynomaly_auto.detectors.estimators._residuals:KernelResiduals",
        paper=_ALSO,
        summary="Rows whose values support vector regressions do not predict from the row's other values.",
        cost=Cost(
            row_ms=0.6,
            unit=0.086,
            n_power=0.85,
            d_power=0.5,
            score_share=0.3,
            memory_mb=4.4,
            memory_d_power=0.2,
            factor=_kernel_work,
        ),
        capabilities=Capabilities(
            min_rows=10, min_features=2, finds=frozenset({"dependency"}), interpretability=0.5, deterministic=False
        ),
        limits={**_RESIDUALS, "C": POSITIVE, "epsilon": NOT_NEGATIVE, "gamma": POSITIVE, "n_landmarks": COUNT},
        defaults={"C": 1.0, "epsilon": 0.1, "gamma": 1.0, "n_landmarks": 100, "max_targets": 20, "n_folds": 2},
        space={
            "C": FloatDistribution(0.01, 100.0, log=True),
            "gamma": FloatDistribution(0.1, 10.0, log=True),
            "n_landmarks": IntDistribution(50, 200, step=50),
            "power": FloatDistribution(0.5, 2.0),
        },
        seed_parameter="random_state",
        reference_rows=5_000,
    )
)
