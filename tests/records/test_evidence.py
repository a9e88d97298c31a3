"""Evidence of cells: what is added, and what was expected."""

from dataclasses import replace

import numpy as np

from pynomaly_auto.records import (
    CellEvidence,
    CellLayout,
    Column,
    Dataset,
    ExpectedCells,
    OriginalColumn,
    OriginalTable,
    plain,
    restore,
    two_largest,
    written,
)


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


LAYOUT = CellLayout.of({"form": [0, 2], "pair": [1, 2], "quiet": []}, 3)


def test_evidence_is_laid_side_by_side_and_found_again() -> None:
    said = {
        "pair": evidence([[0.0, 1.0, 2.0], [0.0, 0.0, 7.0]]), "form": evidence([[3.0, 0.0, 4.0], [5.0, 0.0, 0.0]]),
        "quiet": CellEvidence.silent(2, 3),
    }  # fmt: skip
    bits = LAYOUT.lay(said)
    assert bits.tolist() == [[3.0, 4.0, 1.0, 2.0], [5.0, 0.0, 0.0, 7.0]]
    assert LAYOUT.columns == (0, 2, 1, 2)
    cube = LAYOUT.cube(bits)
    for i, name in enumerate(LAYOUT.names):
        assert cube[:, :, i].tolist() == said[name].bits.tolist()
        assert LAYOUT.row_bits(bits, name).tolist() == said[name].row_bits.tolist()
    assert restore(CellLayout, plain(LAYOUT)) == LAYOUT


def test_the_two_largest_of_few_and_many() -> None:
    assert two_largest(np.array([[1.0, 5.0, 3.0], [0.0, 0.0, 0.0]])).tolist() == [8.0, 0.0]
    assert two_largest(np.array([[2.0]])).tolist() == [2.0]
    assert two_largest(np.empty((2, 0))).tolist() == [0.0, 0.0]
    assert two_largest(np.empty((0, 3))).shape == (0,)


def test_a_data_sets_rows_have_the_evidence_behind_their_features() -> None:
    X = np.arange(4.0).reshape(2, 2)
    bare = Dataset(
        X=X, features=("a", "b"), sources=(0, 1), columns=tuple(Column(name=n, kind="text") for n in "abc"),
        row_labels=np.arange(2), missing_share=np.zeros(2),
    )  # fmt: skip
    assert bare.rows is X
    assert bare.row_sources == (0, 1)
    both = replace(bare, evidence=np.full((2, 4), 9.0), layout=LAYOUT)
    assert both.rows.tolist() == [[0.0, 1.0, 9.0, 9.0, 9.0, 9.0], [2.0, 3.0, 9.0, 9.0, 9.0, 9.0]]
    assert both.row_sources == (0, 1, 0, 2, 1, 2)
    assert both.n_features == 2
