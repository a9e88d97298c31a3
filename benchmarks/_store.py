"""Measured facts as one JSON object per line: what was written stays, a killed run continues."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Line = dict[str, Any]
_DIGITS = 5


class Store:
    """Lines of one file, appended as they come; without a file they are kept in memory alone.

    Args:
        path: The file; made with its folder when the first line comes.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path is not None:
            _mend(path)
        self.lines: list[Line] = read(path) if path is not None else []

    def add(self, line: Mapping[str, Any]) -> None:
        """Keep one line."""
        kept = compact(line)
        self.lines.append(kept)
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(kept, allow_nan=False) + "\n")


def read(path: Path) -> list[Line]:
    """Whole lines of a file; none where there is no file. A last line cut short by a kill is passed over.

    Raises:
        SystemExit: A line that is not the last one is no JSON object.
    """
    if not path.is_file():
        return []
    rows = [row for row in path.read_text(encoding="utf-8").splitlines() if row.strip()]
    out: list[Line] = []
    for number, row in enumerate(rows, start=1):
        try:
            out.append(dict(json.loads(row)))
        except (ValueError, TypeError):
            if number < len(rows):
                raise SystemExit(f"{path}, line {number} is no JSON object: mend or remove it.") from None
    return out


def write(path: Path, lines: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of lines in one step, replacing what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    draft.write_text("".join(json.dumps(compact(line), allow_nan=False) + "\n" for line in lines), encoding="utf-8")
    draft.replace(path)


def compact(value: Any) -> Any:
    """The same with numbers rounded to what is worth keeping, and None for what is no number."""
    if isinstance(value, Mapping):
        return {str(k): compact(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [compact(v) for v in value]
    if isinstance(value, bool) or value is None or isinstance(value, (str, int)):
        return value
    number = float(value)
    return round(number, _DIGITS) if abs(number) < float("inf") else None


def _mend(path: Path) -> None:
    """Drop the piece of a line that a kill left at the end."""
    if path.is_file() and (text := path.read_bytes()) and not text.endswith(b"\n"):
        path.write_bytes(text[: text.rfind(b"\n") + 1])
