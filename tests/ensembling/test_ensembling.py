import dataclasses

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, Cost, DetectorSpec
from pynomaly_auto.ensembling import COMBINERS, FittedEnsemble, choose_members
from pynomaly_auto.errors import NothingFinishedError
from pynomaly_auto.records import Candidate, Configuration, Ensemble, Member, Prediction, Ranking, Reason, Search, Trial
from pynomaly_auto.scoring import tail_ranks
from pynomaly_auto.settings import Overrides, Settings

N = 400


@pytest.fixture(autouse=True)
def _costs():
    list(DETECTORS)
    specs = [
        DetectorSpec(
            name=f"d{i}", title="-", family="statistical", target="x:y", paper="-", summary="-",
            cost=Cost(unit=0.01, n_power=2.0),
        )
        for i in range(12)
    ]  # fmt: skip
    for spec in specs:
        DETECTORS.add(spec)
    yield
    for spec in specs:
        DETECTORS.remove(spec.name)


def scores_of(noise, seed, base=0):
    common = np.random.default_rng(100 + base).gamma(2.0, size=N)
    return common + noise * np.random.default_rng(seed).normal(size=N)


def trial(number, detector, scores, quality=0.7, **more):
    values = {"status": "completed", "seconds": 0.1, "n_rows": N} | more
    made = Configuration(detector=detector, params=values.pop("params", {}))
    return Trial(number=number, configuration=made, quality=quality, scores=scores, **values)


def search_of(*trials):
    return Search(trials=tuple(trials), stopped="done", seconds=1.0)


def ranking_of(**strength):
    candidates = tuple(
        Candidate(detector=d, score=s, seconds=0.1, memory_mb=1.0)
        if i % 2
        else Candidate(
            detector=d, score=0.0, seconds=0.1, memory_mb=1.0,
            prediction=Prediction(quality=s, low=0.0, high=1.0, confidence=0.5),
        )
        for i, (d, s) in enumerate(strength.items())
    )  # fmt: skip
    return Ranking(candidates=candidates, source="rules", confidence=0.0)


def settings(**more):
    return Settings(time_budget=10.0, **more)


def codes(ensemble, detector=None):
    return [left.reason.code for left in ensemble.left_out if detector in (None, left.detector)]


def test_the_strongest_of_the_ranking_are_members_and_weak_ones_are_not():
    trials = [trial(i, f"d{i}", scores_of(0.5, i)) for i in range(8)]
    ranking = ranking_of(d0=0.8, d1=0.79, d2=0.78, d3=0.77, d4=0.5, d5=0.45, d6=0.4, d7=0.3)
    ensemble = choose_members(search_of(*trials), ranking, settings())
    assert [m.detector for m in ensemble.members] == ["d0", "d1", "d2", "d3"]
    assert ensemble.combiner == COMBINERS["robust mean"]
    assert sum(m.weight for m in ensemble.members) == pytest.approx(1.0)
    assert [m.reasons[0].code for m in ensemble.members] == ["ENS-002"] * 4
    assert not any("Weight" in str(r) for m in ensemble.members for r in m.reasons)  # what it is, is not known yet
    assert len(ensemble.members) + len(ensemble.left_out) == len(trials)
    assert codes(ensemble, "d7") == ["ENS-012"]
    assert all(0 < m.diversity < 1 for m in ensemble.members)


def test_a_diverse_one_of_equal_strength_joins():
    trials = [trial(i, f"d{i}", scores_of(0.3, i)) for i in range(4)] + [trial(4, "d4", scores_of(0.3, 4, base=7))]
    ranking = ranking_of(d0=0.8, d1=0.8, d2=0.8, d3=0.8, d4=0.79)
    ensemble = choose_members(search_of(*trials), ranking, settings())
    assert ensemble.members[-1].detector == "d4"
    assert ensemble.members[-1].reasons[0].code == "ENS-003"
    assert ensemble.members[-1].weight > ensemble.members[0].weight


def test_near_duplicates_constants_and_failures_are_left_out():
    same = scores_of(0.3, 0)
    trials = [
        trial(0, "d0", same), trial(1, "d1", 5 * same + 1e-6), trial(2, "d2", np.ones(N)),
        trial(3, "d3", None, quality=None, status="failed"), trial(4, "d4", scores_of(0.3, 4)),
        trial(5, "d5", scores_of(0.3, 5)), trial(6, "d6", scores_of(0.3, 6)),
        trial(7, "d7", scores_of(0.3, 6) + 1e-7),
    ]  # fmt: skip
    ranking = ranking_of(d0=0.8, d1=0.8, d2=0.8, d3=0.8, d4=0.8, d5=0.8, d6=0.8, d7=0.8)
    ensemble = choose_members(search_of(*trials), ranking, settings())
    assert [m.detector for m in ensemble.members] == ["d0", "d4", "d5", "d6"]
    assert codes(ensemble, "d1") == codes(ensemble, "d7") == ["ENS-011"]
    assert codes(ensemble, "d2") == ["ENS-010"]


