"""Detectors that look at rows through linear maps: components, factors and separating hyperplanes."""

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._limits import (
    ANY,
    COUNT,
    COUNT_OR_NONE,
    FLAG,
    NOT_NEGATIVE,
    POSITIVE,
    SHARE,
    SHARE_OR_COUNT,
    Limit,
    one_of,
)
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec

_GAMMA = Limit(low=0, open_low=True, words=("scale", "auto"))


DETECTORS.add(
    DetectorSpec(
        name="pca",
        title="Principal components",
        family="linear",
        alike="projections",
        target="pynomaly_auto.detectors.estimators._projections:PrincipalComponents",
        paper="M.-L. Shyu et al.: A novel anomaly detection scheme based on principal component classifier. ICDM 2003.",
        summary="Rows far out along the principal components, each measured by its variance.",
        cost=Cost(unit=0.0004, n_power=1.0, d_power=1.0, memory_mb=0.15, row_ms=0.025),
        capabilities=Capabilities(min_features=2, finds=frozenset({"global", "dependency"}), interpretability=0.7),
        limits={
            "score": one_of("mahalanobis", "reconstruction"),
            "explained": SHARE_OR_COUNT,
            "ridge": NOT_NEGATIVE,
            "n_components": Limit(share=True, words=(None,)),
        },
        defaults={"score": "mahalanobis", "ridge": 0.2},
        space={
            "view": CategoricalDistribution(("standard", "ranks", "trimmed")),
            "score": CategoricalDistribution(("mahalanobis", "reconstruction")),
            "explained": FloatDistribution(0.3, 0.99),
            "ridge": FloatDistribution(0.001, 1.0, log=True),
        },
        train_scores=None,
    )
)

DETECTORS.add(
    DetectorSpec(
        name="ica",
        title="Independent components",
        family="linear",
        alike="projections",
        target="pynomaly_auto.detectors.estimators._projections:IndependentComponents",
        paper="A. Hyvärinen, E. Oja: Independent component analysis. Neural Networks 13, 2000.",
        summary="Rows unlikely under independent heavy-tailed sources that were mixed linearly.",
        cost=Cost(unit=0.025, n_power=0.5, d_power=0.6, score_share=0.36, memory_mb=0.3, iterates=True, row_ms=0.036),
        capabilities=Capabilities(
            min_features=2, finds=frozenset({"global", "dependency"}), interpretability=0.5, deterministic=False
        ),
        limits={"n_components": COUNT_OR_NONE, "fun": one_of("logcosh", "exp", "cube"), "max_iter": COUNT},
        defaults={"n_components": 20, "fun": "logcosh", "max_iter": 200},
        space={
            "n_components": IntDistribution(2, 40),
            "fun": CategoricalDistribution(("logcosh", "exp", "cube")),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=20_000,
    )
)

DETECTORS.add(
    DetectorSpec(
        name="factor_analysis",
        title="Factor analysis",
        family="linear",
        method="covariance",
        alike="projections",
        target="pynomaly_auto.detectors.estimators._projections:FactorModel",
        paper="D. B. Rubin, D. T. Thayer: EM algorithms for ML factor analysis. Psychometrika 47, 1982.",
        summary="Rows unlikely under a few shared Gaussian factors with noise of each column's own.",
        cost=Cost(unit=0.017, n_power=1.0, d_power=0.3, score_share=0.059, memory_mb=0.7, iterates=True, row_ms=0.024),
        capabilities=Capabilities(
            min_features=2, finds=frozenset({"global", "dependency"}), interpretability=0.6, deterministic=False
        ),
        limits={"n_components": COUNT_OR_NONE, "max_iter": COUNT},
        defaults={"n_components": 5, "max_iter": 200},
        space={"view": CategoricalDistribution(("standard", "trimmed")), "n_components": IntDistribution(1, 20)},
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=50_000,
    )
)

DETECTORS.add(
    DetectorSpec(
        name="ocsvm",
        title="One-class SVM",
        family="linear",
        alike="boundary",
        target="pynomaly_auto.detectors.estimators._projections:KernelOneClassSVM",
        paper="B. Schölkopf et al.: Estimating the support of a high-dimensional distribution. Neural Comput., 2001.",
        summary="Rows outside the smooth region that holds most of the others.",
        cost=Cost(
            row_ms=0.034,
            unit=0.02,
            n_power=2.0,
            d_power=0.4,
            score_share=0.45,
            memory_mb=0.5,
            memory_d_power=0.3,
            iterates=True,
        ),
        capabilities=Capabilities(max_rows=200_000, finds=frozenset({"global", "cluster"}), interpretability=0.2),
        limits={
            "nu": Limit(low=0, high=1, open_low=True, open_high=True),
            "gamma": _GAMMA,
            "degree": Limit(low=0, whole=True),
            "coef0": ANY,
            "cache_size": POSITIVE,
            "tol": POSITIVE,
            "shrinking": FLAG,
        },
        defaults={"kernel": "rbf", "nu": 0.5, "gamma": "scale", "cache_size": 100},
        space={
            "nu": FloatDistribution(0.01, 0.8),
            "gamma": CategoricalDistribution(("scale", "auto", 0.003, 0.01, 0.03, 0.1, 0.3)),
        },
        train_scores=None,
        reference_rows=3_000,
    )
)

DETECTORS.add(
    DetectorSpec(
        name="ocsvm_nystroem",
        title="One-class SVM on a Nyström map",
        family="linear",
        alike="boundary",
        target="pynomaly_auto.detectors.estimators._projections:NystroemOneClassSVM",
        paper="C. Williams, M. Seeger: Using the Nyström method to speed up kernel machines. NeurIPS 2000.",
        summary="Rows outside the smooth region that holds most of the others, with the kernel approximated.",
        cost=Cost(
            row_ms=0.04,
            unit=0.011,
            n_power=1.0,
            d_power=0.05,
            score_share=0.45,
            memory_mb=3.2,
            memory_d_power=0.1,
            iterates=True,
        ),
        capabilities=Capabilities(finds=frozenset({"global", "cluster"}), interpretability=0.2, deterministic=False),
        limits={"nu": SHARE, "gamma": _GAMMA, "n_components": COUNT},
        defaults={"nu": 0.5, "gamma": 1.0, "n_components": 200},
        space={
            "view": CategoricalDistribution(("standard", "trimmed")),
            "nu": FloatDistribution(0.01, 0.8),
            "gamma": FloatDistribution(0.03, 10.0, log=True),
            "n_components": IntDistribution(50, 300, step=50),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=50_000,
    )
)
