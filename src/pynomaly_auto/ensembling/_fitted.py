"""The combined score of old and new rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from pynomaly_auto._machine import parts, usable_cores
from pynomaly_auto.detectors import Scorer, score_each
from pynomaly_auto.ensembling._cells import Cells
from pynomaly_auto.ensembling._combining import COMBINERS, mean_of
from pynomaly_auto.ensembling._compacting import COMPACT_COMBINER, TAUGHT_COMBINER, Alignment
from pynomaly_auto.ensembling._distribution import Distribution, ranks_among
from pynomaly_auto.ensembling._fitted_state import parts_of, state_of
from pynomaly_auto.ensembling._fusing import Fused, fusion_reason, named, unfused_reason
from pynomaly_auto.ensembling._neighbourhood import Neighbourhood
from pynomaly_auto.ensembling._student import Student
from pynomaly_auto.ensembling._trained import Expertise, Trained
from pynomaly_auto.ensembling._weighing import Weights, joined, reweighed, settled, weigh, weighed_with
from pynomaly_auto.ensembling._with_cells import BaseScores, WithCells
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.models import Calibrator, CellFusion, Judged, MemberScores, Rows, sampled_rows, table_facts
from pynomaly_auto.records import Ensemble, FloatArray, Member, Reason, State
from pynomaly_auto.regimes import Tail
from pynomaly_auto.scoring import tail_ranks

_FUSED_ROWS = 250_000  # training rows fused at a time: what the fusion is told is twice what members say
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
class FittedEnsemble:
    """The members, fitted, behind one score: the robust mean of −log tail ranks, blended with the learned fusion.

    New rows are mapped through the training rows' distributions, so one row alone gets the same score as in a batch,
    and a training row the score it was given in training. A row beyond all training rows of a member gets that
    member's largest value plus an excess: a bounded one, or one that grows as an exponential tail says. Instead of the
    robust mean another may be in force; the record's combiner says which (see `mean_of`).

    Nothing of it changes; `with_member` and `reweighed` give another one.

    Args:
        record: The members that could be fitted; their weights sum to 1.
        detectors: Their fitted detectors, in the same order.
        distributions: Their training scores.
        robust: Their weights in the robust mean; they sum to 1.
        fused: The learned fusion, bound to the table; None: the robust mean alone.
        aligned: Of a smaller ensemble, onto the scale of the whole one; None: it is on its own.
        cells: What weighs the evidence of cells beside this score; None: none is heard, and rows have none.
        student: Adds what the sum of a smaller ensemble lacks; None: nothing does.
        beside: Evidences in a row behind its features that only the student sees.
        trained: What it knows of its training rows; None: nothing.
    """

    record: Ensemble
    detectors: tuple[Scorer, ...]
    distributions: tuple[Distribution, ...]
    robust: tuple[float, ...]
    fused: Fused | None = None
    aligned: Alignment | None = None
    cells: WithCells | None = None
    student: Student | None = None
    beside: int = 0
    trained: Trained | None = None

    @property
    def positions(self) -> tuple[int, ...]:
        """Of its members among those it was made of."""
        return tuple(range(len(self.detectors))) if self.trained is None else self.trained.positions

    @property
    def train_scores(self) -> FloatArray:
        """Final scores of the training rows, shape (n_rows,); empty where they are not known."""
        return np.empty(0) if self.trained is None else self.trained.scores

    @property
    def member_scores(self) -> FloatArray:
        """The members' −log tail ranks of the training rows, shape (n_rows, n_members); empty where not known."""
        return np.empty((0, len(self.detectors))) if self.trained is None else self.trained.member_scores

    @property
    def train_odds(self) -> FloatArray | None:
        """Log odds of the training rows by the learned fusion, shape (n_rows,); None where there are none."""
        return None if self.trained is None else self.trained.odds

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return named(self.record.members)

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
        bare = cls(
            record=replace(ensemble, members=tuple(members[i] for i in kept)),
            detectors=tuple(made[i].detector for i in kept),
            distributions=tuple(Distribution.of(made[i].scores, bounded=tail == "bounded") for i in kept),
            robust=weights.only(kept).robust,
        )
        scores = [made[i].scores for i in kept]
        told: tuple[Reason, ...] = ()
        if expertise is None:
            whole = bare._trained_alone(kept, scores)
        else:
            whole, told = bare._trained_with(expertise, weights.fused, kept, scores)
        if not told and any(m.weight == 0 for m in members):  # chosen for the fusion, and then there was no time to
            told = (unfused_reason(),)
        return replace(whole, record=settled(ensemble, members, weights, told))

    def _trained_alone(self, positions: tuple[int, ...], scores: Sequence[FloatArray]) -> FittedEnsemble:
        """With the training rows scored by the robust mean alone."""
        ranks = ranks_among(self.distributions, scores)
        return replace(self, trained=Trained(positions=positions, member_scores=ranks, scores=self._mean(ranks)))

    def _trained_with(
        self, lent: Expertise, weight: float, positions: tuple[int, ...], scores: Sequence[FloatArray]
    ) -> tuple[FittedEnsemble, tuple[Reason, ...]]:
        """With the fusion bound to the training rows, these scored, and why it counts as much as it does."""
        ranks = ranks_among(self.distributions, scores)
        final, odds, facts, fused = self._mean(ranks), None, {}, None
        names = lent.fusion.among([name for name in self._names if name])

        def known(rows: Rows) -> MemberScores:
            return self._named_scores(ranks[rows], [one[rows] for one in scores]).only(names)

        if names and lent.trust > 0:
            facts = table_facts(known(sampled_rows(len(ranks))), n_features=lent.X.shape[1], n_rows=len(ranks))
            odds = np.concatenate([lent.fusion.log_odds(known(part), facts) for part in parts(len(ranks), _FUSED_ROWS)])
            if weight > 0:  # else too few for the score, yet enough to tell how many of such rows were anomalies
                bound = Fused.of(lent.fusion, odds, facts, weight)
                fused, final = bound.over(lent.X, bound.blend(final, odds), seed=lent.seed)
        trained = Trained(positions=positions, member_scores=ranks, scores=final, odds=odds, facts=facts)
        return replace(self, fused=fused, trained=trained), (fusion_reason(fused, lent.trust, len(names)),)

    def probabilities(self, calibrator: Calibrator) -> FloatArray | None:
        """What the knowledge base takes for the probability that a training row is an anomaly.

        It is asked as soon as one member is known to it, long before the fusion is in force: its estimate is then as
        good as with all members (decision 0015), and the count does not jump where the fusion comes in.

        Returns:
            Shape (n_rows,); None where it knows no member or no table like this one.
        """
        known = self.trained
        if known is None or known.odds is None:
            return None
        judged = Judged(
            scores=known.scores, odds=known.odds, robust=self._mean(known.member_scores),
            tails=tail_ranks(known.scores), facts=known.facts,
        )  # fmt: skip
        return calibrator.probabilities(judged)

    def hearing(self, fusion: CellFusion, cells: Cells, evidence: FloatArray, kinds: Sequence[str]) -> FittedEnsemble:
        """The same with the evidence of the training rows' cells heard beside it.

        Args:
            fusion: What weighs it.
            cells: The evidence, and its judge.
            evidence: In the training rows' cells; shape (n_rows, n_cell_features).
            kinds: Kind of each column.
        """
        known = self.trained
        assert known is not None
        told = self._base_scores(known.scores, known.member_scores)
        live, odds, scores = WithCells.of(fusion, cells, told, evidence, kinds)
        trained = replace(known, scores=scores, odds=odds, facts=live.facts)
        return replace(self, cells=live, record=live.told(self.record), trained=trained)

    def score(self, rows: FloatArray) -> FloatArray:
        """Combined score of new rows, higher = more anomalous; shape (n_rows,).

        Args:
            rows: Encoded, the evidence of their cells behind where that is heard (`Dataset.rows`).

        Raises:
            DetectorError: A member returned something other than one number per row.
        """
        return self.inputs_and_scores(rows)[1]

    def plain_score(self, rows: FloatArray) -> FloatArray:
        """A score in nearly the same order in which nothing learned weighs the cells, for explanations."""
        if self.cells is None:
            return self.score(rows)
        X, evidence = self._apart(rows)
        return self.cells.plainly(replace(self, cells=None).score(X), evidence)

    @property
    def evidences(self) -> int:
        """How many evidences of cells stand in a row behind its encoded features."""
        return self.beside if self.cells is None else len(self.cells.layout.columns)

    def features_of(self, rows: FloatArray) -> FloatArray:
        """What members see of rows: their encoded features; shape (n_rows, n_features)."""
        return np.ascontiguousarray(rows[:, : rows.shape[1] - self.evidences])

    def _apart(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        X = self.features_of(rows)
        return X, rows[:, X.shape[1] :]

    def _base_scores(self, final: FloatArray, ranks: FloatArray) -> BaseScores:
        return BaseScores(final=final, robust=self._mean(ranks), members=self._names, ranks=ranks)

    def _combined(self, X: FloatArray, ranks: FloatArray, raw: Sequence[FloatArray]) -> FloatArray:
        robust = self._mean(ranks)
        if self.fused is None:
            return robust if self.aligned is None else self.aligned(robust)
        return self.fused.score(X, robust, self._named_scores(ranks, raw))

    def heaviest(self, most: int) -> FittedEnsemble:
        """So many members, those that weigh most, alone behind the robust mean: quick, and in nearly the same order."""
        members = self.record.members
        chosen = sorted(sorted(range(len(members)), key=lambda i: (-members[i].weight, i))[:most])
        total = sum(members[i].weight for i in chosen)
        weights = [members[i].weight / total if total > 0 else 1.0 / len(chosen) for i in chosen]
        plain = self.record.combiner if self.fused is None and self.cells is None else COMBINERS["robust mean"]
        if self.beside and self.student is not None and len(chosen) == len(members):
            return self  # what it was taught of the cells has no place in a sum
        return replace(self.summed(chosen, weights, plain), cells=self.cells, beside=self.beside)

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
            record=replace(self.record, members=tuple(kept), combiner=combiner),
            detectors=tuple(self.detectors[i] for i in chosen),
            distributions=tuple(self.distributions[i] for i in chosen),
            robust=tuple(weights),
        )

    def with_member(self, member: Member, detector: Scorer, distribution: Distribution) -> FittedEnsemble:
        """The same with one member more; the others give way in proportion, through both combiners.

        Args:
            member: Its record; its ``weight``, in (0, 1), is its share of the ensemble's score.
            detector: Fitted.
            distribution: Of its scores of the rows that scores are compared with.
        """
        weights = weighed_with(self._weights(), member.weight)
        wider = replace(
            self,
            record=joined(self.record, member, weights),
            detectors=(*self.detectors, detector),
            distributions=(*self.distributions, distribution),
            robust=weights.robust,
            fused=self._fused_at(weights.fused),
            trained=None,
        )
        return wider._around_moved(self)

    def reweighed(self, robust: Sequence[float], fused: float | None = None) -> FittedEnsemble:
        """The same members with other weights.

        Args:
            robust: Of each in the robust mean: none negative, one above 0; taken in proportion.
            fused: Of the learned fusion beside it, in [0, 1]; None: as it is. Without a fusion there is none to weigh.
        """
        weights = self._weights().changed(robust, fused, known=self.fused is not None)
        record, live = reweighed(self.record, weights), self._fused_at(weights.fused)
        return replace(self, record=record, robust=weights.robust, fused=live, trained=None)._around_moved(self)

    def _weights(self) -> Weights:
        if self.aligned is not None:
            raise ValueError("a compact ensemble is weighed to agree with a whole one; change that.")
        live = self.fused
        return Weights.of(self.robust, self._names, None if live is None else live.fusion, live.weight if live else 0.0)

    def _fused_at(self, weight: float) -> Fused | None:
        return None if self.fused is None or weight <= 0 else replace(self.fused, weight=weight)

    def _around_moved(self, before: FittedEnsemble) -> FittedEnsemble:
        """With the scores that rows are smoothed towards moved by what the change does to their rows."""
        if self.fused is None or self.fused.around is None or before.fused is None:
            return self
        around = self.fused.around
        moved = around.scores + (self._unsmoothed(around.rows) - before._unsmoothed(around.rows))
        return replace(self, fused=replace(self.fused, around=Neighbourhood(around.rows, moved)))

    def _unsmoothed(self, X: FloatArray) -> FloatArray:
        fused = None if self.fused is None else replace(self.fused, around=None)
        return replace(self, fused=fused, cells=None).score(X)  # smoothed before cells are heard

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
        return replace(made, aligned=aligned, student=student, beside=self.evidences)

    def inputs_and_scores(self, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
        """New rows' −log tail ranks among each member's training rows, and what `score` says, in one pass.

        Args:
            rows: As for `score`.

        Returns:
            Shapes (n_rows, n_members) and (n_rows,).

        Raises:
            DetectorError: A member returned something other than one number per row.
        """
        X, evidence = self._apart(rows) if self.evidences else (rows, None)
        raw = self._raw(X)
        ranks = ranks_among(self.distributions, raw)
        base = self._combined(X, ranks, raw)
        if self.student is not None:
            base = base + self.student(ranks, rows)
        if self.cells is None or evidence is None:
            return ranks, base
        return ranks, self.cells.score(self._base_scores(base, ranks), evidence)

    def to_state(self) -> State:
        """What, with the detectors, makes it again."""
        return state_of(self)

    @classmethod
    def from_state(cls, state: State, make: Callable[[Member, int], Scorer], n_features: int) -> FittedEnsemble:
        """Make it again from what `to_state` gave; without training rows, so ``train_scores`` is empty.

        Args:
            state: From `to_state`.
            make: Makes the detector of a member, which has that number.
            n_features: Columns of the rows it is to score.

        Raises:
            StorageError: Something is missing, or does not fit.
        """
        return cls(**parts_of(state, make, n_features))

    def _raw(self, X: FloatArray) -> list[FloatArray]:
        """The members' raw scores, one array each."""
        # Side by side on many rows: most of the work is done in compiled code that lets other threads run.
        n_threads = 1 if len(X) < _MANY_ROWS else min(len(self.detectors), usable_cores())
        return score_each(self.detectors, X, n_threads=n_threads)

    def _named_scores(self, ranks: FloatArray, raw: Sequence[FloatArray]) -> MemberScores:
        """What the members that have a name in the fusion say."""
        kept = [i for i, name in enumerate(self._names) if name]
        columns = [self.distributions[i].magnitude(raw[i]) for i in kept]
        return MemberScores(
            names=tuple(self._names[i] for i in kept),
            ranks=ranks[:, kept],
            magnitudes=np.column_stack(columns) if columns else np.empty((len(ranks), 0)),
        )

    def _mean(self, ranks: FloatArray) -> FloatArray:
        return mean_of(self.record.combiner)(ranks, self.robust)
