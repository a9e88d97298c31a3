"""The leaderboard: every candidate, tried or left out, with what was predicted, what was reached and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynomaly_auto.records import Candidate, Result, Trial

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "detector", "status", "weight", "quality", "predicted_quality", "predicted_low", "predicted_high", "score",
    "trials", "seconds", "memory_mb", "expected_seconds", "params", "reason",
)  # fmt: skip


def leaderboard(result: Result) -> pd.DataFrame:
    """One row per candidate: members by weight first, then what was tried by quality, then what was left out."""
    import pandas as pd

    weights: dict[str, float] = {}
    for member in result.ensemble.members:
        weights[member.detector] = weights.get(member.detector, 0.0) + member.weight
    verdicts = _verdicts(result)
    rows = [
        _row(c, [t for t in result.search.trials if t.detector == c.detector], weights, verdicts.get(c.detector))
        for c in result.ranking.candidates
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.sort_values(["weight", "quality", "score"], ascending=False, kind="stable").reset_index(drop=True)


def _verdicts(result: Result) -> dict[str, str]:
    """Detector to why it is a member or was left out of the ensemble."""
    known = {c.detector for c in result.ranking.candidates}
    out = {r.subject: r.text for r in reversed(result.ensemble.reasons) if r.subject in known}
    return out | {m.detector: m.reasons[0].text for m in result.ensemble.members if m.reasons}


def _row(
    candidate: Candidate, trials: list[Trial], weights: dict[str, float], verdict: str | None
) -> tuple[object, ...]:
    done = [t for t in trials if t.status == "completed"]
    best = max(done, key=lambda t: t.quality or 0.0, default=None)
    weight = weights.get(candidate.detector, 0.0)
    p = candidate.prediction
    return (
        candidate.detector,
        _status(candidate, trials, done, weight),
        weight,
        None if best is None else best.quality,
        None if p is None else p.quality,
        None if p is None else p.low,
        None if p is None else p.high,
        candidate.score,
        len(trials),
        None if best is None else best.seconds,
        None if best is None else best.memory_mb,
        candidate.seconds,
        dict(best.params if best else candidate.params),
        verdict or _reason(candidate, trials, done),
    )


def _status(candidate: Candidate, trials: list[Trial], done: list[Trial], weight: float) -> str:
    if weight > 0:
        return "member"
    if done:
        return "tried"
    if trials:
        return trials[0].status
    return "not reached" if candidate.selected else "left out"


def _reason(candidate: Candidate, trials: list[Trial], done: list[Trial]) -> str:
    if trials and not done:
        return trials[0].error or trials[0].status
    return candidate.reasons[-1].text if candidate.reasons else ""
