"""Firsts of an entity: odd where its history is long and narrow, judged by what came before alone."""

import numpy as np
import pandas as pd

from pynomaly_auto.cells import Beside, _first
from pynomaly_auto.cells._first import First
from pynomaly_auto.records import CellEvidence
from tests.cells.cell_tables import original, rows_of

COUNTRIES = ["DE", "FR", "GB", "IT"]


def logins(n: int = 1200, *, abroad: float = 0.0, seed: int = 0) -> pd.DataFrame:
    """Users with a home each, and rows in the order of time."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, 24, n)
    away = rng.random(n) < abroad
    place = np.where(away, rng.integers(0, 4, n), user % 4)
    return pd.DataFrame(
        {
            "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 90 * 86_400, n)), unit="s"),
            "user": [f"U{u:03d}" for u in user],
            "country": np.array(COUNTRIES, dtype=object)[place],
        }
    )


def evidence(frame: pd.DataFrame) -> CellEvidence:
    cells = original(frame)
    return First().fit(cells).evidence(cells)


def test_a_first_after_a_long_and_narrow_history() -> None:
    frame = logins()
    row = int(frame.index[frame["user"] == "U003"][-2])
    frame.loc[row, "country"] = "FR"
    bits = evidence(frame).bits
    assert bits[:, 2].argmax() == row
    assert bits[row, 2] > 3
    assert (bits[:, 2] > 0).sum() == 1
    assert not bits[:, :2].any()


def test_a_short_history_says_less_and_a_return_nothing() -> None:
    frame = logins()
    mine, other = (frame.index[frame["user"] == user] for user in ("U003", "U007"))
    frame.loc[[mine[0], mine[1], mine[30], other[30]], "country"] = ["IT", "FR", "FR", "FR"]
    bits = evidence(frame).bits[:, 2]
    assert bits[mine[1]] < bits[other[30]] - 2
    assert not bits[mine].any() or bits[mine].argmax() == 1
    assert bits[mine[30]] == 0


def test_nothing_is_said_where_firsts_are_what_there_is() -> None:
    assert (evidence(logins(abroad=0.5)).bits > 0).mean() < 0.002


def test_what_comes_later_does_not_matter() -> None:
    frame = logins()
    mine = frame.index[frame["user"] == "U003"]
    frame.loc[mine[-5:], "country"] = "FR"  # moved: the first of the five is odd, the others follow it
    cells = original(frame)
    first = First().fit(cells)
    bits = first.evidence(cells).bits[:, 2]
    assert bits[mine[-5]] > 3
    assert not bits[mine[-4:]].any()
    alone = original(frame.iloc[[int(mine[-5])]], fitted_on=frame)
    assert first.evidence(alone).bits[0, 2] == bits[mine[-5]]
    assert first.beside(cells, int(mine[-5]), 2) == Beside(text="user 'U003'", columns=(1,))
    assert first.beside(cells, int(mine[-4]), 2) is None


def test_a_new_row_is_judged_by_its_entitys_history() -> None:
    frame = logins()
    first = First().fit(original(frame))
    new = frame.iloc[[0] * 4].copy()
    new["when"] = frame["when"].max() + pd.Timedelta(hours=1)
    new["user"] = ["U003", "U003", "U003", "stranger"]
    new["country"] = ["IT", "FR", "ZZ", "FR"]
    bits = first.evidence(original(new, fitted_on=frame)).bits[:, 2]
    assert bits[1] == bits[2] > 3
    assert bits[[0, 3]].tolist() == [0.0, 0.0]


def test_without_a_time_all_other_rows_of_the_entity_count() -> None:
    frame = logins().drop(columns="when")
    row = int(frame.index[frame["user"] == "U003"][0])
    frame.loc[row, "country"] = "FR"
    cells = original(frame)
    first = First().fit(cells)
    bits = first.evidence(cells).bits[:, 1]
    assert first.time == -1
    assert bits.argmax() == row
    assert bits[row] > 3
    order = np.random.default_rng(0).permutation(len(frame)).tolist()
    shuffled = rows_of(cells, order)
    assert np.array_equal(First().fit(shuffled).evidence(shuffled).bits[:, 1], bits[order])


def test_few_events_are_counted_as_many_are() -> None:
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 9, 12)
    starts = np.concatenate(([0], np.cumsum(counts)))
    line = np.concatenate([np.sort(rng.integers(0, 5, n)) for n in counts]).astype(np.float64)
    entity, moments = rng.integers(0, 12, 200), rng.integers(-1, 6, 200).astype(np.float64)
    many = _first._before(starts, line, entity, moments)
    for i in range(0, 200, 7):
        assert _first._before(starts, line, entity[i : i + 3], moments[i : i + 3]).tolist() == many[i : i + 3].tolist()
