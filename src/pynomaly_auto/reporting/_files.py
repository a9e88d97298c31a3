"""Writing results to disk: whole files or none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from pynomaly_auto.errors import StorageError
from pynomaly_auto.records import Result, plain
from pynomaly_auto.reporting._render import render

_FIX = "Choose a place that exists and that you may write to."


def write_report(result: Result, path: str | Path, *, title: str | None = None) -> Path:
    """Write the HTML report; an existing file is replaced only when the new one is complete.

    Raises:
        StorageError: The file cannot be written.
    """
    path = Path(path)
    text = render(result, title=title)
    _write_all({path: lambda target: _text(target, text)})
    return path


def write_results(result: Result, folder: str | Path, *, title: str | None = None) -> Path:
    """Write ``anomalies.csv``, ``scores.parquet``, ``result.json`` and ``report.html`` into a folder.

    Either all four are replaced or, when one cannot be made, none.

    Raises:
        StorageError: The folder cannot be made or written to.
    """
    folder = Path(folder)
    report = render(result, title=title)
    document = json.dumps(plain(result.to_dict()), ensure_ascii=False, allow_nan=False, indent=1)
    _write_all(
        {
            folder / "anomalies.csv": lambda target: _text(target, _listed(result)),
            folder / "scores.parquet": lambda target: _scores(result, target),
            folder / "result.json": lambda target: _text(target, document),
            folder / "report.html": lambda target: _text(target, report),
        }
    )
    return folder


def check_writable(path: str | Path) -> None:
    """Make sure, before any long work, that a file or folder can be made at ``path``; leaves nothing behind.

    Raises:
        StorageError: It cannot.
    """
    path = Path(path)
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
    path = Path(path)
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


def _listed(result: Result) -> str:
    table = result.anomalies.assign(score=lambda t: t["score"].round(6), confidence=lambda t: t["confidence"].round(4))
    return table.to_csv(lineterminator="\n")


def _scores(result: Result, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels = list(result.row_labels)
    try:
        rows = pa.array(labels)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, UnicodeEncodeError, OverflowError):
        # Labels of mixed kinds have no column type of their own, nor have texts that are no proper Unicode.
        rows = pa.array([str(label).encode("utf-8", "replace").decode("utf-8") for label in labels])
    table = pa.table({"row": rows, "score": result.scores, "label": result.labels, "confidence": result.confidence})
    pq.write_table(table, path)
