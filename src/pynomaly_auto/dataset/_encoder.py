"""The encoder: learns from one table how each column is read and encoded, and does the same with later rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._conventions import Conventions
from pynomaly_auto.dataset import _projection
from pynomaly_auto.dataset._cells import missing_in
from pynomaly_auto.dataset._columns import Verdict
from pynomaly_auto.dataset._geometry import is_discrete, is_other, shaped
from pynomaly_auto.dataset._judging import Judged, distinct, judge_column, summed_up, told_by
from pynomaly_auto.dataset._leanings import IGNORED, Leanings, as_read, ignored, leaning, place_of
from pynomaly_auto.dataset._original import original_of
from pynomaly_auto.dataset._plain import PlainColumns
from pynomaly_auto.dataset._schema import check_schema
from pynomaly_auto.dataset._stored import Learned, Plan
from pynomaly_auto.dataset._table import Array, Table, open_table
from pynomaly_auto.dataset._unseen import tell, unseen_in
from pynomaly_auto.dataset.reading import Reading, Survey
from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import Column, Dataset, FloatArray, OriginalColumn, OriginalTable, Reason

DENSE_BYTES = 1 << 30  # a sparse table that would take more than this when written out is projected


class TableEncoder:
    """Turns any table into the standardised numbers that detectors take, the same way at every call.

    Each column is handled by the first rule that applies (`pynomaly_auto.dataset._columns`), and each decision is kept
    as a reason. Every row is encoded by itself: alone it gets the same values, to the last bit, as among others.
    Numbers are standardised by mean and standard deviation, and no feature exceeds a million of these. Where some
    columns are categories, texts or dates, all take the form in which distances mean something among several kinds
    (`pynomaly_auto.dataset._geometry`), unless each has but a few values.

    Args:
        watches_constants: A column with one value is kept and watched for others, as where all rows are normal.
        owner: Class name of the estimator in whose name messages speak.
        geometry: ``"auto"``, or ``"plain"``: every table is encoded as one of numbers is.
        conventions: How numbers and dates in texts are written, where that is known; else it is found out.
        expect: Column to the side of its values that is suspicious; see `Settings`.
        weights: Column to its weight; 0: it is left out.

    Attributes:
        n_features_in_: Number of columns fitted on.
        feature_names_in_: Their names, shape (n_columns,), only where all of them are text.
        columns: What became of each column.
        reasons: Why.

    >>> encoder = TableEncoder().fit([[1.0, "a"], [2.0, "b"], [6.0, "a"]])
    >>> encoder.encode([[2.0, "a"]]).features
    ('x0', 'x1=b')
    """

    n_features_in_: int
    feature_names_in_: Array
    columns: tuple[Column, ...]
    reasons: tuple[Reason, ...]

    def __init__(
        self,
        *,
        watches_constants: bool = False,
        owner: str = "AutonomousDetector",
        geometry: str = "auto",
        conventions: Conventions | None = None,
        expect: Mapping[str, str] | None = None,
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.watches_constants = watches_constants
        self.owner = owner
        self.geometry = geometry
        self.conventions = conventions
        self.expect, self.weights = expect or {}, weights or {}
        self.leanings = Leanings()
        self._names: tuple[str, ...] = ()
        self._labelled = self._named = False
        self._plans: tuple[Plan, ...] = ()
        self._plain: PlainColumns | None = None
        self._features: tuple[str, ...] = ()
        self._sources: tuple[int, ...] = ()
        self._components: FloatArray | None = None

    @property
    def n_features(self) -> int:
        """Number of encoded features."""
        return len(self._features)

    def fit(self, table: Any) -> TableEncoder:
        """Learn how each column of a table is encoded.

        Args:
            table: pandas, polars or pyarrow table, 2-D array, scipy sparse matrix, or list of rows.

        Raises:
            InvalidInputError: The table is empty, has one row, is ragged, complex or not two-dimensional, has a column
                name twice, or no column of it tells rows apart.
            InvalidTypeError: It is no table, or cells hold lists or other objects.

        Warns:
            AmbiguousReadingWarning: Texts can be read in two ways, and nothing tells which is meant.
        """
        opened = open_table(table)
        opened.check_size(least_rows=2)
        self._names, self._labelled, self._named = opened.names, opened.labelled, opened.named
        self._set_sklearn_attributes()
        known = [(name, "expect") for name in self.expect] + [(name, "column_weights") for name in self.weights]
        places = {name: place_of(name, opened.names, where) for name, where in known}
        wide = opened.is_sparse and opened.n_rows * opened.n_columns * 8 > DENSE_BYTES
        self._components = _projection.components_of(opened) if wide else None
        source = opened if self._components is None else _projection.project(opened, self._components)
        if wide and known:
            raise _unread(known[0][1])
        columns, reasons = self._fit_columns(source)
        if self._components is not None:
            columns, told = self._fit_projection(opened, self._components)
            reasons = [told, *reasons]
        expected = {i: self._plans[i].original.read(source.column(i), n) for n, i in places.items() if n in self.expect}
        self.leanings, told_of = leaning(expected, columns, self.expect, self.weights)
        self._plain = None if self.leanings else self._plain
        self.columns, self.reasons = tuple(columns), summed_up([*reasons, *told_of])
        self._refuse_nothing(source.n_rows)
        return self

    def unfitted(self) -> TableEncoder:
        """Another one with the same arguments, that has learned nothing."""
        return TableEncoder(
            watches_constants=self.watches_constants, owner=self.owner, geometry=self.geometry,
            conventions=self.conventions, expect=self.expect, weights=self.weights,
        )  # fmt: skip

    def encode(self, table: Any, *, empty: Callable[[tuple[int, int]], FloatArray] = np.empty) -> Dataset:
        """Encode a table with the columns fitted on; one row is enough.

        Args:
            table: With the columns fitted on.
            empty: Makes the array that the rows are written to, of the shape it is given.

        Raises:
            SchemaError: Columns are missing, unexpected, in another order, or hold another type.
            InvalidInputError: There are no rows, or the table cannot be read.

        Warns:
            UnseenValuesWarning: Rows hold categories never seen when fitting, or lack values that never were missing.
        """
        if not hasattr(self, "n_features_in_"):
            raise InvalidInputError("this TableEncoder is not fitted yet.", fix="Call fit(table) first.")
        opened = open_table(table)
        check_schema(opened, self._names, labelled=self._labelled, named=self._named, owner=self.owner)
        opened.check_size(least_rows=1)
        X = empty((opened.n_rows, len(self._features)))
        lost = self._fill(X, opened)
        return Dataset(
            X=X,
            features=self._features,
            sources=self._sources,
            columns=self.columns,
            row_labels=opened.row_labels,
            missing_share=lost / opened.n_columns,
            reasons=self.reasons,
        )

    def original(self, table: Any) -> OriginalTable:
        """The cells of a table with the columns fitted on, as written and as read, left-out columns among them.

        Returns:
            All columns; none of a sparse table that is projected, whose cells nobody looks at one by one.
        """
        opened = open_table(table)
        readings = [] if self._components is not None else [plan.original for plan in self._plans]
        return original_of(opened, readings, self.ignored)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns fitted on; ``"x0"``, ... where the user gave none."""
        return self._names

    @property
    def ignored(self) -> frozenset[int]:
        """Positions of the columns that nothing looks at."""
        return frozenset(i for i, column in enumerate(self.columns) if column.kind == IGNORED)

    def as_read(self, table: Any, names: Sequence[str]) -> dict[str, OriginalColumn]:
        """The cells of some columns as they are read, those among them that are left out or not looked at.

        Args:
            table: With the columns fitted on.
            names: Of columns it has.

        Raises:
            SchemaError: A column now holds something else.
            InvalidInputError: The table is sparse, and only its main directions are looked at.
        """
        opened = open_table(table)
        if self._components is not None:
            raise _unread("rules")
        places = {name: self._names.index(name) for name in names}
        readings = {name: self._plans[i].original for name, i in places.items()}
        return {name: as_read(readings[name], readings[name].cells_of(opened, i), name) for name, i in places.items()}

    def moments(self, table: Any) -> tuple[str, pd.Series[pd.Timestamp]] | None:
        """The first column of dates of a table with the columns fitted on, and its dates, in its own time zone.

        Returns:
            Its name and one date per row, ``NaT`` where there is none; None without such a column.
        """
        opened = open_table(table)
        if self._components is not None:  # directions of a sparse table, none of which is a date
            return None
        for i, (name, plan) in enumerate(zip(opened.names, self._plans, strict=True)):
            reading = plan.original if i in self.ignored else plan.reading
            if (plan.parts or i in self.ignored) and reading.form == "time":
                cells = reading.read(opened.column(i), name)
                dates = pd.to_datetime(pd.Series(cells.numbers), unit="s", utc=True, errors="coerce")
                return name, dates.dt.tz_convert(cells.zone or "UTC")
        return None

    def to_state(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """All that was learned, as what JSON holds and as arrays."""
        return Learned(
            watches_constants=self.watches_constants,
            owner=self.owner,
            names=self._names,
            labelled=self._labelled,
            named=self._named,
            features=self._features,
            sources=self._sources,
            columns=self.columns,
            reasons=self.reasons,
            plans=self._plans,
            components=self._components,
            leanings=self.leanings,
        ).to_state()

    @classmethod
    def from_state(cls, values: Mapping[str, Any], arrays: Mapping[str, Array]) -> TableEncoder:
        """The inverse of `to_state`: an encoder that gives the same values to the last bit.

        Raises:
            StorageError: The state is incomplete, damaged, or of a version this one does not know.
        """
        learned = Learned.from_state(values, arrays)
        encoder = cls(watches_constants=learned.watches_constants, owner=learned.owner)
        encoder._names, encoder._labelled, encoder._named = learned.names, learned.labelled, learned.named
        encoder._features, encoder._sources = learned.features, learned.sources
        encoder._plans, encoder._components = learned.plans, learned.components
        encoder.leanings = learned.leanings
        encoder._plain = None if encoder.leanings else PlainColumns.of(encoder._plans)
        encoder.columns, encoder.reasons = learned.columns, learned.reasons
        encoder._set_sklearn_attributes()
        return encoder

    def _set_sklearn_attributes(self) -> None:
        self.n_features_in_ = len(self._names)
        self.__dict__.pop("feature_names_in_", None)
        if self._named:
            self.feature_names_in_ = np.array(self._names, dtype=object)

    def _fit_columns(self, table: Table) -> tuple[list[Column], list[Reason]]:
        twins: dict[bytes, str] = {}
        taken: set[str] = set()
        plans: list[Plan] = []
        columns: list[Column] = []
        reasons: list[Reason] = []
        features: list[str] = []
        sources: list[int] = []
        survey = Survey(table, self.conventions)
        reasons.extend(told_by(survey))
        judged, told = self._judge_columns(table, survey, twins)
        reasons.extend(told)
        for i, one in enumerate(judged):
            verdict = one.verdict
            made = distinct([f for part in verdict.parts for f in part.features], taken)
            plans.append(Plan(reading=verdict.reading, parts=verdict.parts, original=one.reading))
            columns.append(dataclasses.replace(one.column, kind=verdict.kind, features=tuple(made)))
            reasons.extend(one.doubts + verdict.reasons)
            features += made
            sources += [i] * len(made)
        survey.tell()
        self._plans, self._features, self._sources = tuple(plans), tuple(features), tuple(sources)
        self._plain = PlainColumns.of(self._plans)
        return columns, reasons

    def _judge_columns(
        self, table: Table, survey: Survey, twins: dict[bytes, str]
    ) -> tuple[list[Judged], list[Reason]]:
        """What becomes of each column: whether it stands among several kinds is known when all have been read."""
        may = self.geometry == "auto" and isinstance(table.source, pd.DataFrame)
        may = may and not all(pd.api.types.is_numeric_dtype(dtype) for dtype in table.source.dtypes)
        judged: list[Judged] = []
        shapes: list[Verdict] = []
        discrete = True
        for i, name in enumerate(table.names):
            if self.weights.get(name) == 0:
                one, _ = judge_column(survey.settled(i), name, {}, watch=False)
                left = Verdict(kind=IGNORED, reading=Reading(form="none"), reasons=ignored(name))
                judged.append(dataclasses.replace(one, verdict=left, doubts=()))
                shapes.append(left)
                continue
            one, facts = judge_column(survey.settled(i), name, twins, watch=self.watches_constants)
            judged.append(one)
            shapes.append(shaped(facts, one.verdict) if may else one.verdict)
            discrete = discrete and is_discrete(facts, one.verdict, shapes[-1])
        if not may or not any(is_other(one.verdict) for one in judged):
            return judged, []
        if discrete:
            text = "no column has more than a few values: levels weigh by how frequent they are, without their rarity"
            return judged, [Reason(code="DAT-035", subject="table", text=text)]
        return [dataclasses.replace(one, verdict=shape) for one, shape in zip(judged, shapes, strict=True)], []

    def _fit_projection(self, table: Table, components: FloatArray) -> tuple[list[Column], Reason]:
        """Give each direction to the column that weighs most in it."""
        heaviest = np.abs(components).argmax(axis=1)
        self._sources = tuple(int(heaviest[i]) for i in self._sources)
        columns = _projection.sparse_columns(table)
        for feature, source in zip(self._features, self._sources, strict=True):
            columns[source] = dataclasses.replace(columns[source], features=(*columns[source].features, feature))
        n = len(components)
        return columns, Reason(
            code="DAT-017",
            subject="table",
            text=f"sparse and too large to be written out: projected onto its {n} main directions",
            evidence={"n_rows": table.n_rows, "n_columns": table.n_columns, "components": n},
        )

    def _refuse_nothing(self, n_rows: int) -> None:
        if any(column.features and (column.kind != "constant" or column.n_missing) for column in self.columns):
            return
        kinds = {column.kind for column in self.columns}
        what = f"all columns are {kinds.pop()}" if len(kinds) == 1 else "no column tells rows apart"
        told = "; ".join(f"{reason.subject} {reason.text}" for reason in self.reasons[:5])
        raise InvalidInputError(
            f"{what}, so nothing is left to find anomalies in ({n_rows} rows: {told}).",
            fix="Give at least one column whose values differ and repeat.",
        )

    def _fill(self, X: FloatArray, table: Table) -> FloatArray:
        """Write the features of all rows into ``X``; the number of missing cells per row, shape (n_rows,)."""
        lost = np.zeros(table.n_rows)
        plain = None if self._components is not None or self._plain is None else self._plain.encode(table)
        if plain is not None:
            X[:] = plain
            return lost
        known = None
        if self._components is not None:
            projected = _projection.project(table, self._components)
            known = _projection.missing_per_row(table.source, table.n_rows) if table.is_sparse else None
            table = projected
        at, ignored_ones = 0, self.ignored
        unseen: list[str | None] = []
        for i, (name, plan) in enumerate(zip(table.names, self._plans, strict=True)):
            if not plan.parts:
                lost += 0.0 if i in ignored_ones else missing_in(table.column(i))
                continue
            cells = plan.reading.apply(plan.reading.cells_of(table, i), name)
            lost += cells.missing
            if self._components is None:  # else the columns are directions, each of them a mixture
                unseen.append(unseen_in(self.columns[i], plan.parts, cells))
            cells, weight = self.leanings.clamped(i, cells), self.leanings.weight(i)
            for part in plan.parts:
                width = len(part.features)
                X[:, at : at + width] = weight * part.encode(cells).reshape(len(X), width)
                at += width
        tell([told for told in unseen if told is not None])
        return lost if known is None else known


def _unread(setting: str) -> InvalidInputError:
    what = "the sparse table is too large to be looked at column by column."
    return InvalidInputError(what, where=setting, fix="Give fewer columns, or leave this setting out.")
