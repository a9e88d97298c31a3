"""Cells heard beside the ensemble: a table's evidence, bound to the learned fusion that weighs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from pynomaly_auto.ensembling._cells import Cells, Silence
from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.models import SILENT, CellFusion, Heard, cell_facts
from pynomaly_auto.records import (
    CellLayout,
    Ensemble,
    EvidenceShare,
    FloatArray,
    Reason,
    State,
    plain,
    restore,
    two_largest,
)

_BIT = float(np.log(2.0))
_WORTH_SAYING = 0.005
# The members' mean rank counts among rows of which little is said, the less the more is said of them: with 1 / fading
# as its weight, more of the odds may never lower a score. Measured on held-out groups (decision 0020).
_FADING = 0.45
# In tables of categories alone the ensemble's score counts so much beside: of 11 labelled ones what cells say is right
# in few (average precision of the ensemble .40, with cells .17), of planted ones no less with both.
_ALONE = 3.0
_PLAINLY = 1.0  # added to a cell's log odds for explanations: odds of a third then count for a bit or so
# Bits of a member's tail rank above which an emphasis counts: of the sixteenth of the rows that it finds oddest.
_MEMBER_SILENT = 4.0


@dataclass(frozen=True, kw_only=True, eq=False)
class BaseScores:
    """What an ensemble says of rows without their cells.

    Args:
        final: Its score; shape (n_rows,).
        robust: The robust mean; shape (n_rows,).
        members: Names of members, as the learned fusion knows them; empty for one that it does not know.
        ranks: Their −log tail ranks; shape (n_rows, n_members).
    """

    final: FloatArray = field(repr=False)
    robust: FloatArray = field(repr=False)
    members: tuple[str, ...]
    ranks: FloatArray = field(repr=False)


def in_order(facts: Mapping[str, float], said: FloatArray, own: FloatArray, ranks: FloatArray) -> FloatArray:
    """Final scores: by what is said in all, and among rows of which little is said by the members' mean rank.

    Args:
        facts: Of the table; where it has categories alone, the ensemble's score counts beside.
        said: −log tail ranks of the log odds; shape (n_rows,).
        own: Those of the ensemble's score without the cells; shape (n_rows,).
        ranks: Those of the members; shape (n_rows, n_members).

    Returns:
        Shape (n_rows,); rising in all three.
    """
    below = np.zeros(len(said))
    for column in ranks.T:  # one by one, so that a row alone is rounded as in a batch
        below = below - np.expm1(-column)
    out: FloatArray = said + below / (max(ranks.shape[1], 1) * _FADING) * np.exp(-_FADING * said)
    return out + _ALONE * own if _categories_alone(facts) else out


def _categories_alone(facts: Mapping[str, float]) -> bool:
    return facts.get("share categorical", 0.0) + facts.get("share boolean", 0.0) > 1.0 - 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class WithCells:
    """The fusion of a table's score with the evidence of its cells.

    Args:
        fusion: The model.
        cells: The evidence, and its judge.
        facts: Of the table.
        silences: How rarely each detector says so much of a row, in the order of the layout's names.
        base: Of the training rows' scores without the cells.
        odds: Of the training rows' log odds.
    """

    fusion: CellFusion
    cells: Cells
    facts: Mapping[str, float]
    silences: tuple[Silence, ...] = field(repr=False)
    base: Distribution = field(repr=False)
    odds: Distribution = field(repr=False)

    @classmethod
    def of(
        cls, fusion: CellFusion, cells: Cells, scores: BaseScores, bits: FloatArray, kinds: Sequence[str]
    ) -> tuple[Self, FloatArray, FloatArray]:
        """Bind the fusion to a table by its training rows.

        Args:
            fusion: The model.
            cells: The evidence, and its judge.
            scores: The training rows', without the cells.
            bits: Evidence in the training rows' cells; shape (n_rows, n_cell_features).
            kinds: Kind of each column.

        Returns:
            The bound fusion, and the training rows' log odds, as learned, and final scores; shapes (n_rows,).
        """
        bare = cls.unweighed(fusion, cells, scores, bits)
        heard = bare.heard(scores, bits)
        facts = cell_facts(heard.of(fusion.detectors), kinds)
        learned = fusion.log_odds(heard, facts)
        odds = learned + bare._emphasised(heard, scores)
        bound = replace(bare, facts=facts, odds=Distribution.of(odds))
        # An emphasis says who comes first, not how many are anomalies: the calibrator gets what it was learned on.
        return bound, learned, bound._final(odds, scores)

    @classmethod
    def unweighed(cls, fusion: CellFusion, cells: Cells, scores: BaseScores, bits: FloatArray) -> Self:
        """Bound to a table so far that it can be heard, but not weighed; arguments as for `of`."""
        base, layout = Distribution.of(scores.final), cells.layout
        silences = tuple(Silence.of(layout.row_bits(bits, name), len(bits)) for name in layout.names)
        return cls(fusion=fusion, cells=cells, facts={}, silences=silences, base=base, odds=base)

    @property
    def layout(self) -> CellLayout:
        """Which cell detector says what in the rows' last columns."""
        return self.cells.layout

    def heard(self, scores: BaseScores, bits: FloatArray, odds: FloatArray | None = None) -> Heard:
        """What is heard of rows; arguments as for `of`, and the log odds of their cells where these are known."""
        said = np.column_stack([self.layout.row_bits(bits, name) for name in self.layout.names])
        tails = np.column_stack([silence(said[:, j]) for j, silence in enumerate(self.silences)])
        odds = (self.cells.odds(bits, plain=True) if odds is None else odds) - SILENT
        known = [i for i, name in enumerate(scores.members) if name in self.fusion.members]
        return Heard(
            final=self.base(scores.final) / _BIT,
            robust=scores.robust / _BIT,
            members=tuple(scores.members[i] for i in known),
            ranks=scores.ranks[:, known] / _BIT,
            detectors=self.layout.names,
            bits=said,
            tails=tails,
            largest=odds.max(axis=1),
            two=two_largest(odds),
        )

    def score(self, scores: BaseScores, bits: FloatArray) -> FloatArray:
        """Final scores of new rows; shape (n_rows,)."""
        heard = self.heard(scores, bits)
        odds = self.fusion.log_odds(heard, self.facts) + self._emphasised(heard, scores)
        return self._final(odds, scores)

    def _final(self, odds: FloatArray, scores: BaseScores) -> FloatArray:
        return in_order(self.facts, self.odds(odds), self.base(scores.final), scores.ranks)

    def _emphasised(self, heard: Heard, scores: BaseScores) -> FloatArray:
        """What the emphasis on cell detectors and members adds to rows' log odds; shape (n_rows,)."""
        out = self.cells.emphasised(heard.bits, heard.tails)
        for i, name in enumerate(scores.members):
            if weight := self.cells.emphasis.get(name, 0.0):
                out += weight * np.maximum(scores.ranks[:, i] - _MEMBER_SILENT * _BIT, 0.0)
        return out

    def plainly(self, final: FloatArray, bits: FloatArray) -> FloatArray:
        """What the ensemble says and the odds of the cells, added in bits; shape (n_rows,)."""
        out = final / _BIT
        # Column by column, so that a row alone is rounded as in a batch.
        for column in np.logaddexp(0.0, self.cells.odds(bits) + _PLAINLY).T:
            out = out + column / _BIT
        return out

    def told(self, ensemble: Ensemble) -> Ensemble:
        """The record, with what the cells count in it."""
        own = self.fusion.shares()
        shares = {name: own.get(name, 0.0) for name in self.layout.names}
        left = 1.0 - sum(shares.values())
        told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share >= _WORTH_SAYING)
        text = (
            f"The final score is {left:.0%} the ensemble's (members' weights are shares of that) and {1 - left:.0%} "
            f"that of cell detectors: {told}."
        )
        if _categories_alone(self.facts):
            text += f" In a table of categories alone the ensemble's score is added {_ALONE:g} times on top."
        reason = Reason(
            code="ENS-033", subject="cells", text=text, evidence={"ensemble": left, "cells": 1.0 - left, **shares}
        )
        return replace(
            ensemble,
            evidence=tuple(EvidenceShare(detector=name, weight=share) for name, share in shares.items()),
            reasons=(
                *ensemble.reasons,
                reason,
                *self._emphasis_told({m.configuration.fusion_name for m in ensemble.members}),
            ),
        )

    def _emphasis_told(self, members: Collection[str | None]) -> tuple[Reason, ...]:
        """What counts beyond what is learned, and what of it is not there."""
        emphasis = self.cells.emphasis
        if not emphasis:
            return ()
        there = {name: w for name, w in emphasis.items() if name in self.layout.names or name in members}
        told = ", ".join(f"{name} {weight:g}" for name, weight in there.items()) or "nothing"
        text = (
            f"Counts for more than was learned, as the settings ask; bits added for each bit of its evidence: {told}."
        )
        if missing := [name for name in emphasis if name not in there]:
            text += f" Has nothing to say of this table, or was not tried: {', '.join(missing)}."
        return (Reason(code="ENS-034", subject="emphasis", text=text, evidence=dict(emphasis)),)

    def to_state(self) -> State:
        """What makes it again."""
        out = State(values={"facts": plain(self.facts)})
        out = out | self.fusion.to_state().within("fusion") | self.cells.to_state().within("evidence")
        out = out | self.base.to_state().within("base") | self.odds.to_state().within("odds")
        for i, silence in enumerate(self.silences):
            out = out | silence.to_state().within(f"silence.{i}")
        return out

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing, or does not fit.
        """
        cells = Cells.from_state(state.part("evidence"))
        return restore(
            cls,
            {"facts": state.value("facts", dict)},
            cells=cells,
            fusion=CellFusion.from_state(state.part("fusion")),
            silences=tuple(Silence.from_state(state.part(f"silence.{i}")) for i in range(len(cells.layout.names))),
            base=Distribution.from_state(state.part("base")),
            odds=Distribution.from_state(state.part("odds")),
        )
