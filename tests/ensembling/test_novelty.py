import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.ensembling import COMBINERS, Distribution, FittedEnsemble, choose_members, stronger_half
from pynomaly_auto.ensembling._distribution import tail_scale
from pynomaly_auto.records import Candidate, Configuration, Ensemble, Member, Ranking, Search, Step, Trial
from pynomaly_auto.scoring import tail_ranks
from pynomaly_auto.settings import Overrides, Settings
from pynomaly_auto.tuning._refit import FittedMember

COMBINER = COMBINERS["stronger half"]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
NAMES = ("knn", "hbos", "gmm")


def ensemble_of(names=NAMES, combiner=COMBINER, tail="exponential"):
    fitted = []
    for i, name in enumerate(names):
        detector, scores = fit_detector(DETECTORS[name], {}, X, seed=0)
        member = Member(
            trial=i, configuration=Configuration(detector=name), weight=1 / len(names), quality=0.5, diversity=0.5
        )  # fmt: skip
        fitted.append(FittedMember(member=member, detector=detector, scores=scores))
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=combiner)
    return FittedEnsemble.of(record, fitted, tail=tail)


def test_the_scale_is_that_of_an_exponential_tail():
    scores = np.sort(RNG.exponential(3.0, size=20_000))
    assert tail_scale(scores) == pytest.approx(3.0, rel=0.1)
    assert tail_scale(np.ones(5)) == 1.0
    assert tail_scale(np.arange(3.0)) > 0
    tail = Distribution.of(scores, bounded=False)
    beyond = tail(scores[-1] + np.array([0.0, 4.0, 1e300]) * tail.scale) - tail.ranks[-1]
    assert beyond == pytest.approx([0.0, 4.0, 1e12])


def test_what_is_saved_says_whether_it_is_bounded():
    far = np.array([50.0])
    bounded, tail = (Distribution.of(X[:, 0], bounded=b) for b in (True, False))
    for made in (bounded, tail):
        again = Distribution.from_state(made.to_state())
        assert again.bounded == made.bounded
        assert again(far) == made(far)
    assert tail(far) > bounded(far) + 10


def test_beyond_all_training_rows_the_distance_counts():
    ensemble = ensemble_of()
    near, far = ensemble.score(np.full((1, 4), 8.0)), ensemble.score(np.full((1, 4), 80.0))
    assert far[0] > near[0] + 10 > ensemble.train_scores.max() + 10
    plain = ensemble_of(combiner=COMBINERS["robust mean"], tail="bounded")
    assert plain.score(np.full((1, 4), 80.0))[0] < plain.member_scores.max() + 1
    inside = tail_ranks(fit_detector(DETECTORS["hbos"], {}, X, seed=0)[1])
    assert ensemble.member_scores[:, 1] == pytest.approx(inside)


def test_a_row_alone_is_scored_as_in_a_batch_and_after_loading():
    ensemble, new = ensemble_of(), RNG.normal(size=(40, 4)) * 3
    batch = ensemble.score(new)
    assert [ensemble.score(row[None])[0] for row in new] == pytest.approx(batch, rel=1e-12)
    again = FittedEnsemble.from_state(ensemble.to_state(), lambda member, i: ensemble.detectors[i], 4)
    assert np.array_equal(again.score(new), batch)
    assert ensemble.train_scores.shape == (300,)


def test_the_larger_half_counts():
    inputs = np.array([[1.0, 2.0, 3.0, 4.0], [9.0, 0.0, 0.0, 0.0], [5.0, 5.0, 5.0, 5.0]])
    assert stronger_half(inputs, [0.25] * 4) == pytest.approx([3.5, 4.5, 5.0])
    assert stronger_half(inputs[:, :3], [1 / 3] * 3) == pytest.approx([(3 + 2 / 2) / 1.5, 6.0, 5.0])
    assert stronger_half(inputs[:, :1], [1.0]) == pytest.approx([1.0, 9.0, 5.0])
    assert stronger_half(inputs[:, :2], [0.8, 0.2]) == pytest.approx([(0.2 * 2 + 0.3) / 0.5, 9.0, 5.0])


def search_of(*made):
    scores = X[:, 0]
    trials = [
        Trial(
            number=i, configuration=Configuration(detector=d, params=p), status="completed", quality=0.5, n_rows=300,
            scores=scores + i * X[:, 1],
        )
        for i, (d, p) in enumerate(made)
    ]  # fmt: skip
    return Search(trials=tuple(trials), stopped="done", seconds=1.0)


def ranking_of(*members):
    names = dict.fromkeys(name for name, _ in members)
    candidates = tuple(Candidate(detector=n, score=0.8, seconds=0.1, memory_mb=1.0) for n in (*names, "ecod", "mcd"))
    queue = tuple(Step(configuration=Configuration(detector=d, params=p), role="member") for d, p in members)
    return Ranking(candidates=candidates, source="rules", confidence=0.0, portfolio=tuple(names), queue=queue)


def test_members_known_beforehand_are_taken_with_equal_weights():
    members = (("knn", {"n_neighbors": 1}), ("knn", {"n_neighbors": 2, "view": "whitened"}), ("lof", {}))
    search = search_of(("ecod", {}), *members, ("knn", {"n_neighbors": 3}), ("mcd", {}))
    chosen = choose_members(search, ranking_of(*members), Settings(novelty=True))
    assert [(m.detector, m.params) for m in chosen.members] == list(members)
    assert {m.weight for m in chosen.members} == {1 / 3}
    assert {m.reasons[0].code for m in chosen.members} == {"ENS-018"}
    assert chosen.combiner == COMBINER
    assert [(left.detector, left.reason.code) for left in chosen.left_out] == [
        ("ecod", "ENS-017"), ("knn", "ENS-017"), ("mcd", "ENS-017"),
    ]  # fmt: skip
    forced = Settings(novelty=True, max_models=2, overrides=Overrides(force=("mcd",), reason="mine"))
    assert [m.detector for m in choose_members(search, ranking_of(*members), forced).members] == ["mcd", "knn"]


def test_without_any_of_them_members_are_chosen_as_ever():
    search = search_of(("ecod", {}), ("mcd", {}))
    chosen = choose_members(search, ranking_of(("knn", {"n_neighbors": 1})), Settings(novelty=True))
    assert [m.detector for m in chosen.members] == ["ecod", "mcd"]
    assert chosen.combiner == COMBINER
