"""The learned fusion of a knowledge base, applied to measured score vectors."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pandas as pd

from pynomaly_auto.building import Task
from pynomaly_auto.building.learning._designs import member_scores_of
from pynomaly_auto.building.measuring._parts import read_part
from pynomaly_auto.building.tasks._sources import load_task
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.deciding import Probabilities, learn
from pynomaly_auto.ensembling import Fused
from pynomaly_auto.knowledge import KnowledgeBase
from pynomaly_auto.models import Judged, table_facts
from pynomaly_auto.regimes import CONTAMINATED
from pynomaly_auto.scoring import tail_ranks


def fuse(task: Task, part: str, base: str, max_rows: int) -> pd.DataFrame:
    """Final scores and probabilities of one task's rows, from its measured score vectors (runs in a worker)."""
    known = _opened(base)
    fusion, calibrator = known.fusion, known.calibrator
    assert fusion is not None
    assert calibrator is not None
    table, labels = load_task(task, max_rows=max_rows, seed=0)
    record, results = read_part(Path(part))
    X = TableEncoder().fit(table).encode(table).X
    meta = {k.removeprefix("mf_"): v for k, v in record.items() if k.startswith("mf_")}
    weight = fusion.blend * min(1.0, 2.0 * known.neighbours(meta).confidence)
    member_scores = member_scores_of(results, len(labels))
    robust = np.ascontiguousarray(
        member_scores.only(fusion.core(member_scores.names) or CONTAMINATED.portfolio).ranks
    ).mean(axis=1)
    chosen = member_scores.only(fusion.knows(member_scores.names))
    facts = table_facts(chosen, n_features=X.shape[1])
    odds = fusion.log_odds(chosen, facts)
    fused = Fused.of(fusion, odds, facts, weight)
    _, scores = fused.over(X, fused.blend(robust, odds), seed=0)
    judged = Judged(scores=scores, odds=odds, robust=robust, tails=tail_ranks(scores), facts=facts)
    learned = learn(scores, Probabilities(values=calibrator.probabilities(judged)), None, None, seed=0)
    rows = np.arange(len(labels))
    called = np.argsort(np.argsort(-scores)) < learned.labelled
    return pd.DataFrame(
        {
            "task": task.name, "row": rows, "score": scores.astype(np.float32),
            "probability": learned.probabilities.astype(np.float32), "label": called,
        }
    )  # fmt: skip


@functools.cache
def _opened(base: str) -> KnowledgeBase:
    return KnowledgeBase.open(base)
