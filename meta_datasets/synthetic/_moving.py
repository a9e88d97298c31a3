"""Numbers moved out of their group, times moved to quiet hours, and events of an entity moved together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from meta_datasets.synthetic._draft import Cells, at_hour
from meta_datasets.synthetic._usable import Usable
from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.records import FloatArray, IntArray

_BEYOND = 5.0  # robust standard deviations outside of its group
_FEWEST_IN_GROUP = 20
_ORDINARY = (0.01, 0.99)  # quantiles of the whole column that a moved number stays between
_SKEWED = 4.0  # 95th percentile in medians, above which a positive number is looked at on the log scale
_TRIES = 20
_QUIET = 0.001  # share of the rows in an hour and its two neighbours, below which it is one when nothing happens
_BURST = 5
_WINDOW = 0.02  # of an entity's usual time between events, all of a burst
_LONGEST = np.timedelta64(20, "m")
_FEWEST_ENTITIES = 20


def amounts(table: Usable, count: int) -> int:
    """Plant numbers that are ordinary in the column and far outside of their group.

    Returns:
        How many were planted.

    Raises:
        NotApplicableError: No category narrows a number.
    """
    draft, rng = table.draft, table.draft.rng
    options = [(c, g, *found) for c in table.numbers for g in table.categories for found in _outside(table, c, g)]
    if not options:
        raise NotApplicableError("no category narrows a number.")
    done = 0
    for _ in range(_TRIES * count):
        if done == count:
            break
        column, group, rows, donors = options[int(rng.integers(len(options)))]
        row = int(rng.choice(rows))
        if draft.is_free(row):
            value = draft.before(column)[int(rng.choice(donors))]
            draft.change("amount", np.array([row]), {column: value}, odd=(column, group))
            done += 1
    return done


def _outside(table: Usable, column: str, group: str) -> Iterator[tuple[IntArray, IntArray]]:
    """For every group that is narrow enough its rows, and the rows whose values lie far outside of it."""
    values, codes = _scaled(table.numbers[column]), table.codes[group]
    known = np.isfinite(values)
    low, high = np.quantile(values[known], _ORDINARY)
    ordinary = known & (values >= low) & (values <= high)
    for code in range(int(codes.max()) + 1):
        rows = np.flatnonzero(known & (codes == code))
        if len(rows) < _FEWEST_IN_GROUP:
            continue
        own = values[rows]
        lower, middle, upper = np.quantile(own, [0.25, 0.5, 0.75])
        spread = (upper - lower) / 1.349
        # Half of the group alike says nothing of how far the others may be.
        if spread <= 0:
            continue
        far = ordinary & (np.abs(values - middle) > _BEYOND * spread) & ((values < own.min()) | (values > own.max()))
        if far.any():
            yield rows, np.flatnonzero(far)


def _scaled(values: FloatArray) -> FloatArray:
    """Logarithms of positive skewed numbers, others as they are."""
    known = values[np.isfinite(values)]
    if known.min() > 0 and np.quantile(known, 0.95) > _SKEWED * np.median(known):
        return np.asarray(np.log(values))
    return values


def hours(table: Usable, count: int) -> int:
    """Move times to an hour of the same day when nothing happens.

    Returns:
        How many were planted.

    Raises:
        NotApplicableError: No column has times of day with a quiet hour among them.
    """
    draft, rng = table.draft, table.draft.rng
    options = [(c, quiet) for c, times in table.times.items() if len(quiet := _quiet(times.values))]
    if not options:
        raise NotApplicableError("no column of times has a quiet hour.")
    column, quiet = options[int(rng.integers(len(options)))]
    times = table.times[column]
    rows = draft.take(count, ~np.isnat(times.values))
    moved = at_hour(times.values[rows], rng.choice(quiet, count) + rng.random(count))
    draft.change("hour", rows, {column: times.written(moved)})
    return count


def _quiet(times: Cells) -> IntArray:
    """Hours with next to nothing in them and in their neighbours."""
    known = times[~np.isnat(times)]
    hour = (known - known.astype("datetime64[D]")).astype(np.int64) // 3600
    counts = np.bincount(hour, minlength=24)
    around = counts + np.roll(counts, 1) + np.roll(counts, -1)
    return np.flatnonzero(around <= _QUIET * len(known))


def bursts(table: Usable, count: int) -> int:
    """Move events of one entity to within minutes of one of them, five at a time.

    Returns:
        How many rows were planted.

    Raises:
        NotApplicableError: There is no column of entities beside one of times, or less than a burst is wanted.
    """
    draft, rng = table.draft, table.draft.rng
    entities = [c for c, codes in table.codes.items() if c not in table.numbers and _is_entity(codes)]
    if not entities or not table.times or count < _BURST:
        raise NotApplicableError("there is no column of entities beside one of times.")
    column, entity = next(iter(table.times)), entities[int(rng.integers(len(entities)))]
    times, codes = table.times[column], table.codes[entity]
    when = times.values
    frequent = np.flatnonzero(np.bincount(codes[codes >= 0]) >= 2 * _BURST)
    done = 0
    for code in rng.permutation(frequent)[: count // _BURST]:
        rows = np.flatnonzero((codes == code) & ~np.isnat(when))
        rows = np.array([row for row in rows if draft.is_free(int(row))], dtype=np.int64)
        gap = np.median(np.diff(np.sort(when[rows])).astype(np.int64)) if len(rows) >= 2 * _BURST else 0.0
        window = min(_WINDOW * float(gap), float(_LONGEST / np.timedelta64(1, "s")))
        if window < _BURST:
            continue
        moved = rng.choice(rows, _BURST, replace=False)
        offsets = np.round(np.sort(rng.uniform(0.0, window, _BURST))).astype("timedelta64[s]")
        draft.change("burst", moved, {column: times.written(when[moved[0]] + offsets)}, odd=(column, entity))
        done += _BURST
    return done


def _is_entity(codes: IntArray) -> bool:
    """Whether a column has many values that come again and again."""
    counts = np.bincount(codes[codes >= 0])
    return len(counts) >= _FEWEST_ENTITIES and int(np.median(counts)) >= 2
