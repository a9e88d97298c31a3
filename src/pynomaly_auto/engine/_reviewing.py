"""A person walks through the rows that are worth a label; each answer is in a file before the next row is shown."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pynomaly_auto.asking import check
from pynomaly_auto.errors import InvalidInputError, StorageError
from pynomaly_auto.explaining import cell_text, label_text, printable

if TYPE_CHECKING:
    from pynomaly_auto.engine._detector import AutonomousDetector

_HEAD = ("row", "position", "label", "by", "when")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One row that somebody is asked about.

    Args:
        position: In the table.
        row: Its label, as text.
        probability: Of being an anomaly.
        reason: Why it is asked.
        says: Why it stands out, a sentence each.
        cells: Column and value of each of its cells, as text.
    """

    position: int
    row: str
    probability: float
    reason: str
    says: tuple[str, ...]
    cells: tuple[tuple[str, str], ...] = field(repr=False)


class Answers:
    """What people said of a table's rows, in a CSV file that is added to answer by answer.

    Args:
        path: The file; what stands in it already counts.

    Raises:
        StorageError: It cannot be read or written.
        InvalidInputError: It holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._said: list[tuple[int, int, str]] = []
        try:
            found = path.exists() and path.stat().st_size > 0
            if found:
                self._read()
            else:
                with path.open("w", encoding="utf-8", newline="") as file:
                    csv.writer(file).writerow(_HEAD)
        except StorageError:  # which says it already
            raise
        except OSError as error:
            raise StorageError(f"cannot use {str(path)!r}: {error.strerror or error}.", where="labels") from None

    @property
    def said(self) -> tuple[tuple[int, int, str], ...]:
        """Position, label and name of each answer, in the order given."""
        return tuple(self._said)

    @property
    def positions(self) -> frozenset[int]:
        """Of the rows that have an answer."""
        return frozenset(position for position, _, _ in self._said)

    def add(self, asked: Asked, *, label: int, by: str = "") -> None:
        """Write one answer.

        Args:
            asked: The row.
            label: 1 for an anomaly, 0 for a normal row.
            by: Who says so.
        """
        when = datetime.now().astimezone().isoformat(timespec="seconds")
        try:
            begun = _ends_within_a_line(self.path)
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write("\r\n" if begun else "")
                csv.writer(file).writerow((asked.row, asked.position, label, by, when))
        except OSError as error:
            raise StorageError(f"cannot write {str(self.path)!r}: {error.strerror or error}.", where="labels") from None
        self._said.append((asked.position, label, by))

    def told_to(self, detector: AutonomousDetector, table: Any) -> None:
        """Give them all to a detector as feedback.

        Args:
            detector: Fitted.
            table: That the answers are of.
        """
        rest = list(self._said)
        while rest:  # what one person said in a row is heard together
            by = rest[0][2]
            n = next((i for i, one in enumerate(rest) if one[2] != by), len(rest))
            some, rest = rest[:n], rest[n:]
            detector.feedback([one[0] for one in some], [one[1] for one in some], by=by, X=table)

    def _read(self) -> None:
        found = _frame(self.path)
        if tuple(found.columns) != _HEAD:
            raise InvalidInputError(
                f"{str(self.path)!r} holds {', '.join(map(str, found.columns[:6]))} instead of {', '.join(_HEAD)}.",
                where="labels", fix="Name another file; this one is left as it is.",
            )  # fmt: skip
        found = _answered(found)
        positions, labels = _whole(found, "position", self.path), _whole(found, "label", self.path)
        self._said = list(zip(positions.tolist(), labels.tolist(), found["by"].fillna("").tolist(), strict=True))


def review(
    detector: AutonomousDetector, table: pd.DataFrame, answers: Answers, *, n: int = 20, strategy: str = "auto"
) -> Iterator[Asked]:
    """The rows of a table that are worth a label and have no answer yet, best first.

    Args:
        detector: Fitted.
        table: With the columns fitted on.
        answers: Those given so far.
        n: At most so many rows.
        strategy: As for `AutonomousDetector.query`.

    Raises:
        SettingError: ``n`` or the strategy is none.
        InvalidInputError: An answer is of a row that the table does not have.
    """
    from pynomaly_auto.engine._explaining import explain_table

    check(n, strategy)
    done = answers.positions
    if done and not 0 <= min(done) <= max(done) < len(table):
        raise InvalidInputError(
            f"{str(answers.path)!r} has answers to rows that a table of {len(table):,} rows does not have.",
            where="labels", fix="Give the table that they are of, or another file.",
        )  # fmt: skip
    found = detector.query(n + len(done), table, strategy=strategy)
    queue = [position for position in found.index.tolist() if position not in done][:n]
    seed = int(detector.result_.settings["random_state"])
    for position in queue:
        row = table.iloc[[position]]
        told = explain_table(detector._model, row, np.array([0]), method="occlusion", seed=seed)
        yield Asked(
            position=position,
            row=printable(str(label_text(table.index[position]))),
            probability=float(found["probability"].loc[position]),
            reason=str(found.at[position, "reason"]),
            says=tuple(f"{one.text[:1].upper()}{one.text[1:]}" for one in told),
            cells=tuple((printable(str(c)), cell_text(v)) for c, v in zip(row.columns, row.iloc[0], strict=True)),
        )


def labels_in(path: Path, n_rows: int) -> np.ndarray[Any, Any]:
    """Labels that a file holds, one for each row of a table, nothing where it holds none; shape (n_rows,).

    Args:
        path: A CSV file with ``label`` and ``position`` (else ``row``), as `Answers` writes it; of a row that stands in
            it twice the last counts.
        n_rows: Rows of the table.

    Raises:
        StorageError: It cannot be read.
        InvalidInputError: It holds something else.
    """
    found = _frame(path, edited=True)
    at = next((name for name in ("position", "row") if name in found.columns), None)
    if at is None or "label" not in found.columns:
        raise InvalidInputError(
            f"{str(path)!r} has no columns label and position.", where="labels",
            fix="Give a file such as `pynomaly auto review` writes.",
        )  # fmt: skip
    found = _answered(found)
    positions, labels = _whole(found, at, path), _whole(found, "label", path)
    if len(positions) and not 0 <= positions.min() <= positions.max() < n_rows:
        raise InvalidInputError(
            f"{str(path)!r} has labels of rows that a table of {n_rows:,} rows does not have.", where="labels",
            fix="Give the table that they are of.",
        )  # fmt: skip
    out = np.full(n_rows, None, dtype=object)
    for position, label in zip(positions.tolist(), labels.tolist(), strict=True):
        out[position] = label
    return out


def _ends_within_a_line(path: Path) -> bool:
    """Whether the last line of a file is not ended, as some editors leave it: the next one would go on in it."""
    if not path.exists() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) not in b"\r\n"


def _answered(found: pd.DataFrame) -> pd.DataFrame:
    """Without lines that say nothing: an empty label is none."""
    return found[found["label"].fillna("").str.strip() != ""]


def _frame(path: Path, *, edited: bool = False) -> pd.DataFrame:
    """A CSV file as text; what a spreadsheet makes of one, too, where nothing is to be added to it."""
    try:
        if not edited:
            return pd.read_csv(path, dtype=str, keep_default_na=False)
        data = path.read_bytes()
        head = data.splitlines()[0] if data.strip() else b""
        by = max((b",", b";", b"\t"), key=head.count).decode()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")  # names of people; labels and positions are ASCII
        return pd.read_csv(io.StringIO(text), sep=by, dtype=str, keep_default_na=False)
    except OSError as error:
        raise StorageError(f"cannot read {str(path)!r}: {error.strerror or error}.", where="labels") from None
    except (ValueError, pd.errors.ParserError) as error:  # an empty file, ragged lines, no text at all
        raise InvalidInputError(f"{str(path)!r} is no CSV file of labels: {error}.", where="labels") from None


def _whole(found: pd.DataFrame, name: str, path: Path) -> Any:
    numbers = pd.to_numeric(found[name], errors="coerce").to_numpy(dtype=np.float64)
    wrong = ~(np.abs(numbers) < 1e15) | (numbers != np.round(numbers))
    if name == "label":
        wrong = wrong | ~np.isin(numbers, (0, 1))
    if wrong.any():
        line = int(np.argmax(wrong))
        raise InvalidInputError(
            f"{str(path)!r} has {found[name].iloc[line]!r} as {name} in line {found.index[line] + 2}.", where="labels",
            fix="Give 1 for an anomaly and 0 for a normal row." if name == "label" else "Give whole numbers from 0.",
        )  # fmt: skip
    return numbers.astype(np.int64)
