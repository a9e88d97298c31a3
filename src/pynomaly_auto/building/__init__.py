"""Builds knowledge bases: measures detectors on labelled tables and learns from what was measured."""

from pynomaly_auto.building._build import Plan, Progress, add, build
from pynomaly_auto.building._measure import restate
from pynomaly_auto.building._novelty import split
from pynomaly_auto.building._sources import Task, find_tasks, load_task, read_labelled

__all__ = ["Plan", "Progress", "Task", "add", "build", "find_tasks", "load_task", "read_labelled", "restate", "split"]
