"""All cell detectors that apply to one table, fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pynomaly_auto._machine import in_threads
from pynomaly_auto.cells._catalogue import CELL_DETECTORS
from pynomaly_auto.cells._spec import Beside, CellDetector, CellSpec, Contextual
from pynomaly_auto.errors import NotApplicableError, StorageError, UnknownNameError
from pynomaly_auto.records import CellEvidence, OriginalTable, Reason, State

STATE_VERSION = 1
MOST_COLUMNS = 200
_TRIED = 100  # rows that a detector is tried on before it is heard
_MANY_ROWS = 5_000  # from here on detectors look side by side: half of the work is done in compiled code


@dataclass(frozen=True, kw_only=True, eq=False)
class CellModel:
    """Cell detectors fitted on one table.

    Args:
        detectors: Name to fitted detector, in the order of names.
        n_columns: Columns of the table.
        reasons: Which were fitted, and why others were not.
    """

    detectors: Mapping[str, CellDetector]
    n_columns: int
    reasons: tuple[Reason, ...] = field(default=())

    def evidence(self, table: OriginalTable) -> Mapping[str, CellEvidence]:
        """What each detector says of the cells of a table with the columns fitted on, by name.

        One row gets the same alone as among others.
        """
        found = in_threads(
            lambda detector: detector.evidence(table), self.detectors.values(), together=table.n_rows >= _MANY_ROWS
        )
        return dict(zip(self.detectors, found, strict=True))

    def beside(self, name: str, table: OriginalTable, row: int, column: int) -> Beside:
        """What a detector holds a cell against."""
        detector = self.detectors[name]
        known = detector.beside(table, row, column) if isinstance(detector, Contextual) else None
        return known or Beside(text=CELL_DETECTORS[name].beside)

    def to_state(self) -> State:
        """All detectors as data."""
        values = {
            "version": STATE_VERSION,
            "names": list(self.detectors),
            "n_columns": self.n_columns,
            "reasons": [reason.to_dict() for reason in self.reasons],
        }
        out = State(values=values)
        for name, detector in self.detectors.items():
            out = out | detector.to_state().within(name)
        return out

    @classmethod
    def from_state(cls, state: State) -> CellModel:
        """The inverse of `to_state`: it gives the same evidence to the last bit.

        Raises:
            StorageError: Something is missing, damaged, or of a version or detector that this one does not know.
        """
        if state.value("version", int) != STATE_VERSION:
            raise StorageError(
                f"cell detectors were saved in format {state.values['version']!r}; this version reads {STATE_VERSION}.",
                fix="Load them with the version of pynomaly_auto that saved them.",
            )
        made: dict[str, CellDetector] = {}
        n_columns = state.value("n_columns", int)
        for name in state.value("names", list):
            try:
                kind = CELL_DETECTORS[name].kind()
            except UnknownNameError as error:
                raise StorageError(f"{error.what}", fix="Install what declares it.") from None
            try:
                made[name] = kind.from_state(state.part(name))
            except StorageError:
                raise
            except Exception as problem:  # whatever damaged data makes a detector raise
                raise StorageError(f"the saved cell detector {name!r} is damaged: {problem}.") from None
        reasons = tuple(Reason.from_dict(reason) for reason in state.value("reasons", list))
        return cls(detectors=made, n_columns=n_columns, reasons=reasons)


def look(table: OriginalTable, *, names: Sequence[str] | None = None) -> CellModel:
    """Fit all cell detectors that apply to a table; one that fails costs only itself.

    Args:
        table: Original cells of the rows to learn from.
        names: The detectors to fit; None: all there are.

    Raises:
        UnknownNameError: There is no detector of a name.
    """
    if table.n_columns > MOST_COLUMNS:
        text = f"not looked at one by one: more than {MOST_COLUMNS} columns"
        evidence = {"n_columns": table.n_columns}
        why = Reason(code="CEL-004", subject="table", text=text, evidence=evidence)
        return CellModel(detectors={}, n_columns=table.n_columns, reasons=(why,))
    some = table.rows(np.arange(min(table.n_rows, _TRIED)))
    # By name: the registry's own order hangs on which module somebody imported first.
    wanted = sorted(CELL_DETECTORS) if names is None else list(names)
    specs = [CELL_DETECTORS[name] for name in wanted]
    found = in_threads(lambda spec: _fitted(spec, table, some), specs, together=table.n_rows >= _MANY_ROWS)
    made = {name: fitted for name, (fitted, _) in zip(wanted, found, strict=True) if fitted is not None}
    return CellModel(detectors=made, n_columns=table.n_columns, reasons=tuple(why for _, why in found))


def _fitted(spec: CellSpec, table: OriginalTable, some: OriginalTable) -> tuple[CellDetector | None, Reason]:
    """A detector fitted on the table, and why it is there or not."""
    try:
        if not any(column.role in spec.roles for column in table.columns):
            raise NotApplicableError("no column of the kinds it reads")
        fitted = spec.build().fit(table)
        fitted.evidence(some)  # what fails on rows fitted on fails on any
    except NotApplicableError as why:
        return None, Reason(code="CEL-002", subject=spec.name, text=f"left out: {why.what.rstrip('.')}")
    except Exception as problem:  # a detector may be a third party's, and none may cost the others
        told = f"failed and left out: {type(problem).__name__}: {problem}"
        return None, Reason(code="CEL-003", subject=spec.name, text=told[:300])
    return fitted, Reason(code="CEL-001", subject=spec.name, text=spec.summary)
