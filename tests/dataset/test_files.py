"""Reading files: every format, every way a file can be wrong."""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import ipc

from pynomaly_auto.dataset import read_table
from pynomaly_auto.errors import InvalidInputError, MissingExtraError, StorageError

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": [1.5, 2.5, 3.5], "c": ["x", "y", "zü"]})


def _written(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


@pytest.mark.parametrize(
    "suffix", [".csv", ".tsv", ".parquet", ".feather", ".arrow", ".jsonl", ".json", ".xlsx", ".ods"]
)
def test_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"data{suffix}"
    if suffix in (".csv", ".tsv"):
        FRAME.to_csv(path, index=False, sep="," if suffix == ".csv" else "\t")
    elif suffix == ".parquet":
        FRAME.to_parquet(path)
    elif suffix == ".feather":
        FRAME.to_feather(path)
    elif suffix == ".arrow":
        table = pa.Table.from_pandas(FRAME)
        with ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table)
    elif suffix == ".xlsx":
        FRAME.to_excel(path, index=False, engine="xlsxwriter")
    elif suffix == ".ods":
        _open_document(path, FRAME)
    else:
        FRAME.to_json(path, orient="records", lines=suffix == ".jsonl")
    pd.testing.assert_frame_equal(read_table(str(path)), FRAME, check_dtype=False)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_delimiters_and_encodings_are_found_out(tmp_path: Path, delimiter: str, encoding: str) -> None:
    text = FRAME.to_csv(index=False, sep=delimiter)
    pd.testing.assert_frame_equal(read_table(_written(tmp_path / "d.csv", text, encoding)), FRAME)


def test_quoted_delimiters_line_breaks_and_missing_last_cells(tmp_path: Path) -> None:
    frame = read_table(_written(tmp_path / "d.csv", 'a,b\n"x, y",1\n"two\nlines",\n\n'))
    assert frame["a"].tolist() == ["x, y", "two\nlines"]
    assert frame["b"].isna().tolist() == [False, True]


def test_no_header_and_one_column(tmp_path: Path) -> None:
    assert read_table(_written(tmp_path / "d.csv", "1,2\n3,4\n")).columns.tolist() == ["x0", "x1"]
    assert read_table(_written(tmp_path / "e.csv", "name\nu\nv\n"))["name"].tolist() == ["u", "v"]


