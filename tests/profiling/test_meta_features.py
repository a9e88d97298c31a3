"""The contract of every meta-feature: named, described, finite or NaN, invariant, seeded."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pynomaly_auto.errors import NotApplicableError, SettingError
from pynomaly_auto.profiling import META_FEATURES, View, meta_feature, profile

NAMES = tuple(META_FEATURES)
# What depends on which cell of a histogram or which side of a tie a value falls may move with rounding.
ROUNDED = {"isolation", "histogram", "joint", "mutual"}


def messy(n: int = 300, d: int = 6, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    X[:, 1] = X[:, 0] + 0.3 * rng.normal(size=n)
    X[:, 2] = np.exp(X[:, 2])
    X[:, 3] = rng.integers(0, 4, size=n)
    X[: n // 50] *= 5
    return X


@pytest.fixture(scope="module")
def ordinary(make_dataset) -> View:
    return View(make_dataset(messy()), seed=0)


def odd_tables() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    few = {f"{n} rows": rng.normal(size=(n, 3)) for n in (1, 2, 3, 4, 5, 6, 8, 10, 11, 12, 21)}
    with_constant = rng.normal(size=(60, 4))
    with_constant[:, 2] = 7.3
    half_equal = rng.normal(size=(100, 3))
    half_equal[:60] = half_equal[0]
    return few | {
        "one feature": rng.normal(size=(150, 1)),
        "one feature, two rows": np.array([[1.0], [2.0]]),
        "no features": np.empty((20, 0)),
        "no rows": np.empty((0, 3)),
        "all the same": np.full((50, 3), 2.5),
        "one constant": with_constant,
        "mostly copies": half_equal,
        "two different rows": np.repeat([[0.0, 1.0], [1.0, 0.0]], 30, axis=0),
        "binary": rng.integers(0, 2, size=(200, 5)).astype(float),
        "wide": rng.normal(size=(40, 300)),
        "huge": 1e300 * rng.normal(size=(60, 3)),
        "tiny": 1e-300 * rng.normal(size=(60, 3)),
        "unequal scales": rng.normal(size=(60, 3)) * np.array([1e-200, 1.0, 1e8]),
        "one far out": np.vstack([rng.normal(size=(99, 2)), [[1e12, 1e12]]]),
        "a line of steps": np.arange(100.0)[:, None] * np.ones((1, 3)),
    }


def test_there_are_enough_of_them() -> None:
    groups = {item.group for item in META_FEATURES.values()}
    assert len(NAMES) >= 60
    assert groups == {"simple", "distribution", "geometry", "information", "landmarks"}


@pytest.mark.parametrize("name", NAMES)
def test_declaration(name: str) -> None:
    item = META_FEATURES[name]
    assert item.name == name == item.function.__name__
    assert name == name.lower()
    assert name.isidentifier()
    assert item.description.endswith(".") or ":" in item.description
    assert item.function.__module__ == f"pynomaly_auto.profiling.{item.group}"


@pytest.mark.parametrize("name", NAMES)
def test_defined_on_an_ordinary_table(name: str, ordinary: View) -> None:
    value = META_FEATURES[name](ordinary)
    assert isinstance(value, float)
    assert math.isfinite(value)


@pytest.mark.parametrize("kind", odd_tables())
def test_odd_tables_give_numbers_or_nothing(kind: str, make_dataset) -> None:
    result = profile(make_dataset(odd_tables()[kind]), seed=3)
    assert set(result.meta_features) == set(NAMES)
    assert all(math.isfinite(v) or math.isnan(v) for v in result.meta_features.values())
    assert [str(r) for r in result.reasons if r.code == "PRO-020"] == []
    empty = {name for name, value in result.meta_features.items() if math.isnan(value)}
    outside = [r for r in result.reasons if r.code == "PRO-021"]
    assert set(outside[0].evidence if outside else ()) == empty
    shares = (*vars(result.quality).values(), *vars(result.hints).values())
    assert all(0.0 <= share <= 1.0 for share in shares)


def compare(one: dict[str, float], other: dict[str, float]) -> None:
    for name, value in one.items():
        loose = 0.05 if any(word in name for word in ROUNDED) else 1e-5
        assert other[name] == pytest.approx(value, rel=loose, abs=loose, nan_ok=True), name


@pytest.mark.parametrize("width", [1, 6, 300])
def test_invariant_to_order_of_rows_and_to_scale(width: int, make_dataset) -> None:
    X = messy(d=max(width, 6))[:, :width]
    base = profile(make_dataset(X), seed=5).meta_features
    order = np.random.default_rng(2).permutation(len(X))
    compare(base, profile(make_dataset(X[order]), seed=5).meta_features)
    compare(base, profile(make_dataset(X * 1024.0), seed=5).meta_features)
    compare(base, profile(make_dataset(X * 0.37 + np.arange(width)), seed=5).meta_features)


def test_same_seed_same_values_another_seed_another_sample(make_dataset) -> None:
    dataset = make_dataset(messy(3_000))
    first, again, other = (profile(dataset, seed=s, max_rows=1_000) for s in (1, 1, 2))
    assert first.meta_features == pytest.approx(again.meta_features, rel=0, abs=0, nan_ok=True)
    assert first.meta_features["knn20_distance_tail"] != other.meta_features["knn20_distance_tail"]
    assert first.sampled_rows == 1_000


def test_sampling_changes_little(make_dataset) -> None:
    dataset = make_dataset(messy(6_000))
    whole, part = (profile(dataset, seed=0, max_rows=m).meta_features for m in (20_000, 2_000))
    for name in (
        "correlation_abs_mean",
        "pca_effective_rank_share",
        "histogram_entropy_median",
        "quartile_skewness_abs_median",
    ):
        assert part[name] == pytest.approx(whole[name], abs=0.12), name


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_finite_table(data: st.DataObject, make_dataset) -> None:
    shape = data.draw(st.tuples(st.integers(1, 40), st.integers(1, 6)))
    cells = st.one_of(
        st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, -1.0, 1e-12]), st.floats(allow_nan=False, allow_infinity=False)
    )
    X = data.draw(arrays(np.float64, shape, elements=cells))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = profile(make_dataset(X), seed=data.draw(st.integers(0, 2**32 - 1)))
    assert all(math.isfinite(v) or math.isnan(v) for v in result.meta_features.values())
    assert not [r for r in result.reasons if r.code == "PRO-020"]
    assert all(0.0 <= share <= 1.0 for share in (*vars(result.quality).values(), *vars(result.hints).values()))


@pytest.mark.usefixtures("registered")
class TestThirdParties:
    def test_found_described_timed(self, make_dataset) -> None:
        @meta_feature(group="ours")
        def our_feature(view: View) -> float:
            """The largest cell.

            Paper: Us, This year.
            """
            return float(view.sample.max())

        result = profile(make_dataset(messy()), seed=0)
        assert (our_feature.description, our_feature.paper) == ("The largest cell.", "Us, This year.")
        assert math.isfinite(result.meta_features["our_feature"])
        assert result.seconds["our_feature"] >= 0.0

    @pytest.mark.parametrize("kind", ["raises", "infinite", "no number", "exits"])
    def test_a_failure_costs_its_own_value_only(self, kind: str, make_dataset) -> None:
        @meta_feature(group="ours")
        def broken(view: View) -> float:
            """Fails."""
            if kind == "raises":
                raise ZeroDivisionError("by zero")
            if kind == "exits":
                raise RecursionError("too deep")
            return math.inf if kind == "infinite" else "much"  # type: ignore[return-value]

        result = profile(make_dataset(messy()), seed=0)
        assert math.isnan(result.meta_features["broken"])
        assert [r.subject for r in result.reasons if r.code == "PRO-020"] == ["broken"]
        assert sum(math.isfinite(v) for v in result.meta_features.values()) == len(NAMES)

    def test_not_applicable_is_an_outcome(self, make_dataset) -> None:
        @meta_feature(group="ours")
        def never(view: View) -> float:
            """Never applies."""
            raise NotApplicableError("needs the moon.")

        result = profile(make_dataset(messy()), seed=0)
        (reason,) = (r for r in result.reasons if r.code == "PRO-021")
        assert reason.evidence == {"never": "needs the moon."}
        assert not [r for r in result.reasons if r.code == "PRO-020"]

    def test_needs_a_docstring_and_a_free_name(self) -> None:
        def silent(view: View) -> float:
            return 0.0

        def log_rows(view: View) -> float:
            """Another."""
            return 0.0

        with pytest.raises(SettingError, match="docstring"):
            meta_feature(group="ours")(silent)
        with pytest.raises(SettingError, match="twice"):
            meta_feature(group="ours")(log_rows)
