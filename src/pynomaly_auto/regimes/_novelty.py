"""One-class detection: the training rows are all normal, and later rows are judged.

Measured by `pynomaly_auto.building` with ``protocol="novelty"`` on 150 tables of the suites uci, OddBench and OvRBench,
one per group; docs/decisions/0009-novelty.md tells what was compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from pynomaly_auto.records import Configuration
from pynomaly_auto.regimes._catalogue import REGIMES
from pynomaly_auto.regimes._contaminated import CONTAMINATED
from pynomaly_auto.regimes._regime import Leaning, Regime

# Few neighbours, as every training row can be relied on: in the rows as they are (half of the members), as ranks,
# and whitened; and the density along random projections.
_MEMBERS: tuple[Configuration, ...] = (
    Configuration(detector="knn", params={"n_neighbors": 1}),
    Configuration(detector="abod", params={"n_neighbors": 10}),
    Configuration(detector="knn_mean", params={"n_neighbors": 3, "view": "ranks"}),
    Configuration(detector="abod", params={"n_neighbors": 5, "view": "whitened"}),
    Configuration(detector="loda", params={"view": "ranks"}),
    Configuration(detector="knn_mean", params={"n_neighbors": 3}),
    Configuration(detector="kde", params={"bandwidth": 0.5}),
    Configuration(detector="lof", params={"n_neighbors": 10}),
    Configuration(detector="abod", params={"n_neighbors": 5, "view": "ranks"}),
    Configuration(detector="knn_mean", params={"n_neighbors": 3, "view": "whitened"}),
)

# Mean ROC-AUC of the default parameters on those tables, laid onto the scale of the documented grades.
_MEASURED: Mapping[str, float] = {
    "abod": 0.90, "loda": 0.88, "ecod": 0.78, "hbos": 0.76, "extended_iforest": 0.75, "knn": 0.75,
    "knn_median": 0.74, "ocsvm": 0.74, "inne": 0.74, "iforest": 0.73, "pca": 0.72, "ocsvm_nystroem": 0.72,
    "factor_analysis": 0.71, "knn_mean": 0.70, "cblof": 0.70, "sampling": 0.69, "mini_batch_kmeans": 0.68, "lof": 0.68,
    "ica": 0.68, "kde": 0.67, "copod": 0.66, "gmm": 0.65, "mcd": 0.60, "zscore": 0.59, "elliptic_envelope": 0.58,
    "fair_cut_forest": 0.40, "density_forest": 0.30,
}  # fmt: skip

_SOURCE = "their mean ROC-AUC when trained on normal rows, over 150 tables, and documented grades where not measured"

NOVELTY = REGIMES.add(
    Regime(
        name="novelty",
        summary="All training rows are normal; later rows are judged.",
        strength={**CONTAMINATED.strength, **_MEASURED},
        strength_source=_SOURCE,
        portfolio=tuple(dict.fromkeys(c.detector for c in _MEMBERS)),
        members=_MEMBERS,
        favoured=Leaning(
            detectors=frozenset({"knn", "knn_mean", "knn_median", "lof", "ocsvm", "kde", "inne", "autoencoder"}),
            why="does best when trained on normal rows only",
        ),
        combiner="stronger half",
        weights="equal",
        tail="exponential",
        threshold="false alarms",
        asks_knowledge_base=False,
        unasked="it was measured on tables fitted on anomalies and all, these rows are taken as normal",
        remembers_rows=False,
        heeds_labels=False,
        watches_constants=True,
        judged="held-out rows",
    )
)
