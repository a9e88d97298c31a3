"""``python -m benchmarks.folds SOURCES --parts PARTS --out DIR``: knowledge bases that each leave a fold of groups out.

They are what an evaluation on the shared tables may use: `benchmarks.quality real --knowledge DIR/kb-fold{fold}` runs
every table with the base that knows nothing of its group. ``--fused FILE`` also writes the final scores and
probabilities that those bases' fusion and calibrator give the measured score vectors of all tables, for
`benchmarks.quality cached`. Nothing is measured anew; a base that is there already is kept.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from pynomaly_auto.building import Task, find_tasks, group_folds
from pynomaly_auto.building._assemble import assemble, described, parts_tables
from pynomaly_auto.building._build import part_of
from pynomaly_auto.building._fuse import VIEWED, fusion_members, learn_fusion
from pynomaly_auto.building._laying import lay_tables, votes_of
from pynomaly_auto.building._parts import read_part
from pynomaly_auto.building._sources import load_task
from pynomaly_auto.dataset import TableEncoder
from pynomaly_auto.deciding import learn
from pynomaly_auto.ensembling import Fused
from pynomaly_auto.knowledge import Judged, KnowledgeBase, table_facts
from pynomaly_auto.pool import Job, Pool
from pynomaly_auto.recommending import PORTFOLIO
from pynomaly_auto.scoring import tail_ranks

_NAME = "kb-fold{}"


def main() -> None:
    """Build what is missing, then fuse."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path, nargs="+")
    parser.add_argument("--parts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--max-rows", type=int, default=5_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--fused", type=Path)
    options = parser.parse_args()
    tasks = [t for t in find_tasks(options.sources) if part_of(options.parts, t).is_file()]
    fold_of = dict(zip((t.group for t in tasks), group_folds([t.group for t in tasks], options.folds, 0), strict=True))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "folds.json").write_text(json.dumps({g: int(f) for g, f in sorted(fold_of.items())}))
    missing = [f for f in range(options.folds) if not (options.out / _NAME.format(f) / "manifest.json").is_file()]
    if missing:
        _build(tasks, [(f, {g for g, at in fold_of.items() if at != f}) for f in missing], options)
    if options.fused is not None:
        _fuse(tasks, fold_of, options)


def _build(tasks: Sequence[Task], folds: Sequence[tuple[int, set[str]]], options: argparse.Namespace) -> None:
    files = {t.name: part_of(options.parts, t) for t in tasks}
    members = fusion_members(VIEWED)
    laid = lay_tables(tasks, files, members, max_rows=options.max_rows, seed=0, workers=options.workers)
    measured, results = parts_tables(files[t.name] for t in tasks)
    measured = described(measured, tasks)
    print(f"{len(laid)} tables laid out", flush=True)
    for fold, groups in folds:
        learned = learn_fusion([t for t in laid if t.group in groups], members, seed=0)
        kept = measured[measured["group"].isin(groups)]
        tables = (kept, results[results["task"].isin(set(kept["task"]))])
        out = options.out / _NAME.format(fold)
        assemble(tables, out, seed=0, max_rows=options.max_rows, learned=learned)
        print(f"fold {fold}: {len(kept)} tables; {dict(learned['fusion'].validation)}", flush=True)


def _fuse(tasks: Sequence[Task], fold_of: dict[str, int], options: argparse.Namespace) -> None:
    frames = []
    with Pool(options.workers) as pool:
        for task in tasks:
            base = options.out / _NAME.format(fold_of[task.group])
            args = (task, str(part_of(options.parts, task)), str(base), options.max_rows)
            pool.submit(Job(function=fuse, args=args, timeout=300.0, key=task.name))
        while pool.pending:
            outcome = pool.collect()
            if outcome is None:
                continue
            if outcome.status == "completed":
                frames.append(outcome.value)
            else:
                print(f"{outcome.key}: {outcome.error or outcome.status}", flush=True)
    pd.concat(frames, ignore_index=True).to_parquet(options.fused, compression="zstd", index=False)
    print(f"{len(frames)} tables fused", flush=True)


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
    votes = votes_of(results, len(labels))
    robust = np.ascontiguousarray(votes.only(PORTFOLIO).ranks).mean(axis=1)
    chosen = votes.only(fusion.knows(votes.names))
    facts = table_facts(chosen, n_features=X.shape[1])
    fused, odds = Fused.of(fusion, chosen, facts, weight)
    _, scores = fused.over(X, fused.blend(robust, odds), seed=0)
    judged = Judged(scores=scores, odds=odds, robust=robust, tails=tail_ranks(scores), facts=facts)
    learned = learn(scores, calibrator.probabilities(judged), None, None)
    rows = np.arange(len(labels))
    count = learned.labelled or 0
    return pd.DataFrame(
        {
            "task": task.name, "row": rows, "score": scores.astype(np.float32),
            "probability": learned.probabilities.astype(np.float32), "label": np.argsort(np.argsort(-scores)) < count,
        }
    )  # fmt: skip


@functools.cache
def _opened(base: str) -> KnowledgeBase:
    return KnowledgeBase.open(base)


if __name__ == "__main__":
    main()
