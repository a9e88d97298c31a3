"""Row labels on disk: whatever an index holds comes back as it was, also where its labels are of several kinds."""

from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_JSON = "labels.json"
_PARQUET = "labels.parquet"


def write_labels(folder: Path, labels: np.ndarray[Any, Any]) -> None:
    """Write row labels, shape (n_rows,); labels nobody has foreseen are kept as text."""
    if _mixed(labels):
        text = json.dumps([_tagged(label) for label in labels], ensure_ascii=False)
        (folder / _JSON).write_text(text, encoding="utf-8")
        return
    column = pd.Series(labels, name="label")
    try:
        column.to_frame().to_parquet(folder / _PARQUET)
    except (ValueError, TypeError, OverflowError, NotImplementedError):  # what Arrow says of objects it does not know
        column.astype(str).to_frame().to_parquet(folder / _PARQUET)


def read_labels(folder: Path) -> np.ndarray[Any, Any]:
    """Read what `write_labels` wrote; shape (n_rows,)."""
    if not (folder / _JSON).exists():
        return pd.read_parquet(folder / _PARQUET)["label"].to_numpy()
    cells = json.loads((folder / _JSON).read_text(encoding="utf-8"))
    labels = np.empty(len(cells), dtype=object)
    labels[:] = [_untagged(cell) for cell in cells]  # through a list: tuples would make a second dimension
    return labels


def _mixed(labels: np.ndarray[Any, Any]) -> bool:
    """Whether Arrow, which keeps one type per column, would change the labels."""
    if labels.dtype != object:
        return False
    kind = pd.api.types.infer_dtype(labels, skipna=False)
    if kind == "datetime":
        return len({str(label.tzinfo) for label in labels}) > 1
    return kind.startswith("mixed")


def _tagged(label: Any) -> Any:
    """A label as JSON: text, whole numbers and truth values as they are, all else as a list that begins with a tag."""
    value = label.item() if isinstance(label, np.generic) else label
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else ["float", str(value)]
    if isinstance(value, tuple):
        return ["tuple", *(_tagged(v) for v in value)]
    if value is pd.NaT:
        return ["missing time"]
    if isinstance(value, pd.Timestamp):
        return ["time", value.tz_localize(None).isoformat(), None if value.tz is None else str(value.tz)]
    if isinstance(value, date):
        return ["date", value.isoformat()]
    if isinstance(value, pd.Timedelta):
        return ["duration", value.isoformat()]
    return str(value)


def _untagged(cell: Any) -> Any:
    if not isinstance(cell, list):
        return cell
    tag, *rest = cell
    if tag == "tuple":
        return tuple(_untagged(v) for v in rest)
    if tag == "time":
        # A time that exists twice when the clocks go back is taken for its first occurrence.
        return pd.Timestamp(rest[0]) if rest[1] is None else pd.Timestamp(rest[0]).tz_localize(rest[1], ambiguous=True)
    if tag == "missing time":
        return pd.NaT
    kinds: dict[str, Any] = {"float": float, "date": date.fromisoformat, "duration": pd.Timedelta}
    return kinds[tag](*rest)
