"""Settling how the columns of a table are read: from all their values, each other, and the file they came from."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._conventions import DAY_ORDERS, Conventions
from pynomaly_auto.dataset._cells import Cells, read_cells
from pynomaly_auto.dataset._table import Array, RawColumn, Table
from pynomaly_auto.dataset.reading._choosing import Choice, Context, choose_order, choose_sign, unit_of
from pynomaly_auto.dataset.reading._dates import clocks_in, has_zone, orders_of
from pynomaly_auto.dataset.reading._evidence import (
    DateEvidence,
    NumberEvidence,
    date_evidence,
    looks_like_numbers,
    number_evidence,
)
from pynomaly_auto.dataset.reading._numbers import numbers_in
from pynomaly_auto.dataset.reading._origin import Origin
from pynomaly_auto.dataset.reading._reading import Reading
from pynomaly_auto.dataset.reading._whole import are_codes, as_texts
from pynomaly_auto.dataset.reading._words import is_missing, missing_among
from pynomaly_auto.errors import AmbiguousReadingWarning, warn
from pynomaly_auto.records import Scalar

NEARLY_ALL = 0.95  # share of the texts present that must parse before a column counts as numbers or dates
_MOST = 0.85  # the same where each of the others is there once: they are wrong cells, and no words of their own
_CODED = 0.05  # share of the numbers that must be written as codes are
_SAMPLE = 200  # distinct texts tried before all of them are
_SHOWN = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Settled:
    """How one column is read, and its cells.

    Args:
        reading: Settled for all later rows.
        cells: The cells, read so.
        n_unread: Cells that hold something that could not be read.
        note: How the reading was found, as a clause; empty: there was nothing to find.
        doubt: Both readings, where there are two; empty: there are not.
        readings: What is in doubt and its readings, by name.
    """

    reading: Reading
    cells: Cells = field(repr=False)
    n_unread: int = 0
    note: str = ""
    doubt: str = ""
    readings: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(kw_only=True, eq=False)
class _Texts:
    """A column of texts on its way to being settled."""

    cells: Cells
    counts: Array
    some: Array
    numbers: NumberEvidence | None = None
    dates: DateEvidence | None = None


class Survey:
    """All columns of a table looked at, so that each is settled in the light of the others.

    Args:
        table: The table fitted on.
        conventions: What the user says of how its texts are written.
    """

    def __init__(self, table: Table, conventions: Conventions | None = None) -> None:
        self._table = table
        self._origin = Origin.of(table.source)
        self._said = (conventions or Conventions()).over(Conventions.of(self._origin.conventions))
        self._texts: dict[int, _Texts] = {}
        self._codes: set[int] = set()
        self._plain: dict[int, Cells] = {}
        for i, name in enumerate(table.names):
            raw = table.column(i)
            if _may_hold_texts(raw):
                self._look(i, raw, name)
            elif are_codes(raw):
                self._codes.add(i)
        self._context = self._gather()
        self.doubts: list[str] = []

    @property
    def origin(self) -> Origin:
        """What is known of the file the table came from."""
        return self._origin

    def settled(self, position: int) -> Settled:
        """Settle one column; its cells are handed out once."""
        name = self._table.names[position]
        texts = self._texts.pop(position, None)
        if texts is not None:
            found = self._settle(texts, name)
        elif position in self._codes:
            cells = read_cells(as_texts(self._table.column(position)), name)
            found = Settled(
                reading=Reading(form="text", parse="code"), cells=cells, note=": whole numbers too long to be amounts"
            )
        else:
            seen = position in self._plain
            cells = self._plain.pop(position) if seen else read_cells(self._table.column(position), name)
            found = self._as_it_is(cells, name)
        if found.doubt:
            self.doubts.append(f"column {name!r}: {found.doubt}")
        return found

    def tell(self) -> None:
        """Warn of all columns that can be read in two ways, at once."""
        if not self.doubts:
            return
        more = [f"and {len(self.doubts) - _SHOWN} more columns"] if len(self.doubts) > _SHOWN else []
        warn(
            f"two readings are possible; {'; '.join([*self.doubts[:_SHOWN], *more])}. Say which is right by decimal=, "
            "thousands= or dates= of read_table, or by the setting reading.",
            AmbiguousReadingWarning,
        )

    def _look(self, i: int, raw: RawColumn, name: str) -> None:
        if are_codes(raw):
            self._codes.add(i)
            return
        cells = read_cells(raw, name)
        if cells.form not in ("text", "mixed") or cells.declared or not len(cells.levels):
            self._plain[i] = cells
            return
        counts = np.bincount(cells.codes[cells.codes >= 0], minlength=len(cells.levels))
        texts = _Texts(cells=cells, counts=counts, some=_sample(cells.levels))
        if looks_like_numbers(cells.levels[texts.some]):
            texts.numbers = number_evidence(cells.levels, counts)
        if cells.form == "text" and (texts.numbers is None or not texts.numbers.numbers):
            present = [text for text in cells.levels[texts.some] if not is_missing(text)]
            if present and 2 * sum(bool(orders_of(text)) for text in present) >= len(present):
                texts.dates = date_evidence(cells.levels, counts)
        self._texts[i] = texts

    def _gather(self) -> Context:
        """What the columns tell each other."""
        signs: set[str] = set(self._origin.decimal)
        orders: set[str] = set()
        absent: set[str] = set(self._origin.missing)
        for texts in self._texts.values():
            if texts.numbers is not None and texts.numbers.numbers > texts.numbers.other:
                if texts.numbers.certain and not texts.numbers.outvoted:
                    signs.add(texts.numbers.certain)
                absent |= texts.numbers.absent
            if texts.dates is not None:
                best = texts.dates.valid.most_common(2)
                if best and (len(best) == 1 or best[0][1] > best[1][1]) and texts.dates.tells(best[0][0]):
                    orders.add(best[0][0])
        return Context(
            signs=frozenset(signs), orders=frozenset(orders), absent=frozenset(absent), delimiter=self._origin.delimiter
        )

    def _settle(self, texts: _Texts, name: str) -> Settled:
        said = self._said.word("dates", name)
        if said is not None and "%" in said:
            reading = Reading(form="time", parse=said, zone="UTC" if "%z" in said else None)
            found = self._read(reading, texts.cells, name, note=f": dates written as {said!r}, as told")
            if self._enough(texts, found) or isinstance(self._said.dates, dict):
                return found
        for attempt in (self._as_numbers, self._as_clock, self._as_dates):
            settled = attempt(texts, name)
            if settled is not None:
                return settled
        if all(is_missing(level) for level in texts.cells.levels) and texts.cells.form == "text":
            return self._read(Reading(form="number", parse="."), texts.cells, name)
        return self._as_it_is(texts.cells, name)

    def _as_numbers(self, texts: _Texts, name: str) -> Settled | None:
        found = texts.numbers
        if found is None or not found.numbers:
            return self._as_mostly_numbers(texts, name)
        coded = found.codes >= _CODED * found.numbers or (found.codes > 1 and found.same_length)
        if found.codes and coded and not (found.point or found.comma):
            if found.other > (1 - NEARLY_ALL) * (found.numbers + found.other):
                return None
            reading = Reading(form="text", parse="code", missing=self._missing(texts))
            note = ": digits that are codes, by leading zeros, powers such as 1E5, or more digits than a number keeps"
            return self._read(reading, texts.cells, name, note=note)
        choice = choose_sign(found, self._context, self._said, name)
        numbers = numbers_in(texts.cells.levels, choice.word)
        unit, about = unit_of(numbers, texts.counts, texts.cells.levels)
        reading = Reading(form="number", parse=choice.word, unit=unit)
        if unit:
            settled = self._read(reading, texts.cells, name)
        else:  # read already
            cells = reading.of_numbers(texts.cells, numbers.values, numbers.unread)
            settled = Settled(reading=reading, cells=cells, n_unread=int(cells.unread.sum()))
        if not self._enough(texts, settled):
            return None
        return _noted(settled, choice, about, "values")

    def _as_mostly_numbers(self, texts: _Texts, name: str) -> Settled | None:
        """Numbers that came as such with so few texts among them that a file of them would be read as numbers."""
        if texts.cells.form != "mixed":
            return None
        settled = self._read(Reading(form="number", parse="."), texts.cells, name)
        return settled if self._enough(texts, settled) else None

    def _as_clock(self, texts: _Texts, name: str) -> Settled | None:
        if texts.cells.form != "text" or not (~np.isnan(clocks_in(texts.cells.levels[texts.some])[0])).any():
            return None
        settled = self._read(
            Reading(form="number", parse="clock"), texts.cells, name, note=": times of day, in seconds"
        )
        return settled if self._enough(texts, settled) else None

    def _as_dates(self, texts: _Texts, name: str) -> Settled | None:
        found = texts.dates
        if found is None or not found.dates:
            return None
        said = self._said.word("dates", name)
        choice = choose_order(found, self._context, said if said in DAY_ORDERS else None)
        zone = "UTC" if has_zone(texts.cells.levels) else None
        settled = self._read(Reading(form="time", parse=choice.word, zone=zone), texts.cells, name)
        return _noted(settled, choice, Choice(word=""), "dates") if self._enough(texts, settled) else None

    def _as_it_is(self, cells: Cells, name: str) -> Settled:
        said = self._said.word("dates", name)
        if cells.form == "number" and said is not None and "%" in said and isinstance(self._said.dates, dict):
            return self._read(
                Reading(form="time", parse=said), cells, name, note=f": dates written as {said!r}, as told"
            )
        missing: tuple[str, ...] = ()
        if cells.form == "text" and not cells.declared and len(cells.levels):
            missing = missing_among([str(level) for level in cells.levels], self._context.absent)
        reading = Reading(form=cells.form, zone=cells.zone, declared=cells.declared, missing=missing)
        return Settled(reading=reading, cells=reading.apply(cells, name))

    def _missing(self, texts: _Texts) -> tuple[str, ...]:
        return missing_among([str(level) for level in texts.cells.levels], self._context.absent)

    def _read(self, reading: Reading, cells: Cells, name: str, note: str = "") -> Settled:
        read = reading.apply(cells, name)
        return Settled(reading=reading, cells=read, n_unread=int(read.unread.sum()), note=note)

    def _enough(self, texts: _Texts, settled: Settled) -> bool:
        """Whether enough of the cells could be read for the others to be mistakes."""
        read = int((~settled.cells.missing).sum())
        if not read or not settled.n_unread:
            return bool(read)
        share = read / (read + settled.n_unread)
        if share >= NEARLY_ALL:
            return True
        different = len(np.unique(texts.cells.codes[settled.cells.unread]))
        return share >= _MOST and different == settled.n_unread


def _noted(settled: Settled, choice: Choice, more: Choice, what: str) -> Settled:
    """What was chosen, with how many cells agree, and what is in doubt."""
    note = ""
    if choice.said:
        read = int((~settled.cells.missing).sum())
        note = f": {choice.said}, from {read:,} of {read + settled.n_unread:,} {what}{choice.why}"
    if more.said:
        note += f"{',' if note else ':'} {more.said}"
    doubt = "; ".join(part for part in (choice.doubt, more.doubt) if part)
    return dataclasses.replace(settled, note=note, doubt=doubt, readings={**choice.readings, **more.readings})


def _may_hold_texts(raw: RawColumn) -> bool:
    """Whether a column's type leaves it open what its cells hold."""
    dtype: Any = raw.dtype
    if isinstance(dtype, np.dtype):
        return dtype.kind in "OSUT"
    return isinstance(dtype, (pd.StringDtype, pd.ArrowDtype))


def _sample(levels: Array) -> Array:
    """Positions of some of the texts, the same ones whatever their order: if not one of these parses, few others do."""
    if len(levels) <= _SAMPLE:
        return np.arange(len(levels))
    digests = [zlib.crc32(text.encode("utf-8", "surrogatepass")) for text in levels]
    return np.argsort(digests, kind="stable")[:_SAMPLE]
