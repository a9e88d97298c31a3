"""What holds for every cell detector: a row alone, rows never seen, storing, and hostile cells."""

import json

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.cells import CELL_DETECTORS, CellModel, CellSpec, look
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.errors import StorageError, UnknownNameError
from pynomaly_auto.records import CellEvidence, OriginalTable, State
from tests.cells.cell_tables import original, payments, rows_of, table, texts

FRAME = payments()
TABLE = original(FRAME)


@pytest.fixture(scope="module")
def model() -> CellModel:
    return look(TABLE)


def later() -> OriginalTable:
    """Rows with values that were never seen."""
    frame = FRAME.iloc[:12].copy()
    frame["city"] = ["Bostom", "Zürich", None, ""] * 3
    frame["amount"] = [1e308, -1e308, 0.0, np.nan] * 3
    frame["who"] = "E999"
    frame["key"] = ["K7", "new", None, "K1"] * 3
    frame["when"] = pd.Timestamp("2030-01-01 03:00")
    return TableEncoder().fit(FRAME).original(frame)


def test_all_of_ours_apply_to_a_table_with_everything(model: CellModel) -> None:
    assert list(model.detectors) == sorted(CELL_DETECTORS)
    assert {reason.code for reason in model.reasons} == {"CEL-001"}


def test_evidence_has_the_tables_shape_and_is_never_negative(model: CellModel) -> None:
    for rows in (TABLE, later()):
        for name, found in model.evidence(rows).items():
            assert found.bits.shape == (rows.n_rows, rows.n_columns), name
            assert np.isfinite(found.bits).all(), name
            assert (found.bits >= 0).all(), name


@pytest.mark.parametrize("rows", [TABLE, later()], ids=["fitted on", "later"])
def test_a_row_alone_gets_what_it_gets_among_others(model: CellModel, rows: OriginalTable) -> None:
    whole = model.evidence(rows)
    for i in range(0, rows.n_rows, 7):
        for name, alone in model.evidence(rows_of(rows, [i])).items():
            assert np.array_equal(alone.bits[0], whole[name].bits[i]), (name, i)
            for j in range(rows.n_columns):
                assert alone.expected.at(0, j) == whole[name].expected.at(i, j)


def test_the_order_of_the_rows_does_not_matter_but_for_time() -> None:
    order = np.random.default_rng(1).permutation(TABLE.n_rows)
    names = [name for name in CELL_DETECTORS if name != "burst"]
    shuffled, straight = look(rows_of(TABLE, order.tolist()), names=names), look(TABLE, names=names)
    for name, found in shuffled.evidence(TABLE).items():
        assert np.allclose(found.bits, straight.evidence(TABLE)[name].bits), name


def test_a_model_is_stored_as_data_and_says_the_same(model: CellModel) -> None:
    state = model.to_state()
    assert all(a.dtype.kind in "biufU" for a in state.arrays.values())
    again = CellModel.from_state(State(arrays=state.arrays, values=json.loads(json.dumps(dict(state.values)))))
    assert again.reasons == model.reasons
    for rows in (TABLE, later()):
        before = model.evidence(rows)
        for name, found in again.evidence(rows).items():
            assert np.array_equal(found.bits, before[name].bits), name
            assert found.expected.texts == before[name].expected.texts, name


def test_a_damaged_state_is_refused_with_our_error(model: CellModel) -> None:
    state = model.to_state()
    rng = np.random.default_rng(0)
    for name in rng.permutation(sorted(state.arrays))[:60]:
        arrays = {k: v for k, v in state.arrays.items() if k != name}
        with pytest.raises(StorageError):
            CellModel.from_state(State(arrays=arrays, values=state.values))
    for name in state.values:
        with pytest.raises(StorageError):
            CellModel.from_state(State(arrays=state.arrays, values={**state.values, name: {"odd": 1}}))


def test_hostile_cells_cost_nothing_but_silence() -> None:
    n = 60
    frame = pd.DataFrame(
        {
            "huge": ["x" * 100_000 if i == 3 else "short" for i in range(n)],
            "surrogate": pd.Series(["a\ud800b" if i == 4 else "ab" for i in range(n)], dtype=object),
            "far": [1e308 if i == 5 else -1e308 if i == 6 else float(i % 7) for i in range(n)],
            "infinite": [np.inf if i == 5 else float(i) for i in range(n)],
            "gone": [None] * n,
            "mixed": pd.Series([i if i % 3 else "n/k" for i in range(n)], dtype=object),
            "one": ["same"] * n,
            "controls": ["\x00\x02\x03" if i == 9 else "" if i % 2 else "b" for i in range(n)],
        }
    )
    cells = original(frame)
    model = look(cells)
    assert not [reason for reason in model.reasons if reason.code == "CEL-003"]
    found = model.evidence(cells)
    for name, evidence in found.items():
        assert np.isfinite(evidence.bits).all(), name
    assert CellEvidence.added(tuple(found.values())).row_bits.argmax() in {3, 4, 5, 6, 9}
    again = CellModel.from_state(model.to_state()).evidence(cells)
    for name, evidence in found.items():
        assert np.array_equal(again[name].bits, evidence.bits), name


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tables_too_small_for_anything(n: int) -> None:
    cells = table(texts("a", ["x"] * n))
    assert not any(found.bits.any() for found in look(cells).evidence(cells).values())


def test_no_columns_at_all() -> None:
    cells = OriginalTable(columns=(), n_rows=3)
    assert not look(cells).evidence(cells)
    assert {reason.code for reason in look(cells).reasons} == {"CEL-002"}


def test_one_that_fails_costs_only_itself() -> None:
    spec = CellSpec(
        name="broken",
        title="Broken",
        target="tests.cells.test_cells:Broken",
        roles=frozenset(("text",)),
        paper="None",
        summary="Fails.",
        says="nothing",
    )
    CELL_DETECTORS.add(spec)
    try:
        model = look(TABLE)
    finally:
        CELL_DETECTORS.remove("broken")
    assert "broken" not in model.detectors
    assert len(model.detectors) == len(CELL_DETECTORS)
    told = [reason for reason in model.reasons if reason.code == "CEL-003"]
    assert [reason.subject for reason in told] == ["broken"]
    assert "ZeroDivisionError" in told[0].text


class Broken:
    def fit(self, table: OriginalTable) -> "Broken":
        raise ZeroDivisionError("by nothing")

    def evidence(self, table: OriginalTable) -> CellEvidence:
        raise AssertionError


def test_an_unknown_detector_is_told() -> None:
    with pytest.raises(UnknownNameError, match="forn"):
        look(TABLE, names=["forn"])
