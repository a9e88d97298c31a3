"""Contributions of columns to scores."""

import datetime as dt
import subprocess
import sys
import time
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from pynomaly_auto import _optional
from pynomaly_auto.errors import InvalidInputError, MissingExtraError, SettingError, UnknownNameError
from pynomaly_auto.explaining import METHODS, Explaining, explain_rows
from pynomaly_auto.explaining._text import cell_text, encoded_text, sentence, typical_cell
from pynomaly_auto.records import Column, Contribution, Dataset
from pynomaly_auto.scoring import tail_ranks


def dataset_of(X, sources=None, names=None):
    sources = tuple(range(X.shape[1])) if sources is None else sources
    names = names or [f"c{i}" for i in range(max(sources) + 1)]
    return Dataset(
        X=X,
        features=tuple(f"f{i}" for i in range(X.shape[1])),
        sources=sources,
        columns=tuple(Column(name=name, kind="numeric") for name in names),
        row_labels=np.array([f"r{i}" for i in range(len(X))]),
        missing_share=np.zeros(len(X)),
    )


def neighbour_score(X):
    model = NearestNeighbors(n_neighbors=20).fit(X)
    reference = np.sort(model.kneighbors(X)[0].mean(axis=1))
    return lambda Z: tail_ranks(model.kneighbors(Z)[0].mean(axis=1), reference)


def planted(n=600, d=12, k=40, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) @ (np.eye(d) + 0.3 * rng.normal(size=(d, d)))
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    columns = rng.integers(0, d, k)
    X[np.arange(k), columns] += 7 * np.sign(rng.normal(size=k))
    return X, columns


def squares(Z):
    return (np.asarray(Z) ** 2).sum(axis=1)


class TestWhoIsFirst:
    @pytest.mark.parametrize("method", ["occlusion", "shapley"])
    def test_planted_column(self, method):
        X, columns = planted()
        found = explain_rows(
            neighbour_score(X), dataset_of(X), np.arange(len(columns)), options=Explaining(method=method)
        )
        first = [e.contributions[0].column for e in found]
        assert np.mean([a == f"c{b}" for a, b in zip(first, columns, strict=True)]) > 0.95

    def test_anomaly_in_the_dependency_of_two_columns(self):
        rng = np.random.default_rng(1)
        X = rng.normal(size=(1000, 5))
        X[:, 1] = X[:, 0] + 0.1 * rng.normal(size=1000)
        X[:10, 0] = np.linspace(1.2, 1.8, 10)
        X[:10, 1] = -X[:10, 0]
        found = explain_rows(neighbour_score(X), dataset_of(X), np.arange(10))
        lead = [{c.column for c in e.contributions[:2]} for e in found]
        assert np.mean([names == {"c0", "c1"} for names in lead]) > 0.95

    def test_features_of_one_column_move_together(self):
        rng = np.random.default_rng(0)
        X = rng.normal(size=(500, 4))
        X[0, :3] = (0.2, 9.0, -9.0)
        (found,) = explain_rows(squares, dataset_of(X, sources=(0, 2, 2, 3), names=["a", "unused", "b", "c"]), [0])
        assert found.contributions[0].column == "b"
        assert {c.column for c in found.contributions} == {"a", "b", "c"}
        assert found.contributions[0].value == "encoded"
        assert found.contributions[0].share > 0.9

    @pytest.mark.parametrize("method", ["shap", "lime"])
    def test_packages(self, method):
        X, columns = planted(n=300, d=5, k=4)
        found = explain_rows(squares, dataset_of(X), np.arange(4), options=Explaining(method=method, seed=1))
        assert [e.contributions[0].column for e in found] == [f"c{i}" for i in columns]

    def test_most_unusual_columns_are_chosen_among_many(self):
        X, columns = planted(d=60)
        calls = []

        def score(Z):
            calls.append(len(Z))
            return neighbours(Z)

        neighbours = neighbour_score(X)
        found = explain_rows(score, dataset_of(X), np.arange(20), options=Explaining(max_columns=8))
        assert all(len(e.contributions) == 8 for e in found)
        first = [e.contributions[0].column for e in found]
        assert np.mean([a == f"c{b}" for a, b in zip(first, columns, strict=False)]) > 0.95
        assert len(calls) < 10


class TestNumbers:
    def test_shapley_adds_up(self):
        X, _ = planted(n=300, d=4, k=3)
        (found,) = explain_rows(squares, dataset_of(X), [0], options=Explaining(method="shapley"))
        usual = np.sort(squares(X))[: int(np.ceil(0.7 * 300))].mean()
        total = sum(c.contribution for c in found.contributions)
        assert total == pytest.approx(found.score - usual, rel=0.1)
        assert sum(c.share for c in found.contributions) == pytest.approx(1)

    @pytest.mark.parametrize("method", ["occlusion", "shapley"])
    def test_deterministic_and_ordered(self, method):
        X, _ = planted()
        options = Explaining(method=method, seed=4)
        one, two = (explain_rows(squares, dataset_of(X), [3, 1], options=options) for _ in range(2))
        assert one == two
        assert [e.row for e in one] == [3, 1]
        amounts = [c.contribution for c in one[0].contributions]
        assert amounts == sorted(amounts, reverse=True)

    def test_constant_score_and_table(self):
        X = np.zeros((30, 2))
        (found,) = explain_rows(lambda Z: np.ones(len(Z)), dataset_of(X), [0])
        assert found.text == "row r0: no single column explains its score."
        assert all(c.share == 0 for c in found.contributions)

    def test_two_rows(self):
        (found,) = explain_rows(squares, dataset_of(np.array([[0.0, 0.0], [5.0, 0.0]])), [1])
        assert found.contributions[0].column == "c0"

    def test_nothing_asked_for(self):
        assert explain_rows(squares, dataset_of(np.zeros((3, 1))), []) == ()


