"""What goes along through the stages of a run, and how long each takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pynomaly_auto._deadline import Deadline
from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.dataset import Table, TableEncoder
from pynomaly_auto.engine._heeding import Given
from pynomaly_auto.engine._looking import Looking
from pynomaly_auto.engine._progress import Progress
from pynomaly_auto.engine._ruled import Stated
from pynomaly_auto.records import Dataset
from pynomaly_auto.settings import Settings
from pynomaly_auto.tracking import NullTracker, Tracker
from pynomaly_auto.tuning import Journal


@dataclass(frozen=True, kw_only=True, eq=False)
class Work:
    """What the stages of one run work with: the table, opened and encoded, what is asked for, and what goes along."""

    table: Table
    given: Given
    encoder: TableEncoder
    dataset: Dataset
    looking: Looking | None
    stated: Stated | None
    settings: Settings
    room: int | None  # bytes that all workers may take together; None: most of what is free
    deadline: Deadline
    stage: Stages
    tracker: Tracker | NullTracker
    journal: Journal | None


class Stages:
    """Measures the stages of a run and tells the progress bar of them."""

    def __init__(self, progress: Progress) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time one stage. Its numerical libraries get one thread: others' waiting for each other costs a busy machine
        far more than they gain, and the cores are the workers'.
        """
        self.progress.stage(name)
        start = time.perf_counter()
        try:
            with ONE_THREAD:
                yield
        finally:
            self.seconds[name] = time.perf_counter() - start