def test_a_clearly_better_configuration_joins_its_default_once():
    trials = [trial(i, f"d{i}", scores_of(0.3, i)) for i in range(3)]
    trials += [
        trial(3, "d0", scores_of(0.3, 30), quality=0.76), trial(4, "d0", scores_of(0.3, 31), quality=0.75),
        trial(5, "d1", scores_of(0.3, 32), quality=0.71), trial(6, "d1", scores_of(0.3, 1), quality=0.9),
    ]  # fmt: skip
    ensemble = choose_members(search_of(*trials), ranking_of(d0=0.8, d1=0.8, d2=0.8), settings())
    assert [m.trial for m in ensemble.members] == [0, 1, 2, 3]
    assert ensemble.members[3].reasons[0].code == "ENS-005"
    assert sorted(codes(ensemble)) == ["ENS-011", "ENS-015", "ENS-026"]


def test_max_models_and_forced_detectors():
    trials = [trial(i, f"d{i}", scores_of(0.5, i)) for i in range(6)]
    ranking = ranking_of(d0=0.9, d1=0.9, d2=0.9, d3=0.9, d4=0.9, d5=0.1)
    given = settings(max_models=2, overrides=Overrides(force=("d5",)))
    ensemble = choose_members(search_of(*trials), ranking, given)
    assert [m.detector for m in ensemble.members] == ["d5", "d0"]
    assert ensemble.members[0].reasons[0].code == "ENS-004"
    assert "ENS-014" in codes(ensemble)
    only = choose_members(search_of(*trials), ranking, settings(max_models=1))
    assert [(m.weight, m.diversity) for m in only.members] == [(1.0, 0.0)]


def test_who_would_take_too_long_on_all_rows_is_left_out():
    trials = [trial(0, "d0", scores_of(0.5, 0), seconds=2.0), trial(1, "d1", scores_of(0.5, 1), seconds=0.001)]
    ranking = ranking_of(d0=0.9, d1=0.8)
    ensemble = choose_members(
        search_of(*trials), ranking, settings(), shape=(10 * N, 10), seconds_left=5.0
    )  # fmt: skip
    assert [m.detector for m in ensemble.members] == ["d1"]
    assert codes(ensemble, "d0") == ["ENS-013"]
    hurried = choose_members(
        search_of(*trials), ranking, settings(), shape=(10 * N, 10), seconds_left=0.0
    )  # fmt: skip
    assert [m.detector for m in hurried.members] == ["d1"]  # someone has to do it


def test_only_constants_still_give_an_ensemble_and_nothing_gives_an_error():
    ensemble = choose_members(search_of(trial(0, "d0", np.ones(N))), ranking_of(d0=0.5), settings())
    assert [m.detector for m in ensemble.members] == ["d0"]
    with pytest.raises(NothingFinishedError):
        choose_members(search_of(trial(0, "d0", None, status="failed")), ranking_of(d0=0.5), settings())


def test_a_detector_unknown_to_the_ranking_can_still_be_the_only_one():
    ensemble = choose_members(search_of(trial(0, "d9", scores_of(0.1, 1))), ranking_of(d0=0.9), settings())
    assert [m.detector for m in ensemble.members] == ["d9"]


class Linear:
    def __init__(self, direction):
        self.direction = direction

    def score(self, X, shared=None):
        return (X * self.direction).sum(axis=1)


class Fitted:
    def __init__(self, number, detector, X, weight):
        self.detector = detector
        self.scores = detector.score(X)
        self.reasons = (Reason(code="TUN-041", subject="d0", text="Fitted."),)
        self.member = Member(
            trial=number, configuration=Configuration(detector="d0"), weight=weight, quality=0.7, diversity=0.1
        )  # fmt: skip


def fitted_ensemble(n=500, seed=0):
    X = np.random.default_rng(seed).normal(size=(n, 3))
    fitted = [Fitted(i, Linear(np.eye(3)[i]), X, w) for i, w in enumerate((0.5, 0.3, 0.2))]
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    return X, fitted, record, FittedEnsemble.of(record, fitted)


