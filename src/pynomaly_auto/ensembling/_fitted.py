"""The combined score of old and new rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pynomaly_auto.ensembling import _novelty as novelty
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.records import Ensemble, FloatArray, Member, Reason
from pynomaly_auto.scoring import beyond, spread, tail_ranks

_KNOTS = 4096  # most points a member's distribution is kept as
_MANY_ROWS = 20_000  # from here on members score new rows side by side
_EXACT = 1024  # largest scores kept one by one when a distribution is compressed


class _Detector(Protocol):
    def score(self, X: FloatArray) -> FloatArray: ...


class _Fitted(Protocol):
    @property
    def member(self) -> Member: ...
    @property
    def detector(self) -> Any: ...
    @property
    def scores(self) -> FloatArray: ...
    @property
    def reasons(self) -> tuple[Reason, ...]: ...


@dataclass(frozen=True, eq=False)
class _Distribution:
    """A member's training scores, as a map from score to −log tail rank.

    Args:
        values: Distinct scores, ascending; at most `_KNOTS`.
        ranks: −log tail rank at each of them.
        scale: Unit in which the excess beyond the largest is measured.
        bounded: Whether that excess stays below 1, or goes on as an exponential tail does.
    """

    values: FloatArray
    ranks: FloatArray
    scale: float
    bounded: bool = True

    @classmethod
    def of(cls, scores: FloatArray, *, bounded: bool = True) -> _Distribution:
        ordered = np.sort(np.asarray(scores, dtype=np.float64))
        n = len(ordered)
        kept = ordered
        if n > _KNOTS:
            lower = np.linspace(0, n - 1 - _EXACT, _KNOTS - _EXACT).astype(int)
            kept = np.concatenate([ordered[lower], ordered[n - _EXACT :]])
        values = np.unique(kept)
        scale = spread(ordered) if bounded else novelty.tail_scale(ordered)
        return cls(values, tail_ranks(values, ordered), scale, bounded)

    def __call__(self, scores: FloatArray) -> FloatArray:
        inside = np.interp(scores, self.values, self.ranks)
        excess = beyond if self.bounded else novelty.excess
        return np.asarray(inside + excess(scores, float(self.values[-1]), self.scale), dtype=np.float64)


class FittedEnsemble:
    """The members, fitted, behind one score.

    New rows are mapped through the training rows' distributions, so one row alone gets the same score as in a batch,
    and a training row the score it was given in training. A row beyond all training rows of a member gets that
    member's largest value plus an excess: a bounded one, or (novelty) one that grows as an exponential tail says.

    Args:
        record: The members that could be fitted, with weights that sum to 1.
        detectors: Their fitted detectors, in the same order.
        distributions: Their training scores.
        member_scores: −log tail ranks of the training rows; shape (n_rows, n_members).
    """

    def __init__(
        self,
        record: Ensemble,
        detectors: Sequence[_Detector],
        distributions: Sequence[_Distribution],
        member_scores: FloatArray,
    ) -> None:
        self.record = record
        self.detectors = tuple(detectors)
        self.member_scores = member_scores
        self._distributions = tuple(distributions)
        self.train_scores = self._combine(member_scores)

    @classmethod
    def of(cls, ensemble: Ensemble, fitted: Iterable[_Fitted]) -> FittedEnsemble:
        """Combine what could be fitted; the weights of missing members go to the others in proportion.

        Raises:
            NothingFinishedError: Nothing could be fitted.
        """
        made = list(fitted)
        total = sum(f.member.weight for f in made)
        if not made:
            raise NothingFinishedError("no member of the ensemble could be fitted.", where="ensembling")
        members = tuple(
            replace(
                f.member, weight=f.member.weight / total if total > 0 else 1 / len(made),
                reasons=f.member.reasons + f.reasons,
            )
            for f in made
        )  # fmt: skip
        reasons = ensemble.reasons
        missing = len(ensemble.members) - len(made)
        if missing:
            text = f"{missing} of {len(ensemble.members)} members could not be fitted; the others share their weight."
            evidence = {"missing": missing, "members": len(made)}
            reasons += (Reason(code="ENS-020", subject="ensemble", text=text, evidence=evidence),)
        bounded = ensemble.combiner != novelty.COMBINER
        distributions = [_Distribution.of(f.scores, bounded=bounded) for f in made]
        inputs = np.column_stack([d(f.scores) for d, f in zip(distributions, made, strict=True)])
        record = replace(ensemble, members=members, reasons=reasons)
        return cls(record, [f.detector for f in made], distributions, inputs)

    def member_inputs(self, X: FloatArray) -> FloatArray:
        """−log tail ranks of new encoded rows among each member's training rows; shape (n_rows, n_members).

        Raises:
            DetectorError: A member returned something other than one number per row.
        """
        if len(X) < _MANY_ROWS or len(self.detectors) == 1:
            return np.column_stack([self._input(i, X) for i in range(len(self.detectors))])
        # Members side by side: most of their work is done in compiled code that lets other threads run. Each thread
        # has a member to itself, as no library promises that one estimator may be used from two.
        with ThreadPoolExecutor(min(len(self.detectors), os.cpu_count() or 1)) as threads:
            return np.column_stack(list(threads.map(lambda i: self._input(i, X), range(len(self.detectors)))))

    def _input(self, i: int, X: FloatArray) -> FloatArray:
        return self._distributions[i](self.detectors[i].score(X))

    def score(self, X: FloatArray) -> FloatArray:
        """Combined score of new encoded rows, higher = more anomalous; shape (n_rows,).

        Raises:
            DetectorError: A member returned something other than one number per row.
        """
        return self._combine(self.member_inputs(X))

    def to_state(self) -> dict[str, FloatArray]:
        """The arrays that, with the record and the detectors, make it again."""
        state: dict[str, FloatArray] = {}
        for i, distribution in enumerate(self._distributions):
            state[f"values_{i}"] = distribution.values
            state[f"ranks_{i}"] = distribution.ranks
            state[f"scale_{i}"] = np.array([distribution.scale])
        return state

    @classmethod
    def from_state(
        cls, record: Ensemble, detectors: Sequence[_Detector], state: Mapping[str, FloatArray]
    ) -> FittedEnsemble:
        """Make it again from what `to_state` gave; without training rows, so ``train_scores`` is empty."""
        bounded = record.combiner != novelty.COMBINER
        distributions = [
            _Distribution(state[f"values_{i}"], state[f"ranks_{i}"], float(state[f"scale_{i}"][0]), bounded)
            for i in range(len(record.members))
        ]
        return cls(record, detectors, distributions, np.empty((0, len(record.members))))

    def _combine(self, inputs: FloatArray) -> FloatArray:
        if self.record.combiner == novelty.COMBINER:
            return novelty.stronger_half(inputs, [member.weight for member in self.record.members])
        # Column by column: a matrix product may round differently for one row than for many.
        out = np.zeros(len(inputs))
        for member, column in zip(self.record.members, inputs.T, strict=True):
            out += member.weight * column
        return out
