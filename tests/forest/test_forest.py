"""Forests as arrays: they score as LightGBM does, alone and in a batch, and nothing damaged becomes one."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace

import lightgbm
import numpy as np
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.forest import Forest, PlaneForest, breadth_first, from_lightgbm_text, joined
from pynomaly_auto.forest import _bitwise as bitwise
from pynomaly_auto.forest import _forest as forests
from pynomaly_auto.records import State
from pynomaly_auto.testing import damaged_states, through_files

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
HOLES = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
KINDS = {
    "squares": {"objective": "regression"},
    "binary": {"objective": "binary"},
    "steeper": {"objective": "binary", "sigmoid": 2.5},
    "quantile": {"objective": "quantile", "alpha": 0.1},
    "forest": {"objective": "regression", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6},
    "leaves": {"objective": "regression", "min_data_in_leaf": 1_000},  # trees that are one leaf each
    "deep": {"objective": "regression", "num_leaves": 200, "min_data_in_leaf": 1, "max_bin": 1_000},
}


def booster(kind: str, rows: np.ndarray = X, trees: int = 30) -> lightgbm.Booster:
    target = np.nan_to_num(rows[:, 0]) * 2 + np.nan_to_num(rows[:, 1]) ** 2
    label = (target > 1).astype(int) if KINDS[kind]["objective"] == "binary" else target
    settings = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, **KINDS[kind]}
    return lightgbm.train(settings, lightgbm.Dataset(rows, label=label), trees)


@pytest.fixture(scope="module")
def small() -> str:
    return booster("binary", HOLES, 3).model_to_string()


class TestScores:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("rows", [X, HOLES], ids=["full", "holes"])
    def test_they_are_lightgbms(self, kind: str, rows: np.ndarray) -> None:
        model = booster(kind, rows)
        forest = from_lightgbm_text(model.model_to_string())
        for new in (X * 1.1, HOLES + 0.1, HOLES.astype(np.float32), np.zeros((3, 6)), X[:0]):
            for raw in (True, False):
                expected = model.predict(new, raw_score=raw) if len(new) else np.zeros(0)
                np.testing.assert_allclose(forest.predict(new, raw=raw), expected, rtol=1e-12, atol=1e-15)
        loaded = lightgbm.Booster(model_str=model.model_to_string())
        np.testing.assert_allclose(forest.gains, loaded.feature_importance("gain"), rtol=1e-5)

    def test_a_row_alone_gets_the_sum_it_gets_among_many(self) -> None:
        forest = from_lightgbm_text(booster("deep", HOLES, 100).model_to_string())
        many = np.tile(HOLES, (25, 1))
        scores = forest.predict(many)
        np.testing.assert_array_equal(scores.reshape(25, -1), np.tile(scores[:400], (25, 1)))
        np.testing.assert_array_equal([forest.predict(row[None])[0] for row in HOLES[:50]], scores[:50])

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("rows", [X, HOLES], ids=["full", "holes"])
    def test_many_rows_get_bit_for_bit_what_few_get(self, kind: str, rows: np.ndarray) -> None:
        """Many are looked at bitwise, few walk from node to node."""
        forest = from_lightgbm_text(booster(kind, rows).model_to_string())
        new = RNG.normal(size=(bitwise.MANY + 13, 6))
        new[RNG.random(new.shape) < 0.1] = np.nan
        new[:400], new[400], new[401] = rows, np.inf, -np.inf
        for many in (new, new.astype(np.float32), np.nan_to_num(new), np.asfortranarray(new)):
            few = np.concatenate([forest.predict(part) for part in np.array_split(many, 5)])
            np.testing.assert_array_equal(forest.predict(many), few)

    def test_many_blocks_of_many_rows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(forests, "BLOCK", 500)
        monkeypatch.setattr(bitwise, "_SPLITS", 40)
        forest = from_lightgbm_text(booster("deep", HOLES).model_to_string())
        new = np.tile(HOLES, (6, 1)) + 1e-3 * RNG.normal(size=(2_400, 6))
        assert len(forest._bitwise.parts) == forest.n_trees
        few = np.concatenate([forest.predict(new[:1_000]), forest.predict(new[1_000:])])
        np.testing.assert_array_equal(forest.predict(new), few)

    def test_thresholds_between_two_numbers_of_single_precision(self) -> None:
        thresholds = np.array([1.0, 1.0 + 1e-12, 1.0 - 1e-12, 0.1, -0.1, 1e300, -1e300, np.inf, 1e-60, -1e-60, 0.0])
        with np.errstate(over="ignore"):
            rows = thresholds.astype(np.float32)
        rows = np.concatenate([rows, np.nextafter(rows, np.float32(9)), np.nextafter(rows, np.float32(-9))])
        low = forests.rounded_down(thresholds, rows.dtype)
        np.testing.assert_array_equal(rows[:, None] > low, rows.astype(np.float64)[:, None] > thresholds)

    def test_infinite_rows_and_thresholds(self) -> None:
        """LightGBM writes such a threshold where a split only parts what is missing from what is there."""
        forest = Forest(
            sizes=np.array([3]), features=np.array([0, -1, -1]), values=np.array([np.inf, 1.0, 2.0]), n_features=1,
            missing_right=np.array([True, False, False]),
        )  # fmt: skip
        assert forest.predict(np.array([[np.inf], [-np.inf], [0.0], [np.nan]])).tolist() == [1.0, 1.0, 1.0, 2.0]
        with pytest.raises(StorageError, match="finite"):
            replace(forest, values=np.array([0.0, np.inf, 2.0]))

    def test_groups_of_trees(self) -> None:
        parts = [from_lightgbm_text(booster(kind).model_to_string()) for kind in ("squares", "deep", "leaves")]
        wide = np.column_stack([np.zeros(len(X)), X])
        whole = joined([part.over(np.arange(1, 7), 7) for part in parts], 7)
        sums = whole.sums(wide, [part.n_trees for part in parts])
        np.testing.assert_array_equal(sums, np.column_stack([part.predict(X) for part in parts]))
        np.testing.assert_array_equal(whole.sums(wide[:1], [part.n_trees for part in parts]), sums[:1])
        assert joined([], 7).predict(wide).tolist() == [0.0] * len(wide)
        many = np.tile(wide, (6, 1))
        np.testing.assert_array_equal(whole.sums(many, [part.n_trees for part in parts]), np.tile(sums, (6, 1)))
        assert joined([], 7).predict(many).tolist() == [0.0] * len(many)

    def test_rows_of_another_table(self, small: str) -> None:
        for rows in (X[:, :5], np.column_stack([X, X]), X[0]):
            with pytest.raises(StorageError, match="over 6 features"):
                from_lightgbm_text(small).predict(rows)


class TestStored:
    @pytest.mark.parametrize("kind", ["binary", "forest", "leaves"])
    @pytest.mark.parametrize("rows", [X, HOLES], ids=["full", "holes"])
    def test_it_comes_back_as_it_was(self, kind: str, rows: np.ndarray) -> None:
        forest = from_lightgbm_text(booster(kind, rows).model_to_string())
        for again in (Forest.from_state(through_files(forest.to_state())), pickle.loads(pickle.dumps(forest))):
            np.testing.assert_array_equal(again.predict(HOLES), forest.predict(HOLES))
            np.testing.assert_array_equal(again.gains, forest.gains)

    def test_values_of_leaves_that_are_few_are_a_table(self) -> None:
        forest = from_lightgbm_text(booster("deep").model_to_string())
        few = replace(forest, values=np.where(forest.features < 0, np.round(forest.values), forest.values))
        state = few.to_state()
        assert state.arrays["leaves_codes"].dtype == np.uint16
        np.testing.assert_array_equal(Forest.from_state(state).values, few.values)
        state.arrays["leaves_codes"][0] = len(state.arrays["leaves"])
        with pytest.raises(StorageError, match="codes"):
            Forest.from_state(state)

    def test_what_is_missing_or_of_another_shape_is_refused(self, small: str) -> None:
        for what, damaged in damaged_states(from_lightgbm_text(small).to_state()):
            with pytest.raises(StorageError):
                raise AssertionError(f"{what}: {Forest.from_state(damaged)}")

    def test_odd_numbers_are_refused_or_harmless(self, small: str) -> None:
        check_odd_numbers(Forest, from_lightgbm_text(small).to_state())


def check_odd_numbers(kind: type[Forest | PlaneForest], state: State) -> None:
    refused = 0
    for key, array in state.arrays.items():
        for at in range(array.size):
            for number in (-1, -2, 0, 1, 3, 127, np.nan, np.inf, -np.inf):
                if array.dtype.kind == "f" or (
                    np.isfinite(number) and number >= (0 if array.dtype.kind == "u" else -9)
                ):
                    bad = array.copy()
                    bad.flat[at] = number
                    refused += not scores(kind, State(arrays={**state.arrays, key: bad}, values=state.values))
    for key, value in state.values.items():
        for number in (-1, 0, 10**18, 0.5, float("nan"), True, "", None, [1]):
            if number != value:
                refused += not scores(kind, State(arrays=state.arrays, values={**state.values, key: number}))
    assert refused > 20


def scores(kind: type[Forest | PlaneForest], state: State) -> bool:
    """Whether rows are scored; all that may be raised else is our own error."""
    try:
        made = kind.from_state(state)
        with np.errstate(all="ignore"):
            assert made.predict(X[:7]).shape == (7,)
    except StorageError:
        return False
    return True


class TestText:
    def test_one_byte_changed(self, small: str) -> None:
        """It ended the process where LightGBM read it (SIGABRT, SIGSEGV)."""
        rng, head = np.random.default_rng(0), small.index("end of trees")
        refused = 0
        for _ in range(1_500):
            place = int(rng.integers(0, head))
            refused += not reads(small[:place] + chr(int(rng.integers(32, 127))) + small[place + 1 :])
        assert refused > 300

    def test_cut_short(self, small: str) -> None:
        for end in range(0, small.index("end of trees"), 7):
            assert not reads(small[:end])

    def test_lines_dropped_doubled_and_swapped(self, small: str) -> None:
        for text in swapped(small[: small.index("end of trees") + 14]):
            reads(text)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("num_cat=0", "num_cat=1"), ("is_linear=0", "is_linear=1"), ("num_class=1", "num_class=3"),
            ("objective=binary sigmoid:1", "objective=multiclass num_class:3"), ("version=v4", "version=v9"),
            ("num_leaves=", "num_leaves=9999999999"), ("sigmoid:1", "sigmoid:-1"), ("sigmoid:1", "sigmoid:nan"),
            ("max_feature_idx=5", "max_feature_idx=99999999999999999999"), ("Tree=1", "Tree=2"),
            ("decision_type=", "decision_type=1"), ("decision_type=", "decision_type=5"),
            ("leaf_value=", "leaf_value=inf "),
        ],
    )  # fmt: skip
    def test_models_of_another_kind(self, small: str, old: str, new: str) -> None:
        assert old in small
        assert not reads(small.replace(old, new, 1))

    def test_no_text_of_a_model(self) -> None:
        for text in ("", "tree", "nonsense\n", "tree\n\n", "\0" * 100, "tree\n" + "a=b\n" * 100):
            with pytest.raises(StorageError):
                from_lightgbm_text(text)


def reads(text: str) -> bool:
    """Whether a text becomes a forest that scores; all that may be raised else is our own error."""
    try:
        forest = from_lightgbm_text(text)
        with np.errstate(all="ignore"):
            forest.predict(np.zeros((2, forest.n_features)))
    except StorageError:
        return False
    return True


def swapped(text: str) -> Iterator[str]:
    lines = text.split("\n")
    for i in range(len(lines) - 1):
        yield "\n".join(lines[:i] + lines[i + 1 :])
        yield "\n".join(lines[: i + 1] + lines[i:])
        yield "\n".join([*lines[:i], lines[i + 1], lines[i], *lines[i + 2 :]])


class TestTrees:
    def test_nodes_in_any_order(self) -> None:
        left, right = np.array([3, -1, -1, 1, -1, -1]), np.array([4, -1, -1, 2, -1, -1])
        order, sizes = breadth_first(np.array([5, 0]), left, right)
        assert order.tolist() == [5, 0, 3, 4, 1, 2]
        assert sizes.tolist() == [1, 5]

    @pytest.mark.parametrize(
        ("roots", "left", "right"),
        [
            ([0], [1, -1], [2, -1]), ([0], [0, -1], [1, -1]), ([0], [1, 0, -1], [2, 2, -1]), ([0], [-1, -1], [-1, -1]),
            ([0, 0], [-1], [-1]), ([3], [-1], [-1]), ([-1], [-1], [-1]), ([0], [1, -1, -1], [1, -1, -1]),
        ],
    )  # fmt: skip
    def test_nodes_that_make_no_trees(self, roots: list[int], left: list[int], right: list[int]) -> None:
        with pytest.raises(StorageError, match="forest is damaged"):
            breadth_first(np.array(roots), np.array(left), np.array(right))

    def test_a_chain_without_end(self) -> None:
        n = 40_001
        features = np.where(np.arange(n) % 2 == 1, -1, 0)
        features[-1] = -1
        with pytest.raises(StorageError, match="levels"):
            Forest(sizes=np.array([n]), features=features, values=np.zeros(n), n_features=1)


def planes(*, ranges: bool) -> PlaneForest:
    """Two trees: a root of two columns with a split on its right, and a leaf."""
    return PlaneForest(
        sizes=np.array([5, 1]),
        splits=np.array([True, False, True, False, False, False]),
        values=np.array([0.5, 1.0, -0.25, 2.0, 3.0, 10.0]),
        columns=np.array([[0, 1], [3, 0]]),
        weights=np.array([[1.0, -2.0], [1.0, 0.0]]),
        centres=np.array([[0.1, 0.2], [0.3, 0.0]]),
        n_features=6,
        ranges=np.array([[-1.0, 1.0], [-np.inf, 0.5]]) if ranges else np.zeros((0, 2)),
    )


class TestPlanes:
    @pytest.mark.parametrize("ranges", [False, True])
    def test_they_score_as_one_would_by_hand(self, *, ranges: bool) -> None:
        def by_hand(row: np.ndarray) -> float:
            first = (row[0] - 0.1) - 2 * (row[1] - 0.2)
            second = row[3] - 0.3
            toll = -(not -1 <= first <= 1) * ranges
            if first <= 0.5:
                return 11.0 + toll
            return (2.0 if second <= -0.25 else 3.0) + 10.0 + toll - (second > 0.5) * ranges

        forest = planes(ranges=ranges)
        np.testing.assert_array_equal(forest.predict(X), [by_hand(row) for row in X])
        np.testing.assert_array_equal(forest.predict(X[3:4]), [by_hand(X[3])])
        again = PlaneForest.from_state(through_files(forest.to_state()))
        np.testing.assert_array_equal(again.predict(X), forest.predict(X))
        with pytest.raises(StorageError, match="over 6 features"):
            forest.predict(X[:, :5])

    @pytest.mark.parametrize("far", [0, 100, 3_000], ids=["near", "some far", "most far"])
    def test_many_rows_get_bit_for_bit_what_few_get(self, far: int) -> None:
        """Also those that lie on a plane, or nearer to it than single precision tells."""
        rng = np.random.default_rng(2)
        n = 3
        forest = PlaneForest(
            sizes=np.full(40, 2 * n + 1), splits=np.tile(np.arange(2 * n + 1) < n, 40),
            values=rng.normal(size=40 * (2 * n + 1)), columns=rng.integers(0, 6, (40 * n, 3)),
            weights=rng.normal(size=(40 * n, 3)) * [1.0, 1.0, 0.0], centres=rng.normal(size=(40 * n, 3)), n_features=6,
        )  # fmt: skip
        rows = rng.normal(size=(bitwise.MANY + 1_500, 6))
        edges, on = forest.values[forest.splits], np.arange(len(forest.columns))
        for j in range(1_200):  # by moving one column onto a plane, or just beside it
            i = on[j % len(on)]
            first, second = forest.columns[i, :2]
            if first != second:
                rest = (rows[j, second] - forest.centres[i, 1]) * forest.weights[i, 1]
                rows[j, first] = forest.centres[i, 0] + (edges[i] - rest) / forest.weights[i, 0]
                rows[j, first] += (0.0, 1e-12, -1e-11, 1e-8, -1e-7)[j % 5]
        rows[len(rows) - far :] *= 1e3
        few = np.concatenate([forest.predict(part) for part in np.array_split(rows, 7)])
        np.testing.assert_array_equal(forest.predict(rows), few)

    @pytest.mark.parametrize("far", [0, 100, 3_000], ids=["near", "some far", "most far"])
    @pytest.mark.parametrize("deep", [False, True], ids=["bushy", "a chain"])
    def test_many_rows_step_through_trees_of_many_splits_to_the_same_leaves(self, far: int, *, deep: bool) -> None:
        """Also those that lie on a plane, or so near to it that rounding decides."""
        rng = np.random.default_rng(3)
        n_trees, n = 5, 127
        splits = np.tile(np.arange(2 * n + 1) < n, n_trees)
        if deep:
            splits = np.tile(np.arange(2 * n + 1) % 2 == 0, n_trees)
            splits[2 * n :: 2 * n + 1] = False
        weights = rng.choice([-1.0, 1.0], (n_trees * n, 2)) * rng.uniform(0.01, 300.0, (n_trees * n, 2))
        weights[::7, 0] = 0.0
        columns = np.array([rng.choice(6, 2, replace=False) for _ in range(n_trees * n)])
        rows = rng.normal(size=(bitwise.MANY + 1_500, 6))
        anchors, centres = rows[rng.integers(0, len(rows), n_trees * n)], rng.normal(size=(n_trees * n, 2))
        edges = ((np.take_along_axis(anchors, columns, axis=1) - centres) * weights).sum(axis=1)  # through these rows
        values = rng.normal(size=len(splits))
        values[splits] = edges + rng.choice([0.0, 1e-12, -1e-11, 1e-8, -1e-7], len(edges))
        forest = PlaneForest(
            sizes=np.full(n_trees, 2 * n + 1), splits=splits, values=values, columns=columns, weights=weights,
            centres=centres, n_features=6,
        )  # fmt: skip
        rows[len(rows) - far :] *= 1e3
        few = np.concatenate([forest.predict(part) for part in np.array_split(rows, 7)])
        np.testing.assert_array_equal(forest.predict(rows), few)
        assert far > 1_000 or "_steps" in forest.__dict__

    @pytest.mark.parametrize("ranges", [False, True])
    def test_what_is_damaged_is_refused(self, *, ranges: bool) -> None:
        state = planes(ranges=ranges).to_state()
        for what, damaged in damaged_states(state):
            with pytest.raises(StorageError):
                raise AssertionError(f"{what}: {PlaneForest.from_state(damaged)}")
        check_odd_numbers(PlaneForest, state)


def test_sums_of_many_groups_are_those_of_each_alone() -> None:
    forest = from_lightgbm_text(booster("squares", HOLES).model_to_string())
    counts = np.array([1, 0, 7, 2, 3, 0, 1, 1, 5, 10])
    ends = np.cumsum(counts)
    parts = [forest_of(forest, slice(end - n, end)) for n, end in zip(counts, ends, strict=True)]
    for rows in (HOLES[:1], HOLES[:2], HOLES[:9], HOLES):
        whole = forest.sums(rows, counts)
        assert np.array_equal(whole, np.column_stack([part.sums(rows)[:, 0] for part in parts]))


def forest_of(forest: Forest, trees: slice) -> Forest:
    """Some of its trees."""
    starts = np.concatenate(([0], np.cumsum(forest.sizes)))
    nodes = slice(int(starts[trees.start]), int(starts[trees.stop]))
    return replace(
        forest,
        sizes=forest.sizes[trees],
        features=forest.features[nodes],
        values=forest.values[nodes],
        missing_right=forest.missing_right[nodes],
        gains=np.zeros(0),
    )
