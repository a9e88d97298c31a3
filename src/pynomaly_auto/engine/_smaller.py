"""What smaller models of a fitted one are made and judged by: rows, what the whole one says of them, candidates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pynomaly_auto.deciding import confidence_of
from pynomaly_auto.engine._model import Model
from pynomaly_auto.ensembling import Alignment, FittedEnsemble, Step, Student, agreed, agreement, overlap
from pynomaly_auto.records import FloatArray

ROWS = 1_000  # training rows, and resampled ones, that a smaller model is to agree on
TAUGHT = 6_000  # resampled rows that it is fitted on
CHOICE = 3_000  # others that it is chosen by: of a hundred flagged rows two more or fewer would be luck
_STRAY = 0.3  # how far a resampled row strays: so much of the difference of two others


@dataclass(frozen=True, kw_only=True, eq=False)
class Rows:
    """Rows and what the whole ensemble says of them."""

    X: FloatArray = field(repr=False)
    inputs: FloatArray = field(repr=False)
    scores: FloatArray = field(repr=False)

    @classmethod
    def scored(cls, model: Model, X: FloatArray) -> Rows:
        """By the whole ensemble."""
        inputs, scores = model.ensemble.inputs_and_scores(X)
        return cls(X=X, inputs=inputs, scores=scores)


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """The rows that smaller models are made and judged by.

    Args:
        taught: Resampled rows, to fit by.
        choice: Others, to choose by.
        held_out: Others, to measure by.
        training: Training rows as if they were new.
    """

    taught: Rows
    choice: Rows
    held_out: Rows
    training: FloatArray = field(repr=False)

    @classmethod
    def of(cls, model: Model, *, taught: int = TAUGHT, choice: int = CHOICE, held_out: int = ROWS) -> Samples:
        """Draw them and score them by the whole ensemble."""
        rng = np.random.default_rng(0)
        X = model.reference.rows
        if len(X) > ROWS:
            X = X[np.sort(rng.choice(len(X), ROWS, replace=False))]

        def resampled(count: int) -> Rows:
            at, one, other = (rng.integers(0, len(X), count) for _ in range(3))
            stray = (X[one] - X[other]) * (rng.random((count, X.shape[1])) < 0.5)
            return Rows.scored(model, np.asarray(X[at] + _STRAY * stray))

        return cls(taught=resampled(taught), choice=resampled(choice), held_out=resampled(held_out), training=X)


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
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

    @classmethod
    def summed(cls, step: Step, rows: Rows) -> Candidate:
        """A sum alone, on the scale of the whole ensemble."""
        return cls(step=step, aligned=Alignment.of(rows.inputs[:, list(step.chosen)] @ step.weights, rows.scores))

    def with_student(self, rows: Rows, threshold: float) -> Candidate:
        """With trees that are taught what the sum lacks."""
        apart = (rows.scores - threshold) / max(float(rows.scores.std()), 1e-12)
        lacking = rows.scores - self.scores(rows)
        student = Student.taught(rows.inputs[:, list(self.step.chosen)], rows.X, lacking, apart, seed=0)
        return replace(self, student=student)

    def judged(self, rows: Rows, threshold: float) -> Candidate:
        """With how far it agrees on some rows."""
        mine = self.scores(rows)
        return replace(self, quality=agreement(mine, rows.scores) + overlap(mine, rows.scores, threshold))

    def scores(self, rows: Rows) -> FloatArray:
        """Of rows whose inputs are there."""
        inputs = rows.inputs[:, list(self.step.chosen)]
        sums = self.aligned(inputs @ self.step.weights)
        return sums if self.student is None else sums + self.student(inputs, rows.X)

    def heard(self) -> tuple[list[int], list[float]]:
        """Its members and their weights; a sum alone does without members that have no weight in it."""
        chosen, weights = list(self.step.chosen), self.step.weights.tolist()
        if self.student is None:
            kept = [(i, w) for i, w in zip(chosen, weights, strict=True) if w > 0]
            chosen, weights = [i for i, _ in kept], [w for _, w in kept]
        return chosen, weights

    def of(self, whole: FittedEnsemble) -> FittedEnsemble:
        """The ensemble itself."""
        made = whole.smaller(*self.heard(), self.aligned, self.student)
        return replace(made, record=agreed(made.record))

    @property
    def student_megabytes(self) -> float:
        """Of the trees' arrays."""
        arrays = self.student.to_state().arrays.values() if self.student is not None else ()
        return sum(array.nbytes for array in arrays) / 1e6


def member_megabytes(member: Any) -> float:
    """What the arrays of a fitted member take, before they are packed."""
    return float(sum(array.nbytes for array in member.to_state(trusted=True).arrays.values())) / 1e6


# What else runs on the machine must not decide how large a model may be, where the system can tell one thread's time.
_CLOCK = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-4 else time.perf_counter
_ROUNDS = 3
CALLS = 25


def row_milliseconds(model: Model, X: FloatArray) -> float:
    """Median of reading, scoring and judging one row."""

    def judge(i: int) -> None:
        read_row(model, i)
        scores = model.score(X[[i]])
        confidence_of(model.verdict.calibration.at(scores), scores > model.verdict.threshold)

    return median_milliseconds(judge, CALLS)


def read_row(model: Model, i: int) -> None:
    """Encode one row as a user gives it."""
    row = model.cells.iloc[[i % len(model.cells)]]
    model.encode(row if hasattr(model.encoder, "feature_names_in_") else row.to_numpy())


def median_milliseconds(call: Callable[[int], Any], count: int) -> float:
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
