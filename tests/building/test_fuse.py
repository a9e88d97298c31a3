"""Learning the fusion: design matrices from parts, models judged on held-out groups."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pynomaly_auto.building import find_tasks
from pynomaly_auto.building.learning import _fuse as fuse
from pynomaly_auto.building.learning._designs import TableDesign, design_table, design_tables, member_scores_of
from pynomaly_auto.building.measuring._parts import write_part
from pynomaly_auto.forest import from_lightgbm_text
from pynomaly_auto.models import (
    Calibrator,
    Fusion,
    Gains,
    MemberScores,
    PeerStatistics,
    fusion_features,
    fusion_inputs,
    table_facts,
)
from pynomaly_auto.pool import Pool
from pynomaly_auto.scoring import roc_auc, tail_ranks

MEMBERS = ("knn_mean", "iforest", "mcd", "hbos")


def design(number: int) -> TableDesign:
    """A table on which the second member alone knows the anomalies."""
    rng = np.random.default_rng(number)
    y = (rng.random(200) < 0.1).astype(np.int64)
    y[:5] = 1
    scores = rng.normal(size=(200, 4))
    scores[:, 1] += 2.5 * y
    ranks = np.column_stack([tail_ranks(s) for s in scores.T])
    member_scores = MemberScores(names=MEMBERS, ranks=ranks, magnitudes=np.log1p(ranks))
    facts = table_facts(member_scores, n_features=4)
    X = fusion_inputs(fusion_features(MEMBERS), member_scores, facts)
    return TableDesign(
        task=f"t{number}", group=f"g{number // 2}", weight=1.0, X=X, y=y, row_weight=np.full(200, 1 / 200), judged=X,
        labels=y, robust=ranks.mean(axis=1), neighbours=np.empty((0, 9), dtype=np.int64), facts=facts,
    )  # fmt: skip


@pytest.fixture(scope="module")
def tables():
    return [design(i) for i in range(44)]


@pytest.fixture(scope="module")
def learned(tables):
    return fuse.learn_fusion(tables, MEMBERS, seed=0)


def test_the_fusion_learns_whom_to_believe(tables, learned):
    card = learned["fusion"]
    assert card.validation["roc_auc_0.75"] > card.validation["roc_auc_0"] + 0.05
    assert card.shrinkage in fuse._BLENDS
    model = Fusion.of(card.features, list(card.boosters.values()), card.shrinkage, card.base_margin)
    assert model.members == MEMBERS
    new = design(99)
    found = np.mean([f.predict(new.judged, raw=True) for f in model.forests], axis=0)
    assert roc_auc(new.labels, found) > roc_auc(new.labels, new.robust) + 0.05
    assert max(model.importance(MEMBERS), key=model.importance(MEMBERS).get) == "iforest"


def test_probabilities_are_calibrated_on_held_out_groups(learned):
    figures = learned["calibrator"].validation
    assert figures["expected_calibration_error"] < 0.04
    assert figures["share_mae"] < 0.05
    assert Calibrator.of(learned["calibrator"].features, learned["calibrator"].boosters["mean"]).features


def test_the_same_tables_give_the_same_models(tables, learned):
    assert fuse.learn_fusion(tables, MEMBERS, seed=0)["fusion"] == learned["fusion"]


def test_few_groups_teach_nothing(tables):
    assert fuse.learn_fusion(tables[:10], MEMBERS, seed=0) == {}


def test_members_are_neither_neural_nor_slow():
    members = fuse.fusion_members(fuse.VIEWED)
    assert {"knn_mean", "iforest", "knn_mean:ranks"} <= set(members)
    assert not {"autoencoder", "svr_residuals"} & set(members)


STRONG = ("knn_mean", "iforest", "mcd", "fair_cut_forest", "hbos", "loda", "sampling", "pca")


def part(folder, task, labels, members=STRONG):
    rng = np.random.default_rng(1)
    scores = [rng.normal(size=len(labels)) + labels for _ in members]
    frame = pd.DataFrame(
        {
            "task": task.name, "detector": [*members, "iforest", "knn"], "config": "default",
            "params": [*["{}"] * len(members), json.dumps({"view": "whitened"}), json.dumps({"n_neighbors": 3})],
            "scores": [*scores, np.zeros(len(labels)), scores[0]],
        }
    )  # fmt: skip
    path = folder / f"{task.name}.parquet"
    write_part(path, {"task": task.name, "group": task.group, "n_features": 3}, frame)
    return path, frame


def test_laying_out_a_measured_task(folder, tmp_path):
    task = next(t for t in find_tasks([folder]) if t.name == "set0")
    labels = np.zeros(120, dtype=np.int64)
    labels[:8] = 1
    path, frame = part(tmp_path, task, labels)
    member_scores = member_scores_of(frame, 120)
    assert member_scores.names == STRONG  # neither the constant nor the tuned one
    members = fuse.fusion_members(fuse.VIEWED)
    table = design_table(task, str(path), members, 1000, 0)
    assert table.judged.shape == (120, len(fusion_features(members)))
    assert table.labels.sum() == 8
    assert table.row_weight.sum() == pytest.approx(1.0)
    assert table.neighbours.shape == (120, 9)
    assert len(table.X) > 120  # some rows as a smaller ensemble sees them
    few, _ = part(tmp_path, task, labels, members=("knn_mean", "iforest"))
    assert design_table(task, str(few), members, 1000, 0) is None
    part(tmp_path, task, labels)
    with Pool(1) as pool:
        found = design_tables([task], {task.name: path}, members, pool, max_rows=1000, seed=0)
    assert [t.task for t in found] == ["set0"]
    assert np.array_equal(found[0].X, table.X, equal_nan=True)


def test_the_gain_of_a_member_is_learned(tables, learned):
    card = learned["gains"]
    peers = PeerStatistics.of_text(card.boosters["peers"])
    assert peers.names == MEMBERS
    assert max(zip(peers.strength, MEMBERS, strict=True))[1] == "iforest"  # it alone knows the anomalies
    assert np.diag(peers.likeness) == pytest.approx(1.0)
    forest = from_lightgbm_text(card.boosters["mean"])
    found = Gains(peers=peers, forest=forest).predict(["hbos"], ["iforest", "mcd"], tables[0].facts)
    assert found["iforest"] > found["mcd"] + 0.05
    assert card.validation["gain_of_chosen"] > card.validation["mean_gain"] + 0.01
    assert 0.5 < card.shrinkage <= 1.0
    assert fuse.learn_fusion(tables, MEMBERS, seed=0)["gains"] == card


def test_members_of_the_start_are_the_base_margin_where_they_were_measured(folder, tmp_path):
    task = next(t for t in find_tasks([folder]) if t.name == "set0")
    labels = np.zeros(120, dtype=np.int64)
    labels[:8] = 1
    path, frame = part(tmp_path, task, labels)
    trimmed = frame[frame["detector"].isin(["knn_mean", "pca", "mcd", "loda"])].assign(
        params=json.dumps({"view": "trimmed"}), detector=["knn", "mcd", "loda", "pca"]
    )
    trimmed["scores"] = [np.arange(120.0) * k for k in (1, 2, 3, 4)]
    record = {"task": task.name, "group": task.group, "n_features": 3}
    write_part(path, record, pd.concat([frame, trimmed], ignore_index=True))
    table = design_table(task, str(path), fuse.fusion_members(fuse.VIEWED), 1000, 0)
    assert table.robust == pytest.approx(tail_ranks(np.arange(120.0)))
