"""Tiny tables with bits that can be reckoned by hand: what is written wrong."""

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.cells._constant import Constant
from pynomaly_auto.cells._counting import Counts, usual_bits
from pynomaly_auto.cells._dependency import Dependency
from pynomaly_auto.cells._form import Form, shapes_of
from pynomaly_auto.cells._key import Key
from pynomaly_auto.cells._misspelling import Misspelling, is_slip
from pynomaly_auto.cells._number import Number
from pynomaly_auto.cells._tails import FARTHEST, Tail
from pynomaly_auto.cells._trigram import Trigram, trigrams_in
from pynomaly_auto.cells._twice import Twice
from pynomaly_auto.errors import NotApplicableError
from tests.cells.cell_tables import numbers, original, table, texts


def test_a_form_met_once_has_the_bits_of_its_share() -> None:
    cells = table(texts("code", [f"A-{i:02d}" for i in range(15)] + ["A/15"]))
    bits = Form().fit(cells).evidence(cells).bits[:, 0]
    assert bits[-1] == pytest.approx(4.0 - np.log2(16 / 15))  # one of sixteen, above what nine of ten stay below
    assert bits[:-1].max() == 0.0


def test_a_form_never_seen_counts_as_one_met_once() -> None:
    cells = table(texts("code", [f"A-{i:02d}" for i in range(16)]))
    later = table(texts("code", ["A-99", "?", "A-1"]))
    assert Form().fit(cells).evidence(later).bits[:, 0].tolist() == pytest.approx([0.0, 4.0, 4.0])


def test_a_column_in_which_every_form_is_another_says_nothing_of_any() -> None:
    cells = table(texts("note", ["-".join("x9"[int(b)] for b in f"{i:07b}") for i in range(100)]))
    assert Form().fit(cells).evidence(cells).bits.max() < 1.0


def test_a_value_that_comes_again_is_meant_unless_others_are_written_like_it() -> None:
    one_value = table(texts("a", ["ab"] * 60 + ["A"] * 4))
    two_values = table(texts("a", ["ab"] * 60 + ["A"] * 2 + ["B"] * 2))
    assert Form().fit(one_value).evidence(one_value).bits[-1, 0] == 0.0  # 4 bits, less 2 · log₂ 4
    assert Form().fit(two_values).evidence(two_values).bits[-1, 0] == pytest.approx(
        4.0 - np.log2(64 / 60) - 2 * 1.0 * 2 / 4
    )


def test_what_is_no_number_among_numbers_has_a_form_and_the_numbers_have_none() -> None:
    cells = original(pd.DataFrame({"n": [str(i) for i in range(100, 150)] + ["7", "12x4"], "b": range(52)}))
    bits = Form().fit(cells).evidence(cells).bits[:, 0]
    assert np.flatnonzero(bits).tolist() == [51]


@pytest.mark.parametrize(
    ("text", "frequent", "slip"),
    [
        ("Bostom", "Boston", True),
        ("Bostno", "Boston", True),
        ("Boson", "Boston", True),
        ("Bosom", "Boston", False),
        ("Massachusets", "Massachusetts", True),
        ("Masachusets", "Massachusetts", True),
        ("Room 13", "Room 12", False),
        ("B0ston", "Boston", True),
        ("ax", "ab", False),
    ],
)
def test_what_is_a_slip_of_the_pen(text: str, frequent: str, slip: bool) -> None:
    assert is_slip(text, frequent) is slip


def test_a_misspelling_has_the_ratio_of_the_rows_and_what_was_meant() -> None:
    cells = table(texts("city", ["Boston"] * 64 + ["Denver"] * 16 + ["Bostom"] + ["Dallas"] * 3))
    found = Misspelling().fit(cells).evidence(cells)
    assert np.flatnonzero(found.bits[:, 0]).tolist() == [80]
    assert found.bits[80, 0] == pytest.approx(6.0)
    assert found.expected.at(80, 0) == "Boston"
    later = Misspelling().fit(cells).evidence(table(texts("city", ["Bosston", "Rome"])))
    assert later.bits[:, 0].tolist() == pytest.approx([6.0, 0.0])
    assert later.expected.at(0, 0) == "Boston"


def test_codes_that_are_all_alike_are_no_misspellings_of_one_another() -> None:
    codes = [f"ZA{letter}" for letter in "ABCDEFGH"]
    cells = table(texts("code", codes * 20 + ["ZAX"]))
    assert Misspelling().fit(cells).evidence(cells).bits.max() == 0.0


def test_trigrams_are_those_of_each_text_with_its_ends() -> None:
    _, starts = trigrams_in(["abc", "", "A", "ab"])
    assert starts.tolist() == [0, 3, 3, 4, 6]
    first, _ = trigrams_in(["ABC"])
    again, _ = trigrams_in(["abc"])
    assert first.tolist() == again.tolist()


