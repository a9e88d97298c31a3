"""Reading a table from a file: CSV, Parquet, Arrow, JSON lines, workbooks and npz, with errors that say where."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pynomaly_auto._checks import path_of
from pynomaly_auto._optional import require
from pynomaly_auto.dataset._table import to_frame
from pynomaly_auto.errors import InvalidInputError, PynomalyError, StorageError

# Extension to what the file should hold; the one list.
EXTENSIONS: Mapping[str, str] = {
    ".csv": "delimited text", ".tsv": "delimited text", ".txt": "delimited text",
    ".parquet": "Parquet", ".pq": "Parquet",
    ".arrow": "Arrow", ".feather": "Arrow", ".ipc": "Arrow",
    ".jsonl": "JSON", ".ndjson": "JSON", ".json": "JSON",
    ".xlsx": "Excel", ".xlsm": "Excel", ".xlsb": "Excel", ".xls": "old Excel", ".ods": "OpenDocument",
    ".npz": "npz",
}  # fmt: skip
_MAGIC = ((b"PAR1", "Parquet"), (b"ARROW1", "Arrow"), (b"\x1f\x8b", "gzip"), (b"\xd0\xcf\x11\xe0", "old Excel"))
_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_LINES = 50


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table from a file.

    Delimiter and encoding of text files are found out (UTF-8 with or without a byte-order mark, UTF-16 with one, else
    Latin-1); the first line holds the column names unless it holds numbers only. Of an npz file the array ``X`` is
    read, labels beside it are ignored.

    Args:
        path: A file whose extension is one of `EXTENSIONS`.

    Raises:
        StorageError: The file is not there, cannot be read, or holds something other than its extension says.
        InvalidInputError: It holds no table: empty, ragged, broken lines, a column name twice.
        MissingExtraError: Excel files need the extra ``excel``.
    """
    file = path_of(path)
    kind = _kind(file)
    try:
        frame = _READERS[kind](file)
    except PynomalyError:
        raise
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, pd.errors.ParserError) as error:
        # pyarrow, calamine and numpy tell of broken files in all these ways (ArrowInvalid is a ValueError).
        first_line = str(error).strip().split("\n")[0].rstrip(".")
        raise StorageError(
            f"{file.name} cannot be read as {kind}: {first_line or type(error).__name__}.",
            where=str(file),
            fix="Write the file anew, or give it the extension of what it holds.",
        ) from error
    if frame.shape[0] == 0 or frame.shape[1] == 0:
        raise InvalidInputError(f"{file.name} holds no rows.", where=str(file), fix="Give a file with data.")
    _refuse_twice([str(c) for c in frame.columns], file)
    return frame


def _kind(file: Path) -> str:
    """What the file holds, after its extension and its first bytes were compared."""
    kind = EXTENSIONS.get(file.suffix.lower())
    known = f"Known extensions: {', '.join(EXTENSIONS)}."
    if file.is_dir():
        raise StorageError(f"{file.name} is a directory, not a file.", where=str(file), fix=known)
    try:
        with file.open("rb") as stream:
            head = stream.read(4096)
    except FileNotFoundError:
        raise StorageError(f"{file.name} does not exist.", where=str(file), fix="Check the path.") from None
    except OSError as error:
        raise StorageError(f"{file.name} cannot be opened: {error.strerror}.", where=str(file)) from error
    if not head.strip():
        raise InvalidInputError(f"{file.name} is empty.", where=str(file), fix="Give a file with data.")
    held = _content(file, head)
    if held is not None and held != kind and held not in EXTENSIONS.values():
        raise StorageError(
            f"{file.name} is {held}, which is not read.", where=str(file), fix=f"Unpack or convert it. {known}"
        )
    if held is not None and held != kind:
        right = next(extension for extension, what in EXTENSIONS.items() if what == held)
        raise StorageError(
            f"{file.name} is {held} by its content, not {kind or 'anything its extension says'}.",
            where=str(file),
            fix=f"Rename it to {file.stem}{right}. {known}",
        )
    if kind is None:
        raise StorageError(f"{file.name} has an unknown extension {file.suffix!r}.", where=str(file), fix=known)
    return kind


