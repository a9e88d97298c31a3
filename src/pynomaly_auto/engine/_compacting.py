"""A smaller model of a fitted one: within so many milliseconds a row, or so many megabytes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pynomaly_auto.deciding import confidence_of
from pynomaly_auto.detectors import Scorer
from pynomaly_auto.engine._model import Model
from pynomaly_auto.engine._storage import save
from pynomaly_auto.ensembling import Alignment, FittedEnsemble, Step, Student, agreement, overlap, steps
from pynomaly_auto.errors import SettingError
from pynomaly_auto.records import Compaction, CompactPoint, FloatArray, Reason

if TYPE_CHECKING:
    from pynomaly_auto.engine._detector import AutonomousDetector

D = TypeVar("D", bound="AutonomousDetector")

_ROWS = 1_000  # training rows, and resampled ones, that a smaller model is to agree on
_TAUGHT = 6_000  # resampled rows that it is fitted on
_CHOICE = 3_000  # others that it is chosen by: of a hundred flagged rows two more or fewer would be luck
_PUPILS = (1, 2, 4, 8, 14, 24)  # members beside which trees are taught
_STRAY = 0.3  # how far a resampled row strays: so much of the difference of two others
_CALLS = 25
_MEMBER_CALLS = 7
_ROUNDS = 3
_SLACK = 0.85  # of the milliseconds allowed are planned with and may be measured: no two measurements are the same
# What else runs on the machine must not decide how large a model may be, where the system can tell one thread's time.
_CLOCK = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-4 else time.perf_counter


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """Rows and what the whole ensemble says of them."""

    X: FloatArray = field(repr=False)
    inputs: FloatArray = field(repr=False)
    scores: FloatArray = field(repr=False)


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
    rows = _Samples.of(model)
    before = _milliseconds(model, whole, rows.held_out.X)
    base = _median(partial(_read, model), _CALLS)
    features = whole.features_of(rows.held_out.X)
    costs = [_median(partial(_score, d, features), _MEMBER_CALLS) for d in whole.detectors]
    sizes = [_member_megabytes(d) for d in whole.detectors]
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
        lost = _lost(small, model.verdict.threshold, rows)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class _Samples:
    """The rows that smaller models are made and judged by.

    Args:
        training: Training rows as if they were new.
        taught: Resampled rows, to fit by.
        choice: Others, to choose by.
        held_out: Others, to measure by.
    """

    training: _Rows
    taught: _Rows
    choice: _Rows
    held_out: _Rows

    @classmethod
    def of(cls, model: Model) -> _Samples:
        """Draw them and score them by the whole ensemble."""
        rng = np.random.default_rng(0)
        X = model.reference.rows
        if len(X) > _ROWS:
            X = X[np.sort(rng.choice(len(X), _ROWS, replace=False))]

        def resampled(count: int) -> FloatArray:
            at, one, other = (rng.integers(0, len(X), count) for _ in range(3))
            stray = (X[one] - X[other]) * (rng.random((count, X.shape[1])) < 0.5)
            return np.asarray(X[at] + _STRAY * stray)

        def scored(rows: FloatArray) -> _Rows:
            inputs, scores = model.ensemble.inputs_and_scores(rows)
            return _Rows(X=rows, inputs=inputs, scores=scores)

        return cls(
            training=scored(X), taught=scored(resampled(_TAUGHT)), choice=scored(resampled(_CHOICE)),
            held_out=scored(resampled(_ROWS)),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class _Candidate:
    """A smaller model.

    Args:
        step: Its members.
        aligned: Their sum onto the whole one's scale.
        student: What adds what the sum lacks; None: nothing.
        milliseconds: What that takes for one row.
        quality: How far it agrees on the rows to choose by.
    """

    step: Step
    aligned: Alignment = field(repr=False)
    student: Student | None = field(default=None, repr=False)
    milliseconds: float = 0.0
    quality: float = 0.0

    def scores(self, rows: _Rows) -> FloatArray:
        """Of rows whose inputs are there."""
        inputs = rows.inputs[:, list(self.step.chosen)]
        sums = self.aligned(inputs @ self.step.weights)
        return sums if self.student is None else sums + self.student(inputs, rows.X)

    def of(self, whole: FittedEnsemble) -> FittedEnsemble:
        """The ensemble itself; a sum alone does without members that have no weight in it."""
        chosen, weights = list(self.step.chosen), self.step.weights.tolist()
        if self.student is None:
            heard = [(i, w) for i, w in zip(chosen, weights, strict=True) if w > 0]
            chosen, weights = [i for i, _ in heard], [w for _, w in heard]
        return whole.smaller(chosen, weights, self.aligned, self.student)


def _candidates(rows: _Samples, threshold: float, costs: list[float], allowed: float) -> list[_Candidate]:
    """Sums of ever more members; then some of these with trees that learn what the sum lacks."""
    inputs, scores = rows.taught.inputs, rows.taught.scores

    def judged(candidate: _Candidate) -> _Candidate:
        mine, right = candidate.scores(rows.choice), rows.choice.scores
        return replace(candidate, quality=agreement(mine, right) + overlap(mine, right, threshold))

    sums = []
    for step in steps(inputs, scores, costs, allowed):
        aligned = Alignment.of(inputs[:, list(step.chosen)] @ step.weights, scores)
        sums.append(judged(_Candidate(step=step, aligned=aligned)))
    apart = (scores - threshold) / max(float(scores.std()), 1e-12)
    taught: list[_Candidate] = []

    def teach(plain: _Candidate) -> None:
        chosen = inputs[:, list(plain.step.chosen)]
        lacking = scores - plain.scores(rows.taught)
        student = Student.taught(chosen, rows.taught.X, lacking, apart, seed=0)
        taken = _median(lambda i: student(chosen[[i]], rows.taught.X[[i]]), _MEMBER_CALLS)
        taught.append(judged(replace(plain, student=student, milliseconds=taken)))

    for plain in (sums[n - 1] for n in _PUPILS if n <= len(sums)):
        teach(plain)
    room = allowed - max((c.milliseconds for c in taught), default=0.0)
    largest = sum(sum(costs[i] for i in plain.step.chosen) <= room for plain in sums)
    if largest and largest not in _PUPILS:
        teach(sums[largest - 1])
    return sums + taught


def _point(
    candidate: _Candidate, rows: _Rows, spent: tuple[float, list[float], list[float]], threshold: float
) -> CompactPoint:
    base, costs, sizes = spent
    scores, chosen = candidate.scores(rows), candidate.step.chosen
    forest = candidate.student.to_state().arrays.values() if candidate.student is not None else ()
    return CompactPoint(
        members=len(chosen),
        latency_ms=base + sum(costs[i] for i in chosen) + candidate.milliseconds,
        size_mb=sum(sizes[i] for i in chosen) + sum(array.nbytes for array in forest) / 1e6,
        agreement=agreement(scores, rows.scores),
        overlap=overlap(scores, rows.scores, threshold),
        taught=candidate.student is not None,
    )


def _lost(small: FittedEnsemble, threshold: float, samples: _Samples) -> dict[str, float]:
    out = {}
    for end, rows in (("", samples.held_out), ("_training", samples.training)):
        scores = small.score(rows.X)
        out[f"rank_correlation{end}"] = agreement(scores, rows.scores)
        out[f"overlap{end}"] = overlap(scores, rows.scores, threshold)
    return out


def _milliseconds(model: Model, ensemble: FittedEnsemble, X: FloatArray) -> float:
    """Median of reading, scoring and judging one row."""
    whole = replace(model, ensemble=ensemble)

    def judge(i: int) -> None:
        _read(model, i)
        scores = whole.score(X[[i]])
        confidence_of(model.verdict.calibration.at(scores), scores > model.verdict.threshold)

    return _median(judge, _CALLS)


def _median(call: Callable[[int], Any], count: int) -> float:
    """Median milliseconds of calls, after one that does not count; of a few rounds the best.

    What else runs beside it makes calls dearer for seconds at a time, and no call cheaper.
    """
    call(count)
    rounds = []
    for _ in range(_ROUNDS):
        taken = []
        for i in range(count):
            start = _CLOCK()
            call(i)
            taken.append(_CLOCK() - start)
        rounds.append(float(np.median(taken)))
    return min(rounds) * 1e3


def _made(detector: D, small: FittedEnsemble) -> D:
    made = type(detector)(**detector.get_params(deep=False))
    result = replace(detector.result_, ensemble=small.record)
    made._adopt(replace(detector._model, ensemble=small, population=None), result)
    return made


def _megabytes(detector: AutonomousDetector) -> float:
    with tempfile.TemporaryDirectory(prefix="pynomaly-") as folder:
        return save(detector._fitted_now(), Path(folder) / "model", trusted=True).stat().st_size / 1e6


def _read(model: Model, i: int) -> None:
    row = model.cells.iloc[[i % len(model.cells)]]
    model.encode(row if hasattr(model.encoder, "feature_names_in_") else row.to_numpy())


def _score(member: Scorer, X: FloatArray, i: int) -> None:
    member.score(X[[i]], shared=None)


def _member_megabytes(member: Any) -> float:
    return float(sum(array.nbytes for array in member.to_state(trusted=True).arrays.values())) / 1e6


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
