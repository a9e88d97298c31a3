"""Values of another column: exchanged cells are odd, shared values and numbers are not."""

import numpy as np
import pytest

from pynomaly_auto.cells import Beside
from pynomaly_auto.cells._foreign import Foreign
from pynomaly_auto.errors import NotApplicableError
from tests.cells.cell_tables import table, texts

N = 400


def columns(seed: int = 0) -> tuple[list[str], list[str], list[str]]:
    rng = np.random.default_rng(seed)
    city = rng.choice(["Boston", "Chicago", "Denver"], N).tolist()
    kind = rng.choice(["food", "fuel", "toys", "none"], N).tolist()
    back = rng.choice(["Boston", "Chicago", "Denver", "Austin"], N).tolist()
    return city, kind, back


def test_exchanged_cells_are_odd_in_both_columns() -> None:
    city, kind, _ = columns()
    city[7], kind[7] = kind[7], city[7]
    cells = table(texts("city", city), texts("kind", kind))
    foreign = Foreign().fit(cells)
    bits = foreign.evidence(cells).bits
    assert np.flatnonzero(bits.sum(axis=1)).tolist() == [7]
    assert (bits[7] > 5).all()
    assert foreign.beside(cells, 7, 0) == Beside(text="kind")
    assert foreign.beside(cells, 8, 0) is None
    later = foreign.evidence(table(texts("city", ["fuel", "Boston", "unseen"]), texts("kind", ["food"] * 3))).bits
    assert later[0, 0] > 5
    assert later.sum() == later[0, 0]


def test_columns_that_share_their_values_are_left_alone() -> None:
    city, _, back = columns()
    cells = table(texts("from", city), texts("to", back))
    assert not Foreign().fit(cells).evidence(cells).bits.any()


def test_numbers_are_at_home_nowhere() -> None:
    city, kind, _ = columns()
    city[7] = kind[9] = "12"
    kind = ["12" if k == "none" else k for k in kind]
    cells = table(texts("city", city), texts("kind", kind))
    assert not Foreign().fit(cells).evidence(cells).bits.any()


def test_one_column_of_texts_has_no_other() -> None:
    with pytest.raises(NotApplicableError):
        Foreign().fit(table(texts("city", columns()[0])))
