"""Columns of which one side is harmless, and columns that weigh more, less or nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import InvalidInputError, PynomalyError, SettingError, StorageError


def frame(*, kinds: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    n = 101
    made = pd.DataFrame({"amount": rng.lognormal(3, 1, n), "delay": rng.normal(size=n)})
    made.loc[3, "amount"] = np.nan
    if kinds:
        made["shop"] = rng.choice(["a", "b"], n)
        made["when"] = pd.date_range("2024-01-01", periods=n, freq="D")
        made["price"] = [f"{v:.2f}".replace(".", ",") for v in rng.normal(size=n)]
    return made


@pytest.mark.parametrize("kinds", [True, False])
@pytest.mark.parametrize("side", ["high", "low"])
def test_a_harmless_value_is_encoded_as_the_median(side: str, kinds: bool) -> None:
    table = frame(kinds=kinds)
    columns = ["amount", "when", "price"] if kinds else ["amount", "delay"]
    encoder = TableEncoder(expect=dict.fromkeys(columns, side)).fit(table)
    plain = TableEncoder().fit(table)
    X, before = encoder.encode(table).X, plain.encode(table).X
    for j, source in enumerate(encoder.encode(table).sources):
        name = table.columns[source]
        if name not in columns:
            assert (X[:, j] == before[:, j]).all()
            continue
        values = table[name]
        if name == "price":
            values = values.str.replace(",", ".").astype(float)
        numbers = pd.Series(values).astype("int64" if name == "when" else float)
        harmless = ((numbers < numbers.median()) if side == "high" else (numbers > numbers.median())).to_numpy()
        assert len(np.unique(X[harmless, j])) == 1
        assert (X[~harmless, j] == before[~harmless, j]).all()
    alone = np.vstack([encoder.encode(table.iloc[[i]]).X for i in range(20)])
    assert (alone == X[:20]).all()
    again = TableEncoder.from_state(*encoder.to_state())
    assert (again.encode(table).X == X).all()


def test_what_was_done_is_told() -> None:
    encoder = TableEncoder(expect={"amount": "high", "delay": "both"}, weights={"shop": 0, "when": 2}).fit(frame())
    told = {(r.code, r.subject): r for r in encoder.reasons if r.code.startswith("DAT-05")}
    assert set(told) == {("DAT-050", "amount"), ("DAT-050", "delay"), ("DAT-051", "shop"), ("DAT-052", "when")}
    assert told["DAT-050", "amount"].evidence["harmless"] == 49


def test_a_column_of_weight_0_is_not_looked_at() -> None:
    table = frame()
    table["twin"] = table["amount"]
    encoder = TableEncoder(weights={"amount": 0.0}).fit(table)
    assert encoder.columns[0].kind == "ignored"
    assert encoder.columns[0].features == ()
    assert encoder.columns[-1].features  # what equals a column that nobody sees is no duplicate
    assert np.isnan(encoder.original(table).columns[0].numbers).all()
    other = table.assign(amount=np.nan)
    assert (encoder.encode(other).X == encoder.encode(table).X).all()
    assert (encoder.encode(other).missing_share == encoder.encode(table).missing_share).all()
    assert encoder.as_read(table, ["amount"])["amount"].numbers[0] == table["amount"][0]


def test_other_weights_scale_a_columns_features() -> None:
    table = frame()
    X, heavy = (TableEncoder(weights=w).fit(table).encode(table).X for w in (None, {"delay": 2.0}))
    sources = TableEncoder().fit(table).encode(table).sources
    for j, source in enumerate(sources):
        assert (heavy[:, j] == (2.0 if source == 1 else 1.0) * X[:, j]).all()


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"expect": {"shop": "high"}}, "texts, which have no side"),
        ({"expect": {"amuont": "high"}}, "Did you mean 'amount'"),
        ({"weights": {"amuont": 2.0}}, "Did you mean 'amount'"),
        ({"weights": dict.fromkeys(["amount", "delay", "shop", "when", "price"], 0.0)}, "all columns are ignored"),
    ],
)
def test_what_fits_no_table(values: dict[str, Any], says: str) -> None:
    with pytest.raises(PynomalyError, match=says) as caught:
        TableEncoder(**values).fit(frame())
    assert isinstance(caught.value, (SettingError, InvalidInputError))


def test_a_damaged_state_is_refused() -> None:
    values, arrays = TableEncoder(expect={"amount": "high"}).fit(frame()).to_state()
    for damage in ({"sides": {"0": "up"}}, {"medians": {"0": float("nan")}}, {"sides": {}}, {"weights": {"99": 2.0}}):
        with pytest.raises(StorageError):
            TableEncoder.from_state({**values, "leanings": values["leanings"] | damage}, arrays)


def test_a_constant_or_empty_column_takes_no_side() -> None:
    table = frame(kinds=False).assign(flat=1.0, nothing=np.nan)
    encoder = TableEncoder(expect={"flat": "high", "nothing": "low"}).fit(table)
    assert [r.evidence["harmless"] for r in encoder.reasons if r.code == "DAT-050"] == [0, 0]
