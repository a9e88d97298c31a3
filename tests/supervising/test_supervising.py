"""Learning from labels: what is learned, how it is weighed and judged, and what stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score, roc_auc_score

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Calibration, Labels, State
from pynomaly_auto.supervising import Kinship, Rows, Supervised, Told, learning_seconds, measure, supervise
from pynomaly_auto.supervising._affording import rows_within
from pynomaly_auto.supervising._folds import splits
from pynomaly_auto.supervising._learners import LEARNERS, MOST_TAUGHT, Taught, learners_for
from pynomaly_auto.supervising._performance import _Resampled
from pynomaly_auto.supervising._weighing import BASE, before_labels, held_back, weigh

N = 600
LEVEL = float(logit(0.05))


def table(seed=0):
    """A score that sees one kind of anomaly, is fooled by odd rows that are none, and misses another kind."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, 6))
    y = np.zeros(N, dtype=int)
    X[:30, 0] += 4.0  # seen
    X[30:60, 1] -= 4.0  # anomalies that the score does not see
    X[60:100, 2] += 5.0  # odd, and nobody minds
    y[:60] = 1
    scores = np.maximum(X[:, 0], 0) + np.maximum(X[:, 2], 0) + 0.1 * rng.normal(size=N)
    order = np.sort(scores)
    calibration = Calibration(knots=order, values=np.linspace(0.001, 0.4, N), single_point=False)
    inputs = np.column_stack([X, scores]).astype(np.float32)
    return Rows(inputs=inputs, n_columns=6, scores=scores, calibration=calibration, share=0.05), y


def labels(y, rows):
    values = np.full(len(y), -1, dtype=np.int8)
    values[rows] = y[rows]
    return Labels(values=values)


def learned(rows, y, known, **keywords):
    return supervise(rows, labels(y, known), seed=0, **keywords)


class TestWhatTimeThereIs:
    def test_little_time_is_kept_to_by_learning_from_fewer_rows_and_said(self):
        rows, y = table()
        known = np.arange(0, N, 2)
        brief, long = (learned(rows, y, known, seconds=seconds) for seconds in (0.3, 60.0))
        reason = next(r for r in brief.record.reasons if r.code == "SUP-013")
        assert reason.evidence == {"rows": 111, "labelled": 300}
        assert "0.3 s" in reason.text
        assert "SUP-013" not in {r.code for r in long.record.reasons}
        np.testing.assert_array_equal(long.scores, learned(rows, y, known).scores)
        unseen = np.setdiff1d(np.arange(N), known)
        assert average_precision_score(y[unseen], brief.scores[unseen]) > 0.8
        assert len(brief.honest[0]) == 300  # all of them judge

    @pytest.mark.parametrize("n_labelled", [1, 300, 2_000, 2_001, 50_000])
    def test_the_time_it_is_expected_to_take_is_enough_for_it(self, n_labelled):
        assert rows_within(None, n_labelled, 10_000) == MOST_TAUGHT
        expected = learning_seconds(n_labelled, 10_000)
        assert rows_within(expected + 1e-6, n_labelled, 10_000) >= min(n_labelled, MOST_TAUGHT)
        found = [rows_within(seconds, n_labelled, 10_000) for seconds in (0.0, 0.5, 2.0, 5.0, 30.0)]
        assert found == sorted(found)
        assert found[0] == 50


class TestWhatIsLearned:
    @pytest.mark.parametrize("count", [12, 40, 200])
    def test_labels_find_what_the_score_does_not_see(self, count):
        rows, y = table()
        known = np.random.default_rng(1).permutation(np.r_[0:100, 100:400])[:count]
        found = learned(rows, y, known)
        rest = np.setdiff1d(np.arange(N), known)
        before = average_precision_score(y[rest], rows.scores[rest])
        after = average_precision_score(y[rest], found.scores[rest])
        assert after > before + 0.05

    def test_anomalies_alone_are_enough(self):
        rows, y = table()
        known = np.r_[0:5, 30:40]
        found = learned(rows, y, known)
        rest = np.setdiff1d(np.arange(N), known)
        assert average_precision_score(y[rest], found.scores[rest]) > average_precision_score(
            y[rest], rows.scores[rest]
        )
        assert found.record.completeness == "positive only"
        assert found.record.performance is None
        assert not len(found.honest[0])

    def test_normal_rows_alone_leave_the_order(self):
        rows, y = table()
        known = np.arange(60, 90)
        found = learned(rows, y, known)
        rest = np.setdiff1d(np.arange(N), known)
        assert (np.argsort(found.scores[rest]) == np.argsort(rows.scores[rest], kind="stable")).all()
        before = rows.calibration.at(rows.scores[rest]).mean()
        assert found.probabilities[rest].mean() < before
        assert "SUP-012" in {reason.code for reason in found.record.reasons}

    @pytest.mark.parametrize("kind", [0, 1])
    def test_all_rows_of_one_kind(self, kind):
        rows, _ = table()
        found = supervise(rows, Labels(values=np.full(N, kind, dtype=np.int8)), seed=0)
        assert ((found.probabilities > 0.5) == bool(kind)).all()

    def test_one_label(self):
        rows, y = table()
        for row in (0, 300):
            assert np.isfinite(learned(rows, y, np.array([row])).scores).all()

    def test_same_seed_same_answer(self):
        rows, y = table()
        one, other = (learned(rows, y, np.arange(0, 600, 9)).scores for _ in range(2))
        assert (one == other).all()

    @pytest.mark.parametrize(("anomalies", "kept"), [(100, 100), (500, 200), (950, 350)])
    def test_of_too_many_labels_some_stand_for_all_of_their_kind(self, anomalies, kept):
        target = (np.arange(1000) < anomalies).astype(float)
        taught = Taught(inputs=np.zeros((1000, 1), dtype=np.float32), target=target, weight=np.ones(1000))
        assert taught.at_most(1000, seed=0) is taught
        few = taught.at_most(400, seed=0)
        assert len(few.target) == 400
        assert few.target.sum() == kept
        assert few.weight @ few.target == pytest.approx(anomalies)
        assert few.weight.sum() == pytest.approx(1000)

    def test_many_labels_are_learned_by_boosting_too(self):
        assert learners_for(10) == ("forest", "forest of columns")
        assert "boosting" in learners_for(500)
        assert "forest" in learners_for(500)
        assert learners_for(50_000) == ("boosting", "boosting of columns")


