"""The usual regime: some of the training rows are anomalies, nobody knows which."""

from __future__ import annotations

from collections.abc import Mapping

from pynomaly_auto.regimes._catalogue import REGIMES
from pynomaly_auto.regimes._regime import Leaning, Regime

_SOURCE = (
    "the makers' grades: those of kNN (k = 100, .784), isolation forest (.774), MCD (.777) and fair-cut forest (.792) "
    "rest on their mean ROC-AUC over 43 classical ADBench tables, the others are judged, not measured"
)

# .9 leads, .7 upper third, .5 middle, .3 last; not a ROC-AUC.
_STRENGTH: Mapping[str, float] = {
    "fair_cut_forest": 0.92, "knn_mean": 0.90, "extended_iforest": 0.87, "iforest": 0.85, "mcd": 0.84,
    "knn": 0.80, "knn_median": 0.80, "inne": 0.75, "cblof": 0.75, "deep_iforest": 0.72, "gmm": 0.72,
    "density_forest": 0.70, "hbos": 0.70, "ecod": 0.70, "copod": 0.68, "elliptic_envelope": 0.68, "pca": 0.68,
    "kde": 0.66, "ocsvm": 0.64, "mini_batch_kmeans": 0.62, "autoencoder": 0.62, "random_forest_residuals": 0.60,
    "ocsvm_nystroem": 0.58, "lof": 0.58, "sampling": 0.58, "loda": 0.56, "modified_zscore": 0.56, "zscore": 0.55,
    "factor_analysis": 0.55, "gradient_boosting_residuals": 0.55, "iqr": 0.52, "vae": 0.52, "abod": 0.50, "ica": 0.48,
    "svr_residuals": 0.45, "cof": 0.42, "grubbs": 0.40, "deep_svdd": 0.34, "gan": 0.30,
    "mixed_knn": 0.68, "spad": 0.62, "cbrw": 0.60, "pair_histograms": 0.58, "zero_plus_plus": 0.58,
}  # fmt: skip

# One strong detector of each kind, whose plain mean no choice among detectors beats reliably: neighbours, isolation,
# covariance, density forest, marginals, random projections, sampling. ``python -m benchmarks.portfolio`` prints what
# it reaches beside its parts and beside other sets on the tables a knowledge base was measured on.
_PORTFOLIO = ("knn_mean", "iforest", "mcd", "fair_cut_forest", "hbos", "loda", "sampling")

CONTAMINATED = REGIMES.add(
    Regime(
        name="contaminated",
        summary="Some of the training rows are anomalies.",
        strength=_STRENGTH,
        strength_source=_SOURCE,
        portfolio=_PORTFOLIO,
        disfavoured=Leaning(
            detectors=frozenset({"gan", "deep_svdd"}),
            why="trains unstably on contaminated rows",
        ),
        combiner="robust mean",
        weights="by strength",
        tail="bounded",
        threshold="share of anomalies",
        asks_knowledge_base=True,
        remembers_rows=True,
        heeds_labels=True,
        watches_constants=False,
        judged="rows fitted on",
    )
)
