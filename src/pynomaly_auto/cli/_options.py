"""Options of `detect` that need more than a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TargetOption = Annotated[
    str | None,
    typer.Option(
        help="f1, precision and recall move the threshold; precision_at_50 flags so many rows; costs such as "
        "'miss=20, false_alarm=1' flag all rows for which that is cheaper. By default as many rows are flagged as "
        "anomalies are expected."
    ),
]
AlertOption = Annotated[
    str | None,
    typer.Option(help="Most rows to flag: a number, a share such as 0.01, or per period such as 20/day."),
]
DeviceOption = Annotated[
    str | None, typer.Option(help="auto, cpu, or a GPU: cuda, cuda:1 [default: auto: a GPU where it pays].")
]
ObjectivesOption = Annotated[
    str | None,
    typer.Option(
        help="Several at once, with weights: 'quality=3,latency,size'; the model is chosen among smaller ones."
    ),
]
LearnFromOption = Annotated[
    str | None,
    typer.Option(
        help="Labels to learn from, 1 for an anomaly and 0 for a normal row, of some rows or all: a column, or a "
        "CSV file that `review` wrote."
    ),
]
CheckpointOption = Annotated[
    Path | None, typer.Option(help="Folder to journal the run in: `resume` goes on with it after a kill.")
]
ExcludeOption = Annotated[
    list[str] | None, typer.Option(help="Detector never to use (repeatable); see `pynomaly detectors`.")
]
