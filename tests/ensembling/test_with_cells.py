"""Cells heard beside an ensemble: silence as nothing, rows alone, explanations' score, smaller ones, stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pynomaly_auto.ensembling import Alignment, Cells, FittedEnsemble, Student, WithCells, in_order
from pynomaly_auto.ensembling._cells import Silence
from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import SILENT, CellFusion, CellJudge, cell_fusion_features, cell_judge_features
from pynomaly_auto.records import CellLayout, FloatArray, Member, State
from pynomaly_auto.testing import damaged_states
from tests.ensembling.test_fusing import NAMES, Fitted, live
from tests.models.test_cells_heard import trees

DETECTORS = ("form", "pair")
LAYOUT = CellLayout.of({"form": [0, 2], "pair": [1, 2]}, 3)
N = 300


def bits(n: int = N, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.exponential(3.0, size=(n, 4)) * (rng.random((n, 4)) < 0.1))


def rising_trees(n_inputs: int, at: int) -> str:
    """Trees that rise with one input alone."""
    X = np.random.default_rng(0).exponential(4.0, size=(800, n_inputs))
    return trees(X, X[:, at] > 8, (1,) * n_inputs)


JUDGED, FUSED = cell_judge_features(DETECTORS), cell_fusion_features(NAMES, DETECTORS)
JUDGE = CellJudge.of(JUDGED, rising_trees(len(JUDGED), JUDGED.index("sum of bits")))
FUSION = CellFusion.of(
    FUSED, [rising_trees(len(FUSED), FUSED.index(name)) for name in ("two largest cell odds", "final")]
)


@pytest.fixture(scope="module")
def heard() -> tuple[FloatArray, list[Fitted], FittedEnsemble, FittedEnsemble]:
    X, fitted, plain = live(N)
    said = bits()
    said[7] = [40.0, 0.0, 0.0, 30.0]
    said[8] = said[9] = 0.0
    ensemble = plain.hearing(FUSION, Cells.of(JUDGE, LAYOUT, said), said, ["numeric", "text", "text"])
    return np.hstack([X, said]), fitted, plain, ensemble


def new_rows(n: int = 40) -> FloatArray:
    return np.hstack([np.random.default_rng(1).normal(size=(n, 3)) * 2, bits(n, seed=1)])


class TestSilence:
    def test_tails_are_shares_of_all_and_silence_has_none(self) -> None:
        silence = Silence.of(np.array([0.0, 2.0, 2.0, 5.0]), 16)
        assert silence(np.array([0.0, 1.0, 2.0, 3.0, 5.0, 9.0])).tolist() == pytest.approx(
            [0.0, np.log2(16 / 3), np.log2(16 / 3), 4.0, 4.0, 4.0]
        )
        assert Silence.of(np.zeros(9), 9)(np.array([0.0, 1.0])).tolist() == pytest.approx([0.0, np.log2(9)])
        assert Silence.of(np.empty(0), 0)(np.array([0.0, 1.0])).tolist() == [0.0, 0.0]

    def test_it_rises_and_is_bounded_in_size(self) -> None:
        values = np.random.default_rng(0).exponential(size=20_000)
        silence = Silence.of(values, 100_000)
        assert len(silence.values) <= 4096
        at = silence(np.sort(values))
        assert (np.diff(at) >= 0).all()
        assert at[-1] == pytest.approx(np.log2(100_000))
        exact = -np.log2(np.arange(20_000, 0, -1) / 100_000)
        assert np.abs(at - exact).max() < 0.2

    @pytest.mark.parametrize(
        "change",
        [
            {"values": np.array([2.0, 1.0])}, {"values": np.array([1.0, 1.0])}, {"values": np.array([1.0])},
            {"values": np.array([-1.0, 1.0])}, {"tails": np.array([-1.0, 1.0])}, {"tails": np.array([np.nan, 1.0])},
            {"values": np.array([[1.0, 2.0]])}, {"rarest": float("inf")}, {"rarest": -1}, {"rarest": "1"},
            {"rarest": None}, {"rarest": True},
        ],
        ids=repr,
    )  # fmt: skip
    def test_none(self, change: dict[str, Any]) -> None:
        state = Silence.of(np.array([1.0, 2.0]), 8).to_state()
        assert Silence.from_state(state)(np.array([1.0]))[0] == 2.0
        arrays = {k: v for k, v in change.items() if isinstance(v, np.ndarray)}
        values = {k: v for k, v in change.items() if k not in arrays}
        with pytest.raises(StorageError):
            Silence.from_state(state | State(arrays=arrays, values=values))


class TestCells:
    def test_odds_are_of_the_cells_that_are_spoken_of(self) -> None:
        said = bits()
        said[0] = [30.0, 0.0, 0.0, 0.0]
        said[1] = [0.0, 15.0, 0.0, 15.0]
        cells = Cells.of(JUDGE, LAYOUT, said)
        odds = cells.odds(said)
        assert odds.shape == (N, 3)
        assert odds[0].argmax() == 0
        assert odds[0, 1:].tolist() == [SILENT, SILENT]
        assert odds[1].argmax() == 2  # both detectors say something of the third column
        assert cells.speaks[1].tolist() == [0.0, pytest.approx((said[:, 2] > 0).mean())]
        assert [cells.odds(said[[i]])[0].tolist() for i in range(20)] == odds[:20].tolist()
        assert cells.odds(said[:0]).shape == (0, 3)

    def test_rows_are_judged_in_parts_alike(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said = bits()
        cells = Cells.of(JUDGE, LAYOUT, said)
        whole = cells.odds(said)
        monkeypatch.setattr("pynomaly_auto.ensembling._cells._CELLS", 7)
        assert cells.odds(said).tolist() == whole.tolist()

    def test_stored(self) -> None:
        said = bits()
        cells = Cells.of(JUDGE, LAYOUT, said)
        state = cells.to_state()
        again = Cells.from_state(state)
        assert again.layout == LAYOUT
        assert again.odds(said).tolist() == cells.odds(said).tolist()
        for what, damaged in damaged_states(state):
            if not what.endswith(("gains is missing", "emphasis is a mapping")):
                with pytest.raises(StorageError):
                    raise AssertionError(f"{what}: {Cells.from_state(damaged)}")

    @pytest.mark.parametrize(
        "change",
        [
            {"columns": [0, 2, 1, 3]}, {"columns": [0, 2, 1, -1]}, {"columns": [0, 2, 1]}, {"detectors": [0, 0, 1, 2]},
            {"detectors": []}, {"names": ["form"]}, {"names": [1, 2]}, {"n_columns": 4}, {"n_columns": -1},
            {"n_columns": 10**9}, {"columns": [0, 0, 1, 2]}, {"names": ["form", "form"]},
        ],
        ids=repr,
    )  # fmt: skip
    def test_layouts_that_are_none(self, change: dict[str, Any]) -> None:
        state = Cells.of(JUDGE, LAYOUT, bits()).to_state()
        # In a mapping of plain values, as it comes from a file.
        layout = {**state.values["layout"], **change} if isinstance(state.values.get("layout"), dict) else change
        with pytest.raises(StorageError):
            Cells.from_state(state | State(values={"layout": layout}))


def test_training_rows_score_as_they_did_and_a_row_alone_as_in_a_batch(heard: Any) -> None:
    rows, _, plain, ensemble = heard
    X, evidence = rows[:, :3], rows[:, 3:]
    again = ensemble.cells.score(ensemble._base_scores(plain.train_scores, plain.member_scores), evidence)
    assert again.tolist() == ensemble.train_scores.tolist()
    assert ensemble.evidences == 4
    assert ensemble.features_of(rows).tolist() == X.tolist()
    new = new_rows()
    batch = ensemble.score(new)
    assert [ensemble.score(row[None])[0] for row in new] == batch.tolist()
    assert [ensemble.plain_score(row[None])[0] for row in new] == ensemble.plain_score(new).tolist()
    assert ensemble.score(new[:0]).shape == (0,)


def test_a_row_whose_cells_are_plainly_wrong_is_first_and_silence_keeps_the_order(heard: Any) -> None:
    _, _, plain, ensemble = heard
    assert ensemble.train_scores.argmax() == 7
    assert plain.train_scores.argmax() != 7
    silent = np.hstack([np.random.default_rng(3).normal(size=(100, 3)), np.zeros((100, 4))])
    base, final = plain.score(silent[:, :3]), ensemble.score(silent)
    assert np.corrcoef(base.argsort().argsort(), final.argsort().argsort())[0, 1] > 0.95
    # Without evidence, the score for explanations is the ensemble's own but for one number.
    apart = ensemble.plain_score(silent) - base / np.log(2)
    assert np.ptp(apart) < 1e-9


def test_more_said_of_a_rows_cells_never_lowers_its_score(heard: Any) -> None:
    _, _, _, ensemble = heard
    new = new_rows(200)
    before = ensemble.score(new)
    for j in range(4):
        more = new.copy()
        more[:, 3 + j] += 4.0
        assert (ensemble.score(more) >= before).all()


def test_equal_rows_have_equal_scores(heard: Any) -> None:
    _, _, _, ensemble = heard
    new = new_rows(20)
    assert ensemble.score(np.vstack([new, new[::-1]])).tolist() == [
        *ensemble.score(new).tolist(), *ensemble.score(new)[::-1].tolist(),
    ]  # fmt: skip


def test_the_record_says_what_cells_count(heard: Any) -> None:
    _, _, plain, ensemble = heard
    record = ensemble.record
    assert [share.detector for share in record.evidence] == list(DETECTORS)
    assert record.reasons[-1].code == "ENS-033"
    shares = record.reasons[-1].evidence
    assert shares["ensemble"] + sum(share.weight for share in record.evidence) == pytest.approx(1.0)
    assert sum(m.weight for m in record.members) == pytest.approx(1.0)
    assert plain.record.evidence == ()


def test_a_layout_without_detectors_known_to_the_fusion_is_heard_by_their_odds_alone() -> None:
    _, _, plain = live(N)
    layout = CellLayout.of({"a stranger": [0, 1]}, 2)
    said = bits()[:, :2]
    ensemble = plain.hearing(FUSION, Cells.of(JUDGE, layout, said), said, ["text", "text"])
    assert np.isfinite(ensemble.score(new_rows()[:, :5])).all()
    assert ensemble.record.evidence[0].weight == 0.0


def test_the_heaviest_members_hear_the_cells_as_well(heard: Any) -> None:
    rows, _, _, ensemble = heard
    quick = ensemble.heaviest(2)
    assert len(quick.detectors) == 2
    silent = rows[[7]].copy()
    silent[:, 3:] = 0.0
    for told in (quick, ensemble):
        assert told.plain_score(rows[[7]])[0] > told.plain_score(silent)[0] + 1.0


@pytest.mark.parametrize("taught", [True, False])
def test_smaller_ensembles_take_the_same_rows(heard: Any, taught: bool) -> None:
    rows, fitted, _, ensemble = heard
    inputs, scores = ensemble.inputs_and_scores(rows)
    aligned = Alignment.of(inputs[:, [0, 1]] @ np.array([0.5, 0.5]), scores)
    lacking = scores - aligned(inputs[:, [0, 1]] @ np.array([0.5, 0.5]))
    student = Student.taught(inputs[:, [0, 1]], rows, lacking, np.zeros(N), seed=0) if taught else None
    small = ensemble.smaller([0, 1], [0.5, 0.5], aligned, student)
    assert small.evidences == 4
    assert small.cells is None
    new = new_rows()
    assert small.score(new).shape == (40,)
    assert [small.score(row[None])[0] for row in new] == small.score(new).tolist()
    assert small.heaviest(1).plain_score(new).shape == (40,)
    if taught:  # explanations are of what it was taught as well
        assert small.heaviest(8).plain_score(new).tolist() == small.score(new).tolist()
    again = FittedEnsemble.from_state(small.to_state(), lambda member, i: fitted[i].detector, 3)
    assert again.score(new).tolist() == small.score(new).tolist()
    assert again.evidences == 4


def test_with_other_weights_cells_are_still_heard(heard: Any) -> None:
    rows, _, _, ensemble = heard
    other = ensemble.reweighed([0.1, 0.2, 0.3, 0.4])
    assert other.evidences == 4
    assert other.score(rows).argmax() == 7
    assert np.isfinite(other.score(new_rows())).all()
    member = Member(trial=9, configuration=ensemble.record.members[0].configuration, weight=0.2, quality=0.5,
                    diversity=0.1)  # fmt: skip
    wider = ensemble.with_member(member, ensemble.detectors[0], ensemble.distributions[0])
    assert wider.score(rows).argmax() == 7


def test_stored_and_loaded_it_scores_the_same(heard: Any) -> None:
    rows, fitted, _, ensemble = heard
    again = FittedEnsemble.from_state(ensemble.to_state(), lambda member, i: fitted[i].detector, 3)
    new = np.vstack([new_rows(), rows[:20]])
    assert again.score(new).tolist() == ensemble.score(new).tolist()
    assert again.plain_score(new).tolist() == ensemble.plain_score(new).tolist()
    assert again.record == ensemble.record


def test_a_damaged_state_is_refused(heard: Any) -> None:
    cells = heard[3].cells
    state = cells.to_state()
    assert WithCells.from_state(state).facts == cells.facts
    for what, damaged in damaged_states(state):
        if what.endswith(("gains is missing", "emphasis is a mapping")) or what == "facts is a mapping":
            continue
        with pytest.raises(StorageError):
            raise AssertionError(f"{what}: {WithCells.from_state(damaged)}")
    for facts in ({"rows": "a"}, 3, None, {"rows": []}):
        with pytest.raises(StorageError):
            WithCells.from_state(state | State(values={"facts": facts}))


@pytest.mark.parametrize(
    "values",
    [{"beside": -1}, {"beside": 10**9}, {"beside": "a"}, {"there": {}}, {"there": {"fused": 1}}, {"there": None}],
    ids=repr,
)
def test_an_ensemble_that_does_not_say_what_it_consists_of(heard: Any, values: dict[str, Any]) -> None:
    _, fitted, _, ensemble = heard
    with pytest.raises(StorageError):
        FittedEnsemble.from_state(ensemble.to_state() | State(values=values), lambda member, i: fitted[i].detector, 3)


def test_who_hears_no_cells_is_as_before() -> None:
    X, _, plain = live(N)
    assert plain.evidences == 0
    assert plain.plain_score(X).tolist() == plain.score(X).tolist()
    assert replace(plain, cells=None).inputs_and_scores(X)[1].tolist() == plain.score(X).tolist()


def test_rows_of_which_little_is_said_stand_in_the_members_order() -> None:
    said = np.linspace(0.0, 8.0, 200)
    rng = np.random.default_rng(0)
    own, ranks = rng.exponential(size=200), rng.exponential(size=(200, 5))
    facts = {"share categorical": 0.5, "share boolean": 0.25}
    out = in_order(facts, said, own, ranks)
    assert (in_order(facts, said + 0.01, own, ranks) >= out).all()  # more of the odds never lowers a score
    assert (in_order(facts, said, own, ranks + 0.01) > out).all()
    assert in_order(facts, said, own + 1.0, ranks).tolist() == out.tolist()
    usual = (1.0 - np.exp(-ranks)).mean(axis=1)
    low, high = said < 1.0, said > 6.0
    assert np.corrcoef(out[low], usual[low])[0, 1] > 0.7
    assert np.corrcoef(out[high], said[high])[0, 1] > 0.99
    assert [in_order(facts, said[[i]], own[[i]], ranks[[i]])[0] for i in range(9)] == out[:9].tolist()
    assert in_order(facts, said, own, np.empty((200, 0))).tolist() == said.tolist()


def test_in_tables_of_categories_alone_the_ensemble_counts_beside() -> None:
    said, own, ranks = np.zeros(9), np.arange(9.0), np.zeros((9, 2))
    assert np.ptp(in_order({"share categorical": 0.9, "share boolean": 0.0}, said, own, ranks)) == 0
    assert (np.diff(in_order({"share categorical": 2 / 3, "share boolean": 1 / 3}, said, own, ranks)) > 1).all()
