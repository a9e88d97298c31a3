"""Detectors built of trees and random cuts: how quickly does chance set a row apart?"""

from collections.abc import Mapping
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._limits import COUNT, FLAG, FRACTION, SHARE_OR_COUNT, Limit, one_of
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec

# Of isotree, whose own checks speak of its constructor.
_ISOTREE = {
    "ntrees": COUNT,
    "sample_size": SHARE_OR_COUNT,
    "ndim": COUNT,
    "ntry": COUNT,
    "max_depth": Limit(low=1, whole=True, words=(None, "auto")),
    "prob_pick_pooled_gain": FRACTION,
    "penalize_range": FLAG,
    "coefs": one_of("normal", "uniform"),
}


def _iforest_work(params: Mapping[str, Any]) -> float:
    return float(params["n_estimators"]) / 500


def _loda_work(params: Mapping[str, Any]) -> float:
    return float(params["n_projections"]) / 100


def _isotree_work(params: Mapping[str, Any]) -> float:
    # The penalty for range can only be scored by the whole forest at once, which is slower.
    return float(params["ntrees"]) / 200 * (5.0 if params.get("penalize_range") else 1.0)


DETECTORS.add(
    DetectorSpec(
        name="iforest",
        title="Isolation forest",
        family="trees",
        method="forest",
        alike="isolation",
        target="pynomaly_auto.detectors.estimators._isolation:SampledIsolationForest",
        paper="F. T. Liu, K. M. Ting, Z.-H. Zhou: Isolation Forest. ICDM 2008.",
        summary="Rows that few random axis-parallel splits set apart from all others.",
        cost=Cost(
            row_ms=0.18,
            unit=0.016,
            base=0.3,
            d_power=0.0,
            memory_mb=0.1,
            memory_base_mb=20.0,
            factor=_iforest_work,
        ),
        capabilities=Capabilities(finds=frozenset({"global", "cluster"}), interpretability=0.5, deterministic=False),
        limits={
            "n_estimators": COUNT,
            "max_samples": Limit(share=True, words=("auto",)),
            "max_features": SHARE_OR_COUNT,
            "bootstrap": FLAG,
        },
        defaults={"n_estimators": 500, "max_samples": 512},
        space={
            "view": CategoricalDistribution(("standard", "whitened")),
            "n_estimators": IntDistribution(50, 500, step=50),
            "max_samples": CategoricalDistribution((64, 128, 256, 512, 1024)),
            "max_features": FloatDistribution(0.3, 1.0),
            "bootstrap": CategoricalDistribution((False, True)),
        },
        seed_parameter="random_state",
        train_scores=None,
    )
)

DETECTORS.add(
    DetectorSpec(
        name="extended_iforest",
        title="Extended isolation forest",
        family="trees",
        method="forest",
        alike="isolation",
        target="pynomaly_auto.detectors.estimators._isolation:IsotreeForest",
        paper="S. Hariri, M. Carrasco Kind, R. J. Brunner: Extended Isolation Forest. IEEE TKDE 33(4), 2021.",
        summary="Rows that few random splits by sloping hyperplanes set apart from all others.",
        cost=Cost(
            unit=0.01, base=0.02, d_power=0.0, memory_mb=0.1, memory_base_mb=10.0, factor=_isotree_work, row_ms=0.25
        ),
        capabilities=Capabilities(finds=frozenset({"global", "cluster"}), interpretability=0.3, deterministic=False),
        limits=_ISOTREE,
        defaults={"ntrees": 200, "sample_size": 256, "ndim": 2, "max_depth": "auto", "coefs": "normal"},
        space={
            "ntrees": IntDistribution(100, 500, step=50),
            "sample_size": CategoricalDistribution((64, 128, 256, 512, 1024)),
            "ndim": IntDistribution(2, 5),
            "coefs": CategoricalDistribution(("normal", "uniform")),
        },
        seed_parameter="random_seed",
        train_scores=None,
        extra="isotree",
    )
)

