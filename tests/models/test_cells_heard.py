"""The judge of cells and the fusion that hears it: inputs by name, silence as nothing, rising, stored."""

from __future__ import annotations

import json
from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import (
    SILENT,
    CellFusion,
    CellJudge,
    Heard,
    cell_facts,
    cell_fusion_features,
    cell_fusion_inputs,
    cell_judge_features,
    cell_judge_inputs,
    cell_margin,
    rising,
    rising_in_cells,
)
from pynomaly_auto.records import FloatArray, State
from pynomaly_auto.testing import damaged_states, through_files

DETECTORS, MEMBERS = ("form", "pair"), ("knn", "hbos")
JUDGED = cell_judge_features(DETECTORS)
FUSED = cell_fusion_features(MEMBERS, DETECTORS)


def trees(X: FloatArray, y: FloatArray, signs: tuple[int, ...]) -> str:
    params = {
        "objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "seed": 0,
        "monotone_constraints": list(signs),
    }  # fmt: skip
    return str(lightgbm.train(params, lightgbm.Dataset(X, label=y), 20).model_to_string())


def spoken(n: int, seed: int = 0) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    said = rng.exponential(3.0, size=(n, 2)) * (rng.random((n, 2)) < 0.5)
    return said, np.where(said > 0, said + 1.0, 0.0), np.full((n, 2), 0.1)


