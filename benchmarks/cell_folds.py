"""``python -m benchmarks.cell_folds PARTS --out DIR``: knowledge bases whose models of cells left out a fold of groups.

PARTS is the folder of measured tables that ``pynomaly kb cells`` keeps. What is made is for
`benchmarks.mixed run --knowledge 'DIR/kb-fold{fold}'`, which judges every table with a base whose models of cells have
seen no table of its group. All else in the bases is what is shipped, which has seen none of `dirty/` and `business/`.
Nothing is measured anew; a base that is there already is kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks._knowledge import FOLDS
from pynomaly_auto.building import group_folds
from pynomaly_auto.building._assemble import put_models
from pynomaly_auto.building.learning._cells import learn_cells
from pynomaly_auto.building.measuring._cell_parts import read_cell_task
from pynomaly_auto.cells import CELL_DETECTORS
from pynomaly_auto.knowledge import KnowledgeBase


def main(arguments: Sequence[str] | None = None) -> None:
    """Learn what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folds", type=int, default=2)
    options = parser.parse_args(arguments)
    shipped = KnowledgeBase.shipped()
    files = sorted(options.parts.glob("*.npz"))
    if shipped is None or not files:
        raise SystemExit(f"{options.parts} holds no measured table, or there is no knowledge base to put models into.")
    tasks = [read_cell_task(file) for file in files]
    folds = group_folds([task.group for task in tasks], options.folds, 0)
    options.out.mkdir(parents=True, exist_ok=True)
    by_group = {task.group: int(fold) for task, fold in zip(tasks, folds, strict=True)}
    (options.out / FOLDS).write_text(json.dumps(dict(sorted(by_group.items()))))
    for fold in range(options.folds):
        out = options.out / f"kb-fold{fold}"
        if (out / "manifest.json").is_file():
            continue
        draft = options.out / f".kb-fold{fold}"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(shipped.path, draft)
        kept = [task for task, at in zip(tasks, folds, strict=True) if at != fold]
        put_models(draft, learn_cells(kept, tuple(CELL_DETECTORS), seed=0))
        draft.rename(out)
        print(f"fold {fold}: learned on {len(kept)} of {len(tasks)} tables", flush=True)


if __name__ == "__main__":
    main()
