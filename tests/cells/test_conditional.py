"""What follows from the rest of a row: tables of which it is known what does."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.cells import _conditional
from pynomaly_auto.cells._conditional import Conditional
from pynomaly_auto.cells._predicting import Fitting, View
from pynomaly_auto.cells._surroundings import Measure, Read, Surroundings, halves, hashes
from pynomaly_auto.errors import NotApplicableError
from pynomaly_auto.records import CellEvidence, OriginalTable
from tests.cells.cell_tables import numbers, original, rows_of, table, texts

COSTS = {"letter": 0.4, "parcel": 1.5, "freight": 6.0}


def shipments(n: int = 900, seed: int = 0) -> pd.DataFrame:
    """Costs by weight and service, arrivals by service, a flag by weight."""
    rng = np.random.default_rng(seed)
    service = rng.choice(list(COSTS), n)
    weight = np.round(np.exp(rng.normal(3.0, 0.8, n)), 1)
    sent = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, n), unit="D")
    days = pd.Series(service).map({"letter": 2, "parcel": 4, "freight": 9}).to_numpy() + rng.integers(0, 2, n)
    return pd.DataFrame(
        {
            "service": service,
            "weight": weight,
            "cost": np.round(weight * pd.Series(service).map(COSTS) * np.exp(0.05 * rng.normal(size=n)), 2),
            "sent": sent,
            "arrived": sent + pd.to_timedelta(days, unit="D"),
            "heavy": np.where(weight > 25, "yes", "no"),
            "note": rng.choice(["a", "b", "c"], n),
        }
    )


def judged(frame: pd.DataFrame) -> CellEvidence:
    cells = original(frame)
    return Conditional().fit(cells).evidence(cells)


def test_a_cost_that_its_weight_and_service_do_not_let_expect() -> None:
    frame = shipments()
    right = frame.loc[5, "cost"]
    frame.loc[5, "cost"] = round(right * 8, 2)
    found = judged(frame)
    assert found.row_bits.argmax() == 5
    assert found.bits[5].argmax() == frame.columns.get_loc("cost")
    assert float(found.expected.at(5, 2) or 0) == pytest.approx(right, rel=0.4)


def test_of_several_odd_cells_the_one_that_explains_the_others_is_the_oddest() -> None:
    frame = shipments()
    at = int(np.flatnonzero((frame.service == "letter") & (frame.weight > 10))[0])
    frame.loc[at, "service"] = "freight"  # neither its cost nor its arrival are a freight's
    found = judged(frame)
    assert found.row_bits.argmax() == at
    assert found.bits[at].argmax() == 0
    assert found.expected.at(at, 0) == "letter"


@pytest.mark.parametrize(("days", "least"), [(-12, 10.0), (60, 10.0)], ids=["before it was sent", "long after"])
def test_days_between_two_times(days: int, least: float) -> None:
    frame = shipments()
    frame.loc[7, "arrived"] = frame.loc[7, "sent"] + pd.Timedelta(days=days)
    found = judged(frame)
    assert found.bits[7, 4] > least
    expected = pd.Timestamp(found.expected.at(7, 4)) - frame.loc[7, "sent"]
    assert 1 <= expected.days <= 11


def test_a_category_that_a_number_settles() -> None:
    frame = shipments()
    at = int(np.flatnonzero(frame.weight > 60)[0])
    frame.loc[at, "heavy"] = "no"
    found = judged(frame)
    assert found.bits[at, 5] > 4
    assert found.expected.at(at, 5) == "yes"


def test_a_column_that_follows_from_nothing_is_silent() -> None:
    frame = shipments()
    frame.loc[3, "note"] = "c"
    assert judged(frame).bits[:, 6].max() == 0.0
    rng = np.random.default_rng(0)
    with pytest.raises(NotApplicableError):
        Conditional().fit(table(numbers("x", rng.normal(size=400)), texts("k", list(rng.choice(["a", "b"], 400)))))


def test_most_ordinary_rows_are_silent() -> None:
    assert (judged(shipments()).row_bits > 0).mean() < 0.1


def test_what_is_usual_for_the_row_s_own_entity_is_not_odd() -> None:
    rng = np.random.default_rng(0)
    who = np.repeat([f"E{i:02d}" for i in range(40)], 30)
    kind = rng.choice(["a", "b"], 1200)
    hours = np.where(kind == "a", 40.0, 160.0) * np.exp(0.03 * rng.normal(size=1200))
    hours[who == "E07"] = 90.0 * np.exp(0.03 * rng.normal(size=30))
    frame = pd.DataFrame({"who": who, "kind": kind, "hours": np.round(hours, 1)})
    at = int(np.flatnonzero(who == "E20")[3])
    frame.loc[at, "hours"] = 90.0
    found = judged(frame)
    assert found.bits[at, 2] > 5
    assert np.median(found.bits[who == "E07", 2]) == 0.0


def test_the_order_of_the_rows_does_not_matter_to_the_last_bit() -> None:
    cells = original(shipments(300))
    order = np.random.default_rng(1).permutation(300).tolist()
    assert np.array_equal(
        Conditional().fit(rows_of(cells, order)).evidence(cells).bits, Conditional().fit(cells).evidence(cells).bits
    )


def test_no_row_is_judged_by_models_that_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[float]] = []

    class Watched(Fitting):
        def __init__(self, around: Surroundings, read: Read, views: Sequence[View], targets: np.ndarray) -> None:
            seen.append(set(read.plain[:, 0].tolist()))
            super().__init__(around, read, views, targets)

    monkeypatch.setattr(_conditional, "Fitting", Watched)
    frame = shipments(400).assign(weight=lambda f: np.arange(len(f)) + 5.5)
    cells = original(frame[["weight", "service", "cost"]])
    fitted = Conditional().fit(cells)
    half = halves(hashes(cells))
    judged_by = [set(frame.weight[half == k]) for k in range(len(fitted.halves))]
    assert [a & b for a, b in zip(seen, judged_by, strict=True)] == [set(), set()]
    assert seen[0] | seen[1] == set(frame.weight)


@pytest.mark.parametrize(
    "columns", [["weight", "cost"], ["service", "weight", "heavy"], ["service", "arrived", "sent"]]
)
def test_stored_read_only_it_says_the_same(columns: list[str]) -> None:
    cells = original(shipments(400)[columns])
    fitted = Conditional().fit(cells)
    state = fitted.to_state()
    for array in state.arrays.values():
        array.flags.writeable = False
    again = Conditional.from_state(state)
    assert np.array_equal(again.evidence(cells).bits, fitted.evidence(cells).bits)
    one = rows_of(cells, [5])
    assert np.array_equal(again.evidence(one).bits, fitted.evidence(one).bits)


def test_equal_rows_fall_into_the_same_half_however_they_are_written() -> None:
    frame = shipments(300)
    cells, twice = original(frame), original(pd.concat([frame, frame], ignore_index=True))
    assert np.array_equal(np.tile(hashes(cells), 2), hashes(twice))
    written = frame.assign(weight=[f"{x:.1f}" for x in frame.weight], cost=[f"{x:.2f}" for x in frame.cost])
    assert np.array_equal(hashes(original(written)), hashes(cells))
    assert 100 < halves(hashes(cells)).sum() < 200


def test_few_rows_are_hashed_as_many_are() -> None:
    cells = original(shipments(300))
    many = hashes(cells)
    for n in range(9):
        few = hashes(cells.rows(np.arange(7, 7 + n)))
        assert few.tolist() == many[7 : 7 + n].tolist()
        assert few.dtype == many.dtype
    assert hashes(OriginalTable(columns=(), n_rows=2)).tolist() == [0, 0]


@pytest.mark.parametrize(
    "cells", [np.array([0.5, 3.0, 800.0, np.nan]), np.array([-3.0, 0.0, 700.0, np.nan])], ids=["positive", "any"]
)
def test_scales_lead_there_and_back(cells: np.ndarray) -> None:
    scale = Measure.of(cells)
    assert np.allclose(scale.back(scale(cells)), cells, equal_nan=True)
