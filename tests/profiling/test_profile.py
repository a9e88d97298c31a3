"""The part of the profile that people read, its reasons, its cost."""

from __future__ import annotations

import json
import pickle
import time

import numpy as np
import pytest

from pynomaly_auto.profiling import View, profile
from pynomaly_auto.profiling._lazy import Clock, lazy
from pynomaly_auto.records import Column, Profile


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def codes(result: Profile) -> set[str]:
    return {reason.code for reason in result.reasons}


@pytest.mark.parametrize(
    ("rows", "features", "category", "dimensionality"),
    [
        (999, 10, "small", "low"),
        (1_000, 11, "medium", "medium"),
        (10_000, 2, "large", "low"),
        (100_000, 2, "very_large", "low"),
        (60, 101, "small", "high"),
        (60, 1_001, "small", "very_high"),
    ],
)
def test_size(rows: int, features: int, category: str, dimensionality: str, make_dataset, rng) -> None:
    result = profile(make_dataset(rng.normal(size=(rows, features))), seed=0)
    assert (result.size.rows, result.size.columns, result.size.features) == (rows, features, features)
    assert (result.size.category, result.size.dimensionality) == (category, dimensionality)
    assert result.types == {"numeric": features}
    assert "PRO-001" in codes(result)
    assert ("PRO-002" in codes(result)) == (rows > 2_000 or features > 200)


def test_distributions_are_counted(make_dataset, rng) -> None:
    n = 5_000
    X = np.column_stack(
        [
            rng.normal(size=n),
            rng.normal(size=n),
            rng.uniform(size=n),
            rng.exponential(size=n),
            rng.standard_t(2.5, size=n),
            rng.integers(0, 5, size=n),
            np.zeros(n),
        ]
    )
    found = profile(make_dataset(X), seed=0).distributions
    assert (found.gaussian, found.uniform, found.discrete) == (2, 1, 1)
    assert found.skewed >= 1
    assert found.heavy_tailed >= 1


def test_distributions_of_wide_tables_are_scaled_up(make_dataset, rng) -> None:
    result = profile(make_dataset(rng.normal(size=(500, 600))), seed=0)
    assert result.distributions.gaussian == pytest.approx(570, abs=40)
    assert result.seconds["view:ordered"] >= 0


def test_quality(make_dataset, rng) -> None:
    clean = profile(make_dataset(rng.normal(size=(1_000, 3)) @ rng.normal(size=(3, 8))), seed=0)
    assert clean.quality.noise < 0.15
    assert (clean.quality.missing, clean.quality.duplicates, clean.quality.consistency) == (0, 0, 1)
    assert profile(make_dataset(rng.normal(size=(1_000, 40))), seed=0).quality.noise > 0.8
    X = rng.normal(size=(1_000, 2))
    X[500:700] = X[900]
    X[:30] *= 20
    columns = (
        Column(name="a", kind="numeric", n_missing=400, features=("a",)),
        Column(name="b", kind="numeric", n_infinite=10, features=("b",)),
        Column(name="c", kind="constant"),
        Column(name="d", kind="empty", n_missing=1_000),
    )
    result = profile(make_dataset(X, columns=columns), seed=0)
    assert result.quality.missing == pytest.approx(1_400 / 4_000)
    assert result.quality.duplicates == pytest.approx(0.2)
    assert result.quality.consistency == pytest.approx((0.6 + 0.99) / 4 * 0.8)
    assert 0.02 < result.quality.outliers < 0.035
    assert {"PRO-003", "PRO-004", "PRO-005"} <= codes(result)
    (missing,) = (r for r in result.reasons if r.code == "PRO-003")
    assert missing.evidence["column"] == "d"


def test_patterns(make_dataset, rng) -> None:
    x = rng.normal(size=(1_000, 2)) + 10 * rng.integers(0, 2, size=(1_000, 1))
    columns = (
        Column(name="a", kind="numeric", features=("a",)),
        Column(name="b", kind="numeric", features=("b",)),
        Column(name="c", kind="categorical", features=("c=x", "c=y")),
    )
    flag = rng.integers(0, 2, size=1_000)
    result = profile(make_dataset(np.column_stack([x, flag, 1 - flag]), columns=columns), seed=0)
    # The two levels of one column exclude each other; that is no finding.
    assert result.patterns.correlated_pairs == 1
    assert 0.9 < result.patterns.max_correlation < 0.99
    assert result.patterns.clusters == 2
    assert result.patterns.cluster_separation > 0.6
    assert not result.patterns.temporal
    assert {"PRO-008", "PRO-009"} <= codes(result)
    assert "PRO-010" not in codes(result)


