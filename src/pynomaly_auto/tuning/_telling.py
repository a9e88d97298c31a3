"""What is said of trials: where they came from, how they ended, and that none completed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.records import Reason, Role, Scalar, Step, Trial

_ROLES: Mapping[Role, tuple[str, str]] = {
    "member": ("TUN-011", "Tried as the ranking gives it."),
    "portfolio": ("TUN-011", "Tried as the ranking gives it."),
    "view": ("TUN-014", "Tried in the view {view}, in which the learned fusion knows it."),
    "warm start": ("TUN-012", "Tried with parameters that did well on similar tables."),
    "search": ("TUN-013", "Tried with parameters proposed by the tree-structured Parzen estimator."),
}
_ENDINGS = {
    "failed": ("TUN-020", "Failed"),
    "timeout": ("TUN-021", "Took too long"),
    "memory": ("TUN-022", "Needed too much memory"),
    "not_applicable": ("TUN-023", "Does not apply"),
    "cancelled": ("TUN-024", "Not finished"),
}


def origin(step: Step, number: int) -> Reason:
    """Why a trial was made."""
    code, text = _ROLES[step.role]
    evidence: dict[str, Scalar] = {"trial": number, "role": step.role}
    if view := step.configuration.view:
        evidence["view"] = view
    text = text.format(view=view or "standard")
    return Reason(code=code, subject=step.detector, text=text, evidence=evidence)


def ending(detector: str, status: str, error: str | None) -> Reason:
    """How a trial ended that did not complete."""
    code, said = _ENDINGS[status]
    return Reason(code=code, subject=detector, text=f"{said}: {error}" if error else f"{said}.")


def nothing(trials: Sequence[Trial], *, interrupted: bool) -> NothingFinishedError:
    """That not one trial completed, with the first failures."""
    if interrupted:
        return NothingFinishedError("interrupted before any trial had completed.", where="tuning")
    first = "; ".join(f"{t.detector}: {t.error or t.status}" for t in trials[:5])
    what = f"none of {len(trials)} trials completed: {first}." if trials else "no candidate could be tried."
    return NothingFinishedError(
        what, where="tuning", fix="Raise time_budget or memory_limit, or exclude fewer detectors."
    )


def pareto(trials: Iterable[Trial]) -> tuple[int, ...]:
    """Numbers of the completed trials that no other beats in quality, seconds and memory at once."""
    done = [t for t in trials if t.status == "completed" and t.quality is not None]
    costs = np.array([[-(t.quality or 0.0), t.seconds, t.memory_mb] for t in done]).reshape(len(done), 3)
    beaten = [bool(((costs <= c).all(axis=1) & (costs < c).any(axis=1)).any()) for c in costs]
    return tuple(t.number for t, worse in zip(done, beaten, strict=True) if not worse)
