"""How a member is fitted on all rows within the memory there is: at once, in batches, or on a sample of them.

The plans are those of the documents this library grew out of. Which one is taken goes by what the detector declares,
the rows and the limit alone: neither the number of workers nor what a trial happened to take may change an answer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pynomaly_auto.detectors import CHUNK_ROWS, DetectorSpec
from pynomaly_auto.records import Member, Reason, Scalar

PlanName: TypeAlias = Literal["full_batch", "mini_batch", "sampled_mini_batch"]

_NUMBER = 8  # bytes
_MARGIN = 1.7  # principal components took 1.65 times what they declare, the most of those measured on 500,000 x 20
_VIEW_COPIES = 3.0  # of the rows, made where they are looked at in a view; reckoned, not measured
_STEP = 0.9  # by which a sample is made smaller until it fits
_LEAST_BATCH = 10_000  # rows; with fewer at a time there is too little memory for anything
_ROUND = 1_000  # rows that a sample's size is rounded to


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """How one member is fitted.

    Args:
        name: ``"full_batch"``: on all rows at once; ``"mini_batch"``: on all rows, so many at a time;
            ``"sampled_mini_batch"``: on a sample, all rows scored some at a time.
        rows: Rows fitted on.
        batch: Rows looked at together.
        memory: Bytes it is expected to take.
        reason: Why; its subject is the detector.
    """

    name: PlanName
    rows: int
    batch: int
    memory: float
    reason: Reason


def plan_of(
    spec: DetectorSpec, member: Member, shape: tuple[int, int], room: float, *, tried: int, sample: bool = False
) -> FitPlan:
    """How a member is fitted on a table.

    Args:
        spec: Its detector.
        member: The member.
        shape: Rows and features of the table.
        room: Bytes that its fit may take.
        tried: Rows on which its trial was fitted, so that so many are known to fit.
        sample: On a sample, whatever is expected: fitting on all rows has taken too much.
    """
    n_rows, n_features = shape
    whole = expected_bytes(spec, member.params, n_rows, n_features)
    facts: dict[str, Scalar] = {"trial": member.trial, "expected_mb": _mb(whole)}
    facts |= {} if math.isinf(room) else {"limit_mb": _mb(room)}
    if whole <= room and not sample:
        reason = _reason("TUN-041", member, "Fitted on all rows.", "full_batch", n_rows, facts)
        return FitPlan(name="full_batch", rows=n_rows, batch=n_rows, memory=whole, reason=reason)
    told = f"at once they are expected to take {whole / 1e6:,.0f} MB, and {room / 1e6:,.0f} MB are left"
    told = "at once they took more memory than is left" if sample else told
    batch = _fitting(spec, member.params, (n_rows, n_features), room, least=1)
    if not sample and in_batches(spec, member.params) and batch >= min(n_rows, _LEAST_BATCH):
        text = f"Fitted on all rows, {batch:,} at a time (mini_batch): {told}."
        memory = expected_bytes(spec, member.params, batch, n_features)
        reason = _reason("TUN-045", member, text, "mini_batch", n_rows, facts)
        return FitPlan(name="mini_batch", rows=n_rows, batch=batch, memory=memory, reason=reason)
    rows = tried if sample else max(_fitting(spec, member.params, (n_rows, n_features), room, least=tried), tried)
    text = f"Fitted on {rows:,} of {n_rows:,} rows, drawn at random, and all scored (sampled_mini_batch): {told}."
    reason = _reason("TUN-046", member, text, "sampled_mini_batch", rows, facts)
    memory = _sampled_bytes(spec, member.params, rows, n_features)
    return FitPlan(name="sampled_mini_batch", rows=rows, batch=CHUNK_ROWS, memory=memory, reason=reason)


def expected_bytes(spec: DetectorSpec, params: Mapping[str, Any], n_rows: int, n_features: int) -> float:
    """Bytes that fitting and scoring so many rows should take, beyond these themselves."""
    looked_at = spec.reference_size(n_rows) if spec.view(params) is not None else 0
    return _MARGIN * 1e6 * spec.memory_mb(n_rows, n_features) + _VIEW_COPIES * _NUMBER * looked_at * n_features


def in_batches(spec: DetectorSpec, params: Mapping[str, Any]) -> bool:
    """Whether it can be fitted some rows after the others: an estimator that says so, on the table as it is."""
    kind = spec.kind()
    can = getattr(kind, "fit_batches", None) is not None or hasattr(kind, "partial_fit")
    return can and spec.view(params) is None and spec.reference_rows is None and spec.train_scores is None


def side_by_side(plans: Iterable[FitPlan], workers: int, room: float) -> int:
    """How many members are fitted at a time: as many as there are workers, or fewer where memory is short."""
    largest = max((plan.memory for plan in plans), default=0.0)
    return workers if math.isinf(room) or largest <= 0 else max(1, min(workers, int(room / largest)))


def _fitting(spec: DetectorSpec, params: Mapping[str, Any], shape: tuple[int, int], room: float, *, least: int) -> int:
    """Most rows, copied, that fit."""
    rows = float(shape[0])
    while rows > least and _sampled_bytes(spec, params, int(rows), shape[1]) > room:
        rows *= _STEP
    return max(int(rows) // _ROUND * _ROUND, 1)


def _sampled_bytes(spec: DetectorSpec, params: Mapping[str, Any], rows: int, n_features: int) -> float:
    return expected_bytes(spec, params, rows, n_features) + _NUMBER * rows * n_features


def _reason(code: str, member: Member, text: str, name: PlanName, rows: int, facts: Mapping[str, Scalar]) -> Reason:
    return Reason(code=code, subject=member.detector, text=text, evidence={"plan": name, "rows": rows, **facts})


def _mb(size: float) -> float:
    return round(size / 1e6, 1)
