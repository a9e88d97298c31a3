"""Evidence of cells: what is added, and what was expected."""

import numpy as np

from pynomaly_auto.records import CellEvidence, ExpectedCells, OriginalColumn, OriginalTable, written


def evidence(bits: list[list[float]], *expected: tuple[int, int, str]) -> CellEvidence:
    rows, columns = (np.array([cell[i] for cell in expected], dtype=np.int64) for i in (0, 1))
    cells = ExpectedCells(rows=rows, columns=columns, texts=tuple(cell[2] for cell in expected))
    return CellEvidence(bits=np.array(bits), expected=cells)


def test_bits_are_added_and_the_loudest_is_expected() -> None:
    one = evidence([[1.0, 0.0, 2.0], [0.0, 0.0, 0.0]], (0, 0, "quiet"), (0, 2, "alone"))
    other = evidence([[3.0, 0.5, 0.0], [0.0, 4.0, 0.0]], (0, 0, "loud"))
    both = one + other
    assert both.bits.tolist() == [[4.0, 0.5, 2.0], [0.0, 4.0, 0.0]]
    assert (both.expected.at(0, 0), both.expected.at(0, 2), both.expected.at(1, 1)) == ("loud", "alone", None)
    assert both.row_bits.tolist() == [6.0, 4.0]


def test_a_row_of_one_cell_and_silence() -> None:
    assert evidence([[2.0], [0.0]]).row_bits.tolist() == [2.0, 0.0]
    assert CellEvidence.silent(2, 3).row_bits.tolist() == [0.0, 0.0]
    assert CellEvidence.silent(2, 0).row_bits.tolist() == [0.0, 0.0]


def test_levels_join_texts_and_bare_numbers() -> None:
    codes = np.array([0, -1, -1, 0, -1], dtype=np.int64)
    mixed = OriginalColumn(
        name="m", role="mixed", codes=codes, texts=("n/k",), numbers=np.array([np.nan, 2.5, 2.5, np.nan, np.nan])
    )
    assert mixed.levels.codes.tolist() == [0, 1, 1, 0, -1]
    assert mixed.levels.texts == ("n/k", "2.5")
    assert mixed.levels.counts.tolist() == [2, 2]
    assert mixed.missing.tolist() == [False, False, False, False, True]
    some = OriginalTable(columns=(mixed,), n_rows=5).rows(np.array([1, 4]))
    assert some.columns[0].texts == ()
    assert some.columns[0].levels.texts == ("2.5",)


def test_numbers_as_they_are_written() -> None:
    assert [written(x) for x in (0.0, -7.0, 0.1, 1e15, float("inf"))] == ["0", "-7", "0.1", "1000000000000000.0", "inf"]
