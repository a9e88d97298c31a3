"""The profile's findings as reasons, for people to read."""

from __future__ import annotations

from pynomaly_auto.profiling._description import STRONG_CORRELATION
from pynomaly_auto.profiling._statistics import or_else
from pynomaly_auto.profiling._temporal import Temporal
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import AnomalyHints, Distributions, Patterns, Quality, Reason, Scalar, Size


def size_findings(view: View, size: Size, sampled: int) -> list[Reason]:
    """What there is, and what of it was looked at."""
    rows, columns, features = size.rows, size.columns, size.features
    text = (
        f"{rows:,} rows of {columns:,} columns, encoded as {features:,} features: a {_words(size.category)} table of"
        f" {_words(size.dimensionality)} dimensionality."
    )
    found = [_reason("PRO-001", "size", text, rows=rows, columns=columns, features=features)]
    shapes = int(or_else(lambda: float(len(view.shape_features)), 0.0))
    points = int(or_else(lambda: float(len(view.points)), 0.0))
    if points < rows or shapes < features:
        text = (
            f"Computed on a random sample: {sampled:,} of {rows:,} rows, single distributions of {shapes:,} of"
            f" {features:,} features, {points:,} rows compared pair by pair."
        )
        seen: dict[str, Scalar] = {"sampled_rows": sampled, "sampled_features": shapes, "points": points}
        found.append(_reason("PRO-002", "sampling", text, **seen, seed=view.seed))
    return found


def quality_findings(view: View, quality: Quality) -> list[Reason]:
    """Missing values, duplicates, inconsistency."""
    found = []
    if quality.missing >= 0.05:
        worst = max(view.dataset.columns, key=lambda c: c.n_missing)
        text = f"{quality.missing:.1%} of the cells have no value; most are missing in {worst.name!r}."
        seen: dict[str, Scalar] = {"missing": quality.missing, "column": worst.name, "column_missing": worst.n_missing}
        found.append(_reason("PRO-003", "missing values", text, **seen))
    if quality.duplicates >= 0.01:
        text = f"{quality.duplicates:.1%} of the rows repeat another row: distances to neighbours are zero there."
        found.append(_reason("PRO-004", "duplicate rows", text, duplicates=quality.duplicates))
    if quality.consistency < 0.7:
        text = f"Only {quality.consistency:.0%} of the table can be used: empty, constant or repeated columns and rows."
        found.append(_reason("PRO-005", "consistency", text, consistency=quality.consistency))
    return found


def distribution_findings(distributions: Distributions, features: int) -> list[Reason]:
    """Heavy tails and skewness, where at least a quarter of the features has them."""
    found = []
    for code, subject, count, means in (
        ("PRO-006", "heavy tails", distributions.heavy_tailed, "scores based on means and variances are pulled along"),
        ("PRO-007", "skewness", distributions.skewed, "the longer tail holds rows that are no anomalies"),
    ):
        if features and count >= max(1, features / 4):
            text = f"{count:,} of {features:,} features show {subject}: {means}."
            found.append(_reason(code, subject, text, count=count, features=features))
    return found


def pattern_findings(patterns: Patterns, temporal: Temporal | None) -> list[Reason]:
    """Correlations, clusters, time."""
    found = []
    pairs, largest = patterns.correlated_pairs, patterns.max_correlation
    if pairs:
        counted = "1 pair of features correlates" if pairs == 1 else f"{pairs:,} pairs of features correlate"
        text = (
            f"{counted} strongly (at least {STRONG_CORRELATION}, at most {largest:.2f}):"
            " rows that break such a relation can be found."
        )
        found.append(
            _reason("PRO-008", "correlation", text, pairs=pairs, strong=STRONG_CORRELATION, max_correlation=largest)
        )
    if patterns.clusters > 1:
        text = f"The rows fall into {patterns.clusters} clusters (silhouette {patterns.cluster_separation:.2f})."
        seen: dict[str, Scalar] = {"clusters": patterns.clusters, "silhouette": patterns.cluster_separation}
        found.append(_reason("PRO-009", "clusters", text, **seen))
    if temporal is not None:
        seasons = ", ".join(temporal.seasonality) or "none"
        text = (
            f"Ordered by {temporal.column!r}: strongest trend {temporal.trend:+.2f}, correlation of successive steps"
            f" {temporal.following:.2f}, seasonality: {seasons}."
        )
        seen = {"trend": temporal.trend, "following": temporal.following, "seasonality": seasons}
        found.append(_reason("PRO-010", temporal.column, text, **seen))
    return found


def hint_findings(hints: AnomalyHints) -> list[Reason]:
    """Rows that stand out before any detector ran."""
    if hints.share_estimate <= 0:
        return []
    text = (
        f"About {hints.share_estimate:.1%} of the rows stand out by plain distances, {hints.global_share:.0%} of them"
        f" globally and {hints.local_share:.0%} only among their neighbours."
    )
    seen: dict[str, Scalar] = {"share": hints.share_estimate, "global": hints.global_share, "local": hints.local_share}
    return [_reason("PRO-011", "anomaly hints", text, **seen, tail_heaviness=hints.tail_heaviness)]


def complexity_finding(word: str, points: dict[str, float]) -> Reason:
    """How complex the table is, and what made it so."""
    because = ", ".join(points) or "nothing that makes it harder"
    total = sum(points.values())
    text = f"A {word} table ({total:g} points: {because})."
    return Reason(code="PRO-012", subject="complexity", text=text, evidence={**points, "points": total})


def _reason(code: str, subject: str, text: str, **evidence: Scalar) -> Reason:
    return Reason(code=code, subject=subject, text=text, evidence=evidence)


def _words(name: str) -> str:
    return name.replace("_", " ")
