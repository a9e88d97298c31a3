"""Writing what is said of rows block by block: no more than a block of it is held in memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pynomaly_auto._checks import path_of
from pynomaly_auto.records import Judgement
from pynomaly_auto.reporting._files import _anomalies, _listed, _refused

if TYPE_CHECKING:
    import pyarrow.parquet as pq


class JudgementWriter:
    """Takes block after block.

    Args:
        listed: The file of anomalies.
        scores: The file of scores.
    """

    def __init__(self, listed: Path, scores: pq.ParquetWriter) -> None:
        self._listed, self._scores = listed, scores
        self._headed = False

    def add(self, judged: Judgement, table: pd.DataFrame, *, start: int) -> None:
        """Write what is said of a block.

        Args:
            judged: It.
            table: The rows.
            start: Position of the first of them.
        """
        import pyarrow as pa

        positions = np.arange(start, start + len(table))
        columns = {"row": positions, "score": judged.probabilities, "label": judged.labels.astype(np.int64)}
        self._scores.write_table(pa.table({**columns, "confidence": judged.confidence}, schema=_schema()))
        anomalies = _anomalies(judged, positions, {})
        if self._headed and not len(anomalies):
            return
        text = _listed(anomalies, table)
        text = text[len(_listed(anomalies.iloc[:0], table)) :] if self._headed else text
        with self._listed.open("a", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
        self._headed = True


@contextmanager
def judgement_writer(folder: str | Path) -> Iterator[JudgementWriter]:
    """What writes ``anomalies.csv``, block after block, and ``scores.parquet``: both whole, or none.

    Args:
        folder: Where to.

    Raises:
        StorageError: The folder cannot be made or written to.
    """
    import pyarrow.parquet as pq

    folder = path_of(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            made = {name: _temporary(folder / name) for name in ("anomalies.csv", "scores.parquet")}
            for temporary in made.values():
                stack.callback(temporary.unlink, missing_ok=True)
            with pq.ParquetWriter(made["scores.parquet"], _schema()) as scores:
                yield JudgementWriter(made["anomalies.csv"], scores)
            for name, temporary in made.items():
                temporary.replace(folder / name)
    except OSError as error:
        raise _refused(folder, error) from None


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")


def _schema() -> Any:
    import pyarrow as pa

    kinds = {"row": pa.int64(), "score": pa.float64(), "label": pa.int64(), "confidence": pa.float64()}
    return pa.schema(list(kinds.items()))
