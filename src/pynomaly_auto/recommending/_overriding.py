"""What the user decides by hand, checked and obeyed; every such decision is a reason of its own."""

from __future__ import annotations

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.recommending._judged import Judged, changed
from pynomaly_auto.records import Reason
from pynomaly_auto.settings import Settings


def check_overrides(settings: Settings) -> None:
    o = settings.overrides
    for name in (*o.include, *o.exclude, *o.force, *o.params):
        DETECTORS[name]  # raises with the nearest known names


def overridden(judged: Judged, settings: Settings) -> Judged:
    """Apply what the user decided by hand; every such decision is a reason of its own."""
    o, name = settings.overrides, judged.candidate.detector
    evidence = {"by": "user", "reason": o.reason}
    changes: dict[str, object] = {}
    reasons: list[Reason] = []

    def because(code: str, text: str) -> None:
        reasons.append(Reason(code=code, subject=name, text=f"{text}: {o.reason}", evidence=evidence))

    if name in o.exclude:
        changes["selected"] = False
        because("REC-031", "excluded")
    elif o.include and name not in {*o.include, *o.force}:
        changes["selected"] = False
        because("REC-032", f"left out, only {', '.join(o.include)} asked for")
    elif name in o.force:
        changes["selected"] = not judged.impossible
        because("REC-033", "forced, but it cannot be fitted here" if judged.impossible else "forced")
    if name in o.params:
        fixed = dict(o.params[name])
        changes["params"] = fixed
        # Fixed parameters are not tuned: whatever was transferred keeps only what the user left open.
        changes["views"] = ()  # the learned fusion knows nothing with such parameters
        changes["warm_starts"] = tuple({**start, **fixed} for start in judged.candidate.warm_starts)
        because("REC-034", "parameters fixed (" + ", ".join(f"{k}={v}" for k, v in fixed.items()) + ")")
    if not reasons:
        return judged
    return changed(judged, tuple(reasons), **changes)


def asked_for(settings: Settings) -> tuple[Reason, ...]:
    o = settings.overrides
    said = {"include": o.include, "exclude": o.exclude, "force": o.force, "params": tuple(o.params)}
    return tuple(
        Reason(
            code="REC-030",
            subject="overrides",
            text=f"{name}: {', '.join(names)} ({o.reason})",
            evidence={"by": "user", "reason": o.reason, "detectors": ", ".join(names)},
        )
        for name, names in said.items()
        if names
    )
