"""Rules by number of rows and of features: the documents' recommendation matrix, size suitability, dimensionality."""

from __future__ import annotations

from pynomaly_auto.detectors import DetectorSpec
from pynomaly_auto.recommending.rules import Context, Effect, boost, counted, penalty, rule, veto

_MATRIX = "Autonomous Mode Guide, Algorithm Recommendation Matrix"
_SIZE = "Algorithm Rationale and Selection Guide, size_suitability"
_WIDTH = "Algorithm Rationale and Selection Guide, Dimensionality Impact"

_SMALL, _MEDIUM, _LARGE = 1_000, 10_000, 100_000


@rule("REC-101", criterion="data", source=_SIZE)
def small_table(spec: DetectorSpec, context: Context) -> Effect | None:
    """On fewer than 1,000 rows LOF, one-class SVM and covariance envelopes are recommended."""
    if context.rows >= _SMALL or spec.name not in {"lof", "ocsvm", "elliptic_envelope", "mcd", "knn", "knn_mean"}:
        return None
    return boost(0.15, f"well suited to small tables ({counted(context.rows)})", rows=context.rows)


@rule("REC-102", criterion="data", source=_SIZE)
def small_table_suitable(spec: DetectorSpec, context: Context) -> Effect | None:
    """On fewer than 1,000 rows isolation forests and z-scores are suitable."""
    if not 100 <= context.rows < _SMALL or spec.name not in {
        "iforest",
        "extended_iforest",
        "zscore",
        "modified_zscore",
    }:
        return None
    return boost(0.05, f"suitable for small tables ({counted(context.rows)})", rows=context.rows)


@rule("REC-103", criterion="data", source=_SIZE)
def small_table_deep(spec: DetectorSpec, context: Context) -> Effect | None:
    """Neural networks are to be avoided on small tables."""
    if spec.family != "neural" or context.rows >= _SMALL:
        return None
    if context.rows < 300:
        return veto(f"left out: a neural network cannot learn from {counted(context.rows)}", rows=context.rows)
    return penalty(0.3, f"neural networks do badly on small tables ({counted(context.rows)})", rows=context.rows)


@rule("REC-104", criterion="data", source="Algorithm Rationale and Selection Guide, isolation_forest_rationale")
def tiny_table_forest(spec: DetectorSpec, context: Context) -> Effect | None:
    """Isolation forests are less effective on fewer than 100 rows."""
    if spec.method != "forest" or context.rows >= 100:
        return None
    return penalty(0.2, f"forests are less effective on {counted(context.rows)}", rows=context.rows)


@rule("REC-105", criterion="data", source=_SIZE)
def medium_table(spec: DetectorSpec, context: Context) -> Effect | None:
    """From 1,000 to 10,000 rows isolation forests, LOF and random forests are recommended."""
    named = spec.method == "forest" or spec.name in {"lof", "random_forest_residuals"}
    if not (_SMALL <= context.rows < _MEDIUM and named):
        return None
    return boost(0.12, f"well suited to medium tables ({counted(context.rows)})", rows=context.rows)


@rule("REC-106", criterion="data", source=_SIZE)
def medium_table_suitable(spec: DetectorSpec, context: Context) -> Effect | None:
    """From 1,000 to 10,000 rows one-class SVM, autoencoder and PCA are suitable."""
    if not _SMALL <= context.rows < _MEDIUM or spec.name not in {"ocsvm", "autoencoder", "pca"}:
        return None
    return boost(0.05, f"suitable for medium tables ({counted(context.rows)})", rows=context.rows)


@rule("REC-107", criterion="data", source=_SIZE)
def large_table(spec: DetectorSpec, context: Context) -> Effect | None:
    """From 10,000 rows on isolation forests and autoencoders are recommended, ensembles of trees suitable."""
    if context.rows < _MEDIUM:
        return None
    if spec.method == "forest" or spec.name == "autoencoder":
        return boost(0.15, f"well suited to large tables ({counted(context.rows)})", rows=context.rows)
    if spec.name in {"random_forest_residuals", "gradient_boosting_residuals"} and context.rows < _LARGE:
        return boost(0.05, f"suitable for large tables ({counted(context.rows)})", rows=context.rows)
    return None


@rule("REC-108", criterion="data", source=_SIZE)
def large_table_exact(spec: DetectorSpec, context: Context) -> Effect | None:
    """From 10,000 rows on LOF and exact one-class SVM are to be avoided; on a reference sample less so."""
    if context.rows < _MEDIUM or spec.name not in {"lof", "ocsvm", "cof", "abod", "kde"}:
        return None
    amount = 0.1 if spec.reference_rows else 0.25
    basis = f", fitted on {counted(spec.reference_rows)} of them" if spec.reference_rows else ""
    text = f"scales badly to {counted(context.rows)}{basis}"
    return penalty(amount, text, rows=context.rows, reference_rows=spec.reference_rows)


@rule("REC-109", criterion="data", source=_MATRIX)
def very_large_table(spec: DetectorSpec, context: Context) -> Effect | None:
    """From 100,000 rows on mini-batch k-means, kNN on a reference sample and histograms are suitable."""
    named = {"mini_batch_kmeans", "hbos", "ecod", "loda", "sampling", "inne"}
    if context.rows < _LARGE:
        return None
    if spec.name in named or (spec.name.startswith("knn") and spec.reference_rows):
        return boost(0.1, f"cheap enough for {counted(context.rows)}", rows=context.rows, cost=spec.cost.label)
    return None


