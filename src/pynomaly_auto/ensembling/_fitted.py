"""The combined score of old and new rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from pynomaly_auto._machine import usable_cores
from pynomaly_auto.detectors import Scorer, score_each
from pynomaly_auto.ensembling._combining import COMBINERS, mean_of
from pynomaly_auto.ensembling._compacting import COMPACT_COMBINER, TAUGHT_COMBINER, Alignment
from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.ensembling._fusing import Fused, fusion_reason, named, unfused_reason
from pynomaly_auto.ensembling._student import Student
from pynomaly_auto.ensembling._weighing import settled, weigh
from pynomaly_auto.errors import NothingFinishedError, StorageError
from pynomaly_auto.knowledge import Calibrator, Fusion, Judged, Votes, table_facts
from pynomaly_auto.records import Ensemble, FloatArray, Member, Reason, State, restore
from pynomaly_auto.regimes import Tail
from pynomaly_auto.scoring import tail_ranks

_ALIGNED = "alignment"
_FUSED = "fused"
_STUDENT = "student"
_MANY_ROWS = 200  # from here on members score new rows side by side


class _Fitted(Protocol):
    @property
    def member(self) -> Member: ...
    @property
    def detector(self) -> Any: ...
    @property
    def scores(self) -> FloatArray: ...
    @property
    def reasons(self) -> tuple[Reason, ...]: ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Expertise:
    """What the knowledge base lends an ensemble on one table.

    Args:
        fusion: The learned fusion.
        trust: In [0, 1]: how much the knowledge base knows of tables like this one; the fusion's weight follows it.
        X: The encoded training rows; shape (n_rows, n_features).
        seed: Seed of everything random.
    """

    fusion: Fusion
    trust: float
    X: FloatArray = field(repr=False)
    seed: int


class FittedEnsemble:
    """The members, fitted, behind one score: the robust mean of −log tail ranks, blended with the learned fusion.

    New rows are mapped through the training rows' distributions, so one row alone gets the same score as in a batch,
    and a training row the score it was given in training. A row beyond all training rows of a member gets that
    member's largest value plus an excess: a bounded one, or one that grows as an exponential tail says. Instead of the
    robust mean another may be in force; the record's combiner says which (see `mean_of`).

    Args:
        record: The members that could be fitted; their weights sum to 1.
        detectors: Their fitted detectors, in the same order.
        distributions: Their training scores.
        robust: Their weights in the robust mean; they sum to 1.
        fused: The learned fusion, bound to the table; None: the robust mean alone.
    """

    aligned: Alignment | None = None  # of a smaller ensemble, onto the scale of the whole one
    student: Student | None = None  # what is added to it then

    def __init__(
        self,
        record: Ensemble,
        detectors: Sequence[Scorer],
        distributions: Sequence[Distribution],
        robust: Sequence[float],
        fused: Fused | None = None,
    ) -> None:
        self.record = record
        self.detectors = tuple(detectors)
        self.fused = fused
        self.positions = tuple(range(len(self.detectors)))  # of its members among those it was made of
        self.train_scores: FloatArray = np.empty(0)
        self.train_odds: FloatArray | None = None
        self._facts: Mapping[str, float] = {}  # what the odds were given of the table
        self.member_scores: FloatArray = np.empty((0, len(self.detectors)))
        self._distributions = tuple(distributions)
        self._robust = tuple(robust)
        self._names = named(record.members)

    @classmethod
    def of(
        cls,
        ensemble: Ensemble,
        fitted: Iterable[_Fitted],
        expertise: Expertise | None = None,
        *,
        tail: Tail = "bounded",
    ) -> FittedEnsemble:
        """Combine what could be fitted; the weights of missing members go to the others in proportion.

        Members without any weight in the final score are left out; `positions` tells which are there.

        Args:
            ensemble: The members asked for, with their weights in the robust mean.
            fitted: Those that could be fitted, with the scores of all training rows.
            expertise: The learned fusion and how far to trust it; None: the robust mean alone.
            tail: How a member's input goes on beyond its largest training score.

        Raises:
            NothingFinishedError: Nothing could be fitted.
        """
        made = list(fitted)
        if not made:
            raise NothingFinishedError("no member of the ensemble could be fitted.", where="ensembling")
        members = [replace(f.member, reasons=f.member.reasons + f.reasons) for f in made]
        blend = 0.0 if expertise is None else expertise.fusion.blend * expertise.trust
        weights = weigh(members, None if expertise is None else expertise.fusion, blend)
        kept = tuple(i for i, share in enumerate(weights.shares) if share > 0)  # the others say nothing in the score
        live = cls(
            replace(ensemble, members=tuple(members[i] for i in kept)), [made[i].detector for i in kept],
            [Distribution.of(made[i].scores, bounded=tail == "bounded") for i in kept], weights.only(kept).robust,
        )  # fmt: skip
        live.positions = kept
        told = live._train([made[i].scores for i in kept], expertise, weights.fused)
        if not told and any(m.weight == 0 for m in members):  # chosen to vote, and then there was no time to
            told = (unfused_reason(),)
        live.record = settled(ensemble, members, weights, told)
        return live

    def _train(self, scores: Sequence[FloatArray], lent: Expertise | None, weight: float) -> tuple[Reason, ...]:
        """Score the training rows, bind the fusion to them, and say how much it counts."""
        self.member_scores = np.column_stack([d(s) for d, s in zip(self._distributions, scores, strict=True)])
        self.train_scores = robust = self._mean(self.member_scores)
        if lent is None:
            return ()
        votes = self._votes(self.member_scores, scores)
        known = votes.only(lent.fusion.among(votes.names))
        if known.names and lent.trust > 0:
            self._facts = table_facts(known, n_features=lent.X.shape[1])
            if weight > 0:
                fused, self.train_odds = Fused.of(lent.fusion, known, self._facts, weight)
                blended = fused.blend(robust, self.train_odds)
                self.fused, self.train_scores = fused.over(lent.X, blended, seed=lent.seed)
            else:  # too few for the score, and yet enough to tell how many of such rows were anomalies
                self.train_odds = lent.fusion.log_odds(known, self._facts)
        return (fusion_reason(self.fused, lent.trust, len(known.names)),)

    def probabilities(self, calibrator: Calibrator) -> FloatArray | None:
        """What the knowledge base takes for the probability that a training row is an anomaly.

        It is asked as soon as one member is known to it, long before the fusion is in force: its estimate is then as
        good as with all members (decision 0015), and the count does not jump where the fusion comes in.

        Returns:
            Shape (n_rows,); None where it knows no member or no table like this one.
        """
        if self.train_odds is None:
            return None
        robust, scores = self._mean(self.member_scores), self.train_scores
        judged = Judged(scores=scores, odds=self.train_odds, robust=robust, tails=tail_ranks(scores), facts=self._facts)
        return calibrator.probabilities(judged)

    def score(self, X: FloatArray) -> FloatArray:
        """Combined score of new encoded rows, higher = more anomalous; shape (n_rows,).

        Raises:
            DetectorError: A member returned something other than one number per row.
        """
        return self.inputs_and_scores(X)[1]

    def _combined(self, X: FloatArray, ranks: FloatArray, raw: Sequence[FloatArray]) -> FloatArray:
        robust = self._mean(ranks)
        if self.fused is None:
            aligned = robust if self.aligned is None else self.aligned(robust)
            return aligned if self.student is None else aligned + self.student(ranks, X)
        return self.fused.score(X, robust, self._votes(ranks, raw))

    def heaviest(self, most: int) -> FittedEnsemble:
        """The members that weigh most, alone behind the robust mean: quick to score, and in nearly the same order.

        Args:
            most: How many.
        """
        members = self.record.members
        chosen = sorted(sorted(range(len(members)), key=lambda i: (-members[i].weight, i))[:most])
        total = sum(members[i].weight for i in chosen)
        weights = [members[i].weight / total if total > 0 else 1.0 / len(chosen) for i in chosen]
        return self.summed(chosen, weights, self.record.combiner if self.fused is None else COMBINERS["robust mean"])

    def summed(self, chosen: Sequence[int], weights: Sequence[float], combiner: str) -> FittedEnsemble:
        """Some of the members alone, behind a weighted sum.

        Args:
            chosen: Their positions.
            weights: Of their −log tail ranks in the sum; as the members' weights they are told as shares.
            combiner: What it is called.
        """
        total = sum(weights) or 1.0
        kept = [replace(self.record.members[i], weight=w / total) for i, w in zip(chosen, weights, strict=True)]
        return FittedEnsemble(
            replace(self.record, members=tuple(kept), combiner=combiner), [self.detectors[i] for i in chosen],
            [self._distributions[i] for i in chosen], weights,
        )  # fmt: skip

    def smaller(
        self, chosen: Sequence[int], weights: Sequence[float], aligned: Alignment, student: Student | None
    ) -> FittedEnsemble:
        """Some of the members alone, behind a sum that is made to agree with this one's score.

        Args:
            chosen: Their positions.
            weights: As in `summed`.
            aligned: Onto the scale of this one.
            student: Adds what the sum lacks; it sees these members in this order. None: nothing does.
        """
        made = self.summed(chosen, weights, COMPACT_COMBINER if student is None else TAUGHT_COMBINER)
        made.aligned, made.student = aligned, student
        return made

    def inputs_and_scores(self, X: FloatArray) -> tuple[FloatArray, FloatArray]:
        """New encoded rows' −log tail ranks among each member's training rows, and what `score` says, in one pass.

        Returns:
            Shapes (n_rows, n_members) and (n_rows,).

        Raises:
            DetectorError: A member returned something other than one number per row.
        """
        raw = self._raw(X)
        ranks = self._ranks(raw)
        return ranks, self._combined(X, ranks, raw)

    def to_state(self) -> State:
        """What, with the detectors, makes it again."""
        out = State(
            arrays={"robust": np.asarray(self._robust, dtype=np.float64)},
            values={
                "record": self.record.to_dict(),
                "fused": self.fused is not None,
                "aligned": self.aligned is not None,
                "student": self.student is not None,
            },
        )
        if self.aligned is not None:
            out = out | self.aligned.to_state().within(_ALIGNED)
        if self.student is not None:
            out = out | self.student.to_state().within(_STUDENT)
        for i, distribution in enumerate(self._distributions):
            out = out | distribution.to_state().within(f"distribution.{i}")
        return out if self.fused is None else out | self.fused.to_state().within(_FUSED)

    @classmethod
    def from_state(
        cls,
        state: State,
        make: Callable[[Member, int], Scorer],
        n_features: int,
    ) -> FittedEnsemble:
        """Make it again from what `to_state` gave; without training rows, so ``train_scores`` is empty.

        Args:
            state: From `to_state`.
            make: Makes the detector of a member, which has that number.
            n_features: Columns of the rows it is to score.

        Raises:
            StorageError: Something is missing, or does not fit.
        """
        record = restore(Ensemble, state.value("record", dict))
        weights = state.array("robust", ndim=1)
        if len(weights) != len(record.members) or not len(weights) or not np.isfinite(weights).all():
            raise StorageError("the weights are not one finite number per member.", where="ensemble")
        members = [Distribution.from_state(state.part(f"distribution.{i}")) for i in range(len(weights))]
        fused = Fused.from_state(state.part(_FUSED), n_features) if state.value("fused", bool) else None
        detectors = [make(member, i) for i, member in enumerate(record.members)]
        made = cls(record, detectors, members, [float(w) for w in weights], fused)
        if state.value("aligned", bool):
            made.aligned = Alignment.from_state(state.part(_ALIGNED))
        if state.values.get("student") is not None and state.value("student", bool):  # older files know none
            made.student = Student.from_state(state.part(_STUDENT), len(weights) + n_features)
        return made

    def _raw(self, X: FloatArray) -> list[FloatArray]:
        """The members' raw scores, one array each."""
        # Side by side on many rows: most of the work is done in compiled code that lets other threads run.
        n_threads = 1 if len(X) < _MANY_ROWS else min(len(self.detectors), usable_cores())
        return score_each(self.detectors, X, n_threads=n_threads)

    def _ranks(self, raw: Sequence[FloatArray]) -> FloatArray:
        return np.column_stack([d(s) for d, s in zip(self._distributions, raw, strict=True)])

    def _votes(self, ranks: FloatArray, raw: Sequence[FloatArray]) -> Votes:
        """What the members that have a name in the fusion say."""
        kept = [i for i, name in enumerate(self._names) if name]
        columns = [self._distributions[i].magnitude(raw[i]) for i in kept]
        return Votes(
            names=tuple(self._names[i] for i in kept),
            ranks=ranks[:, kept],
            magnitudes=np.column_stack(columns) if columns else np.empty((len(ranks), 0)),
        )

    def _mean(self, ranks: FloatArray) -> FloatArray:
        return mean_of(self.record.combiner)(ranks, self._robust)