def heard(n: int, seed: int = 0) -> Heard:
    rng = np.random.default_rng(seed)
    ranks = rng.exponential(size=(n, 2))
    bits, tails, _ = spoken(n, seed)
    return Heard(
        final=ranks.mean(axis=1), robust=ranks.mean(axis=1), members=MEMBERS, ranks=ranks, detectors=DETECTORS,
        bits=bits, tails=tails, largest=bits.max(axis=1), two=bits.sum(axis=1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def judge() -> CellJudge:
    inputs = cell_judge_inputs(JUDGED, DETECTORS, *spoken(1000))
    return CellJudge.of(JUDGED, trees(inputs, inputs[:, 0] + inputs[:, 1] > 5, rising_in_cells(JUDGED)))


@pytest.fixture(scope="module")
def fusion() -> CellFusion:
    told = heard(1000)
    X = cell_fusion_inputs(FUSED, told, cell_facts(told, ["numeric", "text"]))
    y = told.bits.sum(axis=1) + 2 * told.ranks[:, 0] > 6
    return CellFusion.of(FUSED, [trees(X, y, rising(FUSED)), trees(X, told.bits[:, 0] > 3, rising(FUSED))])


def test_inputs_of_cells_are_found_by_name_whoever_is_there() -> None:
    said, tails, speaks = spoken(40)
    both = cell_judge_inputs(JUDGED, DETECTORS, said, tails, speaks)
    assert both.dtype == np.float32
    assert both[:, JUDGED.index("tail=pair")] == pytest.approx(tails[:, 1], rel=1e-6)
    turned = cell_judge_inputs(JUDGED, DETECTORS[::-1], said[:, ::-1], tails[:, ::-1], speaks[:, ::-1])
    assert turned == pytest.approx(both, rel=1e-6)
    alone = cell_judge_inputs(JUDGED, ("pair", "a stranger"), said[:, ::-1], tails[:, ::-1], speaks[:, ::-1])
    assert not alone[:, [JUDGED.index(prefix + "form") for prefix in ("bits=", "tail=", "both=", "speaks=")]].any()
    assert alone[:, JUDGED.index("sum of bits")] == pytest.approx(said.sum(axis=1), rel=1e-6)


def test_cells_of_which_hardly_anything_is_said_are_silent(judge: CellJudge) -> None:
    said = np.array([[0.0, 0.0], [0.4, 0.6], [9.0, 9.0]])
    odds = judge.log_odds(DETECTORS, said, said, np.full((3, 2), 0.1))
    assert odds[:2].tolist() == [SILENT, SILENT]
    assert odds[2] > 0 > SILENT
    assert judge.log_odds(DETECTORS, said[:0], said[:0], said[:0]).shape == (0,)


def test_more_said_of_a_cell_never_lowers_its_odds(judge: CellJudge) -> None:
    said, tails, speaks = spoken(300, seed=1)
    odds = judge.log_odds(DETECTORS, said, tails, speaks)
    for j in range(2):
        more, rarer = said.copy(), tails.copy()
        more[:, j] += 2.0
        rarer[:, j] += 1.0
        assert (judge.log_odds(DETECTORS, more, rarer, speaks) >= odds).all()


def test_inputs_of_rows_hold_what_is_there_and_silence_is_nothing() -> None:
    told = heard(50)
    X = cell_fusion_inputs(FUSED, told, {"rows": 3.0})
    assert X[:, FUSED.index("table=rows")].tolist() == [3.0] * 50
    assert np.isnan(X[:, FUSED.index("table=columns")]).all()
    assert X[:, FUSED.index("rank=hbos")] == pytest.approx(told.ranks[:, 1], rel=1e-6)
    none = replace(
        told, members=(), ranks=np.empty((50, 0)), detectors=(), bits=np.empty((50, 0)), tails=np.empty((50, 0))
    )
    X = cell_fusion_inputs(FUSED, none, {})
    assert np.isnan(X[:, [FUSED.index(name) for name in ("rank mean", "rank=knn")]]).all()
    assert not X[:, [FUSED.index(name) for name in ("bits=form", "tail=pair", "both=pair", "sum of both")]].any()


def test_facts_of_a_table() -> None:
    told = heard(64)
    facts = cell_facts(told, ["numeric", "text", "text", "entity"])
    assert facts["rows"] == pytest.approx(np.log(64))
    assert (facts["share text"], facts["share numeric"], facts["share boolean"]) == (0.5, 0.25, 0.0)
    assert facts["speaks form"] == pytest.approx((told.bits[:, 0] > 0).mean())
    assert {f"table={name}" for name in facts} == {name for name in FUSED if name.startswith("table=")}
    flat = replace(told, final=np.zeros(64))
    assert cell_facts(flat, [])["agreement"] == 0.0
    assert np.isfinite(list(cell_facts(told.rows(slice(0, 1)), ["text"]).values())).all()


def test_context_counts_from_the_start_and_others_do_not() -> None:
    told = heard(30)
    X = cell_fusion_inputs(FUSED, told, {})
    assert cell_margin(FUSED, X) == pytest.approx(0.12 * told.both[:, 1], rel=1e-5)
    assert not cell_margin(("final",), X[:, :1]).any()


def test_more_evidence_or_higher_ranks_never_lower_a_rows_odds(fusion: CellFusion) -> None:
    told = heard(300, seed=2)
    facts = cell_facts(told, ["text"])
    odds = fusion.log_odds(told, facts)
    for name in ("final", "robust", "ranks", "bits", "tails", "largest", "two"):
        before = getattr(told, name)
        for step in (0.5, 5.0):
            # A detector's bits and its tail come together: one that was silent has none.
            assert (fusion.log_odds(replace(told, **{name: before + step}), facts) >= odds).all(), name


def test_rows_go_on_beyond_what_trees_have_seen(fusion: CellFusion) -> None:
    told = heard(3)
    far, farther = (replace(told, bits=told.bits + more, final=told.final + more) for more in (1e3, 2e3))
    assert (fusion.log_odds(farther, {}) > fusion.log_odds(far, {})).all()


def test_a_row_alone_has_the_odds_it_has_among_others(fusion: CellFusion, judge: CellJudge) -> None:
    told = heard(60, seed=3)
    facts = cell_facts(told, ["text"])
    alone = [fusion.log_odds(told.rows([i]), facts)[0] for i in range(60)]
    assert alone == fusion.log_odds(told, facts).tolist()
    said, tails, speaks = spoken(60, seed=4)
    one = [judge.log_odds(DETECTORS, said[[i]], tails[[i]], speaks[[i]])[0] for i in range(60)]
    assert one == judge.log_odds(DETECTORS, said, tails, speaks).tolist()


def test_shares_of_the_cell_detectors(fusion: CellFusion) -> None:
    shares = fusion.shares()
    assert set(shares) <= set(DETECTORS)
    assert all(0 <= share <= 1 for share in shares.values())
    assert 0 < sum(shares.values()) < 1
    assert fusion.members == MEMBERS
    assert fusion.detectors == DETECTORS


def test_detectors_that_the_models_were_not_learned_with_are_not_heard(judge: CellJudge, fusion: CellFusion) -> None:
    said, tails, speaks = spoken(200)
    wider = [np.column_stack([own[:, :1], 20.0 + own[:, 1], own[:, 1:]]) for own in (said, tails, speaks)]
    odds = judge.log_odds(("form", "later", "pair"), wider[0], wider[1], wider[2])
    assert np.array_equal(odds, judge.log_odds(DETECTORS, said, tails, speaks))
    told = heard(200)
    bits, ends = (np.column_stack([own, 20.0 + own[:, 0]]) for own in (told.bits, told.tails))
    more = replace(told, detectors=(*DETECTORS, "later"), bits=bits, tails=ends)
    facts = cell_facts(told, ["text"])
    assert facts == cell_facts(more.of(fusion.detectors), ["text"])
    assert np.array_equal(fusion.log_odds(more, facts), fusion.log_odds(told, facts))


def stored(state: State) -> State:
    return State(arrays=through_files(state).arrays, values=json.loads(json.dumps(dict(state.values))))


def test_stored_and_loaded_they_say_the_same(judge: CellJudge, fusion: CellFusion) -> None:
    again, same = CellJudge.from_state(stored(judge.to_state())), CellFusion.from_state(stored(fusion.to_state()))
    assert again.features == judge.features
    args = (DETECTORS, *spoken(40))
    assert again.log_odds(*args).tolist() == judge.log_odds(*args).tolist()
    told = heard(40)
    assert same.log_odds(told, {}).tolist() == fusion.log_odds(told, {}).tolist()
    assert same.features == fusion.features


@pytest.mark.parametrize("kind", [CellJudge, CellFusion])
def test_a_damaged_state_is_refused(kind: type, judge: CellJudge, fusion: CellFusion) -> None:
    state = (judge if kind is CellJudge else fusion).to_state()
    for what, damaged in damaged_states(state):
        if what.endswith("gains is missing"):
            continue
        with pytest.raises(StorageError):
            raise AssertionError(f"{what}: {kind.from_state(damaged)}")
    odd = {"features": [[], [1], ["a"], None, list(state.values["features"])[:-1]]}
    if kind is CellFusion:
        odd["forests"] = [0, 3, 10**9, True, "2", None]
    for name, values in odd.items():
        for value in values:
            with pytest.raises(StorageError):
                raise AssertionError(
                    f"{name}: {kind.from_state(State(arrays=state.arrays, values={**state.values, name: value}))}"
                )


def test_a_text_that_is_no_model_or_one_over_other_inputs() -> None:
    for text in ("", "tree\n", trees(np.random.default_rng(0).random((50, 2)), np.arange(50) % 2, (0, 0))):
        with pytest.raises(StorageError, match="judge of cells"):
            CellJudge.of(JUDGED, text)
        with pytest.raises(StorageError, match="fusion with cells"):
            CellFusion.of(FUSED, [text])