class TestWhatIsKnown:
    def test_known_rows_are_what_they_were_said_to_be(self):
        rows, y = table()
        known = np.arange(0, N, 7)
        found = learned(rows, y, known)
        assert ((found.probabilities[known] > 0.999) == (y[known] == 1)).all()
        assert ((found.probabilities[known] < 0.001) == (y[known] == 0)).all()


class TestWeights:
    def test_few_labels_prove_little(self):
        rng = np.random.default_rng(0)
        y = (rng.random(400) < 0.3).astype(float)
        base, said = LEVEL + rng.normal(size=400), (4 * y - 2 + rng.normal(size=400))[:, None]
        few, many = (weigh(base[:n], said[:n], y[:n], LEVEL) for n in (6, 400))
        assert abs(few.base - BASE[0]) < abs(many.base - BASE[0])

    def test_an_answer_that_is_always_wrong_loses_its_weight(self):
        rng = np.random.default_rng(0)
        y = (rng.random(2000) < 0.3).astype(float)
        found = weigh(LEVEL - 3 * y + rng.normal(size=2000), rng.normal(size=(2000, 1)), y, LEVEL)
        assert found.base == pytest.approx(0.0, abs=0.05)

    def test_held_back_means_no_more_than_that(self):
        odds = np.random.default_rng(0).normal(size=500)
        weights = before_labels(1, LEVEL)
        less = held_back(weights, odds, 0.1)
        assert expit(odds + less.shift - weights.shift).mean() == pytest.approx(0.1)
        assert held_back(weights, odds - 20, 0.1) == weights

    def test_labels_that_somebody_chose_do_not_make_every_row_an_anomaly(self):
        rows, y = table()
        known = np.r_[0:40, 200:240]  # half of the labels are anomalies, one in ten rows is
        found = learned(rows, y, known)
        rest = np.setdiff1d(np.arange(N), known)
        assert found.probabilities[rest].mean() <= 4 * rows.share + 1e-9


