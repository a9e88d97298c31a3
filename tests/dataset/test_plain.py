"""Tables of numbers alone, encoded at once instead of column by column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.dataset._table import SMALL
from pynomaly_auto.errors import UnseenValuesWarning

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(
    {
        "small": RNG.normal(size=80) * 1e-300,
        "large": RNG.normal(size=80) * 1e300,
        "usual": RNG.normal(size=80),
        "same": np.full(80, 7.0),  # left out
    }
)


def fitted(frame: pd.DataFrame) -> tuple[TableEncoder, TableEncoder]:
    """An encoder, and one that goes from column to column."""
    one, other = TableEncoder().fit(frame), TableEncoder().fit(frame)
    other._plain = None
    return one, other


class TestPlainColumns:
    @pytest.mark.parametrize("rows", [1, 2, 80])
    def test_it_is_what_the_columns_say_one_by_one_to_the_last_bit(self, rows: int) -> None:
        one, other = fitted(FRAME)
        assert one._plain is not None
        new = FRAME.iloc[:rows] * (1 + RNG.normal(size=(rows, 4)))
        np.testing.assert_array_equal(one.encode(new).rows, other.encode(new).rows)
        np.testing.assert_array_equal(one.encode(new).missing_share, other.encode(new).missing_share)

    @pytest.mark.parametrize("kind", [np.float32, np.float64, np.int16])
    def test_arrays_of_any_kind(self, kind: type[np.generic]) -> None:
        X = (100 * RNG.normal(size=(50, 3))).astype(kind)
        one, other = TableEncoder().fit(X), TableEncoder().fit(X)
        other._plain = None
        np.testing.assert_array_equal(one.encode(X[:3]).rows, other.encode(X[:3]).rows)

    @pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
    def test_a_cell_that_holds_no_plain_number_is_looked_at_in_its_column(self, odd: float) -> None:
        one, other = fitted(FRAME)
        new = FRAME.iloc[:5].copy()
        new.iloc[2, 2] = odd
        np.testing.assert_array_equal(one.encode(new).rows, other.encode(new).rows)
        np.testing.assert_array_equal(one.encode(new).missing_share, other.encode(new).missing_share)

    def test_a_column_without_any_value_is_told_of(self) -> None:
        with pytest.warns(UnseenValuesWarning, match="'usual' holds no value"):
            TableEncoder().fit(FRAME).encode(FRAME.iloc[:3].assign(usual=np.nan))

    def test_many_rows_are_not_copied(self) -> None:
        one, _ = fitted(FRAME)
        many = FRAME.iloc[np.zeros(SMALL + 1, dtype=int)].reset_index(drop=True)
        np.testing.assert_array_equal(one.encode(many).rows[:3], one.encode(many.iloc[:3]).rows)

    def test_one_that_was_stored_encodes_as_quickly(self) -> None:
        one, _ = fitted(FRAME)
        again = TableEncoder.from_state(*one.to_state())
        assert again._plain is not None
        np.testing.assert_array_equal(again.encode(FRAME.iloc[:4]).rows, one.encode(FRAME.iloc[:4]).rows)

    def test_other_columns_are_read_one_by_one(self) -> None:
        encoder = TableEncoder().fit(FRAME.assign(kind=["a", "b"] * 40))
        assert encoder._plain is None
