"""The learned fusion bound to a table: blended, smoothed, stored, and the robust mean where it does not apply."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import lightgbm
import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.ensembling import (
    COMBINERS,
    Distribution,
    Expertise,
    FittedEnsemble,
    Fused,
    Neighbourhood,
    choose_members,
)
from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import (
    BaseMargin,
    Calibrator,
    Fusion,
    MemberScores,
    fusion_features,
    fusion_inputs,
    table_facts,
)
from pynomaly_auto.records import Candidate, Configuration, Ensemble, Member, Ranking, Reason, Search, State, Trial
from pynomaly_auto.settings import Settings
from pynomaly_auto.testing import damaged_states

NAMES = ("knn_mean", "iforest", "mcd", "hbos")


class Linear:
    def __init__(self, direction):
        self.direction = direction

    def score(self, X, shared=None):
        return (np.abs(X) * self.direction).sum(axis=1)


class Fitted:
    def __init__(self, number, name, X, weight):
        self.detector = Linear(np.roll([1.0, 0.3, 0.1], number))
        self.scores = self.detector.score(X)
        self.reasons = (Reason(code="TUN-041", subject=name, text="Fitted."),)
        self.member = Member(
            trial=number, configuration=Configuration(detector=name), weight=weight, quality=0.7, diversity=0.1
        )  # fmt: skip


def tuned(member, **params):
    return replace(member, configuration=member.configuration.fixing(params))


def model():
    rng = np.random.default_rng(5)
    ranks = rng.exponential(size=(800, 4))
    told = MemberScores(names=NAMES, ranks=ranks, magnitudes=np.log1p(ranks))
    features = fusion_features(NAMES)
    X = fusion_inputs(features, told, table_facts(told, n_features=3))
    data = lightgbm.Dataset(X, label=(ranks[:, 0] + ranks[:, 1] > 3.5).astype(int))
    params = {"objective": "binary", "verbosity": -1, "num_leaves": 7, "seed": 0, "num_threads": 1}
    return Fusion.of(features, [lightgbm.train(params, data, 25).model_to_string()], 0.7)


def live(n=300, trust=1.0, names=NAMES):
    X = np.random.default_rng(0).normal(size=(n, 3))
    fitted = [Fitted(i, name, X, w) for i, (name, w) in enumerate(zip(names, (0.6, 0.4, 0.0, 0.0), strict=False))]
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    expertise = Expertise(fusion=model(), trust=trust, X=X, seed=0)
    return X, fitted, FittedEnsemble.of(record, fitted, expertise)


def test_training_rows_score_as_they_did_and_a_row_alone_as_in_a_batch():
    _, _, ensemble = live()
    # A training row met again is not its own neighbour in training, so only the blend is compared.
    assert ensemble.fused is not None
    blended = ensemble.fused.around.scores
    member_scores = MemberScores(
        names=NAMES, ranks=ensemble.member_scores, magnitudes=np.zeros_like(ensemble.member_scores)
    )
    assert member_scores.ranks.shape == (300, 4)
    assert np.corrcoef(blended, ensemble.train_scores)[0, 1] > 0.97
    new = np.random.default_rng(1).normal(size=(40, 3)) * 2
    batch = ensemble.score(new)
    assert [ensemble.score(row[None])[0] for row in new] == batch.tolist()


def test_weights_count_both_combiners_and_say_so():
    _, _, ensemble = live()
    members = ensemble.record.members
    assert sum(m.weight for m in members) == pytest.approx(1.0)
    assert members[2].weight > 0  # by the fusion alone
    reason = ensemble.record.reasons[-1]
    assert reason.code == "ENS-030"
    assert reason.evidence["weight"] == pytest.approx(0.7)


def test_distance_from_the_known_takes_the_weight_back_to_the_robust_mean():
    _, fitted, near = live(trust=1.0)
    _, _, far = live(trust=0.1)
    _, _, unknown = live(trust=0.0)
    robust = FittedEnsemble.of(
        Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"]), fitted
    )
    assert near.fused.weight > far.fused.weight > 0
    assert unknown.fused is None
    assert unknown.train_scores.tolist() == robust.train_scores.tolist()
    assert unknown.record.reasons[-1].code == "ENS-031"


def test_the_base_margin_s_members_are_the_robust_mean_beside_the_fusion():
    X, fitted, _ = live()
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    line = BaseMargin(members=NAMES[1:], slope=2.0, intercept=0.0, share=0.5)
    ensemble = FittedEnsemble.of(
        record, fitted, Expertise(fusion=replace(model(), base_margin=line), trust=1.0, X=X, seed=0)
    )
    assert ensemble.to_state().arrays["robust"] == pytest.approx([0.0, 1 / 3, 1 / 3, 1 / 3])
    weights = [m.weight for m in ensemble.record.members]
    assert sum(weights) == pytest.approx(1.0)
    assert min(weights[1:]) > weights[0]
    # Of a table unlike all known ones: the base margin's mean alone, and who has no part in it is no member.
    ensemble = FittedEnsemble.of(
        record, fitted, Expertise(fusion=replace(model(), base_margin=line), trust=0.0, X=X, seed=0)
    )
    assert ensemble.to_state().arrays["robust"] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert ensemble.positions == (1, 2, 3)
    assert [(left.detector, left.reason.code) for left in ensemble.record.left_out] == [("knn_mean", "ENS-023")]
    assert ensemble.train_scores == pytest.approx(ensemble.member_scores.mean(axis=1))
    assert "no known table" in ensemble.record.reasons[-1].text
    few = replace(model(), base_margin=replace(line, members=("mcd", "a_stranger", "another")))
    own = FittedEnsemble.of(record, fitted, Expertise(fusion=few, trust=1.0, X=X, seed=0))
    assert own.to_state().arrays["robust"] == pytest.approx([0.6, 0.4, 0.0, 0.0])


def weighed(ensemble):
    """Member to the figures of the one reason that says what it counts."""
    found = {m.trial: [r for r in m.reasons if r.code == "ENS-006"] for m in ensemble.record.members}
    assert all(len(reasons) == 1 for reasons in found.values())
    return {trial: reasons[0] for trial, reasons in found.items()}


@pytest.mark.parametrize("trust", [1.0, 0.2, 0.0])
def test_every_member_s_reason_says_its_final_weight(trust):
    _, _, ensemble = live(trust=trust)
    said = weighed(ensemble)
    for member in ensemble.record.members:
        assert said[member.trial].evidence["weight"] == member.weight > 0
        assert f"Weight {member.weight:.1%} of the ensemble's score" in said[member.trial].text
    assert len(ensemble.record.members) + len(ensemble.record.left_out) == len(NAMES)
    head = ensemble.record.reasons[0]
    assert head.evidence["members"] == len(ensemble.record.members)


@pytest.mark.parametrize("trust", [1.0, 0.0])
@pytest.mark.parametrize("known", [True, False])
def test_who_is_to_have_a_share_has_it_in_the_score(trust, known):
    X, fitted, plain = live(trust=trust)
    if not known:  # parameters of one's own: the fusion knows nothing of it
        fitted[3].member = tuned(fitted[3].member, n_bins=3)
    fitted[3].member = replace(fitted[3].member, least_share=0.2)
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    line = BaseMargin(members=NAMES[:3], slope=2.0, intercept=0.0, share=0.5)
    fusion = replace(model(), base_margin=line, members=NAMES if known else NAMES[:3])
    ensemble = FittedEnsemble.of(record, fitted, Expertise(fusion=fusion, trust=trust, X=X, seed=0))
    weights = {m.detector: m.weight for m in ensemble.record.members}
    assert weights["hbos"] == pytest.approx(0.2)
    assert sum(weights.values()) == pytest.approx(1.0)
    assert "at least 20%" in weighed(ensemble)[3].text
    robust = ensemble.to_state().arrays["robust"]
    assert robust.sum() == pytest.approx(1.0)
    through = robust[-1] * (1.0 - (ensemble.fused.weight if ensemble.fused else 0.0))
    assert through == pytest.approx(0.2, abs=0.01)  # the fusion's own share in it is small
    assert np.argsort(np.argsort(ensemble.train_scores)).tolist() != np.argsort(np.argsort(plain.train_scores)).tolist()


def test_least_shares_hold_together_and_for_several():
    X, fitted, _ = live()
    for f, least in zip(fitted, (0.0, 0.3, 0.0, 0.3), strict=True):
        f.member = replace(f.member, least_share=least)
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    for expertise in (None, Expertise(fusion=model(), trust=1.0, X=X, seed=0)):
        ensemble = FittedEnsemble.of(record, fitted, expertise)
        weights = {m.detector: m.weight for m in ensemble.record.members}
        assert min(weights["iforest"], weights["hbos"]) >= 0.3 - 1e-12
        assert sum(weights.values()) == pytest.approx(1.0)


def test_too_few_known_members_leave_the_robust_mean():
    _, _, ensemble = live(names=("knn_mean", "iforest", "a_stranger"))
    assert ensemble.fused is None
    assert ensemble.record.reasons[-1].code == "ENS-031"


def test_tuned_members_are_not_taken_for_the_defaults():
    X, fitted, _ = live()
    fitted[1].member = tuned(fitted[1].member, n_estimators=50)
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    ensemble = FittedEnsemble.of(record, fitted, Expertise(fusion=model(), trust=1.0, X=X, seed=0))
    assert ensemble.fused is None  # three of four are too few for a model of four


@pytest.mark.parametrize("n", [30, 300])
def test_stored_and_loaded_it_scores_the_same(n):
    _, fitted, ensemble = live(n)
    fused = ensemble.fused
    again = FittedEnsemble.from_state(ensemble.to_state(), lambda member, i: fitted[i].detector, 3)
    new = np.random.default_rng(3).normal(size=(100, 3))
    assert again.score(new).tolist() == ensemble.score(new).tolist()
    assert (fused.around is None) == (n < 50)


@pytest.mark.parametrize("n", [30, 300])
def test_a_damaged_state_is_refused(n):
    fused = live(n)[2].fused
    state = fused.to_state()
    for what, damaged in damaged_states(state):
        if what == "facts is a mapping":  # and an empty one says that nothing is known
            continue
        with pytest.raises(StorageError):
            raise AssertionError(f"{what}: {Fused.from_state(damaged, n_features=3)}")
    for name, values in {
        "weight": [0, -1, 2, "a", True, None], "facts": [{"rows": "a"}, 3], "fusion.blend": [2, -1, None],
        "fusion.forests": [0, 3, 10**9, True], "fusion.features": [[], ["rank=a"], [1], None],
        "fusion.base_margin": [{"members": 3}, "a", {}, {"members": [1], "slope": 1.0, "intercept": 0.0, "share": 0.5}],
    }.items():  # fmt: skip
        for value in values:
            with pytest.raises(StorageError):
                Fused.from_state(State(arrays=state.arrays, values={**state.values, name: value}), 3)
    if fused.around is not None:
        with pytest.raises(StorageError):
            Fused.from_state(state, n_features=4)


def test_probabilities_need_a_fusion():
    _, _, ensemble = live()
    calibrator = calibrating("tail rank", 3)
    p = ensemble.probabilities(calibrator)
    assert p.shape == (300,)
    assert p[np.argmax(ensemble.train_scores)] == p.max()
    assert live(trust=0.0)[2].probabilities(calibrator) is None


def test_members_too_few_for_the_fusion_are_enough_to_be_calibrated():
    """Else the count of anomalies jumped where the fusion came into force (issue 20)."""
    _, _, few = live(names=NAMES[:1])
    assert few.fused is None
    assert few.train_scores.tolist() == few.member_scores[:, 0].tolist()
    reason = few.record.reasons[-1]
    assert (reason.code, reason.evidence["members"]) == ("ENS-031", 1)
    p = few.probabilities(calibrating("tail rank", 3))
    assert p[np.argmax(few.train_scores)] == p.max() > p.min()
    odds = few.probabilities(calibrating("log odds", float(np.median(few.train_odds))))
    assert np.ptp(odds) > 0  # the fusion's odds reach the calibrator, too
    assert live(names=("a stranger",))[2].probabilities(calibrating("tail rank", 3)) is None
    assert live(names=NAMES[:1], trust=0.0)[2].probabilities(calibrating("tail rank", 3)) is None


def calibrating(feature, middle):
    """A calibrator that looks at one input, above or below a point."""
    X = np.linspace(middle - 3, middle + 3, 200)[:, None]
    data = lightgbm.Dataset(X, label=(X[:, 0] > middle).astype(int))
    text = lightgbm.train({"objective": "binary", "verbosity": -1}, data, 10).model_to_string()
    return Calibrator.of((feature,), text)


class TestNeighbourhood:
    def test_a_lone_high_score_is_drawn_down_and_a_group_is_not(self):
        X = np.concatenate([np.random.default_rng(0).normal(size=(200, 2)), np.full((12, 2), 8.0)])
        scores = np.ones(212)
        scores[5] = 5.0
        scores[200:] = 5.0
        _, smooth = Neighbourhood.of(X, scores, seed=0)
        assert smooth[5] == pytest.approx(0.8 * 5 + 0.2)
        assert smooth[200:] == pytest.approx(5.0)

    def test_few_rows_and_wide_tables_are_left_alone(self):
        for shape in ((40, 2), (60, 200)):
            scores = np.random.default_rng(0).random(shape[0])
            made, smooth = Neighbourhood.of(np.random.default_rng(1).normal(size=shape), scores, seed=0)
            assert made is None
            assert smooth is scores

    def test_many_rows_lean_on_a_sample(self):
        X = np.random.default_rng(0).normal(size=(12_000, 2))
        made, smooth = Neighbourhood.of(X, X[:, 0], seed=0)
        assert len(made.rows) == DETECTORS["knn"].reference_size(12_000)
        assert np.corrcoef(smooth, X[:, 0])[0, 1] > 0.99


def test_members_of_the_fusion_only_come_along_without_weight():
    rng = np.random.default_rng(0)
    names = ("knn_mean", "iforest", "mcd", "hbos", "pca")
    trials = tuple(
        Trial(
            number=i,
            configuration=Configuration(detector=n),
            status="completed",
            quality=0.7,
            n_rows=200,
            scores=rng.random(200),
        )
        for i, n in enumerate(names)
    )
    candidates = tuple(Candidate(detector=n, score=0.7, seconds=0.1, memory_mb=1.0) for n in names)
    ranking = Ranking(candidates=candidates, source="rules", confidence=0.5, portfolio=names[:4])
    search = Search(trials=trials, stopped="done", seconds=1.0)
    fusion = Fusion(members=("pca", "lof"), features=(), forests=())
    chosen = choose_members(search, ranking, Settings(), fusion=fusion)
    weights = {m.detector: m.weight for m in chosen.members}
    assert weights["pca"] == 0
    assert sum(weights.values()) == pytest.approx(1.0)
    assert next(m for m in chosen.members if m.detector == "pca").reasons[0].code == "ENS-009"
    assert len(choose_members(search, ranking, Settings(max_models=2), fusion=fusion).members) == 2
    others = choose_members(search, ranking, Settings(), shape=(300, 4), fusion=fusion)  # to be fitted anew
    assert "pca" not in {m.detector for m in others.members}
    based = replace(
        fusion,
        members=("pca", "lof", "hbos"),
        base_margin=BaseMargin(members=("pca", "lof", "hbos"), slope=1.0, intercept=0.0),
    )
    again = choose_members(search, ranking, Settings(), shape=(300, 4), fusion=based)
    assert next(m for m in again.members if m.detector == "pca").reasons[0].code == "ENS-019"
    hurried = choose_members(search, ranking, Settings(), shape=(300, 4), seconds_left=0.0, fusion=based)
    assert "pca" not in {m.detector for m in hurried.members}


def test_without_time_for_the_fusion_the_record_says_so():
    _, fitted, _ = live()
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    ensemble = FittedEnsemble.of(record, fitted)
    assert [m.detector for m in ensemble.record.members] == ["knn_mean", "iforest"]
    assert [left.reason.code for left in ensemble.record.left_out] == ["ENS-023", "ENS-023"]
    assert ensemble.record.reasons[-1].code == "ENS-031"
    assert "no time" in ensemble.record.reasons[-1].text


@pytest.mark.parametrize("fused", [True, False])
def test_a_member_joins_and_nothing_that_was_there_changes(fused):
    X, fitted, ensemble = live(300)
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    if not fused:
        ensemble = FittedEnsemble.of(record, fitted)
    before, new = ensemble.score(X), np.random.default_rng(9).normal(size=(40, X.shape[1]))
    member = replace(fitted[0].member, weight=0.25, configuration=Configuration(detector="lof"), trial=99)
    other = fitted[1]
    wider = ensemble.with_member(member, other.detector, Distribution.of(other.scores))

    assert ensemble.score(X).tolist() == before.tolist()
    shares = {m.trial: m.weight for m in wider.record.members}
    assert shares[99] == pytest.approx(0.25)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert {t: w / 0.75 for t, w in shares.items() if t != 99} == pytest.approx(
        {m.trial: m.weight for m in ensemble.record.members}
    )
    assert wider.record.reasons[-1].code == "ENS-040"
    for m in wider.record.members:
        (told,) = [r for r in m.reasons if r.code == "ENS-006"]
        assert told.evidence["weight"] == m.weight
    # What the new member says moves the score by its share.
    assert np.corrcoef(wider.score(new), ensemble.score(new))[0, 1] > 0.9
    assert wider.score(new).tolist() != ensemble.score(new).tolist()
    assert wider.score(new[:1])[0] == pytest.approx(wider.score(new)[0], abs=1e-12)


def test_weighed_anew():
    X, fitted, ensemble = live(300)
    record = Ensemble(members=tuple(f.member for f in fitted), combiner=COMBINERS["robust mean"])
    same = ensemble.reweighed(ensemble.robust)
    assert same.score(X) == pytest.approx(ensemble.score(X), abs=1e-12)
    alone = ensemble.reweighed([2.0, 1.0, 1.0, 0.0], fused=0.0)
    assert alone.fused is None
    assert alone.robust == (0.5, 0.25, 0.25, 0.0)
    assert alone.score(X) == pytest.approx(alone.inputs_and_scores(X)[0] @ np.array(alone.robust), abs=1e-12)
    assert alone.record.combiner == COMBINERS["robust mean"]
    assert [m.weight for m in alone.record.members] == pytest.approx(list(alone.robust))
    more = ensemble.reweighed(ensemble.robust, fused=0.9)
    assert more.fused.weight == 0.9
    assert more.fused.around.scores.tolist() != ensemble.fused.around.scores.tolist()
    assert ensemble.fused.weight != 0.9
    with pytest.raises(FrozenInstanceError):
        ensemble.record = record
    for wrong in ([1.0], [0.0] * 4, [-1.0, 1.0, 1.0, 1.0]):
        with pytest.raises(ValueError, match="weights"):
            ensemble.reweighed(wrong)
    with pytest.raises(ValueError, match="fusion's weight"):
        ensemble.reweighed(ensemble.robust, fused=1.1)
    with pytest.raises(ValueError, match="fusion's weight"):
        FittedEnsemble.of(record, fitted).reweighed([0.5, 0.5], fused=0.5)