# ndim, coefs, ntrees and pooled gain are those of isotree's documentation for "FCF"; among its variants (ndim of 1 or
# 2, samples of 32 to all rows, penalised ranges) they were also the best compromise on the shared tables.
DETECTORS.add(
    DetectorSpec(
        name="fair_cut_forest",
        title="Fair-cut forest",
        family="trees",
        method="forest",
        alike="density forests",
        target="pynomaly_auto.detectors.estimators._isolation:IsotreeForest",
        paper="D. Cortes: Revisiting randomized choices in isolation forests. arXiv:2110.13402, 2021.",
        summary="Rows that few splits set apart when each split is where it gains most pooled variance.",
        cost=Cost(
            unit=0.021, base=0.055, d_power=0.0, memory_mb=0.1, memory_base_mb=10.0, factor=_isotree_work, row_ms=0.46
        ),
        capabilities=Capabilities(
            finds=frozenset({"global", "local", "cluster"}), interpretability=0.3, deterministic=False
        ),
        limits=_ISOTREE,
        defaults={
            "ntrees": 200,
            "sample_size": 256,
            "ndim": 2,
            "max_depth": None,
            "ntry": 1,
            "prob_pick_pooled_gain": 1.0,
            "coefs": "normal",
        },
        space={
            "ntrees": IntDistribution(100, 500, step=50),
            "sample_size": CategoricalDistribution((32, 64, 256, 1024)),
            "ndim": IntDistribution(1, 3),
            "prob_pick_pooled_gain": FloatDistribution(0.5, 1.0),
            "penalize_range": CategoricalDistribution((False, True)),
        },
        seed_parameter="random_seed",
        train_scores=None,
        extra="isotree",
    )
)

DETECTORS.add(
    DetectorSpec(
        name="density_forest",
        title="Isolation forest scored by density",
        family="trees",
        method="forest",
        alike="density forests",
        target="pynomaly_auto.detectors.estimators._isolation:IsotreeForest",
        paper="D. Cortes: Isolation forests: looking beyond tree depth. arXiv:2111.11639, 2021.",
        summary="Rows in the leaves of random trees that hold few rows for the room they take.",
        cost=Cost(
            row_ms=0.27,
            unit=0.013,
            base=0.025,
            d_power=0.0,
            memory_mb=0.1,
            memory_base_mb=10.0,
            factor=_isotree_work,
        ),
        capabilities=Capabilities(
            finds=frozenset({"global", "local", "cluster"}), interpretability=0.4, deterministic=False
        ),
        limits={**_ISOTREE, "penalize_range": one_of(False)},  # of depths only
        defaults={"ntrees": 300, "sample_size": 256, "ndim": 1, "max_depth": None, "scoring_metric": "density"},
        space={
            "ntrees": IntDistribution(100, 600, step=50),
            "sample_size": CategoricalDistribution((64, 128, 256, 512, 1024)),
            "scoring_metric": CategoricalDistribution(("density", "adj_density")),
        },
        seed_parameter="random_seed",
        train_scores=None,
        extra="isotree",
    )
)

DETECTORS.add(
    DetectorSpec(
        name="loda",
        title="Lightweight on-line detector of anomalies",
        family="trees",
        target="pynomaly_auto.detectors.estimators._isolation:Loda",
        paper="T. Pevný: Loda: Lightweight on-line detector of anomalies. Machine Learning 102(2), 2016.",
        summary="Rows in the thin parts of histograms over many sparse random projections.",
        cost=Cost(
            row_ms=0.069,
            unit=0.001,
            base=0.004,
            d_power=0.1,
            score_share=1.0,
            memory_mb=1.0,
            memory_d_power=0.3,
            factor=_loda_work,
        ),
        capabilities=Capabilities(interpretability=0.5, deterministic=False),
        limits={"n_projections": COUNT, "n_bins": COUNT},
        defaults={"n_projections": 100, "n_bins": 20},
        space={
            "view": CategoricalDistribution(("standard", "ranks", "trimmed")),
            "n_projections": IntDistribution(50, 500, step=50),
            "n_bins": IntDistribution(5, 50),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=50_000,
    )
)
