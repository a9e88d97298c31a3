"""``pynomaly auto score``: new rows judged by a saved detector."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from pynomaly_auto._saying import say
from pynomaly_auto.cli import _show


def score(  # noqa: PLR0913 - one parameter per option
    model: Annotated[Path, typer.Option("--model", "-m", help="What `detect --save-model` or `save` wrote.")],
    dataset: _show.DatasetOption,
    output: _show.OutputOption = Path("results"),
    drop: _show.DropOption = None,
    labels: _show.LabelsOption = None,
    encoding: _show.EncodingOption = None,
    sheet: _show.SheetOption = None,
    fail_above: _show.FailOption = None,
    explain: Annotated[
        bool,
        typer.Option("--explain/--no-explain", help="Name the columns that make the first 20 anomalies stand out."),
    ] = True,
    trusted: Annotated[
        list[str] | None,
        typer.Option(help="Type of a third party's that the model may hold, as the error names it (repeatable)."),
    ] = None,
    key_file: _show.KeyOption = None,
    quiet: _show.QuietOption = False,
) -> None:
    """Judge new rows by a saved detector; nothing is fitted, and texts are read as those of the rows fitted on.

    Exit status: 0 judged, 2 a mistake in what was asked for, 3 more rows flagged than --fail-above allows.
    """
    from pynomaly_auto.dataset import read_table
    from pynomaly_auto.engine import AutonomousDetector, evaluation
    from pynomaly_auto.reporting import check_writable, write_judgement

    limit = None if fail_above is None else _show.Limit(fail_above)
    with _show.told_warnings():
        rows, known = _show.parts_of(read_table(dataset, encoding=encoding, sheet=sheet), drop, labels)
    check_writable(output)
    key = None if key_file is None else _show.secret_in(key_file)
    detector = AutonomousDetector.load(model, trusted=trusted or False, key=key)
    for warning in detector.result_.warnings:
        if warning.subject == "signature":
            say(f"Warning: {warning.text} Give --key-file to have it checked.")
    rows = _show.in_order_of(rows, getattr(detector, "feature_names_in_", rows.columns))
    with _show.told_warnings():
        started = time.perf_counter()
        judged = detector.judge(rows)
        seconds = time.perf_counter() - started
        evaluated = None if known is None else evaluation(judged, known, seconds=seconds)
        n_flagged = int((judged.labels == -1).sum())
        explained = detector.explain(rows) if explain and n_flagged else None
    top = {} if explained is None else _top_features(explained)
    write_judgement(judged, rows, output, evaluated=evaluated, top_features=top)
    if not quiet:
        real = float(judged.probabilities[judged.labels == -1].sum())
        said = f"{n_flagged:,} of {len(rows):,} rows flagged ({n_flagged / len(rows):.2%})"
        said += f"; about {real:,.1f} of them are expected to be real" if n_flagged else ""
        _show.out.print(f"{said}.", markup=False)
        _show.print_lines(evaluated.summary_lines() if evaluated is not None else ())
        written = "anomalies.csv, scores.parquet" + (", evaluation.json" if evaluated is not None else "")
        _show.out.print(f"Results in {output}: {written}", markup=False)
    if limit is not None:
        limit.check(n_flagged, len(rows))


def _top_features(explained: Any) -> dict[int, str]:
    """Position of a row to the three columns that add most to its score."""
    return {
        int(position): ", ".join(lines["column"].head(3))
        for position, lines in explained.groupby("position", sort=False)
    }
