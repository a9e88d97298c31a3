"""Realistic records made without running anything, for the tests of whatever reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pynomaly_auto.records import (
    AnomalyHints,
    Calibration,
    Candidate,
    Column,
    Configuration,
    Contribution,
    Distributions,
    Ensemble,
    Expectation,
    Explanation,
    Member,
    Patterns,
    Prediction,
    Profile,
    Quality,
    Ranking,
    Reason,
    Result,
    Search,
    SimilarTable,
    Size,
    Trial,
    TrialStatus,
    Verdict,
)
from pynomaly_auto.settings import Settings

_DETECTORS = (
    ("iforest", {"n_estimators": 200, "max_samples": 0.6}),
    ("knn_mean", {"n_neighbors": 35}),
    ("ecod", {}),
    ("lof", {"n_neighbors": 60, "metric": "manhattan"}),
    ("hbos", {"n_bins": 24}),
    ("gmm", {"n_components": 4}),
    ("pca", {"n_components": 0.9}),
    ("copod", {}),
    ("inne", {"n_estimators": 120}),
    ("random_forest_residuals", {"n_estimators": 60, "max_depth": 9}),
    ("abod", {}),
    ("ocsvm", {}),
)
_COLUMNS = ("amount", "age_days", "merchant_category", "country", "opened_at", "n_transactions_24h")
_KINDS = ("numeric", "numeric", "high_cardinality", "categorical", "datetime", "numeric")
_STATUSES: tuple[TrialStatus, ...] = ("completed",) * 8 + ("failed", "timeout")  # type: ignore[assignment]


def make_result(
    *,
    n: int = 500,
    anomalies: int = 25,
    trials: int = 24,
    column_names: Sequence[str] = _COLUMNS,
    row_labels: Any = None,
    explained: int = 20,
    interrupted: bool = False,
    cold: bool = False,
    seed: int = 0,
) -> Result:
    """A result as a real run would leave it, with ``anomalies`` of ``n`` rows labelled."""
    rng = np.random.default_rng(seed)
    verdict = make_verdict(rng, n, anomalies)
    labels = np.arange(n) if row_labels is None else np.asarray(row_labels)
    search = make_search(rng, trials, interrupted)
    return Result(
        settings={**Settings(random_state=7).to_dict(), "seed": 7},
        columns=make_columns(column_names),
        row_labels=labels,
        data_reasons=tuple(
            Reason(
                code="DAT-003",
                subject=name,
                text=f"{name} taken as {_KINDS[i % 6]}: its values say so.",
                evidence={"unique": 10 * i, "missing": 0.01 * i},
            )
            for i, name in enumerate(column_names)
        ),
        profile=make_profile(n, len(column_names)),
        ranking=make_ranking(cold=cold),
        search=search,
        ensemble=make_ensemble(search),
        verdict=verdict,
        explanations=make_explanations(rng, verdict, labels, column_names, explained),
        seconds={"dataset": 0.21, "profile": 0.84, "recommend": 0.12, "tune": 21.4, "refit": 3.2, "decide": 0.05},
        versions={"pynomaly_auto": "0.1.0.dev0", "numpy": "2.4.0", "scikit-learn": "1.9.0", "pyod": "3.6.7"},
        warnings=(Reason(code="DAT-031", subject="opened_at", text="3 dates lie in the future.", evidence={"n": 3}),),
    )


def make_verdict(rng: np.random.Generator, n: int, anomalies: int) -> Verdict:
    """Scores with a clear tail: the first ``anomalies`` ranks are the anomalies."""
    scores = rng.gamma(2.0, 0.6, n)
    chosen = rng.permutation(n)[:anomalies]
    scores[chosen] = scores.max() + 0.3 + rng.gamma(2.0, 0.8, len(chosen))
    labels = np.ones(n, dtype=np.int64)
    labels[chosen] = -1
    inside = np.delete(scores, chosen)
    low = float(inside.max()) if len(inside) else 0.0
    threshold = low + 0.15 if n else 1.0
    probabilities = 1 / (1 + np.exp(-2 * (scores - threshold)))
    return Verdict(
        scores=scores,
        probabilities=probabilities,
        labels=labels,
        confidence=np.where(labels == -1, probabilities, 1 - probabilities),
        threshold=threshold,
        contamination=anomalies / max(n, 1),
        method="gap in the tail of the combined scores",
        calibration=Calibration(knots=np.array([0.0, threshold, threshold + 3]), values=np.array([0.0, 0.5, 1.0])),
        expectation=Expectation(
            flagged=anomalies,
            real=0.6 * anomalies,
            low=anomalies // 3,
            high=anomalies,
            level=0.8,
            first=min(10, anomalies),
            first_real=min(8.0, 0.8 * anomalies),
        ),
        reasons=(
            Reason(
                code="DEC-001",
                subject="threshold",
                text=f"The threshold lies at {threshold:.2f}, in the widest gap of the tail.",
                evidence={"threshold": threshold, "gap": 0.3},
            ),
        ),
    )


def make_columns(names: Sequence[str]) -> tuple[Column, ...]:
    """One column record per name, of changing kinds."""
    return tuple(
        Column(
            name=name,
            kind=_KINDS[i % 6],  # type: ignore[arg-type]
            n_missing=7 * i,
            n_unique=100 + i,
            n_infinite=i % 2,
            features=(f"{name}", f"{name} missing") if i else (name,),
        )
        for i, name in enumerate(names)
    )


def make_profile(n: int, d: int) -> Profile:
    """A profile with 30 meta-features, one of them not applicable."""
    values = {f"meta_feature_{i:02d}": 0.37 * i for i in range(30)} | {"period": float("nan")}
    return Profile(
        size=Size(rows=n, columns=d, features=d + 3, category="small", dimensionality="low"),
        types={"numeric": 3, "categorical": 1, "high_cardinality": 1, "datetime": 1},
        quality=Quality(missing=0.021, duplicates=0.004, outliers=0.05, noise=0.12, consistency=0.99),
        distributions=Distributions(gaussian=1, skewed=3, uniform=1, heavy_tailed=2, discrete=2),
        patterns=Patterns(
            max_correlation=0.83,
            mean_correlation=0.21,
            correlated_pairs=2,
            clusters=3,
            cluster_separation=0.44,
            temporal=True,
            time_column="opened_at",
            trend=0.12,
            seasonality=("7 days",),
        ),
        complexity="moderate",
        hints=AnomalyHints(share_estimate=0.04, global_share=0.03, local_share=0.01, tail_heaviness=1.7),
        meta_features=values,
        seconds=dict.fromkeys(values, 0.002),
        sampled_rows=n,
        reasons=(
            Reason(code="PRO-004", subject="clusters", text="Three groups of rows stand apart.", evidence={"k": 3}),
        ),
    )


def make_ranking(*, cold: bool = False) -> Ranking:
    """All detectors of the factory, the last two left out."""
    candidates = []
    for i, (name, params) in enumerate(_DETECTORS):
        score = 0.93 - 0.035 * i
        prediction = Prediction(quality=score - 0.05, low=score - 0.16, high=min(1.0, score + 0.03), confidence=0.8)
        left_out = i >= len(_DETECTORS) - 2
        candidates.append(
            Candidate(
                detector=name,
                params=params,
                selected=not left_out,
                score=score,
                prediction=None if cold else prediction,
                criteria={"data": 0.8, "performance": 0.7, "computation": 0.9, "interpretability": 0.4, "domain": 0.5},
                seconds=0.05 * 1.7**i,
                memory_mb=4.0 + i,
                reasons=(
                    Reason(code="REC-012", subject=name, text="Left out: 2.1 M rows, cost n².", evidence={"s": 900.0}),
                )
                if left_out
                else (),
            )
        )
    return Ranking(
        candidates=tuple(candidates),
        source="rules" if cold else "knowledge base",
        confidence=0.0 if cold else 0.78,
        similar=()
        if cold
        else (
            SimilarTable(name="creditcard", similarity=0.91, best_detectors=("iforest", "ecod")),
            SimilarTable(name="fraud_small", similarity=0.83, best_detectors=("knn_mean",)),
        ),
        reasons=(Reason(code="REC-001", subject="ranking", text="Six tables like this one are known."),),
    )


def make_search(rng: np.random.Generator, n: int, interrupted: bool = False) -> Search:
    """Trials of mixed outcome."""
    trials = []
    for i in range(n):
        name, params = _DETECTORS[i % 10]
        status = _STATUSES[i % len(_STATUSES)]
        done = status == "completed"
        trials.append(
            Trial(
                number=i,
                configuration=Configuration(detector=name, params=params),
                status=status,
                quality=float(rng.uniform(0.55, 0.93)) if done else None,
                statistics={"agreement": 0.8, "stability": 0.9, "tail": float("nan")} if done else {},
                seconds=float(rng.lognormal(-1, 1)),
                memory_mb=float(rng.uniform(2, 90)),
                n_rows=400,
                scores=rng.normal(size=5) if done else None,
                error=None if done else f"ValueError: {name} did not converge in 100 iterations",
                reasons=()
                if done
                else (Reason(code="TUN-004", subject=name, text="Trial skipped: it failed.", evidence={"trial": i}),),
            )
        )
    best = sorted((t for t in trials if t.quality is not None), key=lambda t: -(t.quality or 0))
    return Search(
        trials=tuple(trials),
        pareto=tuple(t.number for t in best[:3]),
        stopped="the user interrupted it" if interrupted else "the time budget is spent",
        interrupted=interrupted,
        seconds=21.4,
        reasons=(Reason(code="TUN-001", subject="search", text="24 trials on 400 rows.", evidence={"rows": 400}),),
    )


def make_ensemble(search: Search) -> Ensemble:
    """The best trials, at most five, weights summing to 1."""
    best = sorted(search.completed, key=lambda t: -(t.quality or 0))[:5]
    raw = np.array([0.34, 0.26, 0.19, 0.13, 0.08])[: len(best)]
    weights = raw / raw.sum() if len(best) else raw
    members = tuple(
        Member(
            trial=t.number,
            configuration=t.configuration,
            weight=float(w),
            quality=float(t.quality or 0.0),
            diversity=0.3 + 0.05 * i,
            reasons=(
                Reason(
                    code="ENS-002",
                    subject=t.detector,
                    text=f"Weighs {w:.0%}: quality {t.quality:.2f}, and it differs from the others.",
                    evidence={"quality": t.quality, "diversity": 0.3 + 0.05 * i},
                ),
            ),
        )
        for i, (t, w) in enumerate(zip(best, weights, strict=True))
    )
    return Ensemble(members=members, combiner="weighted mean of tail ranks")


def make_explanations(
    rng: np.random.Generator, verdict: Verdict, labels: Any, names: Sequence[str], explained: int
) -> tuple[Explanation, ...]:
    """Explanations of the most anomalous rows, up to ``explained``."""
    rows = np.flatnonzero(verdict.labels == -1)
    rows = rows[np.argsort(-verdict.scores[rows])][:explained]
    out = []
    for row in rows:
        parts = np.sort(rng.dirichlet(np.ones(len(names))))[::-1]
        contributions = tuple(
            Contribution(
                column=name, value=f"{1000 * p:.1f}", typical="12.5", contribution=float(4 * p), share=float(p)
            )
            for name, p in zip(names, parts, strict=True)
        )
        out.append(
            Explanation(
                row=int(row),
                label=labels[row],
                score=float(verdict.probabilities[row]),
                contributions=contributions,
                text=f"Row {labels[row]}: {names[0]} is {contributions[0].value}, usual is 12.5.",
            )
        )
    return tuple(out)
