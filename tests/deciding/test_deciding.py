"""Share, threshold, labels, probabilities and confidence."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.special import expit, logit
from scipy.stats import norm

from pynomaly_auto.deciding import DEFAULT_PRIOR, Probabilities, confidence_of, decide, estimate_share, expect, move
from pynomaly_auto.deciding._calibration import at_threshold, calibrate
from pynomaly_auto.deciding._expecting import interval
from pynomaly_auto.deciding._serving import best_count
from pynomaly_auto.errors import InvalidInputError, SettingError
from pynomaly_auto.scoring import tail_ranks
from pynomaly_auto.settings import Settings
from tests.golden.figures import unsupported

AUTO = Settings()


def table(n=1000, share=0.0, m=4, distance=8.0, seed=0):
    rng = np.random.default_rng(seed)
    raw = rng.normal(size=(n, 1)) + 0.7 * rng.normal(size=(n, m))
    raw[: round(share * n)] += distance
    members = np.column_stack([tail_ranks(column) for column in raw.T])
    return members.mean(axis=1), members, raw


def run(scores, members=None, **changes):
    scores = np.asarray(scores, dtype=float)
    keywords = {name: changes.pop(name) for name in ("probabilities", "member_raw", "periods") if name in changes}
    if keywords.get("probabilities") is not None:
        keywords["probabilities"] = Probabilities(values=keywords["probabilities"])
    members = scores[:, None] if members is None else members
    return decide(scores, members, Settings(**{"random_state": 0, **changes}), **keywords)


def labelled(verdict):
    return int((verdict.labels == -1).sum())


class TestGivenContamination:
    @pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.1, 0.333, 0.5])
    def test_labels_exactly_that_many(self, share):
        scores, members, _ = table()
        verdict = run(scores, members, contamination=share)
        assert (verdict.labels == -1).sum() == round(share * 1000)
        assert verdict.contamination == share
        assert verdict.method == "given"
        assert (verdict.labels == -1).tolist() == (scores > verdict.threshold).tolist()

    @pytest.mark.parametrize(
        ("blocks", "found"), [((90, 8, 2), 2), ((97, 3), 3), ((90, 10), 0), ((90, 5, 5), 5), ((95, 5), 5)]
    )
    def test_a_tie_is_never_split_and_never_more_are_labelled(self, blocks, found):
        scores = np.concatenate([np.full(count, float(level)) for level, count in enumerate(blocks)])
        verdict = run(scores, contamination=0.05)
        assert labelled(verdict) == found
        assert ("DEC-031" in {r.code for r in verdict.reasons}) == (found != 5)

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
    share = {"auto": 0.5}.get(contamination, contamination)
    assert labelled(verdict) <= round(share * len(values))
    for score in np.unique(verdict.scores):
        assert len(set(verdict.labels[verdict.scores == score])) == 1
    assert (verdict.expectation is None) == novelty


def test_constant_scores_label_nothing():
    verdict = run(np.full(50, 0.7))
    assert (verdict.labels == 1).all()
    assert verdict.threshold == 0.7
    assert verdict.contamination == 0.0
    assert "DEC-032" in {r.code for r in verdict.reasons}
    assert verdict.calibration.at(np.array([0.7, 0.8]))[1] >= 0.5
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
        one, two = (run(scores, members, member_raw=raw, random_state=3) for _ in range(2))
        assert one.contamination == two.contamination
        assert one.confidence.tolist() == two.confidence.tolist()

    def test_target_metric_shifts_the_threshold_but_not_the_estimate(self):
        scores, members, _ = table()
        found = {
            metric: run(scores, members, target_metric=metric) for metric in ("precision", "f1", "recall", "roc_auc")
        }
        count = {metric: labelled(v) for metric, v in found.items()}
        assert count["precision"] < count["f1"] == count["roc_auc"] < count["recall"]
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
    def test_the_share_on_average_and_more_of_it_above_the_threshold(self, share):
        verdict = run(*table(n=5000)[:2], contamination=share)
        middle = at_threshold(share)
        assert verdict.calibration.at(np.array([verdict.threshold]))[0] == pytest.approx(middle)
        assert verdict.probabilities.mean() == pytest.approx(share, rel=0.05)
        assert ((verdict.probabilities > middle) == (verdict.labels == -1)).all()

    def test_of_the_labelled_rows_of_known_tables_about_one_in_five_is_real(self):
        # Four detectors on 105 tables without a knowledge base: .222 of the labelled rows, where .098 were labelled.
        told = run(*table(n=5000)[:2], contamination=0.1).expectation
        assert told.real / told.flagged == pytest.approx(0.222, abs=0.02)

    def test_half_at_the_threshold_where_all_rows_are_normal(self):
        verdict = run(*table(n=5000)[:2], novelty=True)
        assert verdict.calibration.at(np.array([verdict.threshold]))[0] == pytest.approx(0.5)
        assert ((verdict.probabilities > 0.5) == (verdict.labels == -1)).all()

    def test_gets_steeper_where_the_rows_at_the_threshold_would_be_too_many(self):
        scores = np.concatenate([np.linspace(0, 1, 100), np.full(300, 1.9), np.full(5, 2.1)])
        found = calibrate(scores, 2.0, 0.05)
        assert found.at(scores).mean() == pytest.approx(0.05, abs=0.01)

    def test_threshold_below_all_rows(self):
        scores = np.linspace(1, 2, 20)
        assert (calibrate(scores, 0.5, 0.5).at(scores) >= 0.5).all()


class TestConfidence:
    @pytest.mark.parametrize("changes", [{}, {"contamination": 0.05}, {"novelty": True}])
    def test_is_the_probability_that_the_label_is_right(self, changes):
        verdict = run(*table(n=3000)[:2], **changes)
        flagged = verdict.labels == -1
        assert np.array_equal(verdict.confidence[flagged], verdict.probabilities[flagged])
        assert verdict.confidence[~flagged] == pytest.approx(1 - verdict.probabilities[~flagged])

    def test_rises_with_the_distance_from_the_threshold(self):
        verdict = run(*table(n=3000)[:2])
        grid = np.linspace(verdict.scores.min(), verdict.scores.max() + 1, 500)
        above = grid > verdict.threshold
        found = confidence_of(verdict.calibration.at(grid), above)
        assert (np.diff(found[above]) >= 0).all()
        assert (np.diff(found[~above]) <= 0).all()


class TestExpectation:
    def test_counts_are_what_the_probabilities_add_up_to(self):
        p = np.sort(np.random.default_rng(0).beta(0.5, 2, 60))[::-1]
        found = expect(p)
        assert (found.flagged, found.first) == (60, 10)
        assert found.real == pytest.approx(p.sum())
        assert found.first_real == pytest.approx(p[:10].sum())
        assert 0 <= found.low < found.real < found.high <= 60

    @pytest.mark.parametrize("p", [np.empty(0), np.array([0.3]), np.zeros(5), np.ones(5), np.full(100_000, 0.2)])
    def test_edges(self, p):
        found = expect(p)
        assert 0 <= found.low <= found.high <= len(p)
        assert found.low <= round(found.real) <= found.high
        assert "nan" not in found.sentence()

    @pytest.mark.parametrize("rate", [0.05, 0.4, 0.9])
    def test_the_range_holds_as_often_as_it_says_where_tables_differ_as_assumed(self, rate):
        rng = np.random.default_rng(0)
        low, high = interval(np.full(400, rate), 0.8, 1.0)
        centre = brentq(
            lambda c: expit(logit(rate) + c + norm.ppf(np.linspace(0.001, 0.999, 999))).mean() - rate, -9, 9
        )
        counts = rng.binomial(400, expit(logit(rate) + centre + rng.normal(size=4000)))
        assert 0.77 <= ((counts >= low) & (counts <= high)).mean() <= 0.84

    def test_without_doubt_only_the_draw_is_left(self):
        low, high = interval(np.full(400, 0.5), 0.8, 0.0)
        assert (low, high) == pytest.approx((187, 213), abs=1)

    def test_sentence(self):
        said = run(*table(share=0.05, distance=12)[:2]).expectation.sentence()
        assert re.fullmatch(
            r"\d+ rows flagged; about \d+ of them \(\d+ to \d+\) are expected .* the first 10 with \d+\.", said
        )


class TestAlertBudget:
    @pytest.mark.parametrize(("budget", "most"), [(7, 7), (0.02, 20), (0.0005, 0), (5000, 100), ("12", 12)])
    def test_rows_and_shares(self, budget, most):
        scores, members, _ = table()
        verdict = run(scores, members, contamination=0.1, alert_budget=budget)
        assert labelled(verdict) == most
        assert "DEC-036" in {r.code for r in verdict.reasons}

    def test_no_period_has_more(self):
        scores, members, _ = table(share=0.02)
        periods = np.repeat(np.arange(10), 100)
        free = run(scores, members, contamination=0.1)
        verdict = run(scores, members, contamination=0.1, alert_budget="3/day", periods=periods)
        counts = np.bincount(periods[verdict.labels == -1], minlength=10)
        assert counts.max() == 3
        assert labelled(verdict) < labelled(free)
        order = np.argsort(-scores)
        assert np.bincount(periods[order[: labelled(verdict) + 1]]).max() == 4  # one more row would be one too many

    def test_holds_for_f1_and_novelty_too_but_not_against_the_hand(self):
        scores, members, _ = table()
        p = np.clip((scores - scores.min()) / np.ptp(scores), 0.01, 0.9)
        verdict = run(scores, members, probabilities=p, target_metric="f1", alert_budget=5)
        assert labelled(verdict) == 5
        assert labelled(run(scores, members, novelty=True, alert_budget=5)) == 5
        assert labelled(move(verdict, contamination=0.2)) == 200

    def test_a_tie_beyond_it_is_left_out(self):
        assert labelled(run([1.0] * 90 + [2.0] * 8 + [3.0] * 2, contamination=0.1, alert_budget=6)) == 2

    @pytest.mark.parametrize(
        "bad", [0, -3, 1.0, 1.5, 0.0, float("nan"), "many", "20/fortnight", "0/day", "/day", True, []]
    )
    def test_what_it_cannot_be(self, bad):
        with pytest.raises(SettingError, match="alert_budget"):
            Settings(alert_budget=bad)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [("2%", 0.02), ("20 / Day", "20/day"), ("3 per weeks", "3/week"), (np.int64(4), 4), (0.5, 0.5)],
    )
    def test_what_it_can_be(self, given, kept):
        assert Settings(alert_budget=given).alert_budget == kept
        assert Settings(alert_budget=kept).alert_budget == kept


class TestMove:
    def test_contamination(self):
        verdict = run(*table()[:2])
        moved = move(verdict, contamination=0.2)
        assert (moved.labels == -1).sum() == 200
        assert moved.contamination == 0.2
        assert moved.reasons[: len(verdict.reasons)] == verdict.reasons
        assert any(r.code == "DEC-060" for r in moved.reasons)

    def test_threshold(self):
        verdict = run(*table()[:2])
        moved = move(verdict, threshold=np.float32(2.0))
        assert ((moved.scores > 2.0) == (moved.labels == -1)).all()
        assert moved.contamination == (moved.scores > 2.0).mean()
        assert moved.calibration.at(np.array([2.0]))[0] == pytest.approx(at_threshold(moved.contamination))
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
        decide(np.array(scores), members, AUTO)


class TestLearned:
    """With the knowledge base's probabilities the share is their mean, and as many rows are labelled."""

    def probabilities(self, scores, noise=0.02):
        p = 1 / (1 + np.exp(-2 * (scores - np.quantile(scores, 0.97))))
        return np.clip(p + np.random.default_rng(0).normal(0, noise, len(scores)), 0.001, 0.999)

    def test_share_threshold_and_map_come_from_them(self):
        scores, members, _ = table()
        p = self.probabilities(scores)
        verdict = run(scores, members, probabilities=p)
        assert verdict.contamination == pytest.approx(p.mean(), abs=1e-6)
        assert verdict.method == "learned from known tables"
        order = np.argsort(scores)
        assert (np.diff(verdict.probabilities[order]) >= 0).all()
        assert verdict.probabilities == pytest.approx(verdict.calibration.at(scores))
        assert not verdict.calibration.single_point
        assert labelled(verdict) == round(p.sum())
        assert verdict.expectation.flagged == labelled(verdict)
        assert {"DEC-023", "DEC-035"} <= {r.code for r in verdict.reasons}

    def test_the_target_f1_cuts_where_it_is_expected_to_be_largest(self):
        scores, members, _ = table()
        verdict = run(scores, members, probabilities=self.probabilities(scores), target_metric="f1")
        count, _ = best_count(verdict.probabilities, 1.0, 250)
        assert labelled(verdict) == count
        said = next(r for r in verdict.reasons if r.code == "DEC-034")
        assert f"{round(verdict.probabilities.sum())} anomalies are expected" in said.text

    @pytest.mark.parametrize("metric", [None, "roc_auc", "average_precision"])
    def test_other_targets_label_what_is_expected(self, metric):
        scores, members, _ = table()
        p = self.probabilities(scores)
        assert labelled(run(scores, members, probabilities=p, target_metric=metric)) == round(p.sum())

    def test_the_expected_f1_is_the_largest(self):
        p = np.sort(np.random.default_rng(1).beta(0.3, 3, 200))[::-1]
        count, reached = best_count(p, 1.0, 200)
        k = np.arange(1, 201)
        assert reached == pytest.approx((2 * np.cumsum(p) / (k + p.sum())).max())
        assert count == 1 + np.argmax(2 * np.cumsum(p) / (k + p.sum()))

    def test_doubtful_probabilities_do_not_label_most_rows(self):
        scores, members, _ = table()
        found = run(scores, members, probabilities=np.full(1000, 0.05), target_metric="f1")
        assert labelled(found) <= 250

    def test_precision_never_labels_more_than_are_expected(self):
        scores, members, _ = table()
        p = np.where(scores > np.quantile(scores, 0.6), 0.2, 0.02)
        found = {m: labelled(run(scores, members, probabilities=p, target_metric=m)) for m in ("precision", "f1", None)}
        assert found["precision"] <= found[None] == round(p.sum()) < found["f1"]

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

    def test_moving_the_share_shifts_the_map_and_moving_the_threshold_does_not(self):
        scores, members, _ = table()
        verdict = run(scores, members, probabilities=self.probabilities(scores))
        more = move(verdict, contamination=0.3)
        assert more.probabilities.mean() == pytest.approx(0.3, abs=0.02)
        moved = move(verdict, threshold=float(np.quantile(scores, 0.5)))
        assert np.array_equal(moved.probabilities, verdict.probabilities)
        assert (moved.labels == -1).mean() == pytest.approx(0.5, abs=0.01)
        again = move(moved, threshold=moved.threshold + 0.1)
        assert moved.contamination == again.contamination == verdict.contamination
        assert moved.method == again.method == f"{verdict.method}; threshold set by the user"
        assert moved.expectation.real == pytest.approx(moved.probabilities[moved.labels == -1].sum())

    def test_no_two_scores_share_a_probability(self):
        scores, members, _ = table()
        verdict = run(scores, members, probabilities=np.where(scores > np.quantile(scores, 0.9), 0.4, 0.02))
        order = np.argsort(scores)
        distinct = np.diff(scores[order]) > 1e-9
        assert (np.diff(verdict.probabilities[order])[distinct] > 0).all()
        beyond = verdict.calibration.at(np.array([scores.max() + 0.5]))[0]
        assert verdict.probabilities.max() < beyond < 0.41

    def test_novelty_does_not_use_them(self):
        scores, members, _ = table()
        assert run(scores, members, probabilities=self.probabilities(scores), novelty=True).calibration.single_point


@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {}, {"contamination": 0.07}, {"target_metric": "f1"}, {"target_metric": "recall", "alert_budget": 3},
        {"alert_budget": 0.025}, {"alert_budget": 900}, {"alert_budget": "2/week"},
        {"novelty": True, "alert_budget": 7},
    ],
)  # fmt: skip
def test_every_figure_in_a_reason_is_among_its_evidence(learned, changes):
    scores, members, _ = table(share=0.03)
    scores = scores.round(1)  # ties at the threshold
    p = np.clip((scores - scores.min()) / np.ptp(scores), 0.01, 0.9) ** 2 if learned else None
    verdict = run(scores, members, probabilities=p, periods=np.arange(1000) // 100, **changes)
    for said in (verdict, move(verdict, contamination=0.06), move(verdict, threshold=2.125)):
        for reason in said.reasons:
            assert unsupported(reason) == [], reason.text
