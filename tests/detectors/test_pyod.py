"""Detectors of PyOD made of their names: found without being listed, scoring a row alone as in a batch."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.detectors import DETECTORS, fit_detector
from pynomaly_auto.errors import UnknownNameError
from pynomaly_auto.testing import check_finds_outliers, check_one_row_alone

X = np.random.default_rng(0).normal(size=(90, 3))
X[4] = 9.0


@pytest.mark.parametrize("name", ["pyod:SOS", "pyod:COPOD", "pyod:AutoEncoder", "pyod:SO_GAAL"])
def test_found_by_name_and_not_listed(name: str) -> None:
    assert name in DETECTORS
    assert DETECTORS[name].name == name
    assert name not in list(DETECTORS)
    assert not DETECTORS[name].own  # so it runs where it can be killed, and nothing is settled without it


@pytest.mark.parametrize(
    ("name", "suggestion"), [("pyod:IForrest", "pyod:IForest"), ("pyod:sos", "pyod:"), ("pyod:", "pyod:")]
)
def test_unknown_ones_come_with_a_suggestion(name: str, suggestion: str) -> None:
    assert name not in DETECTORS
    with pytest.raises(UnknownNameError, match=suggestion):
        AutonomousDetector().override(include=[name])


def test_the_checks_of_a_third_party_s() -> None:  # seconds, as importing PyOD takes some
    check_finds_outliers(DETECTORS["pyod:HBOS"])
    check_one_row_alone(DETECTORS["pyod:HBOS"])


def test_one_that_judges_rows_by_each_other_judges_a_row_alone_as_in_a_batch() -> None:
    table = X[:30]
    fitted, scores = fit_detector(DETECTORS["pyod:SOS"], {}, table, seed=0)
    assert scores.argmax() == 4
    new = np.array([[0.1, 0.2, 0.0], [7.0, 7.0, -7.0], [0.3, -0.2, 0.1]])
    alone = np.concatenate([fitted.score(row[None]) for row in new])
    assert fitted.score(new) == pytest.approx(alone, abs=1e-9)
    assert np.isfinite(alone).all()


def test_unknown_parameters_are_refused_at_once() -> None:
    detector = AutonomousDetector().override(params={"pyod:SOS": {"perplexity": 9.0}})
    with pytest.raises(UnknownNameError, match="perplexty"):
        detector.override(params={"pyod:SOS": {"perplexty": 9.0}})


def test_a_seed_reaches_those_that_take_one() -> None:
    fits = [fit_detector(DETECTORS["pyod:IForest"], {"n_estimators": 10}, X, seed=seed)[1] for seed in (1, 1, 2)]
    assert (fits[0] == fits[1]).all()
    assert (fits[0] != fits[2]).any()


def test_it_takes_part_where_it_is_asked_for() -> None:
    detector = AutonomousDetector(n_trials=3, tracking=False, random_state=0, verbose=0)
    detector.override(include=["pyod:HBOS", "knn_mean"], reason="to be compared").fit(X)
    weights = {m.detector: m.weight for m in detector.ensemble_.members}
    assert weights["pyod:HBOS"] >= 0.1 - 1e-9
    assert detector.predict(X)[4] == -1
