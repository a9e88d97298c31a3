"""How right a detector was, once labels came."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, precision_score, recall_score
from sklearn.metrics import roc_auc_score as sklearn_roc_auc

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.engine._evaluating import evaluation, labels_of
from pynomaly_auto.errors import InvalidInputError
from pynomaly_auto.records import Judgement

RNG = np.random.default_rng(0)
TRUTH = RNG.random(200) < 0.1
SCORES = RNG.normal(size=200) + 2 * TRUTH
JUDGED = Judgement(
    scores=SCORES,
    probabilities=1 / (1 + np.exp(2 - SCORES)),
    labels=np.where(SCORES > 1.5, -1, 1),
    confidence=np.full(200, 0.9),
)


def test_the_figures_are_scikit_learns() -> None:
    found = evaluation(JUDGED, TRUTH, seconds=2.0)
    flagged = JUDGED.labels == -1
    assert found.precision == pytest.approx(precision_score(TRUTH, flagged))
    assert found.recall == pytest.approx(recall_score(TRUTH, flagged))
    assert found.f1 == pytest.approx(f1_score(TRUTH, flagged))
    assert found.roc_auc == pytest.approx(sklearn_roc_auc(TRUTH, SCORES))
    assert found.average_precision == pytest.approx(average_precision_score(TRUTH, SCORES))
    assert found.brier == pytest.approx(brier_score_loss(TRUTH, JUDGED.probabilities))
    assert found.false_positive_rate == pytest.approx((flagged & ~TRUTH).sum() / (~TRUTH).sum())
    assert found.accuracy == pytest.approx((flagged == TRUTH).mean())
    assert (found.n_flagged, found.n_found, found.n_anomalies) == (flagged.sum(), (flagged & TRUTH).sum(), TRUTH.sum())
    assert found.expected == pytest.approx(JUDGED.probabilities[flagged].sum())
    assert found.seconds_per_row == 0.01
    assert [at.n_flagged for at in found.thresholds] == [1, 2, 4, 10, 20, 40]
    assert [at.recall for at in found.thresholds] == sorted(at.recall or 0 for at in found.thresholds)
    assert found.quantiles["anomalies"][2] == np.median(SCORES[TRUTH])
    assert f"{found.n_found} of {found.n_flagged} flagged rows are anomalies" in found.summary_lines()[0]
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["thresholds"][0]["share"] == 0.005


@pytest.mark.parametrize(
    "y",
    [
        TRUTH,
        TRUTH.astype(int),
        np.where(TRUTH, -1, 1),
        [str(int(t)) for t in TRUTH],
        ["TRUE" if t else "False" for t in TRUTH],
        pd.Series(TRUTH, index=range(900, 1100)),
        pd.array(TRUTH.astype(int), dtype="Int64"),
        TRUTH.reshape(-1, 1).astype(float),
    ],
)
def test_every_usual_form_of_labels(y: Any) -> None:
    known, anomalous = labels_of(y, 200)
    assert known.all()
    assert np.array_equal(anomalous, TRUTH)


def test_rows_without_a_label_are_left_out() -> None:
    y = pd.Series(TRUTH.astype(object))
    y[:50] = None
    found = evaluation(JUDGED, y, seconds=0.0)
    assert (found.n_rows, found.n_unlabelled) == (150, 50)
    assert found.roc_auc == pytest.approx(sklearn_roc_auc(TRUTH[50:], SCORES[50:]))
    assert "50 rows without a label left out" in found.summary_lines()[0]


def test_one_kind_of_rows_leaves_open_what_needs_both() -> None:
    normal = evaluation(JUDGED, np.zeros(200), seconds=0.0)
    assert (normal.recall, normal.roc_auc, normal.average_precision) == (None, None, None)
    assert normal.false_positive_rate == (JUDGED.labels == -1).mean()
    assert "recall unknown" in normal.summary_lines()[1]
    anomalous = evaluation(JUDGED, np.full(200, -1), seconds=0.0)
    assert anomalous.false_positive_rate is None
    assert anomalous.precision == 1.0


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([1, 0], "2 labels for 4 rows"),
        ([1, 0, 2, 0], "the labels hold 2"),
        (["x", 0, 0, 1], "the labels hold 'x'"),
        ([1, 1, 1, 1], "hold only 1"),
        ([-1, 0, 1, 0], "hold only -1, 0, 1"),
        ([None] * 4, "no value at all"),
        ([[1], [0, 1], 0, 1], "the labels"),
        (None, "1 labels for 4 rows"),
        (object(), "1 labels for 4 rows"),
    ],
)
def test_labels_that_say_nothing_are_refused(y: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        labels_of(y, 4)


def test_a_detector_judges_in_one_pass_and_is_evaluated(fitted: AutonomousDetector, table: pd.DataFrame) -> None:
    judged = fitted.judge(table)
    assert np.array_equal(judged.labels, fitted.predict(table))
    assert np.array_equal(judged.probabilities, fitted.anomaly_score(table))
    assert np.array_equal(judged.scores, -fitted.score_samples(table))
    y = np.zeros(200)
    y[[7, 8]] = 1
    found = fitted.evaluate(table, y)
    assert found.n_found >= 1
    assert found.n_flagged == (judged.labels == -1).sum()
