"""What the command line prints, and what all its commands are made with."""

from __future__ import annotations

import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pynomaly_auto.errors import PynomalyWarning, SettingError, StorageError, UnknownNameError

PLAIN: Any = {
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}
_LONGEST_SECRET = 64 * 1024  # bytes
out = Console(highlight=False, soft_wrap=True)

DatasetOption = Annotated[
    Path,
    typer.Option(
        "--dataset", "-d", help="CSV, TSV, Parquet, Arrow/Feather, JSON, Excel or OpenDocument; also packed (gz, zip)."
    ),
]
EncodingOption = Annotated[
    str | None, typer.Option(help="Encoding of a text file, such as cp1252 [default: found out].")
]
SheetOption = Annotated[str | None, typer.Option(help="Sheet of a workbook [default: the first with a table].")]
DecimalOption = Annotated[
    list[str] | None,
    typer.Option(help="Decimal sign: , or . for all columns, or COLUMN=, for one (repeatable) [default: found out]."),
]
ThousandsOption = Annotated[list[str] | None, typer.Option(help="What groups thousands, said likewise.")]
DatesOption = Annotated[
    list[str] | None,
    typer.Option(help="Order in dates such as 01/02/2024: dmy, mdy or ymd, or a format such as %Y%m%d, said likewise."),
]
BackendOption = Annotated[str | None, typer.Option(help="Where trials run: local, or ray [default: local].")]
AddressOption = Annotated[
    str | None,
    typer.Option(help="Ray cluster: auto, ray://host:port or host:port [default: $RAY_ADDRESS, else one for the run]."),
]
OutputOption = Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")]
DropOption = Annotated[list[str] | None, typer.Option(help="Column to leave out, such as an identifier (repeatable).")]
LabelsOption = Annotated[
    str | None,
    typer.Option(help="Column with 1 for an anomaly and 0 for a normal row (or -1 and 1): left out, then compared."),
]
FailOption = Annotated[
    str | None,
    typer.Option(help="Exit with status 3 when more are flagged: rows such as 10, or a share such as 0.05 or 5%."),
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        help="File with the secret that signs a model: detect saves with it, score checks it. "
        "A file, as others see what stands on a command line; a line break at its end is no part of the secret.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar, no summary.")]


def show(title: str, header: tuple[str, ...], rows: list[Any]) -> None:
    """Print a table."""
    table = Table(title=title, title_justify="left")
    for i, name in enumerate(header):
        # Names are looked up and copied: they are only broken where they would fill half of the line.
        whole = i == 0 and max((len(str(row[0])) for row in rows), default=0) <= out.width // 2
        table.add_column(name, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    out.print(table)


def print_lines(lines: Iterable[str]) -> None:
    """Print sentences, one each, broken to the width of the terminal."""
    for line in lines:
        for part in textwrap.wrap(line, out.width, subsequent_indent="  ", break_long_words=False):
            out.print(part, markup=False)


def readable(value: Any) -> str:
    """Nested values as lines of text, numbers with three digits."""
    if isinstance(value, dict):
        nested = any(isinstance(v, dict) for v in value.values())
        parts = [f"{str(k).replace('_', ' ')}{':' if nested else ''} {readable(v)}" for k, v in value.items()]
        return ("\n" if nested else ", ").join(parts)
    if isinstance(value, (list, tuple)):
        return "\n".join(readable(v) for v in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if value >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) >= 10 else f"{value:.3g}"
    return str(value)


def by_column(given: list[str] | None) -> str | dict[str, str] | None:
    """What an option says for all columns, or by column.

    >>> by_column([","]), by_column(["price=,", "a=b=."])
    (',', {'price': ',', 'a=b': '.'})
    """
    if not given:
        return None
    if len(given) == 1 and "=" not in given[0]:
        return given[0]
    parts = [one.rpartition("=") for one in given]
    return {column: word for column, _, word in parts}


def without(table: Any, names: list[str]) -> Any:
    """A table without some of its columns.

    Raises:
        UnknownNameError: There is no such column.
    """
    known = [str(c) for c in table.columns]
    for name in names:
        if name not in known:
            raise UnknownNameError.of("column", name, known)
    return table.loc[:, [name not in names for name in known]]


def parts_of(table: Any, drop: list[str] | None, labels: str | None) -> tuple[Any, Any]:
    """The columns to judge rows by, and the labels; None: there are none.

    Raises:
        UnknownNameError: There is no such column.
    """
    rows = without(table, [*(drop or []), *([labels] if labels else [])])
    known = [str(name) for name in table.columns]
    return rows, None if labels is None else table.iloc[:, known.index(labels)]


def labels_to_learn(table: Any, given: str | None) -> tuple[Any, Any]:
    """The table, and labels to learn from: a column of it, which is left out, or what a file holds; None: nothing.

    Raises:
        UnknownNameError: There is no such column, nor such a file.
    """
    if given is None:
        return table, None
    if given not in [str(name) for name in table.columns] and Path(given).is_file():
        from pynomaly_auto.engine import labels_in

        return table, labels_in(Path(given), len(table))
    return parts_of(table, None, given)


def in_order_of(rows: Any, names: Any) -> Any:
    """Rows with the columns fitted on in that order, which means nothing in a file; others are left as they are."""
    given = [str(name) for name in rows.columns]
    return rows.loc[:, list(names)] if sorted(given) == sorted(names) else rows


def secret_in(path: Path) -> bytes:
    """The secret that a file holds.

    Raises:
        StorageError: It cannot be read.
        SettingError: It is empty, or too long to be one.
    """
    try:
        with path.open("rb") as file:  # which may be a pipe, such as a password manager's
            secret = file.read(_LONGEST_SECRET + 1)
    except OSError as error:
        fix = "Give a file that exists and that you may read."
        raise StorageError(
            f"cannot read {str(path)!r}: {error.strerror or error}.", where="--key-file", fix=fix
        ) from None
    secret = secret.removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(secret) <= _LONGEST_SECRET:
        what = f"{str(path)!r} is {'too long for a secret' if secret else 'empty'}."
        raise SettingError(what, where="--key-file", fix="Make one: openssl rand -hex 32 > FILE; chmod 600 FILE.")
    return secret


@contextmanager
def told_warnings() -> Iterator[None]:
    """Our own warnings as one line each on standard error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", PynomalyWarning)
        yield
    told = [str(w.message) for w in caught if issubclass(w.category, PynomalyWarning)]
    for message in dict.fromkeys(told):  # judging and explaining say the same
        sys.stderr.write(f"Warning: {message}\n")


class Limit:
    """How many rows may be flagged before a pipeline is to stop.

    Args:
        text: A number of rows such as ``"10"``, or a share such as ``"0.05"`` or ``"5%"``.

    Raises:
        SettingError: It is neither.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        number = text.strip().removesuffix("%")
        try:
            value = float(number)
        except ValueError:
            value = -1.0
        self.as_share = "%" in text or "." in number
        self.value = value / 100 if "%" in text else value
        if not (0 <= self.value <= 1 if self.as_share else 0 <= self.value < 1e15 and self.value.is_integer()):
            fix = "Give a number of rows, such as 10, or a share of them, such as 0.05 or 5%."
            raise SettingError(f"--fail-above is {text!r}.", fix=fix)

    def check(self, flagged: int, n_rows: int) -> None:
        """End with status 3 when more rows are flagged than may be."""
        if flagged > (self.value * n_rows if self.as_share else self.value):
            sys.stderr.write(f"Failed: {flagged:,} of {n_rows:,} rows are flagged, more than {self.text}.\n")
            raise typer.Exit(3)
