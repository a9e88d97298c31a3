"""More events of an entity in a short time than its own rate lets expect."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from scipy.special import gammaln

from pynomaly_auto.cells._categories import Category
from pynomaly_auto.cells._parts import one_by_one, read_one_by_one
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, FloatArray, IntArray, OriginalColumn, OriginalTable, State

_DAY = 86_400.0
_WINDOWS = (60.0, 600.0, 3_600.0, 6 * 3_600.0, _DAY, 3 * _DAY, 10 * _DAY, 30 * _DAY)
_GRAINS = (_DAY, 3_600.0, 60.0)  # steps that times may come in
_ON_GRAIN = 0.95  # share of the events that do
_LEAST_ENTITIES = 8
_FEWEST_MOMENTS = 100
_LEAST_EVENTS = 1.5  # rows of an entity, on average
_MOST_SHARE = 0.2  # of the rows that one entity has
_LEAST_CODE = 100  # numbers below are counts
_MOST_KEYS = 3  # columns taken for entities
_FARTHEST = 60.0
_FEWEST_IN_ORDER = 30
_RUNNING = 0.25  # of the usual difference of any two values: successive ones that are as close go on from one another
_NEVER = 1e7  # seconds after the last event from which on a later row is no nearer to it


@dataclass(frozen=True, kw_only=True, eq=False)
class History:
    """The events of the entities of one column, one after the other.

    Args:
        key: Position of the column of the entities.
        entities: Its values.
        starts: Where the events of each begin, and where the last end; shape (n_entities + 1,).
        moments: Seconds since 1970 of the events, ascending within an entity.
        first: Of all events.
        last: Of all events.
        ahead: Whether events after the one judged count as well, as where the rows are in no order of time.
        usual: Bits that nineteen of twenty events stay below.
    """

    key: int
    entities: Category
    starts: IntArray
    moments: FloatArray
    first: float
    last: float
    ahead: bool
    usual: float

    def bits(self, column: OriginalColumn, moments: FloatArray) -> FloatArray:
        """Bits of each event, 0 for entities that are not known, shape (n_rows,)."""
        return np.asarray(np.maximum(self.raw(self.entities.codes(column), moments) - self.usual, 0.0))

    def raw(self, codes: IntArray, moments: FloatArray) -> FloatArray:
        """The same, the usual bits not yet taken off."""
        out = np.zeros(len(codes))
        rows = np.flatnonzero((codes >= 0) & np.isfinite(moments))
        if not len(rows):
            return out
        entity, when = codes[rows], moments[rows]
        # The events of all entities on one line, far enough apart for no window to reach from one to the next.
        past = np.clip(when - self.first, -1.0, self.last - self.first + _NEVER)
        line, at = self._line, past + self._offsets[entity]
        span = max(self.last - self.first, 1.0)
        events = np.diff(self.starts)[entity].astype(np.float64)
        begins, ends = self.starts[entity], self.starts[entity + 1]
        upto = np.clip(np.searchsorted(line, at, side="right"), begins, ends)
        itself = (upto > begins) & (line[np.maximum(upto - 1, 0)] == at)
        best = np.zeros(len(rows))
        # Where times are days, events of one day are not within a minute of each other.
        windows = [w for w in _WINDOWS if self.grain <= w < span / 4]
        for window in windows:
            since = np.clip(np.searchsorted(line, at - window, side="left"), begins, ends)
            until = np.clip(np.searchsorted(line, at + window, side="right"), begins, ends) if self.ahead else upto
            others = until - since - itself
            mean = np.maximum(events - 1.0, 1.0) * (window * (1 + self.ahead) + self.grain) / span
            best = np.maximum(best, poisson_above(others, mean))
        out[rows] = np.maximum(best - np.log2(max(len(windows), 1)), 0.0)
        return out

    @cached_property
    def grain(self) -> float:
        """Seconds of the steps that the times come in, 0 where these are small."""
        for step in _GRAINS:
            if len(self.moments) and (self.moments % step == 0).mean() >= _ON_GRAIN:
                return step
        return 0.0

    @cached_property
    def _offsets(self) -> FloatArray:
        return np.arange(len(self.starts) - 1, dtype=np.float64) * (self.last - self.first + 2 * _NEVER)

    @cached_property
    def _line(self) -> FloatArray:
        entity = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        return (self.moments - self.first) + self._offsets[entity]

    def to_state(self) -> State:
        """As data."""
        values = {name: getattr(self, name) for name in ("key", "first", "last", "ahead", "usual")}
        held = State(arrays={"starts": self.starts, "moments": self.moments}, values=values)
        return held | self.entities.to_state().within("entities")


class Burst:
    """More events of an entity in some window before an event than its own rate lets expect: −log₂ of the Poisson tail.

    Entities are the values of up to three columns of texts or codes of which there are many and all come again; the
    windows reach from a minute to thirty days, none shorter than the steps that times come in. Where the rows are in
    order of time only what came before an event counts. The history of the entities is kept for later rows.

    Attributes:
        time: Position of the column of times.
        histories: Of each column of entities.
    """

    def __init__(self) -> None:
        self.time = -1
        self.histories: tuple[History, ...] = ()

    def fit(self, table: OriginalTable) -> Self:
        """Find the time and the entities, and keep their history.

        Raises:
            NotApplicableError: There are no times of day, or no entities.
        """
        times = [i for i, c in enumerate(table.columns) if is_clock(c)]
        if not times:
            raise NotApplicableError("no column holds points in time")
        self.time = times[0]
        moments = table.columns[self.time].numbers
        keys = [i for i, c in enumerate(table.columns) if i != self.time and is_entity(c) and not _runs(c, moments)]
        keys.sort(key=lambda i: -len(table.columns[i].levels.texts))
        histories = [_history(table.columns[i], i, moments) for i in keys[:_MOST_KEYS]]
        if not histories:
            raise NotApplicableError("no column holds entities that come again and again")
        self.histories = tuple(histories)
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on; entity and time have half of the bits each."""
        bits = np.zeros((table.n_rows, table.n_columns))
        moments = table.columns[self.time].numbers
        for history in self.histories:
            half = history.bits(table.columns[history.key], moments) / 2
            for i in (history.key, self.time):
                bits[:, i] = np.maximum(bits[:, i], half)
        return CellEvidence(bits=bits)

    def to_state(self) -> State:
        """All histories as data."""
        return State(values={"time": self.time}) | one_by_one(self.histories, name="histories", each="history")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.time = state.value("time", int)
        made.histories = tuple(map(_restored, read_one_by_one(state, name="histories", each="history")))
        return made


