"""The learned fusion's inputs, and the fusion itself."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from pynomaly_auto.errors import StorageError
from pynomaly_auto.models import (
    Calibrator,
    Fusion,
    Judged,
    MemberScores,
    calibration_features,
    calibration_inputs,
    fusion_features,
    fusion_inputs,
    table_facts,
)
from pynomaly_auto.models._member_scores import _quantile
from pynomaly_auto.testing import through_files

NAMES = ("knn_mean", "iforest", "mcd", "hbos:whitened")


def member_scores(n=200, seed=0, names=NAMES):
    rng = np.random.default_rng(seed)
    ranks = rng.exponential(size=(n, len(names)))
    return MemberScores(names=names, ranks=ranks, magnitudes=np.log1p(ranks))


def fusion(features=None, seed=0):
    """A model that finds rows with a large mean."""
    features = features or fusion_features(NAMES)
    told = member_scores(600, seed)
    X = fusion_inputs(features, told, table_facts(told, n_features=5))
    data = lightgbm.Dataset(X, label=(told.ranks.mean(axis=1) > 1.5).astype(int))
    params = {"objective": "binary", "verbosity": -1, "num_leaves": 7, "seed": 0, "num_threads": 1}
    return Fusion.of(features, [lightgbm.train(params, data, 20).model_to_string()], 0.7)


@pytest.mark.parametrize("members", [1, 2, 3, 4, 6, 17, 63])
def test_quantiles_of_the_ranks_are_those_of_numpy_to_the_last_bit(members):
    """Boosted trees may part two numbers that differ in the last bit."""
    rng = np.random.default_rng(members)
    ranks = rng.exponential(size=(500, members))
    ranks[::3] = np.round(ranks[::3], 1)
    ordered = np.sort(ranks, axis=1)
    for level in (0.25, 0.5, 0.75):
        np.testing.assert_array_equal(_quantile(ordered, level), np.quantile(ranks, level, axis=1))


def test_inputs_are_named_and_missing_members_are_missing():
    features = fusion_features(NAMES)
    told = member_scores().only(("iforest", "mcd", "hbos:whitened"))
    X = fusion_inputs(features, told, table_facts(told, n_features=5))
    at = {name: i for i, name in enumerate(features)}
    assert X.shape == (200, len(features))
    assert np.isnan(X[:, at["rank=knn_mean"]]).all()
    assert X[:, at["rank=iforest"]] == pytest.approx(told.ranks[:, 0])
    assert X[:, at["rank_mean"]] == pytest.approx(told.ranks.mean(axis=1))
    assert X[:, at["kind=marginal"]] == pytest.approx(told.ranks[:, 2])  # a view is of its detector's kind
    assert (X[:, at["table=features"]] == np.float32(np.log(5))).all()


def test_a_row_alone_has_the_inputs_it_has_in_a_batch():
    features, told = fusion_features(NAMES), member_scores()
    facts = table_facts(told, n_features=5)
    batch = fusion_inputs(features, told, facts)
    alone = np.concatenate([fusion_inputs(features, told.rows(slice(i, i + 1)), facts) for i in range(50)])
    assert np.array_equal(batch[:50], alone, equal_nan=True)


def test_facts_of_agreeing_and_of_single_members():
    one = member_scores(names=("knn",))
    assert np.isnan(table_facts(one, n_features=2)["agreement"])
    same = MemberScores(names=("knn", "iforest"), ranks=np.repeat(one.ranks, 2, axis=1), magnitudes=np.zeros((200, 2)))
    assert table_facts(same, n_features=2)["agreement"] == pytest.approx(1.0)
    many = member_scores(20_000)
    assert table_facts(many, n_features=2)["rows"] == pytest.approx(np.log(20_000))


def test_fusion_ranks_rows_and_says_what_it_knows():
    model, told = fusion(), member_scores(300, 1)
    assert model.members == NAMES
    odds = model.log_odds(told, table_facts(told, n_features=5))
    truth = told.ranks.mean(axis=1)
    assert np.corrcoef(odds, truth)[0, 1] > 0.7
    assert model.knows(["mcd", "stranger", "iforest", "hbos:whitened", "knn_mean"]) == NAMES
    assert model.knows(["mcd", "iforest"]) == ()
    shares = model.importance(NAMES)
    assert sum(shares.values()) == pytest.approx(1.0)
    again = Fusion.from_state(through_files(model.to_state()))
    assert again.log_odds(told, table_facts(told, n_features=5)).tolist() == odds.tolist()


def test_damaged_models_are_refused():
    with pytest.raises(StorageError, match="fusion is damaged"):
        Fusion.of(fusion_features(NAMES), ["nonsense"], 0.5)
    with pytest.raises(StorageError, match="calibrator is damaged"):
        Calibrator.of(("score",), "nonsense")


def test_models_over_other_inputs_are_refused():
    with pytest.raises(StorageError, match="it has 3 inputs, not 1"):
        Calibrator.of(("score",), lightgbm_text(3))


def lightgbm_text(width):
    X = np.random.default_rng(0).normal(size=(60, width))
    data = lightgbm.Dataset(X, label=(X[:, 0] > 0).astype(int))
    return lightgbm.train({"objective": "binary", "verbosity": -1}, data, 2).model_to_string()


def test_calibrator_gives_probabilities_of_any_number_of_rows():
    rng = np.random.default_rng(0)
    scores = rng.exponential(size=500)
    judged = Judged(scores=scores, odds=scores * 2, robust=scores, tails=scores, facts={"rows": 6.0})
    features = calibration_features(("rows",))
    X = calibration_inputs(features, judged)
    assert X.shape == (500, len(features))
    label = (rng.random(500) < 1 / (1 + np.exp(3 - 2 * scores))).astype(int)
    params = {"objective": "binary", "verbosity": -1, "num_leaves": 5, "num_threads": 1}
    model = Calibrator.of(features, lightgbm.train(params, lightgbm.Dataset(X, label=label), 20).model_to_string())
    p = model.probabilities(judged)
    assert ((p > 0) & (p < 1)).all()
    assert p.mean() == pytest.approx(label.mean(), abs=0.05)
