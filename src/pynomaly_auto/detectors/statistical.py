"""Detectors of this family: distributions of single features, covariances and densities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._limits import COUNT, FRACTION, NOT_NEGATIVE, POSITIVE, SHARE_OR_NONE, Limit
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec
from pynomaly_auto.detectors.estimators._marginals import AGGREGATIONS
from pynomaly_auto.detectors.views._views import VIEWS

_HERE = "pynomaly_auto.detectors.estimators"


def _rounds(params: Mapping[str, Any]) -> float:
    return float(params["max_iterations"]) / 10


def _components(params: Mapping[str, Any]) -> float:
    return float(params["n_components"]) / 2


ZSCORE = DETECTORS.add(
    DetectorSpec(
        name="zscore",
        title="Z-score",
        family="statistical",
        method="marginal",
        alike="limits per column",
        target=f"{_HERE}._marginals:ZScore",
        paper="Barnett & Lewis, Outliers in Statistical Data, 3rd ed., Wiley, 1994",
        summary="Rows with a value many standard deviations from its feature's mean.",
        capabilities=Capabilities(min_rows=3, interpretability=1.0),
        cost=Cost(unit=0.00012, d_power=0.5, memory_mb=0.16, row_ms=0.016),
        defaults={"aggregation": "max"},
        space={"aggregation": CategoricalDistribution(AGGREGATIONS)},
        train_scores=None,
    )
)

MODIFIED_ZSCORE = DETECTORS.add(
    DetectorSpec(
        name="modified_zscore",
        title="Modified Z-score",
        family="statistical",
        method="marginal",
        alike="limits per column",
        target=f"{_HERE}._marginals:ModifiedZScore",
        paper="Iglewicz & Hoaglin, How to Detect and Handle Outliers, ASQC Quality Press, 1993",
        summary="Rows with a value many median absolute deviations from its feature's median.",
        capabilities=Capabilities(min_rows=3, interpretability=1.0),
        cost=Cost(unit=0.00029, score_share=0.3, memory_mb=0.16, row_ms=0.019),
        defaults={"aggregation": "mean"},
        space={"aggregation": CategoricalDistribution(AGGREGATIONS)},
        train_scores=None,
        reference_rows=200_000,
    )
)

IQR = DETECTORS.add(
    DetectorSpec(
        name="iqr",
        title="Interquartile range (Tukey's fences)",
        family="statistical",
        method="marginal",
        alike="limits per column",
        target=f"{_HERE}._marginals:TukeyFences",
        paper="Tukey, Exploratory Data Analysis, Addison-Wesley, 1977",
        summary="Rows with values far beyond the quartiles of their features.",
        capabilities=Capabilities(min_rows=4, interpretability=1.0),
        cost=Cost(unit=0.0004, score_share=0.3, d_power=0.9, memory_mb=0.25, row_ms=0.025),
        limits={"factor": NOT_NEGATIVE},
        defaults={"factor": 1.5},
        space={"factor": FloatDistribution(1.0, 3.0)},
        train_scores=None,
        reference_rows=200_000,
    )
)

GRUBBS = DETECTORS.add(
    DetectorSpec(
        name="grubbs",
        title="Grubbs' test, repeated",
        family="statistical",
        method="marginal",
        alike="limits per column",
        target=f"{_HERE}._marginals:GrubbsTest",
        paper=(
            "Grubbs, Sample Criteria for Testing Outlying Observations, Ann. Math. Statist. 21(1), 1950; "
            "Rosner, Percentage Points for a Generalized ESD Many-Outlier Procedure, Technometrics 25(2), 1983"
        ),
        summary="Rows with a value that a normal distribution of its feature makes improbable.",
        capabilities=Capabilities(min_rows=4, interpretability=0.95),
        cost=Cost(unit=0.002, score_share=0.8, d_power=1.1, memory_mb=0.91, factor=_rounds, row_ms=0.1),
        limits={
            "alpha": Limit(low=0, high=1, open_low=True, open_high=True),
            "max_iterations": Limit(low=0, whole=True),
        },
        defaults={"alpha": 0.05, "max_iterations": 10},
        space={"alpha": FloatDistribution(0.01, 0.1), "max_iterations": IntDistribution(1, 20)},
        reference_rows=20_000,
    )
)

ELLIPTIC_ENVELOPE = DETECTORS.add(
    DetectorSpec(
        name="elliptic_envelope",
        title="Elliptic envelope (trimmed and shrunk covariance)",
        family="statistical",
        method="covariance",
        alike="robust covariance",
        target=f"{_HERE}._covariances:TrimmedCovariance",
        paper=(
            "Ledoit & Wolf, A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices, "
            "J. Multivar. Anal. 88(2), 2004; Gnanadesikan & Kettenring, Robust Estimates, Residuals, and Outlier "
            "Detection with Multiresponse Data, Biometrics 28(1), 1972"
        ),
        summary="Rows outside the ellipsoid that the bulk of the rows fills.",
        capabilities=Capabilities(finds=frozenset({"global", "dependency"}), interpretability=0.7),
        cost=Cost(unit=0.00075, score_share=0.3, memory_mb=0.31, iterates=True, row_ms=0.019),
        limits={"support_fraction": SHARE_OR_NONE, "n_steps": COUNT},
        defaults={"support_fraction": 0.8},
        space={"support_fraction": FloatDistribution(0.6, 1.0), "n_steps": IntDistribution(1, 6)},
        train_scores=None,
        reference_rows=50_000,
    )
)

MCD = DETECTORS.add(
    DetectorSpec(
        name="mcd",
        title="Minimum covariance determinant",
        family="statistical",
        method="covariance",
        alike="robust covariance",
        target=f"{_HERE}._covariances:MinimumCovarianceDeterminant",
        paper=(
            "Rousseeuw & Van Driessen, A Fast Algorithm for the Minimum Covariance Determinant Estimator, "
            "Technometrics 41(3), 1999; Hubert, Rousseeuw & Verdonck, A Deterministic Algorithm for Robust Location "
            "and Scatter, J. Comput. Graph. Statist. 21(3), 2012"
        ),
        summary="Rows far, in Mahalanobis distance, from the most concentrated part of the rows.",
        capabilities=Capabilities(finds=frozenset({"global", "cluster", "dependency"}), interpretability=0.7),
        cost=Cost(unit=0.0039, score_share=0.02, n_power=1.3, memory_mb=0.81, row_ms=0.02),
        limits={"support_fraction": SHARE_OR_NONE, "condition": Limit(low=1)},
        defaults={"support_fraction": 0.75},
        space={
            "view": CategoricalDistribution(("standard", "ranks", "trimmed")),
            "support_fraction": FloatDistribution(0.5, 1.0),
        },
        train_scores=None,
        reference_rows=20_000,
    )
)

HBOS = DETECTORS.add(
    DetectorSpec(
        name="hbos",
        title="Histogram-based outlier score",
        family="statistical",
        method="marginal",
        alike="distributions per column",
        target=f"{_HERE}._marginals:HistogramDensity",
        paper="Goldstein & Dengel, Histogram-Based Outlier Score (HBOS), KI-2012 Poster and Demo Track, 2012",
        summary="Rows with values in thinly filled bins of their features' histograms.",
        capabilities=Capabilities(interpretability=0.9),
        cost=Cost(unit=0.001, score_share=0.5, memory_mb=0.024, memory_d_power=0.0, row_ms=0.042),
        limits={"n_bins": Limit(low=0, whole=True, words=(None,)), "alpha": POSITIVE},
        defaults={"n_bins": 0, "alpha": 0.1},
        space={
            "view": CategoricalDistribution(("standard", "whitened")),
            "n_bins": IntDistribution(5, 50),
            "alpha": FloatDistribution(0.01, 1.0, log=True),
        },
        train_scores=None,
        reference_rows=200_000,
    )
)

ECOD = DETECTORS.add(
    DetectorSpec(
        name="ecod",
        title="Empirical-cumulative-distribution-based outlier detection",
        family="statistical",
        method="marginal",
        alike="distributions per column",
        target=f"{_HERE}._tails:ECOD",
        paper="Li et al., ECOD: Unsupervised Outlier Detection Using Empirical CDFs, IEEE TKDE, 2022",
        summary="Rows in the far tails of their features' distributions.",
        capabilities=Capabilities(interpretability=0.9),
        cost=Cost(unit=0.0019, d_power=1.1, memory_mb=0.1, memory_d_power=0.0, row_ms=0.13),
        space={"view": CategoricalDistribution(("standard", "whitened", "trimmed"))},
    )
)

COPOD = DETECTORS.add(
    DetectorSpec(
        name="copod",
        title="Copula-based outlier detection",
        family="statistical",
        alike="distributions per column",
        target=f"{_HERE}._tails:COPOD",
        paper="Li et al., COPOD: Copula-Based Outlier Detection, ICDM, 2020",
        summary="Rows in the tails of their features' distributions on the side those lean to.",
        capabilities=Capabilities(interpretability=0.9),
        cost=Cost(unit=0.0019, d_power=1.1, memory_mb=0.1, memory_d_power=0.0, row_ms=0.13),
    )
)

GMM = DETECTORS.add(
    DetectorSpec(
        name="gmm",
        title="Gaussian mixture model",
        family="statistical",
        method="covariance",
        target=f"{_HERE}._densities:GaussianMixture",
        paper="Aggarwal, Outlier Analysis, 2nd ed., Springer, 2017, section 2.4",
        summary="Rows where a mixture of few Gaussians has little density.",
        capabilities=Capabilities(
            finds=frozenset({"global", "local", "dependency"}), interpretability=0.5, deterministic=False
        ),
        cost=Cost(
            unit=0.0059, score_share=0.07, d_power=1.3, memory_mb=0.35, factor=_components, iterates=True, row_ms=0.041
        ),
        limits={"n_components": COUNT, "min_share": FRACTION, "reg_covar": NOT_NEGATIVE},
        defaults={"n_components": 2, "covariance_type": "full"},
        space={
            "view": CategoricalDistribution(("standard", "ranks", "trimmed")),
            "n_components": IntDistribution(1, 10),
            "covariance_type": CategoricalDistribution(("full", "diag")),
            "reg_covar": FloatDistribution(1e-6, 1e-1, log=True),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=10_000,
    )
)

KDE = DETECTORS.add(
    DetectorSpec(
        name="kde",
        title="Kernel density estimation",
        family="statistical",
        target=f"{_HERE}._densities:KernelDensity",
        paper="Latecki, Lazarevic & Pokrajac, Outlier Detection with Kernel Density Functions, MLDM, 2007",
        summary="Rows where a Gaussian kernel density of the other rows is low.",
        capabilities=Capabilities(finds=frozenset({"global", "local"}), interpretability=0.5, gpu=True),
        cost=Cost(
            unit=0.0035, n_power=2.0, d_power=0.3, memory_mb=1.3, memory_d_power=0.0, memory_base_mb=6.9, row_ms=0.055
        ),
        limits={"bandwidth": POSITIVE},
        defaults={"bandwidth": 3.0},
        space={"view": CategoricalDistribution(VIEWS), "bandwidth": FloatDistribution(0.3, 6.0, log=True)},
        reference_rows=4_000,
        reference_pairs=500_000_000,
    )
)
