"""What is held of detectors before any knowledge base: strength with default parameters, in [0, 1]."""

from __future__ import annotations

from collections.abc import Mapping

from pynomaly_auto.knowledge import KnowledgeBase

SOURCE = (
    "the makers' grades: those of kNN (k = 100, .784), isolation forest (.774), MCD (.777) and fair-cut forest (.792) "
    "rest on their mean ROC-AUC over 43 classical ADBench tables, the others are judged, not measured"
)

# .9 leads, .7 upper third, .5 middle, .3 last; not a ROC-AUC.
STRENGTH: Mapping[str, float] = {
    "fair_cut_forest": 0.92, "knn_mean": 0.90, "extended_iforest": 0.87, "iforest": 0.85, "mcd": 0.84,
    "knn": 0.80, "knn_median": 0.80, "inne": 0.75, "cblof": 0.75, "deep_iforest": 0.72, "gmm": 0.72,
    "density_forest": 0.70, "hbos": 0.70, "ecod": 0.70, "copod": 0.68, "elliptic_envelope": 0.68, "pca": 0.68,
    "kde": 0.66, "ocsvm": 0.64, "mini_batch_kmeans": 0.62, "autoencoder": 0.62, "random_forest_residuals": 0.60,
    "ocsvm_nystroem": 0.58, "lof": 0.58, "sampling": 0.58, "loda": 0.56, "modified_zscore": 0.56, "zscore": 0.55,
    "factor_analysis": 0.55, "gradient_boosting_residuals": 0.55, "iqr": 0.52, "vae": 0.52, "abod": 0.50, "ica": 0.48,
    "svr_residuals": 0.45, "cof": 0.42, "grubbs": 0.40, "deep_svdd": 0.34, "gan": 0.30,
}  # fmt: skip
_DOCUMENTED = 20  # tables of one's own that weigh as much as the documented grade
UNKNOWN = 0.5  # a third party's detector: neither favoured nor held back

# One strong detector of each kind, whose plain mean no choice among detectors beats reliably: neighbours, isolation,
# covariance, density forest, marginals, random projections, sampling. ``python -m benchmarks.portfolio`` prints what
# it reaches beside its parts and beside other sets on the tables a knowledge base was measured on.
PORTFOLIO = ("knn_mean", "iforest", "mcd", "fair_cut_forest", "hbos", "loda", "sampling")

# Detectors that rank rows almost alike: trying a second one of a set adds little until other kinds were tried.
ALIKE = (
    frozenset({"knn", "knn_mean", "knn_median"}),
    frozenset({"mcd", "elliptic_envelope"}),
    frozenset({"zscore", "modified_zscore", "iqr", "grubbs"}),
    frozenset({"ecod", "copod", "hbos"}),
    frozenset({"iforest", "extended_iforest", "deep_iforest"}),
    frozenset({"fair_cut_forest", "density_forest"}),
    frozenset({"cblof", "mini_batch_kmeans"}),
    frozenset({"ocsvm", "ocsvm_nystroem"}),
    frozenset({"lof", "cof"}),
    frozenset({"pca", "factor_analysis", "ica"}),
    frozenset({"autoencoder", "vae"}),
)


def strengths(
    names: list[str], base: KnowledgeBase | None, documented: Mapping[str, float] = STRENGTH
) -> dict[str, float]:
    """Strength of each detector in [0, 1]: from the knowledge base's overall means where it knows it, else documented.

    Means of a base are laid onto the scale of the documented grades by their range, so that both can stand side by
    side in one ranking.
    """
    facts = {} if base is None else {n: base.manifest.detectors[n].mean for n in names if n in base.manifest.detectors}
    out = {name: documented.get(name, UNKNOWN) for name in names}
    if len(facts) >= 3:
        low, high = min(facts.values()), max(facts.values())
        for name, mean in facts.items():
            seen = base.manifest.detectors[name].tasks if base is not None else 0
            own = 0.3 + 0.6 * (mean - low) / max(high - low, 1e-9)
            # A mean over a dozen tables says less than the literature does over hundreds.
            out[name] += (own - out[name]) * seen / (seen + _DOCUMENTED)
    return out