class TestTime:
    def test_twenty_rows_of_twenty_columns(self):
        X, _ = planted(d=20)

        def score(Z):
            time.sleep(len(Z) * 1e-5)
            return squares(Z)

        before = time.perf_counter()
        explain_rows(score, dataset_of(X), np.arange(20))
        assert time.perf_counter() - before < 2

    def test_twenty_rows_of_thirty_columns_are_two_batches(self):
        X, columns = planted(d=30)
        neighbours, sizes = neighbour_score(X), []

        def score(Z):
            sizes.append(len(Z))
            return neighbours(Z)

        found = explain_rows(score, dataset_of(X), np.arange(20))
        first = [e.contributions[0].column for e in found]
        assert np.mean([a == f"c{b}" for a, b in zip(first, columns[:20], strict=True)]) > 0.95
        assert all(len(e.contributions) == 30 for e in found)
        assert len(sizes) <= 4
        assert sum(sizes) < 7_000  # sixteen exchanges of each column alone would be 9,600

    def test_a_quick_score_does_the_many_exchanges(self):
        X, columns = planted(n=300, d=12, k=4)
        asked = []

        def slow(Z):
            asked.append(len(Z))
            return 100 + squares(Z)

        found = explain_rows(slow, dataset_of(X), np.arange(4), options=Explaining(quick=squares))
        assert [e.contributions[0].column for e in found] == [f"c{i}" for i in columns]
        assert sum(asked) == 4
        assert all(e.score > 100 for e in found)
        explain_rows(slow, dataset_of(X), [0], options=Explaining(quick=squares, method="shapley"))
        assert sum(asked) > 100  # what adds up to a score is measured with that score

    def test_stops_early_and_explains_the_rest_by_distance(self):
        X, columns = planted(d=6, k=200)

        def score(Z):
            time.sleep(len(Z) * 1e-4)
            return squares(Z)

        before = time.perf_counter()
        found = explain_rows(score, dataset_of(X), np.arange(200), options=Explaining(seconds=0.4))
        assert time.perf_counter() - before < 1.0
        measured = ["time was short" not in e.text for e in found]
        assert 0 < sum(measured) < 200
        assert measured == sorted(measured, reverse=True)
        first = [e.contributions[0].column for e in found]
        assert np.mean([a == f"c{b}" for a, b in zip(first, columns, strict=True)]) > 0.9

    @pytest.mark.parametrize("method", ["occlusion", "shapley"])
    def test_every_row_is_explained_without_any_time(self, method):
        X, columns = planted(d=12)
        options = Explaining(seconds=0.0, method=method)
        found = explain_rows(neighbour_score(X), dataset_of(X), np.arange(40), options=options)
        first = [e.contributions[0].column for e in found]
        assert np.mean([a == f"c{b}" for a, b in zip(first, columns, strict=True)]) > 0.9
        for e in found:
            assert "by distance from similar rows alone" in e.text
            assert sum(c.share for c in e.contributions) == pytest.approx(1)