def is_entity(column: OriginalColumn) -> bool:
    """Whether the values of a column are names or codes of which there are many and nearly all come again."""
    if column.role == "number":
        found = column.numbers[np.isfinite(column.numbers)]
        # Codes are as long as one another, amounts and counts are not.
        if not len(found) or (found != np.floor(found)).any() or len({*map(len, column.levels.texts)}) > 1:
            return False
        if found.min() < _LEAST_CODE:
            return False
    elif column.role not in ("text", "mixed"):
        return False
    levels = column.levels
    known, n = int(levels.counts.sum()), len(levels.texts)
    if n < _LEAST_ENTITIES or known < _LEAST_EVENTS * n:
        return False
    return bool(levels.counts.max() <= max(_MOST_SHARE * known, 1))


def _runs(column: OriginalColumn, moments: FloatArray) -> bool:
    """Whether numbers in the order of time go on from one another: then they are measured, and name nobody."""
    if column.role != "number":
        return False
    known = np.flatnonzero(np.isfinite(column.numbers) & np.isfinite(moments))
    values = column.numbers[known[np.argsort(moments[known], kind="stable")]]
    if len(values) < _FEWEST_IN_ORDER:
        return False
    apart = np.abs(values - np.random.default_rng(0).permutation(values))
    return bool(np.median(np.abs(np.diff(values))) < _RUNNING * np.median(apart))


def poisson_above(met: IntArray, expected: FloatArray) -> FloatArray:
    """−log₂ of the chance of so many or more where fewer are expected, 0 where none was met; a close bound.

    Args:
        met: How many there were.
        expected: How many there should have been.
    """
    k, mean = np.maximum(met, 0).astype(np.float64), np.maximum(expected, 1e-12)
    top = k * np.log(mean) - mean - gammaln(k + 1)
    ratio = np.minimum(mean / (k + 1), 0.999)  # the terms above fall at least as fast as its powers
    bits = -(top - np.log1p(-ratio)) / np.log(2)
    return np.where(k > mean, np.clip(bits, 0.0, _FARTHEST), 0.0)


def is_clock(column: OriginalColumn) -> bool:
    """Whether a column holds points in time, of which there are many."""
    known = column.numbers[np.isfinite(column.numbers)] if column.role == "time" else np.empty(0)
    distinct = len(np.unique(known))
    return bool(len(known) >= 20 and (distinct > 0.2 * len(known) or distinct >= _FEWEST_MOMENTS))


def _history(column: OriginalColumn, key: int, moments: FloatArray) -> History:
    entities = Category.of(column)
    if entities is None:
        raise NotApplicableError("no entity comes again")
    codes = entities.codes(column)
    kept = np.flatnonzero((codes >= 0) & np.isfinite(moments))
    order = kept[np.lexsort((moments[kept], codes[kept]))]
    starts = np.concatenate(([0], np.cumsum(np.bincount(codes[order], minlength=entities.size)))).astype(np.int64)
    known = moments[np.isfinite(moments)]
    steps = np.diff(known)
    first = History(
        key=key,
        entities=entities,
        starts=starts,
        moments=moments[order],
        first=float(known.min()),
        last=float(known.max()),
        ahead=bool((steps < 0).mean() > 0.01),
        usual=0.0,
    )
    found = first.raw(codes, moments)
    usual = float(np.quantile(found, 0.95))
    return History(**{**{n: getattr(first, n) for n in first.__dataclass_fields__}, "usual": usual})


def _restored(state: State) -> History:
    entities = Category.from_state(state.part("entities"))
    starts, moments = state.array("starts", kind="i", ndim=1), state.array("moments", ndim=1)
    if len(starts) != entities.size + 1 or starts[0] != 0 or starts[-1] != len(moments) or (np.diff(starts) < 0).any():
        raise StorageError("the history of entities does not fit them.")
    first, last, usual = (float(state.value(n, (int, float))) for n in ("first", "last", "usual"))
    return History(
        key=state.value("key", int),
        entities=entities,
        starts=starts,
        moments=moments,
        first=first,
        last=last,
        ahead=state.value("ahead", bool),
        usual=usual,
    )
