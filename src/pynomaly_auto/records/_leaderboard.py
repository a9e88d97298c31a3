"""The leaderboard: every candidate, tried or left out, with what was predicted, what was reached and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pynomaly_auto.records._outcome import Member
from pynomaly_auto.records._search import Candidate, Trial

if TYPE_CHECKING:
    from pynomaly_auto.records._result import Result


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where one candidate stands; what is not known is None.

    Args:
        detector: Its name.
        status: ``"member"``, ``"tried"``, how its trials ended where none completed, ``"not reached"``, ``"left out"``.
        weight: Of all its members in the ensemble's score.
        quality: Of its best trial.
        predicted_quality: ROC-AUC the knowledge base predicted.
        predicted_low: Lower end of the 90 % interval of that.
        predicted_high: Upper end.
        score: In the ranking.
        trials: How many.
        seconds: Of its best trial.
        memory_mb: Of its best trial.
        expected_seconds: As the ranking had it.
        params: Of its best trial, or those it was to be tried with.
        reason: Why it is where it is.
    """

    detector: str
    status: str
    weight: float
    quality: float | None
    predicted_quality: float | None
    predicted_low: float | None
    predicted_high: float | None
    score: float
    trials: int
    seconds: float | None
    memory_mb: float | None
    expected_seconds: float
    params: Mapping[str, Any]
    reason: str


def standings(result: Result) -> tuple[Standing, ...]:
    """Every candidate: members by weight first, then what was tried by quality, then what was left out."""
    rows = [_standing(result, candidate) for candidate in result.ranking.candidates]
    return tuple(sorted(rows, key=lambda s: (-s.weight, s.quality is None, -(s.quality or 0.0), -s.score)))


def _standing(result: Result, candidate: Candidate) -> Standing:
    trials = [t for t in result.search.trials if t.detector == candidate.detector]
    members = [m for m in result.ensemble.members if m.detector == candidate.detector]
    done = [t for t in trials if t.status == "completed"]
    best = max(done, key=lambda t: t.quality or 0.0, default=None)
    weight = sum(m.weight for m in members)
    p = candidate.prediction
    return Standing(
        detector=candidate.detector,
        status=_status(candidate, trials, done, weight),
        weight=weight,
        quality=None if best is None else best.quality,
        predicted_quality=None if p is None else p.quality,
        predicted_low=None if p is None else p.low,
        predicted_high=None if p is None else p.high,
        score=candidate.score,
        trials=len(trials),
        seconds=None if best is None else best.seconds,
        memory_mb=None if best is None else best.memory_mb,
        expected_seconds=candidate.seconds,
        params=dict(best.params if best else candidate.params),
        reason=_of_members(members) if members else _reason(result, candidate, trials, done),
    )


def _status(candidate: Candidate, trials: list[Trial], done: list[Trial], weight: float) -> str:
    if weight > 0:
        return "member"
    if done:
        return "tried"
    if trials:
        return trials[0].status
    return "not reached" if candidate.selected else "left out"


def _of_members(members: list[Member]) -> str:
    """Why a detector is in the ensemble, and what it counts there; of several members, those of the heaviest one."""
    first, *others = sorted(members, key=lambda m: -m.weight)
    text = " ".join(r.text for r in first.reasons[:2])  # why it was chosen, then what it counts
    if others:
        text = (
            f"As {first.name}: {text} With {', '.join(m.name for m in others)}: {sum(m.weight for m in members):.1%}."
        )
    return text


def _reason(result: Result, candidate: Candidate, trials: list[Trial], done: list[Trial]) -> str:
    if trials and not done:
        return trials[0].error or trials[0].status
    left = next((left for left in result.ensemble.left_out if left.detector == candidate.detector), None)
    if left is not None:
        return left.reason.text
    return candidate.reasons[0].text if candidate.reasons else ""
