"""The geometry of tables of several kinds: amounts, levels, rarities and forms; numbers alone stay as they are."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.dataset._rarity import form_of
from pynomaly_auto.settings import Settings

N = 240
RNG = np.random.default_rng(3)
SHOPS = np.array(["north"] * 130 + ["south"] * 70 + ["west"] * 39 + ["moon"])


def _table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"shop": SHOPS, **columns})


def _fit(**columns: Any) -> TableEncoder:
    return TableEncoder().fit(_table(**columns))


def _codes(encoder: TableEncoder, name: str) -> list[str]:
    return [reason.code for reason in encoder.reasons if reason.subject == name]


@pytest.mark.parametrize(
    "table",
    [
        RNG.lognormal(size=(N, 3)),
        pd.DataFrame({"amount": RNG.lognormal(3, 1, N), "year": RNG.choice([2020, 2021], N), "yes": SHOPS == "west"}),
        pd.DataFrame({"amount": RNG.lognormal(3, 1, N), "name": [f"k{i}" for i in range(N)], "one": "same"}),
        pd.DataFrame({"amount": [f"{x:.2f}" for x in RNG.lognormal(3, 1, N)], "user_id": RNG.integers(0, 60, N)}),
    ],
    ids=["array", "numbers and flags", "left-out texts", "numbers in texts"],
)
def test_tables_of_numbers_stay_as_they_are(table: Any) -> None:
    auto, plain = TableEncoder().fit(table), TableEncoder(geometry="plain").fit(table)
    assert np.array_equal(auto.encode(table).X, plain.encode(table).X)
    assert (auto.columns, auto.reasons) == (plain.columns, plain.reasons)


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"stars": RNG.choice(5, N)},
        {"left": [True, False] * (N // 2), "row": np.arange(N), "name": [f"k{i + 1000}" for i in range(N)]},
    ],
    ids=["levels", "few numbers", "flags and names of one form"],
)
def test_tables_of_few_values_in_every_column_stay_as_they_are(columns: dict[str, Any]) -> None:
    table = _table(**columns)
    auto, plain = TableEncoder().fit(table), TableEncoder(geometry="plain").fit(table)
    assert np.array_equal(auto.encode(table).X, plain.encode(table).X)
    assert _codes(auto, "table") == ["DAT-035"]


@pytest.mark.parametrize(
    "more",
    [RNG.normal(size=N), [f"c{i % 60}" for i in range(N)], [f"k{i + 1000}" for i in range(N - 1)] + ["K-17"]],
    ids=["measurement", "many levels", "names of two forms"],
)
def test_one_column_of_many_values_makes_a_table_of_several_kinds(more: Any) -> None:
    encoder = _fit(stars=RNG.choice(5, N, p=[0.5, 0.3, 0.1, 0.05, 0.05]), more=more)
    assert "shop_rarity" in encoder._features
    assert "stars_rarity" in encoder._features
    assert _codes(encoder, "table") == []


def test_skewed_amounts_are_put_on_a_logarithmic_scale() -> None:
    amounts = np.exp(RNG.normal(3, 1, N))
    encoder = _fit(amount=amounts)
    assert _codes(encoder, "amount") == ["DAT-006", "DAT-031"]
    X = encoder.encode(_table(amount=amounts)).X[:, -1]
    assert np.corrcoef(X, np.log(amounts))[0, 1] > 0.99
    assert X.mean() == pytest.approx(0, abs=1e-9)
    assert X.std() == pytest.approx(1)
    later = pd.DataFrame({"shop": "north", "amount": [-1e308, -50.0, 0.0, 5.0, 1e308, np.nan]})
    found = encoder.encode(later).X[:, -1]
    assert (np.diff(found[:5]) > 0).all()
    assert found[5] == pytest.approx(np.median(X))


@pytest.mark.parametrize("values", [RNG.normal(size=N), RNG.lognormal(size=N) - 0.5, RNG.uniform(1, 2, N)])
def test_other_numbers_are_not(values: Any) -> None:
    assert _codes(_fit(v=values), "v") == ["DAT-006"]


def test_infinite_amounts_lie_beyond_the_extremes() -> None:
    amounts = np.append(np.exp(RNG.normal(3, 1, N - 3)), [np.inf, -np.inf, np.nan])
    encoder = _fit(amount=amounts)
    at = encoder._features.index("amount")
    X = encoder.encode(_table(amount=amounts)).X[:, at]
    assert X[-3] == X.max()
    assert X[-2] == X.min()
    assert encoder.columns[1].features == ("amount", "amount_missing", "amount_infinite")


def test_levels_are_standardised_and_their_rarity_stands_beside_them() -> None:
    table = _table(v=RNG.normal(size=N))
    encoder = TableEncoder().fit(table)
    assert encoder.columns[0].features == (
        "shop=north",
        "shop=south",
        "shop=west",
        "shop=moon",
        "shop_rarity",
        "shop_form",
    )
    X = encoder.encode(table).X
    assert np.allclose(X[:, :5].std(axis=0), [0.125**0.5] * 4 + [1.0])
    order = [X[shop == SHOPS, 4][0] for shop in ("north", "south", "west", "moon")]
    assert order == sorted(order)


@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.UnseenValuesWarning")
def test_an_unknown_level_lies_beyond_the_rarest() -> None:
    encoder = _fit(v=RNG.normal(size=N))
    rows = encoder.encode(pd.DataFrame({"shop": ["north", "west", "moon", "new"], "v": 0.0})).X[:, :5]
    far = np.linalg.norm(rows, axis=1)
    assert (np.diff(far) > 0).all()


def test_two_levels_are_one_feature_and_many_are_their_rarity() -> None:
    encoder = _fit(two=["a"] * 230 + ["b"] * 10, many=[f"k{i % 50}" for i in range(N - 30)] + ["k0"] * 30)
    assert encoder.columns[1].features == ("two=b",)
    assert encoder.columns[2].features[0] == "many_rarity"
    assert "many=k0" not in encoder.columns[2].features


def test_numbers_that_come_again_are_rare_or_not() -> None:
    years = np.array([2022.0] * (N - 2) + [1905.0, np.nan])
    encoder = _fit(year=years, amount=RNG.uniform(size=N))
    assert _codes(encoder, "year") == ["DAT-006", "DAT-014", "DAT-032"]
    at = encoder._features.index("year_rarity")
    later = pd.DataFrame({"shop": "north", "year": [2022.0, np.nan, 1905.0, 2023.0, np.inf], "amount": 0.5})
    found = encoder.encode(later).X[:, at]
    assert found[0] < found[1] == 0.0 < found[2] == found[3] == found[4]


def test_the_form_of_one_cell_breaks() -> None:
    texts = [f"AB-{i % 40:02}" for i in range(N - 1)] + ["ab17"]
    encoder = _fit(code=texts)
    assert "DAT-033" in _codes(encoder, "code")
    at = encoder._features.index("code_form")
    X = encoder.encode(_table(code=texts)).X[:, at]
    assert X[-1] > 10 > 0.1 > np.abs(X[:-1]).max()


def test_of_names_of_rows_the_form_is_kept() -> None:
    names = [f"K{i:03}" for i in range(N - 1)] + ["K-17"]
    encoder = _fit(name=names)
    assert encoder.columns[1].kind == "identifier"
    assert encoder.columns[1].features == ("name_form",)
    assert _codes(encoder, "name") == ["DAT-004", "DAT-033"]
    later = pd.DataFrame({"shop": "north", "name": pd.Series(["K999", "x", None, 17], dtype=object)})
    found = encoder.encode(later).X[:, -1]
    assert found[0] < found[2] == 0.0 < found[1] == found[3]
    assert np.isfinite(encoder.encode(later.assign(name=5)).X).all()


def test_forms_of_texts() -> None:
    assert form_of("Zürich, ÄÖ 8001½") == "Aaaaaa, AA 9999½"
    assert form_of("٣") == "9"


def test_texts_that_come_again_are_levels_of_their_own() -> None:
    names = [f"the house number {i % 40}" for i in range(N)]
    again, once = _fit(name=names), _fit(name=[f"the house number {i}" for i in range(N)])
    assert again.columns[1].kind == once.columns[1].kind == "text"
    assert again.columns[1].features[0] == "name_rarity"
    assert once.columns[1].features[0] == "name_length"


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("customer_id", np.arange(N) % 60 * 3, "entity"),
        ("Card No", [f"c{i % 60}" for i in range(N)], "entity"),
        ("deviceId", [f"c{i % 60}" for i in range(N)], "entity"),
        ("amount", np.arange(N) % 60 * 3, "numeric"),
        ("paid", np.arange(N) % 60 * 3, "numeric"),
        ("customer_id", np.arange(N) % 60 * 0.5, "numeric"),
        ("customer_id", np.arange(N) % 9, "numeric"),
        ("city", [f"c{i % 60}" for i in range(N)], "high_cardinality"),
    ],
)
def test_entities_are_kept_out_of_the_geometry(name: str, values: Any, kind: str) -> None:
    encoder = _fit(**{name: values})
    assert encoder.columns[1].kind == kind
    assert bool(encoder.columns[1].features) == (kind != "entity")
    assert ("DAT-034" in _codes(encoder, name)) == (kind == "entity")


def test_it_can_be_switched_off_and_is_stored() -> None:
    table = _table(amount=np.exp(RNG.normal(3, 1, N)), code=[f"AB-{i % 40:02}" for i in range(N - 1)] + ["ab17"])
    plain = TableEncoder(geometry="plain").fit(table)
    assert {"DAT-031", "DAT-033"}.isdisjoint(reason.code for reason in plain.reasons)
    encoder = TableEncoder().fit(table)
    values, arrays = encoder.to_state()
    again = TableEncoder.from_state(json.loads(json.dumps(values)), arrays)
    assert np.array_equal(again.encode(table).X, encoder.encode(table).X)
    assert Settings(geometry="plain").geometry == "plain"


def test_every_feature_maps_back_to_its_column() -> None:
    table = _table(amount=np.exp(RNG.normal(3, 1, N)), code=[f"AB-{i % 40:02}" for i in range(N - 1)] + ["ab17"])
    dataset = TableEncoder().fit(table).encode(table)
    for feature, source in zip(dataset.features, dataset.sources, strict=True):
        assert feature.startswith(dataset.columns[source].name)