class TestFolds:
    target = (np.arange(60) % 4 == 0).astype(float)

    def test_every_row_is_judged_once_and_never_by_itself(self):
        parts, how, _ = splits(self.target, Kinship(), seed=0)
        assert sorted(np.concatenate([judge for _, judge in parts])) == list(range(60))
        assert all(not set(learn) & set(judge) for learn, judge in parts)
        assert "5 parts" in how

    def test_groups_stand_on_one_side(self):
        groups = np.arange(60) // 3
        parts, *_ = splits(self.target, Kinship(groups=groups), seed=0)
        assert parts
        assert all(not set(groups[learn]) & set(groups[judge]) for learn, judge in parts)

    def test_in_time_rows_are_judged_by_earlier_ones(self):
        moments = np.random.default_rng(0).permutation(60).astype(float)
        parts, how, _ = splits(self.target, Kinship(moments=moments), seed=0)
        assert parts
        assert all(moments[learn].max() < moments[judge].min() for learn, judge in parts)
        assert "earlier" in how

    def test_equal_rows_tell_nothing_of_each_other_whatever_rows_are_parted_by(self):
        equal = np.random.default_rng(0).permutation(np.arange(60) % 40)
        moments = np.random.default_rng(1).permutation(60).astype(float)
        for kinship in (
            Kinship(equal=equal),
            Kinship(equal=equal, groups=np.arange(60) // 3),
            Kinship(equal=equal, moments=moments),
        ):
            parts, how, _ = splits(self.target, kinship, seed=0)
            assert parts
            assert all(not set(equal[learn]) & set(equal[judge]) for learn, judge in parts)
        assert "earlier" in how  # two equal rows somewhere are no reason to look into the future
        assert splits(self.target, Kinship(equal=np.zeros(60, dtype=int)), seed=0)[0] == []
        how = splits(self.target, Kinship(equal=np.zeros(60, dtype=int), groups=np.arange(60)), seed=0)[1]
        assert how.startswith("not measured")

    def test_rows_beside_are_no_kin_and_no_later_ones(self):
        kinship = Kinship(groups=np.array([0, 1, 1, 2, 3]), moments=np.array([0.0, 1, 2, 3, np.nan]))
        assert kinship.strangers(np.array([0, 1, 3, 4]), np.array([2])).tolist() == [0, 3, 4]
        assert kinship.strangers(np.array([0, 1, 3, 4]), np.array([2]), earlier=True).tolist() == [0]

    def test_too_few_of_a_kind_judge_nothing(self):
        assert splits(np.array([1.0, 0, 0, 0]), Kinship(), seed=0)[0] == []


class TestPerformance:
    def test_figures_with_intervals(self):
        rng = np.random.default_rng(0)
        target = (np.arange(200) < 40).astype(np.int64)
        odds = target * 2.0 + rng.normal(size=200) - 1
        told = Told(odds=odds, before=rng.normal(size=200), target=target, how="cross-validated")
        found, reason = measure(told, threshold=0.0, seed=0)
        flagged = odds > 0
        assert found.precision.value == pytest.approx(target[flagged].mean())
        assert found.recall.value == pytest.approx(flagged[:40].mean())
        for figure in (found.precision, found.recall, found.f1, found.roc_auc, found.average_precision, found.before):
            assert 0 <= figure.low <= figure.value <= figure.high <= 1
        assert found.average_precision.low > found.before.high
        assert f"{found.average_precision.value:.2f}" in reason.text

    def test_draws_are_measured_as_their_rows_would_be(self):
        rng = np.random.default_rng(0)
        target = (np.arange(80) < 20).astype(np.int64)
        told = Told(odds=np.round(target + rng.normal(size=80), 1), before=rng.normal(size=80), target=target, how="")
        resampled = _Resampled(told, 0.5, None)
        for _ in range(20):
            at = rng.choice(80, 80)
            y, odds, flagged = target[at], told.odds[at], told.odds[at] > 0.5
            expected = {
                "precision": precision_score(y, flagged), "recall": recall_score(y, flagged),
                "f1": f1_score(y, flagged), "roc_auc": roc_auc_score(y, odds),
                "average_precision": average_precision_score(y, odds),
                "before": average_precision_score(y, told.before[at]),
            }  # fmt: skip
            assert resampled.figures(at) == pytest.approx(expected, abs=1e-12)

    def test_nothing_is_invented_where_no_row_is_flagged(self):
        told = Told(odds=np.full(20, -3.0), before=np.arange(20.0), target=np.arange(20) % 2, how="")
        found, _ = measure(told, threshold=0.0, seed=0)
        assert found.precision is None
        assert found.recall.value == 0.0


class TestStored:
    def made(self):
        rows, y = table()
        return rows, learned(rows, y, np.arange(0, N, 3)).supervised

    def test_it_comes_back_to_the_last_bit(self):
        rows, model = self.made()
        again = Supervised.from_state(model.to_state(), rows.inputs.shape[1])
        assert (again.log_odds(rows.inputs, rows.scores) == model.log_odds(rows.inputs, rows.scores)).all()

    def test_one_row_gets_what_it_gets_among_others(self):
        rows, model = self.made()
        whole = model.log_odds(rows.inputs, rows.scores)
        for i in (0, 35, 599):
            alone = model.log_odds(rows.inputs[i : i + 1], rows.scores[i : i + 1])
            assert alone[0] == pytest.approx(whole[i], abs=1e-12)

    @pytest.mark.parametrize(
        "change",
        [
            lambda s: State(arrays=s.arrays, values={**s.values, "weights": {"base": 1.0}}),
            lambda s: State(arrays=s.arrays, values={**s.values, "learners": {}}),
            lambda s: State(arrays=s.arrays, values={**s.values, "learners": {"gan": {"rows": 1.0, "centre": 0.0}}}),
            lambda s: State(arrays={**s.arrays, "knots": s.arrays["knots"][::-1]}, values=s.values),
            lambda s: State(arrays={**s.arrays, "values": s.arrays["values"] * np.nan}, values=s.values),
        ],
    )
    def test_damaged_state_is_refused(self, change):
        rows, model = self.made()
        with pytest.raises(StorageError):
            Supervised.from_state(change(model.to_state()), rows.inputs.shape[1])

    def test_a_state_for_another_table_is_refused(self):
        rows, model = self.made()
        with pytest.raises(StorageError, match="does not fit"):
            Supervised.from_state(model.to_state(), rows.inputs.shape[1] - 1)


def test_learners_see_the_columns_first():
    rows, y = table()
    target = y[::2].astype(float)
    taught = Taught(inputs=rows.inputs[::2], target=target, weight=np.ones(len(target)))
    for name, learner in LEARNERS.items():
        found = learner(taught, 6, seed=0)
        assert found.forest.n_features == (6 if "columns" in name else 7)
        assert average_precision_score(y[1::2], found.log_odds(rows.inputs[1::2])) > 0.5
