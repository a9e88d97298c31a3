"""Reading a table from a file: text, Parquet, Arrow, JSON, workbooks and npz, with errors that say where."""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._checks import path_of
from pynomaly_auto._conventions import Conventions
from pynomaly_auto.dataset._table import to_frame
from pynomaly_auto.dataset.files._json import read_json
from pynomaly_auto.dataset.files._layout import names_of
from pynomaly_auto.dataset.files._sheets import read_sheets
from pynomaly_auto.dataset.files._source import Source, source_of
from pynomaly_auto.dataset.files._text import read_text
from pynomaly_auto.dataset.reading import Origin
from pynomaly_auto.errors import InvalidInputError, PynomalyError, StorageError

# Extension to what the file should hold; the one list.
EXTENSIONS: Mapping[str, str] = {
    ".csv": "delimited text", ".tsv": "delimited text", ".txt": "delimited text", ".dat": "delimited text",
    ".parquet": "Parquet", ".pq": "Parquet",
    ".arrow": "Arrow", ".feather": "Arrow", ".ipc": "Arrow",
    ".jsonl": "JSON", ".ndjson": "JSON", ".json": "JSON",
    ".xlsx": "Excel", ".xlsm": "Excel", ".xlsb": "Excel", ".xls": "old Excel", ".ods": "OpenDocument",
    ".npz": "npz",
}  # fmt: skip
_MAGIC = ((b"PAR1", "Parquet"), (b"ARROW1", "Arrow"), (b"\xd0\xcf\x11\xe0", "old Excel"))


def read_table(
    path: str | Path,
    *,
    encoding: str | None = None,
    sheet: str | int | None = None,
    decimal: str | Mapping[str, str] | None = None,
    thousands: str | Mapping[str, str] | None = None,
    dates: str | Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read a table from a file, also one packed by gzip, bzip2, xz or zip.

    Of text files encoding, delimiter (commas, semicolons, tabs, bars, blanks, fixed places), remarks, titles, the line
    of names, a line of units and one of totals are found out; of workbooks the first sheet that holds a table; nested
    JSON is spread over columns. Of an npz file the array ``X`` is read, labels beside it are ignored. Columns that
    plainly hold numbers are numbers; all others keep their texts, which the encoder reads by what all of them, the
    other columns and the file show. What was found is kept in the frame's ``attrs`` and becomes reasons of the result.

    Args:
        path: A file whose extension is one of `EXTENSIONS`, or that and ``.gz``, ``.bz2``, ``.xz``, or ``.zip``.
        encoding: Of a text file; None: UTF-8, UTF-16 or UTF-32 where it is that, else Windows' western one.
        sheet: Name or position of a workbook's sheet.
        decimal: The decimal sign, ``"."`` or ``","``, for all columns or by column; None: found out.
        thousands: What groups thousands, likewise; ``""`` for nothing.
        dates: ``"dmy"``, ``"mdy"``, ``"ymd"`` or a format of ``strftime``, likewise.

    Raises:
        StorageError: The file is not there, cannot be read, or holds something other than its extension says.
        InvalidInputError: It holds no table: empty, ragged, broken lines.
        SettingError: Such an encoding or convention is not known.
        UnknownNameError: There is no such sheet.
        MissingExtraError: Excel files need the extra ``excel``.

    Warns:
        AmbiguousReadingWarning: A text file's encoding is a guess.
    """
    conventions = Conventions(decimal=decimal, thousands=thousands, dates=dates)
    source = source_of(path_of(path), tuple(EXTENSIONS))
    kind = _kind(source)
    try:
        frame, origin = _read(kind, source, encoding, sheet)
    except PynomalyError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        # pyarrow, calamine and numpy tell of broken files in all these ways (ArrowInvalid is a ValueError).
        first_line = str(error).strip().split("\n")[0].rstrip(".")
        raise StorageError(
            f"{source.name} cannot be read as {kind}: {first_line or type(error).__name__}.",
            where=source.where,
            fix="Write the file anew, or give it the extension of what it holds.",
        ) from error
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        raise InvalidInputError(f"{source.name} holds no rows.", where=source.where, fix="Give a file with data.")
    renamed: list[str] = []
    if not frame.columns.is_unique:
        names, renamed = names_of(list(frame.columns))
        frame.columns = pd.Index(names)
    said = (*origin.said, *renamed, *((f"unpacked from {source.packed}",) if source.packed else ()))
    dataclasses.replace(origin, said=said, conventions=conventions.to_dict()).mark(frame)
    return frame


def _read(kind: str, source: Source, encoding: str | None, sheet: str | int | None) -> tuple[pd.DataFrame, Origin]:
    if kind == "delimited text":
        return read_text(source, encoding)
    if kind == "JSON":
        return read_json(source, encoding)
    if kind in ("Excel", "old Excel", "OpenDocument"):
        return read_sheets(source, sheet)
    return _TYPED[kind](source.handle(), source), Origin(file=source.name)


def _kind(source: Source) -> str:
    """What the file holds, after its extension and its first bytes were compared."""
    kind = EXTENSIONS.get(source.suffix)
    known = f"Known extensions: {', '.join(EXTENSIONS)}."
    held = _content(source)
    if held is not None and held != kind:
        right = next(extension for extension, what in EXTENSIONS.items() if what == held)
        raise StorageError(
            f"{source.name} is {held} by its content, not {kind or 'anything its extension says'}.",
            where=source.where,
            fix=f"Rename it to {Path(source.name).stem}{right}. {known}",
        )
    if kind is None:
        raise StorageError(f"{source.name} has an unknown extension {source.suffix!r}.", where=source.where, fix=known)
    return kind


def _content(source: Source) -> str | None:
    """What the first bytes say; None: text, or nothing known."""
    for magic, kind in _MAGIC:
        if source.head.startswith(magic):
            return kind
    if any(name.endswith(".npy") for name in source.names):
        return "npz"
    if "mimetype" in source.names and "content.xml" in source.names:
        return "OpenDocument"
    return "Excel" if "[Content_Types].xml" in source.names else None


def _read_parquet(handle: Any, source: Source) -> pd.DataFrame:
    return pd.read_parquet(handle)


def _read_arrow(handle: Any, source: Source) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import ipc

    with pa.PythonFile(handle) if source.packed else pa.OSFile(str(handle)) as stream:
        whole = stream.read(6) == b"ARROW1"  # a file with a footer; else a stream
        stream.seek(0)
        frame: pd.DataFrame = (ipc.open_file if whole else ipc.open_stream)(stream).read_all().to_pandas()
        return frame


def _read_npz(handle: Any, source: Source) -> pd.DataFrame:
    with np.load(handle, allow_pickle=False) as archive:
        names = list(archive.files)
        name = "X" if "X" in names else names[0] if len(names) == 1 else None
        if name is None:
            raise StorageError(
                f"{source.name} holds the arrays {', '.join(names)}, none of them called X.",
                where=source.where,
                fix="Save the table as X: np.savez(path, X=table).",
            )
        return to_frame(archive[name])


_TYPED: Mapping[str, Callable[[Any, Source], pd.DataFrame]] = {
    "Parquet": _read_parquet,
    "Arrow": _read_arrow,
    "npz": _read_npz,
}
