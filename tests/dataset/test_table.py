"""Every kind of table, its row labels, and the shapes that are refused."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import xarray as xr
from scipy import sparse
from sklearn.utils.estimator_checks import _NotAnArray

from pynomaly_auto.dataset import TableEncoder, _cells, _encoder, fingerprints, open_table, to_frame
from pynomaly_auto.dataset.reading import _reading
from pynomaly_auto.errors import InvalidInputError, InvalidTypeError, SchemaError

X = np.random.default_rng(0).normal(size=(30, 3))
NAMED = pd.DataFrame(X, columns=["a", "b", "c"])
SWAPPED = np.dtype("f8").newbyteorder("S")  # the other order of bytes, as FITS and FORTRAN write it


@pytest.mark.parametrize(
    "table",
    [
        X, X.tolist(), [list(row) for row in X], [tuple(row) for row in X], list(X), np.asfortranarray(X),
        NAMED, pl.DataFrame(NAMED), pa.Table.from_pandas(NAMED), _NotAnArray(X), NAMED.to_dict("list"),
        NAMED.to_dict("records"), NAMED.astype("Float64"), NAMED.astype("float64[pyarrow]"), X.astype(object),
        NAMED.to_records(index=False), X.astype(SWAPPED), NAMED.astype({"a": SWAPPED, "c": SWAPPED}),
        NAMED.astype(SWAPPED).to_records(index=False),
        NAMED.astype(pd.SparseDtype(float, 0.0)), [_NotAnArray(row) for row in X],
        *(sparse.csr_array(X).asformat(form) for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")),
        sparse.csr_matrix(X),
    ],
    ids=lambda t: type(t).__name__,
)  # fmt: skip
def test_every_kind_of_table_encodes_alike(table: Any) -> None:
    encoder = TableEncoder().fit(table)
    dataset = encoder.encode(table)
    np.testing.assert_allclose(dataset.X, (X - X.mean(0)) / X.std(0), atol=1e-12)
    assert encoder.n_features_in_ == 3
    assert to_frame(table).shape == (30, 3)


@pytest.mark.parametrize("dtype", ["float16", "float32", "longdouble", "int8", "uint64", "bool"])
def test_every_numeric_type(dtype: str) -> None:
    table = (np.arange(60).reshape(20, 3) % 7 > 3).astype(dtype)
    assert np.isfinite(TableEncoder().fit(table).encode(table).X).all()


def test_masked_cells_are_missing() -> None:
    table = np.ma.masked_array(X, mask=X > 1.5)
    assert TableEncoder().fit(table).columns[0].n_missing == int((X[:, 0] > 1.5).sum())


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(list("ab") * 15),
        pd.Index([1] * 30),
        pd.MultiIndex.from_product([["p", "q"], range(15)]),
        pd.date_range("2024-03-31", periods=30, freq="h", tz="Europe/Zurich"),
        pd.date_range("2024-03-31", periods=30),
        pd.period_range("2024-01", periods=30, freq="M"),
    ],
    ids=["texts", "not unique", "tuples", "time zone", "dates", "periods"],
)
def test_any_index_comes_back(index: pd.Index) -> None:
    frame = NAMED.set_axis(index)
    labels = TableEncoder().fit(frame).encode(frame).row_labels
    assert labels.shape == (30,)
    assert list(pd.Index(labels)) == list(index)


def test_feature_names_as_by_scikit_learn() -> None:
    assert TableEncoder().fit(NAMED).feature_names_in_.tolist() == ["a", "b", "c"]
    assert not hasattr(TableEncoder().fit(X), "feature_names_in_")
    assert not hasattr(TableEncoder().fit(NAMED.set_axis([1, 2, 3], axis=1)), "feature_names_in_")
    twice = TableEncoder().fit(NAMED)
    assert not hasattr(twice.fit(X), "feature_names_in_")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.empty((0, 3)), r"Found array with 0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
        (pd.DataFrame({"a": []}), r"0 sample\(s\)"),
        (np.empty((12, 0)), r"0 feature\(s\) \(shape=\(12, 0\)\) while a minimum of \d* is required."),
        (X[:1], r"1 sample\(s\) \(n_samples=1\) while a minimum of 2 is required"),
        (X[:, 0], "Expected 2D array, got 1D array instead"),
        (X[:, 0].tolist(), "Expected 2D array, got 1D array instead"),
        ([], "Expected 2D array, got 1D array instead"),
        (NAMED["a"], "Expected 2D array, got 1D array instead"),
        (pl.Series([1.0, 2.0]), "Expected 2D array, got 1D array instead"),
        (np.array(3.0), "Expected 2D array, got scalar array instead"),
        (np.zeros((2, 2, 2)), "Found array with dim 3"),
        ([[1, 2], [3]], "ragged: row 1 has 1 cells, row 0 has 2"),
        ([[1, 2], 3], "row 1 is no list of cells"),
        ({"a": [1, 2], "b": [1]}, "do not make a table"),
        (np.zeros(9, dtype=[("a", "f8", (2,)), ("b", "i4")]), "the cells of 'a' are arrays or records"),
        (X + 1j, "Complex data not supported"),
        (sparse.csr_array(X + 1j), "Complex data not supported"),
        (pd.DataFrame({"a": [1j, 2j]}), "Complex data not supported.* \\(in column 'a'\\)"),
        (pd.DataFrame({"a": [1j, "x"]}, dtype=object), "Complex data not supported"),
        (pd.DataFrame(X, columns=["a", "b", "a"]), "more than once: 'a'"),
        (pa.table([pa.array([1, 2]), pa.array([3, 4])], names=["a", "a"]), "more than once: 'a'"),
        (np.ones((5, 2)), "all columns are constant"),
        (np.full((5, 2), np.nan), "all columns are empty"),
        (pd.DataFrame({"a": [None] * 4}), "all columns are empty"),
        (pd.DataFrame({"id": range(20), "c": [1] * 20}), "no column tells rows apart"),
        (pd.DataFrame({"name": [f"n{i}" for i in range(20)]}), "all columns are identifier"),
        (np.array([[1.0, 2.0], [1.0, 2.0 + 2**-51]]), "all columns are constant"),
    ],
)  # fmt: skip
def test_unusable_tables_say_why(table: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        TableEncoder().fit(table)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("data.csv", "read_table"),
        (None, "got NoneType"),
        (object(), "got object"),
        (pl.DataFrame(NAMED).lazy(), "collect"),
        (np.empty((2, 2), dtype="V4"), "cannot read an array"),
        (np.array([[{"foo": "bar"}], [1.0]], dtype=object), "argument must be a string or a number"),
        (pd.DataFrame({"a": [[1], [2]]}), r"argument must be .* string.* number"),
        (pl.DataFrame({"a": [[1], [2]]}), "column 'a'"),
        (pd.DataFrame({"a": pd.array([[1], [2]], dtype=pd.ArrowDtype(pa.list_(pa.int64())))}), "column 'a'"),
    ],
)
def test_what_is_no_table_raises_a_type_error(table: Any, message: str) -> None:
    with pytest.raises(InvalidTypeError, match=message) as caught:
        TableEncoder().fit(table)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ValueError)


def test_an_opened_table_is_itself() -> None:
    opened = open_table([[1.0, "a"], [2.0, "b"], [4.0, "a"]])
    assert open_table(opened) is opened
    assert TableEncoder().fit(opened).encode(opened).features == ("x0", "x1=b")
    assert to_frame(opened).equals(to_frame([[1.0, "a"], [2.0, "b"], [4.0, "a"]]))


def test_one_column_is_enough() -> None:
    assert TableEncoder().fit(X[:, :1]).encode(X[:, :1]).n_features == 1


def test_the_arrow_capsule_interface() -> None:
    class Foreign:
        def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
            return pl.DataFrame(NAMED).__arrow_c_stream__(requested_schema)

    assert TableEncoder().fit(Foreign()).feature_names_in_.tolist() == ["a", "b", "c"]


def test_a_two_dimensional_array_with_an_arrow_stream_is_an_array() -> None:
    table = TableEncoder().fit(xr.DataArray(X, dims=("row", "column")))
    assert table.n_features_in_ == X.shape[1]
    assert to_frame(xr.DataArray(X)).shape == X.shape
    with pytest.raises(InvalidInputError, match="got 1D array"):
        to_frame(xr.DataArray(X[:, 0]))


def test_arrays_of_other_libraries_that_cannot_be_read_say_so() -> None:
    class Far:
        ndim = 2

        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            raise RuntimeError("it lies on another device")

    with pytest.raises(InvalidTypeError, match="a Far could not be read: it lies on another device"):
        to_frame(Far())


def test_a_query_is_told_what_it_has() -> None:
    with pytest.raises(InvalidTypeError, match=r"holds no rows yet. Call \.df\(\) first") as caught:
        to_frame(duckdb.sql("select 1 as a"))
    assert "DuckDBPyRelation" in str(caught.value)


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"a": ["x\ud800", "b", "b"] * 4, "v": range(0, 24, 2)}, dtype=object),
        np.array([["x\ud800", 1.0], ["b", 2.5], ["b", 3.0]] * 3, dtype=object),
        [["x\ud800", 1.0], ["b", 2.5], ["b", 3.0]] * 3,
        {"\ud800": ["a", "b", "b"] * 3, "v": [1.0, 2.5, 4.0] * 3},
        [{"\ud800": "a", "v": 1.0}, {"\ud800": "b", "v": 2.5}, {"\ud800": "b", "v": 3.0}] * 3,
    ],
)
def test_lone_surrogates_are_written_out(table: Any) -> None:
    encoder = TableEncoder().fit(table)
    assert encoder.encode(table).X.any()
    names = [*to_frame(table).columns, *encoder.encode(table).features]
    assert "\\ud800" in " ".join(names).encode().decode()


def test_lone_surrogates_in_row_labels_are_written_out() -> None:
    index = pd.Index([f"\ud800{i}" for i in range(30)], dtype=object)
    assert TableEncoder().fit(X).encode(pd.DataFrame(X).set_axis(index)).row_labels[3] == "\\ud8003"


def test_sparse_duplicates_are_summed_and_the_matrix_left_alone() -> None:
    data, indices, indptr = np.array([1.0, 2.0, 5.0]), np.array([0, 0, 2]), np.array([0, 3])
    matrix = sparse.csc_array((data, indices, indptr), shape=(4, 1))
    frame = to_frame(matrix)
    assert frame["x0"].tolist() == [3.0, 0.0, 5.0, 0.0]
    assert matrix.nnz == 3


def test_a_very_large_sparse_table_is_projected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_encoder, "DENSE_BYTES", 1000)
    table = sparse.random_array((40, 200), density=0.1, rng=np.random.default_rng(0), format="csr")
    table.data[:3] = [np.nan, np.inf, 1e200]
    encoder = TableEncoder().fit(table)
    dataset = encoder.encode(table)
    assert dataset.X.shape == (40, 39)
    assert np.isfinite(dataset.X).all()
    assert len(encoder.columns) == 200
    assert encoder.reasons[0].code == "DAT-017"
    assert dataset.features[0] in encoder.columns[dataset.sources[0]].features
    assert dataset.missing_share.sum() == pytest.approx(1 / 200)
    again = TableEncoder.from_state(*encoder.to_state())
    assert np.array_equal(again.encode(table[[5]]).X, dataset.X[[5]])
    assert np.array_equal(encoder.encode(table.toarray()).X, dataset.X)


class TestSchema:
    encoder = TableEncoder().fit(NAMED)

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            (["c", "b", "a"], "Feature names must be in the same order as they were in fit."),
            (["a", "b", "z"], "unseen at fit time:\n- z\nFeature names seen at fit time, yet now missing:\n- c\n"),
            (["a", "b"], "yet now missing:\n- c\n"),
            (["a", "b", "c", "d"], "unseen at fit time:\n- d\n"),
            ([f"x{i}" for i in range(9)], "- x4\n- ...\n"),
        ],
    )
    def test_other_columns_are_named(self, columns: list[str], message: str) -> None:
        with pytest.raises(SchemaError, match="The feature names should match those"):
            self.encoder.encode(pd.DataFrame(0.0, index=[0, 1], columns=columns))
        with pytest.raises(SchemaError) as caught:
            self.encoder.encode(pd.DataFrame(0.0, index=[0, 1], columns=columns))
        assert message in str(caught.value)

    def test_numbers_as_names_are_compared_too(self) -> None:
        encoder = TableEncoder().fit(NAMED.set_axis([0, 1, 2], axis=1))
        with pytest.raises(SchemaError, match="same order"):
            encoder.encode(NAMED.set_axis([2, 1, 0], axis=1))

    def test_another_width(self) -> None:
        message = "X has 1 features, but AutonomousDetector is expecting 3 features as input"
        with pytest.raises(SchemaError, match=message):
            TableEncoder().fit(X).encode(X[:, [1]])

    def test_warnings_about_names(self) -> None:
        with pytest.warns(UserWarning, match="X does not have valid feature names, but AutonomousDetector was fitted"):
            self.encoder.encode(X)
        with pytest.warns(UserWarning, match="X has feature names, but Mine was fitted without feature names"):
            TableEncoder(owner="Mine").fit(X).encode(NAMED)

    def test_no_rows_and_not_fitted(self) -> None:
        with pytest.raises(InvalidInputError, match=r"0 sample\(s\)"):
            self.encoder.encode(NAMED[:0])
        with pytest.raises(InvalidInputError, match="not fitted yet"):
            TableEncoder().encode(NAMED)


def test_a_small_table_is_read_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.5, 3.0], "b": ["x", "y", "x"], "c": ["007", "010", "007"]})
    encoder = TableEncoder().fit(frame)
    opened, read = open_table(frame.iloc[[1]]), list[str]()
    whole = _reading.read_cells
    monkeypatch.setattr(_reading, "read_cells", lambda column, name: (read.append(name), whole(column, name))[1])
    encoder.encode(opened)
    encoder.original(opened)
    assert read == ["a", "b", "c"]


@pytest.mark.parametrize("kind", ["str", "object", "string[python]"])
def test_a_few_texts_are_read_as_many_are(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = pd.Series(["b", None, "a", "b", np.nan, "", "a"], dtype=kind)
    few = _cells.read_cells(texts, "x")
    monkeypatch.setattr(_cells, "_FEW", 0)
    many = _cells.read_cells(texts, "x")
    assert few.form == many.form == "text"
    assert few.codes.tolist() == many.codes.tolist() == [0, -1, 1, 0, -1, 2, 1]
    assert few.codes.dtype == many.codes.dtype
    assert few.levels.tolist() == many.levels.tolist()


def test_few_rows_have_the_fingerprints_that_they_have_among_many() -> None:
    X = np.random.default_rng(0).normal(size=(40, 30))
    X[3:9, ::2], X[4, 3], X[5, 3] = -0.0, np.nan, np.inf
    many = fingerprints(X)
    for n in range(8):
        assert fingerprints(X[3 : 3 + n]).tolist() == many[3 : 3 + n].tolist()
        assert fingerprints(X[:n]).dtype == many.dtype
    X[3] = np.where(X[3] == 0, 0.0, X[3])
    assert fingerprints(X[[3]]).tolist() == many[[3]].tolist()