def test_the_combined_score_is_the_weighted_mean_of_tail_ranks():
    X, _, _, live = fitted_ensemble()
    expected = sum(w * tail_ranks(X[:, i]) for i, w in enumerate((0.5, 0.3, 0.2)))
    assert live.train_scores == pytest.approx(expected)
    assert live.member_scores.shape == (500, 3)
    assert live.score(X) == pytest.approx(live.train_scores)
    assert "TUN-041" in {r.code for r in live.record.members[0].reasons}


def test_one_row_alone_scores_as_in_a_batch():
    _, _, _, live = fitted_ensemble()
    new = np.random.default_rng(9).normal(size=(50, 3)) * 3
    batch = live.score(new)
    assert [live.score(row[None])[0] for row in new] == batch.tolist()
    assert live.inputs_and_scores(new)[0].shape == (50, 3)
    assert live.score(new[:0]).shape == (0,)


def test_order_is_kept_beyond_the_training_rows():
    _, _, _, live = fitted_ensemble()
    got = live.score(np.array([[4.0] * 3, [5.0] * 3, [1e6] * 3, [-1e6] * 3]))
    assert got[0] < got[1] < got[2]
    assert got[2] < -np.log(0.5 / 500) + 1
    assert got[3] < 0.01


def test_missing_members_leave_their_weight_to_the_others():
    _, fitted, record, _ = fitted_ensemble()
    live = FittedEnsemble.of(record, fitted[:2])
    assert [m.weight for m in live.record.members] == pytest.approx([0.625, 0.375])
    assert live.record.reasons[-1].code == "ENS-020"
    assert [(left.trial, left.reason.code) for left in live.record.left_out] == [(2, "ENS-021")]
    said = [r for m in live.record.members for r in m.reasons if r.code == "ENS-006"]
    assert ["62.5%" in said[0].text, "37.5%" in said[1].text] == [True, True]
    with pytest.raises(NothingFinishedError):
        FittedEnsemble.of(record, [])


@pytest.mark.parametrize("n", [300, 20_000])
def test_stored_and_loaded_it_scores_the_same(n):
    X, fitted, _, live = fitted_ensemble(n)
    state = live.to_state()
    assert all(len(v) <= 4096 for v in state.arrays.values())
    again = FittedEnsemble.from_state(state, lambda member, i: fitted[i].detector, 3)
    assert again.record == live.record
    new = np.random.default_rng(3).normal(size=(200, 3)) * 2
    assert again.score(new).tolist() == live.score(new).tolist()
    assert again.train_scores.shape == (0,)
    exact = sum(w * tail_ranks(X[:, i]) for i, w in enumerate((0.5, 0.3, 0.2)))
    assert np.abs(live.train_scores - exact).max() < 0.01


def test_a_complete_portfolio_is_the_ensemble():
    trials = [trial(i, f"d{i}", scores_of(0.5, i)) for i in range(7)]
    ranking = ranking_of(d0=0.7, d1=0.7, d2=0.7, d3=0.7, d4=0.7, d5=0.72, d6=0.9)
    ranking = dataclasses.replace(ranking, portfolio=("d0", "d1", "d2", "d3", "d4", "d9"))
    ensemble = choose_members(search_of(*trials), ranking, settings())
    assert [m.detector for m in ensemble.members] == ["d0", "d1", "d2", "d3", "d4", "d6"]
    assert [m.reasons[0].code for m in ensemble.members] == ["ENS-007"] * 5 + ["ENS-008"]
    assert codes(ensemble, "d5") == ["ENS-016"]


def test_what_is_left_of_a_portfolio_is_filled_up():
    trials = [trial(i, f"d{i}", scores_of(0.5, i)) for i in range(6)]
    ranking = ranking_of(d0=0.8, d1=0.8, d2=0.79, d3=0.78, d4=0.5, d5=0.5)
    ranking = dataclasses.replace(ranking, portfolio=("d4", "d9"))
    ensemble = choose_members(search_of(*trials), ranking, settings())
    assert {"d4", "d0", "d1", "d2"} <= {m.detector for m in ensemble.members}


def test_twins_within_a_portfolio_count_once():
    same = scores_of(0.3, 0)
    trials = [trial(i, f"d{i}", same if i < 2 else scores_of(0.5, i)) for i in range(6)]
    ranking = dataclasses.replace(
        ranking_of(**{f"d{i}": 0.7 for i in range(6)}), portfolio=tuple(f"d{i}" for i in range(6))
    )
    ensemble = choose_members(search_of(*trials), ranking, settings(max_models=4))
    assert [m.detector for m in ensemble.members] == ["d0", "d2", "d3", "d4"]
    assert codes(ensemble, "d1") == ["ENS-011"]