def test_npz_holds_x(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", X=np.ones((4, 2)), y=np.zeros(4))
    np.savez(tmp_path / "b.npz", np.ones((4, 3)))
    assert read_table(tmp_path / "a.npz").shape == (4, 2)
    assert read_table(tmp_path / "b.npz").shape == (4, 3)
    np.savez(tmp_path / "c.npz", a=1, b=2)
    with pytest.raises(StorageError, match=r"c\.npz holds the arrays a, b, none of them called X"):
        read_table(tmp_path / "c.npz")


def test_json_rows_as_lists(tmp_path: Path) -> None:
    assert read_table(_written(tmp_path / "d.json", "[[1, 2], [3, 4]]")).shape == (2, 2)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("e.csv", "", "e.csv is empty"),
        ("e.csv", " \n\n", "e.csv is empty"),
        ("h.csv", "a,b\n", "h.csv holds no rows"),
        ("r.csv", "a,b\n1,2\n3\n4,5\n", "r.csv is ragged: line 3 has 1 cells, the first line 2"),
        ("r.csv", "a,b\n1,2\n3,4,5\n", "r.csv is ragged: line 3 has 3 cells, the first line 2"),
        ("r.csv", "a,b\n1,2,3\n3,4,5\n", "r.csv is ragged: line 2 has 3 cells"),
        ("q.csv", 'a,b\n1,"2\n3,4\n', "q.csv cannot be read|q.csv is ragged"),
        ("j.jsonl", '{"a": 1}\n{"a": \n', "j.jsonl is no JSON in line 2"),
        ("j.json", "[1, 2", "j.json is no JSON in line 1"),
        ("j.json", "[1, 2]", "record 1 is no JSON object"),
        ("j.jsonl", '{"a": 1}\n\n7\n', "record 2 is no JSON object"),
        ("j.json", "[]", "j.json holds no rows"),
    ],
)
def test_files_without_a_table(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        read_table(_written(tmp_path / name, content))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xyz", "a,b\n1,2\n", r"unknown extension '.xyz'.*Known extensions: .csv, .tsv"),
        ("a", "a,b\n1,2\n", "unknown extension ''"),
        ("b.csv", b"\x01\x00\x02\x00binary", "b.csv is a binary file"),
        ("p.parquet", "a,b\n1,2\n", "p.parquet cannot be read as Parquet"),
        ("p.parquet", b"PAR1 but broken PAR1", "p.parquet cannot be read as Parquet"),
        ("f.feather", "a,b\n", "f.feather cannot be read as Arrow"),
        ("x.xlsx", "a,b\n", "x.xlsx cannot be read as Excel"),
        ("n.npz", "a,b\n", "n.npz cannot be read as npz"),
        ("g.csv", gzip.compress(b"a,b\n1,2\n" * 99)[:20], "g.csv cannot be unpacked as gzip"),
        ("g.gz", gzip.compress(b"a,b\n1,2\n3\n"), "ragged: line 3"),
        ("g.csv", gzip.compress(b" "), "g.csv holds an empty file"),
        (
            "u.csv",
            "a,b\n\u00e4,2\n".encode("utf-16-le") + b"\x01\x02\x03\x00\x00\x00",
            "is not written in|is a binary|ragged",
        ),
        ("z.csv", b"PK\x03\x04 broken", "z.csv"),
        ("o.xlsx", b"\xd0\xcf\x11\xe0", "old Excel by its content, not Excel.*Rename it to o.xls"),
        ("o.xls", b"\xd0\xcf\x11\xe0", "o.xls cannot be read as old Excel"),
        ("o.xls", "a,b\n", "o.xls cannot be read as old Excel"),
        ("o.ods", "a,b\n", "o.ods cannot be read as OpenDocument"),
    ],
)
def test_unreadable_files(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises((StorageError, InvalidInputError), match=message):
        read_table(_written(tmp_path / name, content))


def test_a_wrong_extension_is_recognised_by_content(tmp_path: Path) -> None:
    FRAME.to_parquet(tmp_path / "d.csv")
    with pytest.raises(
        StorageError, match=r"d.csv is Parquet by its content, not delimited text.*Rename it to d.parquet"
    ):
        read_table(tmp_path / "d.csv")
    np.savez(tmp_path / "d.npz", X=np.ones((2, 2)))
    (tmp_path / "d.npz").rename(tmp_path / "d.xlsx")
    with pytest.raises(StorageError, match=r"d\.xlsx is npz by its content"):
        read_table(tmp_path / "d.xlsx")


def test_zip_archives_and_workbooks_are_told_apart(tmp_path: Path) -> None:
    for name, inside, message in (
        ("a.zip", ["a.csv", "b.csv"], "a.zip holds 2 tables: a.csv, b.csv"),
        ("c.zip", ["a.doc"], "c.zip holds no file of a kind that is read: a.doc"),
        ("b.csv", ["[Content_Types].xml"], "b.csv is Excel by its content"),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for held in inside:
                archive.writestr(held, "a")
        with pytest.raises(StorageError, match=message):
            read_table(tmp_path / name)


def test_no_file_or_a_directory(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nothing\.csv does not exist"):
        read_table(tmp_path / "nothing.csv")
    with pytest.raises(StorageError, match="is a directory"):
        read_table(tmp_path)
    with pytest.raises(StorageError, match="cannot be opened"):
        read_table(_written(tmp_path / "a.csv", "a\n1\n") / "inside.csv")


def test_excel_needs_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    FRAME.to_excel(tmp_path / "x.xlsx", engine="xlsxwriter")
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtraError, match=r"pynomaly-auto\[excel\]"):
        read_table(tmp_path / "x.xlsx")


def test_dates_numbers_and_gaps_of_a_workbook(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"when": pd.date_range("2024-01-01", periods=3, freq="h"), "n": [1, None, 3], "ok": [True, False, True]}
    )
    frame.to_excel(tmp_path / "x.xlsx", index=False, engine="xlsxwriter")
    found = read_table(tmp_path / "x.xlsx")
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)
    assert found["when"].dtype.kind == "M"


def _open_document(path: Path, frame: pd.DataFrame) -> None:
    """A sheet as OpenDocument keeps it."""

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    rows = [list(frame.columns), *frame.astype(object).to_numpy().tolist()]
    body = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="a">{body}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
