"""Structure along time: trend and seasons, found from the encoded features of a column of dates."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from pynomaly_auto.profiling._statistics import correlation, or_else
from pynomaly_auto.profiling._view import View
from pynomaly_auto.records import Dataset, FloatArray, IntArray

_ROWS = 100_000  # most rows looked at
_FEATURES = 20  # most features looked at
_STEPS = 16_384  # most steps of the regular grid that times are put on
_FEWEST = 24  # fewest steps worth looking at

_DAY = 86_400.0
_SEASONS = {"hourly": 3_600.0, "daily": _DAY, "weekly": 7 * _DAY, "monthly": 30.4369 * _DAY, "yearly": 365.2425 * _DAY}
# Encoded features that say where in a cycle a date lies, and how long that cycle is.
_CYCLES = (
    (re.compile(r"(^|_)hour(_|$)"), _DAY),
    (re.compile(r"(^|_)(weekday|day_?of_?week)(_|$)"), 7 * _DAY),
    (re.compile(r"(^|_)(month|day_?of_?year)(_|$)"), 365.2425 * _DAY),
)


@dataclass(frozen=True, kw_only=True)
class Temporal:
    """What follows time.

    Args:
        column: The column of dates.
        trend: Correlation with time of the feature that follows it most, with its sign.
        following: Correlation of successive steps, of the feature where it is largest.
        seasonality: Names of the seasons found, shortest first: ``"daily"``, or ``"every 24 steps"`` where the length
            of a step is unknown or the season has no name.
    """

    column: str
    trend: float
    following: float
    seasonality: tuple[str, ...]

    @property
    def structured(self) -> bool:
        """Whether the rows' order in time says anything about their values."""
        return bool(self.seasonality) or abs(self.trend) >= 0.3 or self.following >= 0.3


def temporal_structure(view: View) -> Temporal | None:
    """Look for trend and seasons along the first column of dates that varies; None without one."""
    dataset = view.dataset
    rows = view.drawn("temporal", dataset.n_rows, _ROWS)
    found = _time_axis(dataset, rows)
    if found is None or len(rows) < _FEWEST:
        return None
    column, axis = found
    rows = rows[np.argsort(dataset.X[rows, axis], kind="stable")]
    times = dataset.X[rows, axis]
    dated = {i for i, c in enumerate(dataset.columns) if c.kind == "datetime"}
    others = np.array([f for f, source in enumerate(dataset.sources) if source not in dated], dtype=np.int64)
    if not others.size:
        return Temporal(column=dataset.columns[column].name, trend=0.0, following=0.0, seasonality=())
    values = dataset.X[np.ix_(rows, others[view.drawn("temporal features", others.size, _FEATURES)])]
    trends = [or_else(lambda v=v: correlation(times, v), 0.0) for v in values.T]  # type: ignore[misc]
    series, gaps = _on_grid(times, values)
    step = (times[-1] - times[0]) / max(1, series.shape[1] - 1)
    unit = _seconds_per_unit(dataset, column, rows, times)
    return Temporal(
        column=dataset.columns[column].name,
        trend=float(max(trends, key=abs)),
        following=float(max(_autocorrelation(_detrended(v), gaps)[1] for v in series)),
        seasonality=_seasons(series, gaps, None if unit is None else step * unit),
    )