def test_hints(make_dataset, rng) -> None:
    X = rng.normal(size=(2_000, 5))
    calm = profile(make_dataset(X), seed=0).hints
    assert calm.share_estimate < 0.01
    X[:60] *= 6
    found = profile(make_dataset(X), seed=0)
    assert found.hints.share_estimate == pytest.approx(0.03, abs=0.01)
    assert found.hints.global_share > 0.9
    assert found.hints.global_share + found.hints.local_share == pytest.approx(1)
    assert found.hints.tail_heaviness > calm.tail_heaviness
    assert "PRO-011" in codes(found)


def test_local_hints(make_dataset, rng) -> None:
    dense, wide = rng.normal(size=(900, 2)) * 0.05, rng.normal(size=(900, 2)) * 3 + 15
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    around = 0.6 * np.column_stack([np.cos(angles), np.sin(angles)])
    hints = profile(make_dataset(np.vstack([dense, wide, around])), seed=0).hints
    assert hints.local_share > 0.5
    assert hints.share_estimate > 0.008


def test_complexity(make_dataset, rng) -> None:
    plain = profile(make_dataset(rng.normal(size=(500, 3))), seed=0)
    assert plain.complexity == "simple"
    heavy = profile(make_dataset(rng.standard_t(1.5, size=(12_000, 30))), seed=0)
    assert heavy.complexity == "complex"
    (reason,) = (r for r in heavy.reasons if r.code == "PRO-012")
    assert reason.evidence["heavy tails"] == 1.0
    assert {"PRO-006", "PRO-012"} <= codes(heavy)
    assert "PRO-007" in codes(profile(make_dataset(rng.exponential(size=(900, 3))), seed=0))


def test_travels(make_dataset, rng) -> None:
    result = profile(make_dataset(rng.normal(size=(50, 3))), seed=0)
    assert json.loads(json.dumps(result.to_dict()))["size"]["rows"] == 50
    assert pickle.loads(pickle.dumps(result)).quality == result.quality


def test_the_table_is_left_alone(make_dataset, rng) -> None:
    dataset = make_dataset(rng.normal(size=(100, 3)))
    dataset.X.setflags(write=False)
    before = dataset.X.copy()
    profile(dataset, seed=0)
    assert (before == dataset.X).all()


class TestCost:
    def test_every_second_is_counted_once(self, make_dataset, rng) -> None:
        dataset = make_dataset(rng.normal(size=(1_500, 8)))
        profile(dataset, seed=0)
        started = time.process_time()
        result = profile(dataset, seed=0)
        spent = time.process_time() - started
        assert set(result.meta_features) <= set(result.seconds)
        assert {"view:sample", "view:distances", "view:neighbours", "description:hints"} <= set(result.seconds)
        assert all(value >= 0 for value in result.seconds.values())
        assert 0.5 * spent <= sum(result.seconds.values()) <= spent

    def test_a_million_rows_by_sampling(self, make_dataset, rng) -> None:
        dataset = make_dataset(rng.standard_normal((1_000_000, 10), dtype=np.float32))
        result = profile(dataset, seed=0)
        assert result.sampled_rows == 20_000
        assert sum(result.seconds.values()) < 3.0
        assert "PRO-002" in codes(result)

    def test_inner_work_is_not_counted_outside(self) -> None:
        clock = Clock()
        with clock.measure("outer"):
            with clock.measure("inner"):
                deadline = time.process_time() + 0.05
                while time.process_time() < deadline:
                    pass
            assert clock.seconds["outer"] < 0.02
        assert clock.seconds["inner"] >= 0.05

    def test_an_intermediate_is_made_once(self, make_dataset) -> None:
        made = []

        class Counting(View):
            @lazy
            def extra(self) -> int:
                """Counts."""
                made.append(1)
                return len(made)

        view = Counting(make_dataset(np.eye(3)), seed=0)
        assert (view.extra, view.extra) == (1, 1)
        assert "view:extra" in view.clock.seconds
        assert Counting.extra.__doc__ == "Counts."
