"""JSON: records by line or in a list, nested ones flattened, and the layouts that pandas writes."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from pynomaly_auto.dataset._table import to_frame
from pynomaly_auto.dataset.files._encoding import encoding_of
from pynomaly_auto.dataset.files._source import Source
from pynomaly_auto.dataset.reading import Origin
from pynomaly_auto.errors import InvalidInputError

_LONGEST_LIST = 30  # more values than this in a list are no columns


def read_json(source: Source, encoding: str | None) -> tuple[pd.DataFrame, Origin]:
    """Read JSON or JSON lines.

    Args:
        source: The file.
        encoding: What the user says of its encoding.

    Raises:
        InvalidInputError: It is no JSON, or holds no records.
    """
    found, about = encoding_of(source, encoding)
    with source.opener() as stream:
        text = stream.read().decode(found)
    held, lines = _loaded(text, source)
    said = [about] if about else []
    if not lines and isinstance(held, dict):
        frame, told = _of_object(held, source)
        said += told
    elif held and all(isinstance(row, list) for row in held):
        return to_frame(held), Origin(file=source.name, said=tuple(said))
    else:
        frame = _of_records(held, source)
    if any("." in str(name) for name in frame.columns) and frame.shape[1] > len(held):
        said.append("nested values are spread over columns of their own")
    return frame, Origin(file=source.name, said=tuple(said))


def _loaded(text: str, source: Source) -> tuple[Any, bool]:
    """What the file holds, and whether it holds it line by line."""
    if text.lstrip().startswith("["):
        try:
            return json.loads(text), False
        except json.JSONDecodeError as error:
            raise _bad(source, error.lineno, error.msg) from error
    if text.lstrip().startswith("{"):
        try:
            whole = json.loads(text)
        except json.JSONDecodeError:
            pass  # one object per line, then
        else:
            return (whole, False) if isinstance(whole, dict) and source.suffix == ".json" else ([whole], True)
    rows = []
    for number, line in enumerate(io.StringIO(text), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise _bad(source, number, error.msg) from error
    return rows, True


def _of_object(held: Mapping[str, Any], source: Source) -> tuple[pd.DataFrame, list[str]]:
    """A table in one object: pandas' layouts, a list of records under some key, columns as lists, or one record."""
    if {"columns", "data"} <= set(held) and isinstance(held["data"], list):
        frame = to_frame(held["data"]) if held["data"] else pd.DataFrame()
        frame.columns = pd.Index([_name(name) for name in held["columns"]])
        return frame, ["one list per row, as pandas splits a frame"]
    lists = {key: value for key, value in held.items() if isinstance(value, list)}
    records = {key: value for key, value in lists.items() if value and all(isinstance(row, dict) for row in value)}
    if records:
        key = max(records, key=lambda k: len(records[k]))
        return _of_records(records[key], source), [f"the records under {key!r}"]
    values = list(held.values())
    if values and all(isinstance(value, dict) for value in values):
        if _by_row(held):
            return _of_records(values, source), ["one object per row, by its label"]
        return pd.DataFrame({key: list(value.values()) for key, value in held.items()}), ["one object per column"]
    if lists and len(lists) == len(held) and len({len(value) for value in lists.values()}) == 1:
        return pd.DataFrame(held), ["one list per column"]
    return _of_records([held], source), []


def _by_row(held: Mapping[str, Any]) -> bool:
    """Whether objects in an object are rows by label, rather than columns by name with their cells by label."""
    first = next(iter(held.values()))
    outer, inner = (all(str(key).lstrip("-").isdigit() for key in keys) for keys in (held, first))
    if outer != inner:
        return outer
    # Neither names tell: the cells of a column are of one kind.
    alike = [len({type(v) for v in value.values() if v is not None}) <= 1 for value in held.values()]
    return not all(alike)


def _of_records(rows: list[Any], source: Source) -> pd.DataFrame:
    odd = next((i for i, row in enumerate(rows, start=1) if not isinstance(row, dict)), None)
    if odd is not None:
        raise InvalidInputError(
            f"{source.name}: record {odd} is no JSON object of column names and values.",
            where=source.where,
            fix="Write one object per row.",
        )
    if any(isinstance(value, (dict, list)) for row in rows for value in row.values()):
        rows = [_flat(row) for row in _even(rows)]
    return pd.DataFrame(rows)


def _even(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Lists that differ in length from row to row, or are long, as text: they make no columns."""
    lengths: dict[str, set[int]] = {}
    for row in rows:
        for key, value in row.items():
            if isinstance(value, list):
                lengths.setdefault(key, set()).add(len(value))
    kept = {key for key, found in lengths.items() if len(found) == 1 and max(found) <= _LONGEST_LIST}
    return [
        {k: json.dumps(v, ensure_ascii=False) if isinstance(v, list) and k not in kept else v for k, v in row.items()}
        for row in rows
    ]


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    """Nested values by the path to them, ``"size.width"`` or ``"tags.0"``."""
    if isinstance(value, dict) and (value or not name):
        parts = value.items()
    elif isinstance(value, list) and 0 < len(value) <= _LONGEST_LIST:
        parts = {str(i): part for i, part in enumerate(value)}.items()
    else:
        return {
            name: None
            if isinstance(value, (dict, list)) and not value
            else value
            if not isinstance(value, list)
            else json.dumps(value)
        }
    out: dict[str, Any] = {}
    for key, part in parts:
        out |= _flat(part, f"{name}.{key}" if name else str(key))
    return out


def _name(name: Any) -> str:
    return ".".join(map(str, name)) if isinstance(name, list) else str(name)


def _bad(source: Source, line: int, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{source.name} is no JSON in line {line}: {why}.", where=source.where, fix="Write one JSON object per line."
    )
