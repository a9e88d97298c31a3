"""The evidence of a table's cells, bound to the judge that turns it into odds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from pynomaly_auto._machine import in_threads, parts
from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import CellJudge
from pynomaly_auto.records import CellLayout, FloatArray, IntArray, State, plain, restore

_BIT = float(np.log(2.0))
_CELLS = 400_000  # cells judged at a time
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
class Cells:
    """The evidence of a table's cells, and the judge that turns it into odds.

    Args:
        judge: The model.
        layout: Which cell detector says what in the rows' last columns.
        silences: How rarely each says so much of a cell, in ``layout.names`` order.
        speaks: Share of the training rows in whose cell it says something; shape (n_columns, n_detectors).
        emphasis: Cell detectors, and members by the fusion's name of them, to bits that each of theirs adds to the odds
            of cells and rows beyond what is learned.
    """

    judge: CellJudge
    layout: CellLayout
    silences: tuple[Silence, ...] = field(repr=False)
    speaks: FloatArray = field(repr=False)
    emphasis: Mapping[str, float] = field(default_factory=dict)

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

    def odds(self, bits: FloatArray, *, plain: bool = False) -> FloatArray:
        """Log odds that the cells of some rows are wrong; shape (n_rows, n_columns).

        Args:
            bits: Evidence in the rows' cells; shape (n_rows, n_cell_features).
            plain: As they are learned, without the emphasis.
        """

        def judged(part: slice) -> FloatArray:
            cube = self.layout.cube(bits[part])
            n, width, depth = cube.shape
            columns = np.tile(np.arange(width), n)
            said, tails, speaks = self.said(cube.reshape(n * width, depth), columns)
            found = self.judge.log_odds(self.layout.names, said, tails, speaks)
            if not plain:
                found = found + self.emphasised(said, tails)
            return found.reshape(n, width)

        step = max(1, _CELLS // max(self.layout.n_columns, 1))
        empty = np.empty((0, self.layout.n_columns))
        return np.concatenate(in_threads(judged, parts(len(bits), step)) or [empty])

    def emphasised(self, said: FloatArray, tails: FloatArray) -> FloatArray:
        """What the emphasis adds to log odds of cells or rows; shape (n,).

        Args:
            said: Bits of each detector; shape (n, n_detectors).
            tails: How rarely so much is said, in bits; same shape.
        """
        out = np.zeros(len(said))
        for i, name in enumerate(self.layout.names):
            if weight := self.emphasis.get(name, 0.0):
                out += weight * _BIT * np.sqrt(said[:, i] * tails[:, i])
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
        out = State(
            arrays={"speaks": self.speaks}, values={"layout": plain(self.layout), "emphasis": plain(self.emphasis)}
        )
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
        emphasis = state.value("emphasis", dict)
        if not all(isinstance(w, (int, float)) and 0 <= w < np.inf for w in emphasis.values()):
            raise StorageError("the emphasis on detectors is damaged.", where="cells")
        return cls(
            judge=CellJudge.from_state(state.part("judge")),
            layout=layout,
            silences=tuple(Silence.from_state(state.part(f"silence.{i}")) for i in range(depth)),
            speaks=speaks,
            emphasis=emphasis,
        )
