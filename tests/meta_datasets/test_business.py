from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

from meta_datasets.synthetic._draft import Draft
from meta_datasets.synthetic.business import DOMAINS, LARGEST, SMALLEST, business
from pynomaly_auto.errors import InvalidInputError, SettingError


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain(domain):
    table = business(domain, 0)
    assert table.name == f"{domain}_s0"
    assert SMALLEST <= (table.y == 0).sum() + table.y.sum() <= LARGEST + 10
    counts = Counter(table.kinds)
    assert 5 <= len(counts) <= 7
    assert all(count in (5, 10) for kind, count in counts.items() if kind)
    assert 0.005 < table.y.mean() < 0.03
    for kind, columns in zip(table.kinds, table.columns, strict=True):
        assert set(columns) <= set(table.frame.columns)
        assert bool(columns) == bool(kind)
    # Nothing but what is said to be planted differs from what was there before.
    changed = (table.frame != table.clean).to_numpy()
    assert not changed[table.y == 0].any()
    assert changed[table.y == 1].any(axis=1).mean() > 0.6
    pd.testing.assert_frame_equal(table.frame, business(domain, 0).frame)
    assert not table.frame.equals(business(domain, 1).frame)
    assert len(business(domain, 1, rows=600, each=2).frame) in range(600, 606)
    kinds = {"number": 0, "other": 0}
    for dtype in table.frame.dtypes:
        kinds["number" if pd.api.types.is_numeric_dtype(dtype) else "other"] += 1
    assert min(kinds.values()) >= 1


def ordinary(domain):
    table = business(domain, 3)
    return table.frame[table.y == 0], table


def odd_rows(table, kind):
    return table.frame[np.array(table.kinds) == kind]


def test_what_holds_for_ordinary_rows_is_broken_by_planted_ones():
    frame, table = ordinary("orders")
    fair = (frame["unit_price"] * frame["quantity"] * (1 - frame["discount"])).round(2)
    assert (fair - frame["total"]).abs().max() < 0.02
    wrong = odd_rows(table, "total")
    assert ((wrong["unit_price"] * wrong["quantity"] * (1 - wrong["discount"])) - wrong["total"]).abs().min() > 1
    frame, table = ordinary("payments")
    assert frame.groupby("merchant")["category"].nunique().max() == 1
    assert frame.groupby("country")["currency"].nunique().max() == 1
    frame, table = ordinary("claims")
    assert (frame["reported"] > frame["incident"]).all()
    assert (odd_rows(table, "order")["reported"] < odd_rows(table, "order")["incident"]).all()
    assert (frame["amount"] <= frame["sum_insured"]).all()
    frame, table = ordinary("payroll")
    assert (frame["gross"] - frame["tax"] - frame["net"]).abs().max() < 0.02
    assert not frame.duplicated().any()
    assert odd_rows(table, "twice").duplicated(keep=False).all()
    frame, table = ordinary("shipments")
    assert (frame["delivered"] > frame["shipped"]).all()
    frame, table = ordinary("lab_results")
    assert ((frame["value"] > frame["high"]) == (frame["flag"] == "high")).all()
    assert frame.groupby("test")["unit"].nunique().max() == 1
    frame, table = ordinary("sensors")
    assert frame.loc[frame["state"] == "running", "speed"].min() > 1000
    frame, table = ordinary("access_logs")
    assert frame.groupby("user")["country"].nunique().max() == 1
    assert frame["timestamp"].dt.hour.between(6, 20).all()


def test_a_draft_takes_no_row_twice():
    draft = Draft(pd.DataFrame({"a": range(6), "b": list("xxyyzz")}), np.random.default_rng(0))
    draft.change("one", draft.take(2, draft["b"] == "x"), {"a": 9})
    with pytest.raises(InvalidInputError, match="0 rows"):
        draft.take(1, draft["b"] == "x")
    draft.insert("two", pd.DataFrame({"b": ["w"], "a": [1]}), odd=("b",))
    table = draft.finish("made", by="b")
    assert table.frame["b"].tolist() == ["w", "x", "x", "y", "y", "z", "z"]
    assert table.kinds == ("two", "one", "one", "", "", "", "")
    assert table.clean["a"].tolist()[1:3] in ([0, 1], [1, 0])
    assert table.wrong.sum(axis=1).tolist() == [1, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("wrong", [{"rows": 100}, {"each": 0}, {"rows": 700, "each": 20}])
def test_mistakes(wrong):
    with pytest.raises(SettingError, match="cannot be made"):
        business("claims", 0, **wrong)
    with pytest.raises(SettingError, match="payments, claims"):
        business("nonsense", 0)
