"""What cuts the lines of a text file into cells."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pynomaly_auto.dataset.files._layout import kind_of

DELIMITERS = (",", ";", "\t", "|")
_CONSISTENT = 0.5  # share of the lines that must have as many cells as most
_NONE = "\x1f"  # cuts nothing: one column
_TYPED = 30  # lines whose cells are looked at
_WORD = re.compile(r"[\w .:'’%€$£()/#&@+*-]*")
_SEP = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How lines become cells.

    Args:
        delimiter: One letter; empty: the lines are cut by blanks or at fixed places.
        cuts: Where each cell begins, in lines of fixed width.
        skipped: Lines above the table that say how to read it.
        comments: Whether lines that begin with ``#`` are none of the table's.
    """

    delimiter: str = ","
    cuts: tuple[int, ...] = ()
    skipped: int = 0
    comments: bool = False

    @property
    def cut(self) -> Callable[[str], list[str]] | None:
        """What cuts one line, where the csv module does not."""
        if self.delimiter:
            return None
        if not self.cuts:
            return str.split
        ends = (*self.cuts[1:], None)
        return lambda line: [line[a:b].strip() for a, b in zip(self.cuts, ends, strict=True)]


def dialect_of(lines: Sequence[str], suffix: str) -> Dialect:
    """Find out what cuts the lines.

    Args:
        lines: The first lines of the file, with their ends.
        suffix: The file's extension.
    """
    told = _SEP.fullmatch(lines[0].strip("\r\n\ufeff ")) or (re.fullmatch(r'"?sep=\t"?', lines[0].strip("\r\n"), re.I))
    if told:
        return Dialect(delimiter=told[1] if told.groups() else "\t", skipped=1, comments=has_comments(lines[1:]))
    comments = has_comments(lines)
    kept = [line for line in lines if line.strip() and not (comments and line.startswith("#"))]
    if not kept:
        return Dialect()
    if suffix == ".tsv":
        return Dialect(delimiter="\t", comments=comments)
    scores = {delimiter: _score(kept, delimiter) for delimiter in DELIMITERS}
    best = max(DELIMITERS, key=lambda d: scores[d])
    if scores[best] > 0:
        return Dialect(delimiter=best, comments=comments)
    bare = [line.rstrip("\r\n") for line in kept]
    if _cut_by_blanks(bare):
        return Dialect(delimiter="", comments=comments)
    cuts = _fixed(bare)
    return Dialect(delimiter="" if cuts else _NONE, cuts=cuts, comments=comments)


def has_comments(lines: Sequence[str]) -> bool:
    """Whether lines that begin with ``#`` are remarks: the first line is, or they are few and written as such."""
    marked = [line for line in lines if line.startswith("#")]
    if not marked:
        return False
    return lines[0].startswith("#") or (
        len(marked) <= 0.2 * len(lines) and all(line[1:2] in " #!\n\r" for line in marked)
    )


def _score(lines: Sequence[str], delimiter: str) -> float:
    """How well a delimiter cuts: the share of lines with as many cells as most, by that of cells that are plain."""
    rows = [row for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row]
    lengths = Counter(len(row) for row in rows)
    width, n = max(lengths.items(), key=lambda item: (item[1] if item[0] > 1 else 0, item[0]), default=(0, 0))
    if width < 2 or n < _CONSISTENT * len(rows):
        return 0.0
    start = next(i for i, row in enumerate(rows) if len(row) > 1)
    if start and (n < len(rows) - start or any(kind_of(cell) != "text" for cell in rows[start])):
        return 0.0  # lines without it stand above, and are no titles: a decimal comma, or one within texts
    cells = [cell for row in rows[:_TYPED] if len(row) == width for cell in row]
    if not cells:
        return 0.0
    plain = sum(kind_of(cell) != "text" or 0.5 * (_WORD.fullmatch(cell) is not None) for cell in cells) / len(cells)
    return n / len(rows) * (0.1 + plain)


def _cut_by_blanks(lines: Sequence[str]) -> bool:
    """Whether runs of blanks cut every line into as many cells, one column of them numbers."""
    rows = [line.split() for line in lines]
    if len(rows) < 2 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
        return False
    return any(all(kind_of(cell) in ("number", "") for cell in column) for column in list(zip(*rows[1:], strict=True)))


def _fixed(lines: Sequence[str]) -> tuple[int, ...]:
    """Where cells begin: at the letter after a place that is blank in every line; empty: the lines are not so."""
    width = max(map(len, lines))
    if len(lines) < 3 or width > 10_000:
        return ()
    padded = [line.ljust(width) for line in lines]
    blank = [all(line[i] == " " for line in padded) for i in range(width)]
    starts = [i for i in range(width) if not blank[i] and (i == 0 or blank[i - 1])]
    if len(starts) < 2:
        return ()
    cuts = (0, *starts[1:])
    ends = (*cuts[1:], None)
    columns = [[line[a:b].strip() for line in padded[1:]] for a, b in zip(cuts, ends, strict=True)]
    numeric = any(
        any(map(str.strip, column)) and all(kind_of(cell) in ("number", "") for cell in column) for column in columns
    )
    return cuts if numeric else ()
