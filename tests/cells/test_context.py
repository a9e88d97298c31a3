"""Tiny tables with bits that can be reckoned by hand: what is odd in its context."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import poisson

from pynomaly_auto.cells import Beside
from pynomaly_auto.cells._burst import Burst, is_entity, poisson_above
from pynomaly_auto.cells._group import Group, medians
from pynomaly_auto.cells._hour import Hour
from pynomaly_auto.cells._pair import Pair, poisson_below
from pynomaly_auto.errors import NotApplicableError
from tests.cells.cell_tables import numbers, original, payments, table, texts


def test_two_frequent_values_that_meet_once() -> None:
    kinds = ["a"] * 50 + ["b"] * 50 + ["a"]
    places = ["x"] * 25 + ["y"] * 25 + ["x"] * 50 + ["y"]
    kinds, places = [*kinds, "b"], [*places, "y"]  # the one b at y, where 12 would be expected
    cells = table(texts("kind", kinds), texts("place", places))
    found = Pair().fit(cells).evidence(cells)
    assert np.flatnonzero(found.bits[:, 0]).tolist() == [101]
    assert found.bits[101, 0] == found.bits[101, 1]
    expected = 51 * 27 / 102
    # four pairs of values are looked at; the tail is bounded from above
    assert found.row_bits[101] == pytest.approx(-np.log2(poisson.cdf(1, expected)) - 2, abs=0.2)
    pair = Pair().fit(cells)
    assert pair.beside(cells, 101, 0) == Beside(text="'y' of place", columns=(1,))
    assert pair.beside(cells, 101, 1) == Beside(text="'b' of kind", columns=(0,))
    assert pair.beside(cells, 0, 0) is None


def test_a_pair_never_seen_counts_as_one_that_met_once() -> None:
    kinds, places = ["a"] * 50 + ["b"] * 50, ["x"] * 25 + ["y"] * 25 + ["x"] * 50
    cells = table(texts("kind", kinds), texts("place", places))
    pair = Pair().fit(cells)
    later = pair.evidence(table(texts("kind", ["b", "a", "new"]), texts("place", ["y", "y", "y"])))
    assert later.bits[0].min() > 2
    assert later.bits[1:].max() == 0.0


def test_a_number_far_out_in_its_group_alone() -> None:
    rng = np.random.default_rng(0)
    kinds = ["coffee"] * 200 + ["travel"] * 200
    amounts = [*(5 * np.exp(0.3 * rng.normal(size=200))), *(800 * np.exp(0.3 * rng.normal(size=200)))]
    cells = table(texts("kind", [*kinds, "coffee"]), numbers("amount", [*amounts, 700.0]))
    found = Group().fit(cells).evidence(cells)
    assert found.bits[:, 1].argmax() == 400
    assert found.bits[400, 1] > 10
    assert found.bits[:, 0].max() == 0.0
    usual = float(np.median([*amounts[:200], 700.0]))
    group = Group().fit(cells)
    assert group.beside(cells, 400, 1) == Beside(text=f"kind 'coffee' (about {usual:.4g})", columns=(0,))
    assert group.beside(cells, 400, 0) is None
    later = Group().fit(cells).evidence(table(texts("kind", ["new", "travel"]), numbers("amount", [700.0, 700.0])))
    assert later.bits.max() == 0.0


def test_a_category_that_does_not_narrow_a_number_is_not_heard() -> None:
    rng = np.random.default_rng(0)
    cells = table(texts("kind", list(rng.choice(["a", "b"], 400))), numbers("x", rng.normal(size=400)))
    with pytest.raises(NotApplicableError):
        Group().fit(cells)


def test_medians_of_groups() -> None:
    groups = np.array([0, 2, 2, 0, 2, 0, 2])
    found = medians(np.array([1.0, 5.0, 7.0, 9.0, 6.0, 2.0, 8.0]), groups, np.bincount(groups, minlength=3))
    assert found[[0, 2]].tolist() == [2.0, 6.5]
    assert np.isnan(found[1])


def test_an_hour_at_which_there_is_nothing() -> None:
    day = pd.Timestamp("2024-01-01")
    times = [day + pd.Timedelta(days=i, hours=9 + i % 8) for i in range(127)]
    cells = original(pd.DataFrame({"when": [*times, day + pd.Timedelta(hours=3)], "n": range(128)}))
    bits = Hour().fit(cells).evidence(cells).bits[:, 0]
    assert bits.argmax() == 127
    assert bits[127] == pytest.approx(7.0 - 3.08, abs=0.2)  # one of 128, less the three bits of one of eight hours


def test_hours_are_those_of_the_columns_zone() -> None:
    times = pd.date_range("2024-01-01 09:00", periods=100, freq="D", tz="Asia/Tokyo")
    night = pd.Timestamp("2024-05-01 03:00", tz="Asia/Tokyo")
    when = pd.Series([*times, *(times + pd.Timedelta(hours=5)), night])
    cells = original(pd.DataFrame({"when": when, "n": range(201)}))
    bits = Hour().fit(cells).evidence(cells).bits[:, 0]
    assert bits.argmax() == 200


def test_days_alone_have_no_hours() -> None:
    cells = original(pd.DataFrame({"when": pd.date_range("2024-01-01", periods=80), "n": [1, 2] * 40}))
    with pytest.raises(NotApplicableError):
        Hour().fit(cells)


def burst_of(n: int) -> pd.DataFrame:
    frame = payments(400)
    at = frame["when"].iloc[200]
    more = frame.iloc[[200] * n].copy()
    more["who"] = "E007"
    more["when"] = [at + pd.Timedelta(minutes=i) for i in range(n)]
    return pd.concat([frame, more]).sort_values("when", kind="stable").reset_index(drop=True)


def test_a_burst_of_an_entity_and_what_came_before_it_alone() -> None:
    frame = burst_of(6)
    cells = original(frame)
    found = Burst().fit(cells).evidence(cells)
    row = found.row_bits
    first = frame.index[(frame["who"] == "E007") & (frame["when"] >= frame["when"].iloc[200])][0]
    assert row.argmax() > first
    assert (np.argsort(-row)[:4] > first).all()
    assert found.bits[row.argmax(), 0] >= found.bits[row.argmax(), 1] > 10
    # an event is judged by what came before it: without the later ones it gets nearly the same
    until = frame.index[frame["who"] == "E007"]
    third = [i for i in until if i > first][1]
    early = original(frame.iloc[: third + 1], fitted_on=frame)
    assert Burst().fit(cells).evidence(early).row_bits[third] == row[third]


def test_a_new_row_is_judged_by_its_entitys_history() -> None:
    frame = burst_of(6)
    cells = original(frame)
    burst = Burst().fit(cells)
    last = payments(400)["when"].iloc[200] + pd.Timedelta(minutes=5)
    new = frame.iloc[[0, 0, 0]].copy()
    new["who"], new["code"] = ["E007", "E007", "stranger"], "AB-999"
    end = frame["when"].max()
    new["when"] = [last + pd.Timedelta(minutes=1), end + pd.Timedelta(days=30), last]
    row = burst.evidence(original(new, fitted_on=frame)).row_bits
    assert row[0] > 10
    assert row[1:].tolist() == [0.0, 0.0]


def test_events_of_one_day_are_no_burst_where_times_are_days() -> None:
    rng = np.random.default_rng(0)
    who = rng.choice([f"P{i:02d}" for i in range(12)], 2400)
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 300, 2400)), unit="D")
    cells = original(pd.DataFrame({"when": day, "who": who}))
    assert Burst().fit(cells).evidence(cells).row_bits.max() < 12


def test_a_series_over_days() -> None:
    rng = np.random.default_rng(0)
    who = [f"P{i // 2:03d}" for i in range(600)]
    day = pd.Timestamp("2022-01-01") + pd.to_timedelta(rng.integers(0, 700, 600), unit="D")
    frame = pd.DataFrame({"when": day, "who": who})
    more = pd.DataFrame({"when": day[9] + pd.to_timedelta([2, 4, 6, 8, 10], unit="D"), "who": "P004"})
    found = original(pd.concat([frame, more], ignore_index=True).sort_values("when", ignore_index=True))
    bits = Burst().fit(found).evidence(found).row_bits
    its = np.flatnonzero([found.columns[1].texts[c] == "P004" for c in found.columns[1].codes])
    assert (bits[its] > 0).sum() >= 4
    assert bits[its].max() == bits.max()


def test_what_is_an_entity() -> None:
    assert is_entity(texts("id", [f"E{i % 20}" for i in range(200)]))
    assert not is_entity(texts("id", [f"E{i}" for i in range(200)]))
    assert not is_entity(texts("kind", ["a", "b"] * 100))
    assert is_entity(numbers("account", [1000.0 + i % 20 for i in range(200)]))
    assert not is_entity(numbers("count", [float(i % 20) for i in range(200)]))
    assert not is_entity(numbers("amount", [i % 20 + 0.5 for i in range(200)]))


@pytest.mark.parametrize(("k", "mean"), [(3, 0.1), (5, 2.0), (40, 10.0), (1, 0.01)])
def test_the_upper_tail_is_close(k: int, mean: float) -> None:
    found = poisson_above(np.array([k]), np.array([mean]))[0]
    assert found == pytest.approx(-np.log2(poisson.sf(k - 1, mean)), abs=0.1)


@pytest.mark.parametrize(("k", "mean"), [(1, 12.0), (3, 20.0), (0, 5.0)])
def test_the_lower_tail_is_close(k: int, mean: float) -> None:
    found = poisson_below(np.array([k]), np.array([mean]))[0]
    assert found == pytest.approx(-np.log2(poisson.cdf(k, mean)), abs=0.1)
