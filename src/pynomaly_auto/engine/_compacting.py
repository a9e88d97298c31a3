"""A smaller model of a fitted one: within so many milliseconds a row, or so many megabytes."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pynomaly_auto.detectors import Scorer
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._smaller import (
    CALLS,
    Candidate,
    Rows,
    Samples,
    median_milliseconds,
    member_megabytes,
    read_row,
    row_milliseconds,
)
from pynomaly_auto.engine._storage import save
from pynomaly_auto.ensembling import FittedEnsemble, agreement, overlap, steps
from pynomaly_auto.errors import SettingError
from pynomaly_auto.records import Compaction, CompactPoint, FloatArray, Reason

if TYPE_CHECKING:
    from pynomaly_auto.engine._detector import AutonomousDetector

D = TypeVar("D", bound="AutonomousDetector")

_PUPILS = (1, 2, 4, 8, 14, 24)  # members beside which trees are taught
_MEMBER_CALLS = 7
_SLACK = 0.85  # of the milliseconds allowed are planned with and may be measured: no two measurements are the same


def compact(detector: D, latency_ms: float | None, size_mb: float | None) -> D:
    """Make a smaller detector of a fitted one, which stays as it is.

    Args:
        detector: Fitted.
        latency_ms: Most milliseconds of one new row; None: any.
        size_mb: Most megabytes of the saved file; None: any.

    Raises:
        SettingError: Neither is given, one is not above zero, or no model is that small.
    """
    _check(latency_ms, size_mb)
    model = detector._model
    if model.supervised is not None:
        raise SettingError(
            "labels are heeded, and what was learned from them sees what all members say.", where="compact",
            fix="Compact a detector that was fitted without labels; forget() takes back feedback.",
        )  # fmt: skip
    whole = model.ensemble
    rows = Samples.of(model)
    before = _milliseconds(model, whole, rows.held_out.X)
    base = median_milliseconds(partial(read_row, model), CALLS)
    features = whole.features_of(rows.held_out.X)
    costs = [median_milliseconds(partial(_score, d, features), _MEMBER_CALLS) for d in whole.detectors]
    sizes = [member_megabytes(d) for d in whole.detectors]
    allowed = np.inf if latency_ms is None else max(_SLACK * latency_ms - base, min(costs))
    found = _candidates(rows, model.verdict.threshold, costs, allowed)
    front = tuple(_point(c, rows.held_out, (base, costs, sizes), model.verdict.threshold) for c in found)
    slow = {True: np.inf, False: np.inf}  # what is reckoned to take as long as one that was too slow is so as well
    for candidate, point in sorted(zip(found, front, strict=True), key=lambda c: (-c[0].quality, c[1].members)):
        if point.latency_ms >= slow[point.taught]:
            continue
        small = candidate.of(whole)
        taken = _milliseconds(model, small, rows.held_out.X)
        if latency_ms is not None and taken > _SLACK * latency_ms:
            slow[point.taught] = point.latency_ms
            continue
        made = _made(detector, small)
        size = _megabytes(made)
        if size_mb is not None and size > size_mb:
            continue
        lost = _lost(small, model.verdict.threshold, rows, model)
        record = Compaction(
            latency_ms=taken, latency_ms_before=before, size_mb=size, size_mb_before=_megabytes(detector),
            front=front, **lost,
        )  # fmt: skip
        return _told(made, record, len(whole.detectors))
    raise SettingError(
        f"no model of {len(whole.detectors)} members is as small as {_words(latency_ms, size_mb)}.",
        where="compact",
        fix="Allow more; the file also holds some training rows, and every row has to be read.",
    )


def _check(latency_ms: float | None, size_mb: float | None) -> None:
    if latency_ms is None and size_mb is None:
        raise SettingError("neither is given.", where="compact", fix="Give latency_ms, size_mb or both.")
    for name, value in (("latency_ms", latency_ms), ("size_mb", size_mb)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value < np.inf):
            raise SettingError(f"{name} is {value!r}.", where="compact", fix="Give a number above zero.")


def _candidates(rows: Samples, threshold: float, costs: list[float], allowed: float) -> list[Candidate]:
    """Sums of ever more members; then some of these with trees that learn what the sum lacks."""
    inputs = rows.taught.inputs
    found = steps(inputs, rows.taught.scores, costs, allowed)
    sums = [Candidate.summed(step, rows.taught).judged(rows.choice, threshold) for step in found]
    taught: list[Candidate] = []

    def teach(plain: Candidate) -> None:
        made, chosen = plain.with_student(rows.taught, threshold), inputs[:, list(plain.step.chosen)]
        assert made.student is not None
        student = made.student
        taken = median_milliseconds(lambda i: student(chosen[[i]], rows.taught.X[[i]]), _MEMBER_CALLS)
        taught.append(replace(made, milliseconds=taken).judged(rows.choice, threshold))

    for plain in (sums[n - 1] for n in _PUPILS if n <= len(sums)):
        teach(plain)
    room = allowed - max((c.milliseconds for c in taught), default=0.0)
    largest = sum(sum(costs[i] for i in plain.step.chosen) <= room for plain in sums)
    if largest and largest not in _PUPILS:
        teach(sums[largest - 1])
    return sums + taught


def _point(
    candidate: Candidate, rows: Rows, spent: tuple[float, list[float], list[float]], threshold: float
) -> CompactPoint:
    base, costs, sizes = spent
    scores, chosen = candidate.scores(rows), candidate.step.chosen
    return CompactPoint(
        members=len(chosen),
        latency_ms=base + sum(costs[i] for i in chosen) + candidate.milliseconds,
        size_mb=sum(sizes[i] for i in chosen) + candidate.student_megabytes,
        agreement=agreement(scores, rows.scores),
        overlap=overlap(scores, rows.scores, threshold),
        taught=candidate.student is not None,
    )


def _lost(small: FittedEnsemble, threshold: float, samples: Samples, model: Model) -> dict[str, float]:
    out = {}
    for end, rows in (("", samples.held_out), ("_training", Rows.scored(model, samples.training))):
        scores = small.score(rows.X)
        out[f"rank_correlation{end}"] = agreement(scores, rows.scores)
        out[f"overlap{end}"] = overlap(scores, rows.scores, threshold)
    return out


def _milliseconds(model: Model, ensemble: FittedEnsemble, X: FloatArray) -> float:
    return row_milliseconds(replace(model, ensemble=ensemble), X)


def _made(detector: D, small: FittedEnsemble) -> D:
    made = type(detector)(**detector.get_params(deep=False))
    # It is no point of the front, and what is left in memory of the others would travel with a small model.
    result = replace(detector.result_, ensemble=small.record, front=None)
    made._adopt(replace(detector._model, ensemble=small, population=None, survey=None), result)
    return made


def _megabytes(detector: AutonomousDetector) -> float:
    with tempfile.TemporaryDirectory(prefix="pynomaly-") as folder:
        return save(detector._fitted_now(), Path(folder) / "model", trusted=True).stat().st_size / 1e6


def _score(member: Scorer, X: FloatArray, i: int) -> None:
    member.score(X[[i]], shared=None)


def _told(made: D, c: Compaction, before: int) -> D:
    record = made._model.ensemble.record
    taught = "" if made._model.ensemble.student is None else ", and small trees taught what their sum lacks"
    text = (
        f"{len(record.members)} of {before} members{taught}: a row takes {c.latency_ms:.1f} ms instead of "
        f"{c.latency_ms_before:.1f}, the file {c.size_mb:.1f} MB instead of {c.size_mb_before:.1f}. On new rows like "
        f"the training rows scores agree to a rank correlation of {c.rank_correlation:.3f}, and {c.overlap:.0%} of the "
        f"rows that either flags are flagged by both; on the training rows {c.rank_correlation_training:.3f} and "
        f"{c.overlap_training:.0%}."
    )
    evidence = {name: getattr(c, name) for name in c.__dataclass_fields__ if name != "front"}
    reason = Reason(code="ENG-001", subject="ensemble", text=text, evidence={**evidence, "members": before})
    record = replace(record, compaction=c, reasons=(*record.reasons, reason))
    made._model = replace(made._model, ensemble=replace(made._model.ensemble, record=record))
    made.result_ = replace(made.result_, ensemble=record)
    return made


def _words(latency_ms: float | None, size_mb: float | None) -> str:
    limits = (f"{latency_ms:g} ms a row" if latency_ms else "", f"{size_mb:g} MB" if size_mb else "")
    return " and ".join(limit for limit in limits if limit)
