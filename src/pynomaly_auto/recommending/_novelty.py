"""What is held of detectors whose training rows are all normal: members of the ensemble, and strengths.

Measured by `pynomaly_auto.building` with ``protocol="novelty"`` on 150 tables of the suites uci, OddBench and OvRBench,
one per group; docs/decisions/0009-novelty.md tells what was compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pynomaly_auto.recommending._prior import STRENGTH
from pynomaly_auto.records import Candidate, Configuration, Reason
from pynomaly_auto.settings import Settings

# Few neighbours, as every training row can be relied on: in the rows as they are (half of the members), as ranks,
# and whitened; and the density along random projections.
MEMBERS: tuple[Configuration, ...] = (
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
NOVELTY_STRENGTH: Mapping[str, float] = {**STRENGTH, **_MEASURED}
SOURCE = "their mean ROC-AUC when trained on normal rows, over 150 tables, and documented grades where not measured"


def members(names: Iterable[str], settings: Settings) -> tuple[Configuration, ...]:
    """The members that can be used, with the parameters the user has fixed; none where accuracy does not come first."""
    usable, fixed = set(names), settings.overrides.params
    wanted = (c.fixing(fixed.get(c.detector, {})) for c in MEMBERS if c.detector in usable)
    return tuple(dict.fromkeys(wanted))


def first_params(candidates: list[Candidate], chosen: tuple[Configuration, ...]) -> list[Candidate]:
    """The candidates, those of members with the parameters of their first member."""
    from dataclasses import replace

    firsts: dict[str, Any] = {}
    for configuration in chosen:
        firsts.setdefault(configuration.detector, configuration.params)
    return [replace(c, params=firsts[c.detector]) if c.detector in firsts else c for c in candidates]


def reasons(chosen: tuple[Configuration, ...]) -> tuple[Reason, ...]:
    """Why the knowledge base is not asked, and what is combined instead."""
    apart = Reason(
        code="REC-017",
        subject="knowledge base",
        text="not asked: it was measured on tables fitted on anomalies and all, these rows are taken as normal",
    )
    if not chosen:
        return (apart,)
    said = "; ".join(f"{c.detector} ({', '.join(f'{k}={v}' for k, v in c.params.items())})" for c in chosen)
    text = f"tried first and combined, as the training rows are normal: {said}"
    combined = Reason(code="REC-006", subject="portfolio", text=text, evidence={"members": len(chosen), "params": said})
    return (apart, combined)
