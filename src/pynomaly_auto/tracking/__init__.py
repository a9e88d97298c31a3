"""Tracking: what a run did, kept in MLflow, written by a process of its own so that no result ever waits for it."""

from pynomaly_auto.tracking._items import ChildRun, LogItem, Metric, Param, Tag, Text, log_items
from pynomaly_auto.tracking._tracker import NullTracker, TrackedRun, Tracker, open_tracker

__all__ = [
    "ChildRun", "LogItem", "Metric", "NullTracker", "Param", "Tag", "Text", "TrackedRun", "Tracker",
    "log_items", "open_tracker",
]  # fmt: skip
