"""The golden run: what a run of a small generated table says, all of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto import AutonomousDetector
from pynomaly_auto.detectors import DETECTORS
from pynomaly_auto.records import Result

FILE = Path(__file__).with_name("run.json")
TRIALS = 14  # those that the learned fusion starts from, and enough others for it to be in force


def table() -> pd.DataFrame:
    """160 rows of several kinds of columns, three of them odd."""
    rng = np.random.default_rng(7)
    n = 160
    amount = rng.lognormal(3, 0.5, n).round(2)
    frame = pd.DataFrame(
        {
            "amount": amount,
            "tax": (amount * 0.2 + rng.normal(0, 0.05, n)).round(2),
            "shop": rng.choice(["north", "south", "west"], n),
            "age": rng.normal(40, 9, n).round(),
            "number": np.arange(n),
        }
    )
    frame.loc[11, "amount"] = 900.0
    frame.loc[42, "tax"] = 90.0
    frame.loc[90, ["shop", "age"]] = ["moon", 140.0]
    frame.loc[3:14, "age"] = np.nan
    return frame


def result() -> Result:
    """The run. The memory is given, as rules by memory would go by the machine's."""
    detector = AutonomousDetector(
        n_trials=TRIALS, memory_limit="1GB", tracking=False, random_state=0, verbose=0, contamination="auto"
    )
    return detector.fit(table()).result_


def said(found: Result) -> list[list[str]]:
    """Code, subject and text of every reason; those of neural detectors go by what is installed."""
    neural = {name for name, spec in DETECTORS.items() if spec.family == "neural"}
    return [[r.code, r.subject, r.text] for r in found.reasons if r.subject not in neural]


def write() -> None:
    """Write what the run says now."""
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in said(result()))
    FILE.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def read() -> list[list[str]]:
    """What it said when it was written."""
    found: Any = json.loads(FILE.read_text(encoding="utf-8"))
    return found  # type: ignore[no-any-return]
