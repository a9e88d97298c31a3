"""``pynomaly auto review``: a person says of rows what they are."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pynomaly_auto._checks import one_line
from pynomaly_auto._saying import say
from pynomaly_auto.cli import _show

if TYPE_CHECKING:
    from pynomaly_auto.engine import Asked

_ANSWERS = {"y": 1, "yes": 1, "n": 0, "no": 0, "s": None, "skip": None, "q": "quit", "quit": "quit"}


def review(  # noqa: PLR0913 - one parameter per option
    model: Annotated[Path, typer.Option("--model", "-m", help="What `detect --save-model` or `save` wrote.")],
    dataset: _show.DatasetOption,
    labels: Annotated[
        Path, typer.Option("--labels", help="CSV file the answers go to; what stands in it is not asked again.")
    ] = Path("labels.csv"),
    n: Annotated[int, typer.Option("--n", "-n", help="Rows to ask about.")] = 20,
    strategy: Annotated[
        str, typer.Option(help="Which rows: auto, top, uncertainty, disagreement, diversity or random.")
    ] = "auto",
    by: Annotated[str, typer.Option(help="Who answers.")] = "",
    save: Annotated[Path | None, typer.Option(help="File to write the detector to, with all answers heeded.")] = None,
    drop: _show.DropOption = None,
    encoding: _show.EncodingOption = None,
    sheet: _show.SheetOption = None,
    trusted: Annotated[
        list[str] | None,
        typer.Option(help="Type of a third party's that the model may hold, as the error names it (repeatable)."),
    ] = None,
    key_file: _show.KeyOption = None,
) -> None:
    """Show the rows that are most worth a label, one by one, and ask whether each is an anomaly.

    Each answer is in the file of labels before the next row is shown. `detect --learn-from FILE` learns from that file;
    --save writes the detector with the answers heeded.
    """
    from pynomaly_auto.dataset import read_table
    from pynomaly_auto.engine import Answers, AutonomousDetector
    from pynomaly_auto.engine import review as rows_worth_asking

    by = one_line("by", by) or ""  # before anybody answers
    with _show.told_warnings():
        table, _ = _show.parts_of(read_table(dataset, encoding=encoding, sheet=sheet), drop, None)
    key = None if key_file is None else _show.secret_in(key_file)
    detector = AutonomousDetector.load(model, trusted=trusted or False, key=key)
    table = _show.in_order_of(table, getattr(detector, "feature_names_in_", table.columns))
    answers = Answers(labels)
    before = len(answers.said)
    if before:
        _show.out.print(f"{before:,} answers in {labels} already.", markup=False)
    with _show.told_warnings():
        for asked in rows_worth_asking(detector, table, answers, n=n, strategy=strategy):
            _tell(asked)
            answer = _answer()
            if answer == "quit":
                break
            if isinstance(answer, int):
                answers.add(asked, label=answer, by=by)
    new = len(answers.said) - before
    _show.out.print(f"{new:,} new {'answer' if new == 1 else 'answers'} in {labels}.", markup=False)
    if save is None and answers.said and sys.stdin is not None and sys.stdin.isatty():
        given = typer.prompt("Write the detector with the answers heeded to (file; empty: no)", default="",
                             show_default=False)  # fmt: skip
        save = Path(given) if given else None
    if save is not None:
        answers.told_to(detector, table)
        detector.save(save, key=key)
        _show.print_lines((detector.result_.summary_lines()[0],))
        _show.out.print(f"Wrote {save}.", markup=False)


def _tell(asked: Asked) -> None:
    """One row: its cells, its probability, why it stands out and why it is asked."""
    _show.show(f"Row {asked.row} (position {asked.position:,})", ("column", "value"), list(asked.cells))
    _show.print_lines((f"Probability of being an anomaly: {asked.probability:.1%}. {asked.reason}", *asked.says))


def _answer() -> int | str | None:
    """1, 0, ``"quit"``, or None to skip the row."""
    while True:
        if sys.stdin is None or sys.stdin.closed:
            raise typer.Abort  # nobody can answer
        given = str(typer.prompt("Anomaly? y: yes, n: no, s: skip, q: save and quit")).strip().lower()
        if given in _ANSWERS:
            return _ANSWERS[given]
        say(f"{given!r} is no answer.")
