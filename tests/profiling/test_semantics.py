"""Meta-features measure what they say: tables whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.profiling import META_FEATURES, View
from pynomaly_auto.records import Column


@pytest.fixture
def measured(make_dataset):
    def measure(X: np.ndarray, *names: str, **kwargs: object) -> list[float]:
        view = View(make_dataset(X, **kwargs), seed=0)
        return [META_FEATURES[name](view) for name in names]

    return measure


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(42)


@pytest.mark.parametrize("dimension", [1, 2, 5])
def test_intrinsic_dimension_of_a_manifold_in_twenty_dimensions(dimension: int, measured, rng) -> None:
    inner = rng.uniform(-1, 1, size=(2_000, dimension))
    X = np.tanh(inner @ rng.normal(size=(dimension, 20)))
    mle, two_nn, share = measured(
        X, "intrinsic_dimension_mle", "intrinsic_dimension_two_nn", "intrinsic_dimension_share"
    )
    assert mle == pytest.approx(dimension, rel=0.25)
    assert two_nn == pytest.approx(dimension, rel=0.25)
    assert share == pytest.approx(mle / 20)


def test_principal_components_of_three_directions(measured, rng) -> None:
    X = rng.normal(size=(1_000, 3)) @ np.linalg.qr(rng.normal(size=(10, 10)))[0][:3]
    ratio, rank, most, first = measured(
        X, "pca_participation_ratio", "pca_effective_rank_share", "pca_components_99_share", "pca_first_share"
    )
    assert np.exp(ratio) == pytest.approx(3, abs=0.1)
    assert rank * 10 == pytest.approx(3, abs=0.1)
    assert most == pytest.approx(0.3)
    assert first == pytest.approx(1 / 3, abs=0.05)


def test_wide_tables_have_the_same_spectrum_by_the_gram_matrix(measured, rng) -> None:
    X = rng.normal(size=(500, 4)) @ np.linalg.qr(rng.normal(size=(400, 4)))[0].T
    (ratio,) = measured(X, "pca_participation_ratio")
    assert np.exp(ratio) == pytest.approx(4, abs=0.1)


def test_hopkins_tells_clusters_from_even_rows(measured, rng) -> None:
    even = rng.uniform(size=(1_500, 2))
    clumps = rng.normal(scale=0.02, size=(1_500, 2)) + rng.uniform(size=(6, 2))[rng.integers(0, 6, 1_500)]
    assert measured(even, "hopkins")[0] == pytest.approx(0.5, abs=0.06)
    assert measured(clumps, "hopkins")[0] > 0.8


@pytest.mark.parametrize("count", [2, 3, 5])
def test_clusters_are_counted(count: int, measured, rng) -> None:
    angles = 2 * np.pi * np.arange(count) / count
    centres = 8 * np.column_stack([np.cos(angles), np.sin(angles)])
    X = centres[rng.integers(0, count, 900)] + rng.normal(size=(900, 2))
    found, silhouette, balance = measured(X, "clusters_found", "silhouette_best", "cluster_balance")
    assert found == count
    assert silhouette > 0.6
    assert balance > 0.98


@pytest.mark.parametrize("kind", ["uniform line", "gaussian line", "gaussian plane", "gaussian space", "two outliers"])
def test_no_clusters_where_there_are_none(kind: str, measured, rng) -> None:
    X = {
        "uniform line": rng.uniform(size=(800, 1)),
        "gaussian line": rng.normal(size=(800, 1)),
        "gaussian plane": rng.normal(size=(150, 2)),
        "gaussian space": rng.normal(size=(800, 30)),
        "two outliers": np.vstack([rng.normal(size=(800, 2)), [[50, 50], [51, 50]]]),
    }[kind]
    assert measured(X, "clusters_found") == [1.0]


def test_shapes_of_single_distributions(measured, rng) -> None:
    names = ("skewness_abs_median", "log_kurtosis_median", "tail_weight_median", "bimodality_median")
    gaussian = measured(rng.normal(size=(5_000, 3)), *names, "normal_distance_median", "hill_index_median")
    heavy = measured(rng.standard_t(2, size=(5_000, 3)), *names, "normal_distance_median", "hill_index_median")
    skewed = measured(rng.exponential(size=(5_000, 3)), *names)
    double = measured(rng.choice([-1.0, 1.0], size=(5_000, 3)) + 0.1 * rng.normal(size=(5_000, 3)), *names)
    assert gaussian[0] == pytest.approx(0, abs=0.1)
    assert gaussian[1] == pytest.approx(np.log(3), abs=0.1)
    assert gaussian[2] == pytest.approx(0, abs=0.05)
    assert gaussian[4] < 0.02 < heavy[4]
    assert heavy[1] > np.log(9)
    assert heavy[2] > 0.2
    assert heavy[5] == pytest.approx(0.5, abs=0.12)
    assert skewed[0] == pytest.approx(2, abs=0.4)
    assert double[3] > 0.9 > 5 / 9 > gaussian[3]


def test_shares_of_cells_far_out(measured, rng) -> None:
    X = rng.normal(size=(10_000, 2))
    three, fences, robust = measured(X, "beyond_three_sigma_share", "beyond_fences_share", "beyond_modified_z_share")
    assert three == pytest.approx(0.0027, abs=0.001)
    assert fences == pytest.approx(0.007, abs=0.002)
    assert robust == pytest.approx(0.00047, abs=0.0005)
    X[:100, 0] = 50
    assert measured(X, "beyond_modified_z_share")[0] > robust + 0.004
    assert measured(X, "log_extreme_z_max")[0] == pytest.approx(np.log(50), abs=0.1)


def test_bent_relations_are_seen_by_mutual_information_only(measured, rng) -> None:
    x = rng.uniform(-1, 1, 2_000)
    X = np.column_stack([x, x**2, rng.normal(size=2_000)])
    linear, ranks, mutual, mean = measured(
        X, "correlation_abs_max", "rank_correlation_abs_max", "mutual_information_max", "mutual_information_mean"
    )
    assert linear < 0.1
    assert ranks < 0.1
    assert mutual > 0.6
    assert mean == pytest.approx(mutual / 3, abs=0.02)


def test_linear_relations(measured, rng) -> None:
    z = rng.normal(size=(4_000, 2))
    rho = 0.8
    X = np.column_stack([z[:, 0], rho * z[:, 0] + np.sqrt(1 - rho**2) * z[:, 1]])
    largest, explained, shared = measured(
        X, "correlation_abs_max", "linear_predictability_mean", "gaussian_total_correlation"
    )
    assert largest == pytest.approx(rho, abs=0.02)
    assert explained == pytest.approx(rho**2, abs=0.02)
    assert shared == pytest.approx(-0.25 * np.log(1 - rho**2), abs=0.02)


def test_broken_relations_show_in_the_residuals(measured, rng) -> None:
    x = rng.normal(size=1_000)
    X = np.column_stack([x, x + 0.1 * rng.normal(size=1_000)])
    before = measured(X, "residual_log_kurtosis_median", "log_kurtosis_median")
    X[:10, 1] *= -1
    after = measured(X, "residual_log_kurtosis_median", "log_kurtosis_median")
    assert after[0] > before[0] + 1
    assert after[1] == pytest.approx(before[1], abs=0.01)


def test_hubs_and_concentration_grow_with_dimension(measured, rng) -> None:
    names = ("hubness_skewness", "distance_concentration", "relative_contrast", "mutual_neighbours_share")
    flat, high = (measured(rng.normal(size=(1_000, d)), *names) for d in (2, 100))
    assert high[0] > flat[0] + 1
    assert high[1] < flat[1] / 3
    assert high[2] < flat[2] / 3
    assert high[3] < flat[3]


def test_parts_of_the_neighbour_graph(measured, rng) -> None:
    X = np.vstack([rng.normal(size=(300, 2)), rng.normal(size=(100, 2)) + 100])
    parts, largest = measured(X, "neighbour_graph_components", "neighbour_graph_largest_share")
    assert parts >= np.log(2) - 1e-9
    assert largest <= 0.75


def test_landmarks_agree_on_global_outliers(measured, rng) -> None:
    X = rng.normal(size=(1_000, 4))
    X[:50] += np.sign(X[:50]) * 6
    names = [n for n, item in META_FEATURES.items() if item.group == "landmarks" and n.endswith("_overlap")]
    assert len(names) == 6
    assert min(measured(X, *names)) >= 0.9
    assert measured(X, "neighbour_reach_max")[0] > measured(rng.normal(size=(1_000, 4)), "neighbour_reach_max")[0]


def test_landmarks_disagree_on_local_outliers(measured, rng) -> None:
    X = np.vstack([rng.normal(size=(500, 2)) * 0.1, rng.normal(size=(500, 2)) * 3 + 20, [[2.0, 2.0]] * 3])
    (agreement,) = measured(X, "mahalanobis_neighbour_rank_correlation")
    assert agreement < 0.9


def test_counts_of_columns_and_cells(measured) -> None:
    columns = (
        Column(name="a", kind="numeric", n_missing=2, features=("a", "a (missing)")),
        Column(name="b", kind="boolean", n_infinite=1, features=("b",)),
        Column(name="c", kind="categorical", features=("c=1", "c=2")),
        Column(name="d", kind="identifier"),
    )
    X = np.arange(20.0).reshape(4, 5)
    X[1] = X[0]
    shares = measured(
        X,
        "numeric_columns_share",
        "boolean_columns_share",
        "categorical_columns_share",
        "text_columns_share",
        "time_columns_share",
        "left_out_columns_share",
        "missing_cells_share",
        "missing_columns_share",
        "missing_rows_share",
        "missing_cells_of_worst_row",
        "infinite_cells_share",
        "duplicate_rows_share",
        columns=columns,
        missing=[0.25, 0.25, 0, 0],
    )
    assert shares == [0.25, 0.25, 0.25, 0, 0, 0.25, 2 / 16, 0.25, 0.5, 0.25, 1 / 16, 0.25]


def test_repeated_values(measured, rng) -> None:
    X = np.column_stack([rng.normal(size=400), np.arange(400) % 2, np.arange(400) % 10, np.zeros(400)])
    constant, binary, discrete, mode, median = measured(
        X, "constant_features_share", "binary_features_share", "discrete_features_share", "mode_share_max",
        "distinct_values_share_median",
    )  # fmt: skip
    assert (constant, binary, discrete, mode) == (0.25, 0.25, 0.75, 0.5)
    assert median == pytest.approx((2 + 10) / 2 / 400)


def test_repeated_rows_are_found_among_a_million(measured, rng) -> None:
    X = rng.normal(size=(200_000, 7))
    X[100:1_100] = X[rng.integers(150_000, 200_000, 1_000)]
    assert measured(X, "duplicate_rows_share") == [1_000 / 200_000]