def test_a_rare_trigram_has_the_bits_of_its_share() -> None:
    cells = table(texts("word", ["street"] * 40 + ["strasse"] * 23 + ["strxet"]))
    bits = Trigram().fit(cells).evidence(cells).bits[:, 0]
    usual = np.log2(64 / 23)
    assert bits[-1] == pytest.approx(6.0 - usual)
    assert bits[:-1].max() == 0.0


def test_a_broken_dependency_has_bits_and_the_value_that_is_usual() -> None:
    zips = ["10001"] * 32 + ["60601"] * 32
    cities = ["New York"] * 31 + ["Chicago"] + ["Chicago"] * 32
    cells = table(texts("zip", zips), texts("city", cities))
    found = Dependency().fit(cells).evidence(cells)
    assert np.flatnonzero(found.bits[:, 1]).tolist() == [31]
    assert found.expected.at(31, 1) == "New York"
    assert found.bits[31, 1] == pytest.approx(np.log2(31) - np.log2(2 / 66))
    assert found.bits[31, 0] > 0  # the zip breaks the rule that goes the other way


def test_columns_that_have_nothing_to_do_with_one_another_settle_nothing() -> None:
    rng = np.random.default_rng(0)
    cells = table(texts("a", list(rng.choice(list("abcde"), 300))), texts("b", list(rng.choice(["x", "y"], 300))))
    with pytest.raises(NotApplicableError):
        Dependency().fit(cells)
    nearly_all = ["x"] * 294 + ["y"] * 6
    with pytest.raises(NotApplicableError):  # holds in 98 of 100 rows, as it would by chance
        Dependency().fit(table(texts("a", list(rng.choice(list("abcde"), 300))), texts("b", nearly_all)))


def test_a_number_far_out_on_both_scales() -> None:
    rng = np.random.default_rng(0)
    values = np.round(np.exp(rng.normal(3, 1, 400)), 1)
    cells = table(numbers("amount", [*values, 2e6, values.max() * 1.5]))
    bits = Number().fit(cells).evidence(cells).bits[:, 0]
    assert bits.argmax() == 400
    assert bits[400] > 10
    assert bits[401] < bits[400] / 2  # far on the straight scale alone
    assert (bits[:400] > 0).mean() < 0.12


def test_what_leaves_a_column_that_is_nearly_constant() -> None:
    cells = table(numbers("year", [2022.0] * 60 + [1400.0] + [2023.0] * 3))
    found = Constant().fit(cells).evidence(cells)
    bits = found.bits[:, 0]
    assert bits[0] == 0.0
    assert bits[60] == pytest.approx(np.log2(60))
    assert bits[63] == pytest.approx(np.log2(60 / 3))
    assert [found.expected.at(row, 0) for row in (0, 60, 63)] == [None, "2022", "2022"]
    later = Constant().fit(cells).evidence(table(numbers("year", [2022.0, 7.0, np.nan])))
    assert later.bits[:, 0].tolist() == pytest.approx([0.0, np.log2(60), 0.0])


@pytest.mark.parametrize("cells", [["a"] * 64, ["a"] * 18 + ["b"], ["a"] * 80 + ["b"] * 10, [None] * 64])
def test_columns_that_are_not_nearly_constant(cells: list[str | None]) -> None:
    with pytest.raises(NotApplicableError):
        Constant().fit(table(texts("a", cells)))


def test_numbers_that_leave_a_constant_column_are_far_out_but_for_codes_and_amounts() -> None:
    years = [2022.0] * 380 + [2812.0, 1538.0] + [2021.0] * 20
    cells = table(numbers("year", years), numbers("paid", [0.0 if y == 2022 else y / 7 for y in years]))
    model = Number().fit(cells)
    bits = model.evidence(cells).bits
    assert bits[380:382, 0].tolist() == [38.0, 38.0]
    assert not bits[382:, 0].any()  # what comes again and again is a code, which is left to others
    assert not bits[:380].any()
    assert not bits[:, 1].any()
    assert model.evidence(table(numbers("year", [1999.0, 2022.0]), numbers("paid", [1.0, 2.0]))).bits[
        :, 0
    ].tolist() == [38.0, 0.0]
    again = Number.from_state(model.to_state())
    assert np.array_equal(again.evidence(cells).bits, bits)


def test_texts_times_and_truths_may_leave_a_constant_column() -> None:
    frame = pd.DataFrame({
        "text": ["EUR"] * 59 + ["USD"], "truth": [True] * 59 + [False],
        "time": pd.to_datetime(["2025-01-01"] * 59 + ["2024-01-01"]), "half": ["EUR"] * 30 + ["USD"] * 30,
    })  # fmt: skip
    cells = original(frame)
    found = Constant().fit(cells).evidence(cells)
    assert found.bits[-1].tolist() == pytest.approx([np.log2(59)] * 3 + [0.0])
    assert found.bits[:-1].max() == 0.0
    assert found.expected.at(59, 0) == "EUR"


