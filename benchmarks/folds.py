"""``python -m benchmarks.folds SOURCES --parts PARTS --out DIR``: knowledge bases that each leave a fold of groups out.

They are what an evaluation on the shared tables may use: `benchmarks.quality real --knowledge DIR/kb-fold{fold}` runs
every table with the base that knows nothing of its group. ``--fused FILE`` also writes the final scores and
probabilities that those bases' fusion and calibrator give the measured score vectors of all tables, for
`benchmarks.quality cached`. Nothing is measured anew; a base that is there already is kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmarks._bases import measured, write_base
from benchmarks._fusing import fuse
from benchmarks._knowledge import FOLDS, Bases
from pynomaly_auto.building import Task, find_tasks, group_folds
from pynomaly_auto.building._build import part_of
from pynomaly_auto.pool import Job, Pool

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
    (options.out / FOLDS).write_text(json.dumps({g: int(f) for g, f in sorted(fold_of.items())}))
    missing = [f for f in range(options.folds) if not (options.out / _NAME.format(f) / "manifest.json").is_file()]
    if missing:
        _build(tasks, [(f, {g for g, at in fold_of.items() if at != f}) for f in missing], options)
    if options.fused is not None:
        _fuse(tasks, options)


def _build(tasks: Sequence[Task], folds: Sequence[tuple[int, set[str]]], options: argparse.Namespace) -> None:
    known = measured(tasks, options.parts, workers=options.workers, max_rows=options.max_rows)
    for fold, groups in folds:
        print(f"fold {fold}: {write_base(known, groups, options.out / _NAME.format(fold))}", flush=True)


def _fuse(tasks: Sequence[Task], options: argparse.Namespace) -> None:
    bases = Bases(str(options.out / _NAME.format("{fold}")))  # refuses one that knows the group of a table
    allowed = {task.name: bases.base(task.group).path for task in tasks}
    frames = []
    with Pool(options.workers) as pool:
        for task in tasks:
            args = (task, str(part_of(options.parts, task)), allowed[task.name], options.max_rows)
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


if __name__ == "__main__":
    main()
