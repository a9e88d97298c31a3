"""Where the fusion starts from: few members' mean, everybody's where these are missing."""

from __future__ import annotations

import numpy as np
import pytest

from pynomaly_auto.models import (
    BaseMargin,
    Fusion,
    MemberScores,
    fusion_features,
    fusion_inputs,
    log_mean_rank,
    table_facts,
)

NAMES = ("knn:trimmed", "pca:trimmed", "mcd:trimmed", "iforest", "hbos", "ecod", "loda")
CORE = NAMES[:3]


def member_scores(names=NAMES, n=60):
    rng = np.random.default_rng(len(names))
    ranks = rng.exponential(size=(n, len(names)))
    return MemberScores(names=tuple(names), ranks=ranks, magnitudes=ranks)


def design(told):
    features = fusion_features(NAMES)
    return features, fusion_inputs(features, told, table_facts(told, n_features=4))


def test_it_is_the_log_of_its_members_mean_tail_rank():
    told = member_scores()
    features, X = design(told)
    found = log_mean_rank(features, X, CORE)
    assert found == pytest.approx(np.log1p(told.ranks[:, :3].mean(axis=1)), abs=1e-6)
    line = BaseMargin(members=CORE, slope=2.0, intercept=-1.0)
    assert line.log_odds(features, X) == pytest.approx(2.0 * found - 1.0)


@pytest.mark.parametrize("there", [CORE[:2], ()])
def test_too_few_of_its_members_give_way_to_all_members(there):
    told = member_scores((*there, *NAMES[3:]))
    features, X = design(told)
    assert log_mean_rank(features, X, CORE) == pytest.approx(np.log1p(told.ranks.mean(axis=1)), abs=1e-6)
    assert BaseMargin(members=CORE, slope=1.0, intercept=0.0).among(told.names) == ()


def test_one_row_starts_where_it_does_among_many():
    features, X = design(member_scores())
    alone = [log_mean_rank(features, X[i : i + 1], CORE)[0] for i in range(len(X))]
    assert alone == log_mean_rank(features, X, CORE).tolist()


def test_the_fusion_adds_its_trees_to_it():
    import lightgbm

    told = member_scores()
    features, X = design(told)
    y = (told.ranks[:, 3] > 2).astype(int)
    data = lightgbm.Dataset(X, label=y, feature_name=[f"f{i}" for i in range(len(features))])
    text = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 5).model_to_string()
    line = BaseMargin(members=CORE, slope=3.0, intercept=0.5, share=0.6)
    facts = table_facts(told, n_features=4)
    plain, based = Fusion.of(features, [text], 0.7), Fusion.of(features, [text], 0.7, line)
    gap = based.log_odds(told, facts) - plain.log_odds(told, facts)
    assert gap == pytest.approx(line.log_odds(features, X))
    shares = based.importance(NAMES)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert all(shares[name] >= 0.2 for name in CORE)  # six tenths among three
