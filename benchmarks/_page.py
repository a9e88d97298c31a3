"""Writes a measured part into a page between its markers; what is written by hand around it stays."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks._store import Line, read, write

PAGE = Path("docs/benchmarks.md")


def begin(part: str) -> str:
    """The line a part begins after."""
    return f"<!-- {part}: written by a command, from here -->"


def end(part: str) -> str:
    """The line a part ends before."""
    return f"<!-- {part}: to here -->"


def write_part(page: Path, part: str, text: str) -> None:
    """Replace what stands between the two markers of a part.

    Raises:
        SystemExit: The page is missing, or does not hold both markers once and in order.
    """
    try:
        whole = page.read_text(encoding="utf-8")
    except OSError as error:
        raise SystemExit(f"{page} cannot be read: {error.strerror}.") from None
    first, last = begin(part), end(part)
    if whole.count(first) != 1 or whole.count(last) != 1 or whole.index(first) > whole.index(last):
        raise SystemExit(f"{page} must hold these two lines once, in this order:\n{first}\n{last}")
    head, tail = whole[: whole.index(first)], whole[whole.index(last) :]
    page.write_text(f"{head}{first}\n\n{text.strip()}\n\n{tail}", encoding="utf-8")


def publish(options: argparse.Namespace, part: str, report: Callable[[Sequence[Line]], str]) -> None:
    """Print a report on all that is measured, keep its figures, and write it into its part of the page.

    Args:
        options: With ``cache``, ``figures`` (looked at where there is no cache, and written) and ``page``.
        part: Of the page.
        report: Makes the text.

    Raises:
        SystemExit: Nothing is measured yet, or the page lacks the part's markers.
    """
    lines = read(options.cache) or read(options.figures)
    if not lines:
        raise SystemExit(f"Nothing is measured yet in {options.cache} or {options.figures}.")
    text = report(lines)
    print(text)
    write(options.figures, lines)
    write_part(options.page, part, text)
