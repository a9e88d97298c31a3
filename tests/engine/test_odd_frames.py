"""Each kind of odd column once: judged, and judged alike again, or refused in our words; see `tests.odd_frames`."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from pynomaly_auto.dataset import TableEncoder, to_frame
from pynomaly_auto.errors import AmbiguousReadingWarning, PynomalyError
from tests.odd_frames import COLUMNS, table_of, trouble_with


@pytest.mark.parametrize("number", range(len(COLUMNS)))
def test_an_odd_table_is_judged_or_refused(number: int) -> None:
    assert trouble_with(number) == ""


def test_odd_tables_are_encoded_row_by_row_or_refused() -> None:
    judged = 0
    for number in range(600):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pandas, while such a table is made
            table = table_of(number)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.simplefilter("ignore", AmbiguousReadingWarning)
            judged += _encoded(table)
    assert judged > 300


def _encoded(table: object) -> bool:
    try:
        encoder = TableEncoder().fit(table)
        X = encoder.encode(table).X
    except PynomalyError as error:
        assert error.fix or error.where, str(error)  # noqa: PT017 - most tables are not refused
        return False
    assert np.isfinite(X).all()
    assert np.array_equal(TableEncoder.from_state(*encoder.to_state()).encode(table).X, X)
    assert to_frame(table).shape == (len(X), encoder.n_features_in_)
    return True