@rule("REC-110", criterion="data", source=_SIZE)
def quadratic_on_very_large(spec: DetectorSpec, context: Context) -> Effect | None:
    """Detectors whose cost grows with the square of the rows are left out from 100,000 rows on."""
    if context.rows < _LARGE or spec.cost.n_power < 1.8 or spec.reference_rows:
        return None
    return veto(f"left out: {counted(context.rows)}, cost {spec.cost.label}", rows=context.rows, cost=spec.cost.label)


@rule("REC-111", criterion="data", source="the detector's declared capabilities")
def declared_rows(spec: DetectorSpec, context: Context) -> Effect | None:
    """A detector that declares a greatest number of rows is left out beyond it."""
    most = spec.capabilities.max_rows
    if most is None or context.rows <= most:
        return None
    return veto(f"left out: {counted(context.rows)}, worth trying up to {counted(most)}", rows=context.rows, most=most)


@rule("REC-112", criterion="data", source="the detector's declared capabilities")
def declared_features(spec: DetectorSpec, context: Context) -> Effect | None:
    """A detector that declares a greatest number of features is left out beyond it."""
    most = spec.capabilities.max_features
    if most is None or context.features <= most:
        return None
    return veto(
        f"left out: {counted(context.features, 'features')}, worth trying up to {counted(most, 'features')}",
        features=context.features,
        most=most,
    )


@rule("REC-113", criterion="data", source="Rousseeuw and Van Driessen (1999): MCD wants n > 5 d")
def rows_per_feature(spec: DetectorSpec, context: Context) -> Effect | None:
    """Covariance estimates need several rows per feature."""
    if spec.method != "covariance" or context.rows > 5 * context.features:
        return None
    numbers = f"{counted(context.rows)} for {counted(context.features, 'features')}"
    if context.rows <= context.features + 1:
        text = f"left out: {numbers}, no covariance can be estimated"
        return veto(text, rows=context.rows, features=context.features)
    return penalty(0.25, f"few rows per feature: {numbers}", rows=context.rows, features=context.features)


@rule("REC-121", criterion="data", source=_WIDTH)
def low_dimensional(spec: DetectorSpec, context: Context) -> Effect | None:
    """Up to 10 features LOF, one-class SVM and statistical methods are recommended."""
    if context.features > 10:
        return None
    if spec.name in {"lof", "ocsvm", "ocsvm_nystroem"} or spec.family == "statistical":
        return boost(0.1, f"does well on few features ({context.features})", features=context.features)
    return None


@rule("REC-122", criterion="data", source=_WIDTH)
def medium_dimensional(spec: DetectorSpec, context: Context) -> Effect | None:
    """From 11 to 100 features isolation forests, PCA and autoencoders are recommended."""
    if not (10 < context.features <= 100 and (spec.method == "forest" or spec.name in {"pca", "autoencoder"})):
        return None
    return boost(0.1, f"does well on {context.features} features", features=context.features)


@rule("REC-123", criterion="data", source=_WIDTH)
def high_dimensional(spec: DetectorSpec, context: Context) -> Effect | None:
    """Beyond 100 features autoencoders, PCA and other projections are recommended."""
    named = {"autoencoder", "vae", "pca", "loda", "deep_iforest", "deep_svdd", "factor_analysis"}
    if context.features <= 100 or spec.name not in named:
        return None
    return boost(0.15, f"reduces {context.features} features to few", features=context.features)


@rule("REC-124", criterion="data", source="Algorithm Rationale and Selection Guide, lof_rationale; Beyer et al. (1999)")
def distances_concentrate(spec: DetectorSpec, context: Context) -> Effect | None:
    """Beyond 50 features neighbour and kernel distances concentrate; local densities suffer most."""
    if context.features <= 50 or not (spec.method == "neighbours" or spec.name in {"kde", "cblof", "gmm"}):
        return None
    amount = 0.2 if spec.name in {"lof", "cof", "abod", "kde"} else 0.08
    return penalty(amount, f"distances concentrate in {context.features} dimensions", features=context.features)


@rule("REC-125", criterion="data", source=_WIDTH)
def very_high_dimensional(spec: DetectorSpec, context: Context) -> Effect | None:
    """Beyond 1,000 features one model per feature or a full covariance costs too much."""
    if context.features <= 1000:
        return None
    if spec.family == "regression":
        return veto(f"left out: one model for each of {context.features:,} features", features=context.features)
    if spec.method == "covariance":
        text = f"a covariance of {context.features:,} features is hard to estimate"
        return penalty(0.25, text, features=context.features)
    return None


@rule("REC-126", criterion="data", source=_WIDTH)
def single_feature(spec: DetectorSpec, context: Context) -> Effect | None:
    """With one or two features there is little to project or to regress on."""
    if context.features > 2 or not (spec.family in {"regression", "neural"} or spec.name in {"pca", "ica", "copod"}):
        return None
    return penalty(0.2, f"only {counted(context.features, 'feature(s)')} to relate", features=context.features)
