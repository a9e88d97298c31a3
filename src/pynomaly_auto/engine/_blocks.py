"""Files larger than memory: a detector fitted on some of their rows, and all of them judged block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from sklearn.utils.validation import check_is_fitted

from pynomaly_auto._checks import is_whole
from pynomaly_auto.dataset import BLOCK_ROWS, RowsOnDisk
from pynomaly_auto.errors import SettingError, UnknownNameError, shown
from pynomaly_auto.records import Judgement
from pynomaly_auto.reporting import judgement_writer

if TYPE_CHECKING:
    from pynomaly_auto.engine._detector import AutonomousDetector


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What was found in a file.

    Args:
        rows: How many rows it has.
        flagged: How many of them are labelled anomalous.
        expected: How many of these are expected to be real.
    """

    rows: int
    flagged: int
    expected: float


def fitted_one(detector: Any) -> None:
    """Refuse what cannot judge rows.

    Raises:
        SettingError: It is no detector.
        NotFittedError: It is not fitted.
    """
    from pynomaly_auto.engine._detector import AutonomousDetector

    if not isinstance(detector, AutonomousDetector):
        fix = "Give a fitted AutonomousDetector; AutonomousDetector.load reads one."
        raise SettingError(f"detector is {shown(detector)}.", fix=fix)
    check_is_fitted(detector, "result_")


def judge_blocks(
    detector: AutonomousDetector,
    source: RowsOnDisk | str | Path,
    *,
    drop: str | Sequence[str] = (),
    size: int = BLOCK_ROWS,
) -> Iterator[tuple[int, pd.DataFrame, Judgement]]:
    """Judge the rows of a file block by block, memory being that of one block.

    Args:
        detector: A fitted one; a row gets the same score as among all others.
        source: The file, or its path.
        drop: Columns that are no part of the table, or one.
        size: Most rows of a block.

    Yields:
        Position of a block's first row, its rows, and what is said of them.

    Raises:
        SchemaError: The columns are not those fitted on.
        StorageError: The file cannot be read.
        UnknownNameError: There is no such column to drop.
        SettingError: The size is no whole number above 0, or the detector is none.
        NotFittedError: It is not fitted.
    """
    fitted_one(detector)
    if not is_whole(size) or int(size) < 1:
        raise SettingError(f"size is {shown(size)}.", fix="Give a whole number of rows of at least 1.")
    source = source if isinstance(source, RowsOnDisk) else RowsOnDisk(source)
    drop = (drop,) if isinstance(drop, str) else drop
    for name in drop:
        if name not in source.columns:
            raise UnknownNameError.of("column", name, source.columns)
    for start, frame in source.blocks(int(size)):
        rows = frame.loc[:, [str(name) not in drop for name in frame.columns]]
        yield start, rows, detector.judge(rows)


def judge_file(
    detector: AutonomousDetector, path: str | Path, folder: str | Path, *, drop: str | Sequence[str] = ()
) -> Counted:
    """Judge the rows of a Parquet file block by block, and write ``anomalies.csv`` and ``scores.parquet``.

    Args:
        detector: A fitted one.
        path: The file.
        folder: Where to; both files are replaced, or none.
        drop: Columns that are no part of the table, or one.

    Raises:
        SchemaError: The columns are not those fitted on.
        StorageError: The file cannot be read, or the folder not written to.
        UnknownNameError: There is no such column to drop.
        SettingError: The detector is none.
        NotFittedError: It is not fitted.
    """
    fitted_one(detector)  # before there is a folder
    source = RowsOnDisk(path)
    flagged, expected = 0, 0.0
    with judgement_writer(folder) as writer:
        for start, rows, judged in judge_blocks(detector, source, drop=drop):
            writer.add(judged, rows, start=start)
            here = judged.labels == -1
            flagged += int(here.sum())
            expected += float(judged.probabilities[here].sum())
    return Counted(rows=source.n_rows, flagged=flagged, expected=expected)
