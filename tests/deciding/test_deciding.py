"""Share, threshold, labels, probabilities and confidence."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pynomaly_auto.deciding import DEFAULT_PRIOR, apply, confidence_of, decide, estimate_share, move
from pynomaly_auto.deciding._calibration import calibrate
from pynomaly_auto.deciding._learned import best_count
from pynomaly_auto.errors import InvalidInputError, SettingError
from pynomaly_auto.scoring import tail_ranks
from pynomaly_auto.settings import Settings

AUTO = Settings()


def table(n=1000, share=0.0, m=4, distance=8.0, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, 1)) + 0.7 * rng.normal(size=(n, m))
    raw[: round(share * n)] += distance
    members = np.column_stack([tail_ranks(column) for column in raw.T])
    return members.mean(axis=1), members, raw


def run(scores, members=None, **changes):
    scores = np.asarray(scores, dtype=float)
    keywords = {name: changes.pop(name) for name in ("probabilities", "member_raw", "seed") if name in changes}
    members = scores[:, None] if members is None else members
    return decide(scores, members, Settings(**changes), **{"seed": 0, **keywords})


class TestGivenContamination:
    @pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.1, 0.333, 0.5])
    def test_labels_exactly_that_many(self, share):
        scores, members, _ = table()
        verdict = run(scores, members, contamination=share)
        assert (verdict.labels == -1).sum() == round(share * 1000)
        assert verdict.contamination == share
        assert verdict.method == "given"
        assert (verdict.labels == -1).tolist() == (scores > verdict.threshold).tolist()

    def test_ties_at_the_cut_are_all_labelled_and_reported(self):
        verdict = run([1.0] * 90 + [2.0] * 8 + [3.0] * 2, contamination=0.05)
        assert (verdict.labels == -1).sum() == 10
        assert "DEC-031" in {r.code for r in verdict.reasons}

    def test_a_block_of_ties_larger_than_half_is_left_out(self):
        verdict = run([1.0] * 97 + [2.0] * 3, contamination=0.1)
        assert (verdict.labels == -1).sum() == 3

    @pytest.mark.parametrize("n", [1, 2, 3, 5, 10])
    def test_tiny_tables(self, n):
        for changes in ({"contamination": 0.5}, {"contamination": 0.1}, {"contamination": "auto"}, {"novelty": True}):
            verdict = run(np.arange(n, dtype=float), **changes)
            assert np.isfinite([verdict.threshold, *verdict.probabilities, *verdict.confidence]).all()
            if changes.get("contamination") == 0.5 and n > 1:
                assert (verdict.labels == -1).sum() == round(0.5 * n)

    def test_neighbouring_floats_are_told_apart(self):
        upper = np.nextafter(1.0, 2.0)
        verdict = run([1.0] * 9 + [upper], contamination=0.1)
        assert (verdict.labels == -1).sum() == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=60),
    st.sampled_from(["auto", 0.02, 0.2, 0.5]),
    st.booleans(),
)
def test_every_verdict_is_consistent(values, contamination, novelty):
    verdict = run(values, contamination=contamination, novelty=novelty)
    assert ((verdict.scores > verdict.threshold) == (verdict.labels == -1)).all()
    for part in (verdict.probabilities, verdict.confidence):
        assert ((part >= 0) & (part <= 1)).all()
    order = np.argsort(verdict.scores)
    assert (np.diff(verdict.probabilities[order]) >= 0).all()
    assert (np.diff(verdict.calibration.knots) > 0).all()
    assert (np.diff(verdict.calibration.values) >= 0).all()
    assert (verdict.labels == -1).sum() <= np.ceil(len(values) / 2)


def test_constant_scores_label_nothing():
    verdict = run(np.full(50, 0.7))
    assert (verdict.labels == 1).all()
    assert verdict.threshold == 0.7
    assert verdict.contamination == 0.0
    assert "DEC-032" in {r.code for r in verdict.reasons}
    assert apply(verdict.calibration, np.array([0.7, 0.8]))[1] >= 0.5
    assert verdict.probabilities.max() < 0.5


class TestAuto:
    @pytest.mark.parametrize("share", [0.01, 0.03, 0.15])
    def test_a_separate_group_is_sized(self, share):
        scores, members, raw = table(n=1500, share=share, distance=12)
        verdict = run(scores, members, member_raw=raw)
        assert abs(verdict.contamination - share) < 0.4 * abs(DEFAULT_PRIOR - share)
        assert "gap in the scores" in verdict.method

    def test_without_evidence_it_is_the_prior_and_says_so(self):
        scores, members, raw = table()
        verdict = run(scores, members, member_raw=raw)
        assert verdict.contamination == pytest.approx(DEFAULT_PRIOR, abs=0.01)
        assert verdict.method == "estimated from known tables"
        codes = [r.code for r in verdict.reasons]
        assert {"DEC-001", "DEC-010", "DEC-011", "DEC-020", "DEC-030"} <= set(codes)

    def test_joint_extremes_pull_even_without_magnitudes(self):
        rng = np.random.default_rng(0)
        raw = rng.normal(size=(2000, 6))
        raw[:40] += 4
        members = np.column_stack([tail_ranks(column) for column in raw.T])
        found = estimate_share(members.mean(axis=1), members, seed=0)
        assert 0.01 < found.share < 0.06
        assert "agreement" in found.method

    def test_evidence_makes_it_surer(self):
        scores, members, raw = table(share=0.03, distance=12)
        assert run(scores, members, member_raw=raw).spread < 0.6 < run(*table()[:2]).spread

    def test_far_outliers_do_not_break_the_density(self):
        scores, members, raw = table(share=0.02)
        raw[0] = 1e250
        assert 0.005 < run(scores, members, member_raw=raw).contamination < 0.06

    def test_large_tables_are_sampled(self):
        scores, members, raw = table(n=60_000, share=0.02, distance=12)
        assert run(scores, members, member_raw=raw).contamination == pytest.approx(0.02, abs=0.01)

    def test_constant_members_do_not_count(self):
        scores, members, _ = table()
        same = np.full((1000, 1), 0.7)
        assert np.isfinite(run(scores, np.hstack([members[:, :2], same])).contamination)
        assert np.isfinite(run(scores, np.hstack([members[:, :1], same, same])).contamination)

    def test_deterministic(self):
        scores, members, raw = table(share=0.05)
        one, two = (run(scores, members, member_raw=raw, seed=3) for _ in range(2))
        assert one.contamination == two.contamination
        assert one.confidence.tolist() == two.confidence.tolist()

    def test_target_metric_shifts_the_cut_but_not_the_estimate(self):
        scores, members, _ = table()
        found = {
            metric: run(scores, members, target_metric=metric) for metric in ("precision", "f1", "recall", "roc_auc")
        }
        labelled = {metric: int((v.labels == -1).sum()) for metric, v in found.items()}
        assert labelled["precision"] < labelled["f1"] == labelled["roc_auc"] < labelled["recall"]
        assert len({v.contamination for v in found.values()}) == 1
        exact = run(scores, members, target_metric="recall", contamination=0.1)
        assert (exact.labels == -1).sum() == 100


class TestNovelty:
    def test_few_false_alarms(self):
        scores, members, _ = table()
        assert (run(scores, members, novelty=True).labels == -1).mean() == pytest.approx(0.05)
        assert (run(scores, members, novelty=True, contamination=0.01).labels == -1).mean() == pytest.approx(0.01)


class TestCalibration:
    @pytest.mark.parametrize("share", [0.01, 0.1, 0.4])
    def test_half_at_the_threshold_and_the_share_on_average(self, share):
        verdict = run(*table(n=5000)[:2], contamination=share)
        assert apply(verdict.calibration, np.array([verdict.threshold]))[0] == pytest.approx(0.5)
        assert verdict.probabilities.mean() == pytest.approx(share, rel=0.05)
        assert ((verdict.probabilities > 0.5) == (verdict.labels == -1)).all()

    def test_gets_steeper_where_the_rows_at_the_cut_would_be_too_many(self):
        scores = np.concatenate([np.linspace(0, 1, 100), np.full(300, 1.9), np.full(5, 2.1)])
        found = calibrate(scores, 2.0, 0.05)
        assert apply(found, scores).mean() == pytest.approx(0.05, abs=0.01)

    def test_threshold_below_all_rows(self):
        scores = np.linspace(1, 2, 20)
        assert (apply(calibrate(scores, 0.5, 0.5), scores) >= 0.5).all()


class TestConfidence:
    @pytest.mark.parametrize("changes", [{}, {"contamination": 0.05}])
    def test_rises_with_the_distance_from_the_threshold(self, changes):
        verdict = run(*table(n=3000)[:2], **changes)
        grid = np.linspace(verdict.scores.min(), verdict.scores.max() + 1, 500)
        found = confidence_of(grid, verdict)
        above = grid > verdict.threshold
        assert (np.diff(found[above]) >= -1e-12).all()
        assert (np.diff(found[~above]) <= 1e-12).all()
        assert found.max() > 0.9
        assert found.min() == pytest.approx(0.5, abs=0.1)

    def test_unknown_contamination_makes_doubtful(self):
        scores, members, _ = table(n=3000)
        auto, told = run(scores, members), run(scores, members, contamination=0.1)
        assert auto.confidence.mean() < told.confidence.mean()

    def test_disagreeing_members_make_doubtful(self):
        scores, members, _ = table()
        verdict = run(scores, members)
        top = np.array([5.0])
        agreed = confidence_of(top, verdict, np.full((1, 4), 5.0))
        split = confidence_of(top, verdict, np.array([[9.0, 9.0, 1.0, 1.0]]))
        assert split[0] < 0.85 * agreed[0]
        assert agreed[0] == pytest.approx(confidence_of(top, verdict)[0], rel=0.02)

    def test_matches_labels_under_resampling(self):
        rng = np.random.default_rng(0)
        scores = np.sort(rng.exponential(size=400))
        verdict = run(scores, contamination=0.1)
        kept = np.zeros(400)
        for _ in range(300):
            cut = np.quantile(rng.choice(scores, 400), 0.9)
            kept += (scores > cut) == (verdict.labels == -1)
        assert np.abs(kept / 300 - confidence_of(scores, verdict)).mean() < 0.02

    def test_a_million_rows_in_seconds(self):
        verdict = run(*table()[:2])
        scores = np.random.default_rng(0).exponential(size=1_000_000)
        before = time.process_time()
        confidence_of(scores, verdict, scores[:, None])
        assert time.process_time() - before < 2

    def test_many_training_rows_are_interpolated(self):
        verdict = run(*table(n=20_000)[:2], contamination=0.02)
        assert (np.diff(np.sort(verdict.confidence)) < 0.2).all()


class TestMove:
    def test_contamination(self):
        verdict = run(*table()[:2])
        moved = move(verdict, contamination=0.2, member_scores=table()[1])
        assert (moved.labels == -1).sum() == 200
        assert (moved.contamination, moved.spread) == (0.2, 0.0)
        assert moved.reasons[: len(verdict.reasons)] == verdict.reasons
        assert any(r.code == "DEC-060" for r in moved.reasons)

    def test_threshold(self):
        verdict = run(*table()[:2])
        moved = move(verdict, threshold=np.float32(2.0))
        assert ((moved.scores > 2.0) == (moved.labels == -1)).all()
        assert moved.contamination == (moved.scores > 2.0).mean()
        assert apply(moved.calibration, np.array([2.0]))[0] == pytest.approx(0.5)
        assert (move(verdict, threshold=1e6).labels == 1).all()
        assert (move(verdict, threshold=-1).labels == -1).all()

    @pytest.mark.parametrize(
        "changes",
        [
            {}, {"contamination": 0.1, "threshold": 1.0}, {"contamination": 0.0}, {"contamination": 0.7},
            {"contamination": "many"}, {"contamination": True}, {"threshold": float("nan")}, {"threshold": "high"},
        ],
    )  # fmt: skip
    def test_mistakes(self, changes):
        with pytest.raises(SettingError):
            move(run(*table(n=50)[:2]), **changes)


@pytest.mark.parametrize(
    ("scores", "members"),
    [([], np.empty((0, 1))), ([1.0, 2.0], np.ones((3, 1))), ([1.0, np.nan], np.ones((2, 1))), ([1.0, 2.0], np.ones(2))],
)
def test_unusable_scores(scores, members):
    with pytest.raises(InvalidInputError):
        decide(np.array(scores), members, AUTO, seed=0)


class TestLearned:
    """With the knowledge base's probabilities the share is their mean and the cut where the expected F1 is largest."""

    def probabilities(self, scores, noise=0.02):
        p = 1 / (1 + np.exp(-2 * (scores - np.quantile(scores, 0.97))))
        return np.clip(p + np.random.default_rng(0).normal(0, noise, len(scores)), 0.001, 0.999)

    def test_share_cut_and_map_come_from_them(self):
        scores, members, _ = table()
        p = self.probabilities(scores)
        verdict = run(scores, members, probabilities=p)
        assert verdict.contamination == pytest.approx(p.mean(), abs=1e-6)
        assert verdict.method == "learned from known tables"
        order = np.argsort(scores)
        assert (np.diff(verdict.probabilities[order]) >= 0).all()
        assert verdict.probabilities == pytest.approx(apply(verdict.calibration, scores))
        assert not verdict.calibration.anchored
        count, _ = best_count(verdict.probabilities)
        assert (verdict.labels == -1).sum() == count
        assert {"DEC-023", "DEC-034"} <= {r.code for r in verdict.reasons}

    def test_the_expected_f1_is_the_largest(self):
        p = np.sort(np.random.default_rng(1).beta(0.3, 3, 200))[::-1]
        count, reached = best_count(p)
        k = np.arange(1, 201)
        assert reached == pytest.approx((2 * np.cumsum(p) / (k + p.sum())).max())
        assert count == 1 + np.argmax(2 * np.cumsum(p) / (k + p.sum()))

    def test_doubtful_probabilities_do_not_label_most_rows(self):
        assert best_count(np.full(1000, 0.05))[0] <= 250

    def test_a_target_metric_labels_fewer_or_more(self):
        scores, members, _ = table()
        p = self.probabilities(scores)
        found = [
            (run(scores, members, probabilities=p, target_metric=m).labels == -1).sum() for m in ("precision", "recall")
        ]
        assert found[0] < found[1]

    def test_a_given_share_moves_all_probabilities(self):
        scores, members, _ = table()
        verdict = run(scores, members, probabilities=self.probabilities(scores), contamination=0.2)
        assert verdict.probabilities.mean() == pytest.approx(0.2, abs=0.01)
        assert (verdict.labels == -1).mean() == pytest.approx(0.2, abs=0.01)

    def test_moving_the_share_shifts_the_map_and_moving_the_cut_does_not(self):
        scores, members, _ = table()
        verdict = run(scores, members, probabilities=self.probabilities(scores))
        more = move(verdict, contamination=0.3)
        assert more.probabilities.mean() == pytest.approx(0.3, abs=0.02)
        cut = move(verdict, threshold=float(np.quantile(scores, 0.5)))
        assert np.array_equal(cut.probabilities, verdict.probabilities)
        assert (cut.labels == -1).mean() == pytest.approx(0.5, abs=0.01)

    def test_no_two_scores_share_a_probability(self):
        scores, members, _ = table()
        verdict = run(scores, members, probabilities=np.where(scores > np.quantile(scores, 0.9), 0.4, 0.02))
        order = np.argsort(scores)
        distinct = np.diff(scores[order]) > 1e-9
        assert (np.diff(verdict.probabilities[order])[distinct] > 0).all()
        beyond = apply(verdict.calibration, np.array([scores.max() + 0.5]))[0]
        assert verdict.probabilities.max() < beyond < 0.41

    def test_novelty_does_not_use_them(self):
        scores, members, _ = table()
        assert run(scores, members, probabilities=self.probabilities(scores), novelty=True).calibration.anchored
