"""Looking at a table's original cells: which cell detectors speak, and what they say of which rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import pandas as pd

from pynomaly_auto.cells import CELL_DETECTORS, CellModel, look
from pynomaly_auto.dataset import Table, TableEncoder, open_table
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import (
    CellEvidence,
    CellLayout,
    Dataset,
    Explanation,
    OddCell,
    OriginalTable,
    State,
    plain,
    restore,
)

# Kinds of columns whose cells say something that their numbers alone do not.
_TELLING = frozenset({"categorical", "high_cardinality", "text", "datetime", "identifier", "entity"})
_LEAST_TOLD, _TOLD = 5.0, 2  # bits of a cell that a row's explanation speaks of; most of them
_LEAST_BITS = 3.0  # of a cell that is worth listing
_MOST_LISTED = 200
_LONGEST = 200  # characters of a cell that are shown


@dataclass(frozen=True, kw_only=True, eq=False)
class Looking:
    """Cell detectors fitted on a table, and how what they say is laid out.

    Args:
        model: The detectors.
        layout: Of their evidence.
    """

    model: CellModel
    layout: CellLayout

    @classmethod
    def at(cls, encoder: TableEncoder, table: Table, dataset: Dataset) -> tuple[Self | None, Dataset]:
        """Fit all cell detectors that apply, where there is more than numbers.

        Returns:
            What looks at cells, or None where none has anything to go by; the data set with the evidence.
        """
        if not any(column.kind in _TELLING for column in dataset.columns):
            return None, dataset
        original = encoder.original(table)
        model = look(original)
        evidence = model.evidence(original)
        layout = CellLayout.of(evidence, {name: _columns(original, name) for name in evidence})
        told = replace(dataset, reasons=dataset.reasons + model.reasons)
        if not layout.columns:
            return None, told
        return cls(model=model, layout=layout), replace(told, evidence=layout.lay(evidence), layout=layout)

    def look(self, encoder: TableEncoder, table: Table, dataset: Dataset) -> Dataset:
        """New rows with the evidence of their cells."""
        evidence = self.model.evidence(encoder.original(table))
        return replace(dataset, evidence=self.layout.lay(evidence), layout=self.layout)

    def evidence(self, encoder: TableEncoder, table: Table) -> CellEvidence:
        """What all detectors together say of the cells of rows with the columns fitted on."""
        return self.model.total(encoder.original(table))

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
        evidence = self.model.evidence(encoder.original(open_table(rows)))
        if not evidence:
            return tuple(explanations)
        whole = CellEvidence.added(tuple(evidence.values()))
        out = []
        for i, explanation in enumerate(explanations):
            order = np.argsort(-whole.bits[i], kind="stable")[:_TOLD]
            odd = [_odd_cell(i, int(j), whole, evidence, rows) for j in order if whole.bits[i, j] >= _LEAST_TOLD]
            said = "; ".join(cell.text for cell in odd)
            out.append(replace(explanation, text=f"{explanation.text} {said}." if said else explanation.text))
        return tuple(out)

    def odd_cells(self, encoder: TableEncoder, table: Table, cells: pd.DataFrame) -> tuple[OddCell, ...]:
        """The oddest cells of a table, most bits first.

        Args:
            encoder: That the table was fitted with.
            table: Rows to look at.
            cells: The same rows as the user gave them.
        """
        evidence = self.model.evidence(encoder.original(table))
        if not evidence or not len(cells):
            return ()
        whole = CellEvidence.added(tuple(evidence.values()))
        bits = whole.bits
        order = np.argsort(-bits, axis=None, kind="stable")[:_MOST_LISTED]
        out = []
        for row, column in zip(*(part.tolist() for part in np.unravel_index(order, bits.shape)), strict=True):
            if bits[row, column] < _LEAST_BITS:
                break
            out.append(_odd_cell(row, column, whole, evidence, cells))
        return tuple(out)

    def to_state(self) -> State:
        """What makes it again."""
        return State(values={"layout": plain(self.layout)}) | self.model.to_state().within("detectors")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        layout, model = restore(CellLayout, state.value("layout", dict)), CellModel.from_state(state.part("detectors"))
        if set(layout.names) != set(model.detectors) or any(not 0 <= c < model.n_columns for c in layout.columns):
            raise StorageError("the cell detectors are not those of the layout.", where="cells")
        return cls(model=model, layout=layout)


def _columns(original: OriginalTable, name: str) -> list[int]:
    roles = CELL_DETECTORS[name].roles
    return [j for j, column in enumerate(original.columns) if column.role in roles]


def _odd_cell(
    row: int, column: int, whole: CellEvidence, evidence: Mapping[str, CellEvidence], cells: pd.DataFrame
) -> OddCell:
    said = {name: float(one.bits[row, column]) for name, one in evidence.items() if one.bits[row, column] > 0}
    loudest = max(said, key=lambda name: said[name])
    expected, name = whole.expected.at(row, column), str(cells.columns[column])
    value = str(cells.iat[row, column])[:_LONGEST]
    text = CELL_DETECTORS[loudest].says.format(column=name, value=value, expected=expected or "something else")
    return OddCell(
        row=row, label=cells.index[row], column=name, value=value, expected=expected,
        bits=float(whole.bits[row, column]), detectors=tuple(sorted(said, key=lambda n: -said[n])), text=text,
    )  # fmt: skip
