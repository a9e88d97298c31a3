"""The adapter and the declaration: whatever an estimator returns, scores come out finite or as one of our errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pynomaly_auto.detectors import DETECTORS, Cost, DetectorSpec, FittedDetector, fit_detector
from pynomaly_auto.errors import DetectorError, MissingExtraError, NotApplicableError, SettingError


class Returns:
    """An estimator that scores as told."""

    def __init__(self, values=None, own=None):
        self.values, self.decision_scores_ = values, own

    def fit(self, X):
        return self

    def decision_function(self, X):
        return np.asarray(self.values)[: len(X)] if self.values is not None else X[:, 0]


def spec(**changes):
    made = DetectorSpec(
        name="returns", title="Returns", family="statistical", target=f"{__name__}:Returns", paper="2026",
        summary="As told.", cost=Cost(unit=0.1),
    )  # fmt: skip
    return replace(made, **changes)


def scored(values, **changes):
    return FittedDetector(spec(**changes), {}, Returns(values)).score(np.zeros((len(values), 1)))


def test_infinity_ranks_last_and_nan_in_the_middle():
    np.testing.assert_array_equal(scored([1.0, np.inf, np.nan, 3.0, -np.inf]), [1.0, 3.0, 2.0, 3.0, 1.0])
    np.testing.assert_array_equal(scored([np.nan]), [0.0])


def test_lower_is_anomalous_is_turned_round():
    np.testing.assert_array_equal(scored([1.0, 5.0], higher_is_anomalous=False), [-1.0, -5.0])


def test_unusable_scores_are_a_detector_error():
    with pytest.raises(DetectorError, match="no finite score"):
        scored([np.nan, np.inf])
    with pytest.raises(DetectorError, match="shape"):
        FittedDetector(spec(), {}, Returns([1.0])).score(np.zeros((3, 1)))


def test_long_tables_are_scored_in_chunks():
    X = np.arange(120_000.0)[:, None]
    np.testing.assert_array_equal(FittedDetector(spec(), {}, Returns()).score(X), X[:, 0])


def test_tables_that_do_not_fit_are_not_applicable():
    with pytest.raises(NotApplicableError, match="at least 5 rows"):
        spec().check_applies(4, 2)
    with pytest.raises(NotApplicableError, match="at least 2 features"):
        DETECTORS["abod"].check_applies(100, 1)
    with pytest.raises(NotApplicableError, match="not installed"):
        spec(extra="no_such_package").check_applies(100, 2)


def test_building_without_the_extra_or_with_wrong_values():
    with pytest.raises(MissingExtraError, match="no_such_package"):
        spec(extra="no_such_package").build({}, seed=0)
    with pytest.raises(SettingError, match="does not take"):
        spec(defaults={"nonsense": 1}).build({}, seed=0)


def test_cost_grows_with_the_reference_only():
    bounded = spec(cost=Cost(unit=1.0, n_power=2.0, score_share=0.5), reference_rows=2_000)
    assert bounded.seconds(2_000, 10) == 4.0
    assert bounded.seconds(4_000, 10) == 6.0
    flat = spec(cost=Cost(unit=1.0, d_power=2.0, score_unit=0.25), reference_rows=2_000)
    assert flat.seconds(4_000, 20) == 4.0 * (2.0 + 0.5)
    assert spec(cost=Cost(unit=1.0, base=2.0)).seconds(3_000, 10) == 5.0
    assert bounded.memory_mb(10**6, 10) == 50.0
    assert spec(cost=Cost(unit=1.0, memory_base_mb=3.0, memory_d_power=0.0)).memory_mb(2_000, 90) == 5.0


@pytest.mark.parametrize(
    ("n_power", "d_power", "label"), [(2.0, 1.0, "n² d"), (1.3, 0.0, "n^1.3"), (0.0, 0.0, "constant")]
)
def test_cost_label(n_power, d_power, label):
    assert Cost(unit=1.0, n_power=n_power, d_power=d_power).label == label


def test_some_rows_of_many_are_scored_alone():
    X = np.random.default_rng(0).normal(size=(60_000, 2))
    fitted, _ = fit_detector(DETECTORS["zscore"], {}, X[:1_000], seed=0)
    wanted = np.zeros(len(X), dtype=bool)
    wanted[[3, 55_000]] = True
    np.testing.assert_array_equal(fitted.score(X, wanted), fitted.score(X)[wanted])


def test_same_seed_draws_the_same_reference():
    X = np.random.default_rng(0).normal(size=(3_000, 2))
    first, second = (fit_detector(DETECTORS["cof"], {}, X, seed=4)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)
