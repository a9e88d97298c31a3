"""Detectors of rare values: what they read back of encoded rows, and what they make of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.detectors import DETECTORS, FittedDetector, fit_detector
from pynomaly_auto.detectors.estimators._categories import CoupledWalk, PairSurprise, ValueSurprise, ZeroAppearances
from pynomaly_auto.detectors.estimators._levels import Levels

N = 600
NAMES = [name for name, spec in DETECTORS.items() if spec.capabilities.needs_categories]
SIDES = {"left": ("red", "green", "blue"), "right": ("white", "black", "grey")}


def _rng() -> np.random.Generator:
    return np.random.default_rng(11)


def _table(n: int = N) -> pd.DataFrame:
    """A colour goes with a side, a size is as it is, a state is missing at times, a flag has two values."""
    rng = _rng()
    side = rng.choice(["left", "right"], n)
    frame = pd.DataFrame(
        {
            "side": side,
            "colour": [SIDES[s][i] for s, i in zip(side, rng.choice(3, n, p=[0.5, 0.3, 0.2]), strict=True)],
            "size": rng.normal(size=n),
            "stars": rng.choice(5, n).astype(float),
            "state": pd.Series(rng.choice(["new", "old", "used"], n)).where(rng.random(n) > 0.1),
        }
    )
    frame.loc[3, ["side", "colour"]] = ["left", "white"]  # neither is rare; together they are
    return frame


def _encoded(frame: pd.DataFrame) -> tuple[TableEncoder, Any]:
    encoder = TableEncoder().fit(frame)
    return encoder, encoder.encode(frame).X


class TestLevels:
    def test_categories_are_read_back(self) -> None:
        frame = _table()
        _, X = _encoded(frame)
        codes = Levels().fit(X).apply(X)
        for name in ("side", "colour", "state", "stars"):
            wanted = frame[name].fillna("none") if name == "state" else frame[name]
            same = [k for k in range(codes.shape[1]) if _one_to_one(codes[:, k], wanted)]
            assert len(same) == 1, name  # and what stands beside them of rarity and form is left out
        assert not (codes == Levels().fit(X).sizes_).any()

    def test_numbers_are_put_into_bins_whose_outer_ones_are_open(self) -> None:
        X = _rng().normal(size=(1_000, 1))
        levels = Levels().fit(X)
        assert levels.sizes_.tolist() == [10]
        far = levels.apply(np.array([[-1e6], [-4.0], [4.0], [1e6]])).ravel()
        assert far.tolist() == [0, 0, 9, 9]

    @pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.UnseenValuesWarning")
    def test_a_level_that_no_row_had_is_none_of_them(self) -> None:
        frame = _table()
        encoder, X = _encoded(frame)
        levels = Levels().fit(X)
        later = frame.head(3).assign(side=["up", "left", "left"], colour=["red", "pink", "red"])
        unseen = levels.apply(encoder.encode(later).X) == levels.sizes_
        assert unseen.sum(axis=1).tolist() == [1, 1, 0]

    def test_a_level_that_the_rows_fitted_on_lack_is_no_hindrance(self) -> None:
        frame = _table()
        frame.loc[5, "colour"] = "pink"
        _, X = _encoded(frame)
        levels = Levels().fit(np.delete(X, 5, axis=0))
        assert (levels.apply(X) == levels.sizes_).any(axis=1).tolist() == [i == 5 for i in range(N)]

    def test_where_nothing_varies_there_is_one_level(self) -> None:
        levels = Levels().fit(np.ones((9, 3)))
        assert levels.sizes_.tolist() == [1]
        assert levels.apply(np.array([[1.0, 1.0, 1.0], [2.0, 1.0, 1.0]])).ravel().tolist() == [0, 1]


def _one_to_one(codes: Any, values: Any) -> bool:
    pairs = pd.DataFrame({"a": codes, "b": list(values)}).drop_duplicates()
    return bool(len(pairs) == pairs["a"].nunique() == pairs["b"].nunique())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore::pynomaly_auto.errors.UnseenValuesWarning")
class TestAll:
    def test_a_row_alone_scores_as_among_others_and_after_storing(self, name: str) -> None:
        frame = _table()
        encoder, X = _encoded(frame)
        fitted, _ = fit_detector(DETECTORS[name], {}, X, seed=0)
        later = encoder.encode(frame.head(40).assign(colour="pink")).X
        scores = fitted.score(later)
        assert np.array_equal(np.concatenate([fitted.score(row[None]) for row in later]), scores)
        again = FittedDetector.from_state(DETECTORS[name], {}, fitted.to_state(), n_features=X.shape[1])
        assert np.array_equal(again.score(later), scores)

    def test_a_level_that_no_row_had_is_odder_than_any(self, name: str) -> None:
        encoder, X = _encoded(_table())
        fitted, _ = fit_detector(DETECTORS[name], {}, X, seed=0)
        colours = [colour for side in SIDES.values() for colour in side]
        row = _table().iloc[[10]].assign(side="left")
        known = [fitted.score(encoder.encode(row.assign(colour=c)).X)[0] for c in colours]
        assert fitted.score(encoder.encode(row.assign(colour="pink")).X)[0] >= max(known)

    def test_the_order_of_the_rows_does_not_matter(self, name: str) -> None:
        _, X = _encoded(_table())
        order = _rng().permutation(N)
        _, scores = fit_detector(DETECTORS[name], {}, X, seed=0)
        _, mixed = fit_detector(DETECTORS[name], {}, X[order], seed=0)
        assert np.allclose(mixed, scores[order])


@pytest.mark.parametrize("name", ["pair_histograms", "zero_plus_plus", "mixed_knn", "spad"])
def test_a_pair_of_usual_values_that_never_meet(name: str) -> None:
    frame = _table().drop(columns=["size", "state"])
    _, X = _encoded(frame)
    _, scores = fit_detector(DETECTORS[name], {}, X, seed=0)
    alike = (frame["stars"] == frame["stars"][3]).to_numpy()
    assert scores[3] == scores[alike].max()
    assert (scores >= scores[3]).sum() <= 5


def test_spad_adds_the_rarities_of_a_rows_values() -> None:
    frame = _table()[["side", "colour"]]
    _, X = _encoded(frame)
    scores = ValueSurprise("spad").fit(X).decision_function(X)
    wanted = np.zeros(N)
    for name in frame:
        counts = frame[name].map(frame[name].value_counts())
        wanted -= np.log((counts + 1) / (N + frame[name].nunique())).to_numpy()
    assert np.allclose(scores, wanted)


def test_zero_appearances_are_the_mean_over_samples() -> None:
    frame = _table(60)[["side", "colour"]]
    _, X = _encoded(frame)
    scores = ZeroAppearances(size=4).fit(X).decision_function(X)
    rng, pairs = _rng(), (frame["side"] + frame["colour"]).to_numpy()
    samples = pairs[rng.integers(0, 60, (20_000, 4))]
    seen = {pair: (samples != pair).all(axis=1).mean() for pair in set(pairs)}
    assert np.allclose(scores, [seen[pair] for pair in pairs], atol=0.02)


def test_pairs_have_a_share_of_rows_in_which_columns_are_independent() -> None:
    frame = _table()[["side", "colour"]]
    _, X = _encoded(frame)
    scores = PairSurprise(prior=2.0).fit(X).decision_function(X)
    joint = frame.groupby(["side", "colour"])["side"].transform("size")
    alone = [(frame[c].map(frame[c].value_counts()) + 1) / (N + frame[c].nunique()) for c in frame]
    assert np.allclose(scores, -np.log((joint + 2.0 * alone[0] * alone[1]) / (N + 2.0)))


def test_the_walk_stays_where_it_comes_from() -> None:
    """What it visits is the same after one step more, by the graph written down value by value."""
    frame = _table()[["side", "colour"]]
    _, X = _encoded(frame)
    walk = CoupledWalk(damping=0.9).fit(X)
    values = [(c, v) for c in frame for v in frame[c].unique()]
    share = {(c, v): float((frame[c] == v).mean()) for c, v in values}
    mode = {c: max(share[w] for w in values if w[0] == c) for c in frame}
    odd = {w: (1 - mode[w[0]] + (mode[w[0]] - share[w]) / mode[w[0]]) / 2 for w in values}
    steps = np.array(
        [
            [
                0.0 if u[0] == v[0] else odd[v] * ((frame[u[0]] == u[1]) & (frame[v[0]] == v[1])).mean() / share[v]
                for v in values
            ]
            for u in values
        ]
    )
    steps /= steps.sum(axis=1, keepdims=True)
    here = np.full(len(values), 1 / len(values))
    for _ in range(500):
        here = 0.1 / len(values) + 0.9 * here @ steps
        here /= here.sum()
    relevance = {c: sum(h for h, w in zip(here, values, strict=True) if w[0] == c) for c in frame}
    of = {w: h * relevance[w[0]] / sum(relevance.values()) for h, w in zip(here, values, strict=True)}
    wanted = [sum(of[c, row[c]] for c in frame) for _, row in frame.iterrows()]
    assert np.allclose(walk.decision_function(X), wanted)


def test_one_column_is_judged_by_itself() -> None:
    X = np.repeat([[0.0], [1.0], [5.0]], [40, 9, 1], axis=0)
    for name in NAMES:
        _, scores = fit_detector(DETECTORS[name], {}, X, seed=0)
        assert scores.argmax() == 49, name
