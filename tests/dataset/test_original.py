"""The original cells of a table, left-out columns among them."""

import numpy as np
import pandas as pd
from scipy import sparse

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.settings import Conventions

FRAME = pd.DataFrame(
    {
        "id": [str(1000 + i) for i in range(40)],
        "same": ["x"] * 40,
        "amount": [f"{i % 7}.5" for i in range(39)] + ["12x4"],
        "plain": np.arange(40) % 5 * 1.5,
        "when": pd.date_range("2024-01-01", periods=40, tz="Europe/Berlin"),
        "text": ["a", "b", None, "c"] * 10,
    }
)


def test_every_column_is_there_as_written_and_as_read() -> None:
    encoder = TableEncoder().fit(FRAME)
    table = encoder.original(FRAME)
    assert table.names == tuple(FRAME.columns)
    assert [column.role for column in table.columns] == ["number", "text", "number", "number", "time", "text"]
    identifier, _, amount, plain, when, text = table.columns
    assert identifier.numbers[:2].tolist() == [1000.0, 1001.0]
    assert amount.texts[amount.codes[-1]] == "12x4"
    assert np.isnan(amount.numbers[-1])
    assert not amount.missing[-1]
    assert (plain.texts, len(plain.codes)) == ((), 0)
    assert when.zone == "Europe/Berlin"
    assert (text.codes[2], len(text.numbers)) == (-1, 0)


def test_one_later_row_and_a_stored_encoder() -> None:
    encoder = TableEncoder().fit(FRAME)
    again = TableEncoder.from_state(*encoder.to_state())
    for known in (encoder, again):
        row = known.original(FRAME.iloc[[39]])
        assert [column.role for column in row.columns] == ["number", "text", "number", "number", "time", "text"]
        assert row.columns[2].texts == ("12x4",)
        assert row.columns[0].numbers.tolist() == [1039.0]


def test_a_column_that_is_left_out_may_hold_anything_later() -> None:
    frame = FRAME.assign(gone=[None] * 40)
    later = frame.iloc[:2].assign(gone=["now", "text"])
    assert TableEncoder().fit(frame).original(later).columns[-1].texts == ("now", "text")


def test_a_sparse_table_too_wide_to_write_out_has_no_original_columns() -> None:
    wide = sparse.random_array((60_000, 3_000), density=1e-4, format="csc", rng=np.random.default_rng(0))
    assert TableEncoder().fit(wide).original(wide).n_columns == 0


def test_codes_keep_their_digits_and_numbers_in_texts_their_units() -> None:
    frame = pd.DataFrame(
        {
            "account": [10**19 + i for i in range(40)],
            "zip": [f"{i % 9:05}" for i in range(40)],
            "paid": ["1.234,50 EUR", "987,00 EUR"] * 20,
            "born": [19800101 + i % 28 for i in range(40)],
        }
    )
    encoder = TableEncoder(conventions=Conventions(dates={"born": "%Y%m%d"})).fit(frame)
    for table in (encoder.original(frame), encoder.original(frame.iloc[[1]])):
        account, code, paid, born = table.columns
        assert [column.role for column in table.columns] == ["text", "text", "number", "time"]
        assert account.texts[-1] == str(10**19 + (39 if table.n_rows > 1 else 1))
        assert (len(account.numbers), len(code.numbers)) == (0, 0)
        assert set(paid.texts) <= {"1.234,50 EUR", "987,00 EUR"}
        assert set(paid.numbers) <= {1234.5, 987.0}
        assert pd.Timestamp(born.numbers[-1], unit="s").year == 1980
