from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks._cached import (
    ALL,
    ELECT,
    FAMILY_MEANS,
    FAMILY_ORACLE,
    FUSED,
    METAOD,
    ORACLE,
    _viewed,
    combined,
    evaluate,
)
from benchmarks._choosing import by_internal_measures, by_meta_features
from benchmarks._panel import detectors_of, of_cached
from benchmarks._report import Pictures, cached_report
from pynomaly_auto.building import Task, load_task
from pynomaly_auto.building.measuring._parts import DEFAULT, read_part, write_part
from pynomaly_auto.models import META, STATISTIC
from pynomaly_auto.scoring import STATISTICS, average_precision, roc_auc, tail_ranks
from tests.benchmarks.conftest import labelled

DETECTORS = ("knn_mean", "iforest", "mcd", "hbos")


@pytest.fixture
def tasks(tmp_path):
    out = []
    for i in range(4):
        X, y = labelled(80, i, shift=1.5)
        path = tmp_path / f"t{i}.npz"
        np.savez(path, X=X, y=y)
        out.append(Task(name=f"t{i}", suite="uci", group=f"g{i}", domain="", source="made", licence="", path=path))
    return out


@pytest.fixture
def parts(tmp_path, tasks):
    """Scores that know the labels to a degree; the fair-cut forest fails, and MCD on the first table."""
    folder = tmp_path / "parts"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i, task in enumerate(tasks):
        _, y = load_task(task, max_rows=80, seed=0)
        rows = []
        for j, name in enumerate((*DETECTORS, "fair_cut_forest")):
            failed = name == "fair_cut_forest" or (name == "mcd" and i == 0)
            scores = None if failed else (y * (2.0 - 0.5 * j) + rng.normal(size=80)).astype(np.float32)
            row = {"task": task.name, "detector": name, "config": "default", "seed": 0, "scores": scores}
            row |= {"status": "failed" if failed else "completed", "error": ""}
            row |= {"roc_auc": np.nan if failed else roc_auc(y, np.asarray(scores, dtype=float))}
            rows.append(row | {STATISTIC + s: rng.normal() for s in STATISTICS})
        record = {
            "task": task.name, "suite": "uci", "group": task.group, "domain": "", "n_rows": 80, "n_columns": 3,
            "n_features": 3, "anomaly_share": float(y.mean()),
        }  # fmt: skip
        write_part(
            folder / f"t{i}.parquet", record | {META + m: float(rng.normal()) for m in "abc"}, pd.DataFrame(rows)
        )
    return folder


def test_every_method_is_judged_with_the_members_that_are_there(parts, tasks):
    lines = evaluate(parts, tasks)
    assert [line["table"] for line in lines] == ["t0", "t1", "t2", "t3"]
    assert lines[0]["failed"] == ["fair_cut_forest", "mcd"]
    assert lines[1]["failed"] == ["fair_cut_forest"]
    _, table = read_part(parts / "t0.parquet")
    _, y = load_task(tasks[0], max_rows=80, seed=0)
    scores = {r.detector: np.asarray(r.scores, dtype=float) for r in table.itertuples() if r.scores is not None}
    two = np.mean([tail_ranks(scores[n]) for n in ("knn_mean", "iforest")], axis=0)
    measured = lines[0]["measured"]
    assert measured["mean of kNN, IForest, MCD"] == pytest.approx([roc_auc(y, two), average_precision(y, two)])
    assert measured["hbos"] == pytest.approx([roc_auc(y, scores["hbos"]), average_precision(y, scores["hbos"])])
    assert measured[ORACLE][0] == max(measured[d][0] for d in scores)
    assert measured[FAMILY_ORACLE][1] <= measured[ORACLE][1]
    assert {ALL, FAMILY_MEANS, METAOD, ELECT} <= set(measured)
    assert measured[METAOD] in [measured[d] for d in scores]


def test_labels_that_do_not_belong_to_the_scores_are_found_out(parts, tasks, capsys):
    X, y = labelled(80, 0)
    np.savez(tasks[0].path, X=X, y=y[::-1])
    lines = evaluate(parts, tasks)
    assert [line["table"] for line in lines] == ["t1", "t2", "t3"]
    assert "labels or rows have changed" in capsys.readouterr().err


