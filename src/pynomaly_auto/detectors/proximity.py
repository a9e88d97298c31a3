"""Detectors of this family: distances to neighbours, local densities, clusters and random subsets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._limits import COUNT, FRACTION, NOT_NEGATIVE, Limit
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec
from pynomaly_auto.detectors.views._views import COORDINATES, VIEWS

_HERE = "pynomaly_auto.detectors.estimators"
# Every row is compared with every reference row: 5,000 of them up to 200,000 rows, 1,000 at a million. More of these
# find no more (``python -m benchmarks.references``, decision 0023).
_REFERENCE_ROWS = 5_000
_REFERENCE_PAIRS = 1_000_000_000
_GLOBAL_AND_CLUSTER = Capabilities(finds=frozenset({"global", "cluster"}), interpretability=0.7, gpu=True)
_LOCAL = Capabilities(finds=frozenset({"local", "dependency"}), interpretability=0.5, gpu=True)


def _mean_factor(params: Mapping[str, Any]) -> float:
    return 0.4 + 0.6 * float(params["n_neighbors"]) / 100


def _largest_factor(params: Mapping[str, Any]) -> float:
    return 0.8 + 0.2 * float(params["n_neighbors"]) / 10


def _median_factor(params: Mapping[str, Any]) -> float:
    return 0.7 + 0.3 * float(params["n_neighbors"]) / 20


def _lof_factor(params: Mapping[str, Any]) -> float:
    return 0.6 + 0.4 * float(params["n_neighbors"]) / 40


def _cof_factor(params: Mapping[str, Any]) -> float:
    return (float(params["n_neighbors"]) / 40) ** 2


def _abod_factor(params: Mapping[str, Any]) -> float:
    return 0.5 + 0.5 * (float(params["n_neighbors"]) / 10) ** 2


def _inne_factor(params: Mapping[str, Any]) -> float:
    return float(params["n_estimators"]) / 100 * float(params["max_samples"]) / 8


def _sampling_factor(params: Mapping[str, Any]) -> float:
    return float(params["n_subsets"]) / 10 * float(params["subset_size"]) / 20


KNN = DETECTORS.add(
    DetectorSpec(
        name="knn",
        title="k nearest neighbours, distance to the farthest",
        family="proximity",
        method="neighbours",
        alike="nearest neighbours",
        target=f"{_HERE}._neighbours:NearestNeighbours",
        paper="Ramaswamy, Rastogi & Shim, Efficient Algorithms for Mining Outliers from Large Data Sets, SIGMOD, 2000",
        summary="Rows whose k-th nearest neighbour is far away.",
        capabilities=_GLOBAL_AND_CLUSTER,
        cost=Cost(
            row_ms=0.065,
            unit=0.01,
            score_share=0.6,
            n_power=1.4,
            d_power=0.3,
            memory_mb=0.44,
            memory_d_power=0.0,
            factor=_largest_factor,
        ),
        limits={"n_neighbors": COUNT, "p": Limit(low=1)},
        defaults={"n_neighbors": 10, "method": "largest"},
        space={"view": CategoricalDistribution(VIEWS), "n_neighbors": IntDistribution(3, 50)},
        reference_rows=_REFERENCE_ROWS,
        reference_pairs=_REFERENCE_PAIRS,
        neighbours_parameter="n_neighbors",
    )
)

KNN_MEAN = DETECTORS.add(
    DetectorSpec(
        name="knn_mean",
        title="k nearest neighbours, mean distance",
        family="proximity",
        method="neighbours",
        alike="nearest neighbours",
        target=f"{_HERE}._neighbours:NearestNeighbours",
        paper="Angiulli & Pizzuti, Fast Outlier Detection in High Dimensional Spaces, PKDD, 2002",
        summary="Rows whose nearest neighbours are far away on average.",
        capabilities=_GLOBAL_AND_CLUSTER,
        cost=Cost(
            row_ms=0.083,
            unit=0.028,
            score_share=0.6,
            n_power=1.3,
            d_power=0.3,
            memory_mb=3.5,
            memory_d_power=0.0,
            factor=_mean_factor,
        ),
        limits={"n_neighbors": COUNT, "p": Limit(low=1)},
        defaults={"n_neighbors": 100, "method": "mean"},
        space={"view": CategoricalDistribution(VIEWS), "n_neighbors": IntDistribution(5, 200, log=True)},
        reference_rows=_REFERENCE_ROWS,
        reference_pairs=_REFERENCE_PAIRS,
        neighbours_parameter="n_neighbors",
    )
)

KNN_MEDIAN = DETECTORS.add(
    DetectorSpec(
        name="knn_median",
        title="k nearest neighbours, median distance",
        family="proximity",
        method="neighbours",
        alike="nearest neighbours",
        target=f"{_HERE}._neighbours:NearestNeighbours",
        paper="Angiulli & Pizzuti, Fast Outlier Detection in High Dimensional Spaces, PKDD, 2002",
        summary="Rows half of whose nearest neighbours are far away.",
        capabilities=_GLOBAL_AND_CLUSTER,
        cost=Cost(
            row_ms=0.097,
            unit=0.013,
            score_share=0.6,
            n_power=1.4,
            d_power=0.3,
            memory_mb=0.78,
            memory_d_power=0.0,
            factor=_median_factor,
        ),
        limits={"n_neighbors": COUNT, "p": Limit(low=1)},
        defaults={"n_neighbors": 20, "method": "median"},
        space={"n_neighbors": IntDistribution(3, 100, log=True)},
        reference_rows=_REFERENCE_ROWS,
        reference_pairs=_REFERENCE_PAIRS,
        neighbours_parameter="n_neighbors",
    )
)

LOF = DETECTORS.add(
    DetectorSpec(
        name="lof",
        title="Local outlier factor",
        family="proximity",
        method="neighbours",
        alike="local density",
        target=f"{_HERE}._neighbours:LocalOutlierFactor",
        paper="Breunig et al., LOF: Identifying Density-Based Local Outliers, SIGMOD, 2000",
        summary="Rows in a thinner place than their neighbours.",
        capabilities=_LOCAL,
        cost=Cost(
            row_ms=0.11,
            unit=0.018,
            score_share=0.6,
            n_power=1.3,
            d_power=0.3,
            memory_mb=1.5,
            memory_d_power=0.0,
            factor=_lof_factor,
        ),
        limits={"n_neighbors": COUNT, "p": Limit(low=1)},
        defaults={"n_neighbors": 40},
        space={"view": CategoricalDistribution(VIEWS), "n_neighbors": IntDistribution(5, 100)},
        reference_rows=_REFERENCE_ROWS,
        reference_pairs=_REFERENCE_PAIRS,
        neighbours_parameter="n_neighbors",
    )
)

COF = DETECTORS.add(
    DetectorSpec(
        name="cof",
        title="Connectivity-based outlier factor",
        family="proximity",
        method="neighbours",
        alike="local density",
        target=f"{_HERE}._angles:ConnectivityOutlierFactor",
        paper="Tang et al., Enhancing Effectiveness of Outlier Detections for Low Density Patterns, PAKDD, 2002",
        summary="Rows that are joined to their neighbours by longer links than those among themselves.",
        capabilities=_LOCAL,
        cost=Cost(
            row_ms=0.51,
            unit=0.034,
            score_share=0.8,
            d_power=0.3,
            memory_mb=0.63,
            memory_d_power=0.0,
            memory_base_mb=11.0,
            factor=_cof_factor,
        ),
        limits={"n_neighbors": COUNT},
        defaults={"n_neighbors": 40},
        space={"n_neighbors": IntDistribution(5, 60)},
        reference_rows=2_000,
    )
)

ABOD = DETECTORS.add(
    DetectorSpec(
        name="abod",
        title="Angle-based outlier detection, fast version",
        family="proximity",
        method="neighbours",
        target=f"{_HERE}._angles:AngleBasedOutlierDetector",
        paper="Kriegel, Schubert & Zimek, Angle-Based Outlier Detection in High-Dimensional Data, KDD, 2008",
        summary="Rows that see all their neighbours in one direction.",
        capabilities=Capabilities(
            min_features=2, finds=frozenset({"global", "local", "dependency"}), interpretability=0.4, gpu=True
        ),
        cost=Cost(
            unit=0.011,
            score_share=0.6,
            d_power=0.3,
            memory_mb=1.3,
            memory_base_mb=1.7,
            factor=_abod_factor,
            row_ms=0.17,
        ),
        limits={"n_neighbors": COUNT},
        defaults={"n_neighbors": 10},
        space={"n_neighbors": IntDistribution(4, 40)},
        reference_rows=2_000,
    )
)

CBLOF = DETECTORS.add(
    DetectorSpec(
        name="cblof",
        title="Cluster-based local outlier factor",
        family="proximity",
        alike="clusters",
        target=f"{_HERE}._clusters:ClusterBasedLOF",
        paper="He, Xu & Deng, Discovering Cluster-Based Local Outliers, Pattern Recognition Letters 24(9-10), 2003",
        summary="Rows far from every large cluster.",
        capabilities=Capabilities(finds=frozenset({"global", "cluster"}), interpretability=0.6, deterministic=False),
        cost=Cost(unit=0.0021, score_share=0.05, d_power=0.5, memory_mb=0.27, iterates=True, row_ms=0.036),
        limits={"n_clusters": COUNT, "alpha": FRACTION, "beta": NOT_NEGATIVE},
        defaults={"n_clusters": 8, "alpha": 0.9, "beta": 5.0},
        space={
            "view": CategoricalDistribution(("standard", "ranks", "trimmed")),
            "n_clusters": IntDistribution(2, 30),
            "alpha": FloatDistribution(0.6, 0.98),
            "beta": FloatDistribution(2.0, 10.0),
        },
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=20_000,
    )
)

MINI_BATCH_KMEANS = DETECTORS.add(
    DetectorSpec(
        name="mini_batch_kmeans",
        title="Distance to the nearest mini-batch k-means centroid",
        family="proximity",
        alike="clusters",
        target=f"{_HERE}._clusters:ScaledCentroidDistance",
        paper="Sculley, Web-Scale K-Means Clustering, WWW, 2010",
        summary="Rows far from the nearest centroid, measured by the spread of its cluster.",
        capabilities=Capabilities(
            finds=frozenset({"global", "local", "cluster"}), interpretability=0.6, deterministic=False
        ),
        cost=Cost(unit=0.0045, score_share=0.1, n_power=0.7, d_power=0.3, memory_mb=0.24, iterates=True, row_ms=0.039),
        limits={"n_clusters": COUNT, "min_share": NOT_NEGATIVE},
        defaults={"n_clusters": 5, "min_share": 0.5},
        space={"n_clusters": IntDistribution(2, 40, log=True), "min_share": FloatDistribution(0.1, 0.9)},
        seed_parameter="random_state",
        train_scores=None,
        reference_rows=100_000,
    )
)

INNE = DETECTORS.add(
    DetectorSpec(
        name="inne",
        title="Isolation using nearest-neighbour ensembles",
        family="proximity",
        target=f"{_HERE}._subsamples:IsolationNearestNeighbour",
        paper="Bandaragoda et al., Isolation-Based Anomaly Detection Using Nearest-Neighbor Ensembles, 2018",
        summary="Rows outside the spheres that random rows span, or in a sphere much larger than its neighbour.",
        capabilities=Capabilities(finds=frozenset({"global", "local"}), interpretability=0.3, deterministic=False),
        cost=Cost(
            unit=0.008,
            d_power=0.1,
            memory_mb=0.1,
            memory_d_power=1.0,
            memory_base_mb=11.0,
            factor=_inne_factor,
            row_ms=0.056,
        ),
        limits={"n_estimators": COUNT, "max_samples": COUNT},
        defaults={"n_estimators": 100, "max_samples": 8},
        space={
            "view": CategoricalDistribution(COORDINATES),
            "n_estimators": IntDistribution(50, 200),
            "max_samples": CategoricalDistribution((2, 4, 8, 16, 32, 64)),
        },
        seed_parameter="random_state",
        train_scores=None,
    )
)

SAMPLING = DETECTORS.add(
    DetectorSpec(
        name="sampling",
        title="Distance to the nearest sampled row",
        family="proximity",
        target=f"{_HERE}._subsamples:SubsampleDistance",
        paper="Sugiyama & Borgwardt, Rapid Distance-Based Outlier Detection via Sampling, NIPS, 2013",
        summary="Rows far from every row of small random subsets.",
        capabilities=Capabilities(finds=frozenset({"global", "cluster"}), interpretability=0.5, deterministic=False),
        cost=Cost(
            row_ms=0.046,
            unit=0.002,
            d_power=0.3,
            memory_mb=0.1,
            memory_d_power=1.0,
            memory_base_mb=8.0,
            factor=_sampling_factor,
        ),
        limits={"subset_size": COUNT, "n_subsets": COUNT},
        defaults={"subset_size": 20, "n_subsets": 10},
        space={
            "view": CategoricalDistribution(COORDINATES),
            "subset_size": IntDistribution(5, 100, log=True),
            "n_subsets": IntDistribution(1, 20),
        },
        seed_parameter="random_state",
    )
)
