"""The meta-learner's part: what the knowledge base predicts for this table, and how far that can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from pynomaly_auto.knowledge import KnowledgeBase, Neighbours, WarmStart
from pynomaly_auto.records import Configuration, Prediction, Reason, SimilarTable

_STEEP = 4.0  # 0.1 more of predicted ROC-AUC than the median detector's raises the score by 0.4
_MOST = 0.6  # share of the final score that the meta-learner has on a table just like the known ones
_WARM_STARTS = 3  # of a detector; judged


@dataclass(frozen=True, kw_only=True)
class Opinion:
    """What the knowledge base says about one table.

    Args:
        predictions: By detector.
        warm_starts: By detector, best first.
        views: By detector, views of the table in which the learned fusion knows it too.
        margin_members: Members that the fusion starts from: a detector, after a colon its view.
        fused: Detectors the learned fusion knows; empty where there is none.
        similar: The nearest known tables.
        confidence: In [0, 1].
        reasons: About the table as a whole.
    """

    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    warm_starts: Mapping[str, tuple[WarmStart, ...]] = field(default_factory=dict)
    views: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    margin_members: frozenset[str] = frozenset()
    fused: frozenset[str] = frozenset()
    similar: tuple[SimilarTable, ...] = ()
    confidence: float = 0.0
    reasons: tuple[Reason, ...] = ()

    @property
    def weight(self) -> float:
        """Share of the final score that predictions have; the rules have the rest."""
        return _MOST * self.confidence if self.predictions else 0.0

    def score(self, detector: str) -> float:
        """A prediction on the rules' scale: 0.5 for the median detector, and for one the base does not know."""
        found = self.predictions.get(detector)
        if found is None:
            return 0.5
        middle = median(p.quality for p in self.predictions.values())
        return min(1.0, max(0.0, 0.5 + _STEEP * (found.quality - middle)))


def consult(base: KnowledgeBase | None, detectors: list[str], meta_features: Mapping[str, float]) -> Opinion:
    """Ask the knowledge base about a table.

    Raises:
        StorageError: The knowledge base was damaged after it was opened.
    """
    if base is None:
        reason = Reason(
            code="REC-011",
            subject="knowledge base",
            text="there is none: a cold start on rules and documented strengths",
        )
        return Opinion(reasons=(reason,))
    near = base.neighbours(meta_features)
    similar = base.similar(near)
    predictions = base.predict(detectors, meta_features)
    warm = {name: base.warm_starts(near, name, _WARM_STARTS) for name in detectors}
    return Opinion(
        predictions=predictions,
        warm_starts={name: starts for name, starts in warm.items() if starts},
        views=_views(base),
        margin_members=frozenset() if base.fusion is None else frozenset(base.fusion.core(base.fused_members)),
        fused=frozenset(Configuration.of_fusion_name(name).detector for name in base.fused_members),
        similar=similar,
        confidence=near.confidence,
        reasons=_reasons(base, near, similar),
    )


def _views(base: KnowledgeBase) -> dict[str, tuple[str, ...]]:
    viewing = [c for c in map(Configuration.of_fusion_name, base.fused_members) if c.only_view]
    return {d: tuple(c.view for c in viewing if c.detector == d) for d in dict.fromkeys(c.detector for c in viewing)}


def _reasons(base: KnowledgeBase, near: Neighbours, similar: tuple[SimilarTable, ...]) -> tuple[Reason, ...]:
    m = base.manifest
    known = Reason(
        code="REC-012",
        subject="knowledge base",
        text=f"{m.n_tasks} known tables and {m.n_results} measured fits say what detectors reach; "
        f"the nearest is {near.confidence:.0%} like this one"
        + ("" if "quality" in m.models else " (no model was learned: overall means only)"),
        evidence={
            "tables": m.n_tasks,
            "results": m.n_results,
            "confidence": round(near.confidence, 4),
            "nearest_distance": round(near.distances[0], 4) if near.distances else None,
            "far_distance": round(m.scaling.far, 4),
        },
    )
    if not similar:
        return (known,)
    named = ", ".join(f"{s.name} ({s.similarity:.0%})" for s in similar)
    best = ", ".join(similar[0].best_detectors) or "nothing"
    alike = Reason(
        code="REC-013",
        subject="similar tables",
        text=f"most like {named}; best on {similar[0].name}: {best}",
        evidence={s.name: round(s.similarity, 4) for s in similar},
    )
    return (known, alike)


def prediction_reason(detector: str, found: Prediction) -> Reason:
    """A prediction in words."""
    return Reason(
        code="REC-014",
        subject=detector,
        text=f"predicted ROC-AUC {found.quality:.2f}, in nine of ten cases {found.low:.2f} to {found.high:.2f}",
        evidence={
            "quality": round(found.quality, 4),
            "low": round(found.low, 4),
            "high": round(found.high, 4),
            "interval": 0.9,
            "confidence": round(found.confidence, 4),
        },
    )


def _short(value: object) -> str:
    """A parameter's value with as many digits as say something."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def warm_start_reason(detector: str, starts: tuple[WarmStart, ...]) -> Reason:
    """The transferred parameters in words."""
    first = starts[0]
    values = ", ".join(f"{k}={_short(v)}" for k, v in first.params.items())
    return Reason(
        code="REC-015",
        subject=detector,
        text=f"{values} gained {first.gain:+.3f} ROC-AUC over the defaults on {first.tables} similar tables",
        evidence={"params": values, "gain": first.gain, "tables": first.tables, "warm_starts": len(starts)},
    )


def views_reason(detector: str, views: tuple[str, ...]) -> Reason:
    """In which other views of the table it is tried."""
    text = f"also tried in the views {', '.join(views)}, in which the learned fusion knows it"
    return Reason(code="REC-016", subject=detector, text=text, evidence={"views": len(views)})