def test_fused_scores_become_ours(parts, tasks, tmp_path):
    rows = []
    for task in tasks[:3]:
        _, y = load_task(task, max_rows=80, seed=0)
        p = np.where(y == 1, 0.9, 0.05)
        rows.append(pd.DataFrame({"task": task.name, "row": np.arange(80), "score": p, "probability": p}))
    fused = tmp_path / "fused.parquet"
    pd.concat(rows).sample(frac=1, random_state=0).to_parquet(fused)
    lines = evaluate(parts, tasks, fused)
    assert [line["fused"]["roc_auc"] for line in lines[:3]] == [1.0] * 3
    panel = of_cached(lines)
    assert panel is not None
    assert (panel.ours, len(panel), panel.left_out) == (FUSED, 3, 1)
    assert detectors_of(panel) == tuple(sorted(DETECTORS))
    assert panel.filled("roc_auc")[0, panel.methods.index("mcd")] == 0.5  # failed there: chance
    text = cached_report(lines, Pictures(folder=None))
    assert "Methods with a higher mean than ours (pynomaly_auto, fused): in ROC-AUC none; in AP none." in text
    assert "From the best fixed detector to the oracle" in text
    assert "| mcd |" in text


def test_fused_scores_of_other_rows_are_refused(parts, tasks, tmp_path, capsys):
    table = pd.DataFrame({"task": "t0", "row": np.arange(79), "score": 0.1, "probability": 0.1})
    table.to_parquet(tmp_path / "fused.parquet")
    assert len(evaluate(parts, tasks, tmp_path / "fused.parquet")) == 3
    assert "rows 0 to 79 once each" in capsys.readouterr().err
    table.drop(columns="row").to_parquet(tmp_path / "fused.parquet")
    with pytest.raises(SystemExit, match="lacks the columns row"):
        evaluate(parts, tasks, tmp_path / "fused.parquet")


def test_a_folder_without_parts_is_said(tmp_path, tasks):
    with pytest.raises(SystemExit, match="no part of any of the 4 tasks"):
        evaluate(tmp_path, tasks)


def test_neighbours_of_other_groups_choose():
    # Two kinds of tables by one meta-feature; detector 0 is best on the first kind, 1 on the second.
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], 20)
    tasks = pd.DataFrame({META + "kind": kind * 5.0 + rng.normal(size=40) * 0.1, "group": np.arange(40).astype(str)})
    quality = np.where(kind[:, None] == [0, 1], 0.9, 0.5) + rng.normal(size=(40, 2)) * 0.01
    assert by_meta_features(tasks, quality, nearest=5) == kind.tolist()
    # A table's own group is not asked, however near it is.
    tasks["group"] = np.where(kind == 0, "same", tasks["group"])
    assert by_meta_features(tasks, quality, nearest=5)[:20] == [1] * 20


def test_agreement_of_internal_measures_chooses():
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], 15)
    order = np.where(kind[:, None] == 0, [1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0])
    statistics = order[:, :, None] + rng.normal(size=(30, 4, 6)) * 0.2
    quality = np.where(kind[:, None] == 0, [0.9, 0.6, 0.6, 0.5], [0.5, 0.6, 0.6, 0.9])
    groups = np.arange(30).astype(object)
    assert by_internal_measures(statistics, groups, quality, nearest=5) == np.where(kind == 0, 0, 3).tolist()
    quality[0, 0] = np.nan  # failed on the table itself: the next best is taken
    assert by_internal_measures(statistics, groups, quality, nearest=5)[0] in (1, 2)


def test_a_fixed_mean_may_name_members_in_other_views():
    scores = [np.arange(4.0), np.array([3.0, 0.0, 1.0, 2.0]), np.ones(4)]
    part = pd.DataFrame(
        {
            "detector": ["knn", "knn", "knn"], "config": [DEFAULT, "a", "b"], "scores": scores,
            "params": ["{}", '{"view": "trimmed"}', '{"n_neighbors": 3}'],
        }
    )  # fmt: skip
    views = _viewed(part)
    assert list(views) == ["knn:trimmed"]
    means = combined({"knn": tail_ranks(scores[0])}, views)
    assert np.array_equal(means["mean of trimmed kNN, PCA, LODA, MCD, KDE"], tail_ranks(scores[1]))
    assert np.array_equal(means[ALL], tail_ranks(scores[0]))
