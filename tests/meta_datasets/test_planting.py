from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from meta_datasets.synthetic._usable import binned
from meta_datasets.synthetic.planting import KINDS, planted
from pynomaly_auto.errors import InvalidInputError, SettingError


def events(n=1200, seed=0):
    """Purchases of customers in the day, prices by kind, kinds by shop, and a column that depends on nothing."""
    rng = np.random.default_rng(seed)
    kind = rng.choice(["bread", "book", "bike"], n)
    shop = np.where(rng.random(n) < 0.97, kind, rng.choice(["bread", "book", "bike"], n))
    price = np.select([kind == "bread", kind == "book"], [3.0, 15.0], 800.0) * np.exp(0.2 * rng.normal(size=n))
    when = np.datetime64("2024-01-01") + rng.integers(0, 90, n).astype("timedelta64[D]")
    seconds = rng.integers(8 * 3600, 19 * 3600, n).astype("timedelta64[s]")
    return pd.DataFrame(
        {
            "when": np.sort(when.astype("datetime64[s]") + seconds),
            "customer": [f"c{i:02d}" for i in rng.integers(0, 40, n)],
            "kind": kind, "shop": shop, "price": price.round(2), "noise": rng.normal(size=n), "gap": np.nan,
        }
    )  # fmt: skip


@pytest.mark.parametrize("text", [False, True])
def test_all_kinds(text):
    table = events()
    if text:
        table["when"] = table["when"].dt.strftime("%Y-%m-%d %H:%M:%S")
    found = planted(table, 0, 0.05)
    counts = Counter(found.kinds)
    assert set(counts) == {"", *KINDS}
    assert found.y.sum() == pytest.approx(60, abs=5)
    assert [bool(kind) for kind in found.kinds] == (found.y == 1).tolist()
    assert found.frame.dtypes.to_dict() == table.dtypes.to_dict()
    same = (found.frame == found.clean) | (found.frame.isna() & found.clean.isna())
    assert same[found.y == 0].all(axis=None)
    # But for the first of a burst, every planted row differs from what it was.
    assert (~same).any(axis=1).sum() >= found.y.sum() - counts["burst"] // 5
    when = pd.to_datetime(found.frame["when"])
    kinds = np.array(found.kinds)
    assert when[kinds == "hour"].dt.hour.isin([*range(8), *range(19, 24)]).all()
    burst = found.frame[kinds == "burst"].assign(when=when[kinds == "burst"])
    for _, rows in burst.groupby("customer"):
        assert np.ptp(rows["when"]) <= pd.Timedelta(minutes=20)
    for row in found.frame[kinds == "amount"].itertuples():
        own = table.loc[table["kind"] == row.kind, "price"]
        by_shop = table.loc[table["shop"] == row.shop, "price"]
        assert not own.between(*[row.price * 0.98, row.price * 1.02]).any() or not (by_shop >= row.price).any()


def test_exchanges_are_improbable():
    table = events()[["kind", "shop", "price", "noise"]]
    found = planted(table, 1, 0.05)
    columns = {c for cs, kind in zip(found.columns, found.kinds, strict=True) if kind == "exchange" for c in cs}
    assert columns
    assert "noise" not in columns
    again = planted(table, 1, 0.05)
    pd.testing.assert_frame_equal(found.frame, again.frame)
    assert not found.frame.equals(planted(table, 2, 0.05).frame)


def test_classes_of_numbers():
    assert binned(np.array([1.0, np.nan, 2.0, 1.0])).tolist() == [0, -1, 1, 0]
    assert set(binned(np.arange(100.0))) == set(range(8))


def test_mistakes():
    with pytest.raises(SettingError, match="rate"):
        planted(events(), 0, 0.5)
    with pytest.raises(SettingError, match="seed"):
        planted(events(), -1)
    with pytest.raises(InvalidInputError, match="too few"):
        planted(events(50), 0)
    noise = pd.DataFrame(np.random.default_rng(0).normal(size=(300, 1)))
    with pytest.raises(InvalidInputError, match="nothing can be planted"):
        planted(noise, 0)
