from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from meta_datasets.synthetic.transactions import CATEGORIES, KINDS, transactions
from pynomaly_auto.errors import SettingError


@pytest.fixture(scope="module")
def table():
    return transactions(0)


def of_kind(table, kind):
    return table.frame[np.array(table.kinds) == kind]


def test_what_is_planted(table):
    assert table.frame.shape == (2000, 5)
    assert Counter(table.kinds) == {"": 1980} | dict.fromkeys(KINDS, 5)
    assert table.y.sum() == 20
    assert [bool(kind) for kind in table.kinds] == (table.y == 1).tolist()
    assert table.frame["timestamp"].is_monotonic_increasing
    assert table.wrong.shape == table.frame.shape
    assert (table.wrong.any(axis=1) == (table.y == 1)).all()
    # What was changed is among what is odd, and nothing else was changed.
    changed = (table.frame != table.clean).to_numpy()
    assert not changed[table.y == 0].any()
    assert changed[:, 4][np.array(table.kinds) == "amount"].all()


def test_amounts_are_ordinary_elsewhere(table):
    found, ordinary = of_kind(table, "amount"), table.frame[table.y == 0]
    for row in found.itertuples():
        assert row.amount > ordinary.loc[ordinary["category"] == row.category, "amount"].max()
        assert row.amount < ordinary["amount"].quantile(0.995)


def test_hours_pairs_and_the_burst(table):
    ordinary = table.frame[table.y == 0]
    assert (of_kind(table, "hour")["timestamp"].dt.hour == 3).all()
    assert ordinary["timestamp"].dt.hour.min() >= 6
    met = set(zip(ordinary["category"], ordinary["country"], strict=True))
    for row in of_kind(table, "pair").itertuples():
        assert (row.category, row.country) not in met
        assert min((ordinary["category"] == row.category).sum(), (ordinary["country"] == row.country).sum()) > 30
        hours = row.timestamp.hour + row.timestamp.minute / 60
        assert CATEGORIES[row.category].opens <= hours <= CATEGORIES[row.category].closes
    burst = of_kind(table, "burst")
    assert burst["entity_id"].nunique() == burst["country"].nunique() == 1
    assert np.ptp(burst["timestamp"]) <= pd.Timedelta(minutes=20)


def test_same_seed_same_table(table):
    pd.testing.assert_frame_equal(table.frame, transactions(0).frame)
    assert not table.frame.equals(transactions(1).frame)
    small = transactions(2, rows=500, each=2)
    assert small.y.sum() == 8
    assert (small.y == 0).sum() == 500


@pytest.mark.parametrize("wrong", [{"rows": 100}, {"each": 0}, {"rows": 500, "each": 20}])
def test_mistakes(wrong):
    with pytest.raises(SettingError, match="cannot be made"):
        transactions(0, **wrong)
    with pytest.raises(SettingError, match="seed"):
        transactions(-1)
