"""Rules by how clean the table is and how its columns are distributed."""

from __future__ import annotations

from pynomaly_auto.detectors import DetectorSpec
from pynomaly_auto.recommending.rules import Context, Effect, boost, penalty, rule, veto

_GUIDE = "Algorithm Rationale and Selection Guide"


@rule("REC-141", criterion="data", source="Autonomous Mode Guide, quality-based rules: noise > 0.3")
def noisy_forest(spec: DetectorSpec, context: Context) -> Effect | None:
    """On noisy tables isolation forests are favoured."""
    noise = context.profile.quality.noise
    if noise <= 0.3 or not (spec.method == "forest" or spec.name in {"knn_mean", "hbos"}):
        return None
    return boost(0.1, f"tolerates noise ({noise:.0%} noise)", noise=round(noise, 3))


@rule("REC-142", criterion="data", source=f"{_GUIDE}, lof_rationale: sensitive to parameter choices")
def noisy_local(spec: DetectorSpec, context: Context) -> Effect | None:
    """On noisy tables densities from few neighbours are unreliable."""
    noise = context.profile.quality.noise
    if noise <= 0.3 or spec.name not in {"lof", "cof", "abod", "knn", "svr_residuals"}:
        return None
    return penalty(0.1, f"relies on few neighbours, which noise misplaces ({noise:.0%} noise)", noise=round(noise, 3))


@rule("REC-143", criterion="data", source="Hampel (1974); Barnett and Lewis (1994): masking")
def masking(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where many cells lie far out, estimates without robustness are masked by them."""
    share = context.profile.quality.outliers
    if share <= 0.1:
        return None
    if spec.name in {"zscore", "grubbs", "pca", "factor_analysis"}:
        return penalty(0.12, f"{share:.0%} of the cells lie far out and mask each other", outliers=round(share, 3))
    if spec.name in {"mcd", "modified_zscore", "iqr"}:
        return boost(0.08, f"robust against the {share:.0%} of cells that lie far out", outliers=round(share, 3))
    return None


@rule(
    "REC-144",
    criterion="data",
    source="Zemicheal and Dietterich (2019), Anomaly detection in the presence of missing values",
)
def gaps(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where many cells are missing, imputed values distort covariances; trees stand it."""
    share = context.profile.quality.missing
    if share <= 0.15:
        return None
    if spec.method == "forest" or spec.name in {"ecod", "hbos", "random_forest_residuals"}:
        return boost(0.08, f"stands the {share:.0%} of missing cells", missing=round(share, 3))
    if spec.name in {"mcd", "elliptic_envelope", "gmm", "ica", "kde"}:
        return penalty(0.1, f"{share:.0%} of the cells are imputed", missing=round(share, 3))
    return None


@rule("REC-145", criterion="data", source="Breunig et al. (2000), section 3: duplicates make local densities infinite")
def repeated_rows(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where many rows are repeated, local densities become infinite."""
    share = context.profile.quality.duplicates
    if share <= 0.2 or spec.name not in {"lof", "cof", "abod", "inne"}:
        return None
    return penalty(0.2, f"{share:.0%} of the rows are repeated: local densities break down", duplicates=round(share, 3))


@rule("REC-151", criterion="data", source=f"{_GUIDE}, Statistical Methods: well-understood distributions")
def gaussian(spec: DetectorSpec, context: Context) -> Effect | None:
    """Mostly Gaussian features favour Gaussian models."""
    share = context.share(context.profile.distributions.gaussian)
    if share < 0.6 or spec.name not in {"mcd", "elliptic_envelope", "gmm", "zscore", "pca", "factor_analysis"}:
        return None
    return boost(0.12, f"{share:.0%} of the features are Gaussian", gaussian=round(share, 3))


@rule("REC-152", criterion="data", source="Li et al. (2022), ECOD; Tukey (1977)")
def skewed(spec: DetectorSpec, context: Context) -> Effect | None:
    """Skewed or heavy-tailed features favour empirical tails over Gaussian models."""
    shapes = context.profile.distributions
    share = context.share(max(shapes.skewed, shapes.heavy_tailed))
    if share < 0.5:
        return None
    if spec.name in {"ecod", "copod", "hbos", "iforest", "extended_iforest"}:
        return boost(0.06, f"assumes no shape, {share:.0%} of the features are skewed", skewed=round(share, 3))
    if spec.name in {"zscore", "grubbs", "elliptic_envelope"}:
        return penalty(0.1, f"assumes a Gaussian shape, {share:.0%} of the features are skewed", skewed=round(share, 3))
    return None


@rule(
    "REC-153",
    criterion="data",
    source="Pang, Cao and Chen (2021), Homophily outlier detection in non-IID categorical data",
)
def discrete(spec: DetectorSpec, context: Context) -> Effect | None:
    """Mostly discrete features favour histograms and trees over smooth densities."""
    share = context.share(context.profile.distributions.discrete)
    if share < 0.5:
        return None
    named = {"hbos", "ecod", "random_forest_residuals", "gradient_boosting_residuals"}
    if spec.method == "forest" or spec.name in named:
        return boost(0.08, f"copes with discrete features ({share:.0%} of them are)", discrete=round(share, 3))
    if spec.name in {"kde", "gmm", "elliptic_envelope", "mcd", "abod"}:
        return penalty(
            0.12, f"assumes smooth values, but {share:.0%} of the features are discrete", discrete=round(share, 3)
        )
    return None


@rule("REC-154", criterion="data", source=f"{_GUIDE}, random_forest_rationale: mixed data types")
def mixed_types(spec: DetectorSpec, context: Context) -> Effect | None:
    """Numeric and categorical columns together favour trees."""
    types = context.profile.types
    words = sum(types.get(kind, 0) for kind in ("categorical", "high_cardinality", "boolean", "text"))
    numbers = types.get("numeric", 0)
    if words < 1 or numbers < 1 or words / (words + numbers) < 0.2:
        return None
    if spec.method == "forest" or spec.name in {"random_forest_residuals", "gradient_boosting_residuals"}:
        return boost(
            0.06, f"handles mixed types ({numbers} numeric, {words} other columns)", numeric=numbers, other=words
        )
    return None


@rule(
    "REC-156",
    criterion="data",
    source="Taha and Hadi, Anomaly Detection Methods for Categorical Data, ACM CSUR 52, 2019",
)
def no_categories(spec: DetectorSpec, context: Context) -> Effect | None:
    """Detectors of rare values are left out where no column is a category: numbers in bins say less than themselves."""
    types = context.profile.types
    words = sum(types.get(kind, 0) for kind in ("categorical", "high_cardinality", "text"))
    if not spec.capabilities.needs_categories or words:
        return None
    return veto("looks for rare values, and no column is a category", categories=0)


@rule("REC-155", criterion="data", source="Goldstein and Dengel (2012), HBOS")
def uniform(spec: DetectorSpec, context: Context) -> Effect | None:
    """Uniform features have no tails: detectors that look for tails of single columns find nothing there."""
    share = context.share(context.profile.distributions.uniform)
    if share < 0.5 or spec.name not in {"ecod", "copod", "zscore", "modified_zscore", "iqr", "grubbs"}:
        return None
    return penalty(0.12, f"{share:.0%} of the features are uniform and have no tails", uniform=round(share, 3))