def _content(file: Path, head: bytes) -> str | None:
    """What the first bytes say; None: text, or nothing known."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
        except zipfile.BadZipFile:
            return None
        if any(name.endswith(".npy") for name in names):
            return "npz"
        if "mimetype" in names and "content.xml" in names:
            return "OpenDocument"
        return "Excel" if "[Content_Types].xml" in names else "a zip archive"
    return None


def _read_text(file: Path) -> pd.DataFrame:
    encoding = _encoding(file)
    with file.open(encoding=encoding, newline="") as stream:
        sample = list(islice(stream, _SAMPLE_LINES))
    delimiter = "\t" if file.suffix.lower() == ".tsv" else _delimiter(sample)
    rows = [row for row in csv.reader(sample, delimiter=delimiter) if row]
    headless = all(_is_number(cell) for cell in rows[0])
    if not headless:
        _refuse_twice(rows[0], file)
    # Pandas would take a surplus first cell as a row label; every row must be as long as the first.
    if len(rows) > 1 and len(rows[1]) > len(rows[0]):
        _refuse_ragged(file, encoding, delimiter)
    try:
        frame = pd.read_csv(
            file,
            sep=delimiter,
            encoding=encoding,
            header=None if headless else 0,
            low_memory=False,
            skipinitialspace=True,
        )
    except pd.errors.ParserError as error:
        _refuse_ragged(file, encoding, delimiter)
        raise InvalidInputError(
            f"{file.name} cannot be read: {str(error).strip()}.", where=str(file), fix="Correct that line."
        ) from error
    if headless:
        frame.columns = pd.Index([f"x{i}" for i in range(frame.shape[1])])
    if frame.shape[1] > 1 and frame.iloc[:, -1].isna().any():
        _refuse_ragged(file, encoding, delimiter)  # pandas fills short lines up, so that their last cells are missing
    return frame


def _encoding(file: Path) -> str:
    with file.open("rb") as stream:
        head = stream.read(4)
        if head.startswith((b"\xff\xfe", b"\xfe\xff")):
            return "utf-16"
        if b"\0" in head + stream.read(4096):
            raise StorageError(
                f"{file.name} is a binary file, not text.",
                where=str(file),
                fix=f"Known extensions: {', '.join(EXTENSIONS)}.",
            )
    try:
        with file.open(encoding="utf-8") as text:
            while text.read(1 << 22):
                pass
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8-sig" if head.startswith(b"\xef\xbb\xbf") else "utf-8"


def _delimiter(lines: list[str]) -> str:
    """The delimiter that cuts most lines into as many cells as the first, more than one."""

    def fit(delimiter: str) -> tuple[int, int]:
        lengths = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        if not lengths or lengths[0] < 2:
            return (0, 0)
        return (sum(n == lengths[0] for n in lengths), lengths[0])

    best = max(_DELIMITERS, key=fit)
    return best if fit(best) > (0, 0) else ","


def _refuse_ragged(file: Path, encoding: str, delimiter: str) -> None:
    """Find the first line with another number of cells than the first line.

    Raises:
        InvalidInputError: There is one.
    """
    with file.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter)
        expected = 0
        for row in reader:
            if not row:
                continue
            expected = expected or len(row)
            if len(row) != expected:
                raise InvalidInputError(
                    f"{file.name} is ragged: line {reader.line_num} has {len(row)} cells, the first line {expected}.",
                    where=str(file),
                    fix="Correct that line.",
                )


def _read_json(file: Path) -> pd.DataFrame:
    text = file.read_bytes().decode(_encoding(file))
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except json.JSONDecodeError as error:
            raise _bad_json(file, error.lineno, error.msg) from error
        if rows and all(isinstance(row, list) for row in rows):
            return to_frame(rows)
        _refuse_non_objects(rows, file)
        return pd.DataFrame(rows)
    rows = []
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise _bad_json(file, number, error.msg) from error
    _refuse_non_objects(rows, file)
    return pd.DataFrame(rows)


def _refuse_non_objects(rows: list[Any], file: Path) -> None:
    odd = next((i for i, row in enumerate(rows, start=1) if not isinstance(row, dict)), None)
    if odd is not None:
        raise InvalidInputError(
            f"{file.name}: record {odd} is no JSON object of column names and values.",
            where=str(file),
            fix="Write one object per row.",
        )


def _bad_json(file: Path, line: int, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{file.name} is no JSON in line {line}: {why}.", where=str(file), fix="Write one JSON object per line."
    )


def _read_arrow(file: Path) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import ipc

    with pa.OSFile(str(file)) as source:
        whole = source.read(6) == b"ARROW1"  # a file with a footer; else a stream
        source.seek(0)
        frame: pd.DataFrame = (ipc.open_file if whole else ipc.open_stream)(source).read_all().to_pandas()
        return frame


def _read_excel(file: Path) -> pd.DataFrame:
    """The first sheet of a workbook of any kind."""
    calamine = require("python_calamine")
    try:
        return pd.read_excel(file, engine="calamine")
    except calamine.CalamineError as error:
        raise ValueError(str(error)) from error


def _read_npz(file: Path) -> pd.DataFrame:
    with np.load(file, allow_pickle=False) as archive:
        names = list(archive.files)
        name = "X" if "X" in names else names[0] if len(names) == 1 else None
        if name is None:
            raise StorageError(
                f"{file.name} holds the arrays {', '.join(names)}, none of them called X.",
                where=str(file),
                fix="Save the table as X: np.savez(path, X=table).",
            )
        return to_frame(archive[name])


_READERS: Mapping[str, Callable[[Path], pd.DataFrame]] = {
    "delimited text": _read_text,
    "Parquet": pd.read_parquet,
    "Arrow": _read_arrow,
    "JSON": _read_json,
    "Excel": _read_excel,
    "old Excel": _read_excel,
    "OpenDocument": _read_excel,
    "npz": _read_npz,
}


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _refuse_twice(names: list[str], file: Path) -> None:
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise InvalidInputError(
            f"{file.name}: column names given more than once: {', '.join(repr(n) for n in twice)}.",
            where=str(file),
            fix="Rename or drop all but one.",
        )
