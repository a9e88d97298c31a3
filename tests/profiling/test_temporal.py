"""Trend and seasons along a column of dates, in the features the encoder makes of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.profiling import profile
from pynomaly_auto.records import Column


@pytest.fixture
def series(make_dataset):
    """A data set of a time column and value columns, rows in random order."""

    def make(times: pd.DatetimeIndex, values: np.ndarray, *, calendar: tuple[str, ...] = ("hour", "weekday", "month")):
        seconds = times.to_numpy().astype("M8[s]").astype(np.int64)
        parts = {"when": (seconds - seconds.mean()) / max(seconds.std(), 1.0)}
        cycles = {"hour": (times.hour, 24), "weekday": (times.day_of_week, 7), "month": (times.month, 12)}
        for unit in calendar:
            place, period = cycles[unit]
            if len(set(place)) > 1:
                parts[f"when_{unit}_sin"] = np.sin(2 * np.pi * np.asarray(place) / period)
                parts[f"when_{unit}_cos"] = np.cos(2 * np.pi * np.asarray(place) / period)
        values = values.reshape(len(times), -1)
        names = tuple(f"v{i}" for i in range(values.shape[1]))
        columns = (
            *(Column(name=name, kind="numeric", features=(name,)) for name in names),
            Column(name="when", kind="datetime", features=tuple(parts)),
        )
        X = np.column_stack([values, *parts.values()])
        return make_dataset(X[np.random.default_rng(9).permutation(len(X))], columns=columns)

    return make


def hours(count: int) -> pd.DatetimeIndex:
    return pd.date_range("2024-01-01", periods=count, freq="h")


@pytest.fixture
def noise() -> np.random.Generator:
    return np.random.default_rng(7)


def test_daily(series, noise) -> None:
    t = np.arange(24 * 30)
    patterns = profile(
        series(hours(len(t)), np.sin(2 * np.pi * t / 24) + noise.normal(0, 0.3, len(t))), seed=0
    ).patterns
    assert patterns.seasonality == ("daily",)
    assert patterns.temporal
    assert patterns.time_column == "when"
    assert abs(patterns.trend) < 0.2


def test_daily_and_weekly_with_trend(series, noise) -> None:
    times = hours(24 * 7 * 8)
    t = np.arange(len(times))
    values = np.sin(2 * np.pi * t / 24) + 1.5 * (times.day_of_week >= 5) + 3 * t / len(t) + noise.normal(0, 0.2, len(t))
    result = profile(series(times, np.column_stack([values, noise.normal(size=len(t))])), seed=0)
    assert result.patterns.seasonality == ("daily", "weekly")
    assert result.patterns.trend > 0.4
    (reason,) = (r for r in result.reasons if r.code == "PRO-010")
    assert reason.evidence["seasonality"] == "daily, weekly"


def test_weekly_from_days(series, noise) -> None:
    times = pd.date_range("2023-01-01", periods=180, freq="D")
    values = 2.0 * (times.day_of_week >= 5) + noise.normal(0, 0.3, 180)
    assert profile(series(times, values), seed=0).patterns.seasonality == ("weekly",)


def test_yearly_from_weeks(series, noise) -> None:
    times = pd.date_range("2015-01-01", periods=52 * 6, freq="7D")
    values = np.sin(2 * np.pi * times.day_of_year.to_numpy() / 365.25) + noise.normal(0, 0.2, len(times))
    assert profile(series(times, values), seed=0).patterns.seasonality == ("yearly",)


def test_hourly_from_minutes(series, noise) -> None:
    times = pd.date_range("2024-01-01", periods=60 * 24 * 4, freq="min")
    values = (times.minute < 10) * 2.0 + noise.normal(0, 0.3, len(times))
    assert profile(series(times, values), seed=0).patterns.seasonality[0] == "hourly"


def test_irregular_times_with_gaps(series, noise) -> None:
    kept = np.sort(noise.choice(24 * 60, 900, replace=False))
    kept = kept[(kept < 400) | (kept > 520)]
    values = np.sin(2 * np.pi * kept / 24) + noise.normal(0, 0.2, len(kept))
    assert profile(series(hours(24 * 60)[kept], values), seed=0).patterns.seasonality == ("daily",)


def test_a_season_without_a_name(series, noise) -> None:
    t = np.arange(600)
    values = np.sin(2 * np.pi * t / 17) + noise.normal(0, 0.2, len(t))
    assert profile(series(hours(600), values), seed=0).patterns.seasonality == ("every 17 steps",)
    unknown = series(hours(600), np.sin(2 * np.pi * t / 24), calendar=())
    assert profile(unknown, seed=0).patterns.seasonality == ("every 24 steps",)


@pytest.mark.parametrize("kind", ["noise", "walk", "trend", "constant"])
def test_no_season_where_there_is_none(kind: str, series, noise) -> None:
    t = np.arange(24 * 40)
    values = {
        "noise": noise.normal(size=len(t)),
        "walk": np.cumsum(noise.normal(size=len(t))),
        "trend": t / len(t) + 0.1 * noise.normal(size=len(t)),
        "constant": np.zeros(len(t)),
    }[kind]
    patterns = profile(series(hours(len(t)), values), seed=0).patterns
    assert patterns.seasonality == ()
    assert patterns.temporal == (kind in {"walk", "trend"})
    assert patterns.time_column == "when"


def test_too_short_or_without_values(series, make_dataset) -> None:
    assert profile(series(hours(10), np.arange(10.0)), seed=0).patterns.time_column is None
    only_time = make_dataset(np.arange(100.0)[:, None], columns=(Column(name="t", kind="datetime", features=("t",)),))
    patterns = profile(only_time, seed=0).patterns
    assert (patterns.time_column, patterns.temporal, patterns.seasonality) == ("t", False, ())
    same_day = make_dataset(np.ones((100, 1)), columns=(Column(name="t", kind="datetime", features=("t",)),))
    assert profile(same_day, seed=0).patterns.time_column is None


def test_few_different_times(series, noise) -> None:
    times = hours(5)[noise.integers(0, 5, 400)]
    patterns = profile(series(times, noise.normal(size=400)), seed=0).patterns
    assert patterns.seasonality == ()
