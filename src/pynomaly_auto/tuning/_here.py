"""Trials in this process: the quickest of the first round, so that there is an answer before any worker is up.

Starting processes takes a second, on a loaded machine several, while most detectors need milliseconds for a few
thousand rows. What runs here cannot be killed: so only our own detectors do, only where a fit is over after so many
steps and not when it has converged, only where that is expected to be at once, and only until the workers are up.
"""

from __future__ import annotations

import random
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil

from pynomaly_auto._machine import ONE_THREAD
from pynomaly_auto.pool import Outcome
from pynomaly_auto.records import FloatArray
from pynomaly_auto.tuning._objective import TrialRequest, run_trial


@dataclass(frozen=True, eq=False)
class _Rows:
    """What a worker would map from a file."""

    rows: FloatArray

    def load(self) -> FloatArray:
        return self.rows


def run_here(number: int, request: TrialRequest, rows: FloatArray) -> Outcome:
    """Carry out one trial now; whatever the detector raises becomes its outcome, as in a worker."""
    process = psutil.Process()
    before, started = process.memory_info().rss, time.perf_counter()
    with ONE_THREAD, _randomness_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the detector; a worker's would not be seen either
        try:
            value = run_trial(request, _Rows(rows))
        except MemoryError:
            return Outcome(key=number, status="memory", error="memory ran out", seconds=time.perf_counter() - started)
    grown = max(0, process.memory_info().rss - before) / 1e6
    return Outcome(
        key=number, status="completed", value=value, seconds=time.perf_counter() - started, memory_mb=grown
    )  # fmt: skip


@contextmanager
def _randomness_kept() -> Iterator[None]:
    """Give the user's global generators back as they were: a trial seeds them."""
    plain, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch: Any = sys.modules.get("torch")
    torchs = torch.get_rng_state() if torch is not None else None
    try:
        yield
    finally:
        random.setstate(plain)
        np.random.set_state(numpys)  # noqa: NPY002
        if torchs is not None:
            torch.set_rng_state(torchs)
