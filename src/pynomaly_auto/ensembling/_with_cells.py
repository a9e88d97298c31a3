"""Cells heard beside the ensemble: a table's evidence, bound to the learned fusion that weighs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import CellFusion, Heard, cell_facts
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

CELLS_COMBINER = "learned fusion of the ensemble's score with the evidence of cells"

_BIT = float(np.log(2.0))
_KNOTS = 4096  # most distinct evidences that are kept of a detector


@dataclass(frozen=True, eq=False)
class Silence:
    """How rarely a detector says so much, where silence is nothing.

    Args:
        values: Distinct bits it gave training rows, above 0, ascending; at most 4,096.
        tails: −log₂ share of the training rows with at least as much; same shape.
        rarest: The same for more than any training row has: as rare as one row.
    """

    values: FloatArray
    tails: FloatArray
    rarest: float

    @classmethod
    def of(cls, bits: FloatArray) -> Self:
        """Learn it; bits of the training rows, shape (n_rows,)."""
        n, spoken = len(bits), np.sort(bits[bits > 0])
        values = np.unique(spoken)
        if len(values) > _KNOTS:  # the largest one by one, of the others every so many
            half = _KNOTS // 2
            lower = np.linspace(0, len(values) - 1 - half, half).astype(int)
            values = np.concatenate([values[lower], values[len(values) - half :]])
        as_much = len(spoken) - np.searchsorted(spoken, values, side="left")
        return cls(values, -np.log2(as_much / max(n, 1)), float(np.log2(max(n, 1))))

    def __call__(self, bits: FloatArray) -> FloatArray:
        """−log₂ tail share of any rows' bits, 0 where these are 0; same shape."""
        at = np.searchsorted(self.values, bits, side="left")
        return np.where(bits > 0, np.append(self.tails, self.rarest)[at], 0.0)

    def to_state(self) -> State:
        """What makes it again."""
        return State(arrays={"values": self.values, "tails": self.tails}, values={"rarest": self.rarest})

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing, or is no such map.
        """
        values, tails = (state.array(name, ndim=1) for name in ("values", "tails"))
        rarest = float(state.value("rarest", (float, int)))
        if (
            len(values) != len(tails)
            or not np.isfinite([*values, *tails, rarest]).all()
            or (np.diff(values) <= 0).any()
        ):
            raise StorageError("what a cell detector said of the training rows is damaged.")
        return cls(values, tails, rarest)


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


@dataclass(frozen=True, kw_only=True, eq=False)
class WithCells:
    """The fusion of a table's score with the evidence of its cells.

    Args:
        fusion: The model.
        layout: Which cell detector says what in the rows' last columns.
        facts: Of the table.
        silences: Of the detectors that speak here, in ``layout.names`` order.
        base: Of the training rows' scores without the cells.
        odds: Of the training rows' log odds.
    """

    fusion: CellFusion
    layout: CellLayout
    facts: Mapping[str, float]
    silences: tuple[Silence, ...] = field(repr=False)
    base: Distribution = field(repr=False)
    odds: Distribution = field(repr=False)

    @classmethod
    def of(
        cls, fusion: CellFusion, layout: CellLayout, scores: BaseScores, bits: FloatArray, kinds: Sequence[str]
    ) -> tuple[Self, FloatArray, FloatArray]:
        """Bind the fusion to a table by its training rows.

        Args:
            fusion: The model.
            layout: Of the evidence.
            scores: The training rows', without the cells.
            bits: Evidence in the training rows' cells; shape (n_rows, n_cell_features).
            kinds: Kind of each column.

        Returns:
            The bound fusion, and the training rows' log odds and final scores; shapes (n_rows,).
        """
        base = Distribution.of(scores.final)
        silences = tuple(Silence.of(layout.row_bits(bits, name)) for name in layout.names)
        bare = cls(fusion=fusion, layout=layout, facts={}, silences=silences, base=base, odds=base)
        heard = bare.heard(scores, bits)
        facts = cell_facts(heard, kinds)
        odds = fusion.log_odds(heard, facts)
        bound = replace(bare, facts=facts, odds=Distribution.of(odds))
        return bound, odds, bound.odds(odds)

    def heard(self, scores: BaseScores, bits: FloatArray) -> Heard:
        """What is heard of rows; scores and evidence as for `of`."""
        said = np.column_stack([self.layout.row_bits(bits, name) for name in self.layout.names])
        tails = np.column_stack([silence(said[:, j]) for j, silence in enumerate(self.silences)])
        total = self.layout.totals(bits)
        known = [i for i, name in enumerate(scores.members) if name in self.fusion.members]
        return Heard(
            final=self.base(scores.final) / _BIT,
            robust=scores.robust / _BIT,
            members=tuple(scores.members[i] for i in known),
            ranks=scores.ranks[:, known] / _BIT,
            detectors=self.layout.names,
            bits=said,
            tails=tails,
            largest=total.max(axis=1),
            two=two_largest(total),
        )

    def score(self, scores: BaseScores, bits: FloatArray) -> FloatArray:
        """Final scores of new rows; shape (n_rows,)."""
        return self.odds(self.fusion.log_odds(self.heard(scores, bits), self.facts))

    def plainly(self, final: FloatArray, bits: FloatArray) -> FloatArray:
        """What the ensemble says and the evidence, added in bits with nothing learned; shape (n_rows,)."""
        said = np.column_stack([self.layout.row_bits(bits, name) for name in self.layout.names])
        tails = np.column_stack([silence(said[:, j]) for j, silence in enumerate(self.silences)])
        out = final / _BIT
        for column in np.sqrt(said * tails).T:  # one by one, so that a row alone is rounded as in a batch
            out = out + column
        return out

    def told(self, ensemble: Ensemble) -> Ensemble:
        """The record, with what the cells count in it."""
        own = self.fusion.shares()
        shares = {name: own.get(name, 0.0) for name in self.layout.names}
        left = 1.0 - sum(shares.values())
        told = ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share >= 0.005)
        text = (
            f"Cells are heard beside the ensemble, which has {left:.0%} of the final score; the cell detectors: {told}."
        )
        reason = Reason(code="ENS-033", subject="cells", text=text, evidence={"ensemble": left, **shares})
        return replace(
            ensemble,
            members=tuple(replace(m, weight=left * m.weight) for m in ensemble.members),
            evidence=tuple(EvidenceShare(detector=name, weight=share) for name, share in shares.items()),
            combiner=CELLS_COMBINER,
            reasons=(*ensemble.reasons, reason),
        )

    def to_state(self) -> State:
        """What makes it again."""
        out = State(values={"facts": plain(self.facts), "layout": plain(self.layout)})
        out = out | self.fusion.to_state().within("fusion")
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
        layout = restore(CellLayout, state.value("layout", dict))
        return restore(
            cls,
            {"facts": state.value("facts", dict)},
            layout=layout,
            fusion=CellFusion.from_state(state.part("fusion")),
            silences=tuple(Silence.from_state(state.part(f"silence.{i}")) for i in range(len(layout.names))),
            base=Distribution.from_state(state.part("base")),
            odds=Distribution.from_state(state.part("odds")),
        )
