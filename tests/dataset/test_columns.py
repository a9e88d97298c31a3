"""Each rule for columns, with its reason; and what later rows may hold."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import SchemaError, StorageError

RNG = np.random.default_rng(1)
N = 60
OTHER = RNG.normal(size=300)
MIXED = [1.0, "low", 2.0, None, 7.5, "high"] * 10


def _frame(values: Any, name: str = "v") -> pd.DataFrame:
    return pd.DataFrame({"other": OTHER[: len(values)], name: values})


def _fit(values: Any, name: str = "v", **kw: Any) -> tuple[TableEncoder, Any, list[str]]:
    encoder = TableEncoder(**{"geometry": "plain", **kw}).fit(_frame(values, name))
    codes = [reason.code for reason in encoder.reasons if reason.subject == name]
    return encoder, encoder.columns[1], codes


_DAYS = pd.date_range("2022-01-01", periods=N, freq="17D")
_CASES: dict[str, tuple[Any, str, list[str], list[str]]] = {
    "numeric": (RNG.normal(size=N), "numeric", ["DAT-006"], ["v"]),
    "few integers": ([1, 2, 3] * 20, "numeric", ["DAT-006"], ["v"]),
    "nullable": (pd.array([1, None, 3] * 20, dtype="Int64"), "numeric", ["DAT-006", "DAT-014"], ["v", "v_missing"]),
    "decimal": ([decimal.Decimal(i % 7) for i in range(N)], "numeric", ["DAT-006"], ["v"]),
    "arrow decimal": (
        pd.array([decimal.Decimal(i % 7) for i in range(N)], dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
        "numeric", ["DAT-006"], ["v"],
    ),
    "huge integers": ([10**400, -(10**400), None, *range(57)], "numeric", ["DAT-006", "DAT-014", "DAT-015"],
                      ["v", "v_missing", "v_infinite"]),
    "clock": ([dt.time(i % 24) for i in range(N)], "numeric", ["DAT-013", "DAT-006"], ["v"]),
    "infinite": ([np.inf, -np.inf, *range(58)], "numeric", ["DAT-006", "DAT-015"], ["v", "v_infinite"]),
    "missing": ([np.nan, *range(59)], "numeric", ["DAT-006", "DAT-014"], ["v", "v_missing"]),
    "boolean": ([True, False, False] * 20, "boolean", ["DAT-005"], ["v"]),
    "boolean with none": ([True, None, False] * 20, "boolean", ["DAT-005", "DAT-014"], ["v", "v_missing"]),
    "arrow boolean": (pd.array([True, False] * 30, dtype="boolean[pyarrow]"), "boolean", ["DAT-005"], ["v"]),
    "boolean category": (pd.Categorical([True, False] * 30), "boolean", ["DAT-005"], ["v"]),
    "category": (list("aab") * 20, "categorical", ["DAT-009"], ["v=b"]),
    "category with none": (["a", "b", None] * 20, "categorical", ["DAT-009"], ["v=a", "v=b", "v=(missing)"]),
    "declared": (pd.Categorical([1, 1, 2] * 20), "categorical", ["DAT-009"], ["v=2"]),
    "bytes": ([b"x", b"y", b"y"] * 20, "categorical", ["DAT-009"], ["v=x"]),
    "dates": (_DAYS, "datetime", ["DAT-008"], ["v_elapsed", "v_weekday_sin", "v_weekday_cos", "v_month_sin",
                                              "v_month_cos"]),
    "hours": (pd.date_range("2024-01-01", periods=N, freq="h", tz="Asia/Tokyo"), "datetime", ["DAT-008"],
              ["v_elapsed", "v_hour_sin", "v_hour_cos"]),
    "python dates": ([dt.date(2024, 1, 1 + i % 3) for i in range(N)], "datetime", ["DAT-008"], ["v_elapsed"]),
    "arrow stamps": (pd.Series(_DAYS).astype("timestamp[us, tz=UTC][pyarrow]"), "datetime", ["DAT-008"], None),
    "periods": (pd.period_range("2020-01", periods=N, freq="M"), "datetime", ["DAT-008"], None),
    "period objects": (pd.Series(pd.period_range("2020-01", periods=N, freq="M"), dtype=object), "datetime",
                       ["DAT-008"], None),
    "timedelta": (pd.to_timedelta(np.arange(N) % 9, unit="min"), "timedelta", ["DAT-007"], ["v_seconds"]),
    "python timedelta": ([dt.timedelta(i % 5) for i in range(N)], "timedelta", ["DAT-007"], ["v_seconds"]),
    "id texts": ([uuid.UUID(int=i) for i in range(N)], "identifier", ["DAT-004"], []),
    "consecutive": (RNG.permutation(N) + 100, "identifier", ["DAT-004"], []),
    "constant": ([5] * N, "constant", ["DAT-002"], []),
    "constant text": (["a"] * N, "constant", ["DAT-002"], []),
    "constant with none": ([5, None] * 30, "constant", ["DAT-014"], ["v_missing"]),
    "duplicate": (OTHER[:N], "duplicate", ["DAT-003"], []),
    "empty": ([None] * N, "empty", ["DAT-001"], []),
    "empty words": (["NA", "?", ""] * 20, "empty", ["DAT-001"], []),
    "numbers in texts": (["1.5", "1,234", " 3 ", "NA", "?", "12%", "$5"] * 8, "numeric",
                         ["DAT-040", "DAT-013", "DAT-006", "DAT-014"], ["v", "v_missing"]),
    "many numbers in texts": ([f"{i / 7:.4f}" for i in range(300)], "numeric", ["DAT-013", "DAT-006"], ["v"]),
    "many stamps in texts": ([f"2024-{1 + i % 12:02}-{1 + i // 12:02} 10:00" for i in range(300)], "datetime",
                             ["DAT-013", "DAT-008"], None),
    "many names": ([f"k{i}" for i in range(300)], "identifier", ["DAT-004"], []),
    "names, some twice": ([f"k{max(i, 5)}" for i in range(300)], "identifier", ["DAT-004"], []),
    "decimal comma": (["1,5", "2,25", "1.234,5"] * 20, "numeric", ["DAT-013", "DAT-006"], ["v"]),
    "codes": (["007", "008", "012"] * 20, "categorical", ["DAT-013", "DAT-009"], ["v=007", "v=008", "v=012"]),
    "dates in texts": ([f"{d:%Y-%m-%d}" for d in _DAYS], "datetime", ["DAT-013", "DAT-008"], None),
    "german dates": ([f"{d:%d.%m.%Y}" for d in _DAYS], "datetime", ["DAT-013", "DAT-008"], None),
    "stamps in texts": ([f"{d:%Y-%m-%dT%H:%M:%S}+02:00" for d in _DAYS], "datetime", ["DAT-013", "DAT-008"], None),
    "mixed": (MIXED, "numeric", ["DAT-012"], ["v", "v=high", "v=low", "v=(number)", "v_missing"]),
    "mixed, one number": ([1.0, "low", "high"] * 20, "categorical", ["DAT-012"], None),
    "free text": ([f"the quick {w} fox no {i}" for i, w in enumerate(["brown", "red"] * 30)], "text", ["DAT-011"],
                  ["v_length", "v_tokens", "v_digits", "v_surprise"]),
    "free text with none": ([None, *(f"the quick brown fox {i}" for i in range(59))], "text", ["DAT-011"], None),
    "many levels": ([f"k{i // 2}" for i in range(N - 2)] + ["k0", "k0"], "categorical", ["DAT-009"], None),
    "very many levels": ([f"k{min(i, 45)}" for i in range(N)], "high_cardinality", ["DAT-010"], None),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.AmbiguousReadingWarning")
@pytest.mark.parametrize("case", _CASES)
def test_each_kind_has_its_rule_and_reason(case: str) -> None:
    values, kind, codes, features = _CASES[case]
    encoder, column, found = _fit(values)
    assert column.kind == kind
    assert found == codes
    if features is not None:
        assert column.features == tuple(features)
    frame = _frame(values)
    dataset = encoder.encode(frame)
    assert np.isfinite(dataset.X).all()
    again = TableEncoder.from_state(json.loads(json.dumps(encoder.to_state()[0])), encoder.to_state()[1])
    assert np.array_equal(again.encode(frame[3:4]).X, dataset.X[3:4])


@pytest.mark.parametrize(
    ("name", "kind"), [("user_id", "identifier"), ("rowId", "identifier"), ("paid", "numeric"), ("v", "numeric")]
)
def test_unique_whole_numbers_are_keys_where_the_name_says_so(name: str, kind: str) -> None:
    assert _fit(np.arange(N) * 7 + 3, name)[1].kind == kind


def test_a_key_with_a_number_far_beyond_the_others_is_kept() -> None:
    values = np.arange(N) * 7 + 3
    values[5] = 10**9
    assert _fit(values, "user_id")[1].kind == "numeric"


def test_a_wrong_cell_among_numbers_is_flagged() -> None:
    values = [f"{i}.5" for i in range(N)]
    values[7] = "12x4"
    encoder, column, codes = _fit(values)
    assert column.kind == "numeric"
    assert column.features == ("v", "v_unread")
    assert codes == ["DAT-013", "DAT-006"]
    assert np.argmax(encoder.encode(_frame(values)).X[:, 2]) == 7
    assert "from 59 of 60 values; 1 could not be read" in str(encoder.reasons)


@pytest.mark.parametrize("scale", [1e6, 1e-300, 1e300, 5e-324 * 2**20])
def test_extreme_scales_standardise_without_loss(scale: float) -> None:
    values = np.round(OTHER * 2**10)
    dataset = TableEncoder().fit(_frame(values * scale)).encode(_frame(values * scale))
    np.testing.assert_allclose(dataset.X[:, 1], (values - values.mean()) / values.std(), atol=1e-4)


def test_numbers_beside_extremes_and_later_ones_are_bounded() -> None:
    encoder = _fit(np.r_[1e300, -1e300, OTHER[:58]])[0]
    assert np.isfinite(encoder.encode(_frame(np.r_[1e308, -1e308, OTHER[:58]])).X).all()
    tiny = _fit(OTHER * 1e-300)[0]
    X = tiny.encode(_frame([1e300, -1e300, 0.0, np.inf, np.nan])).X[:, 1]
    assert X[0] == 1e6
    assert X[1] == -1e6
    assert np.isfinite(X).all()


def test_infinity_lies_beyond_the_extremes() -> None:
    values = [np.inf, -np.inf, *range(58)]
    X = _fit(values)[0].encode(_frame(values)).X[:, 1]
    assert X[0] > X[2:].max()
    assert X[1] < X[2:].min()


def test_only_infinite_and_missing_numbers() -> None:
    values = [np.inf, -np.inf, None] * 20
    encoder, column, _ = _fit(values)
    X = encoder.encode(_frame(values)).X[:, 1]
    assert column.n_unique == 2
    assert X[0] > X[2] > X[1]


def test_missing_cells_take_the_median_and_their_share_is_told() -> None:
    values = [np.nan, 1.0, 2.0, 9.0, 2.0]
    encoder = _fit(values)[0]
    dataset = encoder.encode(_frame(values))
    assert dataset.X[0, 1] == dataset.X[2, 1]
    assert dataset.missing_share.tolist() == [0.5, 0, 0, 0, 0]
    unseen = TableEncoder().fit(_frame(OTHER)).encode(pd.DataFrame({"other": [0.0], "v": [np.nan]}))
    assert np.isfinite(unseen.X).all()


def test_left_out_columns_count_as_missing_where_they_are() -> None:
    table = np.column_stack([OTHER[:N], np.full(N, np.nan)])
    assert TableEncoder().fit(table).encode(table).missing_share.tolist() == [0.5] * N
    frame = _frame([None] * N)
    assert TableEncoder().fit(frame).encode(frame).missing_share.tolist() == [0.5] * N


@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.UnseenValuesWarning")
def test_an_unknown_level_lies_beyond_the_rarest() -> None:
    values = ["a"] * 40 + ["b"] * 19 + ["c"]
    encoder = _fit(values)[0]
    centre = np.zeros(3)
    far = [np.linalg.norm(encoder.encode(_frame([v])).X[0, 1:] - centre) for v in ("a", "b", "c", "zzz")]
    assert far == sorted(far)
    assert np.array_equal(encoder.encode(_frame([None])).X[0, 1:], encoder.encode(_frame(["a"])).X[0, 1:])


def test_unknown_levels_of_many_are_rarer_than_any() -> None:
    values = [f"k{min(i, 45)}" for i in range(N)]
    encoder = _fit(values)[0]
    rarity = [encoder.encode(_frame([v])).X[0, 1] for v in ("k45", "k1", "new")]
    assert rarity == sorted(rarity)


def test_random_letters_surprise_more_than_words() -> None:
    values = [f"payment for order {i} received" for i in range(N)]
    encoder = _fit(values)[0]
    where = encoder._features.index("v_surprise")
    X = encoder.encode(_frame([values[0], "xqz wkj vvq 8$% jjx"])).X
    assert X[1, where] > X[0, where] + 1


def test_hours_are_those_of_the_column_s_own_zone() -> None:
    stamps = pd.Series(pd.date_range("2024-01-01", periods=48, freq="h", tz="UTC"))
    utc, tokyo = _fit(stamps)[0], _fit(stamps.dt.tz_convert("Asia/Tokyo"))[0]
    a, b = utc.encode(_frame(stamps)).X, tokyo.encode(_frame(stamps)).X
    assert np.array_equal(a[:, 1], b[:, 1])
    np.testing.assert_allclose(a[9:, 2], b[:-9, 2], atol=1e-12)


def test_units_of_time_do_not_matter() -> None:
    encoder = _fit(_DAYS)[0]
    whole = encoder.encode(_frame(_DAYS)).X
    for unit in ("s", "ms", "ns"):
        assert np.array_equal(encoder.encode(_frame(_DAYS.as_unit(unit))).X, whole)


@pytest.mark.parametrize(
    ("values", "later", "message"),
    [
        (OTHER[:N] + 1, ["abc"], "column 'v' held numbers during fit and now holds text such as 'abc'"),
        (OTHER[:N] + 1, pd.to_datetime(["2024-01-01"]), "held numbers during fit and now holds dates"),
        (list("aab") * 20, [1.5], "held text during fit and now holds numbers"),
        ([True, False] * 30, ["perhaps"], "held true or false"),
        (_DAYS, [3], "held dates"),
        (_DAYS, ["soon"], "held dates"),
        (_DAYS, pd.to_datetime(["2024-01-01"]).tz_localize("UTC"), "with a time zone"),
        (pd.to_timedelta(range(N), unit="h"), [3], "held durations"),
        (MIXED, pd.to_datetime(["2024-01-01"]), "held numbers and text"),
        (list("aab") * 20, pd.to_datetime(["2024-01-01"]), "held text"),
    ],
)
def test_another_type_names_the_column(values: Any, later: Any, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        _fit(values)[0].encode(_frame(later))


@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.UnseenValuesWarning")
@pytest.mark.parametrize(
    ("values", "later"),
    [
        (OTHER[:N] + 1, ["1.5"]),
        (OTHER[:N] + 1, [None]),
        (OTHER[:N] + 1, [True]),
        ([True, False] * 30, [1]),
        (["1.5", "2", "x"] + ["3", "4", "5"] * 19, ["unreadable"]),
        (["1.5", "2"] * 30, pd.Series([1.5], dtype=object)),
        (["1.5", "2"] * 30, pd.Series([2, "x"], dtype=object)),
        (pd.Categorical([1, 2] * 30), [2]),
        (pd.Categorical(["1", "true"] * 30), [True]),
        (list("aab") * 20, pd.Series(["a", 3], dtype=object)),
        (list("aab") * 20, [None]),
        (MIXED, ["new"]),
        (MIXED, [3.0]),
        (MIXED, [None]),
        (_DAYS, ["2024-01-01"]),
        (_DAYS, [None]),
        ([f"{d:%d.%m.%Y}" for d in _DAYS], ["not a date"]),
        ([f"{d:%d.%m.%Y}" for d in _DAYS], _DAYS[:1]),
        ([5] * N, ["anything"]),
    ],
)
def test_what_can_be_read_is_accepted(values: Any, later: Any) -> None:
    assert np.isfinite(_fit(values)[0].encode(_frame(later)).X).all()


@pytest.mark.parametrize(("values", "later"), [([5.0] * N, 6.0), (["a"] * N, "b")])
def test_a_constant_is_watched_where_asked_for(values: Any, later: Any) -> None:
    encoder, column, codes = _fit(values, watches_constants=True)
    assert column.features == ("v_differs",)
    assert codes == ["DAT-016"]
    assert encoder.encode(_frame(values)).X[:, 1].tolist() == [0.0] * N
    assert encoder.encode(_frame([values[0], later])).X[:, 1].tolist() == [0.0, 6.0]


def test_feature_names_stay_distinct() -> None:
    frame = pd.DataFrame({"a": [1.0, None, 3.0, 4.0], "a_missing": [1.0, 5.0, 2.0, 2.5]})
    assert TableEncoder().fit(frame)._features == ("a", "a_missing", "a_missing_2")


def test_a_reason_shared_by_many_columns_is_told_once() -> None:
    encoder = TableEncoder().fit(RNG.normal(size=(5, 50)))
    assert len(encoder.reasons) == 1
    assert encoder.reasons[0].subject == "50 columns"
    assert encoder.reasons[0].evidence["columns"] == 50


def test_a_broken_state_is_told() -> None:
    values, arrays = _fit(list("abc") * 20)[0].to_state()
    with pytest.raises(StorageError, match="format 99"):
        TableEncoder.from_state({**values, "version": 99}, arrays)
    with pytest.raises(StorageError, match="missing"):
        TableEncoder.from_state({"version": values["version"]}, arrays)
    with pytest.raises(StorageError, match="missing"):
        TableEncoder.from_state(values, {})
    values["plans"][0]["parts"][0]["part"] = "hologram"
    with pytest.raises(StorageError, match="unknown encoding 'hologram'"):
        TableEncoder.from_state(values, arrays)
