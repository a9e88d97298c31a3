"""Rules by what is between columns, between rows and along time, and by the kind of anomalies the distances hint at."""

from __future__ import annotations

from pynomaly_auto.detectors import DetectorSpec
from pynomaly_auto.recommending.rules import Context, Effect, boost, penalty, rule

_GUIDE = "Algorithm Rationale and Selection Guide"
_LOCAL = f"{_GUIDE}, lof_rationale: clusters of varying density"
_KINDS = "Bouman, Bukhsh and Heskes (JMLR 2024): extended isolation forest for global anomalies, kNN for local ones"


def _clustered(context: Context) -> bool:
    return context.profile.patterns.clusters >= 2 and context.profile.patterns.cluster_separation >= 0.4


@rule("REC-131", criterion="data", source=_LOCAL)
def clusters(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where rows form clusters, detectors that know several centres or local density are favoured."""
    named = {"lof", "cof", "cblof", "gmm", "mini_batch_kmeans", "kde", "inne", "knn", "knn_mean", "knn_median"}
    if not _clustered(context) or spec.name not in named:
        return None
    p = context.profile.patterns
    return boost(
        0.12, f"the rows form {p.clusters} clusters", clusters=p.clusters, separation=round(p.cluster_separation, 3)
    )


@rule("REC-132", criterion="data", source=_LOCAL)
def one_centre(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where rows form clusters, detectors with a single centre mistake the small clusters for anomalies."""
    if not _clustered(context) or spec.name not in {"mcd", "elliptic_envelope", "zscore", "modified_zscore", "grubbs"}:
        return None
    p = context.profile.patterns
    return penalty(
        0.12,
        f"assumes one centre, the rows form {p.clusters} clusters",
        clusters=p.clusters,
        separation=round(p.cluster_separation, 3),
    )


@rule("REC-133", criterion="data", source=f"{_GUIDE}, Correlation Structure")
def correlated(spec: DetectorSpec, context: Context) -> Effect | None:
    """Correlated columns favour detectors that see broken dependencies."""
    value = context.profile.patterns.mean_correlation
    finds = "dependency" in spec.capabilities.finds or spec.name in {"mcd", "pca", "elliptic_envelope"}
    if value < 0.3 or not finds:
        return None
    return boost(0.12, f"columns depend on each other (mean |r| {value:.2f})", mean_correlation=round(value, 3))


@rule("REC-134", criterion="data", source=f"{_GUIDE}, Correlation Structure")
def marginal_on_correlated(spec: DetectorSpec, context: Context) -> Effect | None:
    """Detectors that look at one column at a time miss broken dependencies."""
    value = context.profile.patterns.mean_correlation
    if value < 0.4 or spec.method != "marginal":
        return None
    return penalty(
        0.1,
        f"looks at one column at a time, and columns depend on each other (mean |r| {value:.2f})",
        mean_correlation=round(value, 3),
    )


@rule("REC-135", criterion="data", source=f"{_GUIDE}, Correlation Structure")
def independent_columns(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where columns are nearly independent, predicting one from the others finds nothing, and marginals suffice."""
    value = context.profile.patterns.mean_correlation
    if value >= 0.08 or context.features < 2:
        return None
    evidence = round(value, 3)
    if spec.family == "regression" or spec.name in {"pca", "factor_analysis", "autoencoder"}:
        text = f"needs related columns, and these hardly are (mean |r| {value:.2f})"
        return penalty(0.15, text, mean_correlation=evidence)
    if spec.method == "marginal" or spec.name == "copod":
        text = f"judges columns one by one, and these hardly depend on each other (mean |r| {value:.2f})"
        return boost(0.08, text, mean_correlation=evidence)
    return None


@rule("REC-136", criterion="data", source="Autonomous Mode Guide, pattern-based rules")
def along_time(spec: DetectorSpec, context: Context) -> Effect | None:
    """With a time column, models that predict a value from the others follow trend and season."""
    if not context.profile.patterns.temporal or spec.family not in {"regression", "neural"}:
        return None
    column = context.profile.patterns.time_column
    return boost(0.08, f"can follow trend and season along {column or 'time'}", time_column=column)


@rule("REC-137", criterion="data", source=_KINDS)
def local_anomalies(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where the distances hint at local anomalies, detectors that find them are favoured."""
    hints = context.profile.hints
    if hints.local_share <= 1.5 * hints.global_share or "local" not in spec.capabilities.finds:
        return None
    return boost(
        0.1,
        f"distances hint at local anomalies ({hints.local_share:.1%} against {hints.global_share:.1%} global)",
        local_share=round(hints.local_share, 4),
        global_share=round(hints.global_share, 4),
    )


@rule("REC-138", criterion="data", source=_KINDS)
def global_anomalies(spec: DetectorSpec, context: Context) -> Effect | None:
    """Where the distances hint at global anomalies, local density ratios are needless and noisy."""
    hints = context.profile.hints
    if hints.global_share <= 1.5 * hints.local_share:
        return None
    evidence = {"local_share": round(hints.local_share, 4), "global_share": round(hints.global_share, 4)}
    if spec.name in {"iforest", "extended_iforest", "fair_cut_forest", "mcd"}:
        text = f"finds global anomalies, which the distances hint at ({hints.global_share:.0%} of the hints)"
        return boost(0.08, text, **evidence)
    if spec.name in {"lof", "cof"}:
        text = f"looks for local anomalies; the distances hint at global ones ({hints.global_share:.0%} of the hints)"
        return penalty(0.1, text, **evidence)
    return None


@rule("REC-139", criterion="data", source=f"{_GUIDE}, Statistical Methods; Deep Learning Methods")
def complexity(spec: DetectorSpec, context: Context) -> Effect | None:
    """Simple tables favour statistical methods, complex ones learning methods."""
    level = context.profile.complexity
    if level == "simple" and spec.family == "statistical":
        return boost(0.06, "the table is simple in structure", complexity=level)
    if level == "complex" and spec.family in {"trees", "neural"}:
        return boost(0.06, "can follow the structure of a complex table", complexity=level)
    if level == "complex" and spec.name in {"zscore", "grubbs", "iqr"}:
        return penalty(0.08, "too simple for the structure of a complex table", complexity=level)
    return None
