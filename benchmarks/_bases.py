"""Knowledge bases made of measured tables, without the tables of some groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from pynomaly_auto.building import Task
from pynomaly_auto.building._assemble import Tables, assemble, described, parts_tables
from pynomaly_auto.building._build import part_of
from pynomaly_auto.building.learning._designs import TableDesign, design_tables
from pynomaly_auto.building.learning._fuse import VIEWED, fusion_members, learn_fusion
from pynomaly_auto.pool import Pool


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured:
    """What bases are made of: the tables, and rows of them as the fusion sees them."""

    tables: Tables
    designs: Sequence[TableDesign]
    max_rows: int


def measured(tasks: Sequence[Task], parts: Path, *, workers: int, max_rows: int) -> Measured:
    """What the parts of tasks hold.

    Args:
        tasks: Tasks whose part files are there.
        parts: Their folder.
        workers: Processes.
        max_rows: As the parts were measured with.
    """
    files = {t.name: part_of(parts, t) for t in tasks}
    with Pool(workers) as pool:
        designs = design_tables(tasks, files, fusion_members(VIEWED), pool, max_rows=max_rows, seed=0)
    found, results = parts_tables(files[t.name] for t in tasks)
    print(f"{len(designs)} design matrices", flush=True)
    return Measured(tables=Tables(tasks=described(found, tasks), results=results), designs=designs, max_rows=max_rows)


def write_base(known: Measured, groups: Set[str], out: Path) -> Mapping[str, float | None]:
    """Write the base that knows these groups alone.

    Returns:
        What its fusion reached on groups that it was not learned from.
    """
    learned = learn_fusion([t for t in known.designs if t.group in groups], fusion_members(VIEWED), seed=0)
    tasks, results = known.tables
    kept = tasks[tasks["group"].isin(groups)]
    tables = Tables(tasks=kept, results=results[results["task"].isin(set(kept["task"]))])
    assemble(tables, out, seed=0, max_rows=known.max_rows, learned=learned)
    return dict(learned["fusion"].validation) | {"tables": float(len(kept))}