def test_a_number_that_comes_again_and_again_is_no_odder_than_it_is_rare() -> None:
    values = list(np.random.default_rng(0).normal(500, 1, 300))
    once = table(numbers("x", [*values, -999.0]))
    often = table(numbers("x", [*values, *[-999.0] * 20]))
    assert Number().fit(once).evidence(once).bits[-1, 0] > 30
    assert Number().fit(often).evidence(often).bits[-1, 0] < np.log2(320 / 20) + FARTHEST / 20 + 8


def test_decimals_that_a_column_does_not_have() -> None:
    cells = table(numbers("count", [float(i % 9) for i in range(63)] + [4.25]))
    bits = Number().fit(cells).evidence(cells).bits[:, 0]
    assert bits[-1] == pytest.approx(6.0 - np.log2(64 / 63))
    assert bits[:-1].max() == 0.0


def test_a_tail_through_two_points_of_an_exponential() -> None:
    q = (np.arange(100_000) + 0.5) / 100_000
    tail = Tail.of(-np.log(1 - q))
    assert tail is not None
    assert tail.shape == pytest.approx(1.0, abs=0.01)
    assert tail.bits(np.array([10.0]))[0] == pytest.approx(10 / np.log(2) - tail.silent, abs=0.05)
    assert tail.bits(np.array([0.1, np.nan, np.inf])).tolist() == [0.0, 0.0, FARTHEST]


def test_counts_of_what_was_never_seen() -> None:
    counts = Counts.of({"a": 6, "b": 1, "c": 1}, 8)
    assert counts.keys == ("a",)
    assert counts.rows(["a", "b", "new"]).tolist() == [6.0, 1.0, 1.0]
    assert counts.surprise(["b"]).tolist() == [3.0]
    assert usual_bits(np.array([0.0, 3.0]), np.array([9, 1])) == 0.0
    assert usual_bits(np.array([0.0, 3.0]), np.array([5, 5])) == 3.0


def test_shapes_of_anything() -> None:
    exact, runs = shapes_of(["", "Ab12", "\x1e", "äß٣", "aa  b"])
    assert exact == ["", "Aa99", "", "aa9", "aa  a"]
    assert runs == ["", "Aa9+", "", "a+9", "a+ +a"]
    assert shapes_of([""]) == ([""], [""])


def test_what_comes_twice_in_a_column_of_keys() -> None:
    cells = table(texts("id", [*(f"K{i * i}" for i in range(62)), "K9", "K9"]))
    assert Key().fit(cells).evidence(cells).bits[:, 0].tolist() == pytest.approx(
        [np.log2(64 / 3) if i in (3, 62, 63) else 0.0 for i in range(64)]
    )
    later = Key().fit(cells).evidence(table(texts("id", ["K9", "K0", "new"])))
    assert later.bits[:, 0].tolist() == pytest.approx([np.log2(64 / 3), 0.0, 0.0])


def test_numbers_that_meet_as_often_as_by_chance_are_no_keys() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(NotApplicableError):
        Key().fit(table(numbers("amount", rng.integers(0, 6_000, 500).astype(float))))
    ids = np.arange(5_000.0, 5_500.0)
    ids[[7, 90]] = ids[[8, 400]]
    cells = table(numbers("id", ids))
    assert np.flatnonzero(Key().fit(cells).evidence(cells).bits[:, 0]).tolist() == [7, 8, 90, 400]


def test_rows_that_agree_in_two_columns_that_name_the_rows() -> None:
    month = [f"2024-{i % 12 + 1:02d}" for i in range(240)]
    who = [f"E{i // 12:02d}" for i in range(240)]
    cells = table(
        texts("who", [*who, "E07"]), texts("month", [*month, "2024-03"]), texts("kind", ["a", "b", "c"] * 80 + ["a"])
    )
    twice = Twice().fit(cells)
    found = twice.evidence(cells)
    assert np.flatnonzero(found.row_bits).tolist() == [7 * 12 + 2, 240]
    assert found.bits[240].tolist() == [np.log2(241 / 2) / 2] * 2 + [0.0]
    later = table(
        texts("who", ["E07", "E07", "E99"]), texts("month", ["2024-03", "2024-04", "2024-03"]), texts("kind", ["x"] * 3)
    )
    assert np.flatnonzero(twice.evidence(later).row_bits).tolist() == [0]


def test_columns_whose_values_meet_as_often_as_by_chance_name_no_rows() -> None:
    rng = np.random.default_rng(0)
    cells = table(
        texts("a", list(rng.choice(list("abcdefgh"), 300))), texts("b", [f"B{i}" for i in rng.integers(0, 100, 300)])
    )
    with pytest.raises(NotApplicableError):
        Twice().fit(cells)
