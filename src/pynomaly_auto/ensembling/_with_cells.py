"""Cells heard beside the ensemble: a table's evidence, bound to the learned fusion that weighs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from pynomaly_auto.ensembling._distribution import Distribution
from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import SILENT, CellFusion, CellJudge, Heard, cell_facts
from pynomaly_auto.records import (
    CellLayout,
    Ensemble,
    EvidenceShare,
    FloatArray,
    IntArray,
    Reason,
    State,
    plain,
    restore,
    two_largest,
)

_BIT = float(np.log(2.0))
_WORTH_SAYING = 0.005
_CELLS = 400_000  # cells judged at a time
# The members' mean rank counts among rows of which little is said, the less the more is said of them: with 1 / fading
# as its weight, more of the odds may never lower a score. Measured on held-out groups (decision 0020).
_FADING = 0.45
# In tables of categories alone the ensemble's score counts so much beside: of 11 labelled ones what cells say is right
# in few (average precision of the ensemble .40, with cells .17), of planted ones no less with both.
_ALONE = 3.0
_PLAINLY = 1.0  # added to a cell's log odds for explanations: odds of a third then count for a bit or so
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
    def of(cls, bits: FloatArray, n: int) -> Self:
        """Learn it.

        Args:
            bits: Of the training rows, or of their cells; shape (n_bits,).
            n: How many rows or cells there are, those left out as silent included.
        """
        spoken = np.sort(bits[bits > 0])
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
            or min([*values, *tails, rarest], default=0.0) < 0
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
class Cells:
    """The evidence of a table's cells, and the judge that turns it into odds.

    Args:
        judge: The model.
        layout: Which cell detector says what in the rows' last columns.
        silences: How rarely each says so much of a cell, in ``layout.names`` order.
        speaks: Share of the training rows in whose cell it says something; shape (n_columns, n_detectors).
    """

    judge: CellJudge
    layout: CellLayout
    silences: tuple[Silence, ...] = field(repr=False)
    speaks: FloatArray = field(repr=False)

    @classmethod
    def of(cls, judge: CellJudge, layout: CellLayout, bits: FloatArray) -> Self:
        """Bind the judge to a table.

        Args:
            judge: The model.
            layout: Of the evidence.
            bits: Evidence in the training rows' cells; shape (n_rows, n_cell_features).
        """
        silences, speaks = [], np.zeros((layout.n_columns, len(layout.names)))
        for i in range(len(layout.names)):
            own = [k for k, of in enumerate(layout.detectors) if of == i]
            # Silent cells count, those of columns of which it may not speak as well.
            silences.append(Silence.of(bits[:, own].ravel(), len(bits) * layout.n_columns))
            speaks[[layout.columns[k] for k in own], i] = (bits[:, own] > 0).mean(axis=0)
        return cls(judge=judge, layout=layout, silences=tuple(silences), speaks=speaks)

    def odds(self, bits: FloatArray) -> FloatArray:
        """Log odds that the cells of some rows are wrong; shape (n_rows, n_columns)."""
        out = np.empty((len(bits), self.layout.n_columns))
        step = max(1, _CELLS // max(self.layout.n_columns, 1))
        for start in range(0, len(bits), step):
            part = slice(start, start + step)
            cube = self.layout.cube(bits[part])
            n, width, depth = cube.shape
            columns = np.tile(np.arange(width), n)
            out[part] = self.judge.log_odds(
                self.layout.names, *self.said(cube.reshape(n * width, depth), columns)
            ).reshape(n, width)
        return out

    def said(self, bits: FloatArray, columns: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What is said of some cells, how rarely so much is, and how often anything is of their columns.

        Args:
            bits: Of each detector; shape (n_cells, n_detectors).
            columns: Of the cells; shape (n_cells,).
        """
        tails = np.column_stack([silence(bits[:, i]) for i, silence in enumerate(self.silences)])
        return bits, tails, self.speaks[columns]

    def to_state(self) -> State:
        """What makes it again."""
        out = State(arrays={"speaks": self.speaks}, values={"layout": plain(self.layout)})
        out = out | self.judge.to_state().within("judge")
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
        depth, speaks = len(layout.names), state.array("speaks", ndim=2)
        sizes = speaks.shape == (layout.n_columns, depth) and len(layout.columns) == len(layout.detectors)
        inside = all(0 <= c < layout.n_columns for c in layout.columns) and all(
            0 <= d < depth for d in layout.detectors
        )
        once = len(set(zip(layout.columns, layout.detectors, strict=False))) == len(layout.columns)
        if not (sizes and inside and once and len(set(layout.names)) == depth and np.isfinite(speaks).all()):
            raise StorageError("the layout of the evidence is damaged.", where="cells")
        return cls(
            judge=CellJudge.from_state(state.part("judge")),
            layout=layout,
            silences=tuple(Silence.from_state(state.part(f"silence.{i}")) for i in range(depth)),
            speaks=speaks,
        )


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
            The bound fusion, and the training rows' log odds and final scores; shapes (n_rows,).
        """
        bare = cls.unweighed(fusion, cells, scores, bits)
        heard = bare.heard(scores, bits)
        facts = cell_facts(heard.of(fusion.detectors), kinds)
        odds = fusion.log_odds(heard, facts)
        bound = replace(bare, facts=facts, odds=Distribution.of(odds))
        return bound, odds, bound._final(odds, scores)

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
        odds = (self.cells.odds(bits) if odds is None else odds) - SILENT
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
        odds = self.fusion.log_odds(self.heard(scores, bits), self.facts)
        return self._final(odds, scores)

    def _final(self, odds: FloatArray, scores: BaseScores) -> FloatArray:
        return in_order(self.facts, self.odds(odds), self.base(scores.final), scores.ranks)

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
            f"Cells are heard beside the ensemble, whose score has {left:.0%} of the final one (members' weights are "
            f"shares of it); the cell detectors: {told}."
        )
        if _categories_alone(self.facts):
            text += f" In a table of categories alone the ensemble's score is added {_ALONE:g} times on top."
        reason = Reason(code="ENS-033", subject="cells", text=text, evidence={"ensemble": left, **shares})
        return replace(
            ensemble,
            evidence=tuple(EvidenceShare(detector=name, weight=share) for name, share in shares.items()),
            reasons=(*ensemble.reasons, reason),
        )

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
