"""The first time that an entity is seen with a value, where its history lets expect none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self, TypeAlias

import numpy as np

from pynomaly_auto.cells._burst import is_clock, is_entity
from pynomaly_auto.cells._categories import MISSING, RARE, Category
from pynomaly_auto.cells._parts import by_column, one_by_one, read_by_column, read_one_by_one
from pynomaly_auto.cells._spec import Beside
from pynomaly_auto.errors import NotApplicableError, StorageError
from pynomaly_auto.records import CellEvidence, FloatArray, IntArray, OriginalTable, State

BoolArray: TypeAlias = np.ndarray[Any, np.dtype[np.bool_]]
_MOST_KEYS, _MOST_VALUES = 3, 10  # columns taken for entities, and for what they are seen with
_SILENT = 5.0  # bits that firsts have now and then
_USUAL = 0.997  # share of the events that are no firsts, or such as others are
_SPREAD = 0.5  # share of the events that differ in time from the entity's one before, for the times to be theirs
_LEAST_EVENTS = 200  # with a history, for firsts to be told from others
_FEW = 20  # events that are faster counted one by one
_FITTED = 2_000  # events that the chance of a first is learned from
_STRENGTHS = tuple(float(x) for x in np.geomspace(1e-3, 1e3, 19))
_DISCOUNTS = tuple(float(x) for x in np.linspace(0.0, 0.9, 10))


@dataclass(frozen=True, kw_only=True, eq=False)
class Firsts:
    """What the entities of one column were seen with in another, and since when.

    Args:
        key: Position of the column of entities.
        value: Position of the column of what they are seen with.
        entities: Values of the former.
        values: Values of the latter.
        starts: Where the events of each entity begin, and where the last end; shape (n_entities + 1,).
        moments: Of the events, ascending within an entity; all 0 where there is no time.
        since: Where the first events of each entity begin among all such; shape (n_entities + 1,).
        firsts: Moments of events with a value that the entity had not before, ascending within an entity.
        pairs: Entity and value as entity · n_values + value, ascending, of those met (twice, where there is no time).
        began: Moment of the first of each.
        timed: Whether there is a time, so that only what came before counts.
        strength: Of the Pitman-Yor process that firsts follow.
        discount: Its other parameter.
        usual: Bits that firsts have now and then.
    """

    key: int
    value: int
    entities: Category
    values: Category
    starts: IntArray
    moments: FloatArray
    since: IntArray
    firsts: FloatArray
    pairs: IntArray
    began: FloatArray
    timed: bool
    strength: float = 1.0
    discount: float = 0.0
    usual: float = _SILENT

    def new(self, entity: IntArray, value: IntArray, moments: FloatArray) -> BoolArray:
        """Whether the values of some events are firsts; without a time, whether no other event has them."""
        wanted = entity * max(self.values.size, 1) + value
        place = np.minimum(np.searchsorted(self.pairs, wanted), max(len(self.pairs) - 1, 0))
        met = (value >= 0) & (self.pairs[place] == wanted) if len(self.pairs) else np.zeros(len(entity), dtype=bool)
        if not self.timed:
            return np.asarray(~met)
        began = np.where(met, self.began[place] if len(self.began) else 0.0, np.inf)
        return np.asarray(~(began < moments))

    def history(self, entity: IntArray, new: BoolArray, moments: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Earlier events of some events' entities, other ones without a time, and different values among these."""
        if self.timed:
            before = _before(self.starts, self.moments, entity, moments)
            return before, _before(self.since, self.firsts, entity, moments)
        seen = self.starts[entity + 1] - self.starts[entity] - 1.0
        kinds = self.since[entity + 1] - self.since[entity] - new.astype(np.float64)
        return np.maximum(seen, 0.0), np.maximum(kinds, 0.0)

    def bits(self, entity: IntArray, value: IntArray, moments: FloatArray) -> FloatArray:
        """−log₂ of the chance of a first, above what is usual, given positions of values; shape (n_rows,)."""
        out = np.zeros(len(entity))
        rows = np.flatnonzero((entity >= 0) & (value != MISSING) & np.isfinite(moments))
        if len(rows):
            out[rows] = np.maximum(self.raw(entity[rows], value[rows], moments[rows]) - self.usual, 0.0)
        return out

    def raw(self, entity: IntArray, value: IntArray, moments: FloatArray) -> FloatArray:
        """−log₂ of the chance of a first, 0 for others; shape (n_rows,)."""
        out = np.zeros(len(entity))
        # Hardly any is a first, and of the others nothing needs to be counted.
        rows = np.flatnonzero(self.new(entity, value, moments))
        if not len(rows):
            return out
        seen, kinds = self.history(entity[rows], np.ones(len(rows), dtype=bool), moments[rows])
        # What was never seen in so many events may still come in the next: the rule of succession.
        chance = np.maximum(_chance(seen, kinds, self.strength, self.discount), 1.0 / (len(self.moments) + 2.0))
        out[rows] = np.where(seen > 0, -np.log2(chance), 0.0)
        return out

    def learned(self, entity: IntArray, value: IntArray, moments: FloatArray) -> Firsts | None:
        """The same with the parameters that make the firsts of some events the likeliest; None: none can be odd."""
        new = self.new(entity, value, moments)
        seen, kinds = self.history(entity, new, moments)
        known = np.flatnonzero((seen > 0) & (kinds > 0))
        if len(known) < _LEAST_EVENTS:
            return None
        order = known[np.lexsort((kinds[known], seen[known], new[known]))]
        some = order[:: max(1, -(-len(order) // _FITTED))]
        n, d, first = seen[some], kinds[some], new[some]
        best, found = -np.inf, (1.0, 0.0)
        for strength, discount in product(_STRENGTHS, _DISCOUNTS):
            chance = _chance(n, d, strength, discount)
            likely = float(np.log(np.where(first, chance, 1.0 - chance)).sum())
            if likely > best:
                best, found = likely, (strength, discount)
        made = replace(self, strength=found[0], discount=found[1])
        # After the longest history with one value, the oddest that there can be.
        longest = np.array([float(np.diff(self.starts).max())])
        if -np.log2(_chance(longest, np.ones(1), *found)[0]) <= _SILENT:
            return None
        return replace(made, usual=max(float(np.quantile(made.raw(entity, value, moments), _USUAL)), _SILENT))

    def to_state(self) -> State:
        """All but the values of both columns, which other histories may have as well."""
        arrays = ("starts", "moments", "since", "firsts", "pairs", "began")
        names = ("key", "value", "timed", "strength", "discount", "usual")
        held, values = ({name: getattr(self, name) for name in some} for some in (arrays, names))
        return State(arrays=held, values=values)


class First:
    """The first time that an entity is seen with a value: bits by the chance of a first after such a history.

    The chance after n events with d different values is that of a Pitman-Yor process, (θ + σ d) / (θ + n), with θ and
    σ as they are for all entities of the column. Where there are times that differ within entities only what came
    before counts, else all other rows of the entity. Five bits are taken off,
    more where such firsts are usual.

    Attributes:
        time: Position of the column of times, -1: none.
        firsts: Of each column of entities and each of what they are seen with.
    """

    def __init__(self) -> None:
        self.time = -1
        self.firsts: tuple[Firsts, ...] = ()

    def fit(self, table: OriginalTable) -> Self:
        """Find entities, a time and what entities are seen with.

        Raises:
            NotApplicableError: There are no entities, or nothing that they are seen with again and again.
        """
        keys = [i for i, column in enumerate(table.columns) if is_entity(column)]
        keys.sort(key=lambda i: -len(table.columns[i].levels.texts))
        categories = {i: found for i in keys[:_MOST_KEYS] if (found := Category.of(table.columns[i])) is not None}
        if not categories:
            raise NotApplicableError("no column holds entities that come again and again")
        values = dict(_seen_with(table))
        codes = {i: found.codes(table.columns[i]) for i, found in (values | categories).items()}
        self.time = _time_of(table, [codes[i] for i in categories])
        moments = self._moments(table)
        made: list[Firsts] = []
        for of, seen in product(categories.items(), values.items()):
            if of[0] != seen[0]:
                firsts = _firsts(of, seen, codes, None if self.time < 0 else moments)
                made += [] if firsts is None else [firsts]
        if not made:
            raise NotApplicableError("entities are seen with nothing again and again")
        self.firsts = tuple(made)
        return self

    def evidence(self, table: OriginalTable) -> CellEvidence:
        """Judge the cells of a table with the columns fitted on."""
        bits = np.zeros((table.n_rows, table.n_columns))
        for firsts, found in self._found(table):
            if found.any():
                bits[:, firsts.value] = np.maximum(bits[:, firsts.value], found)
        return CellEvidence(bits=bits)

    def _found(self, table: OriginalTable) -> Iterator[tuple[Firsts, FloatArray]]:
        moments = self._moments(table)
        codes: dict[int, IntArray] = {}
        for firsts in self.firsts:
            for i, category in ((firsts.key, firsts.entities), (firsts.value, firsts.values)):
                if i not in codes:
                    codes[i] = category.codes(table.columns[i])
            yield firsts, firsts.bits(codes[firsts.key], codes[firsts.value], moments)

    def beside(self, table: OriginalTable, row: int, column: int) -> Beside | None:
        """The entity that was not seen with a value before."""
        one = table.rows(np.array([row]))
        found = [(float(bits[0]), firsts.key) for firsts, bits in self._found(one) if firsts.value == column]
        bits, key = max(found, default=(0.0, -1))
        if bits <= 0:
            return None
        levels = one.columns[key].levels
        return Beside(text=f"{one.columns[key].name} {levels.texts[int(levels.codes[0])]!r}", columns=(key,))

    def _moments(self, table: OriginalTable) -> FloatArray:
        return table.columns[self.time].numbers if self.time >= 0 else np.zeros(table.n_rows)

    def to_state(self) -> State:
        """All histories as data."""
        categories = {f.key: f.entities for f in self.firsts} | {f.value: f.values for f in self.firsts}
        held = by_column(dict(sorted(categories.items()))) | State(values={"time": self.time})
        return held | one_by_one(self.firsts, name="firsts", each="firsts")

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The inverse of `to_state`.

        Raises:
            StorageError: Something is missing or does not fit.
        """
        made = cls()
        made.time = state.value("time", int)
        categories = read_by_column(Category, state)
        parts = read_one_by_one(state, name="firsts", each="firsts")
        made.firsts = tuple(_restored(part, categories) for part in parts)
        return made


def _chance(seen: FloatArray, kinds: FloatArray, strength: float, discount: float) -> FloatArray:
    """Chance of a first after so many events with so many different values (Pitman & Yor 1997); same shape."""
    return np.clip((strength + discount * kinds) / (strength + np.maximum(seen, 1.0)), 1e-9, 1.0 - 1e-9)


def _before(starts: IntArray, line: FloatArray, entity: IntArray, moments: FloatArray) -> FloatArray:
    """How many of an entity's moments come before some moment; shape (n_rows,)."""
    low, high = starts[entity], starts[entity + 1]
    if len(entity) <= _FEW:
        each = zip(low.tolist(), high.tolist(), moments.tolist(), strict=True)
        return np.array([np.searchsorted(line[begin:end], moment) for begin, end, moment in each], dtype=np.float64)
    begin = low
    while (open_ := low < high).any():  # all rows' binary searches side by side
        middle = (low + high) // 2
        less = open_ & (line[np.minimum(middle, len(line) - 1)] < moments)
        low = np.where(less, middle + 1, low)
        high = np.where(open_ & ~less, middle, high)
    return (low - begin).astype(np.float64)


def _seen_with(table: OriginalTable) -> Iterator[tuple[int, Category]]:
    """Columns of values that entities may be seen with, and their values."""
    left = _MOST_VALUES
    for i, column in enumerate(table.columns):
        if left and (column.role in ("text", "mixed", "boolean") or is_entity(column)):
            found = Category.of(column)
            if found is not None and len(column.levels.texts) > 1:
                left -= 1
                yield i, found


def _time_of(table: OriginalTable, entities: list[IntArray]) -> int:
    """The first column of times that differ among the events of an entity, -1: none."""
    for i, column in enumerate(table.columns):
        if not is_clock(column):
            continue
        for codes in entities:
            known = np.flatnonzero((codes >= 0) & np.isfinite(column.numbers))
            order = known[np.lexsort((column.numbers[known], codes[known]))]
            same = np.diff(codes[order]) == 0
            if same.any() and (np.diff(column.numbers[order])[same] > 0).mean() >= _SPREAD:
                return i
    return -1


def _firsts(
    of: tuple[int, Category], seen: tuple[int, Category], codes: dict[int, IntArray], times: FloatArray | None
) -> Firsts | None:
    (key, entities), (value, values) = of, seen
    entity, code = codes[key], codes[value]
    moments = np.zeros(len(entity)) if times is None else times
    timed = times is not None
    known = np.flatnonzero((entity >= 0) & (code != MISSING) & np.isfinite(moments))
    order = known[np.lexsort((moments[known], entity[known]))]
    entity, code, when = entity[order], code[order], moments[order]
    n = entities.size
    keys = entity * values.size + code
    met, first, counts = np.unique(keys[code > RARE], return_index=True, return_counts=True)
    at = np.flatnonzero(code > RARE)[first]
    # A value that one row alone has is a first of its own.
    new = np.sort(np.concatenate((at, np.flatnonzero(code == RARE))))
    again = counts > (0 if timed else 1)
    made = Firsts(
        key=key,
        value=value,
        entities=entities,
        values=values,
        starts=_ends(entity, n),
        moments=when,
        since=_ends(entity[new], n),
        firsts=when[new],
        pairs=met[again].astype(np.int64),
        began=when[at][again],
        timed=timed,
    )
    return made.learned(entity, code, when)


def _ends(entity: IntArray, n: int) -> IntArray:
    return np.concatenate(([0], np.cumsum(np.bincount(entity, minlength=n)))).astype(np.int64)


def _restored(state: State, categories: dict[int, Category]) -> Firsts:
    key, value = state.value("key", int), state.value("value", int)
    whole = {name: state.array(name, kind="i", ndim=1) for name in ("starts", "since", "pairs")}
    real = {name: state.array(name, ndim=1) for name in ("moments", "firsts", "began")}
    strength, discount, usual = (float(state.value(n, (int, float))) for n in ("strength", "discount", "usual"))
    sane = strength > 0 and 0 <= discount < 1 and usual >= 0
    if key not in categories or value not in categories or not sane:
        raise StorageError("what entities were seen with is damaged.")
    for ends, held in (("starts", "moments"), ("since", "firsts")):
        at = whole[ends]
        fits = len(at) == categories[key].size + 1 and at[0] == 0 and at[-1] == len(real[held])
        if not fits or (np.diff(at) < 0).any():
            raise StorageError("the history of entities does not fit them.")
    if len(whole["pairs"]) != len(real["began"]) or (np.diff(whole["pairs"]) <= 0).any():
        raise StorageError("what entities were seen with does not fit them.")
    return Firsts(
        key=key, value=value, entities=categories[key], values=categories[value], timed=state.value("timed", bool),
        strength=strength, discount=discount, usual=usual, **whole, **real,
    )  # fmt: skip