def _time_axis(dataset: Dataset, rows: IntArray) -> tuple[int, int] | None:
    """Position of the column of dates, and of its feature that grows with time: the one with most distinct values."""
    few = rows[:: max(1, len(rows) // 2_000)]
    for position, column in enumerate(dataset.columns):
        if column.kind != "datetime":
            continue
        features = [f for f, source in enumerate(dataset.sources) if source == position]
        plain = [f for f in features if not any(cycle.search(dataset.features[f]) for cycle, _ in _CYCLES)]
        distinct = {f: len(np.unique(dataset.X[few, f])) for f in plain}
        best = max(distinct, key=lambda f: distinct[f], default=None)
        if best is not None and distinct[best] > 2:
            return position, best
    return None


def _seconds_per_unit(dataset: Dataset, column: int, rows: IntArray, times: FloatArray) -> float | None:
    """Seconds per unit of the standardised time, read off how often the shortest usable calendar cycle comes round."""
    distinct = len(np.unique(times))
    for pattern, seconds in _CYCLES:
        for feature, source in enumerate(dataset.sources):
            if source != column or not pattern.search(dataset.features[feature]):
                continue
            high = dataset.X[rows, feature] > dataset.X[rows, feature].mean()
            turns = times[1:][high[1:] & ~high[:-1]]  # a cycle crosses its mean upwards once
            # With fewer than six times per turn (days make seven a week), turns may have been missed.
            typical = float(np.median(np.diff(turns))) if len(turns) >= 2 else 0.0
            if typical > 0 and distinct >= 6 * len(turns):
                span = float(turns[-1] - turns[0])
                return seconds * max(1, round(span / typical)) / span
    return None


def _on_grid(times: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Means per step of a regular grid, each series standardised and zero at gaps.

    Returns:
        The series, shape (n_features, n_steps), and 1 where a step holds a row, 0 at gaps, shape (n_steps,).
    """
    span = float(times[-1] - times[0])
    gaps = np.diff(times)
    typical = float(np.median(gaps[gaps > 1e-12 * span]))
    count = int(min(_STEPS, len(times), round(span / typical) + 1))
    places = np.minimum(np.rint((times - times[0]) / span * (count - 1)), count - 1).astype(np.int64)
    sizes = np.bincount(places, minlength=count)
    held = sizes > 0
    series = np.array([np.bincount(places, weights=v, minlength=count) for v in values.T]) / np.maximum(sizes, 1)
    series -= series[:, held].mean(axis=1, keepdims=True)
    series[:, ~held] = 0.0
    spread = series[:, held].std(axis=1, keepdims=True)
    return series / np.where(spread > 1e-9, spread, 1.0), held.astype(np.float64)


def _seasons(series: FloatArray, held: FloatArray, seconds_per_step: float | None) -> tuple[str, ...]:
    """Names of the seasons, tested from short to long; each is taken out before the next is looked for."""
    rest, names = series.copy(), []
    if series.shape[1] < _FEWEST:
        return ()
    for name, seconds in _SEASONS.items() if seconds_per_step else ():
        period = seconds / (seconds_per_step or 1.0)
        if any(_is_season(values, held, period) for values in rest):
            names.append(name)
            rest = np.array([_without(values, held, period) for values in rest])
    if not names:
        periods = [_dominant_period(values, held) for values in series]
        proven = [p for p, values in zip(periods, series, strict=True) if p and _is_season(values, held, p)]
        names = [f"every {min(proven)} steps"] if proven else []
    return tuple(names)


def _is_season(values: FloatArray, held: FloatArray, period: float) -> bool:
    """Whether values correlate with themselves one period on, and two, but less so anywhere in between.

    The last keeps a season of 17 steps from passing for one of 168.
    """
    count = len(values)
    if not 3.0 <= period <= count / 2.5:
        return False
    correlations = _autocorrelation(_detrended(values, round(period), held), held)
    slack = max(1, round(0.02 * period))
    peak, again = (_near(correlations, turns * period, slack) for turns in (1, 2))
    between = correlations[max(1, int(0.3 * period)) : int(0.85 * period) + 1]
    noise = 3.0 / np.sqrt(max(1.0, held.sum()))
    stands_out = peak > float(between.min()) + 0.2 + noise and peak > float(between.max()) + 0.5 * noise
    return peak > 0.2 + noise and stands_out and (2.5 * period > count / 2 or again > 0.1 + noise)


def _near(correlations: FloatArray, lag: float, slack: int) -> float:
    part = correlations[round(lag) - slack : round(lag) + slack + 1]
    return float(part.max()) if part.size else 0.0


def _dominant_period(values: FloatArray, held: FloatArray) -> int | None:
    """Lag of the first peak of the autocorrelation, after it fell below zero, that is about as high as any later."""
    correlations = _autocorrelation(_detrended(values, None, held), held)[: int(len(values) / 2.5)]
    below = np.flatnonzero(correlations < 0)
    later = correlations[below[0] :] if below.size else below
    if not later.size or later.max() <= 0:
        return None
    start = int(np.flatnonzero(later >= 0.9 * later.max())[0])
    while start + 1 < len(later) and later[start + 1] > later[start]:
        start += 1
    return int(below[0]) + start


def _autocorrelation(values: FloatArray, held: FloatArray) -> FloatArray:
    """Correlation of a series with itself at every lag up to half its length, over the steps that hold rows."""
    size = 2 ** int(np.ceil(np.log2(2 * len(values))))
    lags = len(values) // 2 + 1
    products, pairs = (np.fft.irfft(np.abs(np.fft.rfft(v, size)) ** 2)[:lags] for v in (values, held))
    means = products / np.maximum(pairs, 0.5)
    means[pairs < 5] = 0.0  # too few pairs to say anything
    return np.asarray(means / means[0] if means[0] > 0 else np.zeros(lags))


def _detrended(values: FloatArray, window: int | None = None, held: FloatArray | None = None) -> FloatArray:
    """Values less their straight line, and less their moving mean over one window where one is given."""
    present = np.ones(len(values)) if held is None else held
    steps = np.arange(len(values), dtype=np.float64)
    total = present.sum()
    centred = (steps - (present @ steps) / total) * present
    slope = float(centred @ values) / max(float(centred @ centred), 1e-12)
    flat = (values - slope * centred - (present @ values) / total) * present
    if window is None:
        return np.asarray(flat)
    return np.asarray((flat - _box(flat, window) / np.maximum(_box(present, window), 1.0)) * present)


def _box(values: FloatArray, window: int) -> FloatArray:
    """Sums over a window around each step, in one pass however wide the window is."""
    padded = np.concatenate([[0.0], np.cumsum(values)])
    steps = np.arange(len(values))
    ends, starts = np.minimum(steps + window // 2 + 1, len(values)), np.maximum(steps - (window - 1) // 2, 0)
    return np.asarray(padded[ends] - padded[starts])


def _without(values: FloatArray, held: FloatArray, period: float) -> FloatArray:
    """Values less the mean of their place within the period."""
    places = np.minimum((np.arange(len(values)) % period).astype(np.int64), int(np.ceil(period)) - 1)
    sums = np.bincount(places, weights=values * held)
    counts = np.bincount(places, weights=held)
    return np.asarray((values - (sums / np.maximum(counts, 1.0))[places]) * held)
