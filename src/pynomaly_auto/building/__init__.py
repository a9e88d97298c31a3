"""Builds knowledge bases: measures detectors on labelled tables and learns from what was measured."""

from pynomaly_auto.building._build import add, build
from pynomaly_auto.building._build_cells import build_cells
from pynomaly_auto.building._plan import Plan, Progress
from pynomaly_auto.building.learning._splits import group_folds
from pynomaly_auto.building.measuring._held_out import split
from pynomaly_auto.building.measuring._measure import restate
from pynomaly_auto.building.tasks._corruptions import CORRUPTIONS, Corruption
from pynomaly_auto.building.tasks._sources import (
    Loaded,
    Task,
    find_tasks,
    load_rows,
    load_task,
    read_labelled,
    variants_of,
)
from pynomaly_auto.building.tasks._suites import Registry, TableFacts, read_registry, table_facts

__all__ = [
    "CORRUPTIONS",
    "Corruption",
    "Loaded",
    "Plan",
    "Progress",
    "Registry",
    "TableFacts",
    "Task",
    "add",
    "build",
    "build_cells",
    "find_tasks",
    "group_folds",
    "load_rows",
    "load_task",
    "read_labelled",
    "read_registry",
    "restate",
    "split",
    "table_facts",
    "variants_of",
]
