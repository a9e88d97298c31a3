"""What a profile says, as names and values a person can read; the report and the command line show it."""

from __future__ import annotations

from dataclasses import dataclass

from pynomaly_auto.records import Profile, plain


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A name and its value as text; ``note`` explains it in a few words."""

    name: str
    value: str
    note: str = ""


def profile_facts(profile: Profile) -> tuple[tuple[str, tuple[Fact, ...]], ...]:
    """What a profile says, by part, in words and percentages."""
    size, quality, shapes = profile.size, profile.quality, profile.distributions
    patterns, hints = profile.patterns, profile.hints
    overview = (
        Fact(name="complexity", value=profile.complexity),
        Fact(name="rows", value=f"{size.rows:,} ({size.category.replace('_', ' ')})"),
        Fact(name="rows looked at", value=f"{profile.sampled_rows:,}"),
        Fact(name="features", value=f"{size.features:,} ({size.dimensionality.replace('_', ' ')} dimensionality)"),
        *(Fact(name=f"{kind.replace('_', ' ')} columns", value=str(n)) for kind, n in profile.types.items()),
    )
    cleanness = (
        Fact(name="missing cells", value=f"{quality.missing:.1%}"),
        Fact(name="duplicate rows", value=f"{quality.duplicates:.1%}"),
        Fact(name="outlying values", value=f"{quality.outliers:.1%}"),
        Fact(name="noise", value=f"{quality.noise:.0%}"),
        Fact(name="consistency", value=f"{quality.consistency:.0%}"),
    )
    features = tuple(
        Fact(name=f"{kind.replace('_', ' ')} features", value=f"{n:,}") for kind, n in plain(shapes).items()
    )
    structure = [
        Fact(name="strongest correlation", value=f"{patterns.max_correlation:.2f}"),
        Fact(name="mean correlation", value=f"{patterns.mean_correlation:.2f}"),
        Fact(name="correlated pairs of features", value=f"{patterns.correlated_pairs:,}"),
        Fact(name="clusters", value=str(patterns.clusters)),
        Fact(name="time column", value=patterns.time_column or "none"),
    ]
    if patterns.clusters > 1:
        structure.insert(4, Fact(name="separation of the clusters", value=f"{patterns.cluster_separation:.2f}"))
    if patterns.time_column:
        structure.append(
            Fact(name="strongest trend", value="–" if patterns.trend is None else f"{patterns.trend:+.2f}")
        )
        structure.append(Fact(name="seasonality", value=", ".join(patterns.seasonality) or "none"))
    suspected = (
        Fact(name="rows that stand out by distance", value=f"{hints.share_estimate:.1%}"),
        Fact(name="of them from all other rows", value=f"{hints.global_share:.0%}"),
        Fact(name="of them from their neighbours only", value=f"{hints.local_share:.0%}"),
        Fact(name="tail heaviness", value=f"{hints.tail_heaviness:.2f}"),
    )
    return (
        ("Overview", overview),
        ("Quality", cleanness),
        ("Distributions", features),
        ("Patterns", tuple(structure)),
        ("Anomaly hints", suspected),
    )
