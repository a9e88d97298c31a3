"""Of a file larger than memory: a detector fitted on some rows, all rows judged block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from pynomaly_auto.cli import _show
from pynomaly_auto.cli._resume import hand_over
from pynomaly_auto.errors import SettingError

if TYPE_CHECKING:
    from pynomaly_auto.engine import AutonomousDetector

ComputeOption: TypeAlias = Annotated[
    str | None, typer.Option(help="Share of the machine's cores and memory, such as 0.5 or 50%.")
]
SampleOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        help="Of a Parquet file larger than memory: fit on so many rows drawn at random, and judge all of them block "
        "by block."
    ),
]


def detect_on_sample(  # noqa: PLR0913 - one parameter per thing that may be asked for
    detector: AutonomousDetector,
    dataset: Path,
    output: Path,
    *,
    sample: int,
    drop: Sequence[str],
    limit: _show.Limit | None,
    kept: Mapping[str, Any],
) -> None:
    """Fit on rows drawn at random, judge all rows, and write and print what was found.

    Args:
        detector: Not fitted yet.
        dataset: A Parquet file.
        output: Folder for the results.
        sample: How many rows are drawn.
        drop: Columns to leave out.
        limit: On the rows flagged, or None.
        kept: How the detector is handed over; see `hand_over`.

    Raises:
        SettingError: The sample is no number of rows.
        StorageError: The file is no Parquet file, or something cannot be written.
        UnknownNameError: There is no such column to leave out.
    """
    from pynomaly_auto.dataset import RowsOnDisk
    from pynomaly_auto.engine import judge_file
    from pynomaly_auto.reporting import check_writable

    check_writable(output)
    source = RowsOnDisk(dataset)
    with _show.told_warnings():
        table = _show.without(source.sample(sample, seed=int(detector.random_state or 0)), list(drop))
        detector.fit(table)
        hand_over(detector, table, output, evaluated=None, **kept)
        del table
        for name in ("anomalies.csv", "scores.parquet"):
            (output / name).unlink(
                missing_ok=True
            )  # of the sample alone: who ends this run here must not take them for all
        found = judge_file(detector, dataset, output, drop=drop)
    if not kept["quiet"]:
        said = f"{found.flagged:,} of all {found.rows:,} rows flagged ({found.flagged / found.rows:.2%})"
        said += f"; about {found.expected:,.1f} of them are expected to be real" if found.flagged else ""
        _show.out.print(f"{said}. Those of all rows are in anomalies.csv and scores.parquet.", markup=False)
    if limit is not None:
        limit.check(found.flagged, found.rows)


def refuse_beside_sample(others: Mapping[str, Any]) -> None:
    """Refuse what needs all rows in memory.

    Args:
        others: Option to its value.

    Raises:
        SettingError: One of them is given.
    """
    for option, value in others.items():
        if value is not None:
            raise SettingError(
                f"--sample and {option} do not go together.", fix="Fit on the whole table, or leave one out."
            )
