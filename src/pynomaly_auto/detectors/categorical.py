"""Detectors of this family: rare values and rare pairs of values, for tables with categories.

They read the original columns back out of the encoded rows, a level for each category and few bins for numbers
(`pynomaly_auto.detectors.estimators._levels`), and are left out of tables of numbers alone.
"""

from __future__ import annotations

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pynomaly_auto.detectors._catalogue import DETECTORS
from pynomaly_auto.detectors._limits import COUNT, FRACTION, POSITIVE
from pynomaly_auto.detectors._spec import Capabilities, Cost, DetectorSpec
from pynomaly_auto.detectors.estimators._categories import VARIANTS

_HERE = "pynomaly_auto.detectors.estimators._categories"

SPAD = DETECTORS.add(
    DetectorSpec(
        name="spad",
        title="Simple probabilistic anomaly detector (SPAD, SPAD+)",
        family="categorical",
        method="marginal",
        alike="distributions per column",
        target=f"{_HERE}:ValueSurprise",
        paper=(
            "Aryal, Ting & Haffari, Revisiting Attribute Independence Assumption in Probabilistic Unsupervised Anomaly "
            "Detection, PAISI, 2016"
        ),
        summary="Rows with rare values, in their columns or on the principal components.",
        capabilities=Capabilities(
            finds=frozenset({"global", "dependency"}), interpretability=0.8, needs_categories=True
        ),
        cost=Cost(unit=0.005, d_power=1.4, score_share=0.4, memory_mb=0.4, row_ms=0.34),
        defaults={"variant": "spad+"},
        space={"variant": CategoricalDistribution(VARIANTS)},
        train_scores=None,
        reference_rows=20_000,
    )
)

CBRW = DETECTORS.add(
    DetectorSpec(
        name="cbrw",
        title="Coupled biased random walks",
        family="categorical",
        target=f"{_HERE}:CoupledWalk",
        paper=(
            "Pang, Cao & Chen, Outlier Detection in Complex Categorical Data by Modelling the Feature Value Couplings, "
            "IJCAI, 2016"
        ),
        summary="Rows with rare values that go with other rare values.",
        capabilities=Capabilities(
            max_features=400, finds=frozenset({"global", "dependency"}), interpretability=0.7, needs_categories=True
        ),
        cost=Cost(
            unit=0.003, d_power=1.3, score_share=0.3, memory_mb=0.1, memory_base_mb=5.0, memory_d_power=2.0, row_ms=0.14
        ),
        limits={"damping": FRACTION},
        defaults={"damping": 0.95},
        space={"damping": FloatDistribution(0.5, 0.99)},
        train_scores=None,
        reference_rows=20_000,
    )
)

ZERO_PLUS_PLUS = DETECTORS.add(
    DetectorSpec(
        name="zero_plus_plus",
        title="Zero appearances in samples (ZERO++), in the mean over all samples",
        family="categorical",
        alike="pairs of values",
        target=f"{_HERE}:ZeroAppearances",
        paper=(
            "Pang, Ting, Albrecht & Jin, ZERO++: Harnessing the Power of Zero Appearances to Detect Anomalies in "
            "Large-Scale Data Sets, JAIR 57, 2016"
        ),
        summary="Rows whose pairs of values small samples of the rows do not hold.",
        capabilities=Capabilities(
            max_features=200, finds=frozenset({"global", "dependency"}), interpretability=0.6, needs_categories=True
        ),
        cost=Cost(
            unit=0.003, d_power=1.6, score_share=0.7, memory_mb=0.1, memory_base_mb=5.0, memory_d_power=2.0, row_ms=0.46
        ),
        limits={"size": COUNT},
        defaults={"size": 8},
        space={"size": IntDistribution(2, 64, log=True)},
        train_scores=None,
        reference_rows=20_000,
    )
)

PAIR_HISTOGRAMS = DETECTORS.add(
    DetectorSpec(
        name="pair_histograms",
        title="Histograms of pairs of columns",
        family="categorical",
        alike="pairs of values",
        target=f"{_HERE}:PairSurprise",
        paper=(
            "Goldstein & Dengel, Histogram-Based Outlier Score (HBOS), KI-2012 Poster and Demo Track, 2012; Das & "
            "Schneider, Detecting Anomalous Records in Categorical Datasets, KDD, 2007"
        ),
        summary="Rows with pairs of values that few rows share.",
        capabilities=Capabilities(
            max_features=200, finds=frozenset({"global", "dependency"}), interpretability=0.8, needs_categories=True
        ),
        cost=Cost(
            unit=0.003, d_power=1.6, score_share=0.7, memory_mb=0.1, memory_base_mb=5.0, memory_d_power=2.0, row_ms=0.42
        ),
        limits={"prior": POSITIVE},
        defaults={"prior": 1.0},
        space={"prior": FloatDistribution(0.01, 10.0, log=True)},
        train_scores=None,
        reference_rows=20_000,
    )
)

MIXED_KNN = DETECTORS.add(
    DetectorSpec(
        name="mixed_knn",
        title="k nearest neighbours by a distance of mixed columns (Gower, HVDM)",
        family="categorical",
        method="neighbours",
        target=f"{_HERE}:MixedNeighbours",
        paper=(
            "Gower, A General Coefficient of Similarity and Some of Its Properties, Biometrics 27(4), 1971; Wilson & "
            "Martinez, Improved Heterogeneous Distance Functions, JAIR 6, 1997"
        ),
        summary="Rows far from their nearest neighbours, categories differing or not, numbers by how much.",
        capabilities=Capabilities(
            finds=frozenset({"global", "cluster", "local"}), interpretability=0.6, needs_categories=True
        ),
        cost=Cost(unit=0.1, n_power=2.0, d_power=0.3, score_share=0.9, memory_mb=8.0, memory_d_power=0.0, row_ms=0.15),
        limits={"n_neighbors": COUNT},
        defaults={"n_neighbors": 5, "method": "largest"},
        space={"n_neighbors": IntDistribution(3, 100, log=True)},
        reference_rows=4_000,
        reference_pairs=100_000_000,
        neighbours_parameter="n_neighbors",
    )
)
