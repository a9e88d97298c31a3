"""Looking at a table's original cells: which cell detectors speak, and what they say of which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from pynomaly_auto.cells import CELL_DETECTORS, TELLING_KINDS, CellModel, look
from pynomaly_auto.dataset import Table, TableEncoder, open_table
from pynomaly_auto.ensembling import Cells
from pynomaly_auto.errors import StorageError
from pynomaly_auto.explaining import label_text, printable
from pynomaly_auto.models import SILENT, CellJudge
from pynomaly_auto.records import (
    CellEvidence,
    CellLayout,
    Dataset,
    Explanation,
    FloatArray,
    OddCell,
    OriginalTable,
    State,
)

# Bits above a silent cell's odds from which on a cell is spoken of (then it is wrong more often than one in eight, if
# half of all were); and the most of them in a row's explanation.
_LEAST_TOLD, _TOLD = 8.5, 2
_BIT = float(np.log(2.0))
_MOST_LISTED = 200
_LONGEST = 200  # characters of a cell that are shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Looking:
    """Cell detectors fitted on a table, and how what they say is laid out.

    Args:
        model: The detectors.
        cells: Their evidence as it is laid out, and its judge.
    """

    model: CellModel
    cells: Cells

    @classmethod
    def at(
        cls, encoder: TableEncoder, table: Table, dataset: Dataset, judge: CellJudge, *, always: bool
    ) -> tuple[Self | None, Dataset]:
        """Fit all cell detectors that apply, where there is more than numbers.

        Args:
            encoder: Fitted on the table.
            table: The table.
            dataset: The same, encoded.
            judge: What turns the evidence into odds.
            always: Look at tables of numbers alone as well.

        Returns:
            What looks at cells, or None where none has anything to go by; the data set with the evidence.
        """
        if not always and not any(column.kind in TELLING_KINDS for column in dataset.columns):
            return None, dataset
        original = encoder.original(table)
        model = look(original)
        evidence = _heard(model, encoder, original)
        layout = CellLayout.of({name: _columns(original, name) for name in evidence}, original.n_columns)
        told = replace(dataset, reasons=dataset.reasons + model.reasons)
        if not layout.columns:
            return None, told
        bits = layout.lay(evidence)
        return cls(model=model, cells=Cells.of(judge, layout, bits)), replace(told, evidence=bits, layout=layout)

    def emphasising(self, emphasis: Mapping[str, float]) -> Self:
        """The same with more weight on what some detectors say; see `Settings`."""
        return replace(self, cells=replace(self.cells, emphasis=emphasis))

    def look(self, encoder: TableEncoder, table: Table, dataset: Dataset) -> Dataset:
        """New rows with the evidence of their cells."""
        layout = self.cells.layout
        evidence = _heard(self.model, encoder, encoder.original(table))
        return replace(dataset, evidence=layout.lay(evidence), layout=layout)

    def evidence(self, encoder: TableEncoder, table: Table) -> CellEvidence:
        """What all detectors together say of the cells of rows with the columns fitted on, as judged."""
        return self._judged(_heard(self.model, encoder, encoder.original(table)), table.n_rows)

    def _judged(self, evidence: Mapping[str, CellEvidence], n_rows: int) -> CellEvidence:
        """All evidence in one: the log odds in bits above those of a silent cell."""
        layout = self.cells.layout
        if not evidence:
            return CellEvidence.silent(n_rows, layout.n_columns)
        expected = CellEvidence.added(tuple(evidence.values())).expected
        return CellEvidence(bits=self._bits(layout.lay(evidence)), expected=expected)

    def _bits(self, evidence: FloatArray) -> FloatArray:
        """Judged bits of evidence as it is laid out; shape (n_rows, n_columns)."""
        return np.asarray(np.maximum(self.cells.odds(evidence) - SILENT, 0.0) / _BIT)

    def told(
        self, explanations: Sequence[Explanation], encoder: TableEncoder, cells: pd.DataFrame
    ) -> tuple[Explanation, ...]:
        """Explanations with what the cell detectors say of the rows' oddest cells.

        Args:
            explanations: Of some of the rows.
            encoder: That the table was fitted with.
            cells: The rows as the user gave them.
        """
        if not explanations:
            return ()
        rows = cells.iloc[[e.row for e in explanations]]
        original = encoder.original(open_table(rows))
        evidence = _heard(self.model, encoder, original)
        whole = self._judged(evidence, len(rows))
        listing = _Listing(model=self.model, original=original, whole=whole, each=evidence, cells=rows)
        out = []
        for i, explanation in enumerate(explanations):
            order = np.argsort(-whole.bits[i], kind="stable")[:_TOLD]
            odd = [listing.cell(i, int(j)) for j in order if whole.bits[i, j] >= _LEAST_TOLD]
            said = "; ".join(cell.text for j, cell in enumerate(odd) if not _told_of(cell, odd[:j]))
            out.append(replace(explanation, text=f"{explanation.text} {said}." if said else explanation.text))
        return tuple(out)

    def odd_cells(self, encoder: TableEncoder, dataset: Dataset, cells: pd.DataFrame) -> tuple[OddCell, ...]:
        """The oddest cells of rows that have been looked at, the oddest first.

        Args:
            encoder: That the table was fitted with.
            dataset: The rows, with the evidence of their cells.
            cells: The same rows as the user gave them.
        """
        if dataset.evidence is None:
            return ()
        bits = self._bits(dataset.evidence)
        order = np.argsort(-bits, axis=None, kind="stable")[:_MOST_LISTED]
        order = order[bits.ravel()[order] >= _LEAST_TOLD]
        at, columns = np.unravel_index(order, bits.shape)
        if not len(at):
            return ()
        # What each detector says, and what it expected, is asked again of the rows that are listed alone.
        rows, places = np.unique(at, return_inverse=True)
        listed = cells.iloc[rows]
        original = encoder.original(open_table(listed))
        evidence = _heard(self.model, encoder, original)
        whole = self._judged(evidence, len(listed))
        listing = _Listing(model=self.model, original=original, whole=whole, each=evidence, cells=listed)
        found = (listing.cell(i, j) for i, j in zip(places.tolist(), columns.tolist(), strict=True))
        return tuple(replace(cell, row=row) for cell, row in zip(found, at.tolist(), strict=True))

    def to_state(self) -> State:
        """What makes it again."""
        return self.cells.to_state().within("cells") | self.model.to_state().within("detectors")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        cells, model = Cells.from_state(state.part("cells")), CellModel.from_state(state.part("detectors"))
        if set(cells.layout.names) != set(model.detectors) or cells.layout.n_columns != model.n_columns:
            raise StorageError("the cell detectors are not those of the layout.", where="looking")
        return cls(model=model, cells=cells)


def _heard(model: CellModel, encoder: TableEncoder, original: OriginalTable) -> Mapping[str, CellEvidence]:
    """What each detector says of cells: nothing where a column's values are on their harmless side, more or less by its
    weight.
    """
    evidence, leanings = model.evidence(original), encoder.leanings
    if not leanings:
        return evidence
    share = np.where(leanings.harmless(original), 0.0, [leanings.weight(j) for j in range(original.n_columns)])
    return {name: replace(one, bits=one.bits * share) for name, one in evidence.items()}


def _columns(original: OriginalTable, name: str) -> list[int]:
    roles = CELL_DETECTORS[name].roles
    return [j for j, column in enumerate(original.columns) if column.role in roles]


def _told_of(cell: OddCell, others: Sequence[OddCell]) -> bool:
    """Whether what is said of a cell is what was said of another: that the two do not go together."""
    return any(cell.column in one.against and one.column in cell.against for one in others)


@dataclass(frozen=True, kw_only=True)
class _Listing:
    """Rows whose odd cells are told.

    Args:
        model: The cell detectors.
        original: The rows' cells.
        whole: What is made of all evidence.
        each: Evidence of each detector.
        cells: The rows as the user gave them.
    """

    model: CellModel
    original: OriginalTable
    whole: CellEvidence
    each: Mapping[str, CellEvidence]
    cells: pd.DataFrame

    def cell(self, row: int, column: int) -> OddCell:
        """One of them; the detector that says the most says why."""
        said = {name: float(one.bits[row, column]) for name, one in self.each.items() if one.bits[row, column] > 0}
        loudest = max(said, key=lambda name: said[name])
        known, name = self.whole.expected.at(row, column), self._name(column)
        expected = None if known is None else printable(known[:_LONGEST])
        value = printable(str(self.cells.iat[row, column])[:_LONGEST])
        beside = self.model.beside(loudest, self.original, row, column)
        against = printable(beside.text[:_LONGEST])
        says = CELL_DETECTORS[loudest].says
        text = says.format(column=name, value=value, expected=expected or "something else", beside=against)
        return OddCell(
            row=row, label=printable(str(label_text(self.cells.index[row]))), column=name, value=value,
            expected=expected, bits=float(self.whole.bits[row, column]),
            detectors=tuple(sorted(said, key=lambda n: -said[n])), text=text,
            against=tuple(map(self._name, beside.columns)),
        )  # fmt: skip

    def _name(self, column: int) -> str:
        return printable(str(self.cells.columns[column]))
