"""Writing results to disk: whole files or none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._checks import path_of
from pynomaly_auto.dataset import labels_of
from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Evaluation, FloatArray, IntArray, Judgement, OddCell, Result, plain
from pynomaly_auto.reporting._render import render

_FIX = "Choose a place that exists and that you may write to."


def write_report(result: Result, path: str | Path, *, title: str | None = None) -> Path:
    """Write the HTML report; an existing file is replaced only when the new one is complete.

    Raises:
        StorageError: The file cannot be written.
    """
    path = path_of(path)
    text = render(result, title=title)
    _write_all({path: lambda target: _text(target, text)})
    return path


def write_results(
    result: Result,
    folder: str | Path,
    *,
    table: pd.DataFrame | None = None,
    evaluated: Evaluation | None = None,
    title: str | None = None,
) -> Path:
    """Write ``anomalies.csv``, ``scores.parquet``, ``result.json`` and ``report.html`` into a folder.

    Where odd cells were found, ``cells.csv`` as well. Either all are replaced or, when one cannot be made, none.

    Args:
        result: What was found.
        folder: Where to.
        table: The rows it was found in; their cells then stand beside the anomalies.
        evaluated: How right it is, where labels are known: also written, as ``evaluation.json``.
        title: Of the report; None: one is made.

    Raises:
        StorageError: The folder cannot be made or written to.
    """
    folder = path_of(folder)
    report = render(result, title=title)
    document = json.dumps(plain(result.to_dict()), ensure_ascii=False, allow_nan=False, indent=1)
    _write_all(
        {
            folder / "anomalies.csv": lambda target: _text(target, _listed(result.anomalies, table)),
            folder / "scores.parquet": lambda target: _scores(
                target, result.row_labels, score=result.scores, label=result.labels, confidence=result.confidence
            ),
            folder / "result.json": lambda target: _text(target, document),
            folder / "report.html": lambda target: _text(target, report),
            **_cells(result.cells, folder),
            **_evaluation(evaluated, folder),
        }
    )
    return folder


def write_judgement(
    judged: Judgement,
    table: pd.DataFrame,
    folder: str | Path,
    *,
    evaluated: Evaluation | None = None,
    top_features: Mapping[int, str] | None = None,
) -> Path:
    """Write ``anomalies.csv`` and ``scores.parquet`` of new rows, and ``evaluation.json`` where labels are known.

    Either all of them are replaced or, when one cannot be made, none.

    Args:
        judged: What is said of the rows.
        table: The rows.
        folder: Where to.
        evaluated: How right that is.
        top_features: Position of a row to the columns that make it stand out.

    Raises:
        StorageError: The folder cannot be made or written to.
    """
    folder, labels = path_of(folder), labels_of(table.index)
    makers: dict[Path, Callable[[Path], None]] = {
        folder / "anomalies.csv": lambda target: _text(
            target, _listed(_anomalies(judged, labels, top_features or {}), table)
        ),
        folder / "scores.parquet": lambda target: _scores(
            target, labels, score=judged.probabilities, label=judged.labels, confidence=judged.confidence
        ),
    }
    _write_all(makers | _evaluation(evaluated, folder))
    return folder


def check_writable(path: str | Path) -> None:
    """Make sure, before any long work, that a file or folder can be made at ``path``; leaves nothing behind.

    Raises:
        StorageError: It cannot.
    """
    path = path_of(path)
    place = path if path.is_dir() else path.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        if not place.is_dir():
            raise NotADirectoryError(20, "is a file, not a folder")
        with tempfile.TemporaryDirectory(prefix=".pynomaly-", dir=place):
            pass
    except OSError as error:
        raise _refused(path, error) from None


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file: all of it, or what was there before stays.

    Raises:
        StorageError: The place cannot be written to.
    """
    path = path_of(path)
    _write_all({path: lambda place: _text(place, text)})
    return path


def _write_all(makers: Mapping[Path, Callable[[Path], None]]) -> None:
    """Make every file under a temporary name beside its place, then put them all in place."""
    first = next(iter(makers))
    try:
        first.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            made: list[tuple[Path, Path]] = []
            for path, make in makers.items():
                if path.is_dir():
                    raise IsADirectoryError(21, "is a folder, not a file")
                temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
                stack.callback(temporary.unlink, missing_ok=True)
                make(temporary)
                made.append((temporary, path))
            for temporary, path in made:
                temporary.replace(path)
    except OSError as error:
        raise _refused(first if len(makers) == 1 else first.parent, error) from None


def _refused(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write to {str(path)!r}: {error.strerror or error}.", fix=_FIX)


def _text(path: Path, text: str) -> None:
    # A lone surrogate in the user's data has no UTF-8 form; a question mark is better than no report.
    path.write_text(text, encoding="utf-8", errors="replace", newline="\n")


def _cells(cells: Sequence[OddCell], folder: Path) -> dict[Path, Callable[[Path], None]]:
    if not cells:
        return {}
    listed = pd.DataFrame(
        {
            "row": [cell.label for cell in cells],
            "column": [cell.column for cell in cells],
            "value": [cell.value for cell in cells],
            "expected": [cell.expected for cell in cells],
            "bits": [round(cell.bits, 2) for cell in cells],
            "text": [cell.text for cell in cells],
        },
        index=pd.Index([cell.row for cell in cells], name="position"),
        dtype=object,  # a text that is no proper Unicode has no column type of its own
    )
    return {folder / "cells.csv": lambda target: _text(target, listed.to_csv(lineterminator="\n"))}


def _evaluation(evaluated: Evaluation | None, folder: Path) -> dict[Path, Callable[[Path], None]]:
    if evaluated is None:
        return {}
    document = json.dumps(plain(evaluated), ensure_ascii=False, allow_nan=False, indent=1)
    return {folder / "evaluation.json": lambda target: _text(target, document)}


def _anomalies(judged: Judgement, labels: np.ndarray[Any, Any], top_features: Mapping[int, str]) -> pd.DataFrame:
    """New rows labelled anomalous, in the columns of ``Result.anomalies``."""
    rows = np.flatnonzero(judged.labels == -1)
    rows = rows[np.argsort(-judged.scores[rows], kind="stable")]
    return pd.DataFrame(
        {
            "row": labels[rows],
            "score": judged.probabilities[rows],
            "confidence": judged.confidence[rows],
            "top_features": [top_features.get(int(row), "") for row in rows],
        },
        index=pd.Index(rows, name="position"),
    )


def _listed(anomalies: pd.DataFrame, table: pd.DataFrame | None) -> str:
    """The anomalies, and beside them the cells of their rows, under names that are not taken."""
    out = anomalies.assign(score=anomalies["score"].round(6), confidence=anomalies["confidence"].round(4))
    if table is not None:
        cells = table.iloc[out.index.to_numpy()].set_axis(out.index, axis=0).astype(object)
        taken = {out.index.name, *out.columns}
        cells.columns = [f"{name} (cell)" if name in taken else name for name in map(str, cells.columns)]
        out = pd.concat([out, cells], axis=1)
    return out.to_csv(lineterminator="\n")


def _scores(path: Path, labels: Iterable[Any], *, score: FloatArray, label: IntArray, confidence: FloatArray) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pa.array(list(labels))
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        # Labels of mixed kinds have no column type of their own, and lone surrogates and huge numbers no form in any.
        rows = pa.array([str(name).encode("utf-8", "replace").decode() for name in labels])
    pq.write_table(pa.table({"row": rows, "score": score, "label": label, "confidence": confidence}), path)
