"""What a cell detector declares about itself."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from pynomaly_auto.records import CellEvidence, CellRole, OriginalTable, State

# Kinds of columns whose cells say something that their numbers alone do not.
TELLING_KINDS = frozenset({"categorical", "high_cardinality", "text", "datetime", "identifier", "entity"})


class CellDetector(Protocol):
    """Learns a table's original cells and judges those of any table with the same columns.

    A cell's bits hang on its own row and on what was learned alone: a row gets the same among others as by itself, and
    a row fitted on the same as a later one like it. What was never seen is as rare as what was seen once.
    """

    def fit(self, table: OriginalTable) -> Self:
        """Learn a table.

        Raises:
            NotApplicableError: It has nothing that this detector goes by.
        """
        ...

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        ...

    def to_state(self) -> State:
        """All that was learned, as data."""
        ...

    @classmethod
    def from_state(cls, state: State) -> Self:
        """Make it again.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Beside:
    """What a cell is held against.

    Args:
        text: It in a few words.
        columns: Positions of the columns whose cells of the same row it is; empty: it is no cell of the row.
    """

    text: str
    columns: tuple[int, ...] = ()


@runtime_checkable
class Contextual(Protocol):
    """A cell detector that can name what it holds a cell against."""

    def beside(self, table: OriginalTable, row: int, column: int) -> Beside | None:
        """What a cell is held against; None: nothing.

        Args:
            table: With the columns fitted on.
            row: Position of the cell's row.
            column: Position of its column.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class CellSpec:
    """One cell detector, declared.

    Args:
        name: What users call it, in snake case.
        title: Its name in the literature.
        target: ``"package.module:attribute"`` of the detector's class, imported when first built.
        roles: Roles of the columns it reads.
        paper: Where it comes from.
        summary: One sentence on what it takes for odd.
        says: What it says of a cell, with ``{column}``, ``{value}`` and, where it knows, ``{expected}``, ``{beside}``.
        beside: What stands for ``{beside}`` where it cannot be named.
    """

    name: str
    title: str
    target: str
    roles: frozenset[CellRole]
    paper: str
    summary: str
    says: str
    beside: str = ""

    def build(self) -> CellDetector:
        """Make the unfitted detector."""
        detector: CellDetector = self.kind()()
        return detector

    def kind(self) -> type[CellDetector]:
        """The detector's class, imported."""
        module, _, attribute = self.target.partition(":")
        found: type[CellDetector] = getattr(importlib.import_module(module), attribute)
        return found