class TestTexts:
    def frame(self, n=200):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"amount": rng.normal(41.5, 1.0, n), "city": ["Rome"] * (n - 20) + ["Oslo"] * 20})
        frame.loc[0, "amount"] = 9120.0
        X = np.column_stack([(frame["amount"] - 41.5), frame["city"].eq("Oslo")]).astype(float)
        return frame, dataset_of(X, names=["amount", "city"])

    def test_users_cells(self):
        frame, dataset = self.frame()
        (found,) = explain_rows(squares, dataset, [0], values=frame)
        assert found.label == "r0"
        assert found.contributions[0].value == "9120"
        assert found.contributions[0].typical.startswith("41.")
        assert found.text.startswith("row r0 stands out by amount 9120 (usually 41.")
        assert "100% of the score" in found.text
        assert next(c for c in found.contributions if c.column == "city").typical == "Rome"

    def test_numbers_written_as_texts_have_a_median(self):
        frame, dataset = self.frame()
        frame["amount"] = [f"€ {v:,.2f}" for v in frame["amount"]]
        (found,) = explain_rows(squares, dataset, [0], values=frame)
        assert found.contributions[0].typical.startswith("€ 41.")
        assert typical_cell(pd.Series(["b", None, "z", "a"]), np.array([2.0, 0.0, 1.0, 3.0])) == "b"

    def test_only_columns_that_say_something_beside_the_first_are_named(self):
        shares = (("a", 0.6), ("b", 0.2), ("c", 0.1))
        parts = tuple(Contribution(column=c, value="1", typical="0", contribution=s, share=s) for c, s in shares)
        assert sentence(3, parts) == "row 3 stands out by a 1 (usually 0; 60% of the score), b 1 (usually 0)."

    def test_new_rows(self):
        frame, dataset = self.frame()
        new = pd.DataFrame({"amount": [-500.0], "city": ["Bern"]}, index=["late"])
        X = np.array([[-541.5, 0.0]])
        (found,) = explain_rows(squares, dataset, [0], X=X, values=new, options=Explaining(reference=frame))
        assert found.text.startswith("row late stands out by amount -500 (usually 41.")
        (found,) = explain_rows(squares, dataset, [0], X=X, values=[[-500.0, "Bern"]])
        assert found.label == 0
        assert found.contributions[0].typical.endswith(" sd")
        (found,) = explain_rows(squares, dataset, [0], X=X)
        assert found.contributions[0].value == "-541.5 sd"

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (41.4999, "41.5"), (0.000123456, "0.0001235"), (1.5e-9, "1.5e-09"), (123456.7, "123500"), (0.0, "0"),
            (-2.0, "-2"), (float("inf"), "inf"), (2.5e12, "2.5e+12"), (12, "12"), (10**12, "1e+12"), (True, "True"),
            (None, "missing"), (float("nan"), "missing"), (pd.NaT, "missing"), (pd.NA, "missing"), ("Rome", "Rome"),
            (pd.Timestamp("2024-05-01"), "2024-05-01"), (pd.Timestamp("2024-05-01 10:30"), "2024-05-01 10:30:00"),
            (np.float64(1.25), "1.25"), (np.int64(7), "7"), (np.bool_(False), "False"),
        ],
    )  # fmt: skip
    def test_cells(self, value, text):
        assert cell_text(value) == text

    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (10**400, "1e+400"), (-(10**5000), "-1e+5000"), (Fraction(10**400, 3), "1e+399"),
            (Decimal("sNaN"), "missing"), ("a\ud800b", "a?b"), ("\udfff" * 50, "?" * 39 + "…"),
        ],
        ids=["huge", "beyond printing", "fraction", "signalling", "surrogate", "surrogates"],
    )  # fmt: skip
    def test_cells_nobody_expects(self, value, text):
        assert cell_text(value) == text

    @pytest.mark.parametrize("odd", [10**400, 10**5000, "a\ud800", Decimal("sNaN"), b"\xff"], ids=range(5))
    def test_a_table_with_such_cells_is_explained_in_words_that_can_be_written(self, odd):
        frame, dataset = self.frame()
        frame["city"] = pd.Series([odd] * 150 + ["Rome"] * 50, dtype=object)
        dataset = dataset_of(dataset.X, names=["a\udc00", "city"])
        dataset = replace(dataset, row_labels=np.array([odd] * 200, dtype=object))
        for found in explain_rows(squares, dataset, [0, 199], values=frame):
            found.text.encode("utf-8")
            for c in found.contributions:
                (c.value + c.typical).encode("utf-8")

    def test_usual_cells(self):
        assert typical_cell(pd.Series([None, None])) is None
        assert typical_cell(pd.Series([True, True, False])) == "True"
        assert typical_cell(pd.Series(pd.to_datetime(["2024-01-01", "2024-01-03", "2024-01-02"]))) == pd.Timestamp(
            2024, 1, 2
        )
        assert typical_cell(pd.Series([dt.timedelta(1), dt.timedelta(3)])) == pd.Timedelta(days=2)
        assert typical_cell(pd.Series(["b", 1, "b", 1], dtype=object)) == "1"
        assert encoded_text(np.array([0.5])) == "0.5 sd"
        assert sentence("x", ()) == "row x: no single column explains its score."


class TestMistakes:
    def test_rows_and_cells(self):
        data = dataset_of(np.zeros((5, 2)))
        for rows in ([5], [-1]):
            with pytest.raises(InvalidInputError, match="no row"):
                explain_rows(squares, data, rows)
        with pytest.raises(InvalidInputError, match="cells of shape"):
            explain_rows(squares, data, [0], values=np.zeros((5, 3)))

    def test_options(self):
        with pytest.raises(UnknownNameError, match="shaply"):
            Explaining(method="shaply")
        with pytest.raises(SettingError):
            Explaining(max_columns=0)
        assert METHODS == ("occlusion", "shapley", "shap", "lime")

    @pytest.mark.parametrize("method", ["shap", "lime"])
    def test_missing_package(self, method, monkeypatch):
        def nothing(module):
            raise _optional.missing(module.partition(".")[0])

        monkeypatch.setattr(_optional, "require", nothing)
        with pytest.raises(MissingExtraError, match=method):
            explain_rows(squares, dataset_of(np.eye(6)), [0], options=Explaining(method=method))

    def test_heavy_packages_stay_out(self):
        code = "import sys, pynomaly_auto.explaining; print({'shap', 'lime'} & set(sys.modules))"
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert out.stdout.strip() == "set()"
