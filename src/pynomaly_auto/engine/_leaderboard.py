"""The leaderboard: every candidate, tried or left out, with what was predicted, what was reached and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynomaly_auto.records import Candidate, Member, Result, Trial

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "detector", "status", "weight", "quality", "predicted_quality", "predicted_low", "predicted_high", "score",
    "trials", "seconds", "memory_mb", "expected_seconds", "params", "reason",
)  # fmt: skip


def leaderboard(result: Result) -> pd.DataFrame:
    """One row per candidate: members by weight first, then what was tried by quality, then what was left out."""
    import pandas as pd

    rows = [_row(result, candidate) for candidate in result.ranking.candidates]
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.sort_values(["weight", "quality", "score"], ascending=False, kind="stable").reset_index(drop=True)


def _row(result: Result, candidate: Candidate) -> tuple[object, ...]:
    trials = [t for t in result.search.trials if t.detector == candidate.detector]
    members = [m for m in result.ensemble.members if m.detector == candidate.detector]
    done = [t for t in trials if t.status == "completed"]
    best = max(done, key=lambda t: t.quality or 0.0, default=None)
    weight = sum(m.weight for m in members)
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
        _of_members(members) if members else _reason(result, candidate, trials, done),
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
