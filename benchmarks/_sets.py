"""Fixed sets of detectors whose plain means are hard to beat."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pynomaly_auto.regimes import CONTAMINATED

THREE = ("knn_mean", "iforest", "mcd")
FOUR = (*THREE, "fair_cut_forest")
TRIMMED = ("knn:trimmed", "pca:trimmed", "loda:trimmed", "mcd:trimmed", "kde:trimmed")  # detector and view
# One mean per kind of detector; kinds by what they call far, not by the module they live in.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "isolation trees": ("iforest", "extended_iforest"),
    "global distance": ("knn_mean", "knn"),
    "local density": ("lof", "inne"),
    "covariance": ("mcd", "pca"),
    "marginals": ("hbos", "ecod"),
    "density forests": ("fair_cut_forest", "density_forest"),
    "mixtures": ("gmm", "kde"),
}
MEANS: Mapping[str, tuple[str, ...]] = {
    "mean of kNN, IForest, MCD": THREE,
    "mean of kNN, IForest, MCD, fair-cut": FOUR,
    "mean of PORTFOLIO": CONTAMINATED.portfolio,
    "mean of trimmed kNN, PCA, LODA, MCD, KDE": TRIMMED,
}


def measured_options(description: str | None) -> argparse.Namespace:
    """Options of a command that reads tables and the parts measured on them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("source", type=Path)
    parser.add_argument("parts", type=Path)
    parser.add_argument("--max-rows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()
